//! Dates as feeds and servers write them.

use omniva_contracts::engine::Moment;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/// Zones of RFC 822 that are still met, as offsets.
const ZONES: [(&str, &str); 11] = [
    ("gmt", "Z"),
    ("utc", "Z"),
    ("ut", "Z"),
    ("z", "Z"),
    ("est", "-05:00"),
    ("edt", "-04:00"),
    ("cst", "-06:00"),
    ("cdt", "-05:00"),
    ("mst", "-07:00"),
    ("pst", "-08:00"),
    ("pdt", "-07:00"),
];

/// Reads RFC 3339 and RFC 822/2822/1123 dates (`Tue, 07 May 2024 15:00:00 +0200`, with or without the day of the week and
/// the seconds, years of two digits as RFC 2822 §4.3 reads them). `None` for anything else.
pub fn moment(text: &str) -> Option<Moment> {
    let text = text.trim();
    if text.len() > 64 {
        return None;
    }
    Moment::parse(text).or_else(|| mail(text))
}

fn mail(text: &str) -> Option<Moment> {
    let text = text.split_once(',').map_or(text, |(_, rest)| rest);
    let mut words = text.split_ascii_whitespace();
    let (day, month, year) = (words.next()?, words.next()?.to_ascii_lowercase(), words.next()?);
    let (time, zone) = (words.next()?, words.next().unwrap_or("gmt"));
    let month = MONTHS.iter().position(|name| month.get(..3) == Some(name))? + 1;
    let day = number(day, 1, 2)?;
    let year = match (year.len(), number(year, 2, 4)?) {
        (2, year @ 0..=49) => year + 2000,
        (2 | 3, year) => year + 1900,
        (_, year) => year,
    };
    let mut parts = time.split(':');
    let (hour, minute) = (number(parts.next()?, 1, 2)?, number(parts.next()?, 2, 2)?);
    // A leap second is the last second of its minute.
    let second = parts.next().map_or(Some(0), |part| number(part, 2, 2))?.min(59);
    let zone = offset(zone)?;
    Moment::parse(&format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{zone}"))
}

fn number(text: &str, least: usize, most: usize) -> Option<u32> {
    let digits = (least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

fn offset(zone: &str) -> Option<String> {
    if let Some((_, offset)) = ZONES.iter().find(|(name, _)| zone.eq_ignore_ascii_case(name)) {
        return Some((*offset).to_owned());
    }
    let (sign, digits) = (zone.get(..1)?, zone.get(1..)?.replace(':', ""));
    let numeric = matches!(sign, "+" | "-") && digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit());
    numeric.then(|| Some(format!("{sign}{}:{}", digits.get(..2)?, digits.get(2..)?)))?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_of_feeds_are_read() {
        let at = Moment::parse("2024-05-07T15:00:00Z");
        for text in [
            "Tue, 07 May 2024 15:00:00 GMT",
            "Tue, 7 May 2024 17:00:00 +0200",
            "07 May 24 15:00 UT",
            "tue, 07 may 2024 08:00:00 pdt",
            "Tuesday, 07 May 2024 11:00:00 -04:00",
            "2024-05-07T17:00:00+02:00",
            " Tue, 07 May 2024 15:00:00 ",
        ] {
            assert_eq!(moment(text), at, "{text}");
        }
        for bad in [
            "",
            "yesterday",
            "32 May 2024 15:00:00 GMT",
            "07 Foo 2024 15:00:00 GMT",
            "07 May 2024 15 GMT",
            "07 May 2024 15:00:00 XYZ",
            "07 May -2024 15:00:00 GMT",
            "1 é 1 1:00 +0000",
        ] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".{0,70}") {
            let _ = moment(&text);
        }
    }
}
