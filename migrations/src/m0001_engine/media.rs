//! From project to artifact: what the pipeline makes, in the order in which it refers to itself. Jobs stand here too,
//! since edit and upload jobs refer to them.

use sea_orm_migration::prelude::*;

use super::columns::*;

pub fn tables() -> Vec<TableCreateStatement> {
    vec![
        projects(),
        creators(),
        posts(),
        videos(),
        analysis(),
        clips(),
        jobs(),
        edit_jobs(),
        upload_jobs(),
        schedules(),
        samples(),
        artifacts(),
    ]
}

fn projects() -> TableCreateStatement {
    table(
        "projects",
        vec![
            id("project_id"),
            text("name"),
            text("description"),
            text("status"),
            text("settings"),
            big_integer("created_at"),
            big_integer("updated_at"),
            big_integer("version"),
        ],
    )
}

fn creators() -> TableCreateStatement {
    let mut creators = table(
        "creators",
        vec![
            id("creator_id"),
            uuid("project_id"),
            text("platform"),
            text("username"),
            text_null("profile_url"),
            text("status"),
            big_integer("scrape_window_days"),
            text("rights"),
            text_null("source"),
            big_integer_null("last_scraped_at"),
            big_integer("created_at"),
            big_integer("updated_at"),
            big_integer("version"),
        ],
    );
    refers(&mut creators, "project_id", "projects", "project_id");
    creators
}

fn posts() -> TableCreateStatement {
    let mut posts = table(
        "posts",
        vec![
            id("post_id"),
            uuid("creator_id"),
            text("platform_post_id"),
            text("url"),
            big_integer_null("posted_at"),
            big_integer_null("downloaded_at"),
            text("raw_metadata"),
            big_integer("version"),
        ],
    );
    refers(&mut posts, "creator_id", "creators", "creator_id");
    posts
}

fn videos() -> TableCreateStatement {
    let mut videos = table(
        "videos",
        vec![
            id("video_id"),
            uuid("post_id"),
            uuid("project_id"),
            text("file_path"),
            text("title"),
            double_null("duration_seconds"),
            text_null("resolution"),
            big_integer("bytes"),
            text("checksum"),
            uuid("trace_id"),
            big_integer("created_at"),
            big_integer("version"),
        ],
    );
    refers(&mut videos, "post_id", "posts", "post_id");
    refers(&mut videos, "project_id", "projects", "project_id");
    videos
}

fn analysis() -> TableCreateStatement {
    let mut analysis = table(
        "analysis",
        vec![
            id("analysis_id"),
            uuid("video_id"),
            text("transcript"),
            text("keywords"),
            double("virality_score"),
            double("relevance_score"),
            text("raw_ai_output"),
            boolean("active"),
            big_integer("created_at"),
            big_integer("version"),
        ],
    );
    refers(&mut analysis, "video_id", "videos", "video_id");
    analysis
}

fn clips() -> TableCreateStatement {
    let mut clips = table(
        "clips",
        vec![
            id("clip_id"),
            uuid("video_id"),
            uuid("project_id"),
            double("start_time"),
            double("end_time"),
            double("confidence"),
            text("semantic_tags"),
            text("pantheon_votes"),
            double("lattice_priority"),
            text("status"),
            text("metadata"),
            uuid("trace_id"),
            big_integer("created_at"),
            big_integer("updated_at"),
            big_integer("version"),
        ],
    );
    refers(&mut clips, "video_id", "videos", "video_id");
    refers(&mut clips, "project_id", "projects", "project_id");
    clips
}

