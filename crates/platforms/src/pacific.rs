//! Midnight in California, where the days of YouTube's quotas begin.

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;

const ZONE: &str = "America/Los_Angeles";
const DAY_US: i64 = 86_400_000_000;

/// The next 00:00 America/Los_Angeles after `now_us`, microseconds since the epoch. A day from now for moments that no
/// calendar holds: never too early.
pub(crate) fn next_midnight(now_us: i64) -> i64 {
    let midnight = || {
        let now = Timestamp::from_microsecond(now_us)?.to_zoned(TimeZoneDatabase::bundled().get(ZONE)?);
        Ok::<_, jiff::Error>(now.tomorrow()?.start_of_day()?.timestamp().as_microsecond())
    };
    midnight().unwrap_or_else(|_| now_us.saturating_add(DAY_US))
}

/// The date of California at a moment, `2026-11-21`. `None` for moments that no calendar holds.
pub(crate) fn date(us: i64) -> Option<String> {
    let zone = TimeZoneDatabase::bundled().get(ZONE).ok()?;
    Some(Timestamp::from_microsecond(us).ok()?.to_zoned(zone).date().to_string())
}

/// The last date of California that was over `late` days before `now_us`' date began, and the moment at which it ended,
/// microseconds since the epoch: with 3, Wednesday's figures are asked for on Saturday.
pub(crate) fn settled(now_us: i64, late: u32) -> Option<(String, i64)> {
    let zone = TimeZoneDatabase::bundled().get(ZONE).ok()?;
    let today = Timestamp::from_microsecond(now_us).ok()?.to_zoned(zone.clone()).date();
    let last = today.checked_sub(jiff::Span::new().try_days(i64::from(late)).ok()?).ok()?;
    let end = last.tomorrow().ok()?.to_zoned(zone).ok()?.timestamp().as_microsecond();
    Some((last.to_string(), end))
}

#[cfg(test)]
mod tests {
    use omniva_contracts::engine::Moment;
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600;
    const DAY: i64 = 86_400;

    fn offset(at: i64) -> i64 {
        let zone = TimeZoneDatabase::bundled().get(ZONE).unwrap();
        zone.to_offset(Timestamp::from_second(at).unwrap()).seconds().into()
    }

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

    #[test]
    fn days_settle_at_their_midnight_in_california() {
        for (now, late, last, end) in [
            ("2026-11-21T21:00:00Z", 3, "2026-11-18", "2026-11-19T08:00:00Z"),
            ("2026-11-21T07:59:59Z", 3, "2026-11-17", "2026-11-18T08:00:00Z"),
            // Over the day of 25 hours.
            ("2026-11-02T20:00:00Z", 1, "2026-11-01", "2026-11-02T08:00:00Z"),
            ("2026-11-02T20:00:00Z", 2, "2026-10-31", "2026-11-01T07:00:00Z"),
        ] {
            let at = |text: &str| Moment::parse(text).unwrap().0;
            assert_eq!(settled(at(now), late), Some((last.to_owned(), at(end))), "{now}");
            assert_eq!(date(at(end) - 1).as_deref(), Some(last));
        }
        assert_eq!((settled(i64::MAX, 3), date(i64::MIN)), (None, None));
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
