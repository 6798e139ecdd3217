use super::board::Board;
use super::grid::Grid;
use super::sample::{Dice, Shape, request};
use super::*;
use crate::zone::Zone;
use omniva_contracts::engine::{Moment, ScheduleId};
use omniva_contracts::fault::Code;
use uuid::Uuid;

fn at(text: &str) -> Moment {
    Moment::parse(text).expect("a time")
}

fn shape(seed: u64, clips: usize) -> Shape {
    Shape {
        seed,
        now: at("2026-03-27T09:00:00Z"),
        clips,
        channels: 3,
        projects: 2,
        days: 7,
        step_minutes: 30,
        choices: 2,
        zones: vec![Zone::named("Europe/Berlin").expect("known"), Zone::named("America/New_York").expect("known")],
        bounded: 0.3,
    }
}

/// One channel in Berlin, one project, even hours, no limits: the knobs are turned by the tests.
fn plain(clips: usize) -> Request {
    let mut request = request(&Shape { channels: 1, projects: 1, choices: 1, bounded: 0.0, ..shape(1, clips) });
    for channel in &mut request.channels {
        channel.windows = Windows::even();
        channel.quiet = Vec::new();
        channel.spacing_minutes = 60;
        channel.charges = Vec::new();
    }
    for project in request.projects.values_mut() {
        *project = ProjectRules::default();
    }
    for publication in &mut request.wanted {
        (publication.value, publication.priority, publication.topic) = (0.5, 0.5, None);
    }
    request
}

/// With less effort than a product takes, for tests that plan many times.
fn light(mut request: Request) -> Request {
    request.rules.effort = 300_000;
    request
}

fn confirmed(request: &Request, plan: &Plan) -> Vec<Entry> {
    let mut calendar = plan.calendar(request);
    calendar.iter_mut().for_each(|e| e.standing = Standing::Confirmed);
    calendar
}

#[test]
fn the_books_agree_with_a_recount_and_a_plan_with_itself() {
    for seed in 0..20 {
        let request = light(request(&shape(seed, 25)));
        let first = plan(&request).expect("valid");
        assert_eq!(first, plan(&request).expect("valid"));
        let again = Request { calendar: first.calendar(&request), wanted: Vec::new(), ..request.clone() };
        let grid = Grid::new(&again);
        let board = Board::new(&again, &grid);
        assert_eq!(board.total(), board.recount(), "seed {seed}");
        assert_eq!(board.total(), first.score, "seed {seed}: nothing was moved, so nothing is lost by it");
        for placed in &first.placed {
            let parts: i64 = placed.why.parts.iter().map(|p| p.points).sum();
            assert_eq!(parts, placed.why.score);
        }
    }
}

#[test]
fn the_better_window_is_taken_and_the_reasons_say_what_stood_in_the_way() {
    let mut request = plain(3);
    let mut hours = vec![0.2; Windows::HOURS];
    // Saturday 19:00
    hours[5 * 24 + 19] = 1.0;
    request.channels[0].windows = Windows::new(hours).expect("a week");
    request.channels[0].spacing_minutes = 120;
    request.wanted[1].value = 1.0;
    let plan = plan(&request).expect("valid");
    let best = plan.placed.iter().find(|p| p.entry.id() == request.wanted[1].schedule_id).expect("placed");
    assert_eq!(request.channels[0].zone.text(best.entry.at), "2026-03-28 19:00");
    let other = plan.placed.iter().find(|p| p.entry.id() != best.entry.id()).expect("placed");
    let lost = &other.why.alternatives[0];
    assert_eq!(lost.against[0].with, vec![best.entry.id()]);
    assert!(other.why.bound.contains_key(&Rule::Spacing) || other.why.bound.contains_key(&Rule::DoubleBooking));
}

