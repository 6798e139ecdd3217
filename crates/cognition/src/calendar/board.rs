//! The books of one calendar: what stands where, what a place breaks, and what it is worth. Each change is counted at
//! once, so that a look costs a few lookups and the score of the whole calendar is always known.

use std::collections::{BTreeMap, BTreeSet};

use omniva_contracts::engine::{ClipId, Moment, ProjectId};

use super::grid::{Grid, Slot};
use super::{Broken, Publication, Request, Rule, Standing};
use crate::limits::Tally;

mod score;

pub(super) const MINUTE: i64 = 60_000_000;
/// Shares of the mix are counted in millionths.
pub(super) const SHARE: i64 = 1_000_000;

/// Where something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub lane: usize,
    pub slot: Slot,
}

/// A publication as the board knows it.
pub(super) struct Piece<'a> {
    pub publication: &'a Publication,
    pub standing: Standing,
    /// Where a proposed one stood, if that is one of the channels.
    pub before: Option<Place>,
    /// Channels it may go to, by index.
    pub lanes: Vec<usize>,
    pub worth: i64,
    project: usize,
    topic: Option<usize>,
    /// Indexes into the project's mix.
    labels: Vec<usize>,
    pub place: Option<Place>,
}

/// What stands on one channel.
#[derive(Default)]
struct Row {
    by_time: BTreeSet<(i64, usize)>,
    /// By project and local day.
    days: BTreeMap<(usize, i64), Vec<usize>>,
    topics: BTreeMap<usize, BTreeSet<(i64, usize)>>,
    clips: BTreeMap<ClipId, usize>,
    /// Spacing, µs; at least one, so that no two share an instant.
    spacing: i64,
    /// Indexes of the buckets, with costs.
    charges: Vec<(usize, u32)>,
}

impl Row {
    /// What stands closer to a moment than the spacing allows, in order.
    fn near(&self, at: Moment) -> impl Iterator<Item = &(i64, usize)> {
        let reach = self.spacing - 1;
        self.by_time.range((at.0.saturating_sub(reach), 0)..=(at.0.saturating_add(reach), usize::MAX))
    }
}

/// How a project's week stands.
#[derive(Clone, Default)]
struct Week {
    total: i64,
    labels: Vec<i64>,
}

struct Project {
    quota: usize,
    /// Label and share, in millionths.
    mix: Vec<(String, i64)>,
}

pub(super) struct Board<'a> {
    pub request: &'a Request,
    pub grid: &'a Grid,
    pub pieces: Vec<Piece<'a>>,
    rows: Vec<Row>,
    projects: Vec<Project>,
    /// By project and week.
    weeks: BTreeMap<(usize, usize), Week>,
    tallies: Vec<Tally>,
    total: i64,
    pub looks: u64,
}

impl<'a> Board<'a> {
    /// Fixed entries and proposed ones whose place is still allowed stand; all else is off the board.
    pub(super) fn new(request: &'a Request, grid: &'a Grid) -> Self {
        let projects: BTreeMap<ProjectId, usize> =
            request.projects.keys().enumerate().map(|(n, id)| (*id, n)).collect();
        let mut board = Self {
            request,
            grid,
            pieces: Vec::new(),
            rows: Vec::new(),
            projects: request.projects.values().map(project).collect(),
            weeks: BTreeMap::new(),
            tallies: request.ledger.tallies().values().cloned().collect(),
            total: 0,
            looks: 0,
        };
        board.rows = request.channels.iter().map(|c| row(request, c)).collect();
        let lanes: BTreeMap<&str, usize> =
            request.channels.iter().enumerate().map(|(n, c)| (c.name.as_str(), n)).collect();
        let mut topics: BTreeMap<&str, usize> = BTreeMap::new();
        let entries = request.calendar.iter().map(|e| (&e.publication, Some(e)));
        let mut all: Vec<_> = entries.chain(request.wanted.iter().map(|p| (p, None))).collect();
        all.sort_by_key(|(p, _)| p.schedule_id);
        for (publication, entry) in all {
            let count = topics.len();
            let topic = publication.topic.as_deref().map(|t| *topics.entry(t).or_insert(count));
            let project = projects.get(&publication.project_id).copied().unwrap_or_default();
            let place = entry.and_then(|e| {
                let lane = *lanes.get(e.channel.as_str())?;
                Some(Place { lane, slot: grid.slot(request, request.channels.get(lane)?, e.at) })
            });
            let standing = entry.map_or(Standing::Proposed, |e| e.standing);
            let mix = board.projects.get(project).map(|p| p.mix.as_slice()).unwrap_or_default();
            let labels = (0..mix.len()).filter(|n| publication.labels.contains(&mix[*n].0)).collect();
            board.pieces.push(Piece {
                publication,
                standing,
                before: place.filter(|_| standing.may_move()),
                lanes: publication.channels.iter().filter_map(|c| lanes.get(c.as_str()).copied()).collect(),
                worth: publication.worth(),
                project,
                topic,
                labels,
                place,
            });
        }
        board.settle();
        board
    }

