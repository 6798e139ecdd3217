//! One file a command; each returns the exit status.

mod clip;
mod doctor;
mod explain;
mod models;
mod schema;

use omniva_contracts::Fault;

use crate::cli::{Cli, Command};

pub fn run(cli: Cli) -> Result<u8, Fault> {
    let (json, folder) = (cli.json, crate::models::folder(cli.models.as_deref()));
    match cli.command {
        Command::Clip(args) => clip::run(args, &folder, json),
        Command::Explain(args) => explain::run(&args, json),
        Command::Models { command } => models::run(&command, &folder, json),
        Command::Doctor => doctor::run(&folder, json),
        Command::Schema { name } => schema::run(name.as_deref()),
    }
}
