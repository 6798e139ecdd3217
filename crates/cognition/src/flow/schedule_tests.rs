use omniva_contracts::config::EngineConfig;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn config(extra: &str) -> ScheduleConfig {
    let text = format!("[engine.schedule]\nspacing_minutes = 60\n{extra}");
    EngineConfig::load(Some(("t.toml", &text))).expect("valid").schedule
}

fn booking(n: u128, project: u128, at: Moment) -> Booking {
    Booking {
        schedule_id: ScheduleId(Uuid::from_u128(n)),
        clip_id: ClipId(Uuid::from_u128(n)),
        project_id: ProjectId(Uuid::from_u128(project)),
        target: "folder".into(),
        at,
        status: ScheduleStatus::Confirmed,
    }
}

fn request<'a>(now: Moment, quota: u32, booked: &'a [Booking]) -> SlotRequest<'a> {
    SlotRequest {
        schedule_id: ScheduleId(Uuid::nil()),
        clip_id: ClipId(Uuid::nil()),
        project_id: ProjectId(Uuid::from_u128(1)),
        target: "folder",
        now,
        not_before: None,
        daily_quota: quota,
        published_today: 0,
        booked,
    }
}

fn at(text: &str) -> Moment {
    Moment::parse(text).expect("a time")
}

#[test]
fn an_empty_day_is_taken_at_once() {
    let now = at("2024-05-07T15:00:00Z");
    let result = recommend(&request(now, 5, &[]), &config(""));
    assert_eq!(result.recommended_time, now);
    assert_eq!(result.reasons["found"], true);
    assert_eq!(result.reasons["looked_at"], 1);
}

#[test]
fn spacing_quota_and_quiet_hours_move_a_slot_and_say_so() {
    let now = at("2024-05-07T21:40:00Z");
    let booked = [booking(1, 1, at("2024-05-07T21:30:00Z"))];
    let quiet = config("quiet_hours = [{ from = \"22:00\", to = \"06:30\" }]\n");
    let result = recommend(&request(now, 2, &booked), &quiet);
    assert_eq!(result.recommended_time, at("2024-05-08T06:30:00Z"));
    let codes: Vec<&str> =
        result.reasons["slots"].as_array().expect("slots").iter().filter_map(|s| s["against"].as_str()).collect();
    assert_eq!(codes, ["too_close", "quiet_hours"]);
    let result = recommend(&request(now, 1, &booked), &config(""));
    assert_eq!(result.recommended_time, at("2024-05-08T00:00:00Z"));
}

#[test]
fn what_was_published_without_a_booking_counts_too() {
    let now = at("2024-05-07T12:00:00Z");
    let request = SlotRequest { published_today: 2, ..request(now, 2, &[]) };
    assert_eq!(recommend(&request, &config("")).recommended_time, at("2024-05-08T00:00:00Z"));
}

#[test]
fn another_projects_slot_is_only_avoided_to_the_second() {
    let now = at("2024-05-07T12:00:00Z");
    let booked = [booking(1, 2, now)];
    assert_eq!(recommend(&request(now, 1, &booked), &config("")).recommended_time, at("2024-05-07T12:00:01Z"));
}

#[test]
fn a_full_horizon_is_admitted() {
    let now = at("2024-05-07T12:00:00Z");
    let booked: Vec<Booking> =
        (0..20).map(|d| booking(d + 1, 1, now.after(Duration::from_secs(d as u64 * 86_400)))).collect();
    let result = recommend(&request(now, 1, &booked), &config(""));
    assert_eq!(result.reasons["found"], false);
}

proptest! {
    /// Whatever stands in the schedule: a slot that is found keeps every rule.
    #[test]
    fn a_found_slot_keeps_the_rules(
        start in 0i64..86_400, quota in 1u32..6, spacing in 0u32..300, offsets in prop::collection::vec(0i64..500_000, 0..60)
    ) {
        let now = Moment::from_seconds(1_700_000_000 + start);
        let booked: Vec<Booking> = offsets
            .iter()
            .enumerate()
            .map(|(n, offset)| booking(n as u128 + 1, 1 + (n as u128 % 3), Moment::from_seconds(now.0 / 1_000_000 + offset)))
            .collect();
        let mut config = config("quiet_hours = [{ from = \"01:00\", to = \"05:00\" }]\n");
        config.spacing_minutes = spacing;
        let result = recommend(&request(now, quota, &booked), &config);
        prop_assert!(result.recommended_time >= now);
        if result.reasons["found"] == true {
            let slot = result.recommended_time.0;
            let own = booked.iter().filter(|b| b.project_id.0.as_u128() == 1);
            let today = own.clone().filter(|b| b.at.0.div_euclid(DAY) == slot.div_euclid(DAY)).count();
            prop_assert!(today < quota as usize);
            prop_assert!(own.clone().all(|b| (b.at.0 - slot).abs() >= i64::from(spacing) * MINUTE));
            prop_assert!(booked.iter().all(|b| b.at.0 != slot));
            prop_assert!(!config.is_quiet((slot.rem_euclid(DAY) / MINUTE) as u32));
        }
    }
}