#[test]
fn a_mix_is_sought_within_the_week_and_a_topic_is_spread() {
    let mut request = plain(10);
    let project = request.projects.values_mut().next().expect("one");
    (project.daily_quota, project.mix) = (1, [("a".to_owned(), 0.5), ("b".to_owned(), 0.5)].into());
    request.rules.horizon_days = 21;
    for (n, publication) in request.wanted.iter_mut().enumerate() {
        publication.labels = [if n < 5 { "a" } else { "b" }.to_owned()].into();
        // Without a mix the more valuable go first, all of them together.
        publication.value = if n < 5 { 0.55 } else { 0.5 };
    }
    let weeks = |request: &Request| {
        let mut weeks: std::collections::BTreeMap<i64, (i64, i64)> = Default::default();
        for placed in plan(request).expect("valid").placed {
            let week = weeks.entry(request.channels[0].zone.local(placed.entry.at).week()).or_default();
            if placed.entry.publication.labels.contains("a") { week.0 += 1 } else { week.1 += 1 }
        }
        weeks.values().map(|(a, b)| (a - b).abs()).sum::<i64>()
    };
    let balanced = weeks(&request);
    request.weights.mix = 0;
    assert!(balanced <= 2 && weeks(&request) > balanced);

    let mut request = plain(2);
    request.wanted.iter_mut().for_each(|p| p.topic = Some("bread".into()));
    let times: Vec<i64> = plan(&request).expect("valid").placed.iter().map(|p| p.entry.at.0).collect();
    assert!((times[0] - times[1]).abs() >= 20 * 3_600_000_000, "a day apart, or nearly: {times:?}");
}

#[test]
fn confirmed_ones_stay_and_proposed_ones_hardly_move() {
    let (mut moved, mut all) = (0, 0);
    for seed in 0..40 {
        let mut request = light(request(&shape(seed, 31)));
        let late = request.wanted.pop().expect("one");
        let first = plan(&request).expect("valid");
        let mut calendar = first.calendar(&request);
        for (n, entry) in calendar.iter_mut().enumerate() {
            entry.standing = [Standing::Proposed, Standing::Confirmed, Standing::Locked][n % 3];
        }
        let unplaced: Vec<_> = first.unplaced.iter().map(|u| u.schedule_id).collect();
        request.wanted.retain(|p| unplaced.contains(&p.schedule_id));
        request.wanted.push(late);
        request.calendar = calendar;
        let second = plan(&request).expect("valid");
        for change in difference(&request, &second) {
            let old = request.calendar.iter().find(|e| e.id() == change.change.id());
            assert!(old.is_none_or(|e| e.standing == Standing::Proposed), "seed {seed}: {change:?}");
            assert!(!matches!(change.change, Change::Removed { .. }), "seed {seed}: {change:?}");
            assert!(!change.reasons.is_empty());
            moved += u32::from(matches!(change.change, Change::Moved { .. }));
        }
        all += request.calendar.iter().filter(|e| e.standing == Standing::Proposed).count();
    }
    println!("{moved} of {all} proposed entries moved for a new clip");
    assert!(moved as usize * 50 <= all, "{moved} of {all} proposed entries were moved");
    assert!(all > 200);
}

#[test]
fn what_no_longer_may_stand_is_moved_and_the_difference_says_why() {
    let mut request = plain(1);
    let first = plan(&request).expect("valid");
    request.calendar = first.calendar(&request);
    request.wanted.clear();
    assert_eq!(difference(&request, &plan(&request).expect("valid")), vec![]);
    let minute = request.channels[0].zone.local(request.calendar[0].at).minute;
    request.channels[0].quiet = vec![Quiet { from: minute, to: (minute + 90) % 1440 }];
    let second = plan(&request).expect("valid");
    let changes = difference(&request, &second);
    assert!(matches!(changes[0].change, Change::Moved { .. }));
    assert!(changes[0].reasons[0].starts_with("quiet_hours"), "{changes:?}");
    assert_eq!(second.placed[0].moved_from.as_ref().map(|m| m.1), Some(request.calendar[0].at));
}

