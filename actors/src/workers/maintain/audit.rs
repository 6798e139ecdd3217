//! Rows and packets against each other, and files against their hashes. Only looks; what it finds is told.

use omniva_contracts::engine::*;
use omniva_ledger::{canonical, leaf_hash};
use omniva_store::{ArtifactFilter, ClipFilter, PacketFilter, Page};
use omniva_telemetry::meter;

use super::super::blocking::blocking;
use super::super::end::Run;
use super::{PAGE, Round};

/// Rows of artifacts whose files are looked for in one run.
const MAX_ROWS: u64 = 20_000;
/// Bytes that are hashed in one run; each run takes up where the hour says, so that all get their turn.
const HASHED: u64 = 2 << 30;
/// Newest clips and packets that are followed back.
const CLIPS: u64 = 500;
const PACKETS: u64 = 2_000;
const HOUR_US: i64 = 3_600_000_000;

/// States of a clip that has finished files.
const FINISHED: [ClipStatus; 4] =
    [ClipStatus::Ready, ClipStatus::Scheduled, ClipStatus::Uploading, ClipStatus::Published];

pub(super) async fn run(round: &mut Round) -> Run<()> {
    files(round).await?;
    clips(round).await?;
    packets(round).await
}

/// Every row's file is there with its size, and a part of them has its content.
async fn files(round: &mut Round) -> Run<()> {
    let all = ArtifactFilter::default();
    let total = round.context.reader.artifacts(&all, Page { limit: 1, offset: 0 }).await?.total;
    if total == 0 {
        return Ok(());
    }
    let hour = u64::try_from(round.now.0 / HOUR_US).unwrap_or(0);
    let pages = total.div_ceil(PAGE);
    let (first, mut to_hash) = (hour % pages, HASHED);
    for at in 0..pages.min(MAX_ROWS / PAGE) {
        round.check()?;
        let offset = (first + at) % pages * PAGE;
        let page = round.context.reader.artifacts(&all, Page { limit: PAGE, offset }).await?.items;
        let kept: Vec<Artifact> = page.into_iter().filter(|a| a.kind != ArtifactKind::Delivered).collect();
        let tools = round.tools.clone();
        let (findings, left) = blocking(&round.watch, move |watch| {
            let (mut findings, mut left) = (Vec::new(), to_hash);
            let part = watch.part("INIT", 0.0, 0.0);
            for artifact in &kept {
                findings.extend(match tools.library.bytes(&artifact.path)? {
                    None => Some(format!("file_missing: {} of artifact {}", artifact.path, artifact.artifact_id)),
                    Some(bytes) if bytes != artifact.bytes => {
                        Some(format!("file_changed: {} has {bytes} bytes, not {}", artifact.path, artifact.bytes))
                    }
                    Some(bytes) if bytes <= left => {
                        left -= bytes;
                        match tools.library.verified(&artifact.path, &part) {
                            Ok(_) => None,
                            Err(fault) if fault.code == omniva_contracts::Code::Cancelled => return Err(fault),
                            Err(fault) => Some(format!("file_changed: {}", fault.message)),
                        }
                    }
                    Some(_) => None,
                });
            }
            Ok((findings, left))
        })
        .await?;
        to_hash = left;
        findings.into_iter().for_each(|finding| round.violated("kept_files", finding));
    }
    Ok(())
}

/// The newest clips have their video, their packet, and their files where they are finished.
async fn clips(round: &mut Round) -> Run<()> {
    let reader = round.context.reader.clone();
    let filter = ClipFilter { newest_first: true, ..ClipFilter::default() };
    for clip in reader.clips(&filter, Page { limit: CLIPS, offset: 0 }).await?.items {
        round.check()?;
        let id = clip.clip_id;
        if reader.video(clip.video_id).await?.is_none() {
            round.violated("lineage", format!("lineage_broken: clip {id} has no video {}", clip.video_id));
        }
        if reader.last_packet_of(&EntityRef::new(EntityType::Clip, id)).await?.is_none() {
            round.violated("lineage", format!("lineage_broken: no packet tells of clip {id}"));
        }
        if FINISHED.contains(&clip.status) {
            let renders = ArtifactFilter {
                clip: Some(id),
                kind: Some(ArtifactKind::Render),
                include_removed: clip.status == ClipStatus::Published,
                ..ArtifactFilter::default()
            };
            if reader.artifacts(&renders, Page { limit: 1, offset: 0 }).await?.total == 0 {
                round.violated(
                    "finished_files",
                    format!("file_missing: clip {id} is {} and has no rendered file", clip.status.as_str()),
                );
            }
        }
    }
    Ok(())
}

/// The newest packets are what was hashed, and name parents that are there and came before them. The whole ledger is
/// `omniva ledger verify`'s to read.
async fn packets(round: &mut Round) -> Run<()> {
    let reader = round.context.reader.clone();
    let size = reader.head().await?.size;
    let filter = PacketFilter { from_seq: size.saturating_sub(PACKETS), ..PacketFilter::default() };
    for packet in reader.packets(&filter, PACKETS).await? {
        round.check()?;
        if leaf_hash(&canonical(&packet.draft)) != packet.hash {
            meter::ledger_verify_failed();
            round.find(format!("ledger_changed: packet {} at {}", packet.draft.stardust_id, packet.seq));
        }
        for parent in &packet.draft.meta_parents {
            match reader.packet(*parent).await? {
                None => round.violated(
                    "lineage",
                    format!(
                        "lineage_broken: packet {} names the parent {parent}, which is not there",
                        packet.draft.stardust_id
                    ),
                ),
                Some(found) if found.seq > packet.seq => round.violated(
                    "lineage",
                    format!(
                        "lineage_broken: packet {} at {} names the later packet {parent} at {} as its parent",
                        packet.draft.stardust_id, packet.seq, found.seq
                    ),
                ),
                Some(_) => {}
            }
        }
    }
    Ok(())
}
