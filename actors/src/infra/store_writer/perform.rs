//! Writing one group, apart from the mailbox.

use std::sync::Arc;

use futures::FutureExt;
use omniva_contracts::engine::LogRow;
use omniva_store::{Receipt, Refused, Sealed, StoreFault, Trouble, Writer};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Answer;
use crate::kit::News;

/// The write side. It outlives generations of the actor; one group at a time holds it.
pub type Hand = Arc<Mutex<Box<dyn Writer>>>;

pub struct Waiting {
    pub sealed: Sealed,
    pub answer: Answer,
    /// Answered by then, written or not.
    pub deadline: Instant,
}

pub struct Written {
    /// Those that are to be tried again, in order; empty unless the store failed.
    pub left: Vec<Waiting>,
    pub logs_left: Vec<LogRow>,
    pub fault: Option<StoreFault>,
    pub news: News,
    /// Place after the last packet written.
    pub head: Option<u64>,
}

fn bug(message: &str) -> StoreFault {
    StoreFault { trouble: Trouble::Bug, message: message.to_owned() }
}

async fn attempt(hand: &Hand, batch: &[Sealed]) -> Result<Vec<Result<Receipt, Refused>>, StoreFault> {
    let mut writer = hand.lock().await;
    let answers = std::panic::AssertUnwindSafe(writer.write(batch))
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(bug("the store's adapter panicked; the group was not acknowledged")))?;
    if answers.len() == batch.len() { Ok(answers) } else { Err(bug("the store answered for other commits than asked")) }
}

struct Group {
    answers: Vec<(Answer, Instant)>,
    sealed: Vec<Sealed>,
}

/// Writes `group`, then `logs`. A fault that is our own statement's is found by writing one by one, so that one commit
/// that cannot be written does not hold up the rest.
pub async fn write(hand: Hand, group: Vec<Waiting>, logs: Vec<LogRow>) -> Written {
    let mut written =
        Written { left: Vec::new(), logs_left: Vec::new(), fault: None, news: News::default(), head: None };
    let mut parts = vec![split(group)];
    while let Some(part) = parts.pop() {
        if part.sealed.is_empty() {
            continue;
        }
        if written.fault.is_some() {
            written.left.extend(join(part));
            continue;
        }
        let start = Instant::now();
        match attempt(&hand, &part.sealed).await {
            Ok(answers) => {
                let group: Vec<_> = part.sealed.iter().map(Sealed::commit).zip(&answers).collect();
                crate::gauges::committed(&group, start.elapsed());
                settle(part, answers, &mut written);
            }
            Err(fault) if fault.trouble == Trouble::Bug && part.sealed.len() > 1 => {
                let singles: Vec<Waiting> = join(part);
                parts.extend(singles.into_iter().rev().map(|one| split(vec![one])));
            }
            Err(fault) if fault.trouble == Trouble::Bug => {
                tracing::error!(error = %fault, "a commit can't be written and is given up");
                for (answer, _) in part.answers {
                    let _ = answer.send(Err(Refused::Store(fault.clone())));
                }
            }
            Err(fault) => {
                written.left.extend(join(part));
                written.fault = Some(fault);
            }
        }
    }
    if !logs.is_empty() {
        if written.fault.is_some() {
            written.logs_left = logs;
        } else if let Err(fault) = hand.lock().await.write_logs(logs.clone()).await {
            written.logs_left = logs;
            written.fault = Some(fault);
        }
    }
    written
}

fn split(group: Vec<Waiting>) -> Group {
    let mut part = Group { answers: Vec::with_capacity(group.len()), sealed: Vec::with_capacity(group.len()) };
    for one in group {
        part.answers.push((one.answer, one.deadline));
        part.sealed.push(one.sealed);
    }
    part
}

fn join(part: Group) -> Vec<Waiting> {
    part.sealed
        .into_iter()
        .zip(part.answers)
        .map(|(sealed, (answer, deadline))| Waiting { sealed, answer, deadline })
        .collect()
}

fn settle(part: Group, answers: Vec<Result<Receipt, Refused>>, written: &mut Written) {
    for ((sealed, (reply, _)), answer) in part.sealed.iter().zip(part.answers).zip(answers) {
        if let Ok(receipt) = &answer {
            written.news.note(sealed.commit());
            if let Some(last) = receipt.seqs.last() {
                written.head = written.head.max(Some(*last));
            }
        }
        // Nobody waits any more: the state is written all the same, and found by whoever looks.
        let _ = reply.send(answer);
    }
}
