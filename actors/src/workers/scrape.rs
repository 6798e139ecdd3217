//! INIT → FETCH (copy and hash) → PARSE (probe in the sandbox) → SAVE.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use omniva_assets::{Copied, Following, require_space};
use omniva_contracts::config::Config;
use omniva_contracts::engine::*;
use omniva_contracts::media::MediaInfo;
use omniva_contracts::{Code, Fault};
use omniva_likeness::Print;
use omniva_platforms::{Fetched, source};
use omniva_stages::{Stage, ingest_as, likeness, long_enough};
use serde_json::{Value, json};

use super::blocking::blocking;
use super::end::{Run, gone, skip};
use super::rows::{Belongs, id_of, project};
use super::watch::{Leg, Watch};
use super::{Tools, output_folder};
use crate::work::{Work, WorkContext};

/// Picture of a finished clip at its busiest, kilobits a second.
const PICTURE_KBPS: f64 = 12_000.0;
/// Thumbnail, captions and record of a clip, bytes.
const BESIDE_CLIP: u64 = 2_000_000;

const LEGS: &[Leg] = &[(Stage::Ingest, "PARSE", 0.4, 0.95)];

pub(super) struct Scraper(pub Arc<Tools>);

#[async_trait]
impl Work for Scraper {
    fn kind(&self) -> JobKind {
        JobKind::Scrape
    }

    async fn run(&self, job: Job, context: WorkContext) -> Outcome {
        self.0.outcome(self.scrape(&job, &context).await, &context)
    }
}

/// What is known about an item before its content.
struct Item {
    creator: Creator,
    project: Project,
    found: FoundItem,
    config: Config,
}

impl Scraper {
    async fn scrape(&self, job: &Job, context: &WorkContext) -> Run<ScrapeResult> {
        let watch = Arc::new(Watch::new(context, job, LEGS).before(self.0.audience()));
        let mut item = self.item(job, context).await?;
        if let Some(errand) = &self.0.errand {
            return self.in_place(job, context, &watch, &item, errand.file.clone()).await;
        }
        watch.at("FETCH", 0.02);
        let (copied, learnt) = self.fetch(&watch, &item).await?;
        item.found.details = std::mem::take(&mut item.found.details).updated(learnt);
        let now = Moment(context.clock.now_us());
        if let Some(twin) = context.reader.video_by_checksum(&copied.sha256).await? {
            let about = json!({
                "title": item.found.title, "bytes": copied.bytes, "sha256": copied.sha256, "source": item.found.details,
            });
            return Ok(ScrapeResult {
                post: post(&item, now, about),
                video: None,
                duplicate_of: Some(twin.video_id),
                artifacts: Vec::new(),
            });
        }
        let tools = self.0.clone();
        let (config, title) = (item.config.clone(), item.found.title.clone());
        let (copied, info, print) = blocking(&watch, move |watch| {
            let (info, print) = probe(&tools, &config, copied.path(), &title, watch)?;
            if info.sha256 != copied.sha256 {
                return Err(Fault::new(
                    Code::InputCorrupt,
                    format!("{title} changed on the engine's own disk while it was looked at"),
                    "check the disk of the data folder",
                ));
            }
            Ok((copied, info, print))
        })
        .await?;
        watch.at("SAVE", 0.95);
        let tools = self.0.clone();
        let sha256 = copied.sha256.clone();
        let kept = blocking(&watch, move |_| tools.library.keep(copied, ArtifactKind::Raw, None, "")).await?;
        let belongs = Belongs {
            project: item.project.project_id,
            video: VideoId(id_of(job, "video")),
            clip: None,
            now,
            days: self.0.engine.retention.raw_days,
        };
        let raw = belongs.artifact(job, ArtifactKind::Raw, &kept);
        let (mut artifacts, mut about) = (vec![raw.clone()], about(&item, &info));
        if let Some(print) = print {
            let (kept, alike) = self.0.alike(&watch, &*context.reader, belongs.video, print).await?;
            // It stays as long as anybody may bring a copy.
            artifacts.push(Artifact { keep_until: None, ..belongs.artifact(job, ArtifactKind::Print, &kept) });
            about["likeness"] = json!(alike);
        }
        let post = post(&item, now, about);
        let video = video(job, &item, &post, &belongs, &info, (&raw.path, kept.bytes, sha256));
        Ok(ScrapeResult { post, video: Some(video), duplicate_of: None, artifacts })
    }

    /// A file that stays where it is: looked at, and not copied.
    async fn in_place(
        &self,
        job: &Job,
        context: &WorkContext,
        watch: &Arc<Watch>,
        item: &Item,
        file: PathBuf,
    ) -> Run<ScrapeResult> {
        let (tools, config, title) = (self.0.clone(), item.config.clone(), item.found.title.clone());
        let path = file.clone();
        let (info, _) = blocking(watch, move |watch| probe(&tools, &config, &path, &title, watch)).await?;
        watch.at("SAVE", 0.95);
        let now = Moment(context.clock.now_us());
        let belongs = Belongs {
            project: item.project.project_id,
            video: VideoId(id_of(job, "video")),
            clip: None,
            now,
            days: self.0.engine.retention.raw_days,
        };
        let post = post(item, now, about(item, &info));
        let place = file.display().to_string();
        let video = video(job, item, &post, &belongs, &info, (&place, info.bytes, info.sha256.clone()));
        Ok(ScrapeResult { post, video: Some(video), duplicate_of: None, artifacts: Vec::new() })
    }

