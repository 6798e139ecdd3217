//! INIT → AUTH → UPLOAD → VERIFY: finished files to where the project wants them.

use std::sync::Arc;

use async_trait::async_trait;
use omniva_cognition::variant::{OWN, UNMARKED, chosen, render_variant, renderings};
use omniva_contracts::engine::*;
use omniva_contracts::record::ClipRecord;
use omniva_contracts::{Code, Fault, Monitor};
use omniva_platforms::{Content, FolderPublisher, Meter, Post, Publication, PublishFile, Publisher, Receipt};
use omniva_store::{ArtifactFilter, Page, Reader};
use serde_json::{Value, json};

use super::blocking::blocking;
use super::end::{Run, gone, outcome, skip};
use super::missed::missed_slot;
use super::rows::{clip, project, subject, unnamed};
use super::spending::Purse;
use super::watch::Watch;
use super::{Tools, output_folder};
use crate::work::{Work, WorkContext};

/// Artifacts of one clip that are looked at, the newest of them: dozens of edits.
const MAX_ARTIFACTS: u64 = 1_000;
/// A record is some tens of kilobytes.
const MAX_RECORD: u64 = 64 << 20;

pub(super) struct Uploader(pub Arc<Tools>);

#[async_trait]
impl Work for Uploader {
    fn kind(&self) -> JobKind {
        JobKind::Upload
    }

    async fn run(&self, job: Job, context: WorkContext) -> Outcome {
        outcome(self.upload(&job, &context).await, &context)
    }
}

impl Uploader {
    async fn upload(&self, job: &Job, context: &WorkContext) -> Run<UploadResult> {
        let watch = Arc::new(Watch::new(context, job, &[]));
        let reader = &*context.reader;
        let named = job.payload.get("upload_job_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let id = named.or_else(|| subject(job, EntityType::UploadJob).map(UploadJobId));
        let id = id.ok_or_else(|| unnamed("upload job"))?;
        let order = reader.upload_job(id).await?.ok_or_else(|| gone("upload job", id))?;
        if matches!(order.status, WorkStatus::Done | WorkStatus::Live | WorkStatus::Cancelled) {
            return skip(format!("the upload job is {} already", order.status.as_str()));
        }
        if let Some(was) = missed_slot(job, id, context, &self.0.engine).await? {
            return skip(format!("its slot {was} passed while nobody could publish"));
        }
        let clip = clip(reader, order.clip_id).await?;
        let project = project(reader, clip.project_id).await?;
        let purse = Arc::new(Purse::of(job, &order, &watch)?);
        let publisher = self.publisher(&order, &project, purse.clone())?;
        watch.at("AUTH", 0.05);
        let publisher = blocking(&watch, move |_| publisher.authorise().map(|()| publisher)).await?;
        let artifacts = finished(context, &clip).await?;
        watch.at("UPLOAD", 0.1);
        let tools = self.0.clone();
        let clip_id = clip.clip_id;
        let language = language(reader, &project, &clip).await?;
        let made =
            Made { renderings: renderings(&clip)?, outlet: outlet(&order)?, asked: self.asked(&order, &project)? };
        let known = made.renderings.clone();
        let receipt = blocking(&watch, move |watch| {
            let publish = watch.part("UPLOAD", 0.1, 0.8);
            // What was done before a restart is not done again, whatever has become of our own files since.
            if let Some(receipt) = publisher.find(id)? {
                // On a platform it is through when the platform says so.
                if receipt.post.is_some() {
                    publisher.verify(&receipt, &watch.part("VERIFY", 0.8, 0.99))?;
                }
                return Ok(receipt);
            }
            let mut publication = publication(&tools, &order, clip_id, &artifacts, made, &publish)?;
            publication.post.language = language;
            let receipt = publisher.publish(&publication, &publish)?;
            publisher.verify(&receipt, &watch.part("VERIFY", 0.8, 0.99))?;
            Ok(receipt)
        })
        .await?;
        watch.at("VERIFY", 0.99);
        Ok(UploadResult {
            upload_job_id: id,
            status: WorkStatus::Live,
            response: response(&receipt, &known),
            spending: purse.spent(),
        })
    }

    /// Name of the variant that the target asks for today.
    fn asked(&self, order: &UploadJobRow, project: &Project) -> Result<&'static str, Fault> {
        let Some(outlet) = outlet(order)? else { return Ok(OWN) };
        let brand = project_config(&self.0.config, project)?.brand;
        Ok(render_variant(outlet, &brand, &self.0.engine.endpoints).name)
    }

