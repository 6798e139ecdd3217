//! What is too old goes: raw material that nothing came of, derived files after their time, old answers and jobs. When
//! the disk is nearly full, raw material that has served goes early, oldest first.

use std::collections::BTreeMap;

use omniva_contracts::engine::*;
use omniva_store::{ArtifactFilter, ClipFilter, Page};

use super::super::blocking::blocking;
use super::super::end::Run;
use super::super::rows::days;
use super::{PAGE, Round};

/// Files that one run removes; the next goes on.
const AT_ONCE: usize = 2_000;
/// Clips in these states still need the analysis and the raw material of their video, or may be edited anew.
const LIVING: [ClipStatus; 6] = [
    ClipStatus::ReadyForEdit,
    ClipStatus::Editing,
    ClipStatus::Ready,
    ClipStatus::Scheduled,
    ClipStatus::Uploading,
    ClipStatus::Published,
];
/// Clips in these states still need their finished files.
const UNDELIVERED: [ClipStatus; 4] =
    [ClipStatus::Editing, ClipStatus::Ready, ClipStatus::Scheduled, ClipStatus::Uploading];

pub(super) async fn run(round: &mut Round) -> Run<()> {
    let rules = round.tools.engine.retention.clone();
    round.result.purge_jobs_before = Some(round.now.before(days(rules.ended_jobs_days)));
    let learning = round.tools.engine.learning.sample_days;
    round.result.purge_samples_before = Some(round.now.before(days(learning)));
    round.result.purge_answers_before = Some(round.now);
    let mut living = BTreeMap::new();
    let expired = ArtifactFilter { expired_before: Some(round.now), ..ArtifactFilter::default() };
    let mut offset = 0;
    while round.result.artifacts.len() < AT_ONCE {
        round.check()?;
        let page = round.context.reader.artifacts(&expired, Page { limit: PAGE, offset }).await?.items;
        let count = page.len() as u64;
        for artifact in page {
            if !needed(round, &artifact, &mut living).await? {
                remove(round, artifact).await?;
            }
        }
        offset += count;
        if count < PAGE {
            break;
        }
    }
    make_room(round, (rules.min_free_gigabytes * 1e9) as u64, &mut living).await
}

/// Whether something that lives depends on it.
async fn needed(round: &Round, artifact: &Artifact, living: &mut BTreeMap<VideoId, bool>) -> Run<bool> {
    if artifact.promoted {
        return Ok(true);
    }
    match (artifact.kind, artifact.video_id, artifact.clip_id) {
        (ArtifactKind::Raw | ArtifactKind::Analysis, Some(video), _) => {
            if let Some(known) = living.get(&video) {
                return Ok(*known);
            }
            let filter = ClipFilter { video: Some(video), statuses: LIVING.to_vec(), ..ClipFilter::default() };
            let lives = round.context.reader.clips(&filter, Page { limit: 1, offset: 0 }).await?.total > 0;
            living.insert(video, lives);
            Ok(lives)
        }
        // Where the user wants it: not ours to remove.
        (ArtifactKind::Delivered, ..) => Ok(true),
        (_, _, Some(clip)) => {
            let clip = round.context.reader.clip(clip).await?;
            Ok(clip.is_some_and(|clip| UNDELIVERED.contains(&clip.status)))
        }
        _ => Ok(false),
    }
}

async fn remove(round: &mut Round, artifact: Artifact) -> Run<()> {
    let (tools, path) = (round.tools.clone(), artifact.path.clone());
    let was_there = blocking(&round.watch, move |_| tools.library.remove(&path)).await?;
    if was_there {
        round.result.removed_files += 1;
        round.result.removed_bytes += artifact.bytes;
    }
    // Also when it was gone already: an earlier run may have died between file and row.
    let version = artifact.version + 1;
    round.result.artifacts.push(Artifact { removed_at: Some(round.now), version, ..artifact });
    Ok(())
}

/// Raw material of videos that were analysed and of which nothing lives goes before its time.
async fn make_room(round: &mut Round, wanted: u64, living: &mut BTreeMap<VideoId, bool>) -> Run<()> {
    let raw = ArtifactFilter { kind: Some(ArtifactKind::Raw), ..ArtifactFilter::default() };
    let mut offset = 0;
    loop {
        round.check()?;
        let free = round.tools.library.free()?;
        if free >= wanted || round.result.artifacts.len() >= AT_ONCE {
            return Ok(());
        }
        let page = round.context.reader.artifacts(&raw, Page { limit: PAGE, offset }).await?.items;
        let count = page.len() as u64;
        for artifact in page {
            if round.tools.library.free()? >= wanted {
                return Ok(());
            }
            let gone = round.result.artifacts.iter().any(|a| a.artifact_id == artifact.artifact_id);
            if !gone && served(round, &artifact).await? && !needed(round, &artifact, living).await? {
                remove(round, artifact).await?;
            }
        }
        offset += count;
        if count < PAGE {
            round
                .find(format!("low_space: {free} bytes are free, {wanted} should be, and nothing more can be removed"));
            return Ok(());
        }
    }
}

/// True when the video was analysed: nobody waits for its raw material.
async fn served(round: &Round, artifact: &Artifact) -> Run<bool> {
    match artifact.video_id {
        Some(video) => Ok(round.context.reader.active_analysis(video).await?.is_some()),
        None => Ok(false),
    }
}
