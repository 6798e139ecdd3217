//! What is due, and what it makes.

use std::sync::Arc;
use std::time::Duration;

use omniva_cognition::flow::payload::key;
use omniva_cognition::jobs::{NewJob, new_job};
use omniva_contracts::config::{CronRule, NetworkConfig};
use omniva_contracts::engine::*;
use omniva_platforms::{Glance, glance};
use omniva_store::{Page, StoreFault};
use serde_json::json;

use super::Msg;
use super::quiet::Looked;
use crate::infra::checkpointer;
use crate::kit::Kit;
use crate::zenith::{Unwritten, commit_what_can_be};

const SOURCE: &str = "cron";
const DISCOVER: &str = "discover";
/// Running projects, and creators of each, that one run looks at.
const MOST: Page = Page { limit: 500, offset: 0 };

pub(super) fn start(kit: &Arc<Kit>) {
    let kit = kit.clone();
    tokio::spawn(async move {
        let next = match tokio::spawn(look(kit.clone())).await {
            Ok(Ok(next)) => next,
            Ok(Err(why)) => {
                tracing::debug!(%why, "cron waits for the store");
                None
            }
            Err(error) => {
                tracing::error!(%error, "a round of cron broke off");
                None
            }
        };
        kit.wires.cron.deliver(Msg::Looked { next }).await;
    });
}

/// Runs what is due; answers when the next entry is. Entries of the configuration that have no row yet get one; rows
/// without an entry are left alone.
async fn look(kit: Arc<Kit>) -> Result<Option<Moment>, Unwritten> {
    let rows = kit.reader.cron().await?;
    let mut next = None;
    for (name, rule) in &kit.config.cron {
        let now = kit.now();
        let row = rows.iter().find(|row| row.name == *name);
        let due = row.is_none_or(|row| row.next_at <= now);
        let after = match row {
            Some(row) if !due && row.every_seconds == rule.every_seconds => row.next_at,
            _ => turn(&kit, name, rule, row, now).await?,
        };
        next = Some(next.map_or(after, |at: Moment| at.min(after)));
    }
    // Without entries there is nothing to wait for but a change of them.
    Ok(Some(next.unwrap_or_else(|| kit.now().after(Duration::from_secs(3600)))))
}

/// One entry's turn: its jobs and its row in one commit.
async fn turn(
    kit: &Arc<Kit>,
    name: &str,
    rule: &CronRule,
    row: Option<&CronEntry>,
    now: Moment,
) -> Result<Moment, Unwritten> {
    let every = Duration::from_secs(rule.every_seconds);
    let runs = match row {
        // New: a run on start for what is to be caught up, else the first interval passes.
        None => rule.misfire == Misfire::RunOnce,
        Some(row) if row.next_at > now => false,
        // Overdue by a whole interval: that run came while the engine was down.
        Some(row) => rule.misfire == Misfire::RunOnce || now.since(row.next_at) < every,
    };
    let next_at = now.after(every);
    let entry = CronEntry {
        name: name.to_owned(),
        every_seconds: rule.every_seconds,
        misfire: rule.misfire,
        next_at,
        last_at: if runs { Some(now) } else { row.and_then(|row| row.last_at) },
        version: row.map_or(1, |row| row.version + 1),
    };
    let mut change = Commit { rows: vec![Row::Cron(entry)], ..Commit::default() };
    let mut looks = Looks::default();
    if runs {
        for new in jobs(kit, name, now, &mut looks).await? {
            let (job, packet) = new_job(new, now, &kit.config, &mut kit.ids(), SOURCE);
            change.rows.push(Row::Job(Box::new(job)));
            change.packets.push(packet);
        }
    }
    match commit_what_can_be(kit, change).await {
        Ok(_) => {
            if runs && name == DISCOVER {
                kit.quiet.keep(looks.made, &looks.living);
            }
            Ok(next_at)
        }
        // Another hand moved the entry: the next look sees it.
        Err(Unwritten::Overtaken(_)) => Ok(now.after(Duration::from_secs(1))),
        Err(store) => Err(store),
    }
}

