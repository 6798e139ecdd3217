//! The fingerprints of all videos, and which of them a new one shares something with.
//!
//! Invariant: looking up and taking in are one step under one lock, so that of two copies that come at once the later one
//! sees the earlier. What is in the index need not have a row (its job may still fail): whoever uses a likeness looks.

use std::sync::Arc;

use omniva_assets::Kept;
use omniva_contracts::config::LikenessConfig;
use omniva_contracts::engine::*;
use omniva_contracts::{Code, Fault};
use omniva_likeness::{Full, Index, Match, Print, Shared, Thresholds};
use omniva_store::{ArtifactFilter, Page, Reader};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::Tools;
use super::blocking::{attended, blocking};
use super::end::Run;
use super::watch::Watch;

/// No print is larger.
const LARGEST: u64 = 1 << 20;
const PAGE: u64 = 500;

/// The index; empty until it is needed first.
#[derive(Default)]
pub struct Prints(Mutex<Option<Index>>);

impl Tools {
    /// Keeps the print, and says which videos share something with it.
    pub(super) async fn alike(
        self: &Arc<Self>,
        watch: &Arc<Watch>,
        reader: &dyn Reader,
        video: VideoId,
        print: Print,
    ) -> Run<(Kept, Vec<VideoLikeness>)> {
        let mut held = attended(watch, self.prints.0.lock()).await;
        let mut index = match held.take() {
            Some(index) => index,
            None => build(self, watch, reader).await?,
        };
        let tools = self.clone();
        let done = blocking(watch, move |_| {
            let found = index.lookup(&print, Some(video.0.as_u128()));
            let own_seconds = print.seconds();
            let taken = index.insert(video.0.as_u128(), &print);
            let bytes = print.to_bytes();
            let kept = tools.library.put_bytes(&bytes, ArtifactKind::Print, Some(video.0), "print");
            Ok((index, taken, kept, found, own_seconds))
        });
        // Where the work breaks off, the index is built anew by the next.
        let (index, taken, kept, found, own_seconds) = done.await?;
        *held = Some(index);
        if let Err(Full) = taken {
            tracing::warn!(%video, "the index of likenesses is full: later copies of this video will not be found");
        }
        Ok((kept?, found.iter().map(|m| likeness(m, own_seconds)).collect()))
    }
}

fn thresholds(config: &LikenessConfig) -> Thresholds {
    Thresholds {
        min_seconds: config.min_seconds,
        min_share: config.min_share,
        always_seconds: config.always_seconds,
        short_share: config.short_share,
        audio_similarity: config.audio_similarity,
        video_similarity: config.video_similarity,
        matches: usize::try_from(config.matches).unwrap_or(usize::MAX),
        ..Thresholds::default()
    }
}

/// Out of the prints that are kept. One that can't be read is told of and left out: its video is no longer compared.
async fn build(tools: &Arc<Tools>, watch: &Arc<Watch>, reader: &dyn Reader) -> Run<Index> {
    let mut index = Index::new(thresholds(&tools.engine.likeness));
    let filter = ArtifactFilter { kind: Some(ArtifactKind::Print), ..ArtifactFilter::default() };
    let mut offset = 0;
    loop {
        let page = reader.artifacts(&filter, Page { limit: PAGE, offset }).await?.items;
        let count = page.len() as u64;
        let tools = tools.clone();
        index = blocking(watch, move |watch| {
            for artifact in page {
                watch.pulse();
                let Some(video) = artifact.video_id else { continue };
                match read(&tools, &artifact.path) {
                    Ok(print) => {
                        if index.insert(video.0.as_u128(), &print) == Err(Full) {
                            tracing::warn!(%video, "the index of likenesses is full");
                            break;
                        }
                    }
                    Err(fault) => tracing::error!(%video, error = %fault, "a print can't be read"),
                }
            }
            Ok(index)
        })
        .await?;
        offset += count;
        if count < PAGE {
            return Ok(index);
        }
    }
}

fn read(tools: &Tools, key: &str) -> Result<Print, Fault> {
    let bytes = tools.library.read(key, LARGEST)?;
    Print::from_bytes(&bytes).map_err(|e| {
        Fault::new(Code::InputCorrupt, "a kept fingerprint can't be read", "check the disk of the data folder")
            .with_detail(e)
    })
}

fn likeness(found: &Match, own_seconds: f64) -> VideoLikeness {
    let overlap = |shared: &Shared| {
        shared.enough.then_some(CommonStretch {
            seconds: shared.seconds,
            similarity: shared.similarity,
            from: shared.from,
            to: shared.to,
        })
    };
    VideoLikeness {
        other: VideoId(Uuid::from_u128(found.id)),
        own_seconds,
        other_seconds: found.seconds,
        audio: overlap(&found.audio),
        video: overlap(&found.video),
        both_sound: found.both_sound,
        offset: found.offset,
        mirrored: found.mirrored,
    }
}

#[cfg(test)]
mod tests {
    use omniva_contracts::config::EngineConfig;

    use super::*;

    #[test]
    fn the_shipped_thresholds_are_those_that_were_measured() {
        let config = EngineConfig::load(None).expect("the shipped configuration").likeness;
        assert_eq!(thresholds(&config), Thresholds::default());
    }

    #[test]
    fn what_is_not_enough_is_left_out() {
        let shared = |enough| Shared { seconds: 30.0, similarity: 0.5, evidence: 9, from: 1.0, to: 31.0, enough };
        let found = Match {
            id: 7,
            seconds: 90.0,
            offset: 4.0,
            mirrored: true,
            both_sound: true,
            audio: shared(true),
            video: shared(false),
        };
        let like = likeness(&found, 60.0);
        assert_eq!((like.other, like.own_seconds, like.other_seconds), (VideoId(Uuid::from_u128(7)), 60.0, 90.0));
        assert!(like.audio.is_some_and(|a| a.to == 31.0) && like.video.is_none() && like.mirrored && like.both_sound);
    }
}
