//! Arguments of the commands that run the engine or talk to it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

/// Where the engine keeps everything.
#[derive(Args, Clone, Debug, Default)]
pub struct DataArgs {
    /// The engine's data folder [default: $OMNIVA_DATA, or ~/.local/share/omniva/data].
    #[arg(long, value_name = "DIR", global = true)]
    pub data: Option<PathBuf>,
}

/// Which engine, and with which key.
#[derive(Args, Clone, Debug, Default)]
pub struct ServerArgs {
    /// Address of the engine [default: $OMNIVA_SERVER, or what the engine wrote into its data folder].
    #[arg(long, value_name = "URL", global = true)]
    pub server: Option<String>,
    /// File that holds the API key [default: $OMNIVA_KEY_FILE; none is needed on the engine's own machine].
    #[arg(long, value_name = "FILE", global = true)]
    pub key_file: Option<PathBuf>,
    #[command(flatten)]
    pub data: DataArgs,
}

#[derive(Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub data: DataArgs,
    /// Address of the API [default: 127.0.0.1:7700]; port 0 takes a free one. Beyond loopback it needs keys
    /// (omniva key create).
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Configuration on top of the shipped one (see config/omniva.toml).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Seconds that running jobs get to end or to save where they are when the engine is told to stop [default: 15].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub grace: Option<u64>,
    /// Run even though this layer of the sandbox is missing on this machine (network, landlock, seccomp).
    #[arg(long, value_name = "LAYER")]
    pub allow_missing_sandbox: Vec<String>,
}

#[derive(Args, Clone, Copy, Debug)]
pub struct PageArgs {
    /// At most this many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: u64,
    /// Leave out this many first.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub offset: u64,
}

#[derive(Args)]
pub struct ProjectArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(subcommand)]
    pub command: ProjectCommand,
}

#[derive(Subcommand)]
pub enum ProjectCommand {
    /// Makes a project; it is paused until it is started.
    Create(ProjectCreate),
    /// All projects.
    List {
        /// RUNNING or PAUSED.
        #[arg(long)]
        status: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Settings and figures of one project.
    Show {
        /// Name or id.
        project: String,
    },
    /// Lets the project's work begin.
    Start {
        /// Name or id.
        project: String,
        #[arg(long, default_value = "asked on the command line")]
        reason: String,
    },
    /// Pauses the project; what runs ends.
    Stop {
        /// Name or id.
        project: String,
        #[arg(long, default_value = "asked on the command line")]
        reason: String,
    },
    /// The project's clips, best first.
    Clips {
        /// Name or id.
        project: String,
        /// READY_FOR_EDIT, EDITING, READY, SCHEDULED, UPLOADING, PUBLISHED, FAILED or REJECTED.
        #[arg(long)]
        status: Option<String>,
        /// Everything about one clip (its id).
        #[arg(long, value_name = "CLIP", conflicts_with = "status")]
        clip: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
}

#[derive(Args)]
pub struct ProjectCreate {
    pub name: String,
    #[arg(long, default_value = "")]
    pub description: String,
    /// Where finished clips are put [default: a folder of the engine's own].
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Where finished clips go: folder, youtube/ACCOUNT, tiktok/ACCOUNT, instagram/ACCOUNT or webhook/NAME
    /// [default: folder]. Accounts: omniva auth.
    #[arg(long, value_name = "TARGET")]
    pub publish_to: Option<String>,
    /// What the channel is about, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub keywords: Vec<String>,
    /// Clips a day, at most (1 to 10).
    #[arg(long, value_name = "N")]
    pub daily_quota: Option<u32>,
    /// Clips of one video, at most.
    #[arg(long, value_name = "N")]
    pub clips_per_video: Option<u32>,
    /// Shortest clip, in seconds of the source (5 to 120).
    #[arg(long, value_name = "SECONDS")]
    pub min: Option<f64>,
    /// Longest clip, in seconds of the source (5 to 120).
    #[arg(long, value_name = "SECONDS")]
    pub max: Option<f64>,
    /// Language of the speech (en, de …) or auto.
    #[arg(long, value_name = "CODE")]
    pub language: Option<String>,
    /// A caption style or none.
    #[arg(long, value_name = "STYLE")]
    pub captions: Option<String>,
}

#[derive(Args)]
pub struct CreatorArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(subcommand)]
    pub command: CreatorCommand,
}

