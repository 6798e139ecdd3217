//! Every row type with its table: one list of fields, from which the statements follow.

use std::sync::OnceLock;

use omniva_contracts::engine::*;
use sea_orm::{DbErr, QueryResult, Value};

use super::field::{Cells, Field};
use crate::relations::active_key;

/// What is known of a table. Column 0 is the primary key.
pub(crate) struct Shape {
    pub table: &'static str,
    pub columns: Vec<String>,
    /// Columns that are written and not read back, after the others.
    pub derived: &'static [&'static str],
    /// Columns that an update leaves as they are.
    pub fixed: &'static [&'static str],
}

impl Shape {
    fn all(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(String::as_str).chain(self.derived.iter().copied())
    }
    pub fn width(&self) -> usize {
        self.columns.len() + self.derived.len()
    }
    /// `"a", "b"` of what is read, each with `prefix` before it (`t.` or nothing).
    pub fn selected(&self, prefix: &str) -> String {
        self.columns.iter().map(|c| format!("{prefix}\"{c}\"")).collect::<Vec<_>>().join(", ")
    }
    /// `"a", "b"` of what is written.
    pub fn written(&self) -> String {
        self.all().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", ")
    }
    /// The columns that an update writes: `(place in the values of a row, name)`.
    pub fn updated(&self) -> impl Iterator<Item = (usize, &str)> {
        self.all().enumerate().skip(1).filter(|(_, c)| !self.fixed.contains(c))
    }
    pub fn key(&self) -> &str {
        self.columns.first().map_or("", String::as_str)
    }
}

pub(crate) trait Stored: Sized {
    fn shape() -> &'static Shape;
    /// In the order of the shape, derived ones included.
    fn values(&self, out: &mut Vec<Value>);
    fn read(row: &QueryResult) -> Result<Self, DbErr>;
}

fn names<R, F: Field>(_: fn(&R) -> &F, name: &str, out: &mut Vec<String>) {
    F::names(name, out);
}

macro_rules! stored {
    ($type:ident in $table:literal { $($field:ident $(as $name:literal)?),+ $(,)? }
     $(derived { $($derived:literal = $value:expr),+ })? $(fixed [$($fixed:literal),+])?) => {
        impl Stored for $type {
            fn shape() -> &'static Shape {
                static SHAPE: OnceLock<Shape> = OnceLock::new();
                SHAPE.get_or_init(|| {
                    let mut columns = Vec::new();
                    $(names(|row: &$type| &row.$field, stored!(@name $field $($name)?), &mut columns);)+
                    Shape {
                        table: $table,
                        columns,
                        derived: &[$($($derived),+)?],
                        fixed: &[$($($fixed),+)?],
                    }
                })
            }
            fn values(&self, out: &mut Vec<Value>) {
                $(self.$field.put(out);)+
                $($(out.push($value(self));)+)?
            }
            fn read(row: &QueryResult) -> Result<Self, DbErr> {
                let mut cells = Cells::new(row);
                Ok(Self { $($field: Field::take(&mut cells)?),+ })
            }
        }
    };
    (@name $field:ident $name:literal) => { $name };
    (@name $field:ident) => { stringify!($field) };
}

