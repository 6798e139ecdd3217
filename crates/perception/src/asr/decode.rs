//! From sound to tokens, one at a time.

use omniva_contracts::Fault;

use super::model::{Model, Sound};
use super::rules::{self, log_sum_exp};
use super::tokens::Tokens;

/// Longest text of one window, in tokens: half of the model's context, as it was trained.
pub const MAX_TOKENS: usize = 224;

/// A token and how likely it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    pub token: u32,
    pub log_probability: f32,
}

/// One reading of a window.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Text and time tokens, without the end.
    pub said: Vec<Said>,
    /// `heads` × [`super::TIME_STEPS`] values for each of `said`, and for the end: what the model listened to while
    /// choosing it.
    pub attention: Vec<Vec<f32>>,
    pub heads: usize,
    /// Mean over the tokens and the end, as Whisper defines it.
    pub average_log_probability: f32,
    pub no_speech: f64,
    pub temperature: f64,
}

impl Reading {
    pub fn tokens(&self) -> Vec<u32> {
        self.said.iter().map(|s| s.token).collect()
    }
}

/// Probabilities of the languages, in the order of [`Tokens::tongues`]; they add up to 1.
pub fn tongues(model: &mut Model, tokens: &Tokens, sound: &Sound) -> Result<Vec<f64>, Fault> {
    let output = model.step(&[tokens.start], &mut model.empty()?, sound)?;
    let logits: Vec<f32> = tokens
        .tongues
        .iter()
        .map(|t| output.logits.get(t.token as usize).copied().unwrap_or(rules::FORBIDDEN))
        .collect();
    let total = log_sum_exp(&logits);
    Ok(logits.iter().map(|&l| f64::from((l - total).exp())).collect())
}

/// Reads a window: the likeliest token each time, or at a `temperature` above 0 one drawn with `seed`.
pub fn read(
    model: &mut Model,
    tokens: &Tokens,
    sound: &Sound,
    tongue: u32,
    temperature: f64,
    seed: u64,
) -> Result<Reading, Fault> {
    let mut dice = Dice(seed ^ temperature.to_bits());
    let mut cache = model.empty()?;
    let mut output = model.step(&[tokens.start, tongue, tokens.transcribe], &mut cache, sound)?;
    let first = &output.logits[..tokens.vocabulary];
    let no_speech = f64::from((first[tokens.no_speech as usize] - log_sum_exp(first)).exp());
    let mut reading = Reading { no_speech, temperature, ..Reading::default() };
    let (mut said, mut total) = (Vec::new(), 0.0f32);
    let mut steps = 0;
    while steps < MAX_TOKENS {
        let from = output.logits.len() - tokens.vocabulary;
        let logits = &mut output.logits[from..];
        rules::apply(tokens, &said, logits);
        let token = pick(logits, temperature, &mut dice);
        let log_probability = logits[token] - log_sum_exp(logits);
        let token = token as u32;
        reading.heads = output.heads;
        reading.attention.push(std::mem::take(&mut output.attention));
        total += log_probability;
        steps += 1;
        if token == tokens.end {
            break;
        }
        said.push(token);
        reading.said.push(Said { token, log_probability });
        output = model.step(&[token], &mut cache, sound)?;
    }
    reading.average_log_probability = total / steps.max(1) as f32;
    Ok(reading)
}

/// The likeliest entry, the first of equals; or a draw from softmax(logits / temperature).
fn pick(logits: &[f32], temperature: f64, dice: &mut Dice) -> usize {
    let best = || {
        let mut best = 0;
        for (i, &value) in logits.iter().enumerate() {
            if value > logits[best] {
                best = i;
            }
        }
        best
    };
    if temperature <= 0.0 {
        return best();
    }
    let top = logits.iter().copied().fold(rules::FORBIDDEN, f32::max);
    let weight = |l: f32| (f64::from(l - top) / temperature).exp();
    let total: f64 = logits.iter().map(|&l| weight(l)).sum();
    let mut left = dice.fraction() * total;
    for (i, &logit) in logits.iter().enumerate() {
        left -= weight(logit);
        if left < 0.0 {
            return i;
        }
    }
    best()
}

/// SplitMix64 (Steele, Lea, Flood 2014), seeded by the sound itself: the same sound is always read the same way.
struct Dice(u64);

impl Dice {
    /// Uniform in 0..1.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A seed out of sound (FNV-1a over the samples).
pub fn seed(samples: &[f32]) -> u64 {
    samples.iter().fold(0xcbf2_9ce4_8422_2325, |hash, sample| {
        (hash ^ u64::from(sample.to_bits())).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
