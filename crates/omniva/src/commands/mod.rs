//! One file a command; each returns the exit status.

mod auth;
mod backup;
mod bench;
mod clip;
mod creator;
mod doctor;
mod engagement;
mod explain;
mod job;
mod key;
mod ledger;
mod models;
mod project;
mod remote;
mod schedule;
mod schema;
mod serve;
mod why;
mod works;

use omniva_contracts::Fault;

use crate::cli::{Cli, Command};

pub fn run(cli: Cli) -> Result<u8, Fault> {
    let (json, folder) = (cli.json, crate::models::folder(cli.models.as_deref()));
    match cli.command {
        Command::Clip(args) => clip::run(args, &folder, json),
        Command::Explain(args) => explain::run(&args, json),
        Command::Models { command } => models::run(&command, &folder, json),
        Command::Doctor(args) => doctor::run(&args, &folder, json),
        Command::Serve(args) => serve::run(&args, &folder, json),
        Command::Ledger { command } => ledger::run(command, json),
        Command::Backup(args) => backup::run(&args, json),
        Command::Restore(args) => backup::restore(&args, json),
        Command::Bench { command } => bench::run(&command, json),
        Command::Project(args) => project::run(args, json),
        Command::Creator(args) => creator::run(args, json),
        Command::Job(args) => job::run(args, json),
        Command::Queue(args) => job::queue(args, json),
        Command::Schedule(args) => schedule::run(args, json),
        Command::Engagement(args) => engagement::run(args, json),
        Command::Learning(args) => engagement::learning(&args, json),
        Command::Limits(args) => schedule::limits(&args, json),
        Command::Key(args) => key::run(args, json),
        Command::Auth(args) => auth::run(args, json),
        Command::Why(args) => why::run(&args, json),
        Command::Schema { name } => schema::run(name.as_deref()),
    }
}
