use omniva_contracts::config::EngineConfig;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::council::fixtures::{clip, config};

const MINUTE: i64 = 60_000_000;

fn at(text: &str) -> Moment {
    Moment::parse(text).expect("a time")
}
fn owner() -> ProjectId {
    ProjectId(Uuid::from_u128(1))
}

fn row(n: u128, project: u128, target: &str, time: Option<Moment>) -> Schedule {
    Schedule {
        schedule_id: ScheduleId(Uuid::from_u128(n)),
        clip_id: ClipId(Uuid::from_u128(n)),
        project_id: ProjectId(Uuid::from_u128(project)),
        upload_job_id: None,
        target: target.into(),
        recommended_time: time,
        final_scheduled_time: time,
        horizon_adjustments: Value::Null,
        status: if time.is_some() { ScheduleStatus::Confirmed } else { ScheduleStatus::Pending },
        locked: false,
        created_at: Moment(n as i64),
        version: 1,
    }
}

fn waiting(n: u128, target: &str) -> Waiting {
    let clip = Clip { clip_id: ClipId(Uuid::from_u128(n)), ..clip(n, ClipStatus::Ready) };
    Waiting { slot: row(n, 1, target, None), clip, not_before: None, urgent: false }
}

/// One channel of project 1, and one that waits (id 900).
fn facts(now: Moment, channel: Option<ChannelSettings>, standing: Vec<Schedule>) -> Facts {
    let target = row_target(owner(), channel.as_ref().map_or("folder", |c| &c.target));
    let settings = ProjectSettings { channels: channel.into_iter().collect(), ..ProjectSettings::default() };
    Facts {
        now,
        owner: owner(),
        projects: [(owner(), settings)].into(),
        standing,
        waiting: vec![waiting(900, &target)],
        taken: Vec::new(),
        published_today: 0,
        learnt: None,
        target,
    }
}

fn id(n: u128) -> ScheduleId {
    ScheduleId(Uuid::from_u128(n))
}
fn time(facts: &Facts, config: &EngineConfig) -> Moment {
    propose(facts, id(900), config).expect("valid").recommended_time.expect("a time")
}
fn youtube() -> ChannelSettings {
    ChannelSettings::new("youtube/main")
}

#[test]
fn a_folder_takes_a_clip_at_once_and_each_project_has_its_own() {
    let now = at("2024-05-07T15:00:07.123456Z");
    let mut facts = facts(now, None, vec![]);
    let result = propose(&facts, id(900), &config()).expect("valid");
    assert_eq!(result.recommended_time, Some(now));
    assert_eq!((&result.reasons["by"], &result.reasons["found"]), (&json!("earliest"), &json!(true)));
    facts.standing = vec![row(1, 1, &facts.target, Some(now))];
    assert_eq!(time(&facts, &config()), at("2024-05-07T15:01:00Z"), "an instant is taken once");
    assert_eq!(propose(&facts, id(901), &config()).expect_err("unknown").code, Code::NotFound);
}

#[test]
fn spacing_quota_and_quiet_hours_hold_in_the_channels_own_zone() {
    let mut channel = ChannelSettings { time_zone: "America/New_York".into(), daily_quota: 2, ..youtube() };
    channel.spacing_minutes = Some(60);
    channel.quiet_hours = Some(vec![QuietHours { from: "22:00".into(), to: "06:30".into() }]);
    // 17:40 in New York.
    let now = at("2024-05-07T21:40:00Z");
    let booked = vec![row(1, 1, "youtube/main", Some(at("2024-05-07T21:30:00Z")))];
    let mut facts = facts(now, Some(channel), booked);
    assert_eq!(time(&facts, &config()), at("2024-05-07T22:30:00Z"), "an hour after the other");
    facts.standing.push(row(2, 1, "youtube/main", Some(at("2024-05-07T23:40:00Z"))));
    assert_eq!(time(&facts, &config()), at("2024-05-08T10:30:00Z"), "the next day begins after the quiet hours");
    // Another project's publications count for the distance, not for the quota.
    facts.standing[1].project_id = ProjectId(Uuid::from_u128(2));
    assert_eq!(time(&facts, &config()), at("2024-05-07T22:30:00Z"));
}

#[test]
fn those_that_wait_longer_go_first_unless_one_was_missed() {
    let now = at("2024-05-07T12:00:00Z");
    let mut facts = facts(now, Some(ChannelSettings { spacing_minutes: Some(30), ..youtube() }), vec![]);
    facts.waiting.insert(0, waiting(3, "youtube/main"));
    assert_eq!(time(&facts, &config()), at("2024-05-07T12:30:00Z"));
    facts.waiting[1].urgent = true;
    assert_eq!(time(&facts, &config()), now);
    facts.waiting[1].not_before = Some(at("2024-05-07T18:00:01Z"));
    assert_eq!(time(&facts, &config()), at("2024-05-07T18:00:01Z"));
}

