use omniva_contracts::config::PlatformsConfig;
use omniva_contracts::engine::{
    ClipId, Moment, ProjectId, Schedule, ScheduleId, ScheduleStatus, Spending, UploadJobId,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::zone::Zone;

const HOUR: i64 = 3_600_000_000;

fn at(text: &str) -> Moment {
    Moment::parse(text).expect("a time")
}
fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}
fn one(clock: Clock, capacity: u64) -> (Ledger, BucketKey) {
    let key = BucketKey::new("posts", "me");
    (Ledger::new([(key.clone(), Tally::new(capacity, clock))]), key)
}
fn cost(key: &BucketKey, cost: u32) -> Vec<Charge> {
    vec![Charge { bucket: key.clone(), cost }]
}
fn pacific() -> Clock {
    Clock::Daily(Zone::named("America/Los_Angeles").expect("known"))
}

#[test]
fn a_day_ends_at_midnight_pacific_in_summer_and_in_winter() {
    let (mut ledger, key) = one(pacific(), 1);
    ledger.reserve(id(1), at("2026-03-08T07:59:59Z"), &cost(&key, 1)).expect("free");
    // Clocks go forward on 8 March: that day has 23 hours, and the next begins at 07:00 UTC.
    let second = at("2026-03-08T08:00:00Z");
    ledger.reserve(id(2), second, &cost(&key, 1)).expect("a new day");
    let level = ledger.level(&key, second).expect("known");
    assert_eq!((level.reserved, level.used, level.left), (1, 0, 0));
    assert_eq!(level.resets_at, at("2026-03-09T07:00:00Z"));
    assert_eq!(ledger.next_free(second, &cost(&key, 1)), Some(at("2026-03-09T07:00:00Z")));
    let refused = ledger.reserve(id(3), at("2026-03-09T06:59:59Z"), &cost(&key, 1)).expect_err("spent");
    let Refusal::Short { left: 0, next_free, .. } = &refused else { panic!("{refused:?}") };
    assert_eq!(*next_free, Some(at("2026-03-09T07:00:00Z")));
    assert!(refused.fault().next_step.contains("2026-03-09T07:00:00"));
    // Back on 1 November: 25 hours.
    assert_eq!(ledger.level(&key, at("2026-11-01T12:00:00Z")).expect("known").resets_at, at("2026-11-02T08:00:00Z"));
}

#[test]
fn a_rolling_window_looks_both_ways() {
    let (mut ledger, key) = one(Clock::Rolling(24 * HOUR), 2);
    let noon = at("2026-05-01T12:00:00Z");
    let hours = |n: i64| Moment(noon.0 + n * HOUR);
    ledger.reserve(id(1), hours(0), &cost(&key, 1)).expect("free");
    ledger.reserve(id(2), hours(20), &cost(&key, 1)).expect("free");
    // Between the two: the window that ends at 20 hours would hold three.
    assert!(ledger.reserve(id(3), hours(10), &cost(&key, 1)).is_err());
    assert_eq!(ledger.next_free(hours(10), &cost(&key, 1)), Some(hours(24)));
    ledger.reserve(id(3), hours(24), &cost(&key, 1)).expect("the first came back");
    assert!(ledger.reserve(id(4), hours(-10), &cost(&key, 1)).is_ok());
}

#[test]
fn done_released_and_late() {
    let (mut ledger, key) = one(Clock::Hourly, 1);
    let noon = at("2026-05-01T12:10:00Z");
    ledger.reserve(id(1), noon, &cost(&key, 1)).expect("free");
    assert_eq!(ledger.reserve(id(1), noon, &cost(&key, 1)), Err(Refusal::Held { id: id(1) }));
    // It happened an hour later than planned, where something was reserved already: both are written down.
    let later = Moment(noon.0 + HOUR);
    ledger.reserve(id(2), later, &cost(&key, 1)).expect("free");
    ledger.commit(id(1), later).expect("was held");
    let level = ledger.level(&key, later).expect("known");
    assert_eq!((level.used, level.reserved, level.left), (1, 1, 0));
    assert_eq!(ledger.level(&key, noon).expect("known").left, 1);
    assert_eq!(ledger.commit(id(9), later), Err(Refusal::NoHold { id: id(9) }));
    assert!(ledger.release(id(2)).is_some() && ledger.release(id(2)).is_none());
    ledger.forget(Moment(later.0 + 1000 * HOUR));
    assert!(ledger.entry(id(1)).is_none());
}

