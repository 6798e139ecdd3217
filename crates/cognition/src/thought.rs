//! Whether a thought begins and ends where the clip does: the ground of `stands_alone` and `payoff`, and the reasons for
//! which a clip may not begin or end at a sentence at all.

use omniva_contracts::Span;
use omniva_contracts::analysis::PeakKind;

use crate::material::{Material, finite};
use crate::text::{holds, is_question, last_mark, longest_opening};

/// A silence that a listener takes for the end of a thought.
const BREATH: f64 = 0.7;
/// Below this, the speaker did not pause at all.
const NO_PAUSE: f64 = 0.25;

/// How well a stranger can start here, 0..1; about 0.6 for a plain sentence in the middle of a turn.
pub(crate) fn opening(m: &Material<'_>, k: usize) -> f64 {
    let (Some(s), Some(line)) = (m.sentences().get(k), m.lines.get(k)) else { return 0.0 };
    let before = k.checked_sub(1).and_then(|j| m.sentences().get(j));
    let pause = k.checked_sub(1).map_or(f64::MAX, |j| m.pause_after(j));
    let fresh = before.is_none_or(|b| b.topic != s.topic) || k.checked_sub(1).is_some_and(|j| m.borders.wall[j]);
    let new_voice = m.borders.turn_start.get(k).copied().unwrap_or(true);
    let mut score: f64 = 0.56;
    score += if fresh { 0.18 } else { 0.0 } + if new_voice { 0.08 } else { 0.0 };
    score += if pause >= BREATH { 0.08 } else { 0.0 };
    if let (Some(b), false) = (before, fresh) {
        // An answer needs its question; a sentence close to the one before it leans on it.
        if new_voice && is_question(&b.text) {
            score -= 0.22;
        }
        let lean = k.checked_sub(1).and_then(|j| m.meaning.cosine((j, k), (k, k + 1))).unwrap_or(0.25);
        score -= ((lean - 0.35) * 0.4).clamp(0.0, 0.12);
        score -= if pause < NO_PAUSE { 0.05 } else { 0.0 };
    }
    if line.tokens.len() < 3 {
        score -= 0.12;
    }
    let Some(l) = m.lexicon else { return score.clamp(0.0, 1.0) };
    let head = line.tokens.get(..line.tokens.len().min(7)).unwrap_or(&[]);
    let weak = longest_opening(head, l.weak_openings);
    score -= match (weak > 0, fresh) {
        (true, true) => 0.10,
        (true, false) => 0.20,
        (false, _) => 0.0,
    };
    score -= if l.back_references.iter().any(|p| holds(head, p)) { 0.20 } else { 0.0 };
    score -= if longest_opening(head, l.greetings) > 0 { 0.08 } else { 0.0 };
    // Who is "he"? Pronouns before the first word with content are open questions; "it was", "there is" less so.
    let dangling = head.iter().skip(weak).take_while(|t| !crate::lexicon::is_content(Some(l), t));
    let open = dangling.filter(|t| l.pronouns.contains(&t.as_str())).count();
    let impersonal =
        head.get(weak).is_some_and(|t| matches!(t.as_str(), "it" | "there" | "es" | "il" | "c'est" | "this"));
    score -= match open {
        0 => 0.0,
        1 if impersonal => 0.08,
        1 => 0.24,
        _ => 0.28,
    };
    score.clamp(0.0, 1.0)
}

