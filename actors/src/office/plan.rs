//! From a command to a commit.

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use omniva_contracts::ports::{Clock, Ids};
use omniva_store::{Reader, Refused, StoreFault, Trouble};
use serde_json::Value;

use super::desk::{Desk, OrRefuse};
use super::{
    Asked, Command, Granted, Refusal, audit, calendar, clips, creators, engagement, jobs, keys, orders, projects,
    queues,
};
use super::{scheduling, scraping, uploads};

/// Everything one command changes, and its answer. The answer holds once the commit is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Empty when an earlier answer is repeated: nothing is to be written then.
    pub commit: Commit,
    pub granted: Granted,
}

/// What one resource's planner hands back: HTTP status, `data`, and the packet that records the change.
pub(super) type Done = Result<(u16, Value, PacketId), Refusal>;

/// Reads what the command needs, checks it, and says what is to be written. Nothing is written here.
///
/// Errors: the codes of the Endpoints Reference; `IDEMPOTENCY_MISMATCH` when the key came before with another body;
/// `STORE_UNAVAILABLE` when the store does not answer.
pub async fn plan(
    asked: &Asked,
    reader: &dyn Reader,
    config: &EngineConfig,
    clock: &dyn Clock,
    ids: &mut (dyn Ids + Send + Sync),
) -> Result<Planned, Refusal> {
    if let Some((key, body_hash)) = &asked.idempotency
        && let Some(saved) = reader.answer(key).await.or_refuse()?
    {
        return replay(saved, body_hash);
    }
    let mut desk = Desk::new(asked, Moment(clock.now_us()), reader, config, ids);
    if let Command::RecordRequests { notes } = &asked.command {
        let (commit, granted) = audit::record(desk, notes).await?;
        return Ok(Planned { commit, granted });
    }
    let (status, data, packet) = dispatch(&mut desk).await?;
    let now = desk.now;
    keys::used(&mut desk, std::iter::once((asked.caller.name.as_str(), now))).await?;
    let (commit, granted) = desk.close(status, data, packet).await?;
    Ok(Planned { commit, granted })
}

async fn dispatch(desk: &mut Desk<'_>) -> Done {
    let asked = desk.asked;
    match &asked.command {
        Command::CreateProject { name, description, settings } => {
            projects::create(desk, name, description, settings).await
        }
        Command::UpdateProject { project, description, settings } => {
            projects::update(desk, *project, description.as_deref(), settings.as_ref()).await
        }
        Command::StartProject { project, reason } => projects::start(desk, *project, reason).await,
        Command::StopProject { project, reason } => projects::stop(desk, *project, reason).await,
        Command::AddCreator { .. } => creators::add(desk, &asked.command).await,
        Command::UpdateCreator { creator, status, scrape_window_days, rights, source } => {
            let change = creators::Change {
                status: *status,
                scrape_window_days: *scrape_window_days,
                rights: *rights,
                source: source.clone(),
            };
            creators::update(desk, *creator, change).await
        }
        Command::RemoveCreator { creator } => creators::remove(desk, *creator).await,
        Command::Scrape { project, creators, since, until, force } => {
            scraping::scrape(desk, *project, creators, (*since, *until), *force).await
        }
        Command::EditClip { clip, operations, priority, gpu_required } => {
            clips::edit(desk, *clip, operations, *priority, *gpu_required).await
        }
        Command::UploadClip { .. } => uploads::upload(desk, &asked.command).await,
        Command::Reschedule { project, reason, target_day } => {
            scheduling::reschedule(desk, *project, reason, target_day.as_deref()).await
        }
        Command::Recalculate { project, reason, dry_run } => {
            calendar::recalculate(desk, *project, reason, *dry_run).await
        }
        Command::MoveSchedule { schedule, at, reason } => calendar::move_to(desk, *schedule, *at, reason).await,
        Command::LockSchedule { schedule, locked, reason } => calendar::lock(desk, *schedule, reason, *locked).await,
        Command::PullEngagement => engagement::pull(desk).await,
        Command::ImportEngagement { channel, project, csv } => engagement::import(desk, channel, *project, csv).await,
        Command::RetryJob { job } => jobs::retry(desk, *job).await,
        Command::CancelJob { job, reason } => jobs::cancel(desk, *job, reason).await,
        Command::PrioritiseJob { job, priority } => jobs::prioritise(desk, *job, *priority).await,
        Command::ControlQueue { queue, command, reason } => queues::control(desk, *queue, command, reason).await,
        Command::Impose(what) => orders::impose(desk, what).await,
        Command::Order { order, reason } => orders::order(desk, order, reason).await,
        Command::CreateKey { name, role, expires_at, hash } => keys::create(desk, name, *role, *expires_at, hash).await,
        Command::RevokeKey { key } => keys::revoke(desk, *key).await,
        Command::EnqueueNoop { count, unique_keys } => jobs::noop(desk, *count, unique_keys).await,
        Command::RecordRequests { .. } => Err(Refusal::new(500, "INTERNAL", "requests are recorded without a request")),
    }
}

