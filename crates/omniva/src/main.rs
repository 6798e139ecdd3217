//! `omniva`: the command line and the composition root; the only place that knows every crate.

#[macro_use]
mod out;

mod cli;
mod commands;
mod engine;
mod heap;
mod models;
mod progress;
mod style;
mod table;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use omniva_contracts::{Code, Fault};

fn main() -> ExitCode {
    // Before anything else: a child must be alone in its process when it enters the sandbox.
    if std::env::args_os().nth(1).is_some_and(|a| a == cli::CHILD) {
        omniva_stages::child::main();
    }
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let status = if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
                0
            } else {
                Code::Usage.exit()
            };
            // A closed pipe (`omniva --help | head`) is no fault.
            let _ = error.print();
            return ExitCode::from(status);
        }
    };
    let json = cli.json;
    match commands::run(cli) {
        Ok(status) => ExitCode::from(status),
        Err(fault) => {
            show(&fault, json);
            ExitCode::from(fault.code.exit())
        }
    }
}

/// One clear message on standard error, or one JSON line on standard output with `--json`.
fn show(fault: &Fault, json: bool) {
    if json {
        progress::print_line(&serde_json::json!({ "event": "fault", "fault": fault }));
        return;
    }
    remark!("{} {}", style::bad("error:"), fault.message);
    remark!("  {} {}", style::dim("next:"), fault.next_step);
    remark!("  {} {}", style::dim("code:"), fault.code.as_str());
    if !fault.detail.is_empty() {
        remark!("  {} {}", style::dim("detail:"), fault.detail.trim());
    }
}
