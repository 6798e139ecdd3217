//! What found no place: the rules in conflict, and Horizon's proposal, the smallest change that would place it.

use std::collections::{BTreeMap, BTreeSet};

use omniva_contracts::engine::{Moment, ProjectId, ScheduleId};
use omniva_contracts::fault::{Code, Fault};
use serde::Serialize;

use super::board::{Board, MINUTE};
use super::grid::{BEYOND_DAYS, times};
use super::model::QUOTA;
use super::{Channel, Quiet, Request, Rule};

/// Slots that all analyses together look at; with more to explain they look less closely.
const LOOKS: u64 = 300_000;
/// Entries that a conflict names, and the slots that are asked for them: every so many.
const NAMED: usize = 10;
const NAMES_EVERY: u32 = 16;
/// What a change counts, in minutes of delay that one would rather take: one more in a day, all of the spacing, a minute
/// of quiet, a day more of horizon.
const QUOTA_COST: i64 = 360;
const SPACING_COST: i64 = 480;
const QUIET_COST: i64 = 2;

/// A publication without a time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unplaced {
    pub schedule_id: ScheduleId,
    /// `scheduler_fault`; the message names the rules.
    pub fault: Fault,
    pub conflicts: Vec<Conflict>,
    /// `None` where no change of our own rules helps: a platform's limit is in the way all along, or there is no channel.
    pub relaxation: Option<Relaxation>,
}

/// A rule that keeps it off slots it could have otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    pub rule: Rule,
    /// Slots that were looked at and broke this rule, of all that were looked at within the horizon.
    pub slots: u32,
    pub of: u32,
    /// Some of the entries in the way, at most ten, by id.
    pub with: Vec<ScheduleId>,
}

/// Horizon's proposal: with these changes the publication has the place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Relaxation {
    pub channel: String,
    pub at: Moment,
    pub changes: Vec<Relax>,
    /// How much is asked, in minutes of delay that one would rather take.
    pub cost: i64,
}

/// One change of what was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Relax {
    LeadMinutes { to: u32 },
    NotBefore { to: Moment },
    Deadline { to: Moment },
    HorizonDays { to: u32 },
    QuietHours { channel: String, to: Vec<Quiet> },
    DailyQuota { project: ProjectId, to: u32 },
    SpacingMinutes { channel: String, to: u32 },
}

impl Relaxation {
    /// The request with the changes made: its plan places the publication, unless it finds better for the others.
    pub fn apply(&self, request: &Request, id: ScheduleId) -> Request {
        let mut request = request.clone();
        for change in &self.changes {
            let channels = request.channels.iter_mut().filter(|c| c.name == self.channel);
            let entries = request.calendar.iter_mut().map(|e| &mut e.publication);
            let publication = entries.chain(request.wanted.iter_mut()).find(|p| p.schedule_id == id);
            match change {
                Relax::LeadMinutes { to } => request.rules.lead_minutes = *to,
                Relax::HorizonDays { to } => request.rules.horizon_days = *to,
                Relax::NotBefore { to } => publication.into_iter().for_each(|p| p.not_before = Some(*to)),
                Relax::Deadline { to } => publication.into_iter().for_each(|p| p.deadline = Some(*to)),
                Relax::QuietHours { to, .. } => channels.for_each(|c| c.quiet.clone_from(to)),
                Relax::SpacingMinutes { to, .. } => channels.for_each(|c| c.spacing_minutes = *to),
                Relax::DailyQuota { project, to } => {
                    request.projects.get_mut(project).into_iter().for_each(|p| p.daily_quota = *to);
                }
            }
        }
        request
    }
}

/// What is known of all publications of one project with the same wishes.
type Finding = (Vec<Conflict>, Option<Relaxation>);
type Wishes<'b> = (ProjectId, &'b [usize], Option<Moment>, Option<Moment>, Option<omniva_contracts::engine::ClipId>);