fn replay(saved: IdempotentAnswer, body_hash: &str) -> Result<Planned, Refusal> {
    if saved.body_hash != body_hash {
        return Err(Refusal::new(
            422,
            "IDEMPOTENCY_MISMATCH",
            "this Idempotency-Key came before with another body: send the same body, or a new key",
        ));
    }
    let mut answer = saved.answer;
    let data = answer.get_mut("data").map(Value::take).unwrap_or_default();
    let packet = answer.get("packet").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let granted = Granted { status: saved.status, data, packet, replayed: true };
    Ok(Planned { commit: Commit::default(), granted })
}

/// What to do when a planned commit was not written.
#[derive(Clone, Debug, PartialEq)]
pub enum After {
    /// Something moved meanwhile: plan again from what is there now. Three times is enough; refuse with the inner
    /// refusal after that.
    Again(Refusal),
    Refuse(Refusal),
}

/// Tells a lost race (plan again) from a store that fails.
pub fn after(refused: &Refused) -> After {
    match refused {
        Refused::Stale { .. } | Refused::Duplicate { .. } | Refused::Dangling { .. } => After::Again(
            Refusal::new(409, "CONFLICT", "this was changed by someone else at the same time: try again")
                .retry_after(1),
        ),
        Refused::Store(fault) => After::Refuse(store_refusal(fault)),
    }
}

/// A fault of the store in the words of the API.
pub fn store_refusal(fault: &StoreFault) -> Refusal {
    match fault.trouble {
        Trouble::Unavailable => {
            Refusal::new(503, "STORE_UNAVAILABLE", "the store does not answer: try again in a moment").retry_after(2)
        }
        Trouble::ReadOnly => Refusal::new(503, "STORE_READ_ONLY", "the store can only be read"),
        Trouble::NoSpace => Refusal::new(507, "NO_SPACE", "the store's disk is full: free some space"),
        Trouble::Newer => Refusal::new(503, "STORE_NEWER", "the store was written by a newer omniva"),
        Trouble::InUse => Refusal::new(503, "STORE_IN_USE", "another engine works on this store"),
        Trouble::Corrupt => Refusal::new(500, "STORE_CORRUPT", "the store is damaged: run `omniva doctor`"),
        Trouble::Bug => Refusal::new(500, "INTERNAL", "a bug in omniva: please report it with the request id"),
    }
}

/// Any other fault that stands in the way of an answer.
pub fn fault_refusal(fault: &omniva_contracts::Fault) -> Refusal {
    let message = format!("{}; {}", fault.message, fault.next_step);
    match fault.class() {
        omniva_contracts::FaultClass::Transient => Refusal::new(503, "STORE_UNAVAILABLE", message).retry_after(2),
        _ => Refusal::new(500, "INTERNAL", message),
    }
}