/// `active_key` is the unique key while the job is not final, so that a later job can take it.
fn jobs() -> TableCreateStatement {
    let mut jobs = table(
        "jobs",
        vec![
            id("id"),
            text("kind"),
            uuid_null("project_id"),
            text_null("subject_type"),
            uuid_null("subject_id"),
            text_null("unique_key"),
            text_null("active_key"),
            text("state"),
            text("step"),
            double("progress"),
            big_integer("priority"),
            big_integer("attempt"),
            big_integer("max_attempts"),
            big_integer("crashes"),
            big_integer("snoozes"),
            big_integer("fence"),
            text_null("worker"),
            big_integer_null("lease_until"),
            big_integer("run_after"),
            big_integer_null("expires_at"),
            boolean("cancel_requested"),
            text("payload"),
            text_null("checkpoint"),
            text_null("result"),
            text_null("fault"),
            uuid("trace_id"),
            text("meta_parents"),
            big_integer("created_at"),
            big_integer_null("started_at"),
            big_integer_null("ended_at"),
            big_integer("updated_at"),
            big_integer("version"),
        ],
    );
    refers(&mut jobs, "project_id", "projects", "project_id");
    jobs
}

fn edit_jobs() -> TableCreateStatement {
    let mut edits = table(
        "edit_jobs",
        vec![
            id("edit_job_id"),
            uuid("clip_id"),
            uuid("job_id"),
            text("operations"),
            text("ffmpeg_commands"),
            boolean("gpu_required"),
            big_integer_null("estimated_duration_seconds"),
            text("status"),
            big_integer("created_at"),
            big_integer("version"),
        ],
    );
    refers(&mut edits, "clip_id", "clips", "clip_id");
    refers(&mut edits, "job_id", "jobs", "id");
    edits
}

fn upload_jobs() -> TableCreateStatement {
    let mut uploads = table(
        "upload_jobs",
        vec![
            id("upload_job_id"),
            uuid("clip_id"),
            uuid("project_id"),
            uuid_null("job_id"),
            text("target"),
            text("title"),
            text("description"),
            text("keywords"),
            big_integer_null("scheduled_time"),
            text("privacy_status"),
            text_null("yt_video_id"),
            text("response"),
            text("status"),
            big_integer("created_at"),
            big_integer("version"),
        ],
    );
    refers(&mut uploads, "clip_id", "clips", "clip_id");
    refers(&mut uploads, "project_id", "projects", "project_id");
    refers(&mut uploads, "job_id", "jobs", "id");
    uploads
}

fn schedules() -> TableCreateStatement {
    let mut schedules = table(
        "schedules",
        vec![
            id("schedule_id"),
            uuid("clip_id"),
            uuid("project_id"),
            uuid_null("upload_job_id"),
            text("target"),
            big_integer_null("recommended_time"),
            big_integer_null("final_scheduled_time"),
            text("horizon_adjustments"),
            text("status"),
            boolean("locked"),
            big_integer("created_at"),
            big_integer("version"),
        ],
    );
    refers(&mut schedules, "clip_id", "clips", "clip_id");
    refers(&mut schedules, "project_id", "projects", "project_id");
    refers(&mut schedules, "upload_job_id", "upload_jobs", "upload_job_id");
    schedules
}

/// What posts achieved, point by point; what a platform does not tell is NULL.
fn samples() -> TableCreateStatement {
    let mut samples = table(
        "engagement_samples",
        vec![
            id("sample_id"),
            uuid("schedule_id"),
            text("channel"),
            text("post_id"),
            big_integer("published_at"),
            big_integer("measured_at"),
            text("source"),
            big_integer("views"),
            big_integer_null("engaged_views"),
            big_integer_null("likes"),
            big_integer_null("comments"),
            big_integer_null("shares"),
            double_null("watch_seconds"),
            double_null("average_view_percentage"),
            big_integer("version"),
        ],
    );
    refers(&mut samples, "schedule_id", "schedules", "schedule_id");
    samples
}

fn artifacts() -> TableCreateStatement {
    let mut artifacts = table(
        "artifacts",
        vec![
            id("artifact_id"),
            text("kind"),
            text("path"),
            text("sha256"),
            big_integer("bytes"),
            uuid_null("project_id"),
            uuid_null("video_id"),
            uuid_null("clip_id"),
            boolean("promoted"),
            big_integer_null("keep_until"),
            big_integer_null("removed_at"),
            big_integer("created_at"),
            big_integer("version"),
        ],
    );
    refers(&mut artifacts, "project_id", "projects", "project_id");
    refers(&mut artifacts, "video_id", "videos", "video_id");
    refers(&mut artifacts, "clip_id", "clips", "clip_id");
    artifacts
}
