//! Cuts the words into sentences: at closing marks, where the turn passes, at long pauses, and, when nothing else ends
//! them, at the best place inside.

use omniva_contracts::analysis::{Turn, Word};

use super::ends;

/// A pause that ends a sentence without a mark, seconds.
const PAUSE: f64 = 1.2;
/// Longest sentence, seconds, and the words that may make one up if nobody pauses.
const LONGEST: f64 = 25.0;
const MOST_WORDS: usize = 120;
/// How far from a word border a turn border may lie, seconds, and how long a gap must be to pass the turn unmarked.
const NEAR: f64 = 0.7;
const GAP: f64 = 0.1;

/// Half-open word ranges of the sentences: in order, without gaps, none empty.
pub fn split(words: &[Word], turns: &[Turn]) -> Vec<(usize, usize)> {
    let passes = passes(words, turns);
    let mut out = Vec::new();
    let mut from = 0;
    for (i, word) in words.iter().enumerate() {
        let next = words.get(i + 1);
        let pause = next.map_or(f64::INFINITY, |n| n.start - word.end);
        if pause > PAUSE || ends::ends(word, next) || passes.binary_search(&(i + 1)).is_ok() {
            shorten(words, from, i + 1, &mut out);
            from = i + 1;
        }
    }
    out
}

/// Words before which the turn passes to somebody else, ascending.
fn passes(words: &[Word], turns: &[Turn]) -> Vec<usize> {
    let mut out = Vec::new();
    for pair in turns.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        if before.speaker == after.speaker {
            continue;
        }
        let (low, high) = (before.end.min(after.start) - NEAR, before.end.max(after.start) + NEAR);
        let border = (before.end + after.start) / 2.0;
        let first = words.partition_point(|w| w.start < low).max(1);
        let last = words.partition_point(|w| w.start <= high);
        // Of the word borders in reach: long gaps and marks speak for one, distance against it.
        let best = (first..last)
            .filter_map(|i| {
                let (left, right) = (words.get(i - 1)?, words.get(i)?);
                let gap = right.start - left.end;
                let marked = ends::is_complete(left);
                let distance = (border - right.start).max(left.end - border).max(0.0);
                let worth = gap.min(1.0) + if marked { 0.4 } else { 0.0 } - distance;
                (gap >= GAP || marked).then_some((i, worth))
            })
            .fold(None, |best: Option<(usize, f64)>, c| match best {
                Some(b) if b.1 >= c.1 => Some(b),
                _ => Some(c),
            });
        out.extend(best.map(|(i, _)| i));
    }
    out.sort_unstable();
    out.dedup();
    out
}

/// Appends `from..to`, cut at its best places until no part is too long.
fn shorten(words: &[Word], from: usize, to: usize, out: &mut Vec<(usize, usize)>) {
    // The rest, rightmost part first; cutting keeps the order.
    let mut rest = vec![(from, to)];
    while let Some((from, to)) = rest.pop() {
        match place(words, from, to) {
            Some(at) => rest.extend([(at, to), (from, at)]),
            None => out.push((from, to)),
        }
    }
}

/// Where `from..to` is best cut; `None` when it is short enough.
fn place(words: &[Word], from: usize, to: usize) -> Option<usize> {
    let (first, last) = (words.get(from)?, words.get(to.checked_sub(1)?)?);
    let length = last.end - first.start;
    if to - from < 2 || (length <= LONGEST && to - from <= MOST_WORDS) {
        return None;
    }
    let worth = |i: usize| {
        let (left, right) = (&words[i - 1], &words[i]);
        let mark = if ends::is_complete(left) {
            0.8
        } else if ends::has_comma(left) {
            0.4
        } else {
            0.0
        };
        // Parts of equal length are better than a crumb and a rest.
        let share =
            if length > 0.0 { (left.end - first.start) / length } else { (i - from) as f64 / (to - from) as f64 };
        let crumb = if (0.2..=0.8).contains(&share) { 0.0 } else { 1.5 };
        (right.start - left.end).min(PAUSE) + mark - crumb - (share - 0.5).abs() * 0.3
    };
    (from + 1..to).max_by(|a, b| worth(*a).total_cmp(&worth(*b)).then(b.cmp(a)))
}