#[test]
fn all_or_nothing_and_nothing_without_a_definition() {
    let (posts, units) = (BucketKey::new("posts", ""), BucketKey::new("units", ""));
    let tally = |n| Tally::new(n, Clock::Hourly);
    let mut ledger = Ledger::new([(posts.clone(), tally(5)), (units.clone(), tally(1))]);
    let both = [cost(&posts, 1), cost(&units, 2)].concat();
    let now = at("2026-05-01T12:10:00Z");
    let before = ledger.clone();
    let refused = ledger.reserve(id(1), now, &both).expect_err("units are short");
    assert_eq!(refused, Refusal::Short { bucket: units, cost: 2, left: 1, next_free: None });
    assert_eq!(ledger, before);
    let unknown = BucketKey::new("nowhere", "");
    assert!(matches!(ledger.reserve(id(1), now, &cost(&unknown, 1)), Err(Refusal::Unknown { .. })));
    assert_eq!(ledger.next_free(now, &cost(&unknown, 1)), None);
    // The same bucket named twice is paid twice.
    assert!(ledger.reserve(id(1), now, &[cost(&posts, 3), cost(&posts, 3)].concat()).is_err());
}

#[test]
fn the_shipped_definitions_become_buckets() {
    let config = PlatformsConfig::load(None).expect("loads");
    let now = at("2026-11-20T12:00:00Z");
    let definitions = Definitions::in_force(&config, now).expect("zones are known");
    let mut ledger = Ledger::new(definitions.buckets(["a", "b"]));
    let charges = definitions.charges("youtube_insert", "a").expect("dated");
    assert_eq!(
        charges,
        vec![
            Charge { bucket: BucketKey::new("youtube_channel_uploads", "a"), cost: 1 },
            Charge { bucket: BucketKey::new("youtube_inserts", ""), cost: 1 },
        ]
    );
    for n in 0..15 {
        ledger.reserve(id(n), now, &charges).expect("the channel's cap");
    }
    assert!(ledger.reserve(id(99), now, &charges).is_err());
    ledger.reserve(id(99), now, &definitions.charges("youtube_insert", "b").expect("dated")).expect("another channel");
    assert_eq!(ledger.level(&BucketKey::new("youtube_inserts", ""), now).expect("known").left, 84);
    assert!(definitions.charges("youtube_dance", "a").is_err());
    let early = Definitions::in_force(&config, at("2025-07-01T00:00:00Z")).expect("known");
    let units = Charge { bucket: BucketKey::new("youtube_units", ""), cost: 1600 };
    assert!(early.charges("youtube_insert", "a").expect("dated").contains(&units));
}

/// The most that any window of a span holds, counted the slow way.
fn fullest(entries: &[(i64, u32)], span: i64) -> u64 {
    let ending = |end: i64| entries.iter().filter(|e| e.0 <= end && e.0 > end - span).map(|e| u64::from(e.1)).sum();
    entries.iter().map(|e| ending(e.0)).max().unwrap_or(0)
}

