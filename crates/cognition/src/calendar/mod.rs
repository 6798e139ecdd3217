//! The calendar: when each publication goes out on which channel.
//!
//! [`plan`] finds times for what is wanted among what is booked: hard [`Rule`]s are never broken, and of all calendars that
//! keep them it looks for the one with the highest score (worth × posting window, less delay, sameness, a mix off its
//! targets, and changes of what was proposed before). Every booking says why it stands where it stands; whatever finds no
//! place gets a `scheduler_fault` with the rules in conflict and the smallest change that would place it.
//!
//! The way of a plan: `grid` lays out the slots in local time · `board` keeps the books of a calendar and tells what a
//! move breaks and what it is worth · `search` improves the calendar · `explain` and `relax` say why. By hand: [`moves`],
//! [`missed`], [`difference`], [`icalendar`].
//!
//! Scores are whole numbers, in points (a millionth of one placed publication): sums are exact, ties are ties.

mod board;
pub(crate) mod dice;
mod difference;
mod explain;
mod grid;
mod ical;
mod missed;
mod model;
mod moves;
mod relax;
pub mod sample;
mod search;
mod weights;

pub use difference::{Change, Difference, changes, difference};
pub use explain::{Alternative, Part, Placed, Why};
pub use ical::{Event, icalendar};
pub use missed::{MissedEntry, MissedPlan, MissedPolicy, earliest, missed};
pub use model::{Broken, Channel, Entry, ProjectRules, Publication, Quiet, Request, Rule, Rules, Standing, Windows};
pub use moves::{Move, Standings, lock, move_entry, unlock, violations};
pub use relax::{Conflict, Relax, Relaxation, Unplaced};
pub use weights::Weights;

use omniva_contracts::fault::Fault;
use serde::Serialize;

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Everything that was wanted or only proposed, and has a place, by schedule id.
    pub placed: Vec<Placed>,
    /// By schedule id.
    pub unplaced: Vec<Unplaced>,
    /// Points of the whole calendar.
    pub score: i64,
    /// Slots that were looked at: what the plan cost, the same on every machine.
    pub looks: u64,
}

impl Plan {
    /// The calendar after the plan: what was fixed, and what was placed, by channel and time.
    pub fn calendar(&self, request: &Request) -> Vec<Entry> {
        let fixed = request.calendar.iter().filter(|e| !e.standing.may_move()).cloned();
        let mut all: Vec<Entry> = fixed.chain(self.placed.iter().map(|p| p.entry.clone())).collect();
        all.sort_by(Entry::order);
        all
    }
}

/// Places what is wanted, and may move what is only proposed.
///
/// The same request gives the same plan, byte for byte; ties go to the earlier time, then to the smaller name or id. The
/// work is bounded by [`Rules::effort`].
///
/// # Errors
/// `config_invalid` where the request contradicts itself or exceeds a bound; that no place is found is no error.
pub fn plan(request: &Request) -> Result<Plan, Fault> {
    request.check()?;
    let grid = grid::Grid::new(request);
    let mut board = board::Board::new(request, &grid);
    let looks = search::improve(&mut board);
    let placed = explain::placed(&mut board);
    let unplaced = relax::unplaced(&board);
    Ok(Plan { placed, unplaced, score: board.total(), looks })
}

#[cfg(test)]
mod brute_tests;
#[cfg(test)]
mod rules_tests;
#[cfg(test)]
mod tests;
