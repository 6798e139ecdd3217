//! Events of jobs: the machine moves them, the flow says what else changes with them.

use std::sync::Arc;

use omniva_cognition::flow::{self, Wanted};
use omniva_cognition::jobs::{self, Illegal, RetryPolicy};
use omniva_contracts::engine::*;
use omniva_contracts::fault::Fault;
use omniva_store::{Page, Refused, ScheduleFilter, StoreFault, UploadFilter};

use super::{Advanced, Inquiry, Move, Msg, TRIES, Unwritten, WhyNot, commit, commit_what_can_be};
use crate::kit::Kit;

const SOURCE: &str = "zenith";
/// A clip has few.
const SCHEDULES: Page = Page { limit: 100, offset: 0 };

/// One event, thought through.
struct Plan {
    next: Job,
    commit: Commit,
    questions: Vec<(Question, EntityRef)>,
    /// Only the job's own row and packet: may share a commit with others.
    plain: bool,
    /// What the job's own packet says happened, and the packets of the commit: kept, because the commit is given away. The
    /// rows of an analysis of hours are large.
    moved: String,
    evidence: Vec<PacketId>,
}

/// Packets that a question names as its evidence.
const EVIDENCE: usize = 64;

enum Unplanned {
    Illegal(Illegal),
    /// The store does not answer: it has said so itself.
    Store,
}

impl From<StoreFault> for Unplanned {
    fn from(_: StoreFault) -> Self {
        Self::Store
    }
}

/// Moves every job; answers in order. Plain moves share one commit, so that a batch of claims or ends costs one.
pub(super) async fn advance(kit: Arc<Kit>, moves: Vec<Move>) -> Vec<Advanced> {
    let mut answers: Vec<Option<Advanced>> = moves.iter().map(|_| None).collect();
    let mut group: Vec<(usize, Plan)> = Vec::new();
    let mut alone: Vec<(usize, Plan)> = Vec::new();
    for (at, one) in moves.iter().enumerate() {
        match plan(&kit, &one.job, &one.event).await {
            Ok(plan) if plan.plain && !group.iter().any(|(_, p)| p.next.id == plan.next.id) => group.push((at, plan)),
            Ok(plan) => alone.push((at, plan)),
            // The sender's row may be old: only a fresh one says whether the event is really illegal.
            Err(Unplanned::Illegal(_)) => set(&mut answers, at, again(&kit, one).await),
            Err(Unplanned::Store) => set(&mut answers, at, Advanced::Unavailable),
        }
    }
    if group.len() > 1 {
        let mut together = Commit::default();
        for (_, plan) in &group {
            together.rows.extend(plan.commit.rows.iter().cloned());
            together.packets.extend(plan.commit.packets.iter().cloned());
        }
        match commit(&kit, together).await {
            Ok(_) => {
                for (at, plan) in group {
                    set(&mut answers, at, written(&kit, plan));
                }
            }
            Err(Unwritten::Overtaken(_)) => alone.extend(group),
            Err(Unwritten::Store(_)) => group.iter().for_each(|(at, _)| set(&mut answers, *at, Advanced::Unavailable)),
        }
    } else {
        alone.extend(group);
    }
    for (at, mut plan) in alone {
        let answer = match commit_what_can_be(&kit, std::mem::take(&mut plan.commit)).await {
            Ok(_) => written(&kit, plan),
            Err(Unwritten::Store(_)) => Advanced::Unavailable,
            Err(Unwritten::Overtaken(_)) => match moves.get(at) {
                Some(one) => again(&kit, one).await,
                None => Advanced::Gone,
            },
        };
        set(&mut answers, at, answer);
    }
    answers.into_iter().map(|answer| answer.unwrap_or(Advanced::Unavailable)).collect()
}

fn set(answers: &mut [Option<Advanced>], at: usize, answer: Advanced) {
    if let Some(place) = answers.get_mut(at) {
        *place = Some(answer);
    }
}

