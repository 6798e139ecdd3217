//! Checks one clip in this process, for benches: `check_clip JOB.json` reads a `CheckJob` and prints a `QcReport`.

use std::process::ExitCode;

use omniva_contracts::jobs::CheckJob;
use omniva_contracts::{Fault, Silent};

fn run() -> Result<String, Fault> {
    let usage =
        || Fault::new(omniva_contracts::Code::Usage, "usage: check_clip JOB.json", "give the path of a check job");
    let path = std::env::args_os().nth(1).ok_or_else(usage)?;
    let text = std::fs::read_to_string(path).map_err(|e| usage().with_detail(e))?;
    let job: CheckJob = serde_json::from_str(&text).map_err(|e| usage().with_detail(e))?;
    let report = omniva_media::check::check(&job, &Silent)?;
    serde_json::to_string_pretty(&report).map_err(|e| usage().with_detail(e))
}

fn main() -> ExitCode {
    match run() {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("{fault}: {} ({})", fault.next_step, fault.detail);
            ExitCode::from(fault.code.exit())
        }
    }
}
