//! The features of a window, each 0..1, higher is better for a short. What each rests on:
//!
//! | feature | from |
//! |---|---|
//! | hook | the first sentence ([`crate::hook`]), a burst or movement in the first 3 s, no silence before the first word |
//! | stands_alone | the first sentence ([`crate::thought::opening`]) and how well the sentences hang together |
//! | payoff | the last sentence ([`crate::thought::ending`]), a question that is answered, a complete thought |
//! | density | content words per second, how rare they are in the source, how many are new |
//! | emotion | strength and range of the sentiment, laughter, exclamations |
//! | energy | loudness and its movement against the source's own, bursts, motion |
//! | faces | share of the time with a well-sized face |
//! | pace | words per second (2.4 to 3.4 is best), share of dead air |
//! | keywords | weight of the distinct keywords mentioned, against the source's average; the user's own count most |
//! | novelty | distance of its meaning from the rest of the source and from what came just before |
//! | clarity | the recogniser's confidence, marked stretches taken off |
//! | boundaries | complete sentences, turns, silence at both ends, distance from shot borders |
//!
//! What can't be measured (no picture, no embeddings, a language without lists) is 0.5 or rests on the rest.

use omniva_contracts::Span;
use omniva_contracts::analysis::PeakKind;
use omniva_contracts::choice::Features;

use crate::material::{Material, Sums, finite};
use crate::text::is_question;
use crate::tracks::between;

/// Value where nothing could be measured.
pub(crate) const UNKNOWN: f64 = 0.5;

/// The names of all features, in the order of [`Features`].
pub const NAMES: [&str; 12] = [
    "hook",
    "stands_alone",
    "payoff",
    "density",
    "emotion",
    "energy",
    "faces",
    "pace",
    "keywords",
    "novelty",
    "clarity",
    "boundaries",
];

/// A feature by its name; `None` for a name that is none.
pub fn value(f: &Features, name: &str) -> Option<f64> {
    Some(match name {
        "hook" => f.hook,
        "stands_alone" => f.stands_alone,
        "payoff" => f.payoff,
        "density" => f.density,
        "emotion" => f.emotion,
        "energy" => f.energy,
        "faces" => f.faces,
        "pace" => f.pace,
        "keywords" => f.keywords,
        "novelty" => f.novelty,
        "clarity" => f.clarity,
        "boundaries" => f.boundaries,
        _ => return None,
    })
}

/// What an ordinary clip of an ordinary source has: the middle that scores and votes are measured from, whatever their
/// weights. A constant of the product, not of the source, so that a dull source stays dull.
pub(crate) fn typical(name: &str) -> f64 {
    match name {
        "hook" | "emotion" => 0.45,
        "stands_alone" | "novelty" => 0.60,
        "faces" => 0.70,
        "pace" | "clarity" | "boundaries" => 0.82,
        "payoff" | "density" | "energy" => 0.56,
        _ => 0.50,
    }
}

/// What is carried along while the end of a window moves forward from a fixed start.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    mentioned: Vec<bool>,
    user: f64,
    extracted: f64,
    low: f64,
    high: f64,
}

impl Running {
    pub fn new(m: &Material<'_>) -> Self {
        Self { mentioned: vec![false; m.keywords.len()], user: 0.0, extracted: 0.0, low: 0.0, high: 0.0 }
    }

    pub fn reset(&mut self) {
        self.mentioned.fill(false);
        (self.user, self.extracted, self.low, self.high) = (0.0, 0.0, f64::MAX, f64::MIN);
    }

    pub fn add(&mut self, m: &Material<'_>, k: usize) {
        for &term in &m.lines[k].keywords {
            if let (Some(seen), Some(t)) = (self.mentioned.get_mut(term), m.keywords.get(term)) {
                let weight = if *seen { 0.15 * t.weight } else { t.weight };
                *(if t.user { &mut self.user } else { &mut self.extracted }) += weight;
                *seen = true;
            }
        }
        let sentiment = finite(m.sentences()[k].sentiment);
        self.low = self.low.min(sentiment);
        self.high = self.high.max(sentiment);
    }
}

/// Features of the window over sentences `first..end` (not empty) with the exact `span`.
pub(crate) fn of_speech(m: &Material<'_>, first: usize, end: usize, span: &Span, run: &Running) -> Features {
    let sums = m.total(first, end);
    let features = Features {
        hook: hook(m, first, span),
        stands_alone: stands_alone(m, first, end, &sums),
        payoff: payoff(m, first, end),
        density: density(m, &sums, span),
        emotion: emotion(m, &sums, span, run),
        energy: energy(m, span),
        faces: faces(m, span),
        pace: pace(&sums, span),
        keywords: keywords(m, run, &sums),
        novelty: novelty(m, first, end),
        clarity: clarity(&sums),
        boundaries: boundaries(m, first, end, span),
    };
    rounded(features)
}