    /// Puts what stands on the board: the fixed first, then the proposed where they still may be, most worthy first.
    fn settle(&mut self) {
        let mut places: Vec<(usize, Place)> = Vec::new();
        for (n, piece) in self.pieces.iter_mut().enumerate() {
            places.extend(piece.place.take().map(|place| (n, place)));
        }
        // What the entries take is counted from the calendar, and what is wanted does not stand in its own way: the
        // ledger's holds for them would count twice.
        let stand = places.iter().map(|(n, _)| *n);
        let free = (0..self.pieces.len()).filter(|n| self.pieces[*n].standing.may_move());
        let ids = stand.chain(free).map(|n| self.pieces[n].publication.schedule_id.0.as_u128()).collect();
        self.tallies.iter_mut().for_each(|t| t.drop_holders(&ids));
        places.sort_by_key(|(n, _)| (self.pieces[*n].standing.may_move(), -self.pieces[*n].worth, *n));
        for (n, place) in places {
            let fixed = !self.pieces[n].standing.may_move();
            if fixed
                || (self.pieces[n].lanes.contains(&place.lane) && self.rules(n, place.lane, place.slot.at).is_empty())
            {
                self.put(n, place);
            }
        }
    }

    pub(super) fn total(&self) -> i64 {
        self.total
    }

    /// Whether a slot of the grid is free for a piece that is off the board.
    pub(super) fn fits(&self, n: usize, lane: usize, slot: &Slot) -> bool {
        let piece = &self.pieces[n];
        let (publication, row) = (piece.publication, &self.rows[lane]);
        if publication.not_before.is_some_and(|t| slot.at < t) || publication.deadline.is_some_and(|t| slot.at > t) {
            return false;
        }
        if row.near(slot.at).next().is_some() {
            return false;
        }
        let day = row.days.get(&(piece.project, slot.day)).map_or(0, Vec::len);
        day < self.projects[piece.project].quota
            && !row.clips.contains_key(&publication.clip_id)
            && row.charges.iter().all(|(bucket, cost)| self.tallies[*bucket].fits(slot.at, *cost))
    }

    pub(super) fn put(&mut self, n: usize, place: Place) {
        // Putting and taking cost as much as so many looks.
        self.looks += 10;
        self.total += self.points(n, place).sum();
        let at = place.slot.at;
        let piece = &mut self.pieces[n];
        piece.place = Some(place);
        let row = &mut self.rows[place.lane];
        row.by_time.insert((at.0, n));
        row.days.entry((piece.project, place.slot.day)).or_default().push(n);
        *row.clips.entry(piece.publication.clip_id).or_default() += 1;
        if let Some(topic) = piece.topic {
            row.topics.entry(topic).or_default().insert((at.0, n));
        }
        for (bucket, cost) in &row.charges {
            self.tallies[*bucket].add(at, piece.publication.schedule_id.0.as_u128(), *cost);
        }
        let count = self.projects[piece.project].mix.len();
        let week = self.weeks.entry((piece.project, place.slot.week)).or_default();
        week.labels.resize(count, 0);
        week.total += 1;
        piece.labels.iter().for_each(|l| week.labels[*l] += 1);
    }

    /// Takes a piece off the board; `None` where it was off.
    pub(super) fn take(&mut self, n: usize) -> Option<Place> {
        let place = self.pieces[n].place.take()?;
        let (piece, at) = (&self.pieces[n], place.slot.at);
        let row = &mut self.rows[place.lane];
        row.by_time.remove(&(at.0, n));
        if let Some(day) = row.days.get_mut(&(piece.project, place.slot.day)) {
            day.retain(|other| *other != n);
        }
        let left = row.clips.get(&piece.publication.clip_id).map_or(0, |c| c - 1);
        if left == 0 {
            row.clips.remove(&piece.publication.clip_id);
        } else {
            row.clips.insert(piece.publication.clip_id, left);
        }
        if let Some(set) = piece.topic.and_then(|t| row.topics.get_mut(&t)) {
            set.remove(&(at.0, n));
        }
        for (bucket, _) in &row.charges {
            self.tallies[*bucket].remove(at, piece.publication.schedule_id.0.as_u128());
        }
        if let Some(week) = self.weeks.get_mut(&(piece.project, place.slot.week)) {
            week.total -= 1;
            piece.labels.iter().for_each(|l| week.labels[*l] -= 1);
        }
        self.total -= self.points(n, place).sum();
        Some(place)
    }