    fn publisher(
        &self,
        order: &UploadJobRow,
        project: &Project,
        meter: Arc<dyn Meter>,
    ) -> Result<Box<dyn Publisher>, Fault> {
        match Target::parse(&order.target)? {
            Target::Folder => Ok(Box::new(FolderPublisher::new(&output_folder(&self.0.output, project))?)),
            target => self.0.publishing.publisher(&target, meter),
        }
    }
}

/// What a clip was rendered as, and what this upload needs of it.
struct Made {
    renderings: Vec<Rendering>,
    outlet: Option<Outlet>,
    asked: &'static str,
}

fn outlet(order: &UploadJobRow) -> Result<Option<Outlet>, Fault> {
    Ok(Outlet::of(&Target::parse(shown_target(&order.target))?))
}

/// What is spoken, where it is known (BCP 47): as the project says, or as it was heard.
async fn language(reader: &dyn Reader, project: &Project, clip: &Clip) -> Run<Option<String>> {
    if let Some(code) = project.settings.language.clone().filter(|code| code != "auto") {
        return Ok(Some(code));
    }
    let Some(analysis) = reader.active_analysis(clip.video_id).await? else { return Ok(None) };
    let detail: AnalysisDetail = serde_json::from_value(analysis.raw_ai_output)
        .map_err(|e| Fault::internal("an analysis can't be read").with_detail(e))?;
    // The recogniser's name for Javanese is nobody else's.
    Ok(detail.language.map(|language| if language.code == "jw" { "jv".into() } else { language.code }))
}

/// A folder is answered as it always was: it has the project's own rendering.
fn response(receipt: &Receipt, renderings: &[Rendering]) -> Value {
    let video = receipt.files.first();
    let name = video.map(|f| f.name.clone());
    match &receipt.post {
        None => json!({ "folder": receipt.place, "video": name, "files": receipt.files }),
        Some(post) => {
            let sent = renderings.iter().find(|one| one.sha256.as_ref() == video.map(|f| &f.sha256));
            json!({
                "place": receipt.place, "video": name, "files": receipt.files, "post": post,
                "rendering": sent.map(|one| &one.variant),
            })
        }
    }
}

/// The files of the clip's last edit: those with the same owner as its newest record.
async fn finished(context: &WorkContext, clip: &Clip) -> Run<Vec<Artifact>> {
    let filter = ArtifactFilter { clip: Some(clip.clip_id), ..ArtifactFilter::default() };
    // Oldest first: the newest stand on the last page.
    let total = context.reader.artifacts(&filter, Page { limit: 1, offset: 0 }).await?.total;
    let page = Page { limit: MAX_ARTIFACTS, offset: total.saturating_sub(MAX_ARTIFACTS) };
    let all = context.reader.artifacts(&filter, page).await?.items;
    let newest = all
        .iter()
        .filter(|a| a.kind == ArtifactKind::Record)
        .max_by_key(|a| (a.created_at, a.artifact_id))
        .and_then(|record| owner(&record.path));
    let Some(newest) = newest.map(str::to_owned) else {
        return Err(Fault::new(
            Code::NotFound,
            format!("clip {} has no finished files", clip.clip_id),
            "edit the clip again",
        )
        .into());
    };
    Ok(all.into_iter().filter(|a| owner(&a.path) == Some(newest.as_str())).collect())
}

/// Whose a derived artifact is, by its key: `…/<sha256>-<owner>.<extension>`.
fn owner(key: &str) -> Option<&str> {
    let name = key.rsplit('/').next()?.split('.').next()?;
    name.get(65..).filter(|owner| !owner.is_empty())
}