/// From the row as it is now, until it fits or is refused.
async fn again(kit: &Arc<Kit>, one: &Move) -> Advanced {
    let mut last = None;
    for _ in 0..TRIES {
        let job = match kit.reader.job(one.job.id).await {
            Ok(Some(job)) => job,
            Ok(None) => return Advanced::Gone,
            Err(_) => return Advanced::Unavailable,
        };
        let mut plan = match plan(kit, &job, &one.event).await {
            Ok(plan) => plan,
            Err(Unplanned::Illegal(why)) => return Advanced::Refused(WhyNot::Illegal(why)),
            Err(Unplanned::Store) => return Advanced::Unavailable,
        };
        match commit_what_can_be(kit, std::mem::take(&mut plan.commit)).await {
            Ok(_) => return written(kit, plan),
            Err(Unwritten::Store(_)) => return Advanced::Unavailable,
            Err(Unwritten::Overtaken(refused)) => last = Some(refused),
        }
    }
    overrun(kit, one, last).await
}

/// What a job gave cannot be written, however often it is tried: a row of it is taken by another. The job fails for good
/// and says so; a worker that only claims or renews is told.
async fn overrun(kit: &Arc<Kit>, one: &Move, refused: Option<Refused>) -> Advanced {
    let why = refused.map_or_else(|| "it was overtaken".to_owned(), |r| r.to_string());
    tracing::warn!(job_id = %one.job.id, event = jobs::event_name(&one.event), why = %why, "a change was overtaken too often");
    let JobEvent::Finished { fence, outcome: Outcome::Done { .. } } = &one.event else {
        return Advanced::Refused(WhyNot::Conflict(why));
    };
    let fault = Fault::new(
        omniva_contracts::fault::Code::Conflict,
        "what the job made is in conflict with what is there",
        "look at the rows that the message names, then retry the job",
    )
    .with_detail(&why);
    let event = JobEvent::Finished { fence: *fence, outcome: Outcome::Discard { fault } };
    let Ok(Some(job)) = kit.reader.job(one.job.id).await else { return Advanced::Unavailable };
    match plan(kit, &job, &event).await {
        Ok(mut plan) => match commit_what_can_be(kit, std::mem::take(&mut plan.commit)).await {
            Ok(_) => written(kit, plan),
            Err(_) => Advanced::Unavailable,
        },
        Err(Unplanned::Illegal(why)) => Advanced::Refused(WhyNot::Illegal(why)),
        Err(Unplanned::Store) => Advanced::Unavailable,
    }
}

async fn plan(kit: &Arc<Kit>, job: &Job, event: &JobEvent) -> Result<Plan, Unplanned> {
    let (now, roll) = (kit.now(), kit.roll());
    let policy = RetryPolicy::of(&kit.config, job.kind);
    let step = jobs::step(job, event, now, roll, &policy).map_err(Unplanned::Illegal)?;
    let changes = step.record.is_some();
    let (next, packet) = step.seal(&mut kit.ids(), SOURCE, now);
    let mut plan = Plan {
        moved: packet.as_ref().map(|p| p.kind.as_str().to_owned()).unwrap_or_default(),
        evidence: packet.iter().map(|p| p.stardust_id).collect(),
        commit: Commit {
            rows: vec![Row::Job(Box::new(next.clone()))],
            packets: packet.into_iter().collect(),
            purges: vec![],
        },
        next,
        questions: Vec::new(),
        plain: true,
    };
    if !changes || plan.next.kind == JobKind::Noop {
        return Ok(plan);
    }
    let rows = read(kit, &flow::wanted(&plan.next)).await?;
    let mut absorbed = match (&plan.next.state, &plan.next.result) {
        (JobState::Done, Some(result)) => {
            match flow::absorb(&plan.next, result, &rows, now, &kit.config, &mut kit.ids()) {
                Ok(absorbed) => absorbed,
                Err(fault) => return Box::pin(spoilt(kit, job, event, fault)).await,
            }
        }
        _ => flow::mirror(&plan.next, &rows, now, &kit.config, &mut kit.ids()),
    };
    if absorbed.settle(&mut plan.next) {
        plan.commit.rows = vec![Row::Job(Box::new(plan.next.clone()))];
    }
    let (more, questions) = absorbed.into_commit();
    plan.plain = more == Commit::default();
    plan.evidence.extend(more.packets.iter().map(|p| p.stardust_id).take(EVIDENCE - plan.evidence.len()));
    plan.commit.rows.extend(more.rows);
    plan.commit.packets.extend(more.packets);
    plan.commit.purges.extend(more.purges);
    plan.questions = questions;
    Ok(plan)
}