/// Whose sentence it is: the speaker with the largest part of `start..end` among `turns`, else the nearest turn's.
/// `first` is the first turn that may matter and moves on, so that all sentences together cost one pass.
pub fn speaker(turns: &[Turn], first: &mut usize, start: f64, end: f64) -> u32 {
    while turns.get(*first).is_some_and(|t| t.end <= start) && *first + 1 < turns.len() {
        *first += 1;
    }
    let mut shares: Vec<(u32, f64)> = Vec::new();
    for turn in turns[(*first).min(turns.len())..].iter().take_while(|t| t.start < end) {
        let shared = (turn.end.min(end) - turn.start.max(start)).max(0.0);
        match shares.iter_mut().find(|s| s.0 == turn.speaker) {
            Some(share) => share.1 += shared,
            None => shares.push((turn.speaker, shared)),
        }
    }
    let most = shares.iter().fold(None, |best: Option<&(u32, f64)>, s| match best {
        Some(b) if b.1 >= s.1 => Some(b),
        _ => Some(s),
    });
    if let Some((speaker, share)) = most
        && *share > 0.0
    {
        return *speaker;
    }
    let near = [first.checked_sub(1).and_then(|i| turns.get(i)), turns.get(*first)];
    let distance = |t: &Turn| (t.start - end).max(start - t.end);
    near.into_iter().flatten().min_by(|a, b| distance(a).total_cmp(&distance(b))).map_or(0, |t| t.speaker)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(list: &[(&str, f64, f64)]) -> Vec<Word> {
        list.iter().map(|(t, s, e)| Word { text: (*t).into(), start: *s, end: *e, confidence: 1.0 }).collect()
    }

    fn turn(start: f64, end: f64, speaker: u32) -> Turn {
        Turn { start, end, speaker }
    }

    #[test]
    fn a_long_pause_ends_a_sentence_without_a_mark_and_a_short_one_does_not() {
        let w = words(&[("so", 0.0, 0.3), ("then", 1.0, 1.3), ("we", 3.0, 3.2), ("left", 3.3, 3.6)]);
        assert_eq!(split(&w, &[]), [(0, 2), (2, 4)]);
    }

    #[test]
    fn the_turn_passes_at_the_gap_nearest_to_its_border() {
        let w = words(&[("hear", 0.0, 0.3), ("me", 0.35, 0.6), ("yes", 1.0, 1.3), ("do", 1.35, 1.5)]);
        assert_eq!(split(&w, &[turn(0.0, 0.7, 0), turn(0.9, 2.0, 1)]), [(0, 2), (2, 4)]);
        // The same border between words that run on: the words know better.
        let tight = words(&[("hear", 0.0, 0.3), ("me", 0.3, 0.6), ("yes", 0.62, 0.9), ("do", 0.9, 1.1)]);
        assert_eq!(split(&tight, &[turn(0.0, 0.6, 0), turn(0.6, 2.0, 1)]), [(0, 4)]);
        // One speaker who was silent for a while is no new turn.
        assert_eq!(split(&w, &[turn(0.0, 0.7, 0), turn(0.9, 2.0, 0)]), [(0, 4)]);
    }

    #[test]
    fn what_never_ends_is_cut_at_its_best_pause() {
        let mut list: Vec<(String, f64, f64)> =
            (0..100).map(|i| ("word".to_owned(), f64::from(i) * 0.4, f64::from(i) * 0.4 + 0.35)).collect();
        for item in &mut list[48..] {
            item.1 += 0.5;
            item.2 += 0.5;
        }
        let list: Vec<Word> =
            list.into_iter().map(|(text, start, end)| Word { text, start, end, confidence: 1.0 }).collect();
        assert_eq!(split(&list, &[]), [(0, 48), (48, 100)]);
    }

    #[test]
    fn the_speaker_is_who_has_most_of_it() {
        let turns = [turn(0.0, 2.0, 0), turn(2.0, 6.0, 1), turn(8.0, 9.0, 0)];
        let mut first = 0;
        let spans = [(0.0, 1.9), (1.0, 4.0), (6.4, 6.9), (7.5, 7.9), (8.0, 12.0), (20.0, 21.0)];
        let found: Vec<u32> = spans.iter().map(|(s, e)| speaker(&turns, &mut first, *s, *e)).collect();
        assert_eq!(found, [0, 1, 1, 0, 0, 0]);
        assert_eq!(speaker(&[], &mut 0, 0.0, 1.0), 0);
    }

    proptest! {
        #[test]
        fn sentences_partition_the_words(
            steps in proptest::collection::vec((0.0..2.0_f64, 0.0..1.0_f64, 0..8_usize), 0..200),
            borders in proptest::collection::vec((0.1..20.0_f64, 0..3_u32), 0..10),
        ) {
            let texts = ["so", "and", "end.", "Mr.", "what?", "well,", "A.", "…"];
            let mut at = 0.0;
            let words: Vec<Word> = steps.iter().map(|(gap, length, text)| {
                let start = at + gap * gap / 2.0;
                at = start + length;
                Word { text: texts[*text].into(), start, end: at, confidence: 1.0 }
            }).collect();
            let mut at = 0.0;
            let turns: Vec<Turn> = borders.iter().map(|(length, speaker)| {
                at += length;
                turn(at - length, at, *speaker)
            }).collect();
            let sentences = split(&words, &turns);
            let mut next = 0;
            for (from, to) in &sentences {
                prop_assert_eq!(*from, next);
                prop_assert!(to > from);
                let length = words[to - 1].end - words[*from].start;
                prop_assert!(length <= LONGEST || to - from == 1);
                next = *to;
            }
            prop_assert_eq!(next, words.len());
        }
    }
}
