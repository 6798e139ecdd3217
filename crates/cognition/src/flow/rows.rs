//! Finding rows among those that were read, raising their versions, and noting packets.

use omniva_contracts::engine::*;
use omniva_contracts::fault::{Code, Fault};
use omniva_contracts::ports::Ids;
use serde_json::{Value, json};

/// The rows as they are now.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a>(pub &'a [Row]);

macro_rules! find {
    ($name:ident, $variant:ident, $row:ty, $id:ty, $field:ident) => {
        pub fn $name(self, id: $id) -> Option<&'a $row> {
            self.0.iter().find_map(|row| match row {
                Row::$variant(row) if row.$field == id => Some(row as &$row),
                _ => None,
            })
        }
    };
}

impl<'a> Rows<'a> {
    find!(project, Project, Project, ProjectId, project_id);
    find!(creator, Creator, Creator, CreatorId, creator_id);
    find!(post, Post, Post, PostId, post_id);
    find!(video, Video, Video, VideoId, video_id);
    find!(clip, Clip, Clip, ClipId, clip_id);
    find!(edit_job, EditJob, EditJobRow, EditJobId, edit_job_id);
    find!(upload_job, UploadJob, UploadJobRow, UploadJobId, upload_job_id);
    find!(schedule, Schedule, Schedule, ScheduleId, schedule_id);
    find!(artifact, Artifact, Artifact, ArtifactId, artifact_id);

    pub fn sample(self, id: SampleId) -> Option<&'a SampleRow> {
        self.0.iter().find_map(|row| match row {
            Row::Sample(row) if row.sample_id == id => Some(row.as_ref()),
            _ => None,
        })
    }
    pub fn model(self, name: &str) -> Option<&'a ModelRow> {
        self.0.iter().find_map(|row| match row {
            Row::Model(row) if row.name == name => Some(row.as_ref()),
            _ => None,
        })
    }
    pub fn active_analysis(self, video: VideoId) -> Option<&'a AnalysisRow> {
        self.0.iter().find_map(|row| match row {
            Row::Analysis(row) if row.active && row.video_id == video => Some(row),
            _ => None,
        })
    }
    /// The schedule of an upload: the one that is named, or the one that names the upload.
    pub fn slot_of(self, upload: UploadJobId, named: Option<ScheduleId>) -> Option<&'a Schedule> {
        named.and_then(|id| self.schedule(id)).or_else(|| {
            self.0.iter().find_map(|row| match row {
                Row::Schedule(row) if row.upload_job_id == Some(upload) => Some(row),
                _ => None,
            })
        })
    }
    /// Whether another upload of the clip is still to come, or under way.
    pub fn other_uploads_open(self, clip: ClipId, but: UploadJobId) -> bool {
        self.0.iter().any(|row| match row {
            Row::UploadJob(row) => {
                row.clip_id == clip
                    && row.upload_job_id != but
                    && matches!(row.status, WorkStatus::Queued | WorkStatus::Running | WorkStatus::Scheduled)
            }
            _ => false,
        })
    }
    pub fn open_key(self, key: &str) -> bool {
        self.0.iter().any(|row| match row {
            Row::Job(job) => job.unique_key.as_deref() == Some(key) && !job.state.is_final(),
            _ => false,
        })
    }
    /// Version of an artifact's next row.
    pub fn next_artifact(self, mut artifact: Artifact) -> Artifact {
        artifact.version = self.artifact(artifact.artifact_id).map_or(1, |row| row.version + 1);
        artifact
    }
}

pub(super) fn gone(what: &str, id: impl std::fmt::Display) -> Fault {
    Fault::new(
        Code::NotFound,
        format!("{what} {id} is not there"),
        "nothing: it was removed meanwhile; what depended on it is dropped",
    )
}

/// Writes packets with what they all have in common.
pub(super) struct Scribe<'a> {
    pub ids: &'a mut dyn Ids,
    pub source: &'a str,
    pub project_id: Option<ProjectId>,
    pub trace_id: TraceId,
    pub now: Moment,
}

impl Scribe<'_> {
    pub fn packet(&mut self, kind: &str, entity: EntityRef, parents: &[PacketId], body: Value) -> PacketDraft {
        PacketDraft {
            stardust_id: PacketId(self.ids.next()),
            kind: kind.to_owned(),
            entity,
            project_id: self.project_id,
            trace_id: self.trace_id,
            source: self.source.to_owned(),
            meta_parents: parents.to_vec(),
            at: self.now,
            body,
            decision_chain: None,
        }
    }
}

/// Sets keys of a row's open object; what is no object becomes one.
pub(super) fn set(value: &mut Value, entries: impl IntoIterator<Item = (&'static str, Value)>) {
    if !value.is_object() {
        *value = json!({});
    }
    if let Some(map) = value.as_object_mut() {
        map.extend(entries.into_iter().map(|(key, entry)| (key.to_owned(), entry)));
    }
}

/// A clip with another status, one version on.
pub(super) fn clip_to(clip: &Clip, status: ClipStatus, now: Moment) -> Clip {
    Clip { status, updated_at: now, version: clip.version + 1, ..clip.clone() }
}

pub(super) fn edit_job_to(row: &EditJobRow, status: WorkStatus) -> EditJobRow {
    EditJobRow { status, version: row.version + 1, ..row.clone() }
}

pub(super) fn upload_to(row: &UploadJobRow, status: WorkStatus) -> UploadJobRow {
    UploadJobRow { status, version: row.version + 1, ..row.clone() }
}

pub(super) fn schedule_to(row: &Schedule, status: ScheduleStatus) -> Schedule {
    Schedule { status, version: row.version + 1, ..row.clone() }
}
