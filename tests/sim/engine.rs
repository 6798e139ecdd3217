//! The engine as the actors run it: one turn sweeps, claims, hears workers, and deliberates.

use omniva_cognition::control::{Snapshot, cycle};
use omniva_cognition::council::{self, Load};
use omniva_cognition::flow;
use omniva_cognition::jobs::invariants::step_is_sound;
use omniva_cognition::jobs::{NewJob, RetryPolicy, new_job, step};
use omniva_contracts::engine::*;
use omniva_contracts::fault::{Code, Fault as Failure};
use omniva_contracts::ports::{Dice, Ids};
use omniva_store::Page;
use serde_json::json;

use crate::chaos::Fault;
use crate::world::{Lost, Pending, World, wait};

/// Kinds that have a pool here.
pub const POOLS: [JobKind; 6] =
    [JobKind::Discover, JobKind::Scrape, JobKind::Analyze, JobKind::Edit, JobKind::Upload, JobKind::Schedule];
pub const PAGE: Page = Page { limit: 1000, offset: 0 };

impl World {
    /// Projects and creators, as an operator sets them up.
    pub fn found(&mut self) {
        let now = self.now;
        for p in 0..2 {
            let project_id = ProjectId(self.ids.next());
            let settings = ProjectSettings { daily_quota: 2 + p, ..ProjectSettings::default() };
            let project = Project {
                project_id,
                name: format!("project {p}"),
                description: String::new(),
                status: ProjectStatus::Running,
                settings,
                created_at: now,
                updated_at: now,
                version: 1,
            };
            let creator = Creator {
                creator_id: CreatorId(self.ids.next()),
                project_id,
                platform: Platform::Other,
                username: format!("creator {p}"),
                profile_url: None,
                status: CreatorStatus::Active,
                scrape_window_days: 7,
                rights: RightsBasis::Owned,
                source: None,
                last_scraped_at: None,
                created_at: now,
                updated_at: now,
                version: 1,
            };
            let packet = self.packet("project.created", EntityRef::new(EntityType::Project, project_id));
            let rows = vec![Row::Project(project), Row::Creator(creator)];
            let active = std::mem::take(&mut self.active);
            self.commit("founded", Commit { rows, packets: vec![packet], purges: vec![] }).expect("written");
            self.active = active;
        }
    }

    pub fn packet(&mut self, kind: &str, entity: EntityRef) -> PacketDraft {
        PacketDraft {
            stardust_id: PacketId(self.ids.next()),
            kind: kind.into(),
            entity,
            project_id: None,
            trace_id: TraceId(self.ids.next()),
            source: "operator".into(),
            meta_parents: vec![],
            at: self.now,
            body: json!({}),
            decision_chain: None,
        }
    }

    /// One turn under faults.
    pub fn turn(&mut self) {
        let seconds = [0.1, 1.0, 5.0, 20.0, 60.0][self.below(5) as usize];
        self.pass_working(seconds);
        if self.strikes(Fault::ClockJump) {
            let hours = 1 + self.below(5);
            self.pass(hours as f64 * 3600.0);
        }
        if self.strikes(Fault::ClockBack) {
            self.now = self.now.before(std::time::Duration::from_secs(300));
        }
        if self.strikes(Fault::EngineCrash) {
            self.crash();
        }
        if self.strikes(Fault::Operator) {
            self.operator();
        }
        self.work();
    }

    /// Time passes in steps of a heartbeat, as workers live it.
    fn pass_working(&mut self, seconds: f64) {
        let (mut left, beat) = (seconds, self.config.jobs.heartbeat_seconds);
        while left > 0.0 {
            self.pass(left.min(beat));
            self.hear();
            left -= beat;
        }
    }

    /// What the engine does by itself whenever it wakes.
    pub fn work(&mut self) {
        self.rescue();
        self.hear();
        self.deliberate();
        self.claim();
        match self.below(6) {
            0 => self.cron(),
            1 => self.sweep(),
            2 => self.control(),
            _ => {}
        }
    }

    /// All that was only in memory is gone. A worker elsewhere goes on and is heard (too late) by the next engine.
    fn crash(&mut self) {
        self.pending.clear();
        let mut runs = std::mem::take(&mut self.runs);
        runs.retain(|_| self.dice.roll() < 0.5);
        runs.iter_mut().for_each(|run| run.silent = true);
        self.runs = runs;
    }

    /// Moves one job. `None` when the event did not fit or could not be written.
    pub fn advance(&mut self, id: JobId, event: &JobEvent) -> Option<Job> {
        for _ in 0..3 {
            let job = wait(self.reader.job(id)).expect("readable")?;
            match self.try_advance(&job, event) {
                Ok(moved) => return moved,
                Err(Lost::Store) => return None,
                Err(Lost::Overtaken(why)) => {
                    self.tell(|| format!("overtaken: {why}"));
                    // Unless it was only a version: the work does not fit what is there, and is done anew.
                    if let JobEvent::Finished { fence, outcome: Outcome::Done { .. } } = event
                        && !why.contains("changed meanwhile")
                    {
                        let fault = Failure::new(Code::Conflict, why, "nothing");
                        let again = JobEvent::Finished { fence: *fence, outcome: Outcome::Retry { fault } };
                        return self.try_advance(&job, &again).ok().flatten();
                    }
                }
            }
        }
        None
    }

