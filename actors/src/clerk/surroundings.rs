//! What stands around a subject: its like, its project, its target, the queues.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use omniva_cognition::council::{
    Booking, Brief, ClipDigest, JobDigest, Likeness, Overlap, PacketDigest, ProjectLoad, QueueReading,
};
use omniva_cognition::limits;
use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use omniva_store::{ClipFilter, JobFilter, PacketFilter, Page, Reader, ScheduleFilter, StoreFault};

use crate::kit::Kit;
use crate::office::override_name;
use crate::slots;

pub(super) const ONE: Page = Page { limit: 1, offset: 0 };
pub(super) const FEW: Page = Page { limit: 50, offset: 0 };
const SIBLINGS: Page = Page { limit: 1000, offset: 0 };
const RECENT: Page = Page { limit: 500, offset: 0 };
const BOOKED: Page = Page { limit: 1000, offset: 0 };
const PROJECTS: Page = Page { limit: 200, offset: 0 };
/// Clips of one project that fairness counts, at most.
const COUNTED: Page = Page { limit: 500, offset: 0 };
/// Packets about each link of the chain, subject first; 500 in all.
const LINEAGE: [u64; 7] = [140, 60, 60, 60, 60, 60, 60];
/// Fairness does not need the last second.
const LOADS_FRESH: Duration = Duration::from_secs(10);

const OPEN: [JobState; 4] = [JobState::Pending, JobState::Running, JobState::WaitingRetry, JobState::Quarantined];
/// Every status but REJECTED.
const TAKEN: [ClipStatus; 7] = [
    ClipStatus::ReadyForEdit,
    ClipStatus::Editing,
    ClipStatus::Ready,
    ClipStatus::Scheduled,
    ClipStatus::Uploading,
    ClipStatus::Published,
    ClipStatus::Failed,
];

pub(super) async fn of_subject(reader: &dyn Reader, brief: &mut Brief) -> Result<(), StoreFault> {
    let filter = JobFilter { subject: Some(brief.subject.clone()), states: OPEN.to_vec(), ..Default::default() };
    brief.open_jobs = reader.jobs(&filter, FEW).await?.items.iter().map(JobDigest::of).collect();
    if let Some(setting) = reader.setting(&override_name(brief.question, &brief.subject)).await? {
        let imposed = setting.value.get("override").cloned().unwrap_or_default();
        match serde_json::from_value::<Override>(imposed) {
            Ok(imposed) => brief.overrides = vec![imposed],
            Err(error) => tracing::error!(setting = %setting.name, %error, "an override can't be read"),
        }
    }
    if let Some(video) = &brief.video {
        if let Some(same) = reader.video_by_checksum(&video.checksum).await?
            && same.video_id != video.video_id
        {
            brief.same_checksum.push(EntityRef::new(EntityType::Video, same.video_id));
        }
        let filter = ClipFilter {
            video: Some(video.video_id),
            statuses: TAKEN.to_vec(),
            newest_first: true,
            ..Default::default()
        };
        let own = brief.clip.as_ref().map(|c| c.clip_id);
        let all = reader.clips(&filter, SIBLINGS).await?.items;
        brief.siblings = all.iter().filter(|c| Some(c.clip_id) != own).map(ClipDigest::of).collect();
    }
    Ok(())
}

/// The videos that the fingerprint of this one was found in. One that never got a row was never taken in.
pub(super) async fn likenesses(reader: &dyn Reader, brief: &mut Brief) -> Result<(), StoreFault> {
    let noted = brief.post.as_ref().and_then(|post| post.raw_metadata.get("likeness")).cloned();
    let Some(noted) = noted.filter(|_| brief.question == Question::Ingest) else { return Ok(()) };
    let noted: Vec<VideoLikeness> = match serde_json::from_value(noted) {
        Ok(noted) => noted,
        Err(error) => {
            tracing::error!(subject = %brief.subject.entity_id, %error, "the likenesses of a video can't be read");
            return Ok(());
        }
    };
    let own = brief.creator.as_ref().map(|creator| creator.creator_id);
    for like in noted {
        let Some(other) = reader.video(like.other).await? else { continue };
        let theirs = reader.post(other.post_id).await?.map(|post| post.creator_id);
        let overlap = |common: Option<CommonStretch>| {
            common.map(|c| Overlap { seconds: c.seconds, similarity: c.similarity, from: c.from, to: c.to })
        };
        brief.near_duplicates.push(Likeness {
            other: EntityRef::new(EntityType::Video, like.other),
            same_creator: own.is_some() && own == theirs,
            own_seconds: like.own_seconds,
            other_seconds: like.other_seconds,
            audio: overlap(like.audio),
            video: overlap(like.video),
            both_sound: like.both_sound,
            offset: like.offset,
            mirrored: like.mirrored,
        });
    }
    Ok(())
}

pub(super) async fn of_project(reader: &dyn Reader, brief: &mut Brief) -> Result<(), StoreFault> {
    let Some(project) = brief.project_id() else { return Ok(()) };
    brief.published_today =
        u32::try_from(reader.project_counts(project, brief.now).await?.published_today).unwrap_or(u32::MAX);
    let filter =
        ClipFilter { project: Some(project), statuses: TAKEN.to_vec(), newest_first: true, ..Default::default() };
    let own = brief.clip.as_ref().map(|c| c.clip_id);
    let all = reader.clips(&filter, RECENT).await?.items;
    brief.recent_clips = all.iter().filter(|c| Some(c.clip_id) != own).map(ClipDigest::of).collect();
    Ok(())
}

