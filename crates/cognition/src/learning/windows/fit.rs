//! The posterior of a channel's week: `log = level + trend · t + slope · (score − ½) + day + hour + slot + noise`.
//!
//! Days, hours and slots are normal variables around 0 (a Gaussian process over the 168 slots whose kernel is the sum of
//! the three), so that an hour with few posts is shrunk towards what its day and its neighbours say. Hours are a circle.
//! Level, trend and slope are fitted in turn with the slots until they agree; the noise is estimated around its prior.

use std::collections::BTreeMap;

use omniva_contracts::engine::Moment;

use crate::calendar::Windows;
use crate::calendar::dice::Dice;
use crate::learning::linear::Factor;
use crate::learning::outcome::Outcome;
use omniva_contracts::config::WindowRules;

const MONTH: f64 = 30.0 * 86_400e6;
/// Prior spreads of the trend (per month) and of the slope (from the worst score to the best); the level's is none.
const TREND: f64 = 0.1;
const SLOPE: f64 = 1.0;
const PASSES: usize = 3;
const ROUNDS: usize = 4;

pub(in crate::learning) struct Fit {
    pub level: f64,
    pub trend: f64,
    pub slope: f64,
    pub level_spread: f64,
    pub noise: f64,
    /// Of each slot, and how unsure.
    pub effects: Vec<f64>,
    pub spread: Vec<f64>,
    pub days: Vec<f64>,
    pub hours: Vec<f64>,
    /// Effects as they may well be: one draw from the posterior.
    pub drawn: Vec<f64>,
}

/// Months from `now`, never more than one ahead: a trend is no law.
pub(in crate::learning) fn months(at: Moment, now: Moment) -> f64 {
    (at.0.saturating_sub(now.0) as f64 / MONTH).min(1.0)
}

struct Kernel {
    day: f64,
    hour: f64,
    slot: f64,
    /// By distance in hours.
    near: Vec<f64>,
}

impl Kernel {
    fn new(rules: &WindowRules) -> Self {
        // Von Mises: a bell on the circle of the day that is positive definite, as a clipped normal one is not.
        let bend = (24.0 / std::f64::consts::TAU / rules.width_hours).powi(2);
        let at = |h: usize| ((h as f64 / 24.0 * std::f64::consts::TAU).cos() - 1.0) * bend;
        Self {
            day: rules.day_spread.powi(2),
            hour: rules.hour_spread.powi(2),
            slot: rules.slot_spread.powi(2),
            near: (0..24).map(|h| at(h).exp()).collect(),
        }
    }
    fn near(&self, a: usize, b: usize) -> f64 {
        self.near.get((a + 24 - b % 24) % 24).copied().unwrap_or_default()
    }
    fn at(&self, a: usize, b: usize) -> f64 {
        let near = self.near(a % 24, b % 24);
        let same = if a / 24 == b / 24 { self.day + self.slot * near } else { 0.0 };
        same + self.hour * near
    }
}

/// Posts of one slot together.
struct Seen {
    slot: usize,
    weight: f64,
}

struct Work<'a> {
    outcomes: &'a [Outcome],
    /// How much each counts, above 0.
    weights: &'a [f64],
    now: Moment,
    kernel: Kernel,
    seen: Vec<Seen>,
    /// By slot, the place in `seen`.
    place: BTreeMap<usize, usize>,
}

pub(in crate::learning) fn fit(
    rules: &WindowRules,
    outcomes: &[Outcome],
    weights: &[f64],
    now: Moment,
    dice: &mut Dice,
) -> Fit {
    let mut sums: BTreeMap<usize, f64> = BTreeMap::new();
    for (outcome, weight) in outcomes.iter().zip(weights) {
        *sums.entry(outcome.slot).or_default() += weight;
    }
    let place = sums.keys().enumerate().map(|(n, slot)| (*slot, n)).collect();
    let seen: Vec<Seen> = sums.into_iter().map(|(slot, weight)| Seen { slot, weight }).collect();
    let work = Work { outcomes, weights, now, kernel: Kernel::new(rules), seen, place };
    let mut variance = rules.noise.powi(2);
    let mut at_slots = vec![0.0; work.seen.len()];
    let mut line = Line::default();
    for _ in 0..PASSES {
        let factor = work.factor(variance);
        for _ in 0..ROUNDS {
            line = work.line(&at_slots, variance);
            let means = work.means(&line);
            let alpha = factor.solve(&means);
            at_slots = (0..work.seen.len()).map(|n| means[n] - alpha[n] * variance / work.seen[n].weight).collect();
        }
        let (squares, count) = work.squares(&line, &at_slots);
        variance = (rules.noise_posts * rules.noise.powi(2) + squares) / (rules.noise_posts + count);
    }
    work.posterior(line, variance, dice)
}

#[derive(Clone, Copy, Default)]
struct Line {
    level: f64,
    trend: f64,
    slope: f64,
    level_variance: f64,
}

impl Line {
    fn at(&self, months: f64, score: f64) -> f64 {
        self.level + self.trend * months + self.slope * (score - 0.5)
    }
}

