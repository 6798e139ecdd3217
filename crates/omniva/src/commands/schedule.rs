//! `omniva schedule` and `omniva limits`

use omniva_contracts::{Code, Fault};
use serde_json::{Value, json};

use super::project::find;
use super::remote::{items, page, show_list, show_one, table};
use crate::cli::{LimitsArgs, ScheduleArgs, ScheduleCommand};
use crate::engine::{Client, Query, segment};
use crate::progress::print_line;

pub fn run(args: ScheduleArgs, as_json: bool) -> Result<u8, Fault> {
    let client = Client::new(&args.server)?;
    let at = |schedule: &str, verb: &str| format!("/v1/schedules/{}/{verb}", segment(schedule));
    match args.command {
        ScheduleCommand::List { project, from, to, page: p } => {
            let id = find(&client, &project)?;
            let query = page(p).with("from", from).with("to", to);
            let heads = [
                ("SCHEDULE", "schedule_id"),
                ("TIME", "final_time"),
                ("TARGET", "target"),
                ("STATUS", "status"),
                ("LOCKED", "locked"),
                ("CLIP", "clip_id"),
                ("WHY", "why"),
            ];
            show_list(&client.get(&format!("/v1/projects/{id}/schedule"), query)?, &heads, as_json);
        }
        ScheduleCommand::Plan { project, dry_run, reason } => {
            let id = find(&client, &project)?;
            let body = json!({ "project_id": id, "dry_run": dry_run, "reason": reason });
            show_plan(&client.post("/v1/schedules/recalculate", &body)?, as_json);
        }
        ScheduleCommand::Move { schedule, at: time, reason } => {
            show_one(&client.post(&at(&schedule, "move"), &json!({ "at": time, "reason": reason }))?, as_json);
        }
        ScheduleCommand::Lock { schedule, reason } => {
            show_one(&client.post(&at(&schedule, "lock"), &json!({ "reason": reason }))?, as_json);
        }
        ScheduleCommand::Unlock { schedule, reason } => {
            show_one(&client.post(&at(&schedule, "unlock"), &json!({ "reason": reason }))?, as_json);
        }
        ScheduleCommand::Ics { project, output } => {
            let id = find(&client, &project)?;
            let text = client.text(&format!("/v1/projects/{id}/calendar.ics"))?;
            match output {
                None => print!("{text}"),
                Some(path) => std::fs::write(&path, text).map_err(|e| {
                    Fault::new(
                        Code::OutputUnwritable,
                        format!("{} can't be written", path.display()),
                        "choose another file with --output",
                    )
                    .with_detail(e)
                })?,
            }
        }
    }
    Ok(0)
}

pub fn limits(args: &LimitsArgs, as_json: bool) -> Result<u8, Fault> {
    let client = Client::new(&args.server)?;
    let heads = [
        ("LIMIT", "bucket"),
        ("ACCOUNT", "account"),
        ("CAPACITY", "capacity"),
        ("USED", "used"),
        ("RESERVED", "reserved"),
        ("LEFT", "left"),
        ("RESETS", "resets_at"),
    ];
    show_list(&client.get("/v1/limits", Query::default())?, &heads, as_json);
    Ok(0)
}

fn show_plan(data: &Value, as_json: bool) {
    if as_json {
        print_line(data);
        return;
    }
    let list = |key: &str| data.get(key).cloned().unwrap_or_default();
    let changes = json!({ "items": list("changes") });
    if items(&changes).is_empty() {
        println!("nothing changes");
    } else {
        let heads =
            [("SCHEDULE", "schedule_id"), ("TARGET", "target"), ("WHAT", "kind"), ("FROM", "from"), ("TO", "to")];
        show_list(&changes, &heads, false);
    }
    for none in list("unplaced").as_array().into_iter().flatten() {
        println!("no time: {}", table::cell(none, "message"));
        println!("  next: {}", table::cell(none, "proposal"));
    }
    if data.get("dry_run").and_then(Value::as_bool) == Some(true) {
        println!("nothing was changed: leave out --dry-run to do it");
    } else {
        println!("{} changed", table::cell(data, "applied"));
    }
}
