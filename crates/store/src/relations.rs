//! What the schema says about a row beside its columns: unique keys, references, and the order in which one commit's rows
//! are written. The memory adapter holds these rules by itself, SQL databases by constraints; one suite tests both.

use std::collections::BTreeMap;

use omniva_contracts::engine::*;
use uuid::Uuid;

/// A primary key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    Id(Uuid),
    Text(String),
    Number(u64),
}

pub(crate) fn key(row: &Row) -> Key {
    Key::Id(match row {
        Row::Project(r) => r.project_id.0,
        Row::Creator(r) => r.creator_id.0,
        Row::Post(r) => r.post_id.0,
        Row::Video(r) => r.video_id.0,
        Row::Analysis(r) => r.analysis_id.0,
        Row::Clip(r) => r.clip_id.0,
        Row::EditJob(r) => r.edit_job_id.0,
        Row::UploadJob(r) => r.upload_job_id.0,
        Row::Schedule(r) => r.schedule_id.0,
        Row::Sample(r) => r.sample_id.0,
        Row::Artifact(r) => r.artifact_id.0,
        Row::Job(r) => r.id.0,
        Row::Directive(r) => r.directive_id.0,
        Row::ApiKey(r) => r.api_key_id.0,
        Row::Audit(r) => r.request_id.0,
        Row::Queue(r) => return Key::Text(r.queue.as_str().to_owned()),
        Row::Model(r) => return Key::Text(r.name.clone()),
        Row::Cron(r) => return Key::Text(r.name.clone()),
        Row::Setting(r) => return Key::Text(r.name.clone()),
        Row::Answer(r) => return Key::Text(r.key.clone()),
        Row::Checkpoint(r) => return Key::Number(r.size),
    })
}

/// The key that a job holds while it is not final.
pub(crate) fn active_key(job: &Job) -> Option<&String> {
    job.unique_key.as_ref().filter(|_| !job.state.is_final())
}

/// Whether a schedule takes its slot.
pub(crate) fn books(schedule: &Schedule) -> bool {
    !matches!(schedule.status, ScheduleStatus::Cancelled | ScheduleStatus::Missed)
}

/// Keys beside the primary one that no two rows of the table share.
pub(crate) fn unique(row: &Row) -> Option<String> {
    match row {
        Row::Project(r) => Some(r.name.clone()),
        Row::Creator(r) => Some(format!("{} {}", r.platform.as_str(), r.username)),
        Row::Post(r) => Some(format!("{} {}", r.creator_id, r.platform_post_id)),
        Row::Video(r) => Some(r.checksum.clone()),
        Row::Analysis(r) => r.active.then(|| r.video_id.to_string()),
        Row::UploadJob(r) => Some(format!("{} {}", r.clip_id, r.target)),
        Row::Schedule(r) => r.final_scheduled_time.filter(|_| books(r)).map(|at| format!("{} {}", at.0, r.target)),
        Row::Artifact(r) => Some(r.path.clone()),
        Row::Job(r) => active_key(r).cloned(),
        Row::ApiKey(r) => Some(r.hash.clone()),
        Row::Clip(_)
        | Row::Sample(_)
        | Row::Model(_)
        | Row::EditJob(_)
        | Row::Queue(_)
        | Row::Cron(_)
        | Row::Directive(_)
        | Row::Setting(_)
        | Row::Answer(_)
        | Row::Audit(_)
        | Row::Checkpoint(_) => None,
    }
}

/// Rows that must be there. At most three.
pub(crate) fn references(row: &Row) -> [Option<(Table, Uuid)>; 3] {
    let project = |id: ProjectId| Some((Table::Projects, id.0));
    let video = |id: VideoId| Some((Table::Videos, id.0));
    let clip = |id: ClipId| Some((Table::Clips, id.0));
    let job = |id: JobId| Some((Table::Jobs, id.0));
    match row {
        Row::Creator(r) => [project(r.project_id), None, None],
        Row::Post(r) => [Some((Table::Creators, r.creator_id.0)), None, None],
        Row::Video(r) => [Some((Table::Posts, r.post_id.0)), project(r.project_id), None],
        Row::Analysis(r) => [video(r.video_id), None, None],
        Row::Clip(r) => [video(r.video_id), project(r.project_id), None],
        Row::EditJob(r) => [clip(r.clip_id), job(r.job_id), None],
        Row::UploadJob(r) => [clip(r.clip_id), project(r.project_id), r.job_id.and_then(job)],
        Row::Schedule(r) => {
            let upload = r.upload_job_id.map(|id| (Table::UploadJobs, id.0));
            [clip(r.clip_id), project(r.project_id), upload]
        }
        Row::Artifact(r) => [r.project_id.and_then(project), r.video_id.and_then(video), r.clip_id.and_then(clip)],
        Row::Job(r) => [r.project_id.and_then(project), None, None],
        Row::Sample(r) => [Some((Table::Schedules, r.sample.schedule_id.0)), None, None],
        _ => [None, None, None],
    }
}

