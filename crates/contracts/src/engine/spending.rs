//! What an upload has spent of a platform's limits: every call that the platform counted, when it was made.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Job, Moment, UploadJobId};
use crate::fault::Fault;

/// No bucket remembers longer than this.
const REMEMBERED: Duration = Duration::from_secs(48 * 3600);
/// Entries of one upload; beyond, calls of a kind are counted together.
const MOST: usize = 500;
/// Where a job that is not done keeps it, beside whatever else it goes on from.
const KEY: &str = "spending";

fn once() -> u32 {
    1
}

/// Calls of one kind at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spend {
    /// As `config/platforms.toml` names what they cost: `youtube_insert`.
    pub action: String,
    pub at: Moment,
    #[serde(default = "once")]
    pub times: u32,
}

/// Everything that the attempts of one job have spent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spending {
    pub upload_job_id: UploadJobId,
    /// As rows call it ([`super::row_target`]).
    pub target: String,
    /// Oldest first.
    pub calls: Vec<Spend>,
}

impl Spending {
    pub fn new(upload_job_id: UploadJobId, target: impl Into<String>) -> Self {
        Self { upload_job_id, target: target.into(), calls: Vec::new() }
    }

    /// One more call. What no limit remembers any more is forgotten.
    pub fn add(&mut self, action: &str, at: Moment) {
        let old = at.before(REMEMBERED);
        self.calls.retain(|call| call.at > old);
        let full = self.calls.len() >= MOST;
        // Counted together they take part at the later time: too long rather than too short.
        if full && let Some(last) = self.calls.iter().rposition(|call| call.action == action) {
            let mut call = self.calls.remove(last);
            call.times = call.times.saturating_add(1);
            self.calls.push(Spend { at: call.at.max(at), ..call });
            return;
        }
        self.calls.push(Spend { action: action.to_owned(), at, times: 1 });
    }

    /// As a job keeps it that is not done.
    pub fn checkpoint(&self) -> Value {
        json!({ (KEY): self })
    }

    /// What the attempts of a job have spent, by its row: one that is done says so in its result.
    ///
    /// # Errors
    /// `internal` when the row can't be read.
    pub fn of(job: &Job) -> Result<Option<Self>, Fault> {
        let kept = job.result.as_ref().or(job.checkpoint.as_ref()).and_then(|kept| kept.get(KEY));
        let Some(kept) = kept.filter(|kept| !kept.is_null()) else { return Ok(None) };
        Self::deserialize(kept)
            .map(Some)
            .map_err(|e| Fault::internal(format!("what job {} has spent can't be read", job.id)).with_detail(e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_kept_as_long_as_a_limit_may_remember_them() {
        let start = Moment::parse("2026-11-20T12:00:00Z").expect("a time");
        let mut spending = Spending::new(UploadJobId(uuid::Uuid::from_u128(1)), "youtube/main");
        spending.add("youtube_insert", start);
        let next_day = start.after(Duration::from_secs(24 * 3600));
        spending.add("youtube_list", next_day);
        assert_eq!(spending.calls.len(), 2);
        spending.add("youtube_list", start.after(REMEMBERED));
        assert_eq!(spending.calls.iter().map(|c| c.at).min(), Some(next_day), "the first is forgotten");
    }

    #[test]
    fn the_list_is_bounded_and_no_call_is_lost() {
        let start = Moment::parse("2026-11-20T12:00:00Z").expect("a time");
        let mut spending = Spending::new(UploadJobId(uuid::Uuid::from_u128(1)), "youtube/main");
        let seconds = |n: u64| start.after(Duration::from_secs(n));
        spending.add("youtube_insert", start);
        (0..2_000).for_each(|n| spending.add("youtube_list", seconds(n)));
        assert!(spending.calls.len() <= MOST);
        let times = |action: &str| spending.calls.iter().filter(|c| c.action == action).map(|c| c.times).sum::<u32>();
        assert_eq!((times("youtube_insert"), times("youtube_list")), (1, 2_000));
        assert_eq!(spending.calls.last().map(|c| c.at), Some(seconds(1_999)));
    }
}
