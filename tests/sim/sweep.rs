//! The sweep over the rows: finds every question that was lost with an engine's memory.

use omniva_contracts::engine::*;
use omniva_store::{ClipFilter, JobFilter, PacketFilter, ScheduleFilter, UploadFilter};

use crate::engine::PAGE;
use crate::world::{World, wait};

impl World {
    pub fn sweep(&mut self) {
        for (question, subject) in self.open_questions() {
            self.ask(self.now, question, subject);
        }
    }

    /// Everything that waits for a ruling, by the rows alone.
    pub fn open_questions(&self) -> Vec<(Question, EntityRef)> {
        let mut open = Vec::new();
        for project in wait(self.reader.projects(None, PAGE)).expect("readable").items {
            for video in wait(self.reader.videos(project.project_id, PAGE)).expect("readable").items {
                let entity = EntityRef::new(EntityType::Video, video.video_id);
                if !self.has_job(&entity) && !self.was_said(&entity, &["video.rejected", "video.quarantined"]) {
                    open.push((Question::Ingest, entity));
                }
            }
        }
        let clips = |status| ClipFilter { statuses: vec![status], ..Default::default() };
        for clip in wait(self.reader.clips(&clips(ClipStatus::ReadyForEdit), PAGE)).expect("readable").items {
            open.push((Question::Select, EntityRef::new(EntityType::Clip, clip.clip_id)));
        }
        for clip in wait(self.reader.clips(&clips(ClipStatus::Ready), PAGE)).expect("readable").items {
            let filter = UploadFilter { clip: Some(clip.clip_id), ..Default::default() };
            // One that an operator took back stays back.
            if wait(self.reader.upload_jobs(&filter, PAGE)).expect("readable").total == 0 {
                open.push((Question::Upload, EntityRef::new(EntityType::Clip, clip.clip_id)));
            }
        }
        for slot in wait(self.reader.schedules(&ScheduleFilter::default(), PAGE)).expect("readable").items {
            let entity = EntityRef::new(EntityType::Schedule, slot.schedule_id);
            let waits = slot.status == ScheduleStatus::Pending && slot.recommended_time.is_some();
            if waits && !self.has_open_job(&entity) {
                open.push((Question::Schedule, entity));
            }
        }
        let failed = JobFilter { states: vec![JobState::Error], ..Default::default() };
        for job in wait(self.reader.jobs(&failed, PAGE)).expect("readable").items {
            let entity = EntityRef::new(EntityType::Job, job.id);
            if !self.was_said(&entity, &["recovery.ordered", "recovery.declined"]) {
                open.push((Question::Recover, entity));
            }
        }
        open
    }

    fn has_job(&self, subject: &EntityRef) -> bool {
        let filter = JobFilter { subject: Some(subject.clone()), ..Default::default() };
        wait(self.reader.jobs(&filter, PAGE)).expect("readable").total > 0
    }

    pub fn has_open_job(&self, subject: &EntityRef) -> bool {
        self.jobs.values().any(|j| j.subject.as_ref() == Some(subject) && !j.state.is_final())
    }

    fn was_said(&self, entity: &EntityRef, kinds: &[&str]) -> bool {
        let filter = PacketFilter { entity: Some(entity.clone()), ..Default::default() };
        let packets = wait(self.reader.packets(&filter, 500)).expect("readable");
        packets.iter().any(|p| kinds.contains(&p.draft.kind.as_str()))
    }
}
