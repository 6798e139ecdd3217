//! Every rule, for more than ten thousand generated calendars, checked the slow way by code that shares nothing with the
//! planner but the zones' data.

use std::collections::BTreeMap;

use super::sample::{Dice, Shape, request};
use super::*;
use crate::limits::Clock;
use crate::zone::Zone;
use omniva_contracts::engine::Moment;

/// Six zones with a day before one of their changes: a whole hour, half an hour, at midnight, and none at all.
const PLACES: [(&str, &str, &str); 6] = [
    ("Europe/Berlin", "2026-03-28T08:00:00Z", "2026-10-24T08:00:00Z"),
    ("America/New_York", "2026-03-07T12:00:00Z", "2026-10-31T12:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-04-04T00:00:00Z"),
    ("America/Santiago", "2026-09-05T10:00:00Z", "2026-04-04T10:00:00Z"),
    ("Pacific/Auckland", "2026-09-26T00:00:00Z", "2026-04-03T22:00:00Z"),
    ("Asia/Kathmandu", "2026-03-28T08:00:00Z", "2026-10-24T08:00:00Z"),
];

fn generated(seed: u64) -> Request {
    let mut dice = Dice::new(seed.wrapping_mul(0x1_0001));
    let (name, spring, autumn) = PLACES[seed as usize % PLACES.len()];
    let now = Moment::parse(if (seed / 6).is_multiple_of(2) { spring } else { autumn }).expect("a time");
    let zone = |name: &str| Zone::named(name).expect("known");
    let other = PLACES[dice.below(PLACES.len())].0;
    let shape = Shape {
        seed,
        now: Moment(now.0 + dice.below(10_000) as i64 * 1_000_000),
        clips: 1 + dice.below(9),
        channels: 1 + dice.below(2),
        projects: 1 + dice.below(2),
        days: 1 + dice.below(2) as u32,
        step_minutes: [30, 45, 60, 90][dice.below(4)],
        choices: 1 + dice.below(2),
        zones: vec![zone(name), zone(other)],
        bounded: 0.3,
    };
    let mut request = request(&shape);
    request.rules.lead_minutes = [0, 0, 45, 300][dice.below(4)];
    // Less effort than a product takes: the rules hold whatever it is.
    request.rules.effort = 20_000;
    stand(&mut request, &mut dice);
    request
}

/// Moves some of what is wanted into the calendar, wherever it falls: rules that are broken there are broken by others.
fn stand(request: &mut Request, dice: &mut Dice) {
    let many = dice.below(4).min(request.wanted.len());
    for _ in 0..many {
        let Some(publication) = request.wanted.pop() else { return };
        let Some(channel) = publication.channels.first().cloned() else { continue };
        let at = Moment(request.now.0 + (dice.below(60) as i64 - 12) * 3_600_000_000 + dice.below(7) as i64);
        let standing = [Standing::Proposed, Standing::Confirmed, Standing::Locked, Standing::Out][dice.below(4)];
        request.calendar.push(Entry { publication, channel, at, standing });
    }
}

/// Every rule that a placed entry breaks in a calendar.
fn faults(request: &Request, calendar: &[Entry], entry: &Entry) -> Vec<String> {
    let mut out = Vec::new();
    let Some(channel) = request.channels.iter().find(|c| c.name == entry.channel) else {
        return vec!["channel".into()];
    };
    let (publication, at, minute) = (&entry.publication, entry.at.0, 60_000_000);
    let mut must = |holds: bool, what: &str| {
        if !holds {
            out.push(format!("{what}: {} on {} of {}", channel.zone.text(entry.at), entry.channel, entry.id()));
        }
    };
    must(publication.channels.contains(&entry.channel), "its channel");
    must(at >= request.now.0 + i64::from(request.rules.lead_minutes) * minute, "lead time");
    must(at <= request.now.0 + i64::from(request.rules.horizon_days) * 1440 * minute, "horizon");
    must(publication.not_before.is_none_or(|t| at >= t.0), "not before");
    must(publication.deadline.is_none_or(|t| at <= t.0), "deadline");
    let local = channel.zone.local(entry.at);
    for quiet in &channel.quiet {
        let (from, to) = (quiet.from, quiet.to);
        let inside = |m: u32| if from < to { from <= m && m < to } else { m >= from || m < to };
        must(!inside(local.minute), "quiet hours");
    }
    let others: Vec<&Entry> = calendar.iter().filter(|e| e.channel == entry.channel && e.id() != entry.id()).collect();
    let spacing = (i64::from(channel.spacing_minutes) * minute).max(1);
    must(others.iter().all(|e| (e.at.0 - at).abs() >= spacing), "spacing or double booking");
    must(others.iter().all(|e| e.publication.clip_id != publication.clip_id), "the same clip twice");
    let own = |e: &&&Entry| e.publication.project_id == publication.project_id;
    let today = others.iter().filter(own).filter(|e| channel.zone.local(e.at).day == local.day).count();
    must(today < request.projects[&publication.project_id].daily_quota as usize, "daily quota");
    must(channel.zone.at(local.day, local.minute) != crate::zone::Wall::Never(entry.at), "a time that exists");
    out
}