#[test]
fn a_relaxation_places_what_found_no_place() {
    let (mut tried, mut kinds) = (0, std::collections::BTreeSet::new());
    for seed in 0..80 {
        let mut dice = Dice::new(seed);
        let mut request = light(request(&Shape { days: 2, ..shape(seed, 40) }));
        request.channels.iter_mut().for_each(|c| c.spacing_minutes = [60, 240, 600][dice.below(3)]);
        let first = plan(&request).expect("valid");
        request.calendar = confirmed(&request, &first);
        for missing in first.unplaced.iter().take(3) {
            assert_eq!(missing.fault.code, Code::SchedulerFault);
            assert!(!missing.conflicts.is_empty() && missing.conflicts.iter().all(|c| c.slots > 0));
            let Some(relaxation) = &missing.relaxation else { continue };
            let wanted = request.wanted.iter().find(|p| p.schedule_id == missing.schedule_id).cloned();
            let alone = Request { wanted: wanted.into_iter().collect(), ..request.clone() };
            assert_eq!(plan(&alone).expect("valid").placed.len(), 0, "seed {seed}: it had no place");
            let relaxed = relaxation.apply(&alone, missing.schedule_id);
            let placed = plan(&relaxed).expect("valid").placed;
            assert_eq!(placed.len(), 1, "seed {seed}: {relaxation:?}");
            tried += 1;
            kinds.extend(relaxation.changes.iter().map(std::mem::discriminant).map(|d| format!("{d:?}")));
        }
    }
    assert!(tried > 60 && kinds.len() >= 3, "{tried} tried, of {} kinds", kinds.len());
}

#[test]
fn the_smallest_change_is_proposed() {
    let mut request = plain(2);
    request.rules.horizon_days = 1;
    request.projects.values_mut().for_each(|p| p.daily_quota = 10);
    let late = at("2026-03-27T12:00:00Z");
    request.wanted.iter_mut().for_each(|p| (p.not_before, p.deadline) = (Some(late), Some(late)));
    let plan = plan(&request).expect("valid");
    let missing = &plan.unplaced[0];
    let relaxation = missing.relaxation.as_ref().expect("time helps");
    assert_eq!(relaxation.changes, vec![Relax::NotBefore { to: at("2026-03-27T11:00:00Z") }]);
    assert!(missing.fault.message.contains("double_booking") && missing.fault.message.contains("deadline"));
    assert!(missing.fault.next_step.starts_with("let it go out from 2026-03-27T11:00:00"), "{}", missing.fault);
}

#[test]
fn a_limit_that_is_spent_is_never_booked_over_and_no_change_of_ours_is_proposed_for_it() {
    use crate::limits::*;
    let mut request = plain(4);
    let key = BucketKey::new("posts", "x");
    let clock = Clock::Rolling(30 * 86_400_000_000);
    request.ledger = Ledger::new([(key.clone(), Tally::new(3, clock))]);
    request
        .ledger
        .record(Uuid::from_u128(5), at("2026-03-26T00:00:00Z"), &[Charge { bucket: key.clone(), cost: 1 }])
        .expect("known");
    request.channels[0].charges = vec![Charge { bucket: key.clone(), cost: 1 }];
    let plan = plan(&request).expect("valid");
    assert_eq!((plan.placed.len(), plan.unplaced.len()), (2, 2));
    assert!(plan.unplaced[0].fault.message.contains("platform_limit"));
    assert_eq!(plan.unplaced[0].relaxation, None);
    // A reservation of an entry in the calendar counts once.
    request.calendar = confirmed(&request, &plan);
    for entry in &request.calendar {
        request.ledger.reserve(entry.id().0, entry.at, &[Charge { bucket: key.clone(), cost: 1 }]).expect("left");
    }
    request.wanted.retain(|p| plan.unplaced.iter().any(|u| u.schedule_id == p.schedule_id));
    assert_eq!(super::plan(&request).expect("valid").placed.len(), 0);
    let gone = request.calendar.pop().expect("one");
    let kept = Request { wanted: vec![gone.publication], ..request.clone() };
    assert_eq!(super::plan(&kept).expect("valid").placed.len(), 1, "its own reservation is no obstacle");
    let freed = Request { wanted: request.wanted[..1].to_vec(), ..request };
    assert_eq!(super::plan(&freed).expect("valid").placed.len(), 0, "the reservation still holds it");
}

