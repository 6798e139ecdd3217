//! Gaps between the words that stay: long quiet ones are shortened, dropped words are cut out of them.

use omniva_contracts::analysis::Word;
use omniva_contracts::config::EditConfig;
use omniva_contracts::geometry::Span;
use omniva_contracts::plan::CutReason;

use super::fillers::Dropped;
use super::quiet::Quiet;
use super::{Proposal, SHORTEST_CUT, WORD_MARGIN};

/// Share of what is left of a pause that follows the earlier word: a voice dies away slower than it sets in.
const AFTER: f64 = 0.6;
/// Left after a sound that is not a word, which has died away by itself.
const AFTER_SOUND: f64 = 0.1;
/// A gap longer than this is a long pause, of which every quiet part is used.
const LONG: f64 = 0.6;
/// A sentence may breathe out longer.
const SENTENCE_BREATH: f64 = 1.25;

pub(super) fn proposals(
    words: &[Word],
    dropped: &[Option<Dropped>],
    edit: &EditConfig,
    quiet: &Quiet,
) -> Vec<Proposal> {
    let mut found = Vec::new();
    let mut last: Option<(usize, f64)> = None;
    for (i, word) in words.iter().enumerate() {
        if dropped.get(i).copied().flatten().is_some() {
            continue;
        }
        if let Some((prev, end)) = last {
            let gap = Span::new(end, word.start);
            let between = prev + 1..i;
            if between.is_empty() {
                shorten(&mut found, &gap, ends_sentence(&words[prev].text), edit, quiet);
            } else {
                let why = between.clone().find_map(|k| dropped[k]).map_or(CutReason::Filler, |d| d.why);
                found.extend(remove(&gap, &words[between], why, edit));
            }
        }
        let end = last.map_or(word.end, |(_, end)| end.max(word.end));
        last = Some((i, end));
    }
    found
}

fn shorten(found: &mut Vec<Proposal>, gap: &Span, sentence: bool, edit: &EditConfig, quiet: &Quiet) {
    if gap.length() <= edit.max_pause {
        return;
    }
    let left = (edit.pause_keep * if sentence { SENTENCE_BREATH } else { 1.0 }).min(edit.max_pause);
    for part in quiet.parts(gap) {
        if part.length() <= edit.max_pause && gap.length() <= LONG {
            continue;
        }
        let room = Span::new(part.start + WORD_MARGIN, part.end - WORD_MARGIN);
        let after = if part.start > gap.start { AFTER_SOUND.min(left * AFTER) } else { left * AFTER };
        let cut = Span::new((part.start + after).max(room.start), (part.end - left * (1.0 - AFTER)).min(room.end));
        if cut.length() >= SHORTEST_CUT {
            found.push(Proposal {
                value: cut.length(),
                cut,
                room,
                core: None,
                why: CutReason::Silence,
                text: String::new(),
            });
        }
    }
}

/// Cuts the words out of `gap`, leaving what a pause would leave at most.
fn remove(gap: &Span, words: &[Word], why: CutReason, edit: &EditConfig) -> Option<Proposal> {
    let (first, last) = (words.first()?, words.last()?);
    let room = Span::new(gap.start + WORD_MARGIN, gap.end - WORD_MARGIN);
    let before = (first.start - gap.start).min(edit.pause_keep * AFTER);
    let after = (gap.end - last.end).min(edit.pause_keep * (1.0 - AFTER));
    let cut = Span::new((gap.start + before).max(room.start), (gap.end - after).min(room.end));
    let text = words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" ");
    let core = Some(Span::new(first.start, last.end));
    (cut.length() >= SHORTEST_CUT).then(|| Proposal { value: 0.6 + cut.length(), cut, room, core, why, text })
}

fn ends_sentence(text: &str) -> bool {
    text.trim_end_matches(['"', '”', '’', '\'', ')', '»']).ends_with(['.', '!', '?', '…'])
}
