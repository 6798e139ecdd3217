//! The drawing of the source's tracks. Everything is placed in percent of the width, so the picture can be zoomed and
//! narrowed without its text being stretched, and no inline style is needed.

use omniva_contracts::analysis::{AudioPeak, PeakKind, Topic};

use crate::escape::{E, Short};
use crate::format::{clock, finite, mark};
use crate::lanes::{Run, thin};

/// Most shapes of one track; longer lists are thinned to this many columns.
const SHAPES: usize = 1500;
/// Columns of the waveform.
const WAVE: usize = 1000;

/// The drawing in progress: the plot, and the labels beside it.
pub struct Plot {
    pub svg: String,
    pub gutter: String,
    /// Height so far, pixels.
    pub y: u32,
    duration: f64,
}

impl Plot {
    pub fn new(duration: f64) -> Self {
        Self { svg: String::new(), gutter: String::new(), y: 0, duration }
    }

    /// Percent of the width.
    pub fn x(&self, t: f64) -> f64 {
        (finite(t) / self.duration * 100.0).clamp(0.0, 100.0)
    }

    /// Percent of the width, at least a hair so that short things can be seen.
    pub fn w(&self, start: f64, end: f64) -> f64 {
        (self.x(end) - self.x(start)).max(0.08)
    }

    /// Begins a track and returns its top.
    pub fn track(&mut self, label: &str, height: u32) -> u32 {
        let top = self.y;
        put!(self.gutter, "<text x=\"0\" y=\"{}\">{}</text>", top + height.min(28) / 2 + 4, E(label));
        self.y += height;
        top
    }

    pub fn gap(&mut self, height: u32) {
        self.y += height;
    }

    pub fn axis(&mut self) {
        let top = self.track("", 22);
        let step = step(self.duration);
        let count = (self.duration / step).floor().min(60.0) as u32;
        for i in 0..=count {
            let t = f64::from(i) * step;
            let x = self.x(t);
            let anchor = match x {
                x if x < 2.0 => "start",
                x if x > 97.0 => "end",
                _ => "middle",
            };
            put!(self.svg, "<line class=\"grid\" x1=\"{x:.3}%\" x2=\"{x:.3}%\" y1=\"18\" y2=\"100%\"/>");
            put!(
                self.svg,
                "<text class=\"tick\" x=\"{x:.3}%\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
                top + 12,
                mark(t)
            );
        }
    }

    /// Peak levels 0..1, mirrored about the middle.
    pub fn waveform(&mut self, step: f64, values: &[f32]) {
        let top = self.track("Sound", 64);
        let n = values.len();
        if n == 0 || !step.is_finite() || step <= 0.0 {
            return self.nothing(top, 64, "no sound");
        }
        let columns = n.min(WAVE);
        let levels: Vec<f64> = (0..columns)
            .map(|c| {
                let (from, to) = (c * n / columns, (c + 1) * n / columns);
                let most = values.get(from..to).unwrap_or(&[]).iter().copied().fold(0.0_f32, f32::max);
                f64::from(most).clamp(0.015, 1.0)
            })
            .collect();
        let width = 100.0 * (step * n as f64 / self.duration).min(1.0);
        put!(
            self.svg,
            "<svg x=\"0\" y=\"{top}\" width=\"{width:.3}%\" height=\"64\" viewBox=\"0 0 {columns} 200\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><path class=\"wave\" d=\"M0 100"
        );
        for (i, v) in levels.iter().enumerate() {
            put!(self.svg, "L{:.1} {:.0}", i as f64 + 0.5, 100.0 - v * 98.0);
        }
        put!(self.svg, "L{columns} 100");
        for (i, v) in levels.iter().enumerate().rev() {
            put!(self.svg, "L{:.1} {:.0}", i as f64 + 0.5, 100.0 + v * 98.0);
        }
        self.svg.push_str("Z\"/></svg>");
    }

    /// Stretches of one kind in one colour.
    pub fn strip(&mut self, label: &str, height: u32, class: &str, spans: impl Iterator<Item = (f64, f64)>) {
        let top = self.track(label, height);
        let runs = spans.map(|(start, end)| Run { start, end, kind: 0 }).collect();
        let runs = thin(runs, self.duration, SHAPES);
        if runs.is_empty() {
            return self.nothing(top, height, "none found");
        }
        for r in runs {
            let (x, w) = (self.x(r.start), self.w(r.start, r.end));
            put!(
                self.svg,
                "<rect class=\"{class}\" x=\"{x:.3}%\" width=\"{w:.3}%\" y=\"{}\" height=\"{}\"/>",
                top + 5,
                height - 10
            );
        }
    }

