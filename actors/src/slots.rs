//! What the calendar needs to know of one target, read from the store. Every list is bounded: a target holds a few rows a
//! day, and what waits beyond the bound is looked at when its turn comes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use omniva_cognition::flow::schedule::{Facts, Waiting};
use omniva_cognition::limits::{self, Definitions, Spent, Taken};
use omniva_contracts::config::{ClockRule, EngineConfig, PlatformsConfig};
use omniva_contracts::engine::*;
use omniva_contracts::fault::Fault;
use omniva_store::{Answered, JobFilter, Page, Reader, ScheduleFilter, StoreFault, Trouble};

use crate::measured;

const DAY: Duration = Duration::from_secs(86_400);
/// A mix counts the week, which began seven days ago at most.
const BACK: u32 = 8;
const PAGE: u64 = 500;
/// Rows of a target, or of all accounts of a service, within the horizon. Ten a day on ten accounts are a third of it.
const MOST: usize = 5_000;
/// Rows that wait, and those of them that one plan looks at.
const PENDING: Page = Page { limit: 500, offset: 0 };
const WAITING: usize = 50;
const PROJECTS: Page = Page { limit: 200, offset: 0 };
/// A day has 25 hours at most, and zones differ.
const LONGEST_DAY: u64 = 26 * 3600;

/// One that a time is looked for, whatever else waits.
pub struct Subject {
    pub slot: Schedule,
    pub clip: Clip,
    pub not_before: Option<Moment>,
    pub urgent: bool,
}

/// # Errors
/// The store does not answer.
pub async fn facts(
    reader: &dyn Reader,
    config: &EngineConfig,
    now: Moment,
    (owner, target): (ProjectId, &str),
    subject: Option<Subject>,
) -> Answered<Facts> {
    let own = subject.as_ref().map(|s| s.slot.schedule_id);
    let span = (now.before(DAY * BACK), now.after(DAY * (config.schedule.horizon_days + BACK)));
    let of_target = ScheduleFilter { target: Some(target.to_owned()), ..ScheduleFilter::default() };
    let mut standing = within(reader, &of_target, span).await?;
    let pending = ScheduleFilter { statuses: vec![ScheduleStatus::Pending], ..of_target };
    let mut open = reader.schedules(&pending, PENDING).await?.items;
    open.retain(|row| Some(row.schedule_id) != own);
    open.sort_by_key(|row| (row.created_at, row.schedule_id));
    let (recommended, open): (Vec<Schedule>, Vec<Schedule>) =
        open.into_iter().partition(|row| row.recommended_time.is_some());
    // A recommendation holds its place until it is ruled on.
    standing.extend(recommended);
    standing.retain(|row| Some(row.schedule_id) != own);
    let waiting = waiting(reader, open, subject).await?;
    let rows = standing.iter().chain(waiting.iter().map(|w| &w.slot));
    let ids: BTreeSet<ProjectId> = rows.map(|row| row.project_id).chain([owner]).collect();
    let mut projects = BTreeMap::new();
    for id in ids {
        if let Some(project) = reader.project(id).await? {
            projects.insert(id, project.settings);
        }
    }
    let taken = match limits::service(target) {
        Some(service) => taken(reader, config, now, service).await?,
        None => Vec::new(),
    };
    let published = reader.project_counts(owner, now).await?.published_today;
    let learnt = measured::windows(reader, config, target).await?;
    Ok(Facts {
        now,
        learnt,
        target: target.to_owned(),
        owner,
        projects,
        standing,
        waiting,
        taken,
        published_today: u32::try_from(published).unwrap_or(u32::MAX),
    })
}

/// The subject and the oldest others, oldest first. One whose clip is gone waits for nothing.
async fn waiting(reader: &dyn Reader, open: Vec<Schedule>, subject: Option<Subject>) -> Answered<Vec<Waiting>> {
    let mut all = Vec::new();
    for slot in open.into_iter().take(WAITING) {
        let Some(clip) = reader.clip(slot.clip_id).await? else { continue };
        let upload = match slot.upload_job_id {
            Some(id) => reader.upload_job(id).await?,
            None => None,
        };
        all.push(Waiting { slot, clip, not_before: upload.and_then(|u| u.scheduled_time), urgent: false });
    }
    all.extend(subject.map(|s| Waiting { slot: s.slot, clip: s.clip, not_before: s.not_before, urgent: s.urgent }));
    all.sort_by_key(|w| (w.slot.created_at, w.slot.schedule_id));
    Ok(all)
}

async fn within(reader: &dyn Reader, filter: &ScheduleFilter, (from, to): (Moment, Moment)) -> Answered<Vec<Schedule>> {
    let statuses = vec![ScheduleStatus::Confirmed, ScheduleStatus::Done, ScheduleStatus::Pending];
    let filter = ScheduleFilter { from: Some(from), to: Some(to), statuses, ..filter.clone() };
    let mut all = Vec::new();
    loop {
        let page = reader.schedules(&filter, Page { limit: PAGE, offset: all.len() as u64 }).await?;
        let count = page.items.len() as u64;
        all.extend(page.items);
        if count < PAGE || all.len() >= MOST {
            return Ok(all);
        }
    }
}