/// The worker said DONE, and what it gave cannot be used: that is a failure of the job.
async fn spoilt(kit: &Arc<Kit>, job: &Job, event: &JobEvent, fault: Fault) -> Result<Plan, Unplanned> {
    let JobEvent::Finished { fence, .. } = event else {
        tracing::error!(job_id = %job.id, error = %fault, "a job is done without having finished");
        return Err(Unplanned::Store);
    };
    let event = JobEvent::Finished { fence: *fence, outcome: Outcome::Discard { fault } };
    plan(kit, job, &event).await
}

/// The rows as they are now; those that are not there are left out.
async fn read(kit: &Arc<Kit>, wanted: &Wanted) -> Result<Vec<Row>, StoreFault> {
    let mut rows = Vec::new();
    for entity in &wanted.entities {
        rows.extend(crate::clerk::row(kit.reader.as_ref(), entity).await?);
    }
    if let Some(video) = wanted.active_analysis_of {
        rows.extend(kit.reader.active_analysis(video).await?.map(Row::Analysis));
    }
    if let Some(clip) = wanted.schedules_of {
        let filter = ScheduleFilter { clip: Some(clip), ..ScheduleFilter::default() };
        rows.extend(kit.reader.schedules(&filter, SCHEDULES).await?.items.into_iter().map(Row::Schedule));
    }
    if let Some(clip) = wanted.uploads_of {
        let filter = UploadFilter { clip: Some(clip), ..UploadFilter::default() };
        let all = kit.reader.upload_jobs(&filter, SCHEDULES).await?.items;
        let known = |id: UploadJobId| rows.iter().any(|row| matches!(row, Row::UploadJob(u) if u.upload_job_id == id));
        let others: Vec<Row> =
            all.into_iter().filter(|u| !known(u.upload_job_id)).map(|u| Row::UploadJob(Box::new(u))).collect();
        rows.extend(others);
    }
    let samples = kit.reader.samples_by_id(&wanted.samples).await?;
    rows.extend(samples.into_iter().map(|row| Row::Sample(Box::new(row))));
    for name in &wanted.models {
        rows.extend(kit.reader.model(name).await?.map(|row| Row::Model(Box::new(row))));
    }
    for key in &wanted.open_keys {
        rows.extend(kit.reader.job_by_unique_key(key).await?.map(|job| Row::Job(Box::new(job))));
    }
    Ok(rows)
}

/// What follows once it is written.
fn written(kit: &Arc<Kit>, plan: Plan) -> Advanced {
    crate::gauges::moved(&plan.next, &plan.moved, kit.now());
    if kit.pulse.note(&plan.next, &plan.moved, kit.now(), &kit.config) {
        kit.wires.zenith.wake(Msg::Urgent("a worker died"));
    }
    if !plan.questions.is_empty() {
        let (trace_id, evidence) = (plan.next.trace_id, plan.evidence);
        let inquiries = plan.questions.into_iter().map(|(question, subject)| Inquiry {
            question,
            subject,
            trace_id,
            evidence: evidence.clone(),
            at: None,
        });
        // Not heard: the sweep finds the question by the state of its subject.
        kit.wires.zenith.wake(Msg::Consider(inquiries.collect()));
    }
    Advanced::Written(Box::new(plan.next))
}
