//! Words to pages and pages to lines: the cheapest way to divide the whole text, so that a page ends where a speaker
//! pauses, never leans on the next one, and fits.

use omniva_contracts::geometry::Span;

use super::text::{ends_clause, ends_sentence, leans_forward};

/// A word with its time in the output and its width in ems.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spoken {
    /// As the transcript has it.
    pub text: String,
    pub width: f64,
    pub out: Span,
    /// Another voice begins here.
    pub turn: bool,
    /// Continues the word before without a space (a word broken because it is too long).
    pub glued: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Room {
    /// Widest line, ems.
    pub width: f64,
    pub space: f64,
    pub lines: usize,
    pub words: usize,
}

/// First word of each page after the first, as indices; pages are `[0..i)`, `[i..j)` …
pub(crate) fn divide(words: &[Spoken], room: &Room) -> Vec<usize> {
    let n = words.len();
    // best[j]: cost of dividing the first j words, and where the last page begins.
    let mut best: Vec<(f64, usize)> = vec![(f64::INFINITY, 0); n + 1];
    best[0] = (0.0, 0);
    for j in 1..=n {
        for i in (0..j).rev() {
            if j - i > room.words.max(1) && j - i > 1 {
                break;
            }
            let Some(lines) = lines(&words[i..j], room) else {
                if j - i > 1 {
                    break;
                }
                // A lone word too wide for a line is still shown (it is shrunk).
                best[j] = (best[i].0 + 10.0, i);
                continue;
            };
            let cost = best[i].0 + page_cost(words, i, j) + imbalance(&words[i..j], &lines, room);
            if cost < best[j].0 {
                best[j] = (cost, i);
            }
        }
    }
    let (mut starts, mut at) = (Vec::new(), n);
    while at > 0 {
        at = best[at].1;
        if at > 0 {
            starts.push(at);
        }
    }
    starts.reverse();
    starts
}

fn page_cost(words: &[Spoken], i: usize, j: usize) -> f64 {
    let (first, last) = (&words[i], &words[j - 1]);
    let until = words.get(j).map_or(last.out.end + 0.3, |w| w.out.start.min(last.out.end + 0.6));
    let shown = until - first.out.start;
    let mut cost = 1.0 + (0.7 - shown).max(0.0) * 3.0;
    if ends_sentence(&last.text) {
        cost -= 0.4;
    } else if ends_clause(&last.text) {
        cost -= 0.25;
    } else if leans_forward(&last.text) && j < words.len() {
        cost += 0.5;
    }
    if j - i == 1 && !(ends_sentence(&last.text) && (i == 0 || ends_sentence(&words[i - 1].text))) {
        cost += 0.5;
    }
    for k in i + 1..j {
        let (before, word) = (&words[k - 1], &words[k]);
        let pause = word.out.start - before.out.end;
        cost += match () {
            () if word.turn => 6.0,
            () if ends_sentence(&before.text) => 2.2,
            () if pause > 0.6 => 3.0,
            () if pause > 0.3 => 0.8,
            () if ends_clause(&before.text) => 0.3,
            () => 0.0,
        };
    }
    if words.get(j).is_some_and(|w| w.glued) {
        cost += 2.0;
    }
    cost
}

/// Divides a page into lines that fit: indices of the first word of each further line. `None` when it does not fit.
pub(crate) fn lines(words: &[Spoken], room: &Room) -> Option<Vec<usize>> {
    if line_width(words, room) <= room.width {
        return Some(Vec::new());
    }
    if room.lines < 2 {
        return None;
    }
    let penalty = |at: usize| {
        let before = &words[at - 1].text;
        let (a, b) = (line_width(&words[..at], room), line_width(&words[at..], room));
        let lean = if leans_forward(before) { 0.25 } else { 0.0 };
        let clause = if ends_clause(before) { -0.15 } else { 0.0 };
        ((a - b).abs() / room.width + lean + clause, at)
    };
    (1..words.len())
        .filter(|at| line_width(&words[..*at], room) <= room.width && line_width(&words[*at..], room) <= room.width)
        .map(penalty)
        .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))
        .map(|(_, at)| vec![at])
}

pub(crate) fn line_width(words: &[Spoken], room: &Room) -> f64 {
    let spaces = words.iter().skip(1).filter(|w| !w.glued).count();
    words.iter().map(|w| w.width).sum::<f64>() + spaces as f64 * room.space
}

fn imbalance(words: &[Spoken], breaks: &[usize], room: &Room) -> f64 {
    breaks.first().map_or(0.0, |at| {
        let (a, b) = (line_width(&words[..*at], room), line_width(&words[*at..], room));
        (a - b).abs() / room.width * 0.25
    })
}
