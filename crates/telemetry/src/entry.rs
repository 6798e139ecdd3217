//! One log event with everything that its spans add, and the two ways to write it.

use std::collections::BTreeMap;
use std::fmt::Write;

use omniva_contracts::engine::Moment;
use serde_json::Value;
use tracing::Level;

/// Fields that have their place in a line, in this order, after `ts`, `level`, `target`, `msg`.
pub(crate) const PLACED: [&str; 5] = ["trace_id", "job_id", "project_id", "stage", "attempt"];

/// Flat: an inner span's field replaces an outer one's of the same name, the event's own replaces both.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub at: Moment,
    pub level: Level,
    pub target: String,
    pub message: String,
    pub fields: BTreeMap<String, Value>,
}

impl Entry {
    fn in_order(&self) -> impl Iterator<Item = (&str, &Value)> {
        let placed = PLACED.iter().filter_map(|name| self.fields.get_key_value(*name));
        let others = self.fields.iter().filter(|(name, _)| !PLACED.contains(&name.as_str()));
        placed.chain(others).map(|(name, value)| (name.as_str(), value))
    }
}

/// One line of JSON, without the line feed.
pub(crate) fn json(entry: &Entry) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    let mut line = format!(
        r#"{{"ts":"{}","level":"{}","target":{},"msg":{}"#,
        entry.at,
        entry.level,
        quoted(&entry.target),
        quoted(&entry.message)
    );
    for (name, value) in entry.in_order() {
        // A field must not shadow the four that every line has.
        let clash = matches!(name, "ts" | "level" | "target" | "msg");
        let name = if clash { quoted(&format!("field_{name}")) } else { quoted(name) };
        // Writing to a String cannot fail.
        let _ = write!(line, ",{name}:{value}");
    }
    line.push('}');
    line
}

/// One line for eyes: time of day, level, target, message, `name=value`. Control signs are escaped.
pub(crate) fn human(entry: &Entry, colours: bool) -> String {
    let stamp = entry.at.to_string();
    let time = stamp.get(11..23).unwrap_or(&stamp);
    let level = entry.level.as_str();
    let (on, off) = match (colours, entry.level) {
        (false, _) => ("", ""),
        (true, Level::ERROR) => ("\x1b[31m", "\x1b[0m"),
        (true, Level::WARN) => ("\x1b[33m", "\x1b[0m"),
        (true, Level::INFO) => ("\x1b[32m", "\x1b[0m"),
        (true, _) => ("\x1b[2m", "\x1b[0m"),
    };
    let mut line = format!("{time} {on}{level:>5}{off} {}: {}", entry.target, printable(&entry.message));
    for (name, value) in entry.in_order() {
        let shown = match value {
            Value::String(text) if !text.is_empty() && !text.contains([' ', '"', '=']) => printable(text),
            other => other.to_string(),
        };
        let _ = write!(line, " {name}={shown}");
    }
    line
}

fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}
