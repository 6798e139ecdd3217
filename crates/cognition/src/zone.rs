//! Local time: the calendar day and the minute of a moment in a time zone, and the way back, over clock changes.
//!
//! The zones' rules are embedded (IANA data through `jiff`, built without `std`): neither the clock nor the disk is read.

use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use omniva_contracts::engine::Moment;
use omniva_contracts::fault::{Code, Fault};

/// Seconds of a day without a clock change.
const DAY: i64 = 86_400;
const MICROS: i64 = 1_000_000;
/// The longest name in the IANA data has 32 bytes.
const NAME_MAX: usize = 64;

/// A place's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

/// What a clock on the wall shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Local {
    /// Days since 1970-01-01, of the local date.
    pub day: i64,
    /// 0..1440, of the local clock.
    pub minute: u32,
}

/// When a clock on the wall shows a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wall {
    Once(Moment),
    /// The clock is put forward over it; the moment of the change.
    Never(Moment),
    /// The clock is put back over it.
    Twice(Moment, Moment),
}

impl Local {
    /// 0 is Monday.
    pub fn weekday(self) -> usize {
        usize::try_from((self.day + 3).rem_euclid(7)).unwrap_or_default()
    }
    /// 0..168, from Monday 00:00.
    pub fn hour_of_week(self) -> usize {
        self.weekday() * 24 + usize::try_from(self.minute / 60).unwrap_or_default().min(23)
    }
    /// Number of the week, Monday to Sunday, since the one of 1970-01-01.
    pub fn week(self) -> i64 {
        (self.day + 3).div_euclid(7)
    }
}

impl Zone {
    /// `Europe/Berlin`, `America/Los_Angeles`, `UTC`: an IANA name.
    ///
    /// # Errors
    /// `config_invalid` for a name that the embedded data does not know.
    pub fn named(name: &str) -> Result<Self, Fault> {
        let known = (name.len() <= NAME_MAX).then(|| TimeZoneDatabase::bundled().get(name).ok()).flatten();
        let rules = known.filter(|rules| !rules.is_unknown()).ok_or_else(|| {
            let shown: String = name.chars().take(NAME_MAX).collect();
            Fault::new(
                Code::ConfigInvalid,
                format!("{shown:?} is no time zone"),
                "use a name of the IANA data, such as Europe/Berlin or UTC",
            )
        })?;
        Ok(Self { name: rules.iana_name().unwrap_or(name).to_owned(), rules })
    }
    pub fn utc() -> Self {
        Self { name: "UTC".into(), rules: TimeZone::UTC }
    }
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn local(&self, at: Moment) -> Local {
        let seconds = at.0.div_euclid(MICROS);
        let wall = seconds.saturating_add(i64::from(self.rules.to_offset(timestamp(seconds)).seconds()));
        let minute = u32::try_from(wall.rem_euclid(DAY) / 60).unwrap_or_default();
        Local { day: wall.div_euclid(DAY), minute }
    }

    /// When the clock shows `minute` (0..1440) of `day`.
    pub fn at(&self, day: i64, minute: u32) -> Wall {
        let wall = day.saturating_mul(DAY).saturating_add(i64::from(minute) * 60);
        let shown = Offset::UTC.to_datetime(timestamp(wall));
        let minus = |offset: Offset| Moment::from_seconds(wall.saturating_sub(i64::from(offset.seconds())));
        match self.rules.to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Unambiguous { offset } => Wall::Once(minus(offset)),
            AmbiguousOffset::Fold { before, after } => Wall::Twice(minus(before), minus(after)),
            AmbiguousOffset::Gap { after, .. } => {
                // With the offset of after the change it lies before the change, which is thus the next one.
                let early = minus(after);
                let change = self.rules.following(timestamp(early.0.div_euclid(MICROS))).next();
                Wall::Never(change.map_or(early, |change| Moment::from_seconds(change.timestamp().as_second())))
            }
        }
    }

    /// The first moment of a local day. A day that the clock jumps over begins where the next one does.
    pub fn day_start(&self, day: i64) -> Moment {
        match self.at(day, 0) {
            Wall::Once(at) | Wall::Twice(at, _) | Wall::Never(at) => at,
        }
    }

    /// `2026-03-29 02:30`, as the place would write it.
    pub fn text(&self, at: Moment) -> String {
        let local = self.local(at);
        format!("{} {:02}:{:02}", date(local.day), local.minute / 60, local.minute % 60)
    }
}

