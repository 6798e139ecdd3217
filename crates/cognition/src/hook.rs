//! Hook: would somebody who scrolls stop at the first three seconds? Judged on the words of the first sentence (its first
//! twelve, about what is said in three to four seconds), with what is heard and seen there added in `features`.

use crate::material::{Line, Material, finite};
use crate::text::{begins_with, holds, is_question, last_mark, longest_opening};

/// Words that are said before a viewer has decided.
const SPAN: usize = 12;

/// 0..1; about 0.4 for a plain statement, and for any statement in a language without lists.
pub(crate) fn sentence(m: &Material<'_>, k: usize) -> f64 {
    let (Some(s), Some(line)) = (m.sentences().get(k), m.lines.get(k)) else { return 0.0 };
    let head = line.tokens.get(..SPAN.min(line.tokens.len())).unwrap_or(&[]);
    let mut score: f64 = 0.36;
    if is_question(&s.text) {
        score += if line.tokens.len() <= 20 { 0.24 } else { 0.10 };
    }
    score += f64::from(u8::from(last_mark(&s.text) == Some('!'))) * 0.08;
    score += f64::from(u8::from(head.iter().any(|t| t.chars().any(|c| c.is_ascii_digit())))) * 0.10;
    score += match line.tokens.len() {
        0 => -0.2,
        1..=2 => -0.06,
        3..=13 => 0.07,
        14..=24 => 0.0,
        _ => -0.06,
    };
    score += finite(s.sentiment).abs() * 0.14;
    (score + by_words(m, line, head)).clamp(0.0, 1.0)
}

/// What the lists of the language say, -0.6..0.6; 0 without lists.
fn by_words(m: &Material<'_>, line: &Line, head: &[String]) -> f64 {
    let Some(l) = m.lexicon else { return 0.0 };
    let any = |list: &[&str]| list.iter().any(|p| holds(head, p));
    let count = |list: &[&str]| head.iter().filter(|t| list.contains(&t.as_str())).count() as f64;
    let mut score = 0.0;
    score += (count(l.strong) * 0.09).min(0.20);
    score += f64::from(u8::from(any(l.amounts))) * 0.07;
    score += f64::from(u8::from(any(l.contrast))) * 0.06;
    score += f64::from(u8::from(any(l.second_person))) * 0.10;
    score += f64::from(u8::from(any(l.surprise))) * 0.12;
    if longest_opening(head, l.claims) > 0 {
        score += 0.14;
    }
    score += echo(head);
    // One who goes on, clears his throat or says hello has not begun yet.
    if longest_opening(head, l.weak_openings) > 0 {
        score -= 0.20;
    }
    if longest_opening(head, l.greetings) > 0 || l.greetings.iter().any(|g| g.contains(' ') && holds(head, g)) {
        score -= 0.34;
    }
    if l.back_references.iter().any(|p| holds(head, p)) {
        score -= 0.14;
    }
    if line.tokens.first().is_some_and(|t| l.pronouns.contains(&t.as_str())) {
        score -= 0.05;
    }
    score -= (head.iter().filter(|t| l.is_filler(t)).count() as f64 * 0.04).min(0.12);
    score
}

/// Repetition for effect inside the first words ("it was the best of times, it was the worst of times").
fn echo(head: &[String]) -> f64 {
    let repeated = (3..head.len().saturating_sub(2)).any(|k| begins_with(&head[k..], &head[..3].join(" ")));
    f64::from(u8::from(repeated)) * 0.08
}

#[cfg(test)]
#[path = "hook_tests.rs"]
mod tests;
