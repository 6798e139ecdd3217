//! Workers that really hand back what the contracts ask for, and that die, fall silent and speak twice.

use std::time::Duration;

use omniva_actors::slots::{self, Subject};
use omniva_cognition::flow::payload::{AnalyzePayload, EditPayload, SchedulePayload, UploadPayload};
use omniva_cognition::flow::schedule::propose;
use omniva_contracts::analysis::Embedding;
use omniva_contracts::engine::*;
use omniva_contracts::fault::{Code, Fault as Failure};
use omniva_contracts::ports::{Dice, Ids};
use omniva_contracts::qc::{QcCheck, QcReport};
use omniva_contracts::record::Draft;
use serde_json::{Value, json};

use crate::chaos::Fault;
use crate::world::{World, wait};

/// Files in each creator's inbox.
const ITEMS: u64 = 3;

/// A claimed job in the hands of a worker.
#[derive(Clone, Debug)]
pub struct Run {
    pub job: Job,
    pub ends_at: Moment,
    /// Gives no more signs of life; its outcome may still come.
    pub silent: bool,
    /// The worker dies instead of answering.
    pub dies: bool,
    /// The outcome is already known: it is a repetition.
    pub repeated: Option<Outcome>,
}

impl World {
    pub fn start(&mut self, job: Job) {
        let silent = self.strikes(Fault::LostHeartbeat);
        let late = self.strikes(Fault::LateOutcome);
        let dies = self.strikes(Fault::WorkerCrash);
        let seconds = self.below(40) + if late { 90 } else { 0 };
        let ends_at = self.now.after(Duration::from_secs(seconds));
        self.runs.push(Run { job, ends_at, silent: silent || late, dies, repeated: None });
    }

    /// Signs of life and outcomes.
    pub fn hear(&mut self) {
        let (ended, going): (Vec<Run>, Vec<Run>) =
            std::mem::take(&mut self.runs).into_iter().partition(|run| run.ends_at <= self.now);
        self.runs = going.clone();
        for run in going.iter().filter(|run| !run.silent) {
            let step = run.job.kind.steps().last().copied().unwrap_or("INIT").to_owned();
            let (fence, lease) = (run.job.fence, self.config.jobs.lease());
            self.advance(run.job.id, &JobEvent::Progressed { fence, step, progress: 0.5, checkpoint: None, lease });
        }
        for run in ended {
            let fence = run.job.fence;
            if run.dies {
                let fault = Failure::new(Code::WorkerLost, "the worker died", "nothing");
                if self.dice.roll() < 0.5 {
                    self.advance(run.job.id, &JobEvent::Crashed { fence, fault });
                }
                continue;
            }
            let outcome = run.repeated.clone().unwrap_or_else(|| self.outcome(&run.job));
            self.advance(run.job.id, &JobEvent::Finished { fence, outcome: outcome.clone() });
            if run.repeated.is_none() && self.strikes(Fault::DuplicateOutcome) {
                let ends_at = self.now.after(Duration::from_secs(self.below(120)));
                self.runs.push(Run { ends_at, repeated: Some(outcome), silent: true, ..run });
            }
        }
    }

    fn outcome(&mut self, job: &Job) -> Outcome {
        if self.strikes(Fault::WorkFails) {
            let fault = |code| Failure::new(code, "it was asked to fail", "nothing");
            return match self.below(7) {
                0 => Outcome::Retry { fault: fault(Code::InputCorrupt) },
                1 => Outcome::Retry { fault: fault(Code::NoSpace) },
                2 => Outcome::Snooze { until: self.now.after(Duration::from_secs(30)), why: "busy".into() },
                3 => Outcome::Interrupted { checkpoint: Some(json!({ "at": 1 })) },
                4 => Outcome::Discard { fault: fault(Code::ClipRefused) },
                _ => Outcome::Retry { fault: fault(Code::EncoderFailed) },
            };
        }
        match self.result(job) {
            Ok(result) => Outcome::Done { result },
            Err(fault) => Outcome::Discard { fault },
        }
    }

    fn result(&mut self, job: &Job) -> Result<Value, Failure> {
        Ok(match job.kind {
            JobKind::Discover => self.discover(&payload(&job.payload)?),
            JobKind::Scrape => self.scrape(job, payload(&job.payload)?),
            JobKind::Analyze => self.analyze(job, &payload(&job.payload)?),
            JobKind::Edit => self.edit(&payload(&job.payload)?),
            JobKind::Schedule => self.schedule(&payload(&job.payload)?),
            JobKind::Upload => self.upload(&payload(&job.payload)?),
            // Nothing is published to a place that gives figures.
            JobKind::Measure => json!(MeasureResult::default()),
            JobKind::Maintain | JobKind::Noop => Value::Null,
        })
    }

    fn discover(&mut self, payload: &DiscoverPayload) -> Value {
        let creator_id = payload.creator_id.expect("named");
        let new = |n: &u64| {
            wait(self.reader.post_by_platform_id(creator_id, &format!("item {n}"))).expect("readable").is_none()
        };
        let item = |n: u64| FoundItem {
            platform_post_id: format!("item {n}"),
            url: format!("file:///inbox/{n}"),
            title: format!("Talk {n}"),
            bytes: Some(1),
            posted_at: None,
            details: PostDetails::default(),
        };
        json!(DiscoverResult { creator_id, items: (0..ITEMS).filter(new).map(item).collect(), skipped: vec![] })
    }