    /// Who speaks: a colour for each voice.
    pub fn voices(&mut self, turns: impl Iterator<Item = (f64, f64, u32)>) {
        let top = self.track("Voices", 22);
        let runs = thin(turns.map(|(start, end, kind)| Run { start, end, kind }).collect(), self.duration, SHAPES);
        if runs.is_empty() {
            return self.nothing(top, 22, "none found");
        }
        for r in &runs {
            let (x, w) = (self.x(r.start), self.w(r.start, r.end));
            let voice = u64::from(r.kind) + 1;
            put!(
                self.svg,
                "<svg x=\"{x:.3}%\" width=\"{w:.3}%\" y=\"{top}\" height=\"22\"><rect class=\"voice v{}\" width=\"100%\" y=\"2\" height=\"18\" rx=\"2\"><title>Voice {voice}, {}–{}</title></rect>",
                r.kind % 8,
                clock(r.start),
                clock(r.end)
            );
            if w > 1.6 {
                put!(self.svg, "<text class=\"on-voice\" x=\"5\" y=\"15\">{voice}</text>");
            }
            self.svg.push_str("</svg>");
        }
    }

    pub fn topics(&mut self, topics: &[Topic]) {
        let top = self.track("Topics", 24);
        if topics.is_empty() {
            return self.nothing(top, 24, "none found");
        }
        for (i, t) in topics.iter().take(SHAPES / 5).enumerate() {
            let (x, w) = (self.x(t.start), self.w(t.start, t.end));
            put!(
                self.svg,
                "<svg x=\"{x:.3}%\" width=\"{w:.3}%\" y=\"{top}\" height=\"24\"><rect class=\"topic t{}\" width=\"100%\" y=\"2\" height=\"20\"><title>{}, {}–{}</title></rect><text class=\"topic-name{}\" x=\"6\" y=\"16\" aria-hidden=\"true\">{}</text></svg>",
                i % 2,
                Short(&t.label, 120),
                clock(t.start),
                clock(t.end),
                if w < 3.0 { " narrow" } else { "" },
                Short(&t.label, 60)
            );
        }
    }

    /// Hard cuts of the picture, as one path of ticks.
    pub fn shots(&mut self, shots: &[(f64, f64)]) {
        let top = self.track("Shots", 20);
        if shots.is_empty() {
            return self.nothing(top, 20, "no picture");
        }
        put!(self.svg, "<line class=\"rail\" x1=\"0\" x2=\"100%\" y1=\"{0}\" y2=\"{0}\"/>", top + 10);
        put!(
            self.svg,
            "<svg x=\"0\" y=\"{top}\" width=\"100%\" height=\"20\" viewBox=\"0 0 4000 20\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><path class=\"cut\" d=\""
        );
        let mut last = u32::MAX;
        for (start, _) in shots {
            let x = (self.x(*start) * 40.0).round() as u32;
            if x != last {
                put!(self.svg, "M{x} 3V17");
                last = x;
            }
        }
        self.svg.push_str("\"/></svg>");
    }

    /// Laughter and bursts; the height shows the strength.
    pub fn peaks(&mut self, peaks: &[AudioPeak]) {
        let top = self.track("Peaks", 22);
        if peaks.is_empty() {
            return self.nothing(top, 22, "no laughter or bursts");
        }
        put!(self.svg, "<line class=\"rail\" x1=\"0\" x2=\"100%\" y1=\"{0}\" y2=\"{0}\"/>", top + 20);
        // When there are more than can be told apart, the strongest of each column stand for the others.
        let mut shown: Vec<&AudioPeak> = peaks.iter().collect();
        if shown.len() > SHAPES {
            shown.sort_by(|a, b| b.strength.total_cmp(&a.strength).then_with(|| a.start.total_cmp(&b.start)));
            shown.truncate(SHAPES);
        }
        for p in shown {
            let (class, name) = match p.kind {
                PeakKind::Laughter => ("laugh", "Laughter"),
                PeakKind::Burst => ("burst", "Burst"),
            };
            let h = 5.0 + finite(p.strength).clamp(0.0, 1.0) * 13.0;
            put!(
                self.svg,
                "<rect class=\"{class}\" x=\"{:.3}%\" width=\"{:.3}%\" y=\"{:.1}\" height=\"{h:.1}\"><title>{name} at {}, strength {:.2}</title></rect>",
                self.x(p.start),
                self.w(p.start, p.end).max(0.25),
                f64::from(top) + 20.0 - h,
                clock(p.start),
                finite(p.strength)
            );
        }
    }

    fn nothing(&mut self, top: u32, height: u32, what: &str) {
        put!(self.svg, "<text class=\"absent\" x=\"4\" y=\"{}\">{what}</text>", top + height / 2 + 4);
    }
}

/// Seconds between the marks of the axis: a round number that gives about ten.
fn step(duration: f64) -> f64 {
    const STEPS: [f64; 12] = [1.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0];
    STEPS.into_iter().find(|s| duration / s <= 12.0).unwrap_or_else(|| (duration / 10.0 / 3600.0).ceil() * 3600.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_few() {
        assert_eq!(step(239.0), 30.0);
        assert_eq!(step(9.0), 1.0);
        assert_eq!(step(36_000.0), 3600.0);
        assert_eq!(step(360_000.0), 36_000.0);
    }

    #[test]
    fn damaged_times_stay_on_the_plot() {
        let plot = Plot::new(10.0);
        assert_eq!(plot.x(f64::NAN), 0.0);
        assert_eq!(plot.x(-4.0), 0.0);
        assert_eq!(plot.x(40.0), 100.0);
        assert!(plot.w(5.0, 5.0) > 0.0);
    }
}
