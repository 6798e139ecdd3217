//! The search for a good calendar. First everything is placed by regret: what would lose most by waiting goes first. Then
//! the calendar is improved until nothing helps or the effort is spent: pieces move to better slots, and push others out
//! of them, which find another place in turn, when all of them together gain by it. Last, on small calendars, a few
//! neighbours at a time are taken off and put back in every order.

use std::collections::BinaryHeap;

use omniva_contracts::engine::Moment;

use super::board::{Board, Place};
use super::dice::Dice;

/// How hard is looked: the more pieces may move, the less for each.
struct Care {
    /// Movable pieces up to which it is taken.
    up_to: usize,
    /// Slots that a piece tries to push into.
    tries: usize,
    /// How far pushing goes on: the pushed push others.
    depth: usize,
    /// Slots of each piece that a joint placement tries.
    options: usize,
    /// Times that part of a finished calendar is thrown and built again.
    kicks: usize,
}

const CARE: [Care; 3] = [
    Care { up_to: 12, tries: 64, depth: 2, options: 10, kicks: 8 },
    Care { up_to: 40, tries: 12, depth: 1, options: 5, kicks: 3 },
    Care { up_to: usize::MAX, tries: 6, depth: 1, options: 0, kicks: 0 },
];
/// Slots of each piece, and placements, that are tried for all pieces of a tiny calendar together.
const ALL_OPTIONS: usize = 48;
const NODES: u64 = 40_000;
/// What one placement counts, in looks.
const NODE: u64 = 21;
/// Slots that a pushed piece tries to push into.
const PUSHED_TRIES: usize = 4;
/// Passes over all pieces, at most.
const PASSES: usize = 12;
/// Pieces that are taken off and put back together.
const GROUP: usize = 3;
/// Pieces that a push may take off its slot.
const PUSHED: usize = 3;

/// Improves the board; returns the slots that were looked at.
pub(super) fn improve(board: &mut Board<'_>) -> u64 {
    let mut search = Search::new(board);
    search.construct();
    search.climb();
    search.kick();
    search.exhaust();
    board.looks
}

/// The search without its exhaustive end, which a larger calendar never has.
#[cfg(test)]
pub(super) fn climb_alone(board: &mut Board<'_>) {
    let mut search = Search::new(board);
    search.construct();
    search.climb();
    search.kick();
}

struct Search<'s, 'a> {
    board: &'s mut Board<'a>,
    /// Pieces that may move, by id.
    movable: Vec<usize>,
    care: &'static Care,
    /// Changes since the start of a trial: the piece, and where it stood.
    journal: Vec<(usize, Option<Place>)>,
}

impl<'s, 'a> Search<'s, 'a> {
    fn new(board: &'s mut Board<'a>) -> Self {
        let movable: Vec<usize> = (0..board.pieces.len()).filter(|n| board.pieces[*n].standing.may_move()).collect();
        let care = CARE.iter().find(|c| movable.len() <= c.up_to).unwrap_or(&CARE[CARE.len() - 1]);
        Self { board, movable, care, journal: Vec::new() }
    }

    /// Until nothing helps.
    fn climb(&mut self) {
        for _ in 0..PASSES {
            let before = self.board.total();
            self.pass();
            if self.care.options > 0 && self.board.total() == before {
                self.regroup();
            }
            if self.board.total() == before || self.spent() {
                return;
            }
        }
    }

    /// Throws a third of the calendar off, builds it anew in another order and climbs again; the best stays. The order is
    /// thrown with dice that always fall the same.
    fn kick(&mut self) {
        let mut dice = Dice::new(self.movable.len() as u64);
        for _ in 0..self.care.kicks {
            if self.movable.len() < 2 || self.spent() {
                return;
            }
            let (most, places) = (self.board.total(), self.places());
            let mut off = self.movable.clone();
            while off.len() > (self.movable.len() / 3).max(2) {
                off.swap_remove(dice.below(off.len()));
            }
            for n in &off {
                self.board.take(*n);
            }
            // What had no place before may come first now.
            off = self.movable.iter().copied().filter(|n| self.board.pieces[*n].place.is_none()).collect();
            while !off.is_empty() {
                let n = off.swap_remove(dice.below(off.len()));
                if let Some((_, place)) = best(self.board, n, None) {
                    self.board.put(n, place);
                }
            }
            self.climb();
            if self.board.total() < most {
                self.restore(&places);
            }
        }
    }