/// What all accounts of a service hold and have used, as far back as a bucket remembers: places by their rows, calls by the
/// jobs that made them.
///
/// # Errors
/// The store does not answer.
pub async fn taken(reader: &dyn Reader, config: &EngineConfig, now: Moment, service: &str) -> Answered<Vec<Taken>> {
    let reach = reach(&config.platforms);
    let horizon = DAY * config.schedule.horizon_days;
    let of_service = ScheduleFilter { service: Some(service.to_owned()), ..ScheduleFilter::default() };
    let mut rows = within(reader, &of_service, (now.before(reach), now.after(horizon + reach))).await?;
    let pending = ScheduleFilter { statuses: vec![ScheduleStatus::Pending], ..of_service };
    let open = reader.schedules(&pending, PENDING).await?.items;
    rows.extend(open.into_iter().filter(|row| row.final_scheduled_time.is_none()));
    let spent = spent(reader, service, now.before(reach)).await?;
    Ok(limits::taken(&rows, &spent, now))
}

/// What uploads to a service have spent since a moment, by the rows of their jobs: also of those that failed, or were taken
/// back.
async fn spent(reader: &dyn Reader, service: &str, since: Moment) -> Answered<Vec<Spent>> {
    let filter = JobFilter { kind: Some(JobKind::Upload), since: Some(since), ..JobFilter::default() };
    let (mut all, mut seen) = (Vec::new(), 0);
    loop {
        let page = reader.jobs(&filter, Page { limit: PAGE, offset: seen as u64 }).await?.items;
        let count = page.len();
        seen += count;
        for job in page {
            let spending = Spending::of(&job).map_err(|fault| StoreFault::new(Trouble::Corrupt, fault.to_string()))?;
            let Some(mut spending) = spending.filter(|s| limits::service(&s.target) == Some(service)) else { continue };
            spending.calls.retain(|call| call.at >= since);
            all.push(Spent { job: job.id.0, spending, failed: job.fault.is_some() });
        }
        if (count as u64) < PAGE || seen >= MOST {
            return Ok(all);
        }
    }
}

fn reach(platforms: &PlatformsConfig) -> Duration {
    let rolling = platforms.buckets.values().filter_map(|bucket| match bucket.clock {
        ClockRule::Rolling { seconds } => Some(u64::from(seconds)),
        ClockRule::Daily { .. } | ClockRule::Hourly => None,
    });
    Duration::from_secs(rolling.max().unwrap_or(0).max(LONGEST_DAY))
}

/// One bucket of a platform, for one account or for all.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct LimitView {
    pub bucket: String,
    /// The account; `None` for what all accounts of the registration share.
    pub account: Option<String>,
    pub capacity: u64,
    pub used: u64,
    pub reserved: u64,
    pub left: u64,
    pub resets_at: Moment,
}

/// Every bucket of the accounts that projects publish to, or have published to lately, as it stands now.
///
/// # Errors
/// A fault of the store, or of the limits' configuration.
pub async fn limits(reader: &dyn Reader, config: &EngineConfig, now: Moment) -> Result<Vec<LimitView>, Fault> {
    let mut accounts: BTreeSet<String> = BTreeSet::new();
    for project in reader.projects(None, PROJECTS).await?.items {
        let channels = project.settings.channels_in_use();
        accounts.extend(channels.iter().map(|c| row_target(project.project_id, &c.target)));
    }
    accounts.retain(|target| limits::service(target).is_some());
    let mut all = Vec::new();
    for service in limits::services() {
        all.extend(taken(reader, config, now, service).await?);
    }
    accounts.extend(all.iter().map(|t| t.target.clone()));
    let definitions = Definitions::in_force(&config.platforms, now)?;
    let ledger = limits::ledger(&definitions, accounts.iter().map(String::as_str), &all)?;
    let view = |key: &limits::BucketKey| {
        let level = ledger.level(key, now).map_err(|refusal| refusal.fault())?;
        Ok(LimitView {
            bucket: key.name.clone(),
            account: (!key.holder.is_empty()).then(|| key.holder.clone()),
            capacity: level.capacity,
            used: level.used,
            reserved: level.reserved,
            left: level.left,
            resets_at: level.resets_at,
        })
    };
    ledger.tallies().keys().filter(|key| concerns(key, &accounts)).map(view).collect()
}

/// Buckets of services that nobody publishes to are left out.
fn concerns(key: &limits::BucketKey, accounts: &BTreeSet<String>) -> bool {
    let services: BTreeSet<&str> = accounts.iter().filter_map(|target| limits::service(target)).collect();
    match limits::service(&key.holder) {
        Some(service) => key.name.starts_with(service),
        None => services.iter().any(|service| key.name.starts_with(*service)),
    }
}
