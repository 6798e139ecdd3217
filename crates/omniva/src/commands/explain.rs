//! `omniva explain`: reads run.json and tells why.

use std::path::Path;

use omniva_cognition::halolux::{Question, explain, render_text};
use omniva_contracts::record::RunRecord;
use omniva_contracts::{Code, Fault};
use serde_json::json;

use crate::cli::ExplainArgs;
use crate::progress::print_line;

/// Largest run.json that is read.
const MAX_RECORD: u64 = 1 << 30;

pub fn run(args: &ExplainArgs, as_json: bool) -> Result<u8, Fault> {
    let record = load(&args.folder)?;
    let question = match (args.clip, &args.not, args.at) {
        (Some(rank), _, _) => Question::WhyClip(rank),
        (_, Some(id), _) => Question::WhyNot(id.clone()),
        (_, _, Some(at)) => Question::WhyNotAt(at),
        _ if args.none || record.decisions.choice.chosen.is_empty() => Question::WhyNone,
        _ => Question::Summary,
    };
    let explanation = explain(&record, &question)?;
    if as_json {
        print_line(&json!({ "event": "explanation", "explanation": explanation }));
    } else {
        crate::out::print(format_args!("{}", render_text(&explanation)));
    }
    Ok(0)
}

fn load(folder: &Path) -> Result<RunRecord, Fault> {
    let path = if folder.is_dir() { folder.join("run.json") } else { folder.to_owned() };
    let missing = |e: &dyn std::fmt::Display| {
        Fault::new(
            Code::InputMissing,
            format!("{} can't be read", path.display()),
            "give the folder that omniva clip wrote, e.g. omniva explain clips",
        )
        .with_detail(e)
    };
    let meta = std::fs::metadata(&path).map_err(|e| missing(&e))?;
    if !meta.is_file() || meta.len() > MAX_RECORD {
        return Err(missing(&"no file of at most 1 GiB"));
    }
    let text = std::fs::read(&path).map_err(|e| missing(&e))?;
    serde_json::from_slice(&text).map_err(|e| {
        Fault::new(
            Code::InputCorrupt,
            format!("{} is no record of this version of omniva", path.display()),
            "run omniva clip again",
        )
        .with_detail(e)
    })
}
