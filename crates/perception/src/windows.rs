//! Packing stretches of speech into windows for a recogniser.
//!
//! A recogniser that always listens to 30 s takes the same time for a word as for a minute's worth of words, so windows
//! are filled; and it loses words at cuts, so windows end in pauses, the longest ones where there is a choice. Long
//! pauses are left out of a window; it remembers where each stretch came from.

use omniva_contracts::Span;

use crate::vad::{SAMPLE_RATE, Stretch};

/// A pause longer than this is as good a place for a cut as any.
const GOOD_PAUSE: f64 = 1.0;
/// How much filling a window counts against the length of the pause.
const FILL: f64 = 1.5;

/// One stretch of speech inside a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Voiced {
    /// Seconds in the window.
    pub inside: Span,
    /// Seconds on the source where `inside` starts.
    pub source: f64,
}

impl Voiced {
    /// Source time of the window time `t`.
    pub fn to_source(&self, t: f64) -> f64 {
        self.source + t.clamp(self.inside.start, self.inside.end) - self.inside.start
    }
}

/// Sound for a recogniser.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// 16 kHz mono.
    pub samples: Vec<f32>,
    /// The stretches of speech in it, in order, apart; never empty.
    pub voiced: Vec<Voiced>,
}

impl Window {
    pub fn of(stretches: &[Stretch]) -> Window {
        let mut window = Window::default();
        for stretch in stretches {
            let at = (window.samples.len() as f64 - stretch.first_sample as f64) / SAMPLE_RATE as f64;
            let inside = Span::new(stretch.span.start + at, stretch.span.end + at);
            window.voiced.push(Voiced { inside, source: stretch.span.start });
            window.samples.extend_from_slice(&stretch.samples);
        }
        window
    }

    /// Seconds.
    pub fn length(&self) -> f64 {
        self.samples.len() as f64 / SAMPLE_RATE as f64
    }

    /// The stretch that shares most with `span` (window time), or else the nearest.
    pub fn voiced_at(&self, span: &Span) -> Option<&Voiced> {
        let distance = |v: &Voiced| (v.inside.start - span.end).max(span.start - v.inside.end);
        self.voiced.iter().min_by(|a, b| {
            let (x, y) = (a.inside.overlap(span), b.inside.overlap(span));
            y.total_cmp(&x).then(distance(a).total_cmp(&distance(b)))
        })
    }

    /// The part of the window that holds the stretches which `wanted` picks, or `None` when it picks none.
    pub fn only(&self, wanted: impl Fn(&Voiced) -> bool) -> Option<Window> {
        let mut part = Window::default();
        for (i, voiced) in self.voiced.iter().enumerate().filter(|(_, v)| wanted(v)) {
            // Half of the air between two stretches belongs to each.
            let before = i.checked_sub(1).and_then(|p| self.voiced.get(p)).map_or(0.0, |p| p.inside.end);
            let after = self.voiced.get(i + 1).map_or(self.length(), |n| n.inside.start);
            let from = if i == 0 { 0.0 } else { (before + voiced.inside.start) / 2.0 };
            let to = if i + 1 == self.voiced.len() { after } else { (voiced.inside.end + after) / 2.0 };
            let sample = |t: f64| ((t * SAMPLE_RATE as f64).round() as usize).min(self.samples.len());
            let first = sample(from);
            let Some(sound) = self.samples.get(first..sample(to)) else { continue };
            let moved = (part.samples.len() as f64 - first as f64) / SAMPLE_RATE as f64;
            let inside = Span::new(voiced.inside.start + moved, voiced.inside.end + moved);
            part.voiced.push(Voiced { inside, source: voiced.source });
            part.samples.extend_from_slice(sound);
        }
        (!part.voiced.is_empty()).then_some(part)
    }
}

/// Collects stretches until a window is full.
pub struct Packer {
    limit: usize,
    pending: Vec<Stretch>,
}

impl Packer {
    /// Windows of at most `seconds` (a single longer stretch makes a window of its own).
    pub fn new(seconds: f64) -> Self {
        Self { limit: (seconds * SAMPLE_RATE as f64) as usize, pending: Vec::new() }
    }

