//! Dice that always fall the same.

/// Splitmix64: even, small, the same on every machine.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// 0..n; 0 for n = 0.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() % (n.max(1) as u64)).unwrap_or_default()
    }
    /// 0..1, in thousandths.
    pub fn share(&mut self) -> f64 {
        self.below(1000) as f64 / 1000.0
    }
    pub fn chance(&mut self, share: f64) -> bool {
        self.share() < share
    }
}
