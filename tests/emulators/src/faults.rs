//! What goes wrong, and when: by a list, or by dice with a seed.

use std::collections::VecDeque;

/// How the platform itself says no.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// The access token is worth nothing any more; a new one is needed.
    Unauthorised,
    /// 429 with `Retry-After`, seconds.
    Slower(u32),
    /// A status of the platform's side, 500 to 504.
    Broken(u16),
    /// The upload session of this request is forgotten: 404 or 410.
    Gone(u16),
    /// Status and reason in the platform's own form.
    Reason(u16, String),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Inject {
    /// The connection is closed before anything is done.
    CutBefore,
    /// This share of the body arrives, then the connection is closed.
    CutBody(f64),
    /// Everything is done, then the connection is closed without a word.
    CutAfter,
    /// Everything is done; the answer breaks off in the middle.
    CutAnswer,
    /// The answer comes byte by byte.
    Slow,
    Refuse(Refusal),
}

/// splitmix64
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// 0..1
    pub fn roll(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1u64 << 53) as f64
    }
    pub fn below(&mut self, n: u64) -> u64 {
        self.draw() % n.max(1)
    }
    pub fn chance(&mut self, share: f64) -> bool {
        self.roll() < share
    }
}

/// Share of lost answers after which the session is gone too.
const GONE_AFTER_CUT: f64 = 0.25;

#[derive(Debug, Default)]
pub struct Faults {
    /// The next request whose `METHOD path` holds the text meets the fault; in order.
    script: VecDeque<(String, Inject)>,
    /// Dice, and the share of requests that meet a fault.
    random: Option<(Dice, f64)>,
    /// An answer was lost just now: the worst moment for a session to go.
    cut: bool,
    /// How many faults have happened.
    pub met: u64,
}

impl Faults {
    pub fn script(&mut self, at: &str, inject: Inject) {
        self.script.push_back((at.to_owned(), inject));
    }
    pub fn random(&mut self, seed: u64, share: f64) {
        self.random = Some((Dice::new(seed), share));
    }
    pub fn calm(&mut self) {
        self.random = None;
        self.script.clear();
    }
    pub fn waiting(&self) -> usize {
        self.script.len()
    }

    pub(crate) fn next(&mut self, line: &str) -> Option<Inject> {
        let inject = match self.script.front() {
            Some((at, _)) if line.contains(at.as_str()) => self.script.pop_front().map(|(_, inject)| inject),
            _ => self.random.as_mut().and_then(|(dice, share)| {
                if self.cut && dice.chance(GONE_AFTER_CUT) {
                    return Some(Inject::Refuse(Refusal::Gone(404)));
                }
                dice.chance(*share).then(|| any(dice))
            }),
        };
        self.cut = matches!(inject, Some(Inject::CutAfter | Inject::CutAnswer | Inject::CutBody(_)));
        self.met += u64::from(inject.is_some());
        inject
    }
}

fn any(dice: &mut Dice) -> Inject {
    match dice.below(16) {
        0 | 1 => Inject::CutBefore,
        2..=4 => Inject::CutBody(dice.roll()),
        5..=8 => Inject::CutAfter,
        9 => Inject::CutAnswer,
        10 => Inject::Slow,
        11 => Inject::Refuse(Refusal::Unauthorised),
        12 => Inject::Refuse(Refusal::Slower(1 + dice.below(30) as u32)),
        13 | 14 => Inject::Refuse(Refusal::Broken([500, 502, 503, 504][dice.below(4) as usize])),
        _ => Inject::Refuse(Refusal::Gone(if dice.chance(0.5) { 404 } else { 410 })),
    }
}
