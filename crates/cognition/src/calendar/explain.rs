//! Why a publication stands where it stands.

use std::collections::BTreeMap;

use omniva_contracts::engine::Moment;
use serde::Serialize;

use super::board::{Board, Place};
use super::search::best;
use super::{Broken, Entry, Rule, Standing};

/// Better slots that are asked why they were not taken, and those that are kept.
const ASKED: usize = 24;
const KEPT: usize = 3;

/// A publication with its time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Placed {
    pub entry: Entry,
    /// Where it stood before, if it was moved.
    pub moved_from: Option<(String, Moment)>,
    pub why: Why,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Why {
    /// Points that the calendar gains by it.
    pub score: i64,
    pub parts: Vec<Part>,
    /// Slots that alone would have been better, with what spoke against them; then the best free one of another day.
    pub alternatives: Vec<Alternative>,
    /// Of the best slots that it did not get: how many each rule forbade.
    pub bound: BTreeMap<Rule, u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// `placed`, `window`, `mix`, `saturation`, `stability`
    pub name: &'static str,
    pub points: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alternative {
    pub channel: String,
    pub at: Moment,
    /// Points, were it free.
    pub score: i64,
    /// Empty: it was free, and is worth less.
    pub against: Vec<Broken>,
}

/// Every movable piece that has a place, by id.
pub(super) fn placed(board: &mut Board<'_>) -> Vec<Placed> {
    let movable: Vec<usize> = (0..board.pieces.len()).filter(|n| board.pieces[*n].standing.may_move()).collect();
    movable.into_iter().filter_map(|n| explain(board, n)).collect()
}

fn explain(board: &mut Board<'_>, n: usize) -> Option<Placed> {
    let place = board.take(n)?;
    let points = board.points(n, place);
    let name = |lane: usize| board.request.channels.get(lane).map(|c| c.name.clone()).unwrap_or_default();
    let parts = [
        ("placed", points.placed),
        ("window", points.appeal),
        ("mix", points.mix),
        ("saturation", points.saturation),
        ("stability", points.stability),
    ];
    let entry = Entry {
        publication: board.pieces[n].publication.clone(),
        channel: name(place.lane),
        at: place.slot.at,
        standing: Standing::Proposed,
    };
    let before = board.pieces[n].before.filter(|b| (b.lane, b.slot.at) != (place.lane, place.slot.at));
    let moved_from = before.map(|b| (name(b.lane), b.slot.at));
    let (mut alternatives, bound) = lost(board, n, points.sum());
    if let Some((score, other)) = best(board, n, Some((place.lane, place.slot.day))) {
        let channel = board.request.channels.get(other.lane).map(|c| c.name.clone()).unwrap_or_default();
        alternatives.push(Alternative { channel, at: other.slot.at, score, against: Vec::new() });
    }
    board.put(n, place);
    let parts = parts.into_iter().map(|(name, points)| Part { name, points }).collect();
    Some(Placed { entry, moved_from, why: Why { score: points.sum(), parts, alternatives, bound } })
}

/// The best slots that would have been worth more than `score`, and why each was not to be had.
fn lost(board: &Board<'_>, n: usize, score: i64) -> (Vec<Alternative>, BTreeMap<Rule, u32>) {
    let piece = &board.pieces[n];
    let mut better: Vec<(i64, Place)> = Vec::new();
    for lane in &piece.lanes {
        let mut asked = 0;
        for slot in &board.grid.lanes[*lane].slots {
            if board.request.weights.placed + piece.worth * slot.appeal / 1000 + board.request.weights.mix * 2 <= score
                || asked >= ASKED
            {
                break;
            }
            let place = Place { lane: *lane, slot: *slot };
            let worth = board.points(n, place).sum();
            if worth > score {
                better.push((worth, place));
                asked += 1;
            }
        }
    }
    better.sort_by_key(|(worth, place)| (-worth, place.slot.at, place.lane));
    better.truncate(ASKED);
    let (mut kept, mut bound) = (Vec::new(), BTreeMap::new());
    let mut hour = None;
    for (score, place) in better {
        for rule in board.rules(n, place.lane, place.slot.at) {
            *bound.entry(rule).or_default() += 1;
        }
        // One slot of an hour tells the story of all.
        let same = hour.replace((place.lane, place.slot.at.0.div_euclid(3_600_000_000)));
        if kept.len() < KEPT && same != hour {
            let channel = board.request.channels.get(place.lane).map(|c| c.name.clone()).unwrap_or_default();
            let against = board.broken(n, place.lane, place.slot.at);
            kept.push(Alternative { channel, at: place.slot.at, score, against });
        }
    }
    (kept, bound)
}