#[derive(Clone, Debug)]
enum Step {
    Reserve(u8, i64, u32),
    Release(u8),
    Commit(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<u8>(), 0i64..400_000, 0u32..4).prop_map(|(n, at, cost)| Step::Reserve(n, at, cost)),
        1 => any::<u8>().prop_map(Step::Release),
        1 => any::<u8>().prop_map(Step::Commit),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whatever is reserved, released and done as planned: no period and no window ever holds more than its capacity, what
    /// is refused would have been too much, and `next_free` is free, and the first that is.
    #[test]
    fn it_never_reserves_too_much(steps in prop::collection::vec(step(), 1..60), capacity in 1u64..8, kind in 0usize..3) {
        let clock = [pacific(), Clock::Hourly, Clock::Rolling(10 * HOUR)][kind].clone();
        let (mut ledger, key) = one(clock, capacity);
        let start = at("2026-03-06T00:00:00Z");
        let mut model: std::collections::BTreeMap<u8, (i64, u32)> = Default::default();
        let zone = Zone::named("America/Los_Angeles").expect("known");
        let over = |model: &std::collections::BTreeMap<u8, (i64, u32)>| {
            let entries: Vec<(i64, u32)> = model.values().copied().collect();
            let most = match kind {
                2 => fullest(&entries, 10 * HOUR),
                _ => {
                    let mut sums: std::collections::BTreeMap<i64, u64> = Default::default();
                    for (when, cost) in entries {
                        let period = if kind == 0 { zone.local(Moment(when)).day } else { when.div_euclid(HOUR) };
                        *sums.entry(period).or_default() += u64::from(cost);
                    }
                    sums.values().copied().max().unwrap_or(0)
                }
            };
            most > capacity
        };
        for step in steps {
            match step {
                Step::Reserve(n, offset, cost_of) => {
                    let when = Moment(start.0 + offset * 1_000_000);
                    if model.contains_key(&n) { continue; }
                    let free = ledger.next_free(when, &cost(&key, cost_of));
                    let mut with = model.clone();
                    with.insert(n, (when.0, cost_of));
                    match ledger.reserve(id(n.into()), when, &cost(&key, cost_of)) {
                        Ok(()) => {
                            prop_assert_eq!(free, Some(when));
                            model = with;
                        }
                        Err(_) => {
                            prop_assert!(over(&with));
                            prop_assert!(free.is_none_or(|f| f > when));
                            prop_assert_eq!(free.is_none(), u64::from(cost_of) > capacity);
                            if let Some(free) = free {
                                let mut later = ledger.clone();
                                prop_assert!(later.reserve(id(1000), free, &cost(&key, cost_of)).is_ok());
                                prop_assert!(ledger.clone().reserve(id(1000), Moment(free.0 - 1), &cost(&key, cost_of)).is_err());
                            }
                        }
                    }
                }
                Step::Release(n) => {
                    ledger.release(id(n.into()));
                    model.remove(&n);
                }
                Step::Commit(n) => {
                    if let Some((when, _)) = model.get(&n) {
                        prop_assert!(ledger.commit(id(n.into()), Moment(*when)).is_ok());
                    }
                }
            }
            prop_assert!(!over(&model));
        }
    }
}

fn row(n: u128, status: ScheduleStatus, planned: &str) -> Schedule {
    Schedule {
        schedule_id: ScheduleId(id(n)),
        clip_id: ClipId(id(900 + n)),
        project_id: ProjectId(id(1)),
        upload_job_id: Some(UploadJobId(id(100 + n))),
        target: "youtube/main".into(),
        recommended_time: None,
        final_scheduled_time: Some(at(planned)),
        horizon_adjustments: serde_json::Value::Null,
        status,
        locked: false,
        created_at: at(planned),
        version: 1,
    }
}

/// What the job of row `n` has spent.
fn spent(n: u128, failed: bool, calls: &[(&str, &str)]) -> Spent {
    let mut spending = Spending::new(UploadJobId(id(100 + n)), "youtube/main");
    calls.iter().for_each(|(action, when)| spending.add(action, at(when)));
    Spent { job: id(7_000 + (n << 20)), spending, failed }
}

/// Inserts of the registration at `now`: used, reserved, left, and when more come.
fn inserts(rows: &[Schedule], spent: &[Spent], now: &str) -> (u64, u64, u64, Moment) {
    let now = at(now);
    let definitions = Definitions::in_force(&PlatformsConfig::load(None).expect("shipped"), now).expect("known");
    let all = taken(rows, spent, now);
    let ledger = ledger(&definitions, [], &all).expect("every action has its cost");
    let level = ledger.level(&BucketKey::new("youtube_inserts", ""), now).expect("there");
    (level.used, level.reserved, level.left, level.resets_at)
}

