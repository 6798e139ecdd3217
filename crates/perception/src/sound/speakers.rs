//! Puts pieces of voice together into speakers.
//!
//! 1. Leaders: each reliable piece joins the nearest centroid or founds one; at most [`MOST`] are kept.
//! 2. Centroids are merged, nearest first (average link), until the nearest two differ.
//! 3. Speakers with too little voice are dropped; every piece then takes the speaker on the cheapest path through time
//!    (Viterbi: likeness against the cost of a change, which is lower at a pause).
//!
//! Linear in the number of pieces; the merging works on a bounded number of centroids.

use super::pieces::Piece;
use super::voice::cosine;

/// Centroids kept while leading, fewer than a byte counts. More voices than this are not told apart.
const MOST: usize = 48;
/// A piece needs this much voice to found a speaker (windows; 3 are 1.6 s).
const RELIABLE: f32 = 3.0;
/// A piece joins a centroid from this cosine on.
const JOIN: f32 = 0.60;
/// Two centroids are one voice from this cosine on (pieces of 3.5–8 s: one voice 0.86 ± 0.07, two 0.37 ± 0.12).
const SAME: f32 = 0.68;
/// A speaker needs this much voice in all (windows; 5 are 2.4 s).
const LEAST: f32 = 5.0;
/// More windows than this make a piece no more convincing.
const CONVINCED: f32 = 10.0;

/// A speaker for each piece, numbered in order of appearance.
pub fn assign(pieces: &[Piece]) -> Vec<u32> {
    let mut centroids = merge(lead(pieces));
    let loudest = centroids.iter().map(|c| c.weight).fold(0.0, f32::max);
    centroids.retain(|c| c.weight >= LEAST.min(loudest));
    if centroids.is_empty() {
        return vec![0; pieces.len()];
    }
    let mut labels = Vec::new();
    for _ in 0..3 {
        labels = path(pieces, &centroids);
        centroids = recount(pieces, &labels, &centroids);
    }
    number(labels)
}

#[derive(Clone, Debug)]
struct Centroid {
    sum: Vec<f32>,
    weight: f32,
}

impl Centroid {
    fn add(&mut self, sum: &[f32], weight: f32) {
        self.sum.iter_mut().zip(sum).for_each(|(a, b)| *a += b);
        self.weight += weight;
    }
}

fn lead(pieces: &[Piece]) -> Vec<Centroid> {
    let mut centroids: Vec<Centroid> = Vec::new();
    for piece in pieces.iter().filter(|p| p.weight >= RELIABLE) {
        let likeness: Vec<f32> = centroids.iter().map(|c| cosine(&c.sum, &piece.sum)).collect();
        let nearest =
            likeness.iter().copied().enumerate().filter(|(_, l)| *l >= JOIN).max_by(|a, b| a.1.total_cmp(&b.1));
        match nearest.and_then(|(i, _)| centroids.get_mut(i)) {
            Some(centroid) => centroid.add(&piece.sum, piece.weight),
            None => {
                centroids.push(Centroid { sum: piece.sum.clone(), weight: piece.weight });
                if centroids.len() > MOST {
                    merge_nearest(&mut centroids, f32::NEG_INFINITY);
                }
            }
        }
    }
    if centroids.is_empty() {
        // Only short pieces: together they are one voice, as far as anyone can tell.
        let mut all: Option<Centroid> = None;
        for piece in pieces.iter().filter(|p| p.weight > 0.0) {
            match &mut all {
                Some(c) => c.add(&piece.sum, piece.weight),
                None => all = Some(Centroid { sum: piece.sum.clone(), weight: piece.weight }),
            }
        }
        centroids.extend(all);
    }
    centroids
}

fn merge(mut centroids: Vec<Centroid>) -> Vec<Centroid> {
    while merge_nearest(&mut centroids, SAME) {}
    centroids
}

/// Merges the two nearest centroids if their cosine reaches `from`.
fn merge_nearest(centroids: &mut Vec<Centroid>, from: f32) -> bool {
    let mut best: Option<(f32, usize, usize)> = None;
    for j in 1..centroids.len() {
        for i in 0..j {
            let likeness = cosine(&centroids[i].sum, &centroids[j].sum);
            if likeness >= from && best.is_none_or(|(b, _, _)| likeness > b) {
                best = Some((likeness, i, j));
            }
        }
    }
    let Some((_, i, j)) = best else { return false };
    let gone = centroids.remove(j);
    centroids[i].add(&gone.sum, gone.weight);
    true
}

/// What a change of speaker between two pieces costs, in windows times cosine.
fn change_cost(before: &Piece, after: &Piece) -> f32 {
    match after.start - before.end {
        gap if gap >= 1.0 => 0.2,
        gap if gap >= 0.15 => 0.35,
        _ => 0.8,
    }
}

/// How much a piece's likeness counts. Less than a window of voice is guesswork, and stays with its neighbours.
fn conviction(piece: &Piece) -> f32 {
    piece.weight.min(CONVINCED) * piece.weight.min(1.0)
}