#[test]
fn windows_are_sought_and_the_slot_says_why() {
    let windows = vec![PostingWindow { from: 18, to: 20 }];
    let channel = ChannelSettings { time_zone: "Europe/Berlin".into(), windows, ..youtube() };
    let now = at("2024-05-07T08:00:00Z");
    let mut facts = facts(now, Some(channel), vec![]);
    facts.waiting.push(waiting(901, "youtube/main"));
    let both = [900, 901].map(|n| propose(&facts, id(n), &config()).expect("valid"));
    let times = both.clone().map(|r| r.recommended_time.expect("a time"));
    assert_ne!(times[0], times[1], "both plans are one plan");
    let zone = Zone::named("Europe/Berlin").expect("known");
    assert!(times.iter().all(|t| (18..20).contains(&(zone.local(*t).minute / 60))), "{times:?}");
    assert_eq!(both[0].reasons["by"], "plan");
    assert!(both[0].reasons["why"]["parts"].as_array().is_some_and(|parts| !parts.is_empty()));
    assert!(both[0].reasons["words"].as_str().is_some_and(|w| w.contains("window")), "{}", both[0].reasons["words"]);
    assert!(both[0].reasons["local"].as_str().is_some_and(|w| w.contains("Europe/Berlin")));
}

#[test]
fn a_clip_is_of_a_kind_by_its_words_and_the_row_remembers_it() {
    let target = |label: &str, word: &str, share| MixTarget { label: label.into(), keywords: vec![word.into()], share };
    let mix = vec![target("educational", "tag4", 0.4), target("fun", "joke", 0.6)];
    assert_eq!(labels(&clip(4, ClipStatus::Ready), &mix), ["educational".to_owned()].into());
    let facts = facts(at("2024-05-07T08:00:00Z"), Some(ChannelSettings { mix, ..youtube() }), vec![]);
    let result = propose(&facts, id(900), &config()).expect("valid");
    let mut known = row(1, 1, "youtube/main", Some(facts.now));
    known.horizon_adjustments = json!({ "clip": { "value": 0.9, "labels": ["fun"], "topic": "bread" } });
    assert_eq!(result.reasons["clip"]["value"], 0.6);
    let request = request(&Facts { standing: vec![known], ..facts }, &config(), |_| false).expect("valid");
    let entry = &request.calendar[0].publication;
    assert_eq!((entry.value, entry.topic.as_deref(), entry.labels.len()), (0.9, Some("bread"), 1));
    assert_eq!(request.projects[&owner()].mix["educational"], 0.4);
}

#[test]
fn what_was_published_without_a_booking_counts_too() {
    let now = at("2024-05-07T12:00:00Z");
    let facts = Facts { published_today: 5, ..facts(now, None, vec![]) };
    assert_eq!(time(&facts, &config()), at("2024-05-08T00:00:00Z"));
}

#[test]
fn a_full_calendar_is_a_fault_that_names_the_rules_and_proposes_a_change() {
    let now = at("2024-05-07T12:00:00Z");
    let channel = ChannelSettings { daily_quota: 1, ..youtube() };
    let day = |d: i64| Moment(now.0 + d * DAY);
    let booked = (0..15).map(|d| row(d as u128 + 1, 1, "youtube/main", Some(day(d)))).collect();
    let facts = facts(now, Some(channel), booked);
    let result = propose(&facts, id(900), &config()).expect("valid");
    let fault = result.fault.expect("a fault");
    assert_eq!((result.recommended_time, fault.code), (None, Code::SchedulerFault));
    assert!(fault.message.contains("daily_quota"), "{}", fault.message);
    assert_eq!(result.reasons["conflicts"][0]["rule"], "daily_quota");
    assert!(result.reasons["relaxation"]["changes"][0].is_object(), "{}", result.reasons["relaxation"]);
    assert_eq!(result.look_again, Some(at("2024-05-08T00:00:00Z")));
}

#[test]
fn nothing_is_booked_that_cannot_be_paid() {
    let now = at("2026-11-20T12:00:00Z");
    let channel = ChannelSettings { daily_quota: 10, ..youtube() };
    let mut facts = facts(now, Some(channel), vec![]);
    // Other accounts have taken what the registration may insert until midnight Pacific.
    facts.taken = (0..100)
        .map(|n| Taken::publication(Uuid::from_u128(5000 + n), &format!("youtube/c{n}"), now, n % 2 == 0))
        .collect();
    assert_eq!(time(&facts, &config()), at("2026-11-21T08:00:00Z"));
}