    fn try_advance(&mut self, job: &Job, event: &JobEvent) -> Result<Option<Job>, Lost> {
        let policy = RetryPolicy::of(&self.config, job.kind);
        let roll = self.dice.roll();
        let moved = match step(job, event, self.now, roll, &policy) {
            Ok(moved) => moved,
            Err(illegal) => {
                self.tell(|| format!("job {}: {illegal}", job.id));
                return Ok(None);
            }
        };
        self.check(step_is_sound(job, &moved.next));
        let recorded = moved.record.is_some();
        let now = self.now;
        let (mut next, packet) = moved.seal(&mut self.ids, "zenith", now);
        let mut rows = Vec::new();
        let mut packets: Vec<PacketDraft> = packet.into_iter().collect();
        let mut questions = Vec::new();
        if recorded {
            let current = self.read(&flow::wanted(&next));
            let mut absorbed = match (&next.state, &next.result) {
                (JobState::Done, Some(result)) => {
                    match flow::absorb(&next, result, &current, now, &self.config, &mut self.ids) {
                        Ok(absorbed) => absorbed,
                        Err(fault) => {
                            let JobEvent::Finished { fence, .. } = event else { panic!("done without an outcome") };
                            let event = JobEvent::Finished { fence: *fence, outcome: Outcome::Discard { fault } };
                            return self.try_advance(job, &event);
                        }
                    }
                }
                _ => flow::mirror(&next, &current, now, &self.config, &mut self.ids),
            };
            absorbed.settle(&mut next);
            let (commit, asked) = absorbed.into_commit();
            rows.extend(commit.rows);
            packets.extend(commit.packets);
            questions = asked;
        }
        rows.insert(0, Row::Job(Box::new(next.clone())));
        self.commit(omniva_cognition::jobs::event_name(event), Commit { rows, packets, purges: vec![] })?;
        for (question, subject) in questions {
            self.ask(now, question, subject);
        }
        Ok(Some(next))
    }

    pub fn ask(&mut self, at: Moment, question: Question, subject: EntityRef) {
        if !self.pending.iter().any(|p| p.question == question && p.subject == subject) {
            self.pending.push(Pending { at, question, subject });
        }
    }

    fn read(&self, wanted: &flow::Wanted) -> Vec<Row> {
        let mut rows: Vec<Row> = wanted.entities.iter().filter_map(|entity| self.row(entity)).collect();
        if let Some(video) = wanted.active_analysis_of {
            rows.extend(wait(self.reader.active_analysis(video)).expect("readable").map(Row::Analysis));
        }
        if let Some(clip) = wanted.schedules_of {
            let filter = omniva_store::ScheduleFilter { clip: Some(clip), ..Default::default() };
            rows.extend(
                wait(self.reader.schedules(&filter, PAGE)).expect("readable").items.into_iter().map(Row::Schedule),
            );
        }
        if let Some(clip) = wanted.uploads_of {
            let filter = omniva_store::UploadFilter { clip: Some(clip), ..Default::default() };
            let all = wait(self.reader.upload_jobs(&filter, PAGE)).expect("readable").items;
            let known = |id| rows.iter().any(|row| matches!(row, Row::UploadJob(u) if u.upload_job_id == id));
            let others: Vec<Row> =
                all.into_iter().filter(|u| !known(u.upload_job_id)).map(|u| Row::UploadJob(Box::new(u))).collect();
            rows.extend(others);
        }
        for key in &wanted.open_keys {
            let job = wait(self.reader.job_by_unique_key(key)).expect("readable");
            rows.extend(job.map(|job| Row::Job(Box::new(job))));
        }
        rows
    }

    pub fn row(&self, entity: &EntityRef) -> Option<Row> {
        let (reader, id) = (&self.reader, entity.entity_id);
        match entity.entity_type {
            EntityType::Project => wait(reader.project(ProjectId(id))).expect("readable").map(Row::Project),
            EntityType::Creator => wait(reader.creator(CreatorId(id))).expect("readable").map(Row::Creator),
            EntityType::Post => wait(reader.post(PostId(id))).expect("readable").map(Row::Post),
            EntityType::Video => wait(reader.video(VideoId(id))).expect("readable").map(Row::Video),
            EntityType::Clip => wait(reader.clip(ClipId(id))).expect("readable").map(|c| Row::Clip(Box::new(c))),
            EntityType::EditJob => wait(reader.edit_job(EditJobId(id))).expect("readable").map(Row::EditJob),
            EntityType::UploadJob => {
                wait(reader.upload_job(UploadJobId(id))).expect("readable").map(|u| Row::UploadJob(Box::new(u)))
            }
            EntityType::Schedule => wait(reader.schedule(ScheduleId(id))).expect("readable").map(Row::Schedule),
            EntityType::Artifact => wait(reader.artifact(ArtifactId(id))).expect("readable").map(Row::Artifact),
            _ => None,
        }
    }