pub(super) async fn of_target(reader: &dyn Reader, config: &EngineConfig, brief: &mut Brief) -> Result<(), StoreFault> {
    if !matches!(brief.question, Question::Upload | Question::Schedule) {
        return Ok(());
    }
    let target = brief.schedule.as_ref().map(|s| s.target.clone());
    let target = target.or(brief.upload_job.as_ref().map(|u| u.target.clone()));
    let Some(target) = target else { return Ok(()) };
    let from = brief.now.before(Duration::from_secs(86_400));
    let filter = ScheduleFilter { target: Some(target.clone()), from: Some(from), ..Default::default() };
    let rows = reader.schedules(&filter, BOOKED).await?.items;
    brief.booked = rows
        .into_iter()
        .filter(|s| !matches!(s.status, ScheduleStatus::Cancelled | ScheduleStatus::Missed))
        .filter_map(|s| {
            Some(Booking {
                at: s.final_scheduled_time?,
                schedule_id: s.schedule_id,
                clip_id: s.clip_id,
                project_id: s.project_id,
                target: s.target,
                status: s.status,
            })
        })
        .collect();
    if let Some(service) = limits::service(&target).filter(|_| brief.question == Question::Schedule) {
        brief.taken = slots::taken(reader, config, brief.now, service).await?;
    }
    Ok(())
}

pub(super) async fn lineage(reader: &dyn Reader, brief: &mut Brief) -> Result<(), StoreFault> {
    let mut chain = vec![brief.subject.clone()];
    chain.extend(brief.clip.as_ref().map(|c| EntityRef::new(EntityType::Clip, c.clip_id)));
    chain.extend(brief.upload_job.as_ref().map(|u| EntityRef::new(EntityType::UploadJob, u.upload_job_id)));
    if let Some(video) = brief.video.as_ref().map(|v| v.video_id) {
        let analysis = reader.active_analysis(video).await?;
        chain.extend(analysis.map(|a| EntityRef::new(EntityType::Analysis, a.analysis_id)));
        chain.push(EntityRef::new(EntityType::Video, video));
    }
    chain.extend(brief.post.as_ref().map(|p| EntityRef::new(EntityType::Post, p.post_id)));
    chain.extend(brief.job.as_ref().map(|j| EntityRef::new(EntityType::Job, j.id)));
    let mut seen = std::collections::BTreeSet::new();
    chain.retain(|entity| seen.insert(entity.clone()));
    let mut packets = BTreeMap::new();
    for (entity, limit) in chain.into_iter().zip(LINEAGE) {
        let filter = PacketFilter { entity: Some(entity), ..Default::default() };
        for packet in reader.packets(&filter, limit).await? {
            packets.insert(packet.seq, PacketDigest::of(&packet.draft));
        }
    }
    brief.lineage = packets.into_values().collect();
    Ok(())
}

/// Every queue as it is. One without a control row has the configured limit.
///
/// # Errors
/// The store does not answer.
pub async fn queues(kit: &Arc<Kit>, now: Moment) -> Result<Vec<QueueReading>, StoreFault> {
    let depths = kit.reader.queue_depths(now).await?;
    let controls = kit.reader.queues().await?;
    Ok(JobKind::ALL
        .into_iter()
        .map(|kind| {
            let depth = depths.iter().find(|d| d.kind == kind);
            let control = controls.iter().find(|c| c.queue == kind).cloned();
            QueueReading {
                kind,
                ready: depth.map_or(0, |d| d.ready),
                waiting: depth.map_or(0, |d| d.waiting),
                running: depth.map_or(0, |d| d.running),
                quarantined: depth.map_or(0, |d| d.quarantined),
                oldest_ready: depth.and_then(|d| d.oldest_ready),
                control: control.unwrap_or_else(|| kit.default_queue(kind)),
            }
        })
        .collect())
}

/// Every running project, as fairness sees it; at most some seconds old.
///
/// # Errors
/// The store does not answer.
pub async fn projects(kit: &Arc<Kit>, now: Moment) -> Result<Vec<ProjectLoad>, StoreFault> {
    if let Some(loads) = kit.pulse.project_loads(now, LOADS_FRESH) {
        return Ok(loads);
    }
    let window = Duration::from_secs(u64::from(kit.config.council.horizon.window_days) * 86_400);
    let since = now.before(window);
    let mut loads = Vec::new();
    for project in kit.reader.projects(Some(ProjectStatus::Running), PROJECTS).await?.items {
        let id = Some(project.project_id);
        let open = JobFilter { project: id, states: OPEN[..3].to_vec(), ..Default::default() };
        let clips = ClipFilter { project: id, statuses: TAKEN.to_vec(), newest_first: true, ..Default::default() };
        let recent = kit.reader.clips(&clips, COUNTED).await?.items;
        loads.push(ProjectLoad {
            project_id: project.project_id,
            running: true,
            open_jobs: kit.reader.jobs(&open, ONE).await?.total,
            recent_clips: recent.iter().filter(|c| c.created_at >= since).count() as u64,
        });
    }
    kit.pulse.set_project_loads(now, &loads);
    Ok(loads)
}
