//! `omniva job` and `omniva queue`

use omniva_contracts::Fault;
use serde_json::{Value, json};

use super::project::find;
use super::remote::{page, show_list, show_one};
use crate::cli::{JobArgs, JobCommand, QueueArgs, QueueCommand};
use crate::engine::{Client, Query, segment};

pub fn run(args: JobArgs, as_json: bool) -> Result<u8, Fault> {
    let client = Client::new(&args.server)?;
    let at = |job: &str, verb: &str| format!("/v1/jobs/{}{verb}", segment(job));
    match args.command {
        JobCommand::List { project, kind, status, page: p } => {
            let project = project.map(|p| find(&client, &p)).transpose()?;
            let query = page(p).with("project_id", project).with("kind", kind).with("status", status);
            let heads = [
                ("JOB", "job_id"),
                ("KIND", "kind"),
                ("STATUS", "status"),
                ("STEP", "step"),
                ("DONE", "progress"),
                ("TRY", "attempt"),
                ("PRIORITY", "priority"),
                ("FAULT", "error.code"),
                ("CREATED", "created_at"),
            ];
            show_list(&client.get("/v1/jobs", query)?, &heads, as_json);
        }
        JobCommand::Show { job } => show_one(&client.get(&at(&job, ""), Query::default())?, as_json),
        JobCommand::Retry { job } => show_one(&client.post(&at(&job, "/retry"), &json!({}))?, as_json),
        JobCommand::Cancel { job, reason } => {
            show_one(&client.post(&at(&job, "/cancel"), &json!({ "reason": reason }))?, as_json);
        }
    }
    Ok(0)
}

pub fn queue(args: QueueArgs, as_json: bool) -> Result<u8, Fault> {
    let client = Client::new(&args.server)?;
    let control = |queue: &str, verb: &str, body: Value| -> Result<u8, Fault> {
        show_one(&client.post(&format!("/v1/queues/{}/{verb}", segment(queue)), &body)?, as_json);
        Ok(0)
    };
    match args.command {
        QueueCommand::List => {
            let heads = [
                ("QUEUE", "queue"),
                ("MODE", "mode"),
                ("LIMIT", "limit"),
                ("INTAKE", "intake"),
                ("READY", "ready"),
                ("WAITING", "waiting"),
                ("RUNNING", "running"),
                ("QUARANTINED", "quarantined"),
                ("REASON", "reason"),
            ];
            show_list(&client.get("/v1/queues", Query::default())?, &heads, as_json);
            Ok(0)
        }
        QueueCommand::Pause(c) => control(&c.queue, "pause", json!({ "reason": c.reason })),
        QueueCommand::Resume(c) => control(&c.queue, "resume", json!({ "reason": c.reason })),
        QueueCommand::Drain(c) => control(&c.queue, "drain", json!({ "reason": c.reason })),
        QueueCommand::Scale { queue, limit, reason } => {
            control(&queue, "scale", json!({ "limit": limit, "reason": reason }))
        }
    }
}
