//! The arguments.

mod engagement;
mod engine;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use omniva_contracts::config::LayoutChoice;
use omniva_contracts::plan::Aspect;

pub use engagement::*;
pub use engine::*;

/// The hidden command that turns this binary into its own sandboxed child.
pub const CHILD: &str = "__child";

const EXIT_CODES: &str = "Exit status:
    0  done
    1  a bug in omniva
    2  wrong arguments or configuration
    3  the input was refused
    4  the machine lacks something (models, fonts, sandbox, memory, time)
    5  the output can't be written
    6  nothing in the source was worth a clip (omniva explain says why)
    7  some clips failed; the others were delivered
    8  the database: missing, locked, read-only, damaged, or of a newer omniva
    9  the ledger does not verify
   10  the engine's address: not reachable, taken, or not safe to listen on; or it refused the request
   11  a part of the engine failed too often and it gave up
   12  a platform where clips are published refused, limits or can't be reached
  130  interrupted";

/// Turns long videos into finished shorts, and says why it did every single thing.
#[derive(Parser)]
#[command(name = "omniva", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// One JSON object a line on standard output instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// Folder of the models [default: $OMNIVA_MODELS, or ~/.local/share/omniva/models].
    #[arg(long, global = true, value_name = "DIR")]
    pub models: Option<PathBuf>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Makes finished shorts from one video or podcast, offline.
    Clip(ClipArgs),
    /// Says why these clips, why not the others, or why none.
    Explain(ExplainArgs),
    /// Lists, fetches or verifies the models.
    Models {
        #[command(subcommand)]
        command: ModelsCommand,
    },
    /// Runs the engine: projects, jobs, the ledger and the API.
    Serve(ServeArgs),
    /// Projects and their clips.
    Project(ProjectArgs),
    /// Whose videos a project takes, and from where.
    Creator(CreatorArgs),
    /// What the engine does, did and will do.
    Job(JobArgs),
    /// How work is let in.
    Queue(QueueArgs),
    /// When clips go out, and on which channel.
    Schedule(ScheduleArgs),
    /// What posts achieved: listed, read back now, or taken from a file.
    Engagement(EngagementArgs),
    /// What was learnt from what posts achieved.
    Learning(LearningArgs),
    /// What the platforms' limits leave.
    Limits(LimitsArgs),
    /// Keys of the API.
    #[command(alias = "keys")]
    Key(KeyArgs),
    /// Accounts on platforms and keys of webhooks, for publishing; kept in the data folder's vault.
    Auth(AuthArgs),
    /// The record of everything, and the proof that nobody changed it.
    Ledger {
        #[command(subcommand)]
        command: LedgerCommand,
    },
    /// Why the engine made this clip, not that one, or none.
    Why(WhyArgs),
    /// Checks that this machine and the engine's data are sound, and says what to do where they are not.
    Doctor(DoctorArgs),
    /// Copies the database of an engine, running or not, into one file.
    Backup(BackupArgs),
    /// Puts a backup in place of the database of a stopped engine.
    Restore(RestoreArgs),
    /// Measures this machine.
    Bench {
        #[command(subcommand)]
        command: BenchCommand,
    },
    /// Prints a JSON Schema of the documents that omniva writes.
    Schema {
        /// run, clip, clip_candidate, edit_job, upload_job, analysis_result, analysis, edit_plan, config
        name: Option<String>,
    },
}

#[derive(Subcommand)]
pub enum ModelsCommand {
    /// What is needed, what is there.
    List,
    /// Brings what is missing and verifies it.
    Fetch,
    /// Hashes every file against config/models.toml.
    Verify,
}

#[derive(Args)]
pub struct ClipArgs {
    /// The video or sound file.
    pub input: PathBuf,
    /// Folder for the clips; made when it is not there.
    #[arg(short, long, default_value = "clips", value_name = "DIR")]
    pub output: PathBuf,
    /// At most this many clips.
    #[arg(long, value_name = "N")]
    pub count: Option<u32>,
    /// Shortest clip, in seconds of the source (5 to 120).
    #[arg(long, value_name = "SECONDS")]
    pub min: Option<f64>,
    /// Longest clip, in seconds of the source (5 to 120).
    #[arg(long, value_name = "SECONDS")]
    pub max: Option<f64>,
    #[arg(long)]
    pub aspect: Option<AspectArg>,
    /// How people are framed: auto decides scene by scene.
    #[arg(long)]
    pub layout: Option<LayoutArg>,
    /// A caption style (bold, clean, box, poster, typewriter) or none.
    #[arg(long, value_name = "STYLE")]
    pub captions: Option<String>,
    /// What the channel is about, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub keywords: Option<Vec<String>>,
    /// Language of the speech (en, de …) or auto.
    #[arg(long, value_name = "CODE")]
    pub language: Option<String>,
    /// Configuration on top of the shipped one (see config/omniva.toml).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Decide and report, but render nothing.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Do everything anew, and replace another source's clips in the output folder.
    #[arg(short, long)]
    pub force: bool,
    /// Also write the whole analysis of the source to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub analysis: Option<PathBuf>,
    /// Folder for finished stages [default: $OMNIVA_CACHE, or ~/.cache/omniva].
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Run even though this layer of the sandbox is missing on this machine (network, landlock, seccomp).
    #[arg(long, value_name = "LAYER")]
    pub allow_missing_sandbox: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum AspectArg {
    #[value(name = "9:16")]
    Portrait,
    #[value(name = "1:1")]
    Square,
    #[value(name = "4:5")]
    Feed,
    #[value(name = "16:9")]
    Wide,
}

impl From<AspectArg> for Aspect {
    fn from(arg: AspectArg) -> Self {
        match arg {
            AspectArg::Portrait => Aspect::Portrait,
            AspectArg::Square => Aspect::Square,
            AspectArg::Feed => Aspect::Feed,
            AspectArg::Wide => Aspect::Wide,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub enum LayoutArg {
    Auto,
    Single,
    Split,
    Fit,
}

impl From<LayoutArg> for LayoutChoice {
    fn from(arg: LayoutArg) -> Self {
        match arg {
            LayoutArg::Auto => LayoutChoice::Auto,
            LayoutArg::Single => LayoutChoice::Single,
            LayoutArg::Split => LayoutChoice::Split,
            LayoutArg::Fit => LayoutChoice::Fit,
        }
    }
}

#[derive(Args)]
pub struct ExplainArgs {
    /// The folder of a finished run, or its run.json.
    #[arg(default_value = "clips")]
    pub folder: PathBuf,
    /// Why this clip (its number).
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["not", "at", "none"])]
    pub clip: Option<u32>,
    /// Why not this candidate (its id, e.g. c012).
    #[arg(long, value_name = "CANDIDATE", conflicts_with_all = ["at", "none"])]
    pub not: Option<String>,
    /// Why not a clip at this second of the source.
    #[arg(long, value_name = "SECONDS", conflicts_with = "none")]
    pub at: Option<f64>,
    /// Why none.
    #[arg(long)]
    pub none: bool,
}