    /// The second item of every creator is the same file: only one of them becomes a video.
    fn scrape(&mut self, job: &Job, payload: ScrapePayload) -> Value {
        let (creator, item) = (payload.creator_id, payload.item);
        let checksum = if item.platform_post_id == "item 1" {
            "same".into()
        } else {
            format!("{creator} {}", item.platform_post_id)
        };
        let post_id = post_id(creator, &item.platform_post_id);
        let post = Post {
            post_id,
            creator_id: creator,
            platform_post_id: item.platform_post_id,
            url: item.url,
            posted_at: None,
            downloaded_at: Some(self.now),
            raw_metadata: json!({}),
            version: 1,
        };
        let there = wait(self.reader.video_by_checksum(&checksum)).expect("readable");
        let video = Video {
            video_id: VideoId(self.ids.next()),
            post_id,
            project_id: job.project_id.expect("a project"),
            file_path: format!("raw/{checksum}"),
            title: item.title,
            duration_seconds: Some(600.0),
            resolution: Some("1920x1080".into()),
            bytes: 1,
            checksum,
            trace_id: job.trace_id,
            created_at: self.now,
            version: 1,
        };
        let duplicate_of = there.map(|v| v.video_id);
        let video = if duplicate_of.is_some() { None } else { Some(video) };
        json!(ScrapeResult { post, video, duplicate_of, artifacts: vec![] })
    }

    fn analyze(&mut self, job: &Job, payload: &AnalyzePayload) -> Value {
        let analysis = AnalysisRow {
            analysis_id: AnalysisId(self.ids.next()),
            video_id: payload.video_id,
            transcript: String::new(),
            keywords: vec![],
            virality_score: 0.5,
            relevance_score: 0.5,
            raw_ai_output: json!({}),
            active: true,
            created_at: self.now,
            version: 1,
        };
        let clips: Vec<Clip> = (0..3).map(|n| self.clip(job, payload.video_id, n)).collect();
        json!(AnalyzeResult { analysis, clips, artifacts: vec![] })
    }

    /// Candidates at 100 s distance; now and then one that lies over its neighbour.
    fn clip(&mut self, job: &Job, video_id: VideoId, n: u64) -> Clip {
        let start_time = if self.dice.roll() < 0.15 { 10.0 } else { n as f64 * 100.0 };
        let vector: Vec<f32> = (0..8).map(|_| self.dice.roll() as f32 - 0.5).collect();
        let vote = 0.4 + self.dice.roll() / 2.0;
        let rejected = self.dice.roll() < 0.2;
        Clip {
            clip_id: ClipId(self.ids.next()),
            video_id,
            project_id: job.project_id.expect("a project"),
            start_time,
            end_time: start_time + 30.0,
            confidence: vote,
            semantic_tags: vec![format!("topic {}", self.below(4))],
            pantheon_votes: [("strategist".to_owned(), vote), ("guardian".to_owned(), 0.5)].into(),
            lattice_priority: 0.5,
            status: if rejected { ClipStatus::Rejected } else { ClipStatus::ReadyForEdit },
            metadata: json!({ "title": "A title", "reason": "a reason", "embedding": Embedding::encode(&vector) }),
            trace_id: job.trace_id,
            created_at: self.now,
            updated_at: self.now,
            version: 1,
        }
    }

    fn edit(&mut self, payload: &EditPayload) -> Value {
        let bad = self.active.contains(&Fault::WorkFails) && self.dice.roll() < 0.05;
        let check = QcCheck { name: "decodes".into(), passed: !bad, measured: "1".into(), limit: "1".into() };
        json!(EditResult {
            clip_id: payload.clip_id,
            artifacts: vec![],
            qc: QcReport { checks: vec![check], ..QcReport::default() },
            draft: Draft { title: "A finished title".into(), ..Draft::default() },
            drafting: None,
            renderings: Vec::new(),
            encoder: "none".into(),
            wall_seconds: 1.0,
            cpu_seconds: 1.0,
        })
    }

    fn schedule(&mut self, payload: &SchedulePayload) -> Value {
        let slot = wait(self.reader.schedule(payload.schedule_id)).expect("readable").expect("there");
        let clip = wait(self.reader.clip(slot.clip_id)).expect("readable").expect("there");
        let (owner, target) = (slot.project_id, slot.target.clone());
        let subject = Subject { slot, clip, not_before: None, urgent: payload.urgent };
        let facts = slots::facts(self.reader.as_ref(), &self.config, self.now, (owner, &target), Some(subject));
        let facts = wait(facts).expect("readable");
        json!(propose(&facts, payload.schedule_id, &self.config).expect("valid rules"))
    }

    /// The effect on the outside comes before the answer, and may come without one. It is made under the upload's own
    /// key, so that a second try is recognised.
    fn upload(&mut self, payload: &UploadPayload) -> Value {
        let key = payload.upload_job_id.to_string();
        let target = wait(self.reader.upload_job(payload.upload_job_id)).expect("readable").expect("there").target;
        self.delivered.push((payload.clip_id, target, key));
        self.look_outside();
        json!(UploadResult {
            upload_job_id: payload.upload_job_id,
            status: WorkStatus::Done,
            response: json!({ "path": "out" }),
            spending: None
        })
    }
}