#[test]
fn what_failed_has_spent_its_calls_all_the_same() {
    let now = "2026-11-20T12:00:00Z";
    let insert = [("youtube_insert", "2026-11-20T11:00:00Z")];
    let level = |rows: &[Schedule], spent: &[Spent]| {
        let (used, reserved, left, _) = inserts(rows, spent, now);
        assert_eq!(left, 100 - used - reserved);
        (used, reserved)
    };
    // Given up: the slot holds nothing any more, the call stays.
    let missed = row(1, ScheduleStatus::Missed, "2026-11-20T11:00:00Z");
    assert_eq!(level(std::slice::from_ref(&missed), &[]), (0, 0));
    assert_eq!(level(&[missed], &[spent(1, true, &insert)]), (1, 0));
    // To be tried again: another insert will be paid.
    let waits = row(1, ScheduleStatus::Confirmed, "2026-11-20T11:00:00Z");
    assert_eq!(level(std::slice::from_ref(&waits), &[spent(1, true, &insert)]), (1, 1));
    // Under way, and nothing failed: what is spent is not reserved as well.
    assert_eq!(level(std::slice::from_ref(&waits), &[spent(1, false, &insert)]), (1, 0));
    // Taken back after its call was made: the row is gone, the call is not.
    assert_eq!(level(&[], &[spent(1, false, &insert)]), (1, 0));
    // Out: by its calls where they are known, two of them here; by its row where they are not.
    let out = row(1, ScheduleStatus::Done, "2026-11-20T11:00:00Z");
    let twice = [insert[0], ("youtube_insert", "2026-11-20T11:30:00Z")];
    assert_eq!(level(std::slice::from_ref(&out), &[spent(1, true, &twice)]), (2, 0));
    assert_eq!(level(&[out], &[]), (1, 0));
}

#[test]
fn a_call_counts_on_the_day_on_which_it_was_made_across_both_changes_of_the_clocks() {
    // 7 March ends at 08:00 UTC, 8 March (23 hours long) at 07:00: planned for the 7th, sent on the 8th.
    let late = row(1, ScheduleStatus::Done, "2026-03-08T07:50:00Z");
    let sent = spent(1, false, &[("youtube_insert", "2026-03-08T08:10:00Z")]);
    let rows = [late];
    // The buckets of inserts are of June: those of units say the same in March.
    let units = |rows: &[Schedule], spent: &[Spent], now: &str| {
        let now = at(now);
        let definitions = Definitions::in_force(&PlatformsConfig::load(None).expect("shipped"), now).expect("known");
        let all = taken(rows, spent, now);
        let level = ledger(&definitions, [], &all).expect("costs").level(&BucketKey::new("youtube_units", ""), now);
        level.map(|l| (l.used, l.resets_at)).expect("there")
    };
    let of = std::slice::from_ref(&sent);
    assert_eq!(units(&rows, of, "2026-03-08T07:59:59Z"), (0, at("2026-03-08T08:00:00Z")), "not the day of the slot");
    assert_eq!(units(&rows, of, "2026-03-08T08:30:00Z"), (100, at("2026-03-09T07:00:00Z")));
    assert_eq!(units(&rows, of, "2026-03-09T07:00:00Z").0, 0, "a new day, after 23 hours");
    // Back on 1 November: the day has 25 hours, and a call in its last hour is of that day.
    let sent = spent(2, true, &[("youtube_insert", "2026-11-02T07:30:00Z")]);
    let of = std::slice::from_ref(&sent);
    let (used, _, left, resets) = inserts(&[], of, "2026-11-01T08:00:00Z");
    assert_eq!((used, left, resets), (1, 99, at("2026-11-02T08:00:00Z")));
    assert_eq!(inserts(&[], of, "2026-11-02T08:00:00Z").0, 0);
}

#[test]
fn what_is_overdue_is_paid_from_now_on() {
    // Its slot was yesterday, Pacific; it will be sent today.
    let overdue = row(1, ScheduleStatus::Confirmed, "2026-11-20T07:00:00Z");
    let (used, reserved, left, _) = inserts(&[overdue], &[], "2026-11-20T12:00:00Z");
    assert_eq!((used, reserved, left), (0, 1, 99));
}