stored! { Project in "projects" {
    project_id, name, description, status, settings, created_at, updated_at, version,
} }
stored! { Creator in "creators" {
    creator_id, project_id, platform, username, profile_url, status, scrape_window_days, rights, source, last_scraped_at,
    created_at, updated_at, version,
} }
stored! { Post in "posts" {
    post_id, creator_id, platform_post_id, url, posted_at, downloaded_at, raw_metadata, version,
} }
stored! { Video in "videos" {
    video_id, post_id, project_id, file_path, title, duration_seconds, resolution, bytes, checksum, trace_id, created_at,
    version,
} }
stored! { AnalysisRow in "analysis" {
    analysis_id, video_id, transcript, keywords, virality_score, relevance_score, raw_ai_output, active, created_at,
    version,
} }
stored! { Clip in "clips" {
    clip_id, video_id, project_id, start_time, end_time, confidence, semantic_tags, pantheon_votes, lattice_priority,
    status, metadata, trace_id, created_at, updated_at, version,
} }
stored! { EditJobRow in "edit_jobs" {
    edit_job_id, clip_id, job_id, operations, ffmpeg_commands, gpu_required, estimated_duration_seconds, status,
    created_at, version,
} }
stored! { UploadJobRow in "upload_jobs" {
    upload_job_id, clip_id, project_id, job_id, target, title, description, keywords, scheduled_time, privacy_status,
    yt_video_id, response, status, created_at, version,
} }
stored! { Schedule in "schedules" {
    schedule_id, clip_id, project_id, upload_job_id, target, recommended_time, final_scheduled_time,
    horizon_adjustments, status, locked, created_at, version,
} }
stored! { SampleRow in "engagement_samples" { sample_id, sample, version } }
stored! { ModelRow in "models" { name, model, steps, alarm, packet_id, updated_at, version } }
stored! { Artifact in "artifacts" {
    artifact_id, kind, path, sha256, bytes, project_id, video_id, clip_id, promoted, keep_until, removed_at, created_at,
    version,
} }
stored! { Job in "jobs" {
    id, kind, project_id, subject, unique_key, state, step, progress, priority, attempt, max_attempts, crashes, snoozes,
    fence, worker, lease_until, run_after, expires_at, cancel_requested, payload, checkpoint, result, fault, trace_id,
    meta_parents, created_at, started_at, ended_at, updated_at, version,
}
derived { "active_key" = |job: &Job| Value::String(active_key(job).cloned()) }
fixed ["kind", "project_id", "subject_type", "subject_id", "trace_id", "created_at"] }
stored! { QueueControl in "queues" { queue, mode, limit, intake, reason, version } }
stored! { CronEntry in "cron" { name, every_seconds, misfire, next_at, last_at, version } }
stored! { Directive in "directives" {
    directive_id, order as "directive", state, source, reason, evidence, rollback, trace_id, created_at, dispatched_at,
    version,
} }
stored! { ApiKey in "api_keys" {
    api_key_id, name, role, hash, created_at, expires_at, revoked_at, last_used_at, version,
} }
stored! { Setting in "settings" { name, value, updated_at, version } }
stored! { IdempotentAnswer in "idempotent_answers" { key, body_hash, status, answer, created_at, expires_at } }
stored! { AuditRow in "audit" { request_id, actor, role, method, path, status, packet_id, at } }
stored! { Checkpoint in "ledger_checkpoints" { size, origin, root, at, signature, key_id } }
stored! { LogRow in "logs" {
    log_id, source, level, message, project_id, job_id, trace_id, stage, metadata, created_at,
} }

macro_rules! rows {
    ($($variant:ident($type:ident)),+ $(,)?) => {
        /// Shape and values of any row.
        pub(crate) fn shape_of(row: &Row) -> &'static Shape {
            match row { $(Row::$variant(_) => $type::shape()),+ }
        }
        pub(crate) fn values_of(row: &Row, out: &mut Vec<Value>) {
            match row { $(Row::$variant(r) => r.values(out)),+ }
        }
    };
}
rows! {
    Project(Project), Creator(Creator), Post(Post), Video(Video), Analysis(AnalysisRow), Clip(Clip),
    Sample(SampleRow), Model(ModelRow), EditJob(EditJobRow), UploadJob(UploadJobRow), Schedule(Schedule), Artifact(Artifact), Job(Job),
    Queue(QueueControl), Cron(CronEntry), Directive(Directive), ApiKey(ApiKey), Setting(Setting),
    Answer(IdempotentAnswer), Audit(AuditRow), Checkpoint(Checkpoint),
}