#[derive(Subcommand)]
pub enum CreatorCommand {
    /// Adds a creator to a project.
    Add(Box<CreatorAdd>),
    /// The creators of a project.
    List {
        /// Name or id of the project.
        project: String,
    },
    /// Takes a creator out of its project; what was made of its material stays.
    Remove {
        /// The creator's id.
        creator: String,
    },
}

#[derive(Args)]
pub struct CreatorAdd {
    /// Name or id of the project.
    pub project: String,
    /// The creator's name on the platform, e.g. @talkshow.
    pub handle: String,
    /// tiktok, instagram, youtube, podcast or other.
    #[arg(long, default_value = "other")]
    pub platform: String,
    /// Folder that is watched: a video that is put there is taken once it stops growing.
    #[arg(long, value_name = "DIR", group = "place")]
    pub inbox: Option<PathBuf>,
    /// One media file on the web.
    #[arg(long, value_name = "URL", group = "place")]
    pub url: Option<String>,
    /// RSS or Atom feed, e.g. of a podcast: its enclosures are taken.
    #[arg(long, value_name = "URL", group = "place")]
    pub feed: Option<String>,
    /// Page of videos: a channel, a playlist, a post. Needs yt-dlp (make ytdlp).
    #[arg(long, value_name = "URL", group = "place")]
    pub channel: Option<String>,
    /// The handle itself is followed on its platform: youtube, tiktok or instagram. Needs yt-dlp.
    #[arg(long, group = "place")]
    pub follow: bool,
    /// Name of the vault's secret with the proxy that a channel or handle is asked through (omniva auth secret proxy/NAME).
    #[arg(long, value_name = "NAME")]
    pub proxy: Option<String>,
    /// Name of the vault's secret with the cookies of who is signed in there (omniva auth secret cookies/NAME).
    #[arg(long, value_name = "NAME")]
    pub cookies: Option<String>,
    /// The newest so many items of a feed, a channel or a handle are looked at.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub max_items: Option<u32>,
    #[arg(long, value_name = "URL")]
    pub profile_url: Option<String>,
    /// On what ground the material may be used: owned, licensed, permitted or unknown.
    #[arg(long)]
    pub rights: Option<String>,
}

#[derive(Args)]
pub struct JobArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(subcommand)]
    pub command: JobCommand,
}

#[derive(Subcommand)]
pub enum JobCommand {
    /// Jobs, newest first.
    List {
        /// Name or id of a project.
        #[arg(long)]
        project: Option<String>,
        /// discover, scrape, analyze, edit, upload, schedule, measure, maintain or noop.
        #[arg(long)]
        kind: Option<String>,
        /// QUEUED, RUNNING, WAITING_RETRY, DONE, ERROR, CANCELLED, SKIPPED or QUARANTINED.
        #[arg(long)]
        status: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Everything about one job.
    Show { job: String },
    /// Runs a failed, cancelled or quarantined job again.
    Retry { job: String },
    /// Cancels a job, waiting or running.
    Cancel {
        job: String,
        #[arg(long, default_value = "asked on the command line")]
        reason: String,
    },
}

#[derive(Args)]
pub struct QueueArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(subcommand)]
    pub command: QueueCommand,
}

#[derive(Subcommand)]
pub enum QueueCommand {
    /// All queues: mode, limit, what waits and runs.
    List,
    /// Nothing new starts; what runs goes on.
    Pause(QueueChange),
    /// Jobs start again.
    Resume(QueueChange),
    /// What runs ends, then the queue is paused.
    Drain(QueueChange),
    /// Changes how many jobs run at the same time.
    Scale {
        /// Name of the queue.
        queue: String,
        /// Jobs at the same time.
        limit: u32,
        #[arg(long, default_value = "asked on the command line")]
        reason: String,
    },
}

