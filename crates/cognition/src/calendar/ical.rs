//! A calendar as iCalendar (RFC 5545), for the calendar programs of people.

use omniva_contracts::engine::Moment;

use super::{Entry, Standing};

/// Octets of a line without its end (RFC 5545, 3.1).
const LINE: usize = 75;
/// Octets of a text of ours; longer ones are cut.
const TEXT: usize = 2_000;

/// One entry with what the calendar does not know of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    pub entry: &'a Entry,
    /// Title of the clip.
    pub title: &'a str,
    /// Anything more; may be empty.
    pub note: &'a str,
    /// Version of the schedule row: a higher one replaces what a program has seen.
    pub version: i64,
}

/// The text of a feed, lines ended by CRLF. Times are UTC; an event's id is made of its schedule id alone, so that a moved
/// one replaces itself. A publication is a moment: it has no end and blocks nobody's time.
///
/// `stamp` is when the feed was made.
pub fn icalendar<'a>(name: &str, stamp: Moment, events: impl IntoIterator<Item = Event<'a>>) -> String {
    let mut out = String::new();
    for text in
        ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Omniva//Schedule//EN", "CALSCALE:GREGORIAN", "METHOD:PUBLISH"]
    {
        line(&mut out, text);
    }
    line(&mut out, &format!("X-WR-CALNAME:{}", escaped(name)));
    for event in events {
        write(&mut out, stamp, &event);
    }
    line(&mut out, "END:VCALENDAR");
    out
}

fn write(out: &mut String, stamp: Moment, event: &Event<'_>) {
    let entry = event.entry;
    let (standing, status) = match entry.standing {
        Standing::Proposed => ("proposed", "TENTATIVE"),
        Standing::Confirmed => ("confirmed", "CONFIRMED"),
        Standing::Locked => ("locked", "CONFIRMED"),
        Standing::Out => ("published", "CONFIRMED"),
    };
    line(out, "BEGIN:VEVENT");
    line(out, &format!("UID:{}@omniva", entry.id()));
    line(out, &format!("DTSTAMP:{}", utc(stamp)));
    line(out, &format!("DTSTART:{}", utc(entry.at)));
    line(out, &format!("SEQUENCE:{}", event.version.clamp(0, i64::from(i32::MAX))));
    line(out, &format!("STATUS:{status}"));
    line(out, "TRANSP:TRANSPARENT");
    line(out, &format!("SUMMARY:{}", escaped(event.title)));
    line(out, &format!("LOCATION:{}", escaped(&entry.channel)));
    let note = if event.note.is_empty() { standing.to_owned() } else { format!("{standing}\n{}", event.note) };
    line(out, &format!("DESCRIPTION:{}", escaped(&note)));
    if !entry.publication.labels.is_empty() {
        let labels: Vec<String> = entry.publication.labels.iter().map(|l| escaped(l)).collect();
        line(out, &format!("CATEGORIES:{}", labels.join(",")));
    }
    line(out, "END:VEVENT");
}

/// `20260329T010000Z`
fn utc(at: Moment) -> String {
    let text = at.to_string();
    let whole = text.split('.').next().unwrap_or_default();
    let mut digits: String = whole.chars().filter(|c| c.is_ascii_digit() || *c == 'T').collect();
    digits.push('Z');
    digits
}

/// A value of type TEXT (3.3.11); other control characters are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\\' | ';' | ',' => {
                out.push('\\');
                out.push(c);
            }
            '\n' | '\r' => out.push_str("\\n"),
            '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
        if out.len() >= TEXT {
            break;
        }
    }
    out
}

/// One content line, folded so that no piece has more than 75 octets and no character is torn apart.
fn line(out: &mut String, text: &str) {
    let mut room = LINE;
    for c in text.chars() {
        if c.len_utf8() > room {
            out.push_str("\r\n ");
            room = LINE - 1;
        }
        out.push(c);
        room -= c.len_utf8();
    }
    out.push_str("\r\n");
}