    fn claim(&mut self) {
        for kind in POOLS {
            let limit = u64::from(self.config.queue(kind).limit) + 1;
            let busy = self.jobs.values().filter(|j| j.kind == kind && j.state == JobState::Running).count() as u64;
            let free = limit.saturating_sub(busy);
            for job in wait(self.reader.claimable(kind, self.now, free)).expect("readable") {
                self.workers_made += 1;
                let worker = format!("{}-{}", kind.as_str(), self.workers_made);
                let claim = JobEvent::Claimed { worker, lease: self.config.jobs.lease() };
                if let Some(job) = self.advance(job.id, &claim) {
                    self.start(job);
                }
            }
        }
    }

    /// Due, lapsed and expired jobs, found by reading.
    fn rescue(&mut self) {
        let (reader, now) = (self.reader.clone(), self.now);
        for job in wait(reader.due(now, 100)).expect("readable") {
            self.advance(job.id, &JobEvent::Due);
        }
        for job in wait(reader.lapsed(now, 100)).expect("readable") {
            self.advance(job.id, &JobEvent::LeaseExpired);
        }
        for job in wait(reader.expired(now, 100)).expect("readable") {
            self.advance(job.id, &JobEvent::Expired);
        }
    }

    pub fn deliberate(&mut self) {
        let due: Vec<Pending> = self.pending.iter().filter(|p| p.at <= self.now).take(8).cloned().collect();
        for one in due {
            self.pending.retain(|p| *p != one);
            let Some(brief) = self.gather(one.question, &one.subject) else { continue };
            let mut said = Vec::new();
            let mut missing = Vec::new();
            for module in council::asked(one.question) {
                if self.strikes(Fault::SilentModule) {
                    missing.push(*module);
                } else {
                    said.extend(council::advise(*module, &brief, &self.config));
                }
            }
            let ruling = council::arbitrate(&brief, &said, &missing, &brief.overrides, &self.config);
            if ruling.by != Precedence::OperatorOverride && matches!(ruling.decision, Decision::Approve { .. }) {
                assert!(!missing.contains(&Module::Paradox), "seed {}: approved without Paradox", self.seed);
            }
            self.totals.rulings += 1;
            self.tell(|| format!("{} {}: {:?}", one.question.as_str(), one.subject.entity_id, ruling.decision));
            let now = self.now;
            let enacted = flow::enact(&ruling, &brief, now, &self.config, &mut self.ids)
                .unwrap_or_else(|fault| panic!("seed {}: {fault}", self.seed));
            let again = enacted.ask_again;
            // What could not be written is asked again by the sweep.
            if self.commit("ruled", enacted.into_commit()).is_ok()
                && let Some(at) = again
            {
                self.ask(at, one.question, one.subject);
            }
        }
    }

    fn cron(&mut self) {
        let projects = wait(self.reader.projects(None, PAGE)).expect("readable").items;
        for project in projects {
            for creator in wait(self.reader.creators(project.project_id, PAGE)).expect("readable").items {
                let entity = EntityRef::new(EntityType::Creator, creator.creator_id);
                let payload = DiscoverPayload { creator_id: Some(creator.creator_id), ..DiscoverPayload::default() };
                let new = NewJob {
                    project_id: Some(project.project_id),
                    subject: Some(entity),
                    unique_key: Some(flow::payload::key::discover(creator.creator_id)),
                    ..NewJob::now(JobKind::Discover, json!(payload), TraceId(self.ids.next()), self.now)
                };
                let now = self.now;
                let (job, packet) = new_job(new, now, &self.config, &mut self.ids, "cron");
                let rows = vec![Row::Job(Box::new(job))];
                // Refused while the last one is still open: that is what the key is for.
                let _ = self.commit("cron", Commit { rows, packets: vec![packet], purges: vec![] });
            }
        }
    }

    fn control(&mut self) {
        let mut backlog: Vec<Job> = self.jobs.values().filter(|j| j.state == JobState::Pending).cloned().collect();
        backlog.sort_by_key(|j| (j.run_after, j.id));
        let snapshot = Snapshot {
            now: self.now,
            queues: self.readings(),
            breakers: Vec::new(),
            recent_faults: Vec::new(),
            load: Load::default(),
            projects: Vec::new(),
            backlog,
            coherences: Vec::new(),
            recent_orders: Vec::new(),
        };
        for (job, priority) in cycle(&snapshot, &self.config).reprioritise {
            self.advance(job, &JobEvent::Reprioritised { priority });
        }
    }

    fn operator(&mut self) {
        let ids: Vec<JobId> = self.jobs.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let id = ids[self.below(ids.len() as u64) as usize];
        let event = match self.below(5) {
            0 => JobEvent::CancelAsked { why: "an operator".into() },
            1 | 2 => JobEvent::RetryAsked,
            3 => JobEvent::Reprioritised { priority: self.below(1001) as i32 },
            _ => JobEvent::Quarantine { why: "an operator".into() },
        };
        self.advance(id, &event);
    }
}
