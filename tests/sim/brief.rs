//! The facts for a question, read from the store.

use omniva_cognition::council::{Booking, Brief, ClipDigest, JobDigest, PacketDigest, ProjectLoad, QueueReading};
use omniva_contracts::engine::*;
use omniva_store::{ClipFilter, JobFilter, PacketFilter, ScheduleFilter, UploadFilter};

use crate::chaos::Fault;
use crate::engine::PAGE;
use crate::world::{World, wait};

impl World {
    /// `None` when there is nothing left to decide.
    pub fn gather(&mut self, question: Question, subject: &EntityRef) -> Option<Brief> {
        let reader = self.reader.clone();
        let mut brief = Brief::new(question, subject.clone(), TraceId(uuid::Uuid::nil()), self.now);
        let id = subject.entity_id;
        match subject.entity_type {
            EntityType::Video => brief.video = wait(reader.video(VideoId(id))).expect("readable"),
            EntityType::Clip => brief.clip = wait(reader.clip(ClipId(id))).expect("readable"),
            EntityType::Schedule => {
                let slot = wait(reader.schedule(ScheduleId(id))).expect("readable")?;
                if slot.status != ScheduleStatus::Pending {
                    return None;
                }
                brief.clip = wait(reader.clip(slot.clip_id)).expect("readable");
                brief.upload_job = wait(reader.upload_job(slot.upload_job_id?)).expect("readable");
                brief.schedule = Some(slot);
            }
            EntityType::Job => brief.job = wait(reader.job(JobId(id))).expect("readable"),
            _ => return None,
        }
        if let Some(clip) = &brief.clip {
            if matches!((question, clip.status), (Question::Select, s) if s != ClipStatus::ReadyForEdit)
                || matches!((question, clip.status), (Question::Upload, s) if s != ClipStatus::Ready)
            {
                return None;
            }
            brief.trace_id = clip.trace_id;
            brief.video = wait(reader.video(clip.video_id)).expect("readable");
            self.about_clip(&mut brief);
        }
        if let Some(job) = &brief.job {
            brief.trace_id = job.trace_id;
            brief.project = job.project_id.and_then(|id| wait(reader.project(id)).expect("readable"));
        }
        if let Some(video) = &brief.video {
            brief.trace_id = video.trace_id;
            brief.post = wait(reader.post(video.post_id)).expect("readable");
            brief.project = wait(reader.project(video.project_id)).expect("readable");
        }
        if let Some(post) = &brief.post {
            brief.creator = wait(reader.creator(post.creator_id)).expect("readable");
        }
        self.around(&mut brief);
        Some(brief)
    }

    fn about_clip(&self, brief: &mut Brief) {
        let Some(clip) = brief.clip.clone() else { return };
        let others = |filter: ClipFilter| -> Vec<ClipDigest> {
            let clips = wait(self.reader.clips(&filter, PAGE)).expect("readable").items;
            let live = clips.iter().filter(|c| c.clip_id != clip.clip_id && c.status != ClipStatus::Rejected);
            live.map(ClipDigest::of).collect()
        };
        brief.siblings = others(ClipFilter { video: Some(clip.video_id), ..Default::default() });
        brief.recent_clips =
            others(ClipFilter { project: Some(clip.project_id), newest_first: true, ..Default::default() });
        let filter = UploadFilter { clip: Some(clip.clip_id), ..Default::default() };
        brief.uploads = wait(self.reader.upload_jobs(&filter, PAGE)).expect("readable").items;
        let filter = ScheduleFilter { clip: Some(clip.clip_id), ..Default::default() };
        brief.places = wait(self.reader.schedules(&filter, PAGE)).expect("readable").items;
        if brief.upload_job.is_none() {
            let filter = UploadFilter { clip: Some(clip.clip_id), ..Default::default() };
            brief.upload_job = wait(self.reader.upload_jobs(&filter, PAGE)).expect("readable").items.into_iter().next();
        }
        if brief.schedule.is_none() {
            let filter = ScheduleFilter { clip: Some(clip.clip_id), ..Default::default() };
            brief.schedule = wait(self.reader.schedules(&filter, PAGE)).expect("readable").items.into_iter().next();
        }
    }

    fn around(&mut self, brief: &mut Brief) {
        let reader = self.reader.clone();
        brief.personas = self.personas.clone();
        brief.booked = self.bookings();
        brief.queues = self.readings();
        let states = JobState::ALL.into_iter().filter(|s| !s.is_final()).collect();
        let filter = JobFilter { subject: Some(brief.subject.clone()), states, ..Default::default() };
        let open = wait(reader.jobs(&filter, PAGE)).expect("readable").items;
        brief.open_jobs = open.iter().map(JobDigest::of).collect();
        if let Some(key) = brief.job.as_ref().and_then(|j| j.unique_key.as_deref()) {
            let same = wait(reader.job_by_unique_key(key)).expect("readable");
            brief.open_jobs.extend(same.iter().map(JobDigest::of));
            brief.open_jobs.sort_by_key(|j| j.job_id);
            brief.open_jobs.dedup_by_key(|j| j.job_id);
        }
        if let Some(project) = &brief.project {
            let counts = wait(reader.project_counts(project.project_id, self.now)).expect("readable");
            brief.published_today = counts.published_today as u32;
        }
        brief.projects = wait(reader.projects(None, PAGE))
            .expect("readable")
            .items
            .iter()
            .map(|p| ProjectLoad {
                project_id: p.project_id,
                running: true,
                open_jobs: self
                    .jobs
                    .values()
                    .filter(|j| j.project_id == Some(p.project_id) && !j.state.is_final())
                    .count() as u64,
                recent_clips: 0,
            })
            .collect();
        let lineage = PacketFilter { trace: Some(brief.trace_id), ..Default::default() };
        let packets = wait(reader.packets(&lineage, 500)).expect("readable");
        brief.lineage = packets.iter().map(|p| PacketDigest::of(&p.draft)).collect();
        brief.evidence = wait(reader.last_packet_of(&brief.subject))
            .expect("readable")
            .map(|p| p.draft.stardust_id)
            .into_iter()
            .collect();
        if self.strikes(Fault::Operator) {
            brief.overrides.push(Override {
                question: brief.question,
                subject: brief.subject.clone(),
                approve: self.below(2) == 0,
                reason: "a wish".into(),
                operator: "cli".into(),
            });
        }
    }

    pub fn bookings(&self) -> Vec<Booking> {
        let all = wait(self.reader.schedules(&ScheduleFilter::default(), PAGE)).expect("readable").items;
        all.into_iter()
            .filter(|s| !matches!(s.status, ScheduleStatus::Cancelled | ScheduleStatus::Missed))
            .filter_map(|s| {
                Some(Booking {
                    schedule_id: s.schedule_id,
                    clip_id: s.clip_id,
                    project_id: s.project_id,
                    target: s.target,
                    at: s.final_scheduled_time?,
                    status: s.status,
                })
            })
            .collect()
    }

    pub fn readings(&self) -> Vec<QueueReading> {
        let depths = wait(self.reader.queue_depths(self.now)).expect("readable");
        let control = |queue| QueueControl {
            queue,
            mode: QueueMode::Running,
            limit: 2,
            intake: 1.0,
            reason: String::new(),
            version: 1,
        };
        depths
            .into_iter()
            .map(|d| QueueReading {
                kind: d.kind,
                ready: d.ready,
                waiting: d.waiting,
                running: d.running,
                quarantined: d.quarantined,
                oldest_ready: d.oldest_ready,
                control: control(d.kind),
            })
            .collect()
    }
}
