//! Renders one job in this process, for benches: `render_plan JOB.json` reads a `RenderJob` and prints a `Rendered`.

use std::process::ExitCode;

use omniva_contracts::jobs::RenderJob;
use omniva_contracts::{Fault, Silent};

fn run() -> Result<String, Fault> {
    let usage =
        || Fault::new(omniva_contracts::Code::Usage, "usage: render_plan JOB.json", "give the path of a render job");
    let path = std::env::args_os().nth(1).ok_or_else(usage)?;
    let text = std::fs::read_to_string(path).map_err(|e| usage().with_detail(e))?;
    let job: RenderJob = serde_json::from_str(&text).map_err(|e| usage().with_detail(e))?;
    let rendered = omniva_media::render::render(&job, &Silent)?;
    serde_json::to_string(&rendered).map_err(|e| usage().with_detail(e))
}

fn main() -> ExitCode {
    match run() {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("{fault}: {} ({})", fault.next_step, fault.detail);
            ExitCode::from(fault.code.exit())
        }
    }
}
