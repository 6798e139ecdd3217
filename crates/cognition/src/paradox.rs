//! Paradox: two clips must not tell the same thing. Compares a candidate with the ones already chosen.

use omniva_contracts::choice::Candidate;

use crate::material::Material;
use crate::text;

/// Share of common word triples from which two texts are the same joke told twice.
const SAME_WORDS: f64 = 0.5;

/// A conflict with a candidate that was chosen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conflict {
    pub code: &'static str,
    pub reason: String,
    pub winner: String,
}

/// The first conflict of `candidate` with one of `chosen` (best first); `None` when it says something new elsewhere.
pub(crate) fn conflict(m: &Material<'_>, candidate: &Candidate, chosen: &[&Candidate]) -> Option<Conflict> {
    chosen.iter().find_map(|winner| overlap(m, candidate, winner)).or_else(|| {
        let words = spoken(m, candidate);
        chosen.iter().find_map(|winner| repeat(m, candidate, &words, winner))
    })
}

fn overlap(m: &Material<'_>, candidate: &Candidate, winner: &Candidate) -> Option<Conflict> {
    let shared = candidate.span.overlap(&winner.span);
    let shorter = candidate.span.length().min(winner.span.length()).max(0.001);
    let share = shared / shorter;
    (share > m.config.choose.max_overlap + 1e-9).then(|| Conflict {
        code: "overlaps",
        reason: format!("shares {shared:.1} s ({:.0} % of the shorter one) with {}", share * 100.0, winner.id),
        winner: winner.id.clone(),
    })
}

fn repeat(m: &Material<'_>, candidate: &Candidate, words: &[String], winner: &Candidate) -> Option<Conflict> {
    let range = |c: &Candidate| (c.first_sentence, c.end_sentence);
    let same = text::triple_overlap(words, &spoken(m, winner));
    if same >= SAME_WORDS {
        return Some(Conflict {
            code: "repeats",
            reason: format!("says the same words as {} ({:.0} % of its word triples)", winner.id, same * 100.0),
            winner: winner.id.clone(),
        });
    }
    let alike = m.meaning.cosine(range(candidate), range(winner))?;
    (alike >= m.config.choose.repeat_similarity).then(|| Conflict {
        code: "repeats",
        reason: format!("tells the same as {} (similarity {alike:.2})", winner.id),
        winner: winner.id.clone(),
    })
}

fn spoken(m: &Material<'_>, c: &Candidate) -> Vec<String> {
    m.lines.get(c.first_sentence..c.end_sentence).unwrap_or(&[]).iter().flat_map(|l| l.tokens.iter().cloned()).collect()
}
