//! From the subject up to its project: schedule → upload job → clip → video → post → creator → project.

use omniva_cognition::council::Brief;
use omniva_contracts::engine::*;
use omniva_store::{Reader, StoreFault};

/// The row that an entity reference names, if there is one.
///
/// # Errors
/// The store does not answer.
pub async fn row(reader: &dyn Reader, entity: &EntityRef) -> Result<Option<Row>, StoreFault> {
    let id = entity.entity_id;
    Ok(match entity.entity_type {
        EntityType::Project => reader.project(ProjectId(id)).await?.map(Row::Project),
        EntityType::Creator => reader.creator(CreatorId(id)).await?.map(Row::Creator),
        EntityType::Post => reader.post(PostId(id)).await?.map(Row::Post),
        EntityType::Video => reader.video(VideoId(id)).await?.map(Row::Video),
        EntityType::Analysis => reader.analysis(AnalysisId(id)).await?.map(Row::Analysis),
        EntityType::Clip => reader.clip(ClipId(id)).await?.map(|clip| Row::Clip(Box::new(clip))),
        EntityType::EditJob => reader.edit_job(EditJobId(id)).await?.map(Row::EditJob),
        EntityType::UploadJob => reader.upload_job(UploadJobId(id)).await?.map(|job| Row::UploadJob(Box::new(job))),
        EntityType::Schedule => reader.schedule(ScheduleId(id)).await?.map(Row::Schedule),
        EntityType::Artifact => reader.artifact(ArtifactId(id)).await?.map(Row::Artifact),
        EntityType::Job => reader.job(JobId(id)).await?.map(|job| Row::Job(Box::new(job))),
        EntityType::Directive => reader.directive(DirectiveId(id)).await?.map(Row::Directive),
        // Not rows of their own that a job could want.
        EntityType::Queue | EntityType::ApiKey | EntityType::Request | EntityType::Engine | EntityType::Model => None,
    })
}

/// Fills in the subject and what it came from. False when the subject is not there.
pub(super) async fn follow(reader: &dyn Reader, brief: &mut Brief) -> Result<bool, StoreFault> {
    let Some(found) = row(reader, &brief.subject).await? else { return Ok(false) };
    place(brief, found);
    if let Some(subject) = brief.job.as_ref().and_then(|job| job.subject.clone())
        && let Some(found) = row(reader, &subject).await?
    {
        place(brief, found);
    }
    climb(reader, brief).await?;
    Ok(true)
}

fn place(brief: &mut Brief, found: Row) {
    match found {
        Row::Project(row) => brief.project = Some(row),
        Row::Creator(row) => brief.creator = Some(row),
        Row::Post(row) => brief.post = Some(row),
        Row::Video(row) => brief.video = Some(row),
        Row::Clip(row) => brief.clip = Some(*row),
        Row::EditJob(row) => brief.edit_job = Some(row),
        Row::UploadJob(row) => brief.upload_job = Some(*row),
        Row::Schedule(row) => brief.schedule = Some(row),
        Row::Job(row) => brief.job = Some(*row),
        _ => {}
    }
}

async fn climb(reader: &dyn Reader, brief: &mut Brief) -> Result<(), StoreFault> {
    if brief.upload_job.is_none()
        && let Some(id) = brief.schedule.as_ref().and_then(|s| s.upload_job_id)
    {
        brief.upload_job = reader.upload_job(id).await?;
    }
    if brief.clip.is_none() {
        let clip = brief.upload_job.as_ref().map(|u| u.clip_id);
        let clip = clip.or(brief.schedule.as_ref().map(|s| s.clip_id)).or(brief.edit_job.as_ref().map(|e| e.clip_id));
        if let Some(id) = clip {
            brief.clip = reader.clip(id).await?;
        }
    }
    if brief.video.is_none()
        && let Some(id) = brief.clip.as_ref().map(|c| c.video_id)
    {
        brief.video = reader.video(id).await?;
    }
    if brief.post.is_none()
        && let Some(id) = brief.video.as_ref().map(|v| v.post_id)
    {
        brief.post = reader.post(id).await?;
    }
    if brief.creator.is_none()
        && let Some(id) = brief.post.as_ref().map(|p| p.creator_id)
    {
        brief.creator = reader.creator(id).await?;
    }
    if brief.project.is_none() {
        let id = brief.clip.as_ref().map(|c| c.project_id).or(brief.video.as_ref().map(|v| v.project_id));
        let id = id.or(brief.creator.as_ref().map(|c| c.project_id));
        if let Some(id) = id.or(brief.job.as_ref().and_then(|j| j.project_id)) {
            brief.project = reader.project(id).await?;
        }
    }
    beside(reader, brief).await
}

/// The newest edit and upload of the clip, and the upload's schedule, where the question did not name them.
async fn beside(reader: &dyn Reader, brief: &mut Brief) -> Result<(), StoreFault> {
    let Some(clip) = brief.clip.as_ref().map(|c| c.clip_id) else { return Ok(()) };
    if brief.edit_job.is_none() {
        brief.edit_job = reader.edit_jobs_of(clip).await?.into_iter().next();
    }
    if brief.question == Question::Upload {
        let filter = omniva_store::UploadFilter { clip: Some(clip), ..Default::default() };
        brief.uploads = reader.upload_jobs(&filter, super::surroundings::FEW).await?.items;
        let filter = omniva_store::ScheduleFilter { clip: Some(clip), ..Default::default() };
        brief.places = reader.schedules(&filter, super::surroundings::FEW).await?.items;
    }
    if brief.upload_job.is_none() {
        let filter = omniva_store::UploadFilter { clip: Some(clip), ..Default::default() };
        brief.upload_job = reader.upload_jobs(&filter, super::surroundings::ONE).await?.items.into_iter().next();
    }
    if brief.schedule.is_none()
        && let Some(upload) = brief.upload_job.as_ref().map(|u| u.upload_job_id)
    {
        let filter = omniva_store::ScheduleFilter { clip: Some(clip), ..Default::default() };
        let all = reader.schedules(&filter, super::surroundings::FEW).await?.items;
        brief.schedule = all.into_iter().find(|s| s.upload_job_id == Some(upload));
    }
    if brief.job.is_none() {
        // The job that led to this: that of the edit, before an upload is decided on.
        if let Some(id) = brief.edit_job.as_ref().map(|e| e.job_id) {
            brief.job = reader.job(id).await?;
        }
    }
    Ok(())
}
