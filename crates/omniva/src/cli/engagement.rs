//! What posts achieved, and what was learnt from it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{PageArgs, ServerArgs};

#[derive(Args)]
pub struct EngagementArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(subcommand)]
    pub command: EngagementCommand,
}

#[derive(Subcommand)]
pub enum EngagementCommand {
    /// What went out, with its newest figures, newest first.
    List {
        /// Only this project: its name or id.
        #[arg(long)]
        project: Option<String>,
        /// Only this channel, e.g. youtube/main; a folder needs --project.
        #[arg(long)]
        channel: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Takes in figures from a file. Columns: post_id, measured_at (RFC 3339), views; optional engaged_views, likes, comments,
    /// shares, watch_seconds, average_view_percentage. It is taken whole or not at all.
    Import {
        /// The channel that the posts are on, e.g. youtube/main.
        channel: String,
        /// A CSV file.
        file: PathBuf,
        /// For a folder: whose; name or id.
        #[arg(long)]
        project: Option<String>,
    },
    /// Reads the figures of all accounts now, instead of when it is time.
    Pull,
}

#[derive(Args)]
pub struct LearningArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(subcommand)]
    pub command: LearningCommand,
}

#[derive(Subcommand)]
pub enum LearningCommand {
    /// Channel by channel: whether it is in use, what is missing, the best hours, the last alarm.
    Show,
}