/// The speakers along the cheapest path.
fn path(pieces: &[Piece], centroids: &[Centroid]) -> Vec<usize> {
    let mut score = vec![0.0_f32; centroids.len()];
    let mut from: Vec<Vec<u8>> = Vec::with_capacity(pieces.len());
    let mut before: Option<&Piece> = None;
    for piece in pieces {
        let cost = before.map_or(0.0, |b| change_cost(b, piece));
        let best = highest(&score);
        let top = score[best];
        let mut came = Vec::with_capacity(score.len());
        for (k, (own, centroid)) in score.iter_mut().zip(centroids).enumerate() {
            let stay = *own >= top - cost;
            came.push(if stay { k } else { best } as u8);
            let fit = if piece.weight > 0.0 { cosine(&piece.sum, &centroid.sum) } else { 0.0 };
            *own = if stay { *own } else { top - cost } + conviction(piece) * fit;
        }
        // Only differences matter; without this, ten hours would use up the precision.
        let top = score.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        score.iter_mut().for_each(|s| *s -= top);
        from.push(came);
        before = Some(piece);
    }
    let mut at = highest(&score);
    let mut labels = vec![0; pieces.len()];
    for (label, came) in labels.iter_mut().zip(&from).rev() {
        *label = at;
        at = usize::from(came[at]);
    }
    labels
}

/// Index of the highest value, the first of equal ones.
fn highest(values: &[f32]) -> usize {
    values.iter().enumerate().fold(0, |best, (i, v)| if *v > values[best] { i } else { best })
}

fn recount(pieces: &[Piece], labels: &[usize], old: &[Centroid]) -> Vec<Centroid> {
    let mut new: Vec<Centroid> = old.iter().map(|c| Centroid { sum: vec![0.0; c.sum.len()], weight: 0.0 }).collect();
    for (piece, label) in pieces.iter().zip(labels) {
        new[*label].add(&piece.sum, piece.weight);
    }
    // One that lost all its pieces keeps its voice: it may win some back.
    new.into_iter().zip(old).map(|(n, o)| if n.weight > 0.0 { n } else { o.clone() }).collect()
}

fn number(labels: Vec<usize>) -> Vec<u32> {
    let mut seen: Vec<usize> = Vec::new();
    labels
        .into_iter()
        .map(|label| match seen.iter().position(|s| *s == label) {
            Some(i) => i as u32,
            None => {
                seen.push(label);
                seen.len() as u32 - 1
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A piece of `windows` windows of a voice that is about 0.6 like itself from window to window.
    fn piece(start: f64, windows: f32, voice: usize, seed: usize) -> Piece {
        let mut sum = vec![0.0; 256];
        sum[voice * 3] = windows;
        sum[200 + seed * 13 % 56] = 0.8 * windows.sqrt();
        Piece { start, end: start + f64::from(windows) * 0.4 + 0.4, sum, weight: windows }
    }

    #[test]
    fn voices_are_numbered_as_they_appear() {
        let order = [4, 4, 1, 1, 4, 2, 1];
        let pieces: Vec<Piece> = order.iter().enumerate().map(|(i, v)| piece(i as f64 * 6.0, 8.0, *v, i)).collect();
        assert_eq!(assign(&pieces), [0, 0, 1, 1, 0, 2, 1]);
    }

    #[test]
    fn a_syllable_stays_with_its_neighbours() {
        let mut pieces: Vec<Piece> = (0..4).map(|i| piece(f64::from(i) * 6.0, 8.0, 0, i as usize)).collect();
        pieces.extend((4..8).map(|i| piece(f64::from(i) * 6.0, 8.0, 1, i as usize)));
        pieces[1] = piece(7.0, 0.4, 1, 9);
        assert_eq!(assign(&pieces), [0, 0, 0, 0, 1, 1, 1, 1]);
        // A second of it, between pauses, is a reply.
        pieces[1] = piece(7.0, 2.0, 1, 9);
        assert_eq!(assign(&pieces)[..4], [0, 1, 0, 0]);
    }

    #[test]
    fn only_short_pieces_are_one_voice_and_none_are_none() {
        let pieces: Vec<Piece> = (0..5).map(|i| piece(i as f64, 1.0, i % 2, i)).collect();
        assert_eq!(assign(&pieces), [0; 5]);
        assert!(assign(&[]).is_empty());
        assert_eq!(assign(&[Piece { start: 0.0, end: 0.2, sum: vec![0.0; 256], weight: 0.0 }]), [0]);
    }

    proptest! {
        #[test]
        fn every_piece_gets_a_number_and_numbers_have_no_gaps(
            list in proptest::collection::vec((0..60_usize, 0.0..12.0_f32, 0.0..3.0_f64), 0..300),
        ) {
            let mut at = 0.0;
            let pieces: Vec<Piece> = list.iter().enumerate().map(|(i, (voice, windows, gap))| {
                let piece = piece(at + gap, *windows, *voice, i);
                at = piece.end;
                piece
            }).collect();
            let labels = assign(&pieces);
            prop_assert_eq!(labels.len(), pieces.len());
            let mut next = 0;
            for label in labels {
                prop_assert!(label <= next);
                next = next.max(label + 1);
            }
            prop_assert!(next as usize <= MOST);
        }
    }
}