    fn places(&self) -> Vec<Option<Place>> {
        self.movable.iter().map(|n| self.board.pieces[*n].place).collect()
    }
    fn restore(&mut self, places: &[Option<Place>]) {
        for n in &self.movable {
            self.board.take(*n);
        }
        for (n, place) in self.movable.iter().zip(places) {
            if let Some(place) = place {
                self.board.put(*n, *place);
            }
        }
    }

    fn spent(&self) -> bool {
        self.board.looks >= self.board.request.rules.effort
    }

    /// What would lose most by waiting goes first: the distance from its best day to its second best. Distances are
    /// counted again only when a piece is about to be placed.
    fn construct(&mut self) {
        let mut queue = BinaryHeap::new();
        for n in self.movable.clone() {
            if self.board.pieces[n].place.is_none()
                && let Some((regret, ..)) = self.regret(n)
            {
                queue.push((regret, std::cmp::Reverse(n)));
            }
        }
        while let Some((_, std::cmp::Reverse(n))) = queue.pop() {
            let Some((regret, place)) = self.regret(n) else { continue };
            let next = queue.peek().map_or(i64::MIN, |top| top.0);
            if regret >= next || self.spent() {
                self.board.put(n, place);
            } else {
                queue.push((regret, std::cmp::Reverse(n)));
            }
        }
    }

    fn regret(&mut self, n: usize) -> Option<(i64, Place)> {
        let (gain, place) = best(self.board, n, None)?;
        if self.spent() {
            return Some((gain, place));
        }
        let second = best(self.board, n, Some((place.lane, place.slot.day))).map_or(0, |(gain, _)| gain);
        Some((gain - second, place))
    }

    /// Each piece once, those without a place first.
    fn pass(&mut self) {
        let mut order = self.movable.clone();
        order.sort_by_key(|n| (self.board.pieces[*n].place.is_some(), -self.board.pieces[*n].worth, *n));
        for n in order {
            if self.spent() {
                return;
            }
            self.relocate(n);
            self.push(n, self.care.depth, self.care.tries);
        }
    }

    fn relocate(&mut self, n: usize) {
        let before = self.board.total();
        let old = self.board.take(n);
        let found = best(self.board, n, None).map(|(_, place)| place);
        if let Some(place) = found.or(old) {
            self.board.put(n, place);
        }
        if self.board.total() < before {
            self.board.take(n);
            if let Some(place) = old {
                self.board.put(n, place);
            }
        }
    }

    /// Tries to get a piece into a slot that others hold, until one such try helps the calendar as a whole.
    fn push(&mut self, n: usize, depth: usize, tries: usize) -> bool {
        for place in self.wishes(n, tries) {
            if self.spent() {
                return false;
            }
            if self.force(n, place, depth) {
                return true;
            }
        }
        false
    }

    /// Slots that the piece would gain by, if only it could have them; best first.
    fn wishes(&mut self, n: usize, tries: usize) -> Vec<Place> {
        let now = match self.board.take(n) {
            Some(place) => {
                let gain = self.board.points(n, place).sum();
                self.board.put(n, place);
                gain
            }
            None => 0,
        };
        // One slot of an hour speaks for all, unless every slot is tried.
        let every = tries == CARE[0].tries;
        let (grid, piece) = (self.board.grid, &self.board.pieces[n]);
        let mix: Vec<i64> = (0..grid.weeks).map(|week| self.board.mix(piece, week)).collect();
        let most = mix.iter().max().copied().unwrap_or(0);
        let mut found: Vec<(i64, Place)> = Vec::new();
        let mut looks = 0;
        for lane in &piece.lanes {
            let (mut here, mut hour) = (0, None);
            for slot in &grid.lanes[*lane].slots {
                looks += 1;
                let gain = self.board.request.weights.placed + piece.worth * slot.appeal / 1000;
                if gain + most <= now || here >= tries {
                    break;
                }
                let same = hour.replace(slot.at.0.div_euclid(3_600_000_000)) == hour;
                if gain + mix[slot.week] <= now || (same && !every) {
                    continue;
                }
                found.push((gain + mix[slot.week], Place { lane: *lane, slot: *slot }));
                here += 1;
            }
        }
        self.board.looks += looks;
        found.sort_by_key(|(gain, place)| (-gain, place.slot.at, place.lane));
        found.truncate(tries);
        found.into_iter().map(|(_, place)| place).collect()
    }