/// Six digits: equal on every machine, whatever the last bits of a sum are.
pub(crate) fn rounded(f: Features) -> Features {
    let r = |x: f64| (finite(x).clamp(0.0, 1.0) * 1e6).round() / 1e6;
    Features {
        hook: r(f.hook),
        stands_alone: r(f.stands_alone),
        payoff: r(f.payoff),
        density: r(f.density),
        emotion: r(f.emotion),
        energy: r(f.energy),
        faces: r(f.faces),
        pace: r(f.pace),
        keywords: r(f.keywords),
        novelty: r(f.novelty),
        clarity: r(f.clarity),
        boundaries: r(f.boundaries),
    }
}

/// 0..1 through 0.5 at `x = 0`; `slope` is the rise per unit there, times four.
pub(crate) fn logistic(x: f64, slope: f64) -> f64 {
    1.0 / (1.0 + (-slope * x).exp())
}

fn hook(m: &Material<'_>, first: usize, span: &Span) -> f64 {
    let head = Span::new(span.start, span.start + 3.0);
    let start = m.sentences().get(first).map_or(span.start, |s| s.start);
    let mut score = m.lines[first].hook;
    score += (m.peaks.strength(&head, PeakKind::Burst) * 0.08).min(0.08);
    score += (m.peaks.strength(&head, PeakKind::Laughter) * 0.06).min(0.06);
    score -= ((start - span.start - 0.8) * 0.2).clamp(0.0, 0.15);
    // A short first sentence leaves room for the second one inside the first seconds.
    if m.lines[first].tokens.len() < 6
        && let Some(next) = m.lines.get(first + 1).filter(|_| !m.borders.wall[first])
    {
        score += (next.hook - score).max(0.0) * 0.35;
    }
    score
}

fn stands_alone(m: &Material<'_>, first: usize, end: usize, sums: &Sums) -> f64 {
    let pairs = (end - first).saturating_sub(1) as f64;
    let together = if pairs > 0.0 { sums.coherence / pairs } else { 0.3 };
    m.lines[first].opening + ((together - 0.25) * 0.5).clamp(-0.10, 0.14)
}

fn payoff(m: &Material<'_>, first: usize, end: usize) -> f64 {
    let last = end - 1;
    let mut score = m.lines[last].ending;
    if end - first >= 2 && is_question(&m.sentences()[first].text) && !is_question(&m.sentences()[last].text) {
        score += 0.06;
    }
    // From the wall behind to the wall ahead: the whole of what was said on it.
    let whole = (first == 0 || m.borders.wall[first - 1]) && m.borders.wall[last];
    score + if whole { 0.06 } else { 0.0 }
}

fn density(m: &Material<'_>, sums: &Sums, span: &Span) -> f64 {
    if sums.words < 1.0 || span.length() <= 0.0 {
        return UNKNOWN;
    }
    let per_second = logistic(sums.content / span.length() - 1.1, 2.6);
    let rare = if sums.content > 0.0 && m.mean_information > 0.0 {
        logistic(sums.information / sums.content / m.mean_information - 1.0, 6.0)
    } else {
        UNKNOWN
    };
    let fresh = if sums.content > 0.0 { sums.fresh / sums.content } else { 0.0 };
    0.5 * per_second + 0.25 * rare + 0.25 * fresh
}

fn emotion(m: &Material<'_>, sums: &Sums, span: &Span, run: &Running) -> f64 {
    let ears = Span::new(span.start, span.end + 0.5);
    let laughter = 1.0 - (-1.2 * m.peaks.strength(&ears, PeakKind::Laughter)).exp();
    let exclaims = (sums.exclaims * 0.06).min(0.15);
    if !m.has_sentiment {
        return 0.40 + 0.45 * laughter + exclaims;
    }
    let strength = if sums.seconds > 0.0 { sums.sentiment / sums.seconds } else { 0.0 };
    let range = ((run.high - run.low) / 1.4).clamp(0.0, 1.0);
    let peak = run.high.abs().max(run.low.abs()).min(1.0);
    0.10 + 0.34 * (strength * 1.4).min(1.0) + 0.24 * range + 0.16 * peak + 0.30 * laughter + exclaims
}

