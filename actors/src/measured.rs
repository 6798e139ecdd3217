//! What went out where, and what came of it, read from the store for those who measure, learn and tell. Every list is
//! bounded; the newest count.

use std::collections::BTreeMap;
use std::time::Duration;

use omniva_cognition::learning::{ChannelFacts, PostFacts, WindowModel, channel_model};
use omniva_cognition::zone::Zone;
use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use omniva_contracts::fault::Fault;
use omniva_platforms::PostRef;
use omniva_store::{Answered, Page, Reader, SampleFilter, ScheduleFilter};
use serde_json::Value;

const DAY: Duration = Duration::from_secs(86_400);
const PROJECTS: Page = Page { limit: 200, offset: 0 };
/// Posts of one channel that are looked at, and points of their time series.
pub const POSTS: u64 = 2_000;
const SAMPLES: u64 = 200_000;
const PAGE: u64 = 5_000;

/// A place where projects publish, with the project whose rules hold for it: the oldest that names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// As rows call it.
    pub channel: String,
    pub owner: ProjectId,
    pub time_zone: String,
}

/// Every channel that a project publishes to, by name.
///
/// # Errors
/// The store does not answer.
pub async fn places(reader: &dyn Reader) -> Answered<Vec<Place>> {
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    for project in reader.projects(None, PROJECTS).await?.items {
        let owner = project.project_id;
        for settings in project.settings.channels_in_use() {
            let channel = row_target(owner, &settings.target);
            let place = Place { channel: channel.clone(), owner, time_zone: settings.time_zone };
            places.entry(channel).or_insert(place);
        }
    }
    Ok(places.into_values().collect())
}

/// What went out on a channel since `from`, oldest first.
///
/// # Errors
/// The store does not answer.
pub async fn published(reader: &dyn Reader, channel: &str, (from, to): (Moment, Moment)) -> Answered<Vec<Schedule>> {
    let filter = ScheduleFilter {
        target: Some(channel.to_owned()),
        statuses: vec![ScheduleStatus::Done],
        from: Some(from),
        to: Some(to),
        ..ScheduleFilter::default()
    };
    let total = reader.schedules(&filter, Page { limit: 1, offset: 0 }).await?.total;
    let newest = Page { limit: POSTS, offset: total.saturating_sub(POSTS) };
    Ok(reader.schedules(&filter, newest).await?.items)
}

/// The post as the platform calls it. One without a platform is called by its schedule; `None` where a platform has it and
/// told no name.
///
/// # Errors
/// The store does not answer.
pub async fn post(reader: &dyn Reader, slot: &Schedule) -> Answered<Option<PostRef>> {
    let Some(published_at) = slot.final_scheduled_time else { return Ok(None) };
    let upload = match slot.upload_job_id {
        Some(id) => reader.upload_job(id).await?,
        None => None,
    };
    let post_id = match upload.as_ref().and_then(|upload| upload.response.pointer("/post/id")).and_then(Value::as_str) {
        Some("") => return Ok(None),
        Some(id) => id.to_owned(),
        None => upload.and_then(|u| u.yt_video_id).unwrap_or_else(|| slot.schedule_id.to_string()),
    };
    Ok(Some(PostRef { schedule_id: slot.schedule_id, post_id, published_at }))
}

/// Points of a channel's time series since `from`, the newest.
///
/// # Errors
/// The store does not answer.
pub async fn samples(reader: &dyn Reader, channel: &str, from: Moment) -> Answered<Vec<EngagementSample>> {
    let filter = SampleFilter { channel: Some(channel.to_owned()), from: Some(from), ..SampleFilter::default() };
    let mut all: Vec<EngagementSample> = Vec::new();
    loop {
        let page = reader.samples(&filter, Page { limit: PAGE, offset: all.len() as u64 }).await?.items;
        let count = page.len() as u64;
        all.extend(page.into_iter().map(|row| row.sample));
        if count < PAGE || all.len() as u64 >= SAMPLES {
            return Ok(all);
        }
    }
}

/// All that a channel's learning rests on. `fresh` are points that stand in no row yet.
///
/// # Errors
/// A fault of the store; `config_invalid` for a time zone that nobody knows.
pub async fn facts(
    reader: &dyn Reader,
    config: &EngineConfig,
    place: &Place,
    fresh: Vec<EngagementSample>,
    now: Moment,
) -> Result<ChannelFacts, Fault> {
    let zone = Zone::named(&place.time_zone)?;
    let from = now.before(DAY * config.learning.sample_days);
    let mut posts = Vec::new();
    for slot in published(reader, &place.channel, (from, now)).await? {
        let Some(published_at) = slot.final_scheduled_time else { continue };
        let Some(clip) = reader.clip(slot.clip_id).await? else { continue };
        let unit = |v: f64| if v.is_finite() { v.clamp(0.0, 1.0) } else { 0.5 };
        posts.push(PostFacts {
            schedule_id: slot.schedule_id,
            channel: place.channel.clone(),
            published_at,
            score: unit(clip.confidence),
            votes: clip.pantheon_votes.into_iter().map(|(name, vote)| (name, unit(vote))).collect(),
        });
    }
    let mut samples = samples(reader, &place.channel, from).await?;
    let known: std::collections::BTreeSet<SampleId> = fresh.iter().map(id_of).collect();
    samples.retain(|sample| !known.contains(&id_of(sample)));
    samples.extend(fresh);
    let row = reader.model(&ModelRow::windows(&place.channel)).await?;
    Ok(ChannelFacts { channel: place.channel.clone(), zone, posts, samples, row })
}

fn id_of(sample: &EngagementSample) -> SampleId {
    SampleRow::id_of(sample.schedule_id, sample.measured_at, sample.source)
}

/// What was learnt of a channel's week, where it is in use. One that can't be read is told of, and not used.
///
/// # Errors
/// The store does not answer.
pub async fn windows(reader: &dyn Reader, config: &EngineConfig, channel: &str) -> Answered<Option<WindowModel>> {
    if !config.learning.on {
        return Ok(None);
    }
    let Some(row) = reader.model(&ModelRow::windows(channel)).await? else { return Ok(None) };
    match channel_model(&row) {
        Ok(model) => Ok(Some(model.windows).filter(|windows| windows.on)),
        Err(fault) => {
            tracing::error!(channel, error = %fault, "the learnt windows are not used");
            Ok(None)
        }
    }
}

/// The personas with the weights that were learnt, and the version of these: 0 where they count as configured.
///
/// # Errors
/// The store does not answer.
pub async fn personas(
    reader: &dyn Reader,
    config: &EngineConfig,
    configured: &[omniva_contracts::config::Persona],
) -> Answered<(Vec<omniva_contracts::config::Persona>, u64)> {
    let row = match config.learning.on {
        true => reader.model(ModelRow::PERSONAS).await?,
        false => None,
    };
    let model = row.as_ref().map(omniva_cognition::learning::persona_model).transpose();
    match model {
        Ok(Some(model)) if model.version > 0 => Ok((model.apply(configured), model.version)),
        Ok(_) => Ok((configured.to_vec(), 0)),
        Err(fault) => {
            tracing::error!(error = %fault, "the learnt weights of the personas are not used");
            Ok((configured.to_vec(), 0))
        }
    }
}