    /// Takes the next stretch; gives the windows that are full now.
    pub fn push(&mut self, stretch: Stretch) -> Vec<Window> {
        self.pending.push(stretch);
        let mut full = Vec::new();
        while self.pending.len() > 1 && total(&self.pending) > self.limit {
            let cut = self.best_cut();
            let rest = self.pending.split_off(cut);
            full.push(Window::of(&self.pending));
            self.pending = rest;
        }
        full
    }

    /// What is left.
    pub fn finish(self) -> Option<Window> {
        (!self.pending.is_empty()).then(|| Window::of(&self.pending))
    }

    /// How many of the pending stretches make the next window: 1 to all but the last.
    fn best_cut(&self) -> usize {
        let (mut best, mut best_score, mut length) = (1, f64::NEG_INFINITY, 0);
        for (i, pair) in self.pending.windows(2).enumerate() {
            length += pair[0].samples.len();
            if length > self.limit {
                break;
            }
            let pause = (pair[1].span.start - pair[0].span.end).clamp(0.0, GOOD_PAUSE);
            let score = pause + FILL * length as f64 / self.limit as f64;
            if score >= best_score {
                (best, best_score) = (i + 1, score);
            }
        }
        best
    }
}

fn total(stretches: &[Stretch]) -> usize {
    stretches.iter().map(|s| s.samples.len()).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stretch(start: f64, end: f64, before: f64) -> Stretch {
        let first_sample = ((start - before) * SAMPLE_RATE as f64).round() as usize;
        let length = ((end - start + before) * SAMPLE_RATE as f64).round() as usize;
        Stretch { span: Span::new(start, end), first_sample, samples: vec![0.5; length] }
    }

    #[test]
    fn a_window_ends_in_the_longest_of_the_late_pauses() {
        let mut packer = Packer::new(30.0);
        for (start, end) in [(0.0, 12.0), (12.3, 22.0), (23.0, 27.0)] {
            assert!(packer.push(stretch(start, end, 0.0)).is_empty());
        }
        let full = packer.push(stretch(27.3, 35.0, 0.0));
        let ends: Vec<f64> = full.iter().filter_map(|w| w.voiced.last()).map(|v| v.to_source(f64::MAX)).collect();
        assert_eq!(ends, [22.0]);
        assert_eq!(packer.finish().map(|w| w.voiced.len()), Some(2));
    }

    #[test]
    fn times_inside_a_window_lead_back_to_the_source() {
        let window = Window::of(&[stretch(10.0, 12.0, 0.3), stretch(50.0, 51.0, 0.2)]);
        let second = window.voiced_at(&Span::new(2.4, 2.9)).expect("there is speech");
        assert!((second.inside.start - 2.5).abs() < 1e-9 && (second.to_source(2.6) - 50.1).abs() < 1e-9);
        let part = window.only(|v| v.source > 40.0).expect("one stretch is wanted");
        assert_eq!(part.voiced.len(), 1);
        assert_eq!(part.voiced[0].source, 50.0);
        // Half of the 0.2 s of air before it.
        assert!((part.voiced[0].inside.start - 0.1).abs() < 1e-3 && (part.length() - 1.1).abs() < 1e-3);
    }

    proptest! {
        #[test]
        fn packing_keeps_every_stretch_once_and_in_order(
            parts in proptest::collection::vec((0.2f64..3.0, 0.2f64..28.0), 1..40),
        ) {
            let (mut packer, mut windows, mut clock, mut wanted) = (Packer::new(30.0), Vec::new(), 0.0, Vec::new());
            for (pause, length) in parts {
                clock += pause;
                wanted.push(clock);
                windows.extend(packer.push(stretch(clock, clock + length, 0.1)));
                clock += length;
            }
            windows.extend(packer.finish());
            let got: Vec<f64> = windows.iter().flat_map(|w| w.voiced.iter().map(|v| v.source)).collect();
            prop_assert_eq!(got, wanted);
            for window in &windows {
                prop_assert!(window.length() <= 30.0 + 1e-6);
                prop_assert!(window.voiced.iter().all(|v| v.inside.start >= 0.0 && v.inside.end <= window.length() + 1e-3));
                prop_assert!(window.voiced.windows(2).all(|p| p[0].inside.end <= p[1].inside.start + 1e-9));
            }
        }
    }
}