#[test]
fn a_recalculation_moves_neither_what_is_locked_nor_what_is_due() {
    let now = at("2024-05-07T08:00:00Z");
    let windows = vec![PostingWindow { from: 18, to: 20 }];
    let channel = ChannelSettings { windows, ..youtube() };
    let place = |n, text: &str| row(n, 1, "youtube/main", Some(at(text)));
    let mut standing =
        vec![place(1, "2024-05-08T03:00:00Z"), place(2, "2024-05-08T04:00:00Z"), place(3, "2024-05-07T08:02:00Z")];
    standing[0].locked = true;
    let facts = Facts { waiting: vec![], ..facts(now, Some(channel), standing) };
    let (request, plan) = recalculate(&facts, &config()).expect("valid");
    let moved: Vec<ScheduleId> =
        calendar::difference(&request, &plan).iter().map(|difference| difference.change.id()).collect();
    assert_eq!(moved, [id(2)], "the night is worth less than the evening");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever stands in the schedule: a time that is found keeps every rule.
    #[test]
    fn a_found_time_keeps_the_rules(
        start in 0i64..86_400, quota in 1u32..6, spacing in 0u32..300, offsets in prop::collection::vec(0i64..500_000, 0..60)
    ) {
        let now = Moment::from_seconds(1_700_000_000 + start);
        let zone = Zone::named("Asia/Kolkata").expect("known");
        let mut channel = ChannelSettings { daily_quota: quota, time_zone: zone.name().into(), ..youtube() };
        channel.spacing_minutes = Some(spacing);
        channel.quiet_hours = Some(vec![QuietHours { from: "01:00".into(), to: "05:00".into() }]);
        let place = |(n, offset): (usize, &i64)| {
            let time = Moment::from_seconds(now.0 / 1_000_000 + offset);
            row(n as u128 + 1, 1 + (n as u128 % 3), "youtube/main", Some(time))
        };
        let booked: Vec<Schedule> = offsets.iter().enumerate().map(place).collect();
        let facts = facts(now, Some(channel), booked.clone());
        let result = propose(&facts, id(900), &config()).expect("valid");
        if let Some(slot) = result.recommended_time {
            prop_assert!(slot >= now);
            let own = booked.iter().filter(|b| b.project_id == owner());
            let day = zone.local(slot).day;
            prop_assert!(own.filter(|b| zone.local(b.final_scheduled_time.expect("booked")).day == day).count() < quota as usize);
            let apart = |b: &Schedule| (b.final_scheduled_time.expect("booked").0 - slot.0).abs();
            prop_assert!(booked.iter().all(|b| apart(b) >= i64::from(spacing) * MINUTE && apart(b) > 0));
            prop_assert!(!(60..300).contains(&zone.local(slot).minute));
        }
    }
}

/// Nothing but evenings was ever worth anything.
fn evenings() -> WindowModel {
    let mut model = WindowModel::unlearnt("youtube/main");
    (model.on, model.version, model.learnt_from.posts, model.age_hours) = (true, 7, 84, 72);
    (model.level, model.noise) = (6.0, 0.5);
    for hour in 0..Windows::HOURS {
        let good = hour % 24 == 20;
        (model.weights[hour], model.effects[hour]) = if good { (1.0, 1.0) } else { (0.1, -1.0) };
    }
    model
}

#[test]
fn a_learnt_hour_is_preferred_and_the_reasons_name_the_model_and_what_to_expect() {
    let now = at("2024-05-07T12:00:00Z");
    let channel = ChannelSettings { time_zone: "Europe/Berlin".into(), ..youtube() };
    let blind = facts(now, Some(channel.clone()), vec![]);
    assert_eq!(time(&blind, &config()), now, "without a model the earliest is the best");
    let learnt = Facts { learnt: Some(evenings()), ..blind.clone() };
    let result = propose(&learnt, id(900), &config()).expect("valid");
    assert_eq!(result.recommended_time, Some(at("2024-05-07T18:00:00Z")), "20:00 in Berlin");
    let words = result.reasons["words"].as_str().expect("words");
    assert!(words.contains("its hour counts 1.00 of the best (learnt from 84 posts, version 7), about "), "{words}");
    assert_eq!(
        (&result.reasons["learnt"]["version"], &result.reasons["learnt"]["hour_of_week"]),
        (&json!(7), &json!(44))
    );
    assert!(result.reasons["learnt"]["forecast"]["expected"].as_f64().expect("a number") > 1_000.0);
    assert_eq!(propose(&blind, id(900), &config()).expect("valid").reasons["learnt"], Value::Null);
    // One that was missed goes out at once; and the operator's windows hold beside what was learnt.
    let mut urgent = learnt.clone();
    urgent.waiting[0].urgent = true;
    assert_eq!(time(&urgent, &config()), now);
    let mornings = ChannelSettings { windows: vec![PostingWindow { from: 8, to: 11 }], ..channel };
    let both = windows(&mornings, Some(&evenings()));
    assert_eq!((both.weight(20), both.weight(9), both.weight(3)), (OUTSIDE, 0.1, 0.1 * OUTSIDE));
}
