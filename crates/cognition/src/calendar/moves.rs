//! By hand: moving an entry, locking it, letting it go. All are functions over the calendar of a request.

use omniva_contracts::engine::{Moment, ScheduleId};
use omniva_contracts::fault::{Code, Fault};
use serde::Serialize;

use super::board::Board;
use super::grid::Grid;
use super::{Broken, Entry, Publication, Request, Rule, Standing};

/// What a move by hand would do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Move {
    /// As it would stand.
    pub entry: Entry,
    /// The rules that it breaks there; empty: it may be done.
    pub broken: Vec<Broken>,
    /// The calendar with the move done, whether it breaks rules or not: an operator may insist. Proposed entries that it
    /// collides with are moved by the next plan.
    #[serde(skip)]
    pub calendar: Vec<Entry>,
}

/// The calendar with one entry's standing changed.
pub type Standings = Result<Vec<Entry>, Fault>;

/// Every rule that an entry would break in the calendar of a request, which may hold it already (its own place does not
/// count). An unknown channel breaks `no_channel`.
pub fn violations(request: &Request, entry: &Entry) -> Vec<Broken> {
    let Some(lane) = request.channels.iter().position(|c| c.name == entry.channel) else {
        let message = format!("there is no channel {:?}", entry.channel);
        return vec![Broken { rule: Rule::NoChannel, with: Vec::new(), bucket: None, message }];
    };
    probe(request, &entry.publication, |board, n| board.broken(n, lane, entry.at))
}

/// A board on which all of the calendar stands but one publication, which may ask about places.
pub(super) fn probe<R>(request: &Request, publication: &Publication, ask: impl FnOnce(&Board<'_>, usize) -> R) -> R {
    let mut calendar: Vec<Entry> =
        request.calendar.iter().filter(|e| e.publication.schedule_id != publication.schedule_id).cloned().collect();
    // What is proposed is in the way of a hand as well, wherever it stands.
    calendar.iter_mut().filter(|e| e.standing.may_move()).for_each(|e| e.standing = Standing::Confirmed);
    // What it holds for its old place is free for the new one.
    let mut ledger = request.ledger.clone();
    ledger.release(publication.schedule_id.0);
    let alone = Request { calendar, ledger, wanted: vec![publication.clone()], ..request.clone() };
    let grid = Grid::empty(&alone);
    let board = Board::new(&alone, &grid);
    let n = board.pieces.iter().position(|p| p.publication.schedule_id == publication.schedule_id);
    ask(&board, n.unwrap_or_default())
}

/// Moves an entry to a channel and a time, and confirms it: what a person chose is not moved again by a plan.
///
/// # Errors
/// `not_found` for an entry that is not in the calendar, `conflict` for one that is out. A locked one breaks `locked`.
pub fn move_entry(request: &Request, id: ScheduleId, channel: &str, at: Moment) -> Result<Move, Fault> {
    let old = find(request, id)?;
    let standing = if old.standing == Standing::Locked { Standing::Locked } else { Standing::Confirmed };
    let entry = Entry { channel: channel.to_owned(), at, standing, ..old.clone() };
    let mut broken = violations(request, &entry);
    if !entry.publication.channels.contains(channel) && request.channels.iter().any(|c| c.name == channel) {
        let message = format!("it was not meant for {channel}");
        broken.push(Broken { rule: Rule::NoChannel, with: Vec::new(), bucket: None, message });
    }
    if old.standing == Standing::Locked {
        let message = "it is locked: unlock it first".to_owned();
        broken.insert(0, Broken { rule: Rule::Locked, with: vec![id], bucket: None, message });
    }
    let mut calendar: Vec<Entry> = request.calendar.iter().filter(|e| e.id() != id).cloned().collect();
    calendar.push(entry.clone());
    calendar.sort_by(Entry::order);
    Ok(Move { entry, broken, calendar })
}

/// Locks an entry where it stands.
///
/// # Errors
/// `not_found`, or `conflict` where it is out.
pub fn lock(request: &Request, id: ScheduleId) -> Standings {
    stand(request, id, Standing::Locked)
}

/// A locked entry is confirmed again, and may be moved by hand.
///
/// # Errors
/// `not_found`, or `conflict` where it is out.
pub fn unlock(request: &Request, id: ScheduleId) -> Standings {
    match find(request, id)?.standing {
        Standing::Locked => stand(request, id, Standing::Confirmed),
        other => stand(request, id, other),
    }
}

fn stand(request: &Request, id: ScheduleId, standing: Standing) -> Standings {
    find(request, id)?;
    let mut calendar = request.calendar.clone();
    calendar.iter_mut().filter(|e| e.id() == id).for_each(|e| e.standing = standing);
    Ok(calendar)
}

fn find(request: &Request, id: ScheduleId) -> Result<&Entry, Fault> {
    let entry = request.calendar.iter().find(|e| e.id() == id).ok_or_else(|| {
        Fault::new(
            Code::NotFound,
            format!("schedule {id} is not in the calendar"),
            "list the schedule and choose another",
        )
    })?;
    if entry.standing == Standing::Out {
        let text = format!("schedule {id} was published at {}", entry.at);
        return Err(Fault::new(
            Code::Conflict,
            text,
            "what is out can't be moved; remove it at the platform if need be",
        ));
    }
    Ok(entry)
}