/// How well a clip ends here, 0..1; about 0.45 for a plain complete sentence in the middle of a turn.
pub(crate) fn ending(m: &Material<'_>, k: usize) -> f64 {
    let (Some(s), Some(line)) = (m.sentences().get(k), m.lines.get(k)) else { return 0.0 };
    let pause = m.pause_after(k);
    let wall = m.borders.wall.get(k).copied().unwrap_or(true);
    let turn_ends = m.borders.turn_end.get(k).copied().unwrap_or(true);
    let around = Span::new(s.end - 2.0, s.end + 1.5);
    let mut score: f64 = if s.complete { 0.44 } else { 0.30 };
    score += if wall { 0.16 } else { 0.0 } + if turn_ends { 0.08 } else { 0.0 };
    score += ((pause - NO_PAUSE) / (BREATH - NO_PAUSE)).clamp(0.0, 1.0) * 0.08;
    score += m.peaks.strength(&around, PeakKind::Laughter).min(1.0) * 0.22;
    score += finite(s.sentiment).abs() * 0.10;
    score += if last_mark(&s.text) == Some('!') { 0.06 } else { 0.0 };
    // A short last sentence after a longer one lands like a punch line.
    let longer_before =
        k.checked_sub(1).and_then(|j| m.lines.get(j)).is_some_and(|b| b.tokens.len() > line.tokens.len() + 3);
    score += if (3..=12).contains(&line.tokens.len()) && longer_before { 0.08 } else { 0.0 };
    if is_question(&s.text) && m.peaks.strength(&around, PeakKind::Laughter) == 0.0 {
        score -= 0.16;
    }
    if line.tokens.len() < 3 {
        score -= 0.08;
    }
    (score + ending_words(m, k, wall, pause)).clamp(0.0, 1.0)
}

/// What the words of the last and of the next sentence say about the end, -0.4..0.3.
fn ending_words(m: &Material<'_>, k: usize, wall: bool, pause: f64) -> f64 {
    let line = &m.lines[k];
    let mut score = 0.0;
    let next = (!wall).then(|| m.lines.get(k + 1)).flatten();
    let same_voice = !m.borders.turn_end.get(k).copied().unwrap_or(true);
    if let (Some(_), true) = (next, same_voice && pause < NO_PAUSE) {
        score -= 0.06;
    }
    let Some(l) = m.lexicon else { return score };
    if l.conclusions.iter().any(|p| holds(&line.tokens, p)) {
        score += 0.16;
    }
    let strong = line.tokens.iter().filter(|t| l.strong.contains(&t.as_str())).count() as f64;
    score += (strong * 0.05).min(0.10);
    if let Some(next) = next
        && same_voice
        && (longest_opening(&next.tokens, l.weak_openings) > 0
            || next.tokens.first().is_some_and(|t| l.pronouns.contains(&t.as_str())))
    {
        // The speaker goes on with the same thought.
        score -= 0.14;
    }
    if line.tokens.last().is_some_and(|t| l.is_stopword(t) && !m.sentences()[k].complete) {
        score -= 0.14;
    }
    score
}

/// Why a clip must not end with sentence `k`.
pub(crate) fn cut_off_end(m: &Material<'_>, k: usize) -> Option<&'static str> {
    let s = m.sentences().get(k)?;
    let pause = m.pause_after(k);
    let last = k + 1 == m.sentences().len();
    if !s.complete && last && m.analysis.duration() - s.end < 0.1 {
        return Some("the source ends in the middle of its last sentence");
    }
    if !s.complete && m.punctuated() {
        // The recogniser sometimes drops the full stop before a long silence or a new scene; the silence then speaks for itself.
        let settled = last || (m.borders.wall[k] && pause >= 1.0);
        let hanging = m.lines[k].tokens.last().is_some_and(|t| m.lexicon.is_some_and(|l| l.is_stopword(t)));
        if !settled || hanging || s.text.trim_end().ends_with([',', '-', '–', '—']) {
            return Some("its last sentence is not finished");
        }
    }
    if !s.complete && !m.punctuated() && !last && pause < 0.35 && !m.borders.turn_end[k] {
        return Some("the speaker goes on without a pause");
    }
    None
}

/// Why a clip must not begin with sentence `k`.
pub(crate) fn cut_off_start(m: &Material<'_>, k: usize) -> Option<&'static str> {
    let s = m.sentences().get(k)?;
    let before = m.sentences().get(k.checked_sub(1)?)?;
    let same_breath = before.speaker == s.speaker && m.pause_after(k - 1) < 1.0;
    let lower = s.text.chars().find(|c| c.is_alphabetic()).is_some_and(char::is_lowercase);
    (m.punctuated() && !before.complete && same_breath && (lower || m.pause_after(k - 1) < NO_PAUSE))
        .then_some("its first sentence begins in the middle of a thought")
}

#[cfg(test)]
#[path = "thought_tests.rs"]
mod tests;
