//! `omniva models list|fetch|verify`

use std::path::Path;

use omniva_contracts::config::ModelManifest;
use omniva_contracts::{Code, Fault};
use serde_json::json;

use crate::cli::ModelsCommand;
use crate::models::{self, Checked, State};
use crate::progress::{Quiet, print_line, stop_on_signals};
use crate::style;

pub fn run(command: &ModelsCommand, folder: &Path, as_json: bool) -> Result<u8, Fault> {
    let manifest = ModelManifest::shipped()?;
    let monitor = Quiet(stop_on_signals());
    let checked = match command {
        ModelsCommand::List => models::list(folder, &manifest),
        ModelsCommand::Verify => models::verify(folder, &manifest, &monitor)?,
        ModelsCommand::Fetch => {
            models::fetch(folder, &manifest, &monitor, &mut |line| {
                if as_json { print_line(&json!({ "event": "note", "text": line })) } else { remark!("{line}") }
            })?;
            models::verify(folder, &manifest, &monitor)?
        }
    };
    show(&checked, folder, as_json);
    let worst = checked.iter().find(|c| c.state != State::Ok);
    Ok(match (command, worst.map(|c| c.state)) {
        (ModelsCommand::List, _) | (_, None) => 0,
        (_, Some(State::Missing)) => Code::ModelMissing.exit(),
        (_, Some(_)) => Code::ModelMismatch.exit(),
    })
}

fn show(checked: &[Checked], folder: &Path, as_json: bool) {
    if as_json {
        print_line(&json!({ "event": "models", "folder": folder, "files": checked }));
        return;
    }
    say!("models in {}", folder.display());
    for c in checked {
        let state = match c.state {
            State::Ok => style::good("ok     "),
            State::Missing => style::warn("missing"),
            State::Differs => style::bad("differs"),
        };
        say!("  {state}  {:>6.1} MB  {:<20} {:<34} {}", c.bytes as f64 / 1e6, c.role, c.path, c.licence);
    }
    if checked.iter().any(|c| c.state != State::Ok) {
        say!("next: omniva models fetch");
    }
}
