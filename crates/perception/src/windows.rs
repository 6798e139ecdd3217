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
    /// First sample of the window that belongs to this stretch, air included.
    pub first_sample: usize,
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
            let first_sample = window.samples.len();
            let at = (first_sample as f64 - stretch.first_sample as f64) / SAMPLE_RATE as f64;
            let inside = Span::new(stretch.span.start + at, stretch.span.end + at);
            window.voiced.push(Voiced { inside, source: stretch.span.start, first_sample });
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

    /// The stretches from `t` (window time) on; one that holds `t` is divided there.
    pub fn after(&self, t: f64) -> Vec<Stretch> {
        let cut = sample(t);
        let ends = self.voiced.iter().skip(1).map(|v| v.first_sample).chain([self.samples.len()]);
        let mut stretches = Vec::new();
        for (voiced, end) in self.voiced.iter().zip(ends) {
            let first = voiced.first_sample.max(cut);
            let Some(samples) = self.samples.get(first..end) else { continue };
            let start = voiced.to_source(t.max(voiced.inside.start));
            let span = Span::new(start, voiced.to_source(voiced.inside.end));
            if span.length() > 0.0 {
                let on_source = sample(voiced.source) as i64 - sample(voiced.inside.start) as i64 + first as i64;
                let first_sample = usize::try_from(on_source).unwrap_or(0);
                stretches.push(Stretch { span, first_sample, samples: samples.to_vec() });
            }
        }
        stretches
    }
}

fn sample(seconds: f64) -> usize {
    (seconds * SAMPLE_RATE as f64).round() as usize
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

    /// Takes the next stretch.
    pub fn push(&mut self, stretch: Stretch) {
        self.pending.push(stretch);
    }

    /// The next window, once it is full.
    pub fn full(&mut self) -> Option<Window> {
        if self.pending.len() < 2 || total(&self.pending) <= self.limit {
            return None;
        }
        let cut = self.best_cut();
        let rest = self.pending.split_off(cut);
        Some(Window::of(&std::mem::replace(&mut self.pending, rest)))
    }

    /// Takes back stretches that a window held but that were not read; they come first in the next window.
    pub fn carry(&mut self, unread: Vec<Stretch>) {
        self.pending.splice(0..0, unread);
    }

    /// What is left.
    pub fn finish(&mut self) -> Option<Window> {
        let rest = std::mem::take(&mut self.pending);
        (!rest.is_empty()).then(|| Window::of(&rest))
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
            packer.push(stretch(start, end, 0.0));
            assert_eq!(packer.full(), None);
        }
        packer.push(stretch(27.3, 35.0, 0.0));
        let full = packer.full();
        let ends: Vec<f64> = full.iter().filter_map(|w| w.voiced.last()).map(|v| v.to_source(f64::MAX)).collect();
        assert_eq!(ends, [22.0]);
        assert_eq!(packer.finish().map(|w| w.voiced.len()), Some(2));
    }

    #[test]
    fn times_inside_a_window_lead_back_to_the_source() {
        let window = Window::of(&[stretch(10.0, 12.0, 0.3), stretch(50.0, 51.0, 0.2)]);
        let second = window.voiced_at(&Span::new(2.4, 2.9)).expect("there is speech");
        assert!((second.inside.start - 2.5).abs() < 1e-9 && (second.to_source(2.6) - 50.1).abs() < 1e-9);
    }

    #[test]
    fn what_was_not_read_goes_into_the_next_window() {
        let window = Window::of(&[stretch(10.0, 12.0, 0.3), stretch(50.0, 54.0, 0.2), stretch(60.0, 61.0, 0.2)]);
        assert_eq!(window.after(0.0), [stretch(10.0, 12.0, 0.3), stretch(50.0, 54.0, 0.2), stretch(60.0, 61.0, 0.2)]);
        // 3.5 s is one second into the second stretch.
        let unread = window.after(3.5);
        assert_eq!(unread, [stretch(51.0, 54.0, 0.0), stretch(60.0, 61.0, 0.2)]);
        assert!(window.after(100.0).is_empty());
        let mut packer = Packer::new(30.0);
        packer.push(stretch(70.0, 71.0, 0.1));
        packer.carry(unread);
        let next: Vec<f64> = packer.finish().iter().flat_map(|w| w.voiced.iter().map(|v| v.source)).collect();
        assert_eq!(next, [51.0, 60.0, 70.0]);
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
                packer.push(stretch(clock, clock + length, 0.1));
                while let Some(window) = packer.full() {
                    windows.push(window);
                }
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
