//! The sliding windows: every run of whole sentences between two walls whose cut points lie `clip.min_seconds` to
//! `clip.max_seconds` apart, and, where nobody speaks, stretches between cuts of the picture and quiet moments.
//!
//! The cost is linear in the length: a start looks at most [`MAX_SENTENCES`] ahead, tries at most [`MAX_ENDS`] ends and
//! keeps the best [`KEEP_ENDS`].

use omniva_contracts::Span;
use omniva_contracts::choice::Features;

use crate::features::{self, Running};
use crate::material::Material;
use crate::{quiet, scores};

/// No clip of two minutes holds more sentences than this.
const MAX_SENTENCES: usize = 240;
/// Ends tried for one start: where more would fit, the sentences that end best.
const MAX_ENDS: usize = 24;
/// Windows kept for one start.
const KEEP_ENDS: usize = 3;

/// A window that may become a candidate.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub first: usize,
    /// Equal to `first` where nobody speaks.
    pub end: usize,
    pub span: Span,
    pub features: Features,
    /// Order of the first sieve, 0..1: the scores before calibration, and a little for a longer thought.
    pub promise: f64,
    pub flaw: Option<Flaw>,
}

/// Why a window can't become a clip, however good it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Flaw {
    pub code: &'static str,
    pub reason: String,
}

/// Result of the scan.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scan {
    pub windows: Vec<Window>,
    pub scanned: u64,
    /// Seconds of the longest run of speech that nothing parts.
    pub longest_run: f64,
    /// Runs of speech between walls, all of them and those too short for a clip.
    pub runs: usize,
    pub short_runs: usize,
}

pub(crate) fn scan(m: &Material<'_>) -> Scan {
    let mut scan = Scan::default();
    let mut running = Running::new(m);
    measure_runs(m, &mut scan);
    for first in 0..m.lines.len() {
        let ends = ends(m, first);
        scan.scanned += ends.len() as u64;
        scan.windows.extend(best_from(m, first, &ends, &mut running));
    }
    quiet::scan(m, &mut scan);
    scan
}

fn measure_runs(m: &Material<'_>, scan: &mut Scan) {
    let mut from = 0;
    for k in 0..m.lines.len() {
        if m.borders.wall[k] {
            let length = m.sentences()[k].end - m.sentences()[from].start;
            scan.runs += 1;
            scan.short_runs += usize::from(length < m.config.clip.min_seconds);
            scan.longest_run = scan.longest_run.max(length);
            from = k + 1;
        }
    }
}

/// The window over `first..=last`, if both ends can be cut and its length fits.
fn span(m: &Material<'_>, first: usize, last: usize) -> Option<Span> {
    let start = m.borders.start.get(first).copied().flatten()?.at;
    let end = m.borders.end.get(last).copied().flatten()?.at;
    let span = Span::new(start, end);
    (end - start >= m.config.clip.min_seconds && end - start <= m.config.clip.max_seconds).then_some(span)
}

/// The ends worth trying from a start, in order.
fn ends(m: &Material<'_>, first: usize) -> Vec<usize> {
    let limit = m.sentences()[first].start + m.config.clip.max_seconds;
    let mut ends = Vec::new();
    for last in first..m.lines.len().min(first + MAX_SENTENCES) {
        if m.borders.broken[last] || m.sentences()[last].start > limit {
            break;
        }
        if span(m, first, last).is_some() {
            ends.push(last);
        }
        if m.borders.wall[last] {
            break;
        }
    }
    if ends.len() > MAX_ENDS {
        ends.sort_by(|a, b| m.lines[*b].ending.total_cmp(&m.lines[*a].ending).then(b.cmp(a)));
        ends.truncate(MAX_ENDS);
        ends.sort_unstable();
    }
    ends
}

fn best_from(m: &Material<'_>, first: usize, ends: &[usize], running: &mut Running) -> Vec<Window> {
    running.reset();
    let mut next = first;
    let mut windows: Vec<Window> = Vec::with_capacity(ends.len());
    for &last in ends {
        while next <= last {
            running.add(m, next);
            next += 1;
        }
        let Some(span) = span(m, first, last) else { continue };
        let features = features::of_speech(m, first, last + 1, &span, running);
        let promise = promise(m, &features, &span);
        windows.push(Window { first, end: last + 1, span, features, promise, flaw: flaw(m, first, last + 1) });
    }
    let order = |a: &Window, b: &Window| {
        a.flaw.is_some().cmp(&b.flaw.is_some()).then(b.promise.total_cmp(&a.promise)).then(b.end.cmp(&a.end))
    };
    windows.sort_by(order);
    windows.truncate(KEEP_ENDS);
    windows
}

/// Order of the first sieve.
pub(crate) fn promise(m: &Material<'_>, features: &Features, span: &Span) -> f64 {
    let choose = &m.config.choose;
    0.55 * scores::raw(&choose.virality, features)
        + 0.45 * scores::raw(&choose.relevance, features)
        + 0.03 * length_bonus(m, span) * features.payoff
}

/// 0 for the shortest clip allowed, 1 from half way to the longest: a whole thought beats a piece of it.
pub(crate) fn length_bonus(m: &Material<'_>, span: &Span) -> f64 {
    let (min, max) = (m.config.clip.min_seconds, m.config.clip.max_seconds);
    if max - min < 0.5 { 1.0 } else { ((span.length() - min) / (0.5 * (max - min))).clamp(0.0, 1.0) }
}

/// Checks that no score can outweigh.
fn flaw(m: &Material<'_>, first: usize, end: usize) -> Option<Flaw> {
    if let Some(reason) = m.lines[first].cut_off_start.or(m.lines[end - 1].cut_off_end) {
        return Some(Flaw { code: "cut_off", reason: reason.to_owned() });
    }
    let sums = m.total(first, end);
    let marked = sums.marked / sums.seconds.max(0.1);
    if marked > 0.15 {
        let percent = (marked * 100.0).round();
        return Some(Flaw {
            code: "low_confidence",
            reason: format!(
                "the recogniser was unsure of {percent} % of its words: nobody should be quoted on a guess"
            ),
        });
    }
    None
}
