//! Midnight in California, where the days of YouTube's quotas begin.

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// The next 00:00 America/Los_Angeles after `now_us`, microseconds since the epoch (rules of the United States since 2007).
pub(crate) fn next_midnight(now_us: i64) -> i64 {
    let now = now_us.div_euclid(1_000_000);
    let day = (now + offset(now)).div_euclid(DAY) + 1;
    // Clocks change at 2:00, so that midnight has the offset of a moment just before it.
    let local = day * DAY;
    let standard = local + 8 * HOUR;
    let summer = local + 7 * HOUR;
    (if offset(summer - 1) == -7 * HOUR { summer } else { standard }) * 1_000_000
}

/// Seconds east of UTC at a moment.
fn offset(at: i64) -> i64 {
    let year = year_of(at.div_euclid(DAY));
    // Second Sunday in March, 2:00 PST; first Sunday in November, 2:00 PDT.
    let begin = sunday(days(year, 3, 8)) * DAY + 10 * HOUR;
    let end = sunday(days(year, 11, 1)) * DAY + 9 * HOUR;
    if (begin..end).contains(&at) { -7 * HOUR } else { -8 * HOUR }
}

/// The first Sunday on or after a day (days since 1970-01-01, a Thursday).
fn sunday(day: i64) -> i64 {
    day + (3 - day).rem_euclid(7)
}

/// Days since 1970-01-01 (Hinnant, days_from_civil).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn year_of(day: i64) -> i64 {
    let guess = 1970 + day.div_euclid(366);
    (guess..).take_while(|year| days(*year, 1, 1) <= day).last().unwrap_or(guess)
}

#[cfg(test)]
mod tests {
    use omniva_contracts::engine::Moment;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_midnights() {
        for (now, midnight) in [
            ("2026-11-21T21:00:00Z", "2026-11-22T08:00:00Z"),
            ("2026-07-01T06:59:59Z", "2026-07-01T07:00:00Z"),
            ("2026-07-01T07:00:00Z", "2026-07-02T07:00:00Z"),
            // Both changes of clocks: days of 23 and of 25 hours.
            ("2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z"),
            ("2026-03-08T07:59:59Z", "2026-03-08T08:00:00Z"),
            ("2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z"),
            ("2026-11-01T06:59:59Z", "2026-11-01T07:00:00Z"),
            ("2027-01-01T00:00:00Z", "2027-01-01T08:00:00Z"),
        ] {
            let at = |text: &str| Moment::parse(text).unwrap().0;
            assert_eq!(Moment(next_midnight(at(now))), Moment(at(midnight)), "{now}");
        }
    }

    proptest! {
        #[test]
        fn midnight_is_near_and_stays_until_it_has_come(seconds in 1_700_000_000i64..4_000_000_000) {
            let next = next_midnight(seconds * 1_000_000) / 1_000_000;
            prop_assert!(next > seconds && next - seconds <= 25 * HOUR);
            prop_assert_eq!(next_midnight((next - 1) * 1_000_000) / 1_000_000, next);
            prop_assert_eq!((next + offset(next)).rem_euclid(DAY), 0);
        }
    }
}
