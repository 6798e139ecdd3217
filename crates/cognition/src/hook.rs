//! Hook: would somebody who scrolls stop at the first three seconds? Judged on the words of the first sentence (its first
//! twelve, about what is said in three to four seconds), with what is heard and seen there added in `features`.

use crate::material::{Line, Material, finite};
use crate::text::{begins_with, holds, is_question, last_mark, longest_opening};

/// Words that are said before a viewer has decided.
const SPAN: usize = 12;
/// A statement without anything special.
const PLAIN: f64 = 0.36;

/// What a sentence gains and loses as an opening.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    gain: f64,
    loss: f64,
}

impl Tally {
    fn gains(&mut self, on: bool, points: f64) {
        self.gain += if on { points } else { 0.0 };
    }
    fn loses(&mut self, on: bool, points: f64) {
        self.loss += if on { points } else { 0.0 };
    }
    /// Each further device adds less: a question about a secret is strong, five devices at once are not five times so.
    fn score(self) -> f64 {
        (PLAIN + (1.0 - PLAIN - 0.04) * (1.0 - (-1.8 * self.gain).exp()) - self.loss).clamp(0.0, 1.0)
    }
}

/// 0..1; about 0.4 for a plain statement, and for any statement in a language without lists.
pub(crate) fn sentence(m: &Material<'_>, k: usize) -> f64 {
    let (Some(s), Some(line)) = (m.sentences().get(k), m.lines.get(k)) else { return 0.0 };
    let head = line.tokens.get(..SPAN.min(line.tokens.len())).unwrap_or(&[]);
    let length = line.tokens.len();
    let mut tally = Tally::default();
    tally.gains(is_question(&s.text), if length <= 20 { 0.26 } else { 0.10 });
    tally.gains(last_mark(&s.text) == Some('!'), 0.08);
    tally.gains(head.iter().any(|t| t.chars().any(|c| c.is_ascii_digit())), 0.12);
    tally.gains((3..=13).contains(&length), 0.07);
    tally.loses(length > 24, 0.06);
    tally.loses(length <= 2, if length == 0 { 0.2 } else { 0.06 });
    tally.gain += finite(s.sentiment).abs() * 0.16;
    let fresh = k == 0 || m.borders.wall[k - 1];
    by_words(m, line, head, fresh, &mut tally);
    tally.score()
}

/// What the lists of the language say; nothing without lists.
fn by_words(m: &Material<'_>, line: &Line, head: &[String], fresh: bool, tally: &mut Tally) {
    let Some(l) = m.lexicon else { return };
    let any = |list: &[&str]| list.iter().any(|p| holds(head, p));
    let count = |list: &[&str]| head.iter().filter(|t| list.contains(&t.as_str())).count() as f64;
    tally.gain += (count(l.strong) * 0.11).min(0.24);
    tally.gains(any(l.amounts), 0.07);
    tally.gains(any(l.contrast), 0.06);
    tally.gains(any(l.second_person), 0.11);
    tally.gains(any(l.surprise), 0.13);
    tally.gains(longest_opening(head, l.claims) > 0, 0.16);
    tally.gains(echoes(head), 0.12);
    // One who goes on, clears his throat or says hello has not begun yet.
    // After a wall an "and" goes on from nothing: it costs half.
    tally.loses(longest_opening(head, l.weak_openings) > 0, if fresh { 0.10 } else { 0.20 });
    let greets =
        longest_opening(head, l.greetings) > 0 || l.greetings.iter().any(|g| g.contains(' ') && holds(head, g));
    tally.loses(greets, 0.34);
    tally.loses(l.back_references.iter().any(|p| holds(head, p)), 0.14);
    tally.loses(line.tokens.first().is_some_and(|t| l.pronouns.contains(&t.as_str())), 0.05);
    tally.loss += (head.iter().filter(|t| l.is_filler(t)).count() as f64 * 0.04).min(0.12);
}

/// Repetition for effect inside the first words ("it was the best of times, it was the worst of times").
fn echoes(head: &[String]) -> bool {
    (3..head.len().saturating_sub(2)).any(|k| begins_with(&head[k..], &head[..3].join(" ")))
}

#[cfg(test)]
#[path = "hook_tests.rs"]
mod tests;
