//! What all learning steps say about themselves.

use std::collections::BTreeMap;

use omniva_contracts::engine::{LearntFrom, Moment, ScheduleId};
use omniva_contracts::fault::Fault;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::zone::date;

/// Values of a step that its record names; the others are counted.
pub(super) const SHOWN: usize = 24;

/// SHA-256 of the JSON of `inputs`, lower-case hex. Maps are ordered and floats written exactly, so that the same inputs give
/// the same text.
///
/// # Errors
/// `internal`: something in it can't be written.
pub(super) fn hash(inputs: &impl Serialize) -> Result<String, Fault> {
    let text =
        serde_json::to_vec(inputs).map_err(|_| Fault::internal("the inputs of a learning step can't be written"))?;
    Ok(Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect())
}

pub(super) fn learnt_from(times: &[Moment], samples: u64, hash: String) -> LearntFrom {
    let (first, last) = (times.iter().min().copied(), times.iter().max().copied());
    LearntFrom { posts: times.len() as u64, samples, first, last, hash }
}

/// `84 posts from 2026-09-01 to 2026-11-20`
pub(super) fn words(from: &LearntFrom) -> String {
    let day = |at: Option<Moment>| at.map(|at| date(at.0.div_euclid(86_400_000_000))).unwrap_or_default();
    match from.posts {
        0 => "no posts".to_owned(),
        1 => format!("1 post of {}", day(from.first)),
        posts => format!("{posts} posts from {} to {}", day(from.first), day(from.last)),
    }
}

pub(super) fn counts(left_out: &BTreeMap<String, Vec<ScheduleId>>) -> BTreeMap<String, u64> {
    left_out.iter().map(|(why, ids)| (why.clone(), ids.len() as u64)).collect()
}