pub(crate) fn energy(m: &Material<'_>, span: &Span) -> f64 {
    let bursts =
        1.0 - (-0.8 * (m.peaks.strength(span, PeakKind::Burst) + m.peaks.strength(span, PeakKind::Laughter))).exp();
    let mut parts = Vec::with_capacity(3);
    if let (Some(here), Some(all)) = (m.loudness.level(span), m.loudness.whole()) {
        let louder = logistic((here.mean - all.mean) / all.spread.max(2.0), 2.0);
        // Speech that rises and falls is alive; dead flat and torn apart are not. Pauses alone give about 10 dB.
        let alive = (1.0 - ((here.spread - 9.0).abs() - 2.0).max(0.0) / 10.0).clamp(0.0, 1.0);
        parts.push((0.6, 0.65 * louder + 0.35 * alive));
    }
    if let (Some(here), Some(all)) = (m.motion.level(span), m.motion.whole()) {
        parts.push((0.25, logistic((here.mean - all.mean) / all.spread.max(0.01), 1.5)));
    }
    parts.push((0.15, 0.35 + 0.65 * bursts));
    let weight: f64 = parts.iter().map(|p| p.0).sum();
    if weight < 0.2 { UNKNOWN * (1.0 - bursts) + bursts } else { parts.iter().map(|p| p.0 * p.1).sum::<f64>() / weight }
}

pub(crate) fn faces(m: &Material<'_>, span: &Span) -> f64 {
    if m.analysis.media.video.is_none() {
        return UNKNOWN;
    }
    if m.faces.is_empty() {
        // A source without any face (a screen recording): no window is worse than another for that.
        return 0.4;
    }
    m.faces.level(span).map_or(0.0, |l| l.mean)
}

fn pace(sums: &Sums, span: &Span) -> f64 {
    let dead = sums.dead_air + sums.gaps;
    let speaking = (span.length() - dead).max(0.5);
    let rate = sums.words / speaking;
    let even = if rate < 2.4 { (rate - 0.8) / 1.6 } else { 1.0 - (rate - 3.4).max(0.0) / 2.4 };
    let silence = dead / span.length().max(0.5);
    0.68 * even.clamp(0.0, 1.0) + 0.32 * (1.0 - 2.5 * silence).clamp(0.0, 1.0)
}

/// The user's keywords count by themselves. Extracted ones are everywhere, so they count against what a stretch of this
/// length holds on average: 0.5 is the average.
fn keywords(m: &Material<'_>, run: &Running, sums: &Sums) -> f64 {
    let own = m.keywords.iter().any(|t| t.user);
    // Distinct terms grow more slowly than the stretch they are counted in.
    let expected = m.keyword_rate * 0.85 * 25.0 * (sums.seconds / 25.0).powf(0.7);
    let extracted = logistic(((run.extracted + 0.4) / (expected + 0.4)).ln(), 1.6);
    match (m.keywords.is_empty(), own) {
        (true, _) => UNKNOWN,
        (false, true) => 0.75 * (1.0 - (-1.1 * run.user).exp()) + 0.25 * extracted,
        (false, false) => extracted,
    }
}

fn novelty(m: &Material<'_>, first: usize, end: usize) -> f64 {
    let Some(rest) = m.meaning.cosine_with_rest((first, end)) else { return UNKNOWN };
    let before = m.meaning.cosine((first.saturating_sub(12), first), (first, end)).unwrap_or(rest.min(0.4));
    logistic(0.52 - (0.65 * rest + 0.35 * before), 6.0)
}

fn clarity(sums: &Sums) -> f64 {
    if sums.seconds <= 0.0 {
        return 0.0;
    }
    let confidence = ((sums.confidence / sums.seconds - 0.45) / 0.5).clamp(0.0, 1.0);
    confidence * (1.0 - 1.5 * sums.marked / sums.seconds).clamp(0.0, 1.0)
}

fn boundaries(m: &Material<'_>, first: usize, end: usize, span: &Span) -> f64 {
    let last = end - 1;
    let b = &m.borders;
    let room = |cut: Option<Option<crate::borders::Cut>>| cut.flatten().map_or(0.0, |c| (c.room / 0.4).min(1.0));
    let yes = |on: bool, points: f64| if on { points } else { 0.0 };
    let mut score = 0.22;
    score += yes(m.sentences()[last].complete && m.lines[last].cut_off_end.is_none(), 0.16);
    score += yes(m.lines[first].cut_off_start.is_none(), 0.08);
    score += 0.13 * room(b.start.get(first).copied()) + 0.13 * room(b.end.get(last).copied());
    score +=
        yes(b.turn_start[first] || first == 0 || b.wall[first - 1], 0.10) + yes(b.turn_end[last] || b.wall[last], 0.10);
    // A cut of the picture just inside either end reads as a mistake.
    let flash = !between(&b.shots, span.start + 0.01, span.start + 0.5).is_empty()
        || !between(&b.shots, span.end - 0.5, span.end - 0.01).is_empty();
    score + yes(!flash, 0.08)
}

#[cfg(test)]
#[path = "features_tests.rs"]
mod tests;