#[derive(Args)]
pub struct QueueChange {
    /// Name of the queue: discover, scrape, analyze, edit, upload, schedule, maintain or noop.
    pub queue: String,
    #[arg(long, default_value = "asked on the command line")]
    pub reason: String,
}

#[derive(Args)]
pub struct ScheduleArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(subcommand)]
    pub command: ScheduleCommand,
}

#[derive(Subcommand)]
pub enum ScheduleCommand {
    /// The slots of a project, by time.
    List {
        /// Name or id of the project.
        project: String,
        /// Slots at this time and later, e.g. 2027-01-01T00:00:00Z.
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// Slots before this time.
        #[arg(long, value_name = "TIME")]
        to: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Plans the open slots of a project anew; what is locked or out stays.
    Plan {
        /// Name or id of the project.
        project: String,
        /// Only say what would change.
        #[arg(short = 'n', long)]
        dry_run: bool,
        #[arg(long, default_value = "asked on the command line")]
        reason: String,
    },
    /// Gives a clip another time. A time that breaks a rule is refused with the rule's name.
    Move {
        /// The schedule's id.
        schedule: String,
        /// E.g. 2027-01-01T18:00:00Z, or with an offset: 2027-01-01T19:00:00+01:00.
        at: String,
        #[arg(long, default_value = "asked on the command line")]
        reason: String,
    },
    /// Keeps a time as it is, whatever is planned.
    Lock {
        /// The schedule's id.
        schedule: String,
        #[arg(long, default_value = "asked on the command line")]
        reason: String,
    },
    /// Lets a time be moved again.
    Unlock {
        /// The schedule's id.
        schedule: String,
        #[arg(long, default_value = "asked on the command line")]
        reason: String,
    },
    /// The calendar as iCalendar, for calendar programs.
    Ics {
        /// Name or id of the project.
        project: String,
        /// The file [default: standard output].
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

#[derive(Args)]
pub struct LimitsArgs {
    #[command(flatten)]
    pub server: ServerArgs,
}

#[derive(Args)]
pub struct KeyArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(subcommand)]
    pub command: KeyCommand,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    Viewer,
    Operator,
    Admin,
}

impl RoleArg {
    pub fn as_str(self) -> &'static str {
        match self {
            RoleArg::Viewer => "viewer",
            RoleArg::Operator => "operator",
            RoleArg::Admin => "admin",
        }
    }
}