async fn jobs(kit: &Arc<Kit>, name: &str, now: Moment, looks: &mut Looks) -> Result<Vec<NewJob>, StoreFault> {
    let task = match name {
        DISCOVER => return discover(kit, now, looks).await,
        "measure" => return measure(kit, now).await,
        "checkpoint" => {
            kit.wires.checkpointer.wake(checkpointer::Msg::Now);
            return Ok(Vec::new());
        }
        "retention" => MaintainTask::Retention,
        "orphan_sweep" => MaintainTask::Sweep,
        "audit" => MaintainTask::Audit,
        "backup" => MaintainTask::Backup,
        other => {
            tracing::warn!(entry = other, "the configuration names a cron entry that nothing belongs to");
            return Ok(Vec::new());
        }
    };
    let unique = key::maintain(task.as_str());
    if kit.reader.job_by_unique_key(&unique).await?.is_some() {
        return Ok(Vec::new());
    }
    let payload = json!(MaintainPayload { task });
    let new = NewJob::now(JobKind::Maintain, payload, TraceId(kit.id()), now);
    Ok(vec![NewJob { unique_key: Some(unique), priority: PRIORITY_LOW, ..new }])
}

/// One run that measures, unless learning is switched off.
async fn measure(kit: &Arc<Kit>, now: Moment) -> Result<Vec<NewJob>, StoreFault> {
    let unique = key::measure();
    if !kit.config.learning.on || kit.reader.job_by_unique_key(&unique).await?.is_some() {
        return Ok(Vec::new());
    }
    let new = NewJob::now(JobKind::Measure, json!(MeasurePayload::default()), TraceId(kit.id()), now);
    Ok(vec![NewJob { unique_key: Some(unique), priority: PRIORITY_LOW, ..new }])
}

/// Whether a creator's source is to be looked at: a folder always, what others run not more often than the configuration
/// says.
fn due(creator: &Creator, now: Moment, network: &NetworkConfig) -> bool {
    match (&creator.source, creator.last_scraped_at) {
        (None, _) => false,
        (Some(SourceSpec::Inbox { .. }), _) | (Some(_), None) => true,
        (Some(_), Some(last)) => now.since(last).as_secs_f64() >= network.look_minutes * 60.0,
    }
}

/// What one round looks at.
#[derive(Default)]
struct Looks {
    made: Vec<Looked>,
    /// Creators with a source that runs.
    living: Vec<CreatorId>,
}

/// What lies in a creator's folder; nothing for other sources. A folder may be on a slow disk.
async fn glance_at(creator: &Creator) -> Option<Glance> {
    let source = creator.source.clone()?;
    // A glance that broke off counts as none: the job that follows tells what is wrong.
    tokio::task::spawn_blocking(move || glance(&source)).await.ok().flatten()
}

/// One job for each active creator with a source, of every running project, unless one is open or nothing has happened in
/// its folder.
async fn discover(kit: &Arc<Kit>, now: Moment, looks: &mut Looks) -> Result<Vec<NewJob>, StoreFault> {
    let mut jobs = Vec::new();
    for project in kit.reader.projects(Some(ProjectStatus::Running), MOST).await?.items {
        for creator in kit.reader.creators(project.project_id, MOST).await?.items {
            let unique = key::discover(creator.creator_id);
            if creator.status != CreatorStatus::Active
                || !due(&creator, now, &kit.config.network)
                || kit.reader.job_by_unique_key(&unique).await?.is_some()
            {
                continue;
            }
            looks.living.push(creator.creator_id);
            if let Some(glance) = glance_at(&creator).await {
                if kit.quiet.still(creator.creator_id, &glance, now) {
                    continue;
                }
                looks.made.push(Looked { creator: creator.creator_id, glance, at: now });
            }
            let payload = json!(DiscoverPayload { creator_id: Some(creator.creator_id), ..DiscoverPayload::default() });
            let new = NewJob::now(JobKind::Discover, payload, TraceId(kit.id()), now);
            jobs.push(NewJob {
                project_id: Some(project.project_id),
                subject: Some(EntityRef::new(EntityType::Creator, creator.creator_id)),
                unique_key: Some(unique),
                ..new
            });
        }
    }
    Ok(jobs)
}