    /// Puts a piece on a place whatever stands there; what had to go finds another. Undone unless the calendar gains.
    fn force(&mut self, n: usize, place: Place, depth: usize) -> bool {
        let (start, mark) = (self.board.total(), self.journal.len());
        self.off(n);
        let helped = match self.board.blockers(n, place.lane, &place.slot, PUSHED) {
            Some(blockers) => self.displace(n, place, blockers, depth),
            None => false,
        };
        if helped && self.board.total() > start {
            if mark == 0 {
                self.journal.clear();
            }
            return true;
        }
        self.undo(mark);
        false
    }

    fn displace(&mut self, n: usize, place: Place, mut blockers: Vec<usize>, depth: usize) -> bool {
        blockers.iter().for_each(|other| self.off(*other));
        if !self.board.fits(n, place.lane, &place.slot) {
            return false;
        }
        self.on(n, place);
        blockers.sort_by_key(|other| (-self.board.pieces[*other].worth, *other));
        for other in blockers {
            match best(self.board, other, None) {
                Some((_, place)) => self.on(other, place),
                None if depth > 0 => {
                    self.push(other, depth - 1, PUSHED_TRIES);
                }
                None => {}
            }
        }
        true
    }

    /// Takes neighbours of a channel off, a few at a time, and puts them back in the best joint way.
    fn regroup(&mut self) {
        let mut order: Vec<usize> = self.movable.clone();
        order.sort_by_key(|n| {
            let place = self.board.pieces[*n].place;
            (place.is_none(), place.map(|p| (p.lane, p.slot.at)), *n)
        });
        for size in 2..=GROUP {
            for group in groups(&order, size) {
                if self.spent() {
                    return;
                }
                self.rejoin(&group, self.care.options, u64::MAX / NODE / 2);
            }
        }
    }

    /// On a tiny calendar all pieces together, as far as that goes: mostly it shows that there is nothing better.
    fn exhaust(&mut self) {
        if self.care.up_to != CARE[0].up_to || self.movable.len() < 2 {
            return;
        }
        let mut all = self.movable.clone();
        all.sort_by_key(|n| (-self.board.pieces[*n].worth, *n));
        self.rejoin(&all, ALL_OPTIONS, NODES);
    }

    /// Takes a group off and puts it back in the best joint way over the best slots of each.
    fn rejoin(&mut self, group: &[usize], most: usize, nodes: u64) {
        let start = self.board.total();
        group.iter().for_each(|n| self.off(*n));
        let options: Vec<Vec<(i64, Place)>> = group.iter().map(|n| self.options(*n, most)).collect();
        let slack = 2 * self.board.request.weights.mix;
        let mut hopes = vec![0; group.len() + 1];
        for (at, list) in options.iter().enumerate().rev() {
            hopes[at] = hopes[at + 1] + list.first().map_or(0, |o| o.0) + slack;
        }
        let until = (self.board.looks + nodes * NODE).min(self.board.request.rules.effort);
        let mut joint =
            Joint { group, options: &options, hopes: &hopes, most: start, best: None, at: Vec::new(), until };
        joint.descend(self.board);
        let Some(places) = joint.best else {
            self.undo(0);
            return;
        };
        for (n, place) in group.iter().zip(places) {
            if let Some(place) = place {
                self.on(*n, place);
            }
        }
        self.journal.clear();
    }

    /// The best places that are free for a piece off the board, best first.
    fn options(&mut self, n: usize, most: usize) -> Vec<(i64, Place)> {
        let (grid, piece) = (self.board.grid, &self.board.pieces[n]);
        let mut found: Vec<(i64, Place)> = Vec::new();
        let mut looks = 0;
        for lane in &piece.lanes {
            let mut here = 0;
            for slot in &grid.lanes[*lane].slots {
                looks += 1;
                if here >= 2 * most {
                    break;
                }
                if self.board.fits(n, *lane, slot) {
                    let place = Place { lane: *lane, slot: *slot };
                    found.push((self.board.points(n, place).sum(), place));
                    here += 1;
                }
            }
        }
        self.board.looks += looks;
        found.sort_by_key(|(gain, place)| (-gain, place.slot.at, place.lane));
        found.truncate(most);
        found
    }