#[derive(Subcommand)]
pub enum KeyCommand {
    /// Makes a key and shows it once. Only its hash is kept.
    Create {
        name: String,
        #[arg(long, value_enum, default_value = "operator")]
        role: RoleArg,
        /// When it stops working, e.g. 2027-01-01T00:00:00Z.
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// All keys, without the keys themselves.
    List,
    /// Makes a key useless at once.
    Revoke {
        /// The key's id.
        key: String,
    },
}

#[derive(Args)]
pub struct AuthArgs {
    #[command(flatten)]
    pub data: DataArgs,
    #[command(subcommand)]
    pub command: AuthCommand,
}

#[derive(Subcommand)]
pub enum AuthCommand {
    /// Connects a YouTube channel: shows a page where its owner agrees.
    Youtube(Connect),
    /// Connects a TikTok account.
    Tiktok(Connect),
    /// Connects an Instagram account.
    Instagram(Connect),
    /// Keeps the key that signs messages to a webhook; draws one and shows it once when none is given.
    Webhook {
        /// As the configuration calls it.
        name: String,
        /// File with the key.
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
    },
    /// Keeps a secret that the configuration or a creator's source names: a proxy (proxy/NAME), cookies (cookies/NAME, in
    /// Netscape form), the key of the model that drafts texts.
    Secret {
        /// As it is named there, without `secret:`.
        name: String,
        /// File with the secret; it is not needed any more afterwards.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
    /// What the vault holds, without the secrets themselves.
    List,
    /// Takes a secret out of the vault, e.g. account/youtube/main.
    Remove {
        /// As omniva auth list calls it.
        secret: String,
    },
}

#[derive(Args)]
pub struct Connect {
    /// Your name for the account: clips go to PLATFORM/NAME.
    #[arg(long, default_value = "main", value_name = "NAME")]
    pub account: String,
    /// Show a code to be typed in on another machine, where the platform can do that.
    #[arg(long)]
    pub device: bool,
    /// Id of your client at the platform; kept in the vault, so that it is given once.
    #[arg(long, value_name = "ID", requires = "client_secret_file")]
    pub client_id: Option<String>,
    /// File with the secret of your client.
    #[arg(long, value_name = "FILE", requires = "client_id")]
    pub client_secret_file: Option<PathBuf>,
    /// Configuration on top of the shipped one (see config/endpoints.toml).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[derive(Subcommand)]
pub enum LedgerCommand {
    /// Checks every packet, link and signature offline, with the public key alone.
    Verify {
        #[command(flatten)]
        data: DataArgs,
        /// File with the public key [default: ledger.pub in the data folder].
        #[arg(long, value_name = "FILE")]
        public_key: Option<PathBuf>,
        /// A checkpoint (JSON) that was kept elsewhere: the ledger must still contain it.
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
    /// Packets, oldest first: all, or those about one thing.
    Show {
        #[command(flatten)]
        server: ServerArgs,
        /// A table and an id, e.g. clips/6f9c…; everything when left out.
        entity: Option<String>,
        /// A kind (job.claimed), or a group of kinds with a dot at the end (job.).
        #[arg(long)]
        kind: Option<String>,
        /// From this place of the ledger.
        #[arg(long, value_name = "SEQ", default_value_t = 0)]
        from: u64,
        /// At most this many.
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u64,
    },
    /// The proof that a packet is in the ledger.
    Prove {
        #[command(flatten)]
        server: ServerArgs,
        /// The packet's id, or a clip's id (its last packet).
        packet: String,
    },
    /// Where a thing comes from and what came of it, as a graph.
    Lineage {
        #[command(flatten)]
        server: ServerArgs,
        /// A table and an id, e.g. clips/6f9c…
        entity: String,
    },
}

#[derive(Args)]
#[command(group(ArgGroup::new("about").required(true).args(["clip", "not", "none"])))]
pub struct WhyArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    /// Why this clip (its id); also jobs/ID, upload_jobs/ID, schedules/ID.
    pub clip: Option<String>,
    /// Why not this candidate (the id of a rejected clip).
    #[arg(long, value_name = "CLIP")]
    pub not: Option<String>,
    /// Why no clip of this video (its id).
    #[arg(long, value_name = "VIDEO")]
    pub none: Option<String>,
}

#[derive(Args)]
pub struct BackupArgs {
    #[command(flatten)]
    pub data: DataArgs,
    /// The backup file; must not exist.
    pub to: PathBuf,
}

#[derive(Args)]
pub struct RestoreArgs {
    #[command(flatten)]
    pub data: DataArgs,
    /// A file that omniva backup wrote.
    pub from: PathBuf,
    /// Replace the database that is there; it is kept beside the new one.
    #[arg(short, long)]
    pub force: bool,
}

#[derive(Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub data: DataArgs,
    /// The engine's configuration, on top of the shipped one: which yt-dlp, which secrets, which model drafts texts.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Also read every page of the database, every packet of the ledger and every kept file.
    #[arg(long)]
    pub deep: bool,
}

#[derive(Subcommand)]
pub enum BenchCommand {
    /// Runs jobs that do nothing through a whole engine on a throw-away database.
    Jobs {
        /// How many.
        #[arg(short = 'n', long, default_value_t = 20_000)]
        jobs: u64,
        /// How many wait at the same time.
        #[arg(long, default_value_t = 2_000)]
        window: u64,
        /// Configuration on top of the shipped one (see config/engine.toml): what another limit or batch does.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}
