//! What a place is worth to the whole calendar.

use super::{Board, Piece, Place, SHARE, Week};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// The parts of a place's worth, in points. They are marginal: what the calendar gains by having the piece there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::calendar) struct Points {
    pub placed: i64,
    /// Posting window less delay.
    pub appeal: i64,
    pub mix: i64,
    pub saturation: i64,
    pub stability: i64,
}

impl Points {
    pub fn sum(self) -> i64 {
        self.placed + self.appeal + self.mix + self.saturation + self.stability
    }
}

impl Board<'_> {
    /// What the calendar gains by a piece, which is off the board, at a place. Fixed pieces count for mix and saturation
    /// only through the others.
    pub(in crate::calendar) fn points(&self, n: usize, place: Place) -> Points {
        let piece = &self.pieces[n];
        if !piece.standing.may_move() {
            return Points {
                mix: self.mix(piece, place.slot.week),
                saturation: self.saturation(n, place),
                ..Points::default()
            };
        }
        Points {
            placed: self.request.weights.placed,
            appeal: piece.worth * place.slot.appeal / 1000,
            mix: self.mix(piece, place.slot.week),
            saturation: self.saturation(n, place),
            stability: self.stability(piece, place),
        }
    }

    /// The parts that hang on the exact time: saturation and stability.
    pub(in crate::calendar) fn neighbours(&self, n: usize, place: Place) -> i64 {
        self.saturation(n, place) + self.stability(&self.pieces[n], place)
    }

    /// What one more of this piece's labels does to the mix of its project's week.
    pub(in crate::calendar) fn mix(&self, piece: &Piece<'_>, week: usize) -> i64 {
        let shares = &self.projects[piece.project].mix;
        if shares.is_empty() {
            return 0;
        }
        let none = Week::default();
        let now = self.weeks.get(&(piece.project, week)).unwrap_or(&none);
        let (mut before, mut after) = (0, 0);
        for (n, (_, share)) in shares.iter().enumerate() {
            let count = now.labels.get(n).copied().unwrap_or(0);
            let more = i64::from(piece.labels.contains(&n));
            before += (count * SHARE - share * now.total).abs();
            after += ((count + more) * SHARE - share * (now.total + 1)).abs();
        }
        let weight = self.request.weights.mix;
        weight * before / SHARE - weight * after / SHARE
    }

    /// What is lost to neighbours of the same topic on the channel; each pays to the one before it.
    fn saturation(&self, n: usize, place: Place) -> i64 {
        let at = place.slot.at.0;
        let Some(set) = self.pieces[n].topic.and_then(|t| self.rows[place.lane].topics.get(&t)) else { return 0 };
        let before = set.range(..(at, n)).next_back().map(|e| e.0);
        let after = set.range((at, n)..).find(|e| **e != (at, n)).map(|e| e.0);
        let lost = |from: Option<i64>, to: Option<i64>| match (from, to) {
            (Some(from), Some(to)) => self.sameness(to - from),
            _ => 0,
        };
        lost(before, after) - lost(before, Some(at)) - lost(Some(at), after)
    }

    fn sameness(&self, gap: i64) -> i64 {
        let weights = &self.request.weights;
        let span = i64::from(weights.saturation_hours) * 3600;
        let gap = gap / 1_000_000;
        if gap >= span { 0 } else { weights.saturation * (span - gap) / span }
    }

    fn stability(&self, piece: &Piece<'_>, place: Place) -> i64 {
        let Some(before) = piece.before else { return 0 };
        if (before.lane, before.slot.at) == (place.lane, place.slot.at) {
            return 0;
        }
        let weights = &self.request.weights;
        let far = if before.lane == place.lane { (before.slot.at.0 - place.slot.at.0).abs().min(DAY) } else { DAY };
        -weights.moved - weights.moved_far * (far / 1_000_000) / (DAY / 1_000_000)
    }

    /// The score counted anew from what stands: equal to [`Board::total`] at any time.
    #[cfg(test)]
    pub(in crate::calendar) fn recount(&self) -> i64 {
        let mut sum = 0;
        for piece in self.pieces.iter().filter(|p| p.standing.may_move()) {
            let Some(place) = piece.place else { continue };
            sum += self.request.weights.placed + piece.worth * place.slot.appeal / 1000 + self.stability(piece, place);
        }
        for row in &self.rows {
            for set in row.topics.values() {
                let times: Vec<i64> = set.iter().map(|e| e.0).collect();
                sum -= times.windows(2).map(|w| self.sameness(w[1] - w[0])).sum::<i64>();
            }
        }
        for ((project, _), week) in &self.weeks {
            let shares = &self.projects[*project].mix;
            let off: i64 = shares.iter().zip(&week.labels).map(|((_, s), n)| (n * SHARE - s * week.total).abs()).sum();
            sum -= self.request.weights.mix * off / SHARE;
        }
        sum
    }
}