    /// The movable pieces that stand in the way of a place, least worthy first where only some have to go. `None` where
    /// something fixed does, or more than `most`.
    pub(super) fn blockers(&self, n: usize, lane: usize, slot: &Slot, most: usize) -> Option<Vec<usize>> {
        let (piece, row) = (&self.pieces[n], &self.rows[lane]);
        let publication = piece.publication;
        if publication.not_before.is_some_and(|t| slot.at < t)
            || publication.deadline.is_some_and(|t| slot.at > t)
            || row.clips.contains_key(&publication.clip_id)
        {
            return None;
        }
        let mut out: Vec<usize> = row.near(slot.at).map(|(_, other)| *other).take(most + 1).collect();
        if out.len() > most || out.iter().any(|other| !self.pieces[*other].standing.may_move()) {
            return None;
        }
        let day = row.days.get(&(piece.project, slot.day)).map(Vec::as_slice).unwrap_or_default();
        let over = (day.len() + 1).saturating_sub(self.projects[piece.project].quota);
        self.also(&mut out, day.iter().copied(), over)?;
        for (bucket, cost) in &row.charges {
            let tally = &self.tallies[*bucket];
            if !tally.fits(slot.at, *cost) {
                let ids: BTreeSet<u128> = tally.takers(slot.at).into_iter().collect();
                let takers = (0..self.pieces.len())
                    .filter(|i| ids.contains(&self.pieces[*i].publication.schedule_id.0.as_u128()));
                self.also(&mut out, takers, 1)?;
            }
        }
        (out.len() <= most).then_some(out)
    }

    /// Adds the least worthy movable ones of a group until `need` of the group are named.
    fn also(&self, out: &mut Vec<usize>, group: impl Iterator<Item = usize>, need: usize) -> Option<()> {
        let mut group: Vec<usize> = group.collect();
        let mut named = group.iter().filter(|n| out.contains(n)).count();
        group.retain(|n| !out.contains(n) && self.pieces[*n].standing.may_move());
        group.sort_by_key(|n| (self.pieces[*n].worth, *n));
        for other in group {
            if named >= need {
                break;
            }
            out.push(other);
            named += 1;
        }
        (named >= need).then_some(())
    }

    /// Every rule that a piece off the board would break at a moment.
    pub(super) fn rules(&self, n: usize, lane: usize, at: Moment) -> Vec<Rule> {
        let mut out = Vec::new();
        let (Some(row), Some(channel)) = (self.rows.get(lane), self.request.channels.get(lane)) else { return out };
        let (piece, local) = (&self.pieces[n], channel.zone.local(at));
        let publication = piece.publication;
        let mut must = |holds: bool, rule: Rule| {
            if !holds {
                out.push(rule);
            }
        };
        must(at >= self.request.earliest(), Rule::LeadTime);
        must(at <= self.request.horizon_end(), Rule::Horizon);
        must(publication.not_before.is_none_or(|t| at >= t), Rule::NotBefore);
        must(publication.deadline.is_none_or(|t| at <= t), Rule::Deadline);
        must(!channel.quiet.iter().any(|q| q.holds(local.minute)), Rule::QuietHours);
        let day = row.days.get(&(piece.project, local.day)).map_or(0, Vec::len);
        must(day < self.projects[piece.project].quota, Rule::DailyQuota);
        let (mut same, mut close) = (false, false);
        for (other, _) in row.near(at) {
            same |= *other == at.0;
            close |= *other != at.0;
        }
        must(!same, Rule::DoubleBooking);
        must(!close, Rule::Spacing);
        must(!row.clips.contains_key(&publication.clip_id), Rule::Repeat);
        must(row.charges.iter().all(|(bucket, cost)| self.tallies[*bucket].fits(at, *cost)), Rule::PlatformLimit);
        out
    }

    /// The same with words, and with those it collides with.
    pub(super) fn broken(&self, n: usize, lane: usize, at: Moment) -> Vec<Broken> {
        let (Some(row), Some(channel)) = (self.rows.get(lane), self.request.channels.get(lane)) else { return vec![] };
        let rules = self.rules(n, lane, at);
        rules.into_iter().flat_map(|rule| self.word(n, (lane, row, channel), at, rule)).collect()
    }