fn publication(
    tools: &Tools,
    order: &UploadJobRow,
    clip_id: ClipId,
    artifacts: &[Artifact],
    made: Made,
    monitor: &dyn Monitor,
) -> Result<Publication, Fault> {
    let of = |kind: ArtifactKind, extension: &str| {
        artifacts.iter().find(|a| a.kind == kind && a.path.ends_with(extension)).ok_or_else(|| {
            Fault::new(
                Code::NotFound,
                format!("clip {clip_id} has no {} {extension} any more", kind.as_str()),
                "edit the clip again",
            )
        })
    };
    let record = of(ArtifactKind::Record, ".json")?;
    let bytes = tools.library.read(&record.path, MAX_RECORD)?;
    let record_of = serde_json::from_slice::<ClipRecord>(&bytes).map_err(|e| {
        Fault::new(Code::InputCorrupt, "a clip's record can't be read", "edit the clip again").with_detail(e)
    })?;
    let sent = sent(made, &record_of)?;
    let at = |key: Option<&String>, kind, extension| match key {
        Some(key) => artifacts.iter().find(|a| a.path == *key).ok_or_else(|| {
            let message = format!("clip {clip_id} has no file {:?} any more", sent.variant);
            Fault::new(Code::NotFound, message, "edit the clip again")
        }),
        None => of(kind, extension),
    };
    let names = record_of.files;
    let mut wanted = vec![
        (names.video.clone(), at(sent.video.as_ref(), ArtifactKind::Render, ".mp4")?),
        (names.thumbnail.clone(), at(sent.thumbnail.as_ref(), ArtifactKind::Thumbnail, ".jpg")?),
    ];
    for (name, extension) in [(names.srt, ".srt"), (names.vtt, ".vtt"), (names.ass, ".ass")] {
        if let Some(name) = name {
            wanted.push((name, of(ArtifactKind::Subtitles, extension)?));
        }
    }
    wanted.push((names.record, record));
    let mut files = Vec::new();
    for (name, artifact) in wanted {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        let path = tools.library.unverified(&artifact.path)?;
        let content = Content::File { path, sha256: artifact.sha256.clone() };
        files.push(PublishFile { name, content, bytes: artifact.bytes });
    }
    let text = post_text(order);
    let base = names.video.strip_suffix(".mp4").unwrap_or(&names.video);
    files.push(PublishFile { name: format!("{base}.txt"), bytes: text.len() as u64, content: Content::Text(text) });
    Ok(Publication { upload_job_id: order.upload_job_id, clip_id, files, post: post(order) })
}

/// The rendering that goes out. A clip from before there were lists has one file, which its record describes.
fn sent(made: Made, record: &ClipRecord) -> Result<Rendering, Fault> {
    let Made { mut renderings, outlet, asked } = made;
    if renderings.is_empty() {
        let variant = if record.plan.brand.logo.is_some() { OWN } else { UNMARKED };
        renderings.push(Rendering {
            variant: variant.into(),
            outlets: Vec::new(),
            why: String::new(),
            video: None,
            thumbnail: None,
            sha256: None,
            fault: None,
        });
    }
    // Where nothing is published, the publisher says so.
    let outlet = outlet.unwrap_or(Outlet::Folder);
    chosen(&renderings, outlet, asked).cloned()
}

fn post(order: &UploadJobRow) -> Post {
    let new = Post::new(order.title.trim(), order.description.trim());
    Post { tags: order.keywords.clone(), privacy: order.privacy_status, ..new }
}

/// What a person pastes where the video goes.
fn post_text(order: &UploadJobRow) -> String {
    let mut text = format!("{}\n", order.title.trim());
    if !order.description.trim().is_empty() {
        text.push_str(&format!("\n{}\n", order.description.trim()));
    }
    if !order.keywords.is_empty() {
        text.push_str(&format!("\n{}\n", order.keywords.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_stands_in_the_key() {
        let sha = "b".repeat(64);
        assert_eq!(owner(&format!("renders/bb/{sha}-1234.mp4")), Some("1234"));
        assert_eq!(owner(&format!("raw/bb/{sha}")), None);
        assert_eq!(owner(&format!("raw/bb/{sha}-")), None);
        assert_eq!(owner(""), None);
    }
}
