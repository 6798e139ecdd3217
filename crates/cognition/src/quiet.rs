//! Windows without speech: chosen by sound and picture. They begin and end at cuts of the picture, at quiet moments and
//! around sudden sounds.

use omniva_contracts::Span;
use omniva_contracts::analysis::PeakKind;
use omniva_contracts::choice::Features;

use crate::features::{self, UNKNOWN, energy, faces, logistic};
use crate::material::Material;
use crate::tracks::{Level, between};
use crate::windows::{Flaw, Scan, Window, promise};

/// Lengths tried from one start, as shares of the way from the shortest to the longest clip.
const LENGTHS: [f64; 6] = [0.0, 0.1, 0.25, 0.45, 0.7, 1.0];
/// Starts are at least this far apart.
const SPACING: f64 = 2.0;
/// A moment this much below the level of its surroundings is a good place to cut, dB.
const HUSH: f64 = 4.0;
/// Below this level there is only the noise of the room, dBFS; below this motion only that of the sensor.
const SILENCE: f64 = -50.0;
const STILLNESS: f64 = 0.004;

pub(crate) fn scan(m: &Material<'_>, scan: &mut Scan) {
    for stretch in stretches(m) {
        let anchors = anchors(m, &stretch);
        for &start in &anchors {
            let mut best: Option<Window> = None;
            for length in lengths(m) {
                let Some(span) = fit(m, &stretch, &anchors, start, length) else { continue };
                scan.scanned += 1;
                let window = window(m, span);
                if best.as_ref().is_none_or(|b| window.promise > b.promise) {
                    best = Some(window);
                }
            }
            scan.windows.extend(best);
        }
    }
}

/// Stretches without words that are long enough for a clip.
fn stretches(m: &Material<'_>) -> Vec<Span> {
    let mut stretches = Vec::new();
    let mut from = 0.0;
    for word in m.analysis.words() {
        stretches.push(Span::new(if from > 0.0 { from + 0.3 } else { 0.0 }, word.start - 0.3));
        from = word.end.max(from);
    }
    stretches.push(Span::new(if from > 0.0 { from + 0.3 } else { 0.0 }, m.analysis.duration()));
    stretches.retain(|s| s.end - s.start >= m.config.clip.min_seconds);
    stretches
}

/// Places in a stretch where a clip may begin or end, in order.
fn anchors(m: &Material<'_>, stretch: &Span) -> Vec<f64> {
    let mut anchors = vec![stretch.start];
    anchors.extend(between(&m.borders.shots, stretch.start, stretch.end));
    anchors.extend(m.peaks.starting_in(stretch).iter().map(|p| (p.start - 1.0).max(stretch.start)));
    let steps = (stretch.length() / SPACING).floor() as usize;
    for k in 1..steps {
        let t = stretch.start + k as f64 * SPACING;
        let (here, around) = (level(m, t, 0.15), level(m, t, 2.0));
        let hush = here.zip(around).is_some_and(|(h, a)| h.mean <= a.mean - HUSH);
        // Without a curve of the loudness every few seconds is as good as any other moment.
        if hush || (here.is_none() && k % 2 == 0) || k % 8 == 0 {
            anchors.push(t);
        }
    }
    anchors.sort_by(f64::total_cmp);
    let mut spaced: Vec<f64> = Vec::with_capacity(anchors.len());
    for t in anchors {
        let shot = is_shot(m, t);
        match spaced.last() {
            Some(&last) if t - last < SPACING && shot && !is_shot(m, last) => {
                spaced.pop();
                spaced.push(t);
            }
            Some(&last) if t - last < SPACING => {}
            _ => spaced.push(t),
        }
    }
    spaced
}

fn is_shot(m: &Material<'_>, t: f64) -> bool {
    !between(&m.borders.shots, t - 1e-6, t + 1e-6).is_empty()
}

fn level(m: &Material<'_>, t: f64, reach: f64) -> Option<Level> {
    m.loudness.level(&Span::new((t - reach).max(0.0), t + reach))
}

fn lengths(m: &Material<'_>) -> impl Iterator<Item = f64> {
    let (min, max) = (m.config.clip.min_seconds, m.config.clip.max_seconds);
    LENGTHS.into_iter().map(move |share| min + share * (max - min))
}

/// A window from `start` of about `length` seconds: to the nearest anchor if that is close, else exactly.
fn fit(m: &Material<'_>, stretch: &Span, anchors: &[f64], start: f64, length: f64) -> Option<Span> {
    let (min, max) = (m.config.clip.min_seconds, m.config.clip.max_seconds);
    let ideal = start + length;
    let nearest = between(anchors, ideal - 3.0, ideal + 3.0)
        .iter()
        .copied()
        .filter(|t| t - start >= min && t - start <= max)
        .min_by(|a, b| (a - ideal).abs().total_cmp(&(b - ideal).abs()));
    let end = nearest.unwrap_or(ideal).min(stretch.end);
    let (start, end) = ((start * 1000.0).ceil() / 1000.0, (end * 1000.0).floor() / 1000.0);
    let length = end - start;
    (length >= min && length <= max).then_some(Span::new(start, end))
}