#[test]
fn moves_by_hand_are_told_what_they_break_and_locks_hold() {
    let mut request = plain(3);
    request.channels[0].quiet = vec![Quiet { from: 22 * 60, to: 6 * 60 }];
    let first = plan(&request).expect("valid");
    request.calendar = first.calendar(&request);
    request.wanted.clear();
    let (one, two) = (request.calendar[0].clone(), request.calendar[1].clone());
    let rules = |m: &Move| m.broken.iter().map(|b| b.rule).collect::<Vec<_>>();
    let night = at("2026-03-28T23:30:00Z");
    let fine = move_entry(&request, one.id(), &one.channel, at("2026-03-31T12:07:00Z")).expect("there");
    assert_eq!((rules(&fine), fine.entry.standing), (vec![], Standing::Confirmed));
    let bad = move_entry(&request, one.id(), &one.channel, night).expect("there");
    assert_eq!(rules(&bad), vec![Rule::QuietHours]);
    let near = move_entry(&request, one.id(), &one.channel, Moment(two.at.0 + 60_000_000)).expect("there");
    assert_eq!((rules(&near), near.broken[0].with.contains(&two.id())), (vec![Rule::Spacing], true));
    let twice = move_entry(&request, one.id(), &one.channel, two.at).expect("there");
    assert!(rules(&twice).contains(&Rule::DoubleBooking));
    let past = move_entry(&request, one.id(), "elsewhere", at("2026-03-01T12:00:00Z")).expect("there");
    assert_eq!(rules(&past), vec![Rule::NoChannel]);

    request.calendar = lock(&request, one.id()).expect("there");
    let locked = move_entry(&request, one.id(), &one.channel, at("2026-03-31T12:07:00Z")).expect("there");
    assert_eq!((rules(&locked), locked.entry.standing), (vec![Rule::Locked], Standing::Locked));
    request.calendar = unlock(&request, one.id()).expect("there");
    assert_eq!(request.calendar.iter().find(|e| e.id() == one.id()).expect("there").standing, Standing::Confirmed);
    assert_eq!(unlock(&request, two.id()).expect("there"), request.calendar, "what is not locked stays as it is");
    assert_eq!(lock(&request, ScheduleId(Uuid::from_u128(9))).expect_err("unknown").code, Code::NotFound);
    request.calendar.iter_mut().for_each(|e| e.standing = Standing::Out);
    assert_eq!(lock(&request, one.id()).expect_err("out").code, Code::Conflict);
}

#[test]
fn missed_slots_follow_the_policy() {
    let mut request = plain(5);
    let first = plan(&request).expect("valid");
    request.calendar = confirmed(&request, &first);
    request.wanted.clear();
    request.calendar[0].standing = Standing::Out;
    request.calendar[4].at = at("2026-04-20T12:00:00Z");
    request.now = at("2026-04-02T09:10:30Z");
    let plan = |policy| missed(&request, 10, policy).expect("valid");
    let skip = plan(MissedPolicy::Skip);
    assert_eq!((skip.missed.len(), skip.calendar.len()), (3, 2));
    assert!(skip.missed.iter().all(|m| m.now.is_none()) && skip.missed.is_sorted_by_key(|m| m.was));

    let soon = plan(MissedPolicy::AsSoonAsPossible);
    let times: Vec<Moment> = soon.missed.iter().filter_map(|m| m.now.as_ref().map(|n| n.1)).collect();
    assert_eq!(times, ["2026-04-02T09:11:00Z", "2026-04-02T10:11:00Z", "2026-04-02T11:11:00Z"].map(at));
    let free = plan(MissedPolicy::NextFree);
    assert!(free.missed.iter().all(|m| m.now.is_some()) && free.unplaced.is_empty() && free.calendar.len() == 5);

    let mut late = request.clone();
    late.calendar[1].publication.deadline = Some(at("2026-04-01T00:00:00Z"));
    let gone = missed(&late, 10, MissedPolicy::AsSoonAsPossible).expect("valid");
    assert_eq!(gone.missed.iter().filter(|m| m.reason.ends_with("so did its deadline")).count(), 1);
}

