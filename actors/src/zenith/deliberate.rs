//! One deliberation: gather the facts, hear the modules, arbitrate, enact, commit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use omniva_cognition::council::{self, Brief};
use omniva_cognition::flow;
use omniva_contracts::engine::{Advisory, Module, Question, Ruling};
use omniva_store::StoreFault;

use super::{Inquiry, Msg, TRIES, Unwritten, commit_what_can_be};
use crate::clerk::{self, Gathered};
use crate::kit::Kit;

/// Pause before a deliberation goes on that the store interrupted.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// A store that is away for longer leaves the question to the sweep.
const STORE_TRIES: u32 = 60;

pub(super) fn start(kit: &Arc<Kit>, inquiry: Inquiry) {
    let kit = kit.clone();
    tokio::spawn(async move {
        // In a task of its own, so that a panic in it is told from an end and the subject is set free in any case.
        let again = match tokio::spawn(deliberate(kit.clone(), inquiry.clone())).await {
            Ok(again) => again,
            Err(error) => {
                tracing::error!(question = inquiry.question.as_str(), subject = ?inquiry.subject, %error, "a deliberation broke off");
                None
            }
        };
        kit.wires.zenith.deliver(Msg::Considered(inquiry)).await;
        if let Some(again) = again {
            kit.wires.zenith.deliver(Msg::Consider(vec![again])).await;
        }
    });
}

/// The same question again, if it was put off.
async fn deliberate(kit: Arc<Kit>, inquiry: Inquiry) -> Option<Inquiry> {
    let mut tries = 0;
    let mut outages = 0;
    while tries < TRIES && outages < STORE_TRIES {
        match once(&kit, &inquiry).await {
            Ok(again) => return again,
            Err(Unwritten::Overtaken(why)) => {
                tries += 1;
                tracing::debug!(question = inquiry.question.as_str(), %why, "a ruling was overtaken: thought through again");
            }
            Err(Unwritten::Store(_)) => {
                outages += 1;
                tokio::time::sleep(STORE_PAUSE).await;
            }
        }
    }
    tracing::warn!(question = inquiry.question.as_str(), subject = ?inquiry.subject, "no ruling could be written; it is asked again by the sweep");
    None
}

impl From<StoreFault> for Unwritten {
    fn from(fault: StoreFault) -> Self {
        Unwritten::Store(fault)
    }
}

async fn once(kit: &Arc<Kit>, inquiry: &Inquiry) -> Result<Option<Inquiry>, Unwritten> {
    let _turn = match inquiry.question {
        Question::Schedule => Some(kit.booking.lock().await),
        _ => None,
    };
    let brief = match clerk::gather(kit, inquiry).await? {
        Gathered::Brief(brief) => Arc::new(*brief),
        Gathered::Settled(why) => {
            tracing::debug!(question = inquiry.question.as_str(), subject = ?inquiry.subject, why, "nothing to decide any more");
            return Ok(None);
        }
    };
    let (advisories, missing) = hear(kit, &brief).await;
    let ruling = council::arbitrate(&brief, &advisories, &missing, &brief.overrides, &kit.config);
    let enacted = match flow::enact(&ruling, &brief, kit.now(), &kit.config, &mut kit.ids()) {
        Ok(enacted) => enacted,
        Err(fault) => {
            tracing::error!(question = inquiry.question.as_str(), subject = ?inquiry.subject, error = %fault, "a ruling can't be enacted");
            return Ok(None);
        }
    };
    let again = enacted.ask_again;
    commit_what_can_be(kit, enacted.into_commit()).await?;
    remember(kit, &ruling);
    Ok(again.map(|at| Inquiry { at: Some(at), ..inquiry.clone() }))
}

/// Asks everyone who has a say, side by side. Who has not answered by the deadline is missing.
async fn hear(kit: &Arc<Kit>, brief: &Arc<Brief>) -> (Vec<Advisory>, Vec<Module>) {
    let deadline = Duration::try_from_secs_f64(kit.config.council.deadline_seconds).unwrap_or_default();
    let asked = council::asked(brief.question);
    let answers = join_all(asked.iter().map(|module| async move {
        let line = kit.wires.modules.get(module)?;
        line.ask(|reply| crate::council::Msg::Advise(brief.clone(), reply), deadline).await.ok().flatten()
    }))
    .await;
    let given: BTreeMap<Module, Option<Advisory>> = asked.iter().copied().zip(answers).collect();
    let missing = given.iter().filter(|(_, answer)| answer.is_none()).map(|(module, _)| *module).collect();
    (given.into_values().flatten().collect(), missing)
}

fn remember(kit: &Arc<Kit>, ruling: &Ruling) {
    kit.pulse.ruled(ruling.coherence);
    for advisory in &ruling.advisories {
        if let Some(sequence) = advisory.detail.get("routing_sequence").and_then(serde_json::Value::as_u64) {
            kit.pulse.routed(sequence);
        }
    }
}
