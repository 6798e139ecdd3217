//! INIT → LIST → SAVE: new items at a creator's source.

use std::sync::Arc;

use async_trait::async_trait;
use omniva_contracts::engine::*;
use omniva_contracts::{Code, Fault};
use omniva_platforms::{Looked, Source, Window, source};
use omniva_store::{JobFilter, Page};

use super::Tools;
use super::blocking::blocking;
use super::end::{Run, gone, skip};
use super::rows::{days, subject, unnamed};
use super::watch::Watch;
use crate::work::{Stop, Work, WorkContext};

/// New items of one look; the next look brings the rest.
const MAX_NEW: usize = 200;

pub(super) struct Discoverer(pub Arc<Tools>);

#[async_trait]
impl Work for Discoverer {
    fn kind(&self) -> JobKind {
        JobKind::Discover
    }

    async fn run(&self, job: Job, context: WorkContext) -> Outcome {
        self.0.outcome(self.discover(&job, &context).await, &context)
    }
}

impl Discoverer {
    async fn discover(&self, job: &Job, context: &WorkContext) -> Run<DiscoverResult> {
        let watch = Arc::new(Watch::new(context, job, &[]));
        let wanted: DiscoverPayload = payload(&job.payload)?;
        let id = wanted.creator_id.or_else(|| subject(job, EntityType::Creator).map(CreatorId));
        let id = id.ok_or_else(|| unnamed("creator"))?;
        if let Some(errand) = &self.0.errand {
            return Ok(errand.found(id));
        }
        let creator = context.reader.creator(id).await?.ok_or_else(|| gone("creator", id))?;
        if creator.status != CreatorStatus::Active {
            return skip(format!("creator {} is {}", creator.username, creator.status.as_str()));
        }
        let Some(spec) = creator.source.clone() else {
            return skip(format!("creator {} has no source", creator.username));
        };
        watch.at("LIST", 0.1);
        let now = Moment(context.clock.now_us());
        let window = Window {
            since: Some(wanted.since.unwrap_or_else(|| now.before(days(creator.scrape_window_days)))),
            until: wanted.until,
            max_bytes: (self.0.config.limits.max_source_gigabytes * 1e9) as u64,
        };
        let (settle, net) = (self.0.settle, self.0.net.clone());
        let (place, looked) = blocking(&watch, move |watch| {
            let place: Arc<dyn Source> = source(&spec, settle, &net)?.into();
            let looked = place.look(&window, &watch.part("LIST", 0.1, 0.3))?;
            Ok((place, looked))
        })
        .await?;
        let fresh = fresh(context, &watch, id, looked, wanted.force).await?;
        let found = blocking(&watch, move |watch| confirm(&*place, fresh, watch)).await?;
        watch.at("SAVE", 0.95);
        Ok(DiscoverResult { creator_id: id, items: found.items, skipped: found.skipped })
    }
}

/// What is neither a post already nor on its way to become one.
async fn fresh(context: &WorkContext, watch: &Watch, creator: CreatorId, looked: Looked, force: bool) -> Run<Looked> {
    let mut fresh = Looked { items: Vec::new(), skipped: looked.skipped };
    let total = looked.items.len().max(1) as f64;
    for (at, item) in looked.items.into_iter().enumerate() {
        if context.stop() != Stop::No {
            return Err(Fault::cancelled().into());
        }
        watch.at("LIST", 0.3 + 0.3 * at as f64 / total);
        if fresh.items.len() == MAX_NEW {
            fresh.skip("…", format!("more than {MAX_NEW} new items: the next look brings the rest"));
            break;
        }
        if context.reader.post_by_platform_id(creator, &item.platform_post_id).await?.is_some() {
            continue;
        }
        match last_scrape(context, creator, &item).await? {
            None => fresh.items.push(item),
            Some(job) => match (job.state, force) {
                // It ran out of time, or the file was not as it had been found.
                (JobState::Skipped, _) => fresh.items.push(item),
                // Two files with the same content were taken at the same time: now the other one is there.
                (JobState::Error, _) if job.fault.as_ref().is_some_and(|f| f.code == Code::Conflict) => {
                    fresh.items.push(item);
                }
                (JobState::Error | JobState::Cancelled, true) => fresh.items.push(item),
                (JobState::Error, false) => {
                    let why = job.fault.map_or_else(String::new, |f| format!(": {f}"));
                    fresh.skip(item.title, format!("could not be taken before{why}"));
                }
                (JobState::Cancelled, false) => fresh.skip(item.title, "was cancelled before"),
                // On its way, or just through.
                _ => {}
            },
        }
    }
    Ok(fresh)
}

/// The newest job that was to take the item.
async fn last_scrape(context: &WorkContext, creator: CreatorId, item: &FoundItem) -> Run<Option<Job>> {
    let subject = EntityRef::new(EntityType::Post, post_id(creator, &item.platform_post_id));
    let filter = JobFilter { kind: Some(JobKind::Scrape), subject: Some(subject), ..JobFilter::default() };
    Ok(context.reader.jobs(&filter, Page { limit: 1, offset: 0 }).await?.items.into_iter().next())
}

/// Leaves out what is no media, and what still changes.
fn confirm(place: &dyn Source, fresh: Looked, watch: &Watch) -> Result<Looked, Fault> {
    let part = watch.part("LIST", 0.6, 0.9);
    let confirmed = place.confirm(fresh.items, &part)?;
    let mut found = Looked { items: Vec::new(), skipped: fresh.skipped };
    for (name, why) in confirmed.skipped {
        found.skip(name, why);
    }
    for item in confirmed.items {
        match place.sample(&item).map(|path| omniva_stages::recognise(&path)) {
            None | Some(Ok(_)) => found.items.push(item),
            Some(Err(fault)) if fault.code == Code::InputMissing => {}
            Some(Err(fault)) => found.skip(item.title, fault.to_string()),
        }
    }
    Ok(found)
}