    fn off(&mut self, n: usize) {
        let place = self.board.take(n);
        self.journal.push((n, place));
    }
    fn on(&mut self, n: usize, place: Place) {
        self.journal.push((n, None));
        self.board.put(n, place);
    }
    fn undo(&mut self, mark: usize) {
        // All are taken off first: two may have changed places.
        let undone: Vec<(usize, Option<Place>)> = self.journal.drain(mark..).collect();
        let mut places: std::collections::BTreeMap<usize, Option<Place>> = std::collections::BTreeMap::new();
        for (n, place) in undone {
            places.entry(n).or_insert(place);
        }
        for n in places.keys() {
            self.board.take(*n);
        }
        for (n, place) in places {
            if let Some(place) = place {
                self.board.put(n, place);
            }
        }
    }
}

/// Every choice of `size` out of a small calendar; of a larger one those that stand within a few places of each other.
fn groups(order: &[usize], size: usize) -> Vec<Vec<usize>> {
    const REACH: usize = 8;
    let mut all = Vec::new();
    for (at, first) in order.iter().enumerate() {
        let rest = &order[at + 1..order.len().min(at + 1 + REACH)];
        for (next, second) in rest.iter().enumerate() {
            if size == 2 {
                all.push(vec![*first, *second]);
                continue;
            }
            all.extend(rest[next + 1..].iter().map(|third| vec![*first, *second, *third]));
        }
    }
    all
}

/// All joint placements of a group, with those left out that can't be better than the best so far.
struct Joint<'g> {
    group: &'g [usize],
    options: &'g [Vec<(i64, Place)>],
    /// What the pieces from here on can gain at most.
    hopes: &'g [i64],
    most: i64,
    best: Option<Vec<Option<Place>>>,
    at: Vec<Option<Place>>,
    /// Looks at which it ends with what it has.
    until: u64,
}

impl Joint<'_> {
    fn descend(&mut self, board: &mut Board<'_>) {
        let depth = self.at.len();
        if board.total() + self.hopes[depth] <= self.most || board.looks >= self.until {
            return;
        }
        let Some(n) = self.group.get(depth) else {
            self.most = board.total();
            self.best = Some(self.at.clone());
            return;
        };
        for (_, place) in &self.options[depth] {
            board.looks += 1;
            if !board.fits(*n, place.lane, &place.slot) {
                continue;
            }
            board.put(*n, *place);
            self.at.push(Some(*place));
            self.descend(board);
            self.at.pop();
            board.take(*n);
        }
        self.at.push(None);
        self.descend(board);
        self.at.pop();
    }
}

/// The place at which the calendar gains most by a piece that is off the board, and how much. `skip`: a day of a channel
/// that is out of the question.
pub(super) fn best(board: &mut Board<'_>, n: usize, skip: Option<(usize, i64)>) -> Option<(i64, Place)> {
    let (grid, piece) = (board.grid, &board.pieces[n]);
    let mix: Vec<i64> = (0..grid.weeks).map(|week| board.mix(piece, week)).collect();
    let most = mix.iter().max().copied().unwrap_or(0);
    let skipped = |lane: usize, day: i64| skip == Some((lane, day));
    let mut best: Option<(i64, Place)> = None;
    // Where it stood before may be no slot of the grid.
    if let Some(before) = piece.before.filter(|b| piece.lanes.contains(&b.lane) && !skipped(b.lane, b.slot.day))
        && board.rules(n, before.lane, before.slot.at).is_empty()
    {
        best = Some((board.points(n, before).sum(), before));
    }
    let mut looks = 0;
    for lane in &piece.lanes {
        for slot in &grid.lanes[*lane].slots {
            looks += 1;
            let gain = board.request.weights.placed + piece.worth * slot.appeal / 1000;
            let floor = best.map_or(i64::MIN, |b| b.0);
            if gain + most < floor {
                break;
            }
            if gain + mix[slot.week] < floor || skipped(*lane, slot.day) || !board.fits(n, *lane, slot) {
                continue;
            }
            let place = Place { lane: *lane, slot: *slot };
            let gain = gain + mix[slot.week] + board.neighbours(n, place);
            if best.is_none_or(|(most, held)| (gain, earlier(place)) > (most, earlier(held))) {
                best = Some((gain, place));
            }
        }
    }
    board.looks += looks;
    best
}

/// Of equals the earlier, then the channel with the smaller index.
fn earlier(place: Place) -> std::cmp::Reverse<(Moment, usize)> {
    std::cmp::Reverse((place.slot.at, place.lane))
}