    fn word(&self, n: usize, on: (usize, &Row, &super::Channel), at: Moment, rule: Rule) -> Vec<Broken> {
        let ((lane, row, channel), piece) = (on, &self.pieces[n]);
        let (publication, zone, name) = (piece.publication, &channel.zone, &channel.name);
        let near = |same: bool| row.near(at).filter(|e| (e.0 == at.0) == same).map(|e| e.1).collect();
        let until = |t: Option<Moment>| t.map(|t| zone.text(t)).unwrap_or_default();
        let (with, message): (Vec<usize>, String) = match rule {
            Rule::LeadTime => (vec![], format!("earliest is {}", zone.text(self.request.earliest()))),
            Rule::Horizon => (vec![], format!("the horizon ends {}", zone.text(self.request.horizon_end()))),
            Rule::NotBefore => (vec![], format!("not wanted before {}", until(publication.not_before))),
            Rule::Deadline => (vec![], format!("too late after {}", until(publication.deadline))),
            Rule::QuietHours => (vec![], format!("{} lies in the quiet hours of {name}", zone.text(at))),
            Rule::DailyQuota => {
                let date = zone.local(at).day;
                let day = row.days.get(&(piece.project, date)).cloned().unwrap_or_default();
                let quota = self.projects[piece.project].quota;
                let text = format!("{} of {quota} on {} are taken", day.len(), crate::zone::date(date));
                (day, text)
            }
            Rule::DoubleBooking => (near(true), format!("{} is taken on {name}", zone.text(at))),
            Rule::Spacing => {
                (near(false), format!("less than {} minutes from the next on {name}", channel.spacing_minutes))
            }
            Rule::Repeat => {
                let twin = |(_, p): &(usize, &Piece<'_>)| {
                    p.publication.clip_id == publication.clip_id && p.place.is_some_and(|place| place.lane == lane)
                };
                let twins = self.pieces.iter().enumerate().filter(twin).map(|(n, _)| n).collect();
                (twins, format!("the clip is on {name} already"))
            }
            Rule::PlatformLimit => return self.unpaid(row, at),
            Rule::NoChannel | Rule::Locked => return vec![],
        };
        let with = with.into_iter().map(|n| self.pieces[n].publication.schedule_id).collect();
        vec![Broken { rule, with, bucket: None, message }]
    }

    fn unpaid(&self, row: &Row, at: Moment) -> Vec<Broken> {
        let mut out = Vec::new();
        for (bucket, cost) in &row.charges {
            let tally = &self.tallies[*bucket];
            if tally.fits(at, *cost) {
                continue;
            }
            let ids: BTreeSet<u128> = tally.takers(at).into_iter().collect();
            let ours = self.pieces.iter().map(|p| p.publication.schedule_id);
            let key = self.request.ledger.tallies().keys().nth(*bucket).cloned();
            let name = key.as_ref().map(ToString::to_string).unwrap_or_default();
            out.push(Broken {
                rule: Rule::PlatformLimit,
                with: ours.filter(|id| ids.contains(&id.0.as_u128())).collect(),
                bucket: key,
                message: format!("{name} has {} of {} left, {cost} are needed", tally.left(at), tally.capacity),
            });
        }
        out
    }

    /// Nearest other entries of a channel around a moment: distance in µs.
    pub(super) fn gap(&self, lane: usize, at: Moment) -> Option<i64> {
        let row = self.rows.get(lane)?;
        let before = row.by_time.range(..(at.0 + 1, 0)).next_back().map(|e| at.0 - e.0);
        let after = row.by_time.range((at.0, 0)..).next().map(|e| e.0 - at.0);
        before.into_iter().chain(after).min()
    }
    pub(super) fn booked_on(&self, n: usize, lane: usize, day: i64) -> usize {
        let project = self.pieces[n].project;
        self.rows.get(lane).and_then(|row| row.days.get(&(project, day))).map_or(0, Vec::len)
    }
}

fn project(rules: &super::ProjectRules) -> Project {
    let share = |(label, share): (&String, &f64)| (label.clone(), (share * SHARE as f64).round() as i64);
    Project { quota: usize::try_from(rules.daily_quota).unwrap_or(1), mix: rules.mix.iter().map(share).collect() }
}

fn row(request: &Request, channel: &super::Channel) -> Row {
    let index = |charge: &crate::limits::Charge| {
        let bucket = request.ledger.tallies().keys().position(|k| *k == charge.bucket)?;
        Some((bucket, charge.cost))
    };
    let mut costs: BTreeMap<usize, u32> = BTreeMap::new();
    for (bucket, cost) in channel.charges.iter().filter_map(index) {
        let sum = costs.entry(bucket).or_default();
        *sum = sum.saturating_add(cost);
    }
    let spacing = (i64::from(channel.spacing_minutes) * MINUTE).max(1);
    Row { spacing, charges: costs.into_iter().collect(), ..Row::default() }
}