    async fn item(&self, job: &Job, context: &WorkContext) -> Run<Item> {
        let ScrapePayload { creator_id, item: found } = payload(&job.payload)?;
        let creator = context.reader.creator(creator_id).await?.ok_or_else(|| gone("creator", creator_id))?;
        if creator.status == CreatorStatus::Removed {
            return skip(format!("creator {} was removed", creator.username));
        }
        if context.reader.post_by_platform_id(creator_id, &found.platform_post_id).await?.is_some() {
            return skip(format!("{} was taken before", found.title));
        }
        let project = project(&*context.reader, creator.project_id).await?;
        if creator.rights == RightsBasis::Unknown && !project.settings.accept_unknown_rights {
            return Err(Fault::new(
                Code::RightsUnknown,
                format!("nobody has said on what ground the material of {} may be used", creator.username),
                "set the creator's rights, or let the project accept unknown rights",
            )
            .into());
        }
        let config = project_config(&self.0.config, &project)?;
        Ok(Item { creator, project, found, config })
    }

    async fn fetch(&self, watch: &Arc<Watch>, item: &Item) -> Run<(Copied, PostDetails)> {
        let Some(spec) = item.creator.source.clone() else {
            return skip(format!("creator {} has no source any more", item.creator.username));
        };
        let (tools, found) = (self.0.clone(), item.found.clone());
        let (made, delivered) = following(&self.0, item);
        let fetched = blocking(watch, move |watch| {
            let place = source(&spec, tools.settle, &tools.net)?;
            // What was said when it was found; what only its server says is asked for as soon as it does.
            let library = tools.library.followed_by(made);
            library.require_video(&found.title, found.bytes, found.details.duration_seconds)?;
            if let Some(folder) = delivered {
                require_space(&folder, made.clips.saturating_mul(made.clip_bytes))?;
            }
            place.fetch(&found, &library, &watch.part("FETCH", 0.02, 0.4))
        })
        .await?;
        match fetched {
            Fetched::Copy(copied, details) => Ok((*copied, *details)),
            Fetched::Gone(why) => skip(why),
        }
    }
}

/// What is made of a video of this project; and the folder that its clips are delivered to, where that is another disk.
fn following(tools: &Tools, item: &Item) -> (Following, Option<PathBuf>) {
    let channels = item.project.settings.channels_in_use();
    let folder = channels.iter().any(|channel| Target::parse(&channel.target) == Ok(Target::Folder));
    let output = folder.then(|| output_folder(&tools.output, &item.project));
    let here = output.as_ref().is_some_and(|folder| tools.library.shares_disk(folder));
    (made_of(&item.config, 1 + u64::from(here)), output.filter(|_| !here))
}

/// By the length of the clips and the rate of their sound and picture, at most what a clip may have.
fn made_of(config: &Config, copies: u64) -> Following {
    let (clip, encode) = (&config.clip, &config.encode);
    // Clips that are cut get shorter, never longer.
    let bits = clip.max_seconds * 1e3 * (PICTURE_KBPS + f64::from(encode.audio_kbps));
    let most = u64::from(encode.max_megabytes).saturating_mul(1_000_000);
    let clip_bytes = ((bits / 8.0) as u64).min(most).saturating_add(BESIDE_CLIP);
    Following { clips: u64::from(clip.count), clip_bytes, copies }
}

/// Probes the file, and repairs it into the cache where it needs that, so that analysis finds it done.
/// Its fingerprint comes with it, where videos are compared: not for somebody who waits for one file.
fn probe(
    tools: &Tools,
    config: &Config,
    file: &Path,
    title: &str,
    watch: &Watch,
) -> Result<(MediaInfo, Option<Print>), Fault> {
    let workshop = tools.workshop(config, watch)?;
    let source = ingest_as(&workshop, file, title)?;
    long_enough(&source, config.clip.min_seconds)?;
    let compares = tools.engine.likeness.on && tools.errand.is_none();
    let print = compares.then(|| likeness(&workshop, &source)).transpose()?;
    Ok((source.info.clone(), print))
}

fn about(item: &Item, info: &MediaInfo) -> Value {
    json!({
        "title": item.found.title, "bytes": info.bytes, "sha256": info.sha256, "container": info.container,
        "duration": info.duration, "video": info.video, "audio": info.audio, "repairs": info.repairs,
        "rights": item.creator.rights, "source": item.found.details, "posted_at": item.found.posted_at,
    })
}

fn post(item: &Item, now: Moment, raw_metadata: Value) -> Post {
    Post {
        post_id: post_id(item.creator.creator_id, &item.found.platform_post_id),
        creator_id: item.creator.creator_id,
        platform_post_id: item.found.platform_post_id.clone(),
        url: item.found.url.clone(),
        posted_at: item.found.posted_at,
        downloaded_at: Some(now),
        raw_metadata,
        version: 1,
    }
}

fn video(
    job: &Job,
    item: &Item,
    post: &Post,
    belongs: &Belongs,
    info: &MediaInfo,
    (path, bytes, checksum): (&str, u64, String),
) -> Video {
    Video {
        video_id: belongs.video,
        post_id: post.post_id,
        project_id: belongs.project,
        file_path: path.to_owned(),
        title: item.found.title.clone(),
        duration_seconds: Some(info.duration),
        resolution: info.video.as_ref().map(|v| format!("{}x{}", v.width, v.height)),
        bytes,
        checksum,
        trace_id: job.trace_id,
        created_at: belongs.now,
        version: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_for_clips_follows_their_length_and_their_limit() {
        let mut config = Config::load(None).expect("shipped");
        (config.clip.count, config.clip.max_seconds, config.encode.audio_kbps) = (4, 10.0, 160);
        assert_eq!(made_of(&config, 2), Following { clips: 4, clip_bytes: 17_200_000, copies: 2 });
        config.clip.max_seconds = 120.0;
        config.encode.max_megabytes = 60;
        assert_eq!(made_of(&config, 1).clip_bytes, 62_000_000);
    }
}