/// Place of a table in an order in which every table follows those that it refers to.
pub(crate) fn depth(table: Table) -> usize {
    match table {
        Table::Projects => 0,
        Table::Creators => 1,
        Table::Posts => 2,
        Table::Videos => 3,
        Table::Analysis => 4,
        Table::Clips => 5,
        Table::Jobs => 6,
        Table::EditJobs => 7,
        Table::UploadJobs => 8,
        Table::Schedules => 9,
        Table::Artifacts => 10,
        Table::Queues => 11,
        Table::Cron => 12,
        Table::Directives => 13,
        Table::ApiKeys => 14,
        Table::Settings => 15,
        Table::Answers => 16,
        Table::Audit => 17,
        Table::Checkpoints => 18,
        Table::Samples => 19,
        Table::Models => 20,
        Table::Packets => 21,
    }
}

/// One commit's rows in the order in which they are written: a row that changes twice keeps its order, referred tables
/// come first, and what frees a unique key comes before what takes it.
pub(crate) fn ordered(commit: &Commit) -> Vec<&Row> {
    let mut times: BTreeMap<(usize, Key), usize> = BTreeMap::new();
    let mut rows: Vec<(usize, usize, bool, &Row)> = commit
        .rows
        .iter()
        .map(|row| {
            let depth = depth(row.table());
            let wave = times.entry((depth, key(row))).or_insert(0);
            *wave += 1;
            (*wave, depth, row.version() == 1, row)
        })
        .collect();
    rows.sort_by_key(|(wave, depth, new, _)| (*wave, *depth, *new));
    rows.into_iter().map(|(_, _, _, row)| row).collect()
}

/// Keeps what a row was made with: those columns are never updated.
pub(crate) fn keep_fixed(new: &mut Row, old: &Row) {
    if let (Row::Job(new), Row::Job(old)) = (new, old) {
        new.kind = old.kind;
        new.project_id = old.project_id;
        new.subject.clone_from(&old.subject);
        new.trace_id = old.trace_id;
        new.created_at = old.created_at;
    }
}

fn text(text: &str) -> bool {
    !text.contains('\0')
}

/// What no database can hold, or not every one: numbers that are not finite, whole numbers beyond 63 bits, NUL in a text,
/// a version that is none. Answers what is wrong.
pub(crate) fn inadmissible(row: &Row) -> Option<&'static str> {
    let finite = |numbers: &[f64]| numbers.iter().all(|n| n.is_finite());
    let fits = |n: u64| i64::try_from(n).is_ok();
    let (numbers, whole, texts) = match row {
        Row::Project(r) => (true, true, text(&r.name) && text(&r.description)),
        Row::Creator(r) => (true, true, text(&r.username) && r.profile_url.as_deref().is_none_or(text)),
        Row::Post(r) => (true, true, text(&r.platform_post_id) && text(&r.url)),
        Row::Video(r) => (
            r.duration_seconds.is_none_or(f64::is_finite),
            fits(r.bytes),
            [&r.file_path, &r.title, &r.checksum].into_iter().chain(&r.resolution).all(|t| text(t)),
        ),
        Row::Analysis(r) => (finite(&[r.virality_score, r.relevance_score]), true, text(&r.transcript)),
        Row::Clip(r) => (
            finite(&[r.start_time, r.end_time, r.confidence, r.lattice_priority])
                && r.pantheon_votes.values().all(|v| v.is_finite()),
            true,
            true,
        ),
        Row::UploadJob(r) => {
            let all = [&r.target, &r.title, &r.description].into_iter().chain(&r.yt_video_id);
            (true, true, all.into_iter().all(|t| text(t)))
        }
        Row::Schedule(r) => (true, true, text(&r.target)),
        Row::Sample(r) => {
            let s = &r.sample;
            let counts = [Some(s.views), s.engaged_views, s.likes, s.comments, s.shares];
            (
                [s.watch_seconds, s.average_view_percentage].into_iter().flatten().all(f64::is_finite),
                counts.into_iter().flatten().all(fits),
                text(&s.channel) && text(&s.post_id),
            )
        }
        Row::Model(r) => (true, true, text(&r.name)),
        Row::Artifact(r) => (true, fits(r.bytes), text(&r.path) && text(&r.sha256)),
        Row::Job(r) => (
            r.progress.is_finite(),
            fits(r.fence),
            text(&r.step) && [&r.unique_key, &r.worker].into_iter().flatten().all(|t| text(t)),
        ),
        Row::Queue(r) => (r.intake.is_finite(), true, text(&r.reason)),
        Row::Cron(r) => (true, fits(r.every_seconds), text(&r.name)),
        Row::Directive(r) => (true, true, text(&r.reason) && text(&r.rollback)),
        Row::ApiKey(r) => (true, true, text(&r.name) && text(&r.hash)),
        Row::Answer(r) => (true, true, text(&r.key) && text(&r.body_hash)),
        Row::Audit(r) => (true, true, text(&r.actor) && text(&r.method) && text(&r.path)),
        Row::Setting(r) => (true, true, text(&r.name)),
        Row::Checkpoint(r) => (true, fits(r.size), text(&r.root) && text(&r.signature) && text(&r.key_id)),
        Row::EditJob(_) => (true, true, true),
    };
    match (numbers, whole, texts) {
        (false, _, _) => Some("holds a number that is not finite"),
        (_, false, _) => Some("holds a whole number beyond 63 bits"),
        (_, _, false) => Some("holds a NUL in a text"),
        _ => (row.version() < 1).then_some("has no version"),
    }
}

/// The same for a packet.
pub(crate) fn inadmissible_packet(packet: &PacketDraft) -> Option<&'static str> {
    (!(text(&packet.kind) && text(&packet.source))).then_some("holds a NUL in a text")
}