/// Every movable piece without a place, by id.
pub(super) fn unplaced(board: &Board<'_>) -> Vec<Unplaced> {
    let out = |n: &usize| board.pieces[*n].standing.may_move() && board.pieces[*n].place.is_none();
    let pieces: Vec<usize> = (0..board.pieces.len()).filter(out).collect();
    let wishes: BTreeSet<Wishes<'_>> = pieces.iter().map(|n| wish(board, *n)).collect();
    let lanes: u64 = wishes.iter().map(|w| w.1.len() as u64).sum();
    let rules = &board.request.rules;
    let days = u64::from(rules.horizon_days) + BEYOND_DAYS as u64;
    let steps = lanes * days * u64::from(1440 / rules.step_minutes.max(1));
    let every = usize::try_from(steps / LOOKS + 1).unwrap_or(1);
    let mut known: BTreeMap<Wishes<'_>, Finding> = BTreeMap::new();
    let mut all = Vec::new();
    for n in pieces {
        let finding = known.entry(wish(board, n)).or_insert_with(|| analyse(board, n, every)).clone();
        all.push(report(board, n, finding));
    }
    all
}

fn wish<'b>(board: &'b Board<'_>, n: usize) -> Wishes<'b> {
    let p = board.pieces[n].publication;
    // Another publication of the same clip may be what is in its way.
    let stands = |o: &super::board::Piece<'_>| o.place.is_some() && o.publication.clip_id == p.clip_id;
    let twin = board.pieces.iter().any(stands).then_some(p.clip_id);
    (p.project_id, &board.pieces[n].lanes, p.not_before, p.deadline, twin)
}

fn report(board: &Board<'_>, n: usize, (conflicts, relaxation): Finding) -> Unplaced {
    let names: Vec<&str> = conflicts.iter().map(|c| c.rule.as_str()).collect();
    let publication = board.pieces[n].publication;
    let next = match &relaxation {
        Some(r) => {
            let words: Vec<String> = r.changes.iter().map(words).collect();
            format!("{}: then {} on {} is free", words.join(" and "), r.at, r.channel)
        }
        None if board.pieces[n].lanes.is_empty() => "connect one of its channels, or name another".to_owned(),
        None => "free a place by hand, or name another channel".to_owned(),
    };
    let message = format!("no time was found for schedule {}: {}", publication.schedule_id, names.join(", "));
    let fault = Fault::new(Code::SchedulerFault, message, next);
    Unplaced { schedule_id: publication.schedule_id, fault, conflicts, relaxation }
}

fn words(change: &Relax) -> String {
    match change {
        Relax::LeadMinutes { to } => format!("allow {to} minutes of lead time"),
        Relax::NotBefore { to } => format!("let it go out from {to} on"),
        Relax::Deadline { to } => format!("move its deadline to {to}"),
        Relax::HorizonDays { to } => format!("plan {to} days ahead"),
        Relax::QuietHours { channel, .. } => format!("shorten the quiet hours of {channel}"),
        Relax::DailyQuota { project, to } => format!("raise the daily quota of project {project} to {to}"),
        Relax::SpacingMinutes { channel, to } => format!("lower the spacing of {channel} to {to} minutes"),
    }
}

fn analyse(board: &Board<'_>, n: usize, every: usize) -> Finding {
    let (request, lanes) = (board.request, &board.pieces[n].lanes);
    if lanes.is_empty() {
        return (vec![Conflict { rule: Rule::NoChannel, slots: 0, of: 0, with: Vec::new() }], None);
    }
    let mut counts: BTreeMap<Rule, (u32, BTreeSet<ScheduleId>)> = BTreeMap::new();
    let (mut of, mut best) = (0u32, None::<Relaxation>);
    let end = request.horizon_end();
    let beyond = Moment(end.0.saturating_add(BEYOND_DAYS * 1440 * MINUTE));
    for lane in lanes {
        let Some(channel) = request.channels.get(*lane) else { continue };
        for at in times(request, channel, beyond).filter(|at| *at >= request.now).step_by(every) {
            let rules = board.rules(n, *lane, at);
            if at <= end {
                of += 1;
                for rule in &rules {
                    counts.entry(*rule).or_default().0 += 1;
                }
                if of % NAMES_EVERY == 1 {
                    for one in board.broken(n, *lane, at) {
                        let with = &mut counts.entry(one.rule).or_default().1;
                        with.extend(one.with);
                    }
                }
            }
            let proposal = relax(board, n, *lane, channel, at, &rules);
            let better = |new: &Relaxation| best.as_ref().is_none_or(|old| key(new) < key(old));
            if let Some(new) = proposal.filter(better) {
                best = Some(new);
            }
        }
    }
    let conflict = |(rule, (slots, with)): (Rule, (u32, BTreeSet<ScheduleId>))| Conflict {
        rule,
        slots,
        of,
        with: with.into_iter().take(NAMED).collect(),
    };
    (counts.into_iter().map(conflict).collect(), best)
}

