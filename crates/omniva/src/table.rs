//! Plain text tables on standard output; a dash where there is nothing.

use std::io::Write;

use serde_json::Value;

/// Cells are never wider than this; titles may be long.
const WIDEST: usize = 60;

pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(heads: &[&str]) -> Self {
        Self { rows: vec![heads.iter().map(|h| (*h).to_owned()).collect()] }
    }

    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.iter().map(|c| tidy(c)).collect());
    }

    /// A row for each item, a column for each path (`a.b` looks into objects).
    pub fn of(heads: &[(&str, &str)], items: &[Value]) -> Self {
        let mut table = Self::new(&heads.iter().map(|(head, _)| *head).collect::<Vec<_>>());
        for item in items {
            table.row(heads.iter().map(|(_, path)| cell(item, path)).collect());
        }
        table
    }

    /// A reader that went away ends nothing.
    pub fn print(&self) {
        let _ = std::io::stdout().lock().write_all(self.text().as_bytes());
    }

    fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut out = String::new();
        for row in &self.rows {
            let line: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            out.push_str(line.join("  ").trim_end());
            out.push('\n');
        }
        out
    }
}

/// Names and values, one a line; nested objects get dotted names.
pub fn print_fields(value: &Value) {
    let mut fields = Vec::new();
    flatten("", value, &mut fields);
    let width = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut out = std::io::stdout().lock();
    for (name, value) in fields {
        if writeln!(out, "{name:<width$}  {value}").is_err() {
            return;
        }
    }
}

fn flatten(prefix: &str, value: &Value, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, value) in map {
                let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&name, value, out);
            }
        }
        Value::Array(items) if items.iter().any(|i| i.is_object() || i.is_array()) => {
            for (i, item) in items.iter().enumerate() {
                flatten(&format!("{prefix}[{i}]"), item, out);
            }
        }
        _ => out.push((prefix.to_owned(), plain(value))),
    }
}

/// What stands at `path`, as text.
pub fn cell(item: &Value, path: &str) -> String {
    path.split('.').try_fold(item, |value, name| value.get(name)).map_or_else(|| "-".to_owned(), plain)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => printable(text),
        Value::Number(n) if n.is_f64() => {
            let text = format!("{:.3}", n.as_f64().unwrap_or(f64::NAN));
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => printable(&other.to_string()),
    }
}

/// Names come from feeds and files: nothing in them may steer a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn tidy(text: &str) -> String {
    if text.chars().count() <= WIDEST {
        return text.to_owned();
    }
    text.chars().take(WIDEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_line_up_and_nothing_steers_the_terminal() {
        let items = [
            json!({ "id": "a", "stats": { "n": 3 }, "title": "one\u{1b}[31m", "score": 0.5 }),
            json!({ "id": "longer", "title": null, "score": 1.0 }),
        ];
        let heads = [("ID", "id"), ("N", "stats.n"), ("TITLE", "title"), ("SCORE", "score")];
        let text = Table::of(&heads, &items).text();
        assert_eq!(text, "ID      N  TITLE     SCORE\na       3  one [31m  0.5\nlonger  -  -         1\n");
    }

    #[test]
    fn long_cells_are_cut() {
        let mut table = Table::new(&["A"]);
        table.row(vec!["ä".repeat(100)]);
        assert!(table.text().lines().all(|l| l.chars().count() <= WIDEST));
    }
}