impl Work<'_> {
    fn factor(&self, variance: f64) -> Factor {
        Factor::new(self.seen.len(), |i, j| {
            let noise = if i == j { variance / self.seen[i].weight } else { 0.0 };
            self.kernel.at(self.seen[i].slot, self.seen[j].slot) + noise
        })
    }

    fn rows(&self) -> impl Iterator<Item = (&Outcome, f64, usize)> {
        let place = |slot: usize| self.place.get(&slot).copied().unwrap_or_default();
        self.outcomes.iter().zip(self.weights).map(move |(o, w)| (o, *w, place(o.slot)))
    }

    /// Ridge regression of what the slots leave.
    fn line(&self, at_slots: &[f64], variance: f64) -> Line {
        let mut a = [[0.0f64; 3]; 3];
        let mut b = [0.0f64; 3];
        for (outcome, weight, n) in self.rows() {
            let x = [1.0, months(outcome.published_at, self.now), outcome.score - 0.5];
            for i in 0..3 {
                b[i] += weight * x[i] * (outcome.log - at_slots[n]);
                for j in 0..3 {
                    a[i][j] += weight * x[i] * x[j];
                }
            }
        }
        a[0][0] += 1e-9;
        a[1][1] += variance / TREND.powi(2);
        a[2][2] += variance / SLOPE.powi(2);
        let factor = Factor::new(3, |i, j| a[i][j]);
        let (found, unit) = (factor.solve(&b), factor.solve(&[1.0, 0.0, 0.0]));
        Line { level: found[0], trend: found[1], slope: found[2], level_variance: variance * unit[0] }
    }

    /// Mean of each slot that was seen, less the line.
    fn means(&self, line: &Line) -> Vec<f64> {
        let mut sums = vec![0.0; self.seen.len()];
        for (outcome, weight, n) in self.rows() {
            sums[n] += weight * (outcome.log - line.at(months(outcome.published_at, self.now), outcome.score));
        }
        sums.iter().zip(&self.seen).map(|(sum, seen)| sum / seen.weight).collect()
    }

    fn squares(&self, line: &Line, at_slots: &[f64]) -> (f64, f64) {
        self.rows().fold((0.0, 0.0), |(squares, count), (outcome, weight, n)| {
            let expected = line.at(months(outcome.published_at, self.now), outcome.score) + at_slots[n];
            (squares + weight * (outcome.log - expected).powi(2), count + weight)
        })
    }

    /// Days, hours and single slots that follow from the dual weights of the slots that were seen.
    fn parts(&self, alpha: &[f64]) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let k = &self.kernel;
        let (mut days, mut hours, mut slots) = (vec![0.0; 7], vec![0.0; 24], vec![0.0; Windows::HOURS]);
        for (seen, alpha) in self.seen.iter().zip(alpha) {
            let (day, at) = (seen.slot / 24, seen.slot % 24);
            days[day] += k.day * alpha;
            for hour in 0..24 {
                let near = k.near(hour, at) * alpha;
                hours[hour] += k.hour * near;
                slots[day * 24 + hour] += k.slot * near;
            }
        }
        (days, hours, slots)
    }

    fn posterior(&self, line: Line, variance: f64, dice: &mut Dice) -> Fit {
        let factor = self.factor(variance);
        let means = self.means(&line);
        let (days, hours, slots) = self.parts(&factor.solve(&means));
        let sum = |days: &[f64], hours: &[f64], slots: &[f64]| -> Vec<f64> {
            slots.iter().enumerate().map(|(s, own)| days[s / 24] + hours[s % 24] + own).collect()
        };
        let spread = (0..Windows::HOURS).map(|slot| {
            let across: Vec<f64> = self.seen.iter().map(|seen| self.kernel.at(slot, seen.slot)).collect();
            let known: f64 = factor.forward(&across).iter().map(|v| v * v).sum();
            (self.kernel.at(slot, slot) - known).max(0.0).sqrt()
        });
        // Matheron's rule: a draw from the prior, corrected by what the posts say, is a draw from the posterior.
        let prior = self.draw(dice);
        let noise = |weight: f64, dice: &mut Dice| (variance / weight).sqrt() * normal(dice);
        let off: Vec<f64> =
            self.seen.iter().zip(&means).map(|(s, mean)| mean - prior[s.slot] - noise(s.weight, dice)).collect();
        let (d, h, s) = self.parts(&factor.solve(&off));
        Fit {
            level: line.level,
            trend: line.trend,
            slope: line.slope,
            level_spread: line.level_variance.max(0.0).sqrt(),
            noise: variance.sqrt(),
            effects: sum(&days, &hours, &slots),
            spread: spread.collect(),
            days,
            hours,
            drawn: sum(&d, &h, &s).iter().zip(&prior).map(|(correction, prior)| prior + correction).collect(),
        }
    }

    fn draw(&self, dice: &mut Dice) -> Vec<f64> {
        let k = &self.kernel;
        let circle = Factor::new(24, |i, j| k.near(i, j) + if i == j { 1e-6 } else { 0.0 });
        let bell = |dice: &mut Dice| circle.spread(&(0..24).map(|_| normal(dice)).collect::<Vec<_>>());
        let hours = bell(dice);
        let mut drawn = Vec::with_capacity(Windows::HOURS);
        for _ in 0..7 {
            let (day, own) = (normal(dice) * k.day.sqrt(), bell(dice));
            drawn.extend(hours.iter().zip(own).map(|(h, s)| day + h * k.hour.sqrt() + s * k.slot.sqrt()));
        }
        drawn
    }
}

/// A standard normal number (Box and Muller).
pub(in crate::learning) fn normal(dice: &mut Dice) -> f64 {
    let mut unit = || ((dice.roll() >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    let (radius, angle) = ((-2.0 * unit().ln()).sqrt(), std::f64::consts::TAU * unit());
    radius * angle.cos()
}