fn key(r: &Relaxation) -> (i64, usize, Moment, &str) {
    (r.cost, r.changes.len(), r.at, &r.channel)
}

/// The changes after which a moment breaks none of the rules, if our own rules are all that it breaks.
fn relax(
    board: &Board<'_>,
    n: usize,
    lane: usize,
    channel: &Channel,
    at: Moment,
    rules: &[Rule],
) -> Option<Relaxation> {
    let (request, publication) = (board.request, board.pieces[n].publication);
    let (mut changes, mut cost) = (Vec::new(), 0);
    for rule in rules {
        let (change, more) = match rule {
            Rule::LeadTime => {
                let to = u32::try_from((at.0 - request.now.0) / MINUTE).ok()?;
                (Relax::LeadMinutes { to }, i64::from(request.rules.lead_minutes - to.min(request.rules.lead_minutes)))
            }
            Rule::NotBefore => (Relax::NotBefore { to: at }, (publication.not_before?.0 - at.0) / MINUTE),
            Rule::Deadline => (Relax::Deadline { to: at }, (at.0 - publication.deadline?.0) / MINUTE),
            Rule::Horizon => {
                let to = u32::try_from((at.0 - request.now.0) / (1440 * MINUTE)).ok()? + 1;
                (Relax::HorizonDays { to: (to <= 90).then_some(to)? }, (at.0 - request.horizon_end().0) / MINUTE)
            }
            Rule::QuietHours => {
                let (to, less) = louder(channel, channel.zone.local(at).minute);
                (Relax::QuietHours { channel: channel.name.clone(), to }, QUIET_COST * less)
            }
            Rule::DailyQuota => {
                let day = channel.zone.local(at).day;
                let to = u32::try_from(board.booked_on(n, lane, day) + 1).ok().filter(|to| QUOTA.contains(to))?;
                let old = request.projects.get(&publication.project_id)?.daily_quota;
                let more = i64::from(to) - i64::from(old);
                (Relax::DailyQuota { project: publication.project_id, to }, QUOTA_COST * more)
            }
            Rule::Spacing => {
                let to = u32::try_from(board.gap(lane, at)? / MINUTE).ok().filter(|to| *to > 0)?;
                let less = i64::from(channel.spacing_minutes) - i64::from(to);
                let all = i64::from(channel.spacing_minutes.max(1));
                (Relax::SpacingMinutes { channel: channel.name.clone(), to }, SPACING_COST * less / all)
            }
            _ => return None,
        };
        changes.push(change);
        cost += more.max(1);
    }
    (!changes.is_empty()).then(|| Relaxation { channel: channel.name.clone(), at, changes, cost })
}

/// The quiet hours with a minute let out of them at the nearer end, and by how many minutes they are shorter.
fn louder(channel: &Channel, minute: u32) -> (Vec<Quiet>, i64) {
    let (mut out, mut less) = (Vec::new(), 0);
    for quiet in &channel.quiet {
        if !quiet.holds(minute) {
            out.push(*quiet);
            continue;
        }
        let head = (minute + 1440 - quiet.from) % 1440 + 1;
        let tail = (quiet.to + 1440 - minute) % 1440;
        let shorter = if head <= tail {
            Quiet { from: (minute + 1) % 1440, to: quiet.to }
        } else {
            Quiet { from: quiet.from, to: minute }
        };
        less += i64::from(head.min(tail));
        // Equal ends would mean no minute: such hours are gone altogether.
        out.extend((shorter.from != shorter.to).then_some(shorter));
    }
    (out, less)
}