#[test]
fn requests_that_contradict_themselves_are_refused_with_the_key() {
    let refused = |change: &dyn Fn(&mut Request)| {
        let mut request = plain(2);
        change(&mut request);
        plan(&request).expect_err("refused").message
    };
    assert!(
        refused(&|r| r.projects.values_mut().for_each(|p| p.daily_quota = 11))
            .contains("daily_quota = 11: must be 1..=10")
    );
    assert!(refused(&|r| r.rules.horizon_days = 91).contains("horizon_days = 91"));
    assert!(refused(&|r| r.rules.step_minutes = 0).contains("step_minutes = 0"));
    assert!(refused(&|r| r.wanted[0].schedule_id = r.wanted[1].schedule_id).contains("stands twice"));
    assert!(refused(&|r| r.wanted[0].value = f64::NAN).contains("value"));
    assert!(refused(&|r| r.projects.clear()).contains("not in the request"));
    assert!(refused(&|r| r.weights.mix = 600_000).contains("weights.placed"));
    assert!(refused(&|r| r.channels.push(r.channels[0].clone())).contains("unique"));
    let mut request = plain(1);
    request.wanted[0].channels = ["nowhere".to_owned()].into();
    let plan = plan(&request).expect("valid");
    assert_eq!(plan.unplaced[0].conflicts[0].rule, Rule::NoChannel);
}

/// A reader of the format: unfolds, splits, unescapes.
fn events(text: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    assert!(text.split("\r\n").all(|line| line.len() <= 75 && !line.contains(['\n', '\r'])));
    let mut events = Vec::new();
    for line in text.replace("\r\n ", "").split("\r\n") {
        let Some((name, value)) = line.split_once(':') else { continue };
        if line == "BEGIN:VEVENT" {
            events.push(std::collections::BTreeMap::new());
        }
        let mut plain = String::new();
        let mut chars = value.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => plain.push(chars.next().map(|c| if c == 'n' { '\n' } else { c }).expect("something escaped")),
                ';' | ',' if name == "SUMMARY" => panic!("{c} is not escaped"),
                c => plain.push(c),
            }
        }
        if let Some(event) = events.last_mut() {
            event.insert(name.to_owned(), plain);
        }
    }
    events
}

#[test]
fn the_feed_reads_back() {
    let request = plain(2);
    let plan = plan(&request).expect("valid");
    let calendar = confirmed(&request, &plan);
    let title = "Brot, Käse; \\ und \"mehr\"\nzweite Zeile 🍞🍞🍞🍞🍞🍞🍞🍞🍞🍞🍞🍞🍞🍞🍞🍞🍞🍞🍞🍞🍞\u{7}";
    let feed = |calendar: &[Entry]| {
        let event = |entry| Event { entry, title, note: "first line\r\nsecond", version: 3 };
        icalendar("My shorts", at("2026-03-27T09:00:00Z"), calendar.iter().map(event).collect::<Vec<_>>())
    };
    let text = feed(&calendar);
    assert!(
        text.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n") && text.ends_with("END:VEVENT\r\nEND:VCALENDAR\r\n")
    );
    let read = events(&text);
    assert_eq!(read.len(), 2);
    for (event, entry) in read.iter().zip(&calendar) {
        assert_eq!(event["SUMMARY"], title.replace('\u{7}', ""));
        assert_eq!(event["UID"], format!("{}@omniva", entry.id()));
        assert_eq!(event["DESCRIPTION"], "confirmed\nfirst line\nsecond");
        let start = &event["DTSTART"];
        assert_eq!(start.len(), 16);
        let shown = format!(
            "{}-{}-{}T{}:{}:{}Z",
            &start[..4],
            &start[4..6],
            &start[6..8],
            &start[9..11],
            &start[11..13],
            &start[13..15]
        );
        assert_eq!(at(&shown), entry.at);
        assert_eq!((event["SEQUENCE"].as_str(), event["STATUS"].as_str()), ("3", "CONFIRMED"));
    }
    assert_eq!(text, feed(&calendar), "the same calendar, the same bytes");
}
