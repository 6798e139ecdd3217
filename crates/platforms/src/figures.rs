//! Figures of posts from a file of the operator: CSV with a header.
//!
//! Columns, in any order: `post_id`, `measured_at` (RFC 3339), `views`; optional `engaged_views`, `likes`, `comments`, `shares`,
//! `watch_seconds`, `average_view_percentage`. An empty cell is a figure that nobody told. Either the whole file is taken or
//! nothing of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use csv::{ErrorKind, ReaderBuilder, StringRecord};
use omniva_contracts::engine::{EngagementSample, EngagementSource, Moment};
use omniva_contracts::{Code, Fault};

use crate::insights::{PostRef, blank};

const MAX_BYTES: u64 = 16 << 20;
const MAX_ROWS: usize = 100_000;
/// Faults that are named; there is no use in thousands.
const NAMED: usize = 20;
const NEEDED: [&str; 3] = ["post_id", "measured_at", "views"];
const OPTIONAL: [&str; 6] =
    ["engaged_views", "likes", "comments", "shares", "watch_seconds", "average_view_percentage"];

/// What a file held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// By line.
    pub samples: Vec<EngagementSample>,
    /// Rows of posts that are none of ours.
    pub strangers: u64,
}

/// Reads the figures of `posts` on `channel` (e.g. `youtube/main`).
///
/// # Errors
/// `input_corrupt` naming lines and columns, `too_large` beyond 16 MiB or 100,000 rows, `input_unreadable`, `input_empty`.
pub fn import_figures(file: impl Read, channel: &str, posts: &[PostRef]) -> Result<Imported, Fault> {
    let mut bytes = Vec::new();
    let next = "check that the file can be read";
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| {
        Fault::new(Code::InputUnreadable, "the file with the figures can't be read", next).with_detail(e)
    })?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large(format!("is larger than {MAX_BYTES} bytes")));
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    if text.iter().all(u8::is_ascii_whitespace) {
        let next = format!("its first line names the columns: {}", NEEDED.join(","));
        return Err(Fault::new(Code::InputEmpty, "the file with the figures is empty", next));
    }
    let mut reader = ReaderBuilder::new().from_reader(text);
    let columns = columns(reader.headers().map_err(|e| corrupt(vec![reason(&e)]))?)?;
    let posts: BTreeMap<&str, &PostRef> = posts.iter().map(|p| (p.post_id.as_str(), p)).collect();
    let (mut imported, mut faults, mut seen) = (Imported::default(), Vec::new(), BTreeSet::new());
    for (n, row) in reader.records().enumerate() {
        if n >= MAX_ROWS {
            return Err(too_large(format!("has more than {MAX_ROWS} rows")));
        }
        let read = row.map_err(|e| reason(&e)).and_then(|row| {
            let line = row.position().map_or(0, csv::Position::line);
            let cells = Cells { row: &row, columns: &columns };
            let post = cells.get("post_id").ok_or("post_id: empty".to_owned());
            post.and_then(|id| cells.sample(channel, id, posts.get(id).copied(), &mut seen))
                .map_err(|why| format!("line {line}: {why}"))
        });
        match read {
            Ok(Some(sample)) => imported.samples.push(sample),
            Ok(None) => imported.strangers += 1,
            Err(why) => faults.push(why),
        }
        if faults.len() >= NAMED {
            break;
        }
    }
    if faults.is_empty() { Ok(imported) } else { Err(corrupt(faults)) }
}

fn columns(header: &StringRecord) -> Result<BTreeMap<String, usize>, Fault> {
    let mut found = BTreeMap::new();
    let mut faults = Vec::new();
    for (n, name) in header.iter().map(str::trim).enumerate() {
        if !NEEDED.contains(&name) && !OPTIONAL.contains(&name) {
            faults.push(format!("line 1: no column is called {:?}", name.chars().take(40).collect::<String>()));
        } else if found.insert(name.to_owned(), n).is_some() {
            faults.push(format!("line 1: the column {name} stands there twice"));
        }
    }
    faults.extend(NEEDED.iter().filter(|n| !found.contains_key(**n)).map(|n| format!("line 1: no column {n}")));
    faults.truncate(NAMED);
    if faults.is_empty() { Ok(found) } else { Err(corrupt(faults)) }
}

struct Cells<'a> {
    row: &'a StringRecord,
    columns: &'a BTreeMap<String, usize>,
}

impl<'a> Cells<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.row.get(*self.columns.get(name)?).map(str::trim).filter(|cell| !cell.is_empty())
    }
    fn count(&self, name: &str) -> Result<Option<u64>, String> {
        let whole = |cell: &str| cell.bytes().all(|b| b.is_ascii_digit()).then(|| cell.parse().ok()).flatten();
        self.get(name)
            .map(|cell| whole(cell).ok_or_else(|| format!("{name}: {:?} is no whole number", short(cell))))
            .transpose()
    }
    fn real(&self, name: &str) -> Result<Option<f64>, String> {
        let number = |cell: &str| cell.parse::<f64>().ok().filter(|n| n.is_finite());
        self.get(name)
            .map(|cell| number(cell).ok_or_else(|| format!("{name}: {:?} is no number", short(cell))))
            .transpose()
    }

    /// `None` for a stranger, whose row is read all the same: a file with faults is not taken.
    fn sample(
        &self,
        channel: &str,
        id: &str,
        post: Option<&PostRef>,
        seen: &mut BTreeSet<(String, Moment)>,
    ) -> Result<Option<EngagementSample>, String> {
        let when = self.get("measured_at").ok_or("measured_at: empty")?;
        let at = Moment::parse(when).ok_or_else(|| format!("measured_at: {:?} is no RFC 3339 time", short(when)))?;
        let views = self.count("views")?.ok_or("views: empty")?;
        if !seen.insert((id.to_owned(), at)) {
            return Err("the same post at the same time stands in an earlier line".to_owned());
        }
        let (engaged_views, likes) = (self.count("engaged_views")?, self.count("likes")?);
        let (comments, shares) = (self.count("comments")?, self.count("shares")?);
        let (watch, percent) = (self.real("watch_seconds")?, self.real("average_view_percentage")?);
        let Some(post) = post else { return Ok(None) };
        let sample = EngagementSample {
            measured_at: at,
            views,
            engaged_views,
            likes,
            comments,
            shares,
            watch_seconds: watch,
            average_view_percentage: percent,
            ..blank(channel, post, EngagementSource::Csv, at)
        };
        sample.check().map_err(|fault| fault.message)?;
        Ok(Some(sample))
    }
}

fn short(cell: &str) -> String {
    cell.chars().filter(|c| !c.is_control()).take(40).collect()
}

fn reason(error: &csv::Error) -> String {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("line {line}: {len} cells, the header has {expected_len}")
        }
        ErrorKind::Utf8 { .. } => format!("line {line}: no UTF-8"),
        _ => format!("line {line}: no CSV"),
    }
}

fn corrupt(faults: Vec<String>) -> Fault {
    let message = format!("the file with the figures was not taken: {}", faults.join("; "));
    Fault::new(Code::InputCorrupt, message, "correct these lines, then import the file again")
}

fn too_large(what: String) -> Fault {
    Fault::new(Code::TooLarge, format!("the file with the figures {what}"), "split it, and import each part")
}

#[cfg(test)]
#[path = "figures_tests.rs"]
mod tests;
