//! The derived views of the reference as plain views: always fresh, nothing to refresh after a restore. The job queue
//! knows QUEUED where the reference writes PENDING. Who reads the upcoming schedule compares its times with now.

pub const ALL: &[&str] = &[
    "CREATE VIEW latest_analysis_per_video AS
     SELECT video_id, analysis_id, virality_score, relevance_score, created_at FROM (
       SELECT video_id, analysis_id, virality_score, relevance_score, created_at,
              ROW_NUMBER() OVER (PARTITION BY video_id ORDER BY created_at DESC, analysis_id DESC) AS place
       FROM analysis) AS ranked
     WHERE place = 1",
    "CREATE VIEW best_clip_per_video AS
     SELECT video_id, clip_id, confidence, lattice_priority FROM (
       SELECT video_id, clip_id, confidence, lattice_priority,
              ROW_NUMBER() OVER (PARTITION BY video_id ORDER BY confidence DESC, lattice_priority DESC, clip_id) AS place
       FROM clips) AS ranked
     WHERE place = 1",
    "CREATE VIEW pending_edit_jobs AS
     SELECT * FROM edit_jobs WHERE status = 'QUEUED' ORDER BY created_at, edit_job_id",
    "CREATE VIEW upcoming_upload_schedule AS
     SELECT uj.upload_job_id, uj.clip_id, uj.title, uj.scheduled_time, s.final_scheduled_time,
            s.status AS schedule_status
     FROM upload_jobs uj LEFT JOIN schedules s ON s.upload_job_id = uj.upload_job_id
     WHERE uj.status IN ('QUEUED', 'SCHEDULED')
       AND (uj.scheduled_time IS NOT NULL OR s.final_scheduled_time IS NOT NULL)
     ORDER BY COALESCE(s.final_scheduled_time, uj.scheduled_time)",
];