/// Buckets that hold more than they may in a period with something movable in it.
fn overdrawn(request: &Request, calendar: &[Entry], moved: &dyn Fn(&Entry) -> bool) -> Vec<String> {
    let mut out = Vec::new();
    for (key, tally) in request.ledger.tallies() {
        let mut takers: Vec<(&Entry, u64)> = Vec::new();
        for entry in calendar {
            let channel = request.channels.iter().find(|c| c.name == entry.channel);
            let cost: u64 =
                channel.iter().flat_map(|c| &c.charges).filter(|c| c.bucket == *key).map(|c| u64::from(c.cost)).sum();
            takers.extend((cost > 0).then_some((entry, cost)));
        }
        let together: Vec<Vec<&(&Entry, u64)>> = match &tally.clock {
            Clock::Rolling(span) => {
                let window = |end: &(&Entry, u64)| {
                    let end = end.0.at.0;
                    takers.iter().filter(|e| e.0.at.0 <= end && e.0.at.0 > end - span).collect()
                };
                takers.iter().map(window).collect()
            }
            Clock::Daily(zone) => {
                let mut days: BTreeMap<i64, Vec<&(&Entry, u64)>> = BTreeMap::new();
                takers.iter().for_each(|e| days.entry(zone.local(e.0.at).day).or_default().push(e));
                days.into_values().collect()
            }
            Clock::Hourly => Vec::new(),
        };
        for group in together {
            let sum: u64 = group.iter().map(|e| e.1).sum();
            if sum > tally.capacity && group.iter().any(|e| moved(e.0)) {
                out.push(format!("{key}: {sum} of {}", tally.capacity));
            }
        }
    }
    out
}

#[test]
fn every_rule_holds_in_ten_thousand_calendars() {
    const CASES: u64 = 10_500;
    let (mut placed, mut unplaced, mut unsettled) = (0, 0, 0);
    for seed in 0..CASES {
        let request = generated(seed);
        let plan = plan(&request).expect("valid");
        let calendar = plan.calendar(&request);
        for p in &plan.placed {
            let faults = faults(&request, &calendar, &p.entry);
            assert!(faults.is_empty(), "seed {seed}: {faults:?}");
        }
        let fixed = request.calendar.iter().filter(|e| !e.standing.may_move());
        for entry in fixed {
            assert!(calendar.contains(entry), "seed {seed}: what is fixed stays");
        }
        let movable = |e: &Entry| e.standing.may_move();
        let over = overdrawn(&request, &calendar, &movable);
        assert!(over.is_empty(), "seed {seed}: {over:?}");
        let free = request.calendar.iter().filter(|e| e.standing.may_move()).count() + request.wanted.len();
        assert_eq!(plan.placed.len() + plan.unplaced.len(), free, "seed {seed}: each has a place or a reason");
        unsettled += plan.unplaced.iter().filter(|u| u.conflicts.is_empty()).count();
        placed += plan.placed.len();
        unplaced += plan.unplaced.len();
    }
    println!("{CASES} calendars: {placed} placed, {unplaced} not");
    assert_eq!(unsettled, 0, "something without a place has no conflict to show for it");
    assert!(
        placed > 20_000 && unplaced > 2_000,
        "{placed} placed, {unplaced} not: the cases are neither empty nor full"
    );
}