fn window(m: &Material<'_>, span: Span) -> Window {
    let features = features_of(m, &span);
    let promise = promise(m, &features, &span);
    let at = m.sentences().partition_point(|s| s.start < span.start);
    Window { first: at, end: at, span, features, promise, flaw: still(m, &span) }
}

/// Dead silence before a picture that does not move is no clip, however the rest compares.
fn still(m: &Material<'_>, span: &Span) -> Option<Flaw> {
    let silent = m.loudness.level(span).is_none_or(|l| l.mean <= SILENCE);
    let frozen = m.motion.level(span).is_none_or(|l| l.mean <= STILLNESS);
    (silent && frozen).then(|| Flaw { code: "nothing_happens", reason: "nothing is heard and nothing moves".into() })
}

fn features_of(m: &Material<'_>, span: &Span) -> Features {
    let head = Span::new(span.start, span.start + 3.0);
    let tail = Span::new(span.end - 5.0, span.end);
    let laughter = 1.0 - (-1.2 * m.peaks.strength(span, PeakKind::Laughter)).exp();
    let rise = |part: &Span| {
        let loud = m.loudness.level(part).zip(m.loudness.level(span));
        let moving = m.motion.level(part).zip(m.motion.level(span));
        0.5 * loud.map_or(UNKNOWN, |(p, s)| logistic((p.mean - s.mean) / s.spread.max(2.0), 2.0))
            + 0.5 * moving.map_or(UNKNOWN, |(p, s)| logistic((p.mean - s.mean) / s.spread.max(0.005), 2.0))
    };
    let bursts =
        |part: &Span| (m.peaks.strength(part, PeakKind::Burst) + m.peaks.strength(part, PeakKind::Laughter)).min(1.0);
    let at_start = is_shot(m, span.start) || span.start <= 0.001;
    let at_end = is_shot(m, span.end) || m.analysis.duration() - span.end < 0.05;
    let shots = between(&m.borders.shots, span.start + 0.01, span.end - 0.01).len() as f64 + 1.0;
    let shot_length = span.length() / shots;
    let variety = m.motion.level(span).map_or(UNKNOWN, |l| logistic(l.spread / l.mean.max(0.004) - 0.8, 2.0));
    features::rounded(Features {
        hook: 0.25 + 0.35 * rise(&head) + 0.35 * bursts(&head),
        stands_alone: if at_start { 0.75 } else { 0.5 },
        payoff: 0.25 + 0.30 * rise(&tail) + 0.35 * bursts(&tail) + if at_end { 0.10 } else { 0.0 },
        density: 0.25 + 0.5 * variety,
        emotion: 0.30 + 0.60 * laughter,
        energy: energy(m, span),
        faces: faces(m, span),
        pace: if m.analysis.media.video.is_some() {
            (1.0 - (shot_length - 3.0).abs() / 25.0).clamp(0.2, 1.0)
        } else {
            UNKNOWN
        },
        keywords: if m.keywords.iter().any(|k| k.user) { 0.25 } else { UNKNOWN },
        novelty: difference(m, span),
        clarity: picture(m, span),
        boundaries: 0.45 + if at_start { 0.25 } else { 0.0 } + if at_end { 0.25 } else { 0.0 },
    })
}

/// How far loudness and motion are from the source's own level.
fn difference(m: &Material<'_>, span: &Span) -> f64 {
    let far = |here: Option<Level>, all: Option<Level>, least: f64| {
        here.zip(all).map(|(h, a)| ((h.mean - a.mean) / a.spread.max(least)).abs())
    };
    let loud = far(m.loudness.level(span), m.loudness.whole(), 2.0);
    let moving = far(m.motion.level(span), m.motion.whole(), 0.005);
    let both: Vec<f64> = loud.into_iter().chain(moving).collect();
    if both.is_empty() {
        return UNKNOWN;
    }
    logistic(both.iter().sum::<f64>() / both.len() as f64 - 0.6, 2.5)
}

/// Brightness stands for clarity where there is nothing to understand; black and burnt-out pictures show nothing.
fn picture(m: &Material<'_>, span: &Span) -> f64 {
    let values = m.analysis.seen.brightness.within(span);
    if values.is_empty() {
        return UNKNOWN;
    }
    let good = values.iter().filter(|v| (0.08..=0.92).contains(*v)).count();
    0.2 + 0.7 * good as f64 / values.len() as f64
}