/// `2026-03-29` of a day number.
pub fn date(day: i64) -> String {
    Offset::UTC.to_datetime(timestamp(day.saturating_mul(DAY))).date().to_string()
}

/// Beyond the years that a date can be written with, the last one stands.
fn timestamp(seconds: i64) -> Timestamp {
    let bounded = seconds.clamp(Timestamp::MIN.as_second() + DAY, Timestamp::MAX.as_second() - DAY);
    Timestamp::from_second(bounded).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Moment {
        Moment::parse(text).expect("a time")
    }
    fn day(text: &str) -> i64 {
        Zone::utc().local(at(&format!("{text}T00:00:00Z"))).day
    }
    fn zone(name: &str) -> Zone {
        Zone::named(name).expect("known")
    }

    #[test]
    fn both_changes_of_the_clock() {
        let berlin = zone("Europe/Berlin");
        let spring = day("2026-03-29");
        assert_eq!(berlin.at(spring, 119), Wall::Once(at("2026-03-29T00:59:00Z")));
        assert_eq!(berlin.at(spring, 150), Wall::Never(at("2026-03-29T01:00:00Z")));
        assert_eq!(berlin.at(spring, 180), Wall::Once(at("2026-03-29T01:00:00Z")));
        let autumn = day("2026-10-25");
        assert_eq!(berlin.at(autumn, 150), Wall::Twice(at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z")));
        assert_eq!(berlin.local(at("2026-10-25T01:30:00Z")), Local { day: autumn, minute: 150 });
        assert_eq!(berlin.text(at("2026-03-29T01:00:00Z")), "2026-03-29 03:00");
    }

    #[test]
    fn half_hours_lost_midnights_and_a_lost_day() {
        let howe = zone("Australia/Lord_Howe");
        assert_eq!(howe.at(day("2026-10-04"), 135), Wall::Never(at("2026-10-03T15:30:00Z")));
        // In Chile the clock goes from 00:00 to 01:00: the day begins at one.
        let santiago = zone("America/Santiago");
        let first = santiago.day_start(day("2026-09-06"));
        assert_eq!(santiago.local(first), Local { day: day("2026-09-06"), minute: 60 });
        assert_eq!(santiago.local(Moment(first.0 - 1)), Local { day: day("2026-09-05"), minute: 1439 });
        let apia = zone("Pacific/Apia");
        assert_eq!(apia.day_start(day("2011-12-30")), apia.day_start(day("2011-12-31")));
    }

    #[test]
    fn days_have_their_weekday_and_date() {
        let monday = Local { day: day("2026-11-23"), minute: 61 };
        assert_eq!((monday.weekday(), monday.hour_of_week()), (0, 1));
        assert_eq!(monday.week(), Local { day: day("2026-11-29"), minute: 0 }.week());
        assert_ne!(monday.week(), Local { day: day("2026-11-22"), minute: 0 }.week());
        assert_eq!(date(monday.day), "2026-11-23");
    }

    #[test]
    fn an_unknown_zone_is_a_fault() {
        for name in ["Mars/Olympus", "", "Etc/Unknown", &"x".repeat(5_000)] {
            assert_eq!(Zone::named(name).expect_err("refused").code, Code::ConfigInvalid, "{name}");
        }
    }

    #[test]
    fn the_ends_of_time_do_not_break_it() {
        for at in [i64::MIN, -1, 0, i64::MAX] {
            let local = zone("America/New_York").local(Moment(at));
            assert!(local.minute < 1440);
        }
        let _ = zone("America/New_York").at(i64::MAX, 1439);
    }
}
