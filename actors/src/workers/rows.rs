//! Rows that workers propose, with ids that follow from the job.

use std::time::Duration;

use omniva_assets::Kept;
use omniva_contracts::engine::*;
use omniva_contracts::ports::{Ids, Seeded};
use omniva_store::Reader;
use uuid::Uuid;

use super::end::{End, Run, gone};

const DAY: u64 = 86_400;

/// An id that is the same in every attempt of the job.
pub(super) fn id_of(job: &Job, what: &str) -> Uuid {
    Seeded::new(format!("{} {what}", job.id).as_bytes()).next()
}

/// What an artifact belongs to, and how long it stays.
#[derive(Clone, Copy)]
pub(super) struct Belongs {
    pub project: ProjectId,
    pub video: VideoId,
    pub clip: Option<ClipId>,
    pub now: Moment,
    pub days: u32,
}

impl Belongs {
    pub fn artifact(&self, job: &Job, kind: ArtifactKind, kept: &Kept) -> Artifact {
        Artifact {
            artifact_id: ArtifactId(id_of(job, kept.key.as_str())),
            kind,
            path: kept.key.as_str().to_owned(),
            sha256: kept.key.sha256().to_owned(),
            bytes: kept.bytes,
            project_id: Some(self.project),
            video_id: Some(self.video),
            clip_id: self.clip,
            promoted: false,
            keep_until: Some(self.now.after(days(self.days))),
            removed_at: None,
            created_at: self.now,
            version: 1,
        }
    }
}

pub(super) fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * DAY)
}

pub(super) async fn project(reader: &dyn Reader, id: ProjectId) -> Run<Project> {
    reader.project(id).await?.ok_or_else(|| gone("project", id))
}

pub(super) async fn video(reader: &dyn Reader, id: VideoId) -> Run<Video> {
    reader.video(id).await?.ok_or_else(|| gone("video", id))
}

pub(super) async fn clip(reader: &dyn Reader, id: ClipId) -> Run<Clip> {
    reader.clip(id).await?.ok_or_else(|| gone("clip", id))
}

/// The subject of a job where it is of this type.
pub(super) fn subject(job: &Job, entity_type: EntityType) -> Option<Uuid> {
    job.subject.as_ref().filter(|s| s.entity_type == entity_type).map(|s| s.entity_id)
}

/// An id that neither payload nor subject gives.
pub(super) fn unnamed(what: &str) -> End {
    omniva_contracts::Fault::internal(format!("the job names no {what}")).into()
}
