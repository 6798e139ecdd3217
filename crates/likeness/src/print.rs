//! What is kept of a video, and its bytes.
//!
//! Layout, version 1 (all numbers little-endian; `varint` is LEB128, at most 5 bytes):
//!
//! | bytes | what |
//! |---|---|
//! | 4 | `OMLP` |
//! | 1 | version, 1 |
//! | 4 | length of the video in milliseconds |
//! | 1 | how often the landmarks were halved |
//! | 4 | number of landmarks |
//! | … | each: `varint` time since the one before in units of 64 ms, 4 bytes shape |
//! | 4 | number of runs |
//! | … | each: `varint` half seconds since the end of the one before, `varint` half seconds, 8 bytes hash |
//!
//! A minute of talk takes about a kilobyte; no print is larger than 0.8 MB.

use thiserror::Error;

/// Of the layout, and of what the numbers mean: prints of another version are not compared.
pub const VERSION: u8 = 1;
/// Landmarks of one print. When there are more, those in the upper half of the range of ranks go, as often as needed: of
/// a part of the video the same ones go as of the whole, so both can still be compared.
pub const MAX_LANDMARKS: usize = 65_536;
/// Runs of one print. When there are more, those that last less than 1, 2, 4 … seconds go.
pub const MAX_RUNS: usize = 16_384;
/// Landmarks and runs later than this (in their own units) are not kept: 18.6 hours.
pub(crate) const LATEST_LANDMARK: u32 = (1 << 20) - 1;
pub(crate) const LATEST_RUN: u32 = LATEST_LANDMARK / 8;
pub(crate) const MAGIC: &[u8; 4] = b"OMLP";

/// Landmarks per second of the video's time unit.
pub(crate) const LANDMARK_SECONDS: f64 = 0.064;
pub(crate) const STEP_SECONDS: f64 = 0.5;

/// Three peaks of the spectrum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Landmark {
    /// Time of the first one, in units of 64 ms.
    pub at: u32,
    /// Frequency of the first, steps to the others in frequency and time (see [`crate::sound`]).
    pub shape: u32,
}

impl Landmark {
    /// Whether prints hold landmarks of this shape at all (see [`crate::sound`]).
    pub fn is_kept(self) -> bool {
        survives(self.rank(), 0)
    }
    fn mixed(self) -> u64 {
        // The finaliser of SplitMix64: every bit of the shape changes half of the bits.
        let mut z = u64::from(self.shape).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// 24 bits under which an index keeps it.
    pub(crate) fn key(self) -> u64 {
        self.mixed() >> 40
    }
    /// 16 bits, independent of the key, by which landmarks are thinned.
    pub(crate) fn rank(self) -> u16 {
        (self.mixed() & 0xffff) as u16
    }
}

/// A stretch over which the picture stays about the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Half seconds.
    pub at: u32,
    /// Half seconds, at least 1.
    pub steps: u16,
    /// Of its first picture (see [`crate::sight`]).
    pub hash: u64,
}

impl Run {
    pub(crate) fn end(&self) -> u32 {
        self.at + u32::from(self.steps)
    }
}

/// The fingerprint of one video.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Print {
    milliseconds: u32,
    thinned: u8,
    landmarks: Vec<Landmark>,
    runs: Vec<Run>,
}

/// Bytes that are no print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Broken {
    #[error("these bytes are no print")]
    Foreign,
    #[error("a print of version {0}, which this program does not know")]
    Version(u8),
    #[error("the print ends early")]
    Short,
    #[error("the print holds more than it may")]
    TooMuch,
    #[error("the parts of the print are not in order")]
    Order,
    #[error("the print is followed by {0} bytes that are no part of it")]
    Trailing(usize),
}

impl Print {
    /// Puts a print together, thinning what is too much. `seconds` is the length of the video.
    ///
    /// Landmarks and runs in any order; what is later than the latest moment that a print can hold is left out.
    pub fn new(seconds: f64, landmarks: Vec<Landmark>, runs: Vec<Run>) -> Self {
        Self::thinned_to(0, seconds, landmarks, runs)
    }

    /// [`Print::new`] of landmarks that were halved `thinned` times already.
    pub(crate) fn thinned_to(mut thinned: u8, seconds: f64, mut landmarks: Vec<Landmark>, mut runs: Vec<Run>) -> Self {
        landmarks.retain(|l| l.at <= LATEST_LANDMARK && survives(l.rank(), thinned));
        landmarks.sort_unstable();
        landmarks.dedup();
        while landmarks.len() > MAX_LANDMARKS && thinned < 15 {
            thinned += 1;
            landmarks.retain(|l| survives(l.rank(), thinned));
        }
        landmarks.truncate(MAX_LANDMARKS);
        runs.retain(|r| r.steps > 0 && r.end() <= LATEST_RUN);
        runs.sort_unstable_by_key(|r| r.at);
        let mut end = 0;
        runs.retain(|r| {
            let apart = r.at >= end;
            end = end.max(r.end());
            apart
        });
        let mut shortest = 1u16;
        while runs.len() > MAX_RUNS && shortest < 1 << 14 {
            shortest *= 2;
            runs.retain(|r| r.steps >= shortest);
        }
        Self { milliseconds: milliseconds(seconds), thinned, landmarks, runs }
    }

    /// The sound of one and the picture of the other, for a video of `seconds` whose sound and picture were decoded apart.
    pub fn joined(seconds: f64, sound: Print, picture: Print) -> Self {
        Self { milliseconds: milliseconds(seconds), runs: picture.runs, ..sound }
    }

    /// Length of the video.
    pub fn seconds(&self) -> f64 {
        f64::from(self.milliseconds) / 1000.0
    }
    /// In order of time.
    pub fn landmarks(&self) -> &[Landmark] {
        &self.landmarks
    }
    /// In order of time, none over another.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }
    /// How often the landmarks were halved.
    pub fn thinned(&self) -> u8 {
        self.thinned
    }
    /// Nothing that could be compared: silence over black.
    pub fn is_blank(&self) -> bool {
        self.landmarks.is_empty() && self.runs.is_empty()
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(18 + 6 * self.landmarks.len() + 11 * self.runs.len());
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        out.extend_from_slice(&self.milliseconds.to_le_bytes());
        out.push(self.thinned);
        out.extend_from_slice(&(self.landmarks.len() as u32).to_le_bytes());
        let mut before = 0;
        for landmark in &self.landmarks {
            varint(&mut out, landmark.at - before);
            before = landmark.at;
            out.extend_from_slice(&landmark.shape.to_le_bytes());
        }
        out.extend_from_slice(&(self.runs.len() as u32).to_le_bytes());
        let mut before = 0;
        for run in &self.runs {
            varint(&mut out, run.at - before);
            before = run.end();
            varint(&mut out, u32::from(run.steps));
            out.extend_from_slice(&run.hash.to_le_bytes());
        }
        out
    }

    /// # Errors
    /// [`Broken`] for everything that [`Print::to_bytes`] does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Broken> {
        let mut reader = Reader { rest: bytes };
        if reader.array::<4>().map_err(|_| Broken::Foreign)? != *MAGIC {
            return Err(Broken::Foreign);
        }
        match reader.array::<1>()?[0] {
            VERSION => {}
            other => return Err(Broken::Version(other)),
        }
        let milliseconds = reader.number()?;
        let thinned = reader.array::<1>()?[0];
        if thinned > 15 {
            return Err(Broken::Order);
        }
        let landmarks = reader.landmarks()?;
        let runs = reader.runs()?;
        if !landmarks.iter().all(|l| survives(l.rank(), thinned)) {
            return Err(Broken::Order);
        }
        match reader.rest.len() {
            0 => Ok(Self { milliseconds, thinned, landmarks, runs }),
            left => Err(Broken::Trailing(left)),
        }
    }
}

fn milliseconds(seconds: f64) -> u32 {
    (seconds.max(0.0) * 1000.0).round().min(f64::from(u32::MAX)) as u32
}

/// Whether a landmark of this rank is still there after `times` halvings.
pub(crate) fn survives(rank: u16, times: u8) -> bool {
    u32::from(rank) < crate::sound::RANKS >> times.min(15)
}

fn varint(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let (first, rest) = self.rest.split_first_chunk::<N>().ok_or(Broken::Short)?;
        self.rest = rest;
        Ok(*first)
    }
    fn number(&mut self) -> Result<u32, Broken> {
        Ok(u32::from_le_bytes(self.array()?))
    }
    fn varint(&mut self) -> Result<u32, Broken> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                // One number has one way to be written.
                let padded = byte == 0 && shift > 0;
                return u32::try_from(value).ok().filter(|_| !padded).ok_or(Broken::Order);
            }
        }
        Err(Broken::Order)
    }
    /// A count that may be trusted for reserving memory.
    fn count(&mut self, most: usize, each: usize) -> Result<usize, Broken> {
        let count = self.number()? as usize;
        if count > most {
            return Err(Broken::TooMuch);
        }
        if self.rest.len() < count * each { Err(Broken::Short) } else { Ok(count) }
    }

    fn landmarks(&mut self) -> Result<Vec<Landmark>, Broken> {
        let count = self.count(MAX_LANDMARKS, 5)?;
        let mut landmarks: Vec<Landmark> = Vec::with_capacity(count);
        for _ in 0..count {
            let before = landmarks.last().copied();
            let at = before.map_or(0, |l| l.at).checked_add(self.varint()?).ok_or(Broken::Order)?;
            let landmark = Landmark { at, shape: self.number()? };
            if at > LATEST_LANDMARK || before.is_some_and(|before| before >= landmark) {
                return Err(Broken::Order);
            }
            landmarks.push(landmark);
        }
        Ok(landmarks)
    }

    fn runs(&mut self) -> Result<Vec<Run>, Broken> {
        let count = self.count(MAX_RUNS, 10)?;
        let mut runs: Vec<Run> = Vec::with_capacity(count);
        for _ in 0..count {
            let end = runs.last().map_or(0, Run::end);
            let at = end.checked_add(self.varint()?).ok_or(Broken::Order)?;
            let steps = u16::try_from(self.varint()?).ok().filter(|s| *s > 0).ok_or(Broken::Order)?;
            if at > LATEST_RUN || at + u32::from(steps) > LATEST_RUN {
                return Err(Broken::Order);
            }
            runs.push(Run { at, steps, hash: u64::from_le_bytes(self.array()?) });
        }
        Ok(runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn landmarks(count: usize) -> Vec<Landmark> {
        let all = (0u32..).map(|n| Landmark { at: n / 40, shape: n.wrapping_mul(2_654_435_761) });
        all.filter(|l| survives(l.rank(), 0)).take(count).collect()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            seconds in 0.0f64..40_000.0,
            count in 0usize..200,
            runs in prop::collection::vec((0u32..1000, 1u16..500, any::<u64>()), 0..40),
        ) {
            let runs = runs.into_iter().map(|(at, steps, hash)| Run { at, steps, hash }).collect();
            let print = Print::new(seconds, landmarks(count), runs);
            prop_assert_eq!(Print::from_bytes(&print.to_bytes()), Ok(print));
        }

        #[test]
        fn damaged_bytes_are_refused_or_read_as_what_they_say(
            at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<prop::sample::Index>(),
        ) {
            let run = Run { at: 3, steps: 9, hash: 77 };
            let mut bytes = Print::new(12.0, landmarks(30), vec![run]).to_bytes();
            prop_assert!(Print::from_bytes(&bytes[..cut.index(bytes.len())]).is_err());
            let n = at.index(bytes.len());
            bytes[n] = to;
            if let Ok(read) = Print::from_bytes(&bytes) {
                prop_assert_eq!(read.to_bytes(), bytes);
            }
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut whole = b"OMLP\x01\0\0\0\0\0".to_vec();
            whole.extend(&bytes);
            if let Ok(read) = Print::from_bytes(&whole) {
                prop_assert_eq!(read.to_bytes(), whole);
            }
            prop_assert_eq!(Print::from_bytes(&bytes[..bytes.len().min(3)]), Err(Broken::Foreign));
        }
    }

    #[test]
    fn prints_stay_within_their_caps_and_parts_thin_like_the_whole() {
        let many = landmarks(3 * MAX_LANDMARKS);
        let runs: Vec<Run> = (0..60_000).map(|n| Run { at: 2 * n, steps: 1 + (n % 2) as u16, hash: 1 }).collect();
        let print = Print::new(36_000.0, many.clone(), runs);
        assert!(print.landmarks().len() <= MAX_LANDMARKS && print.landmarks().len() > MAX_LANDMARKS / 3);
        assert_eq!(print.thinned(), 2);
        assert!(print.runs().len() <= MAX_RUNS);
        assert!(print.to_bytes().len() < 800_000);
        let part = Print::new(60.0, many[..1000].to_vec(), Vec::new());
        let kept = part.landmarks().iter().filter(|l| survives(l.rank(), 2)).count();
        let found = part.landmarks().iter().filter(|l| print.landmarks().binary_search(l).is_ok()).count();
        assert_eq!(found, kept);
        assert!(kept > 150);
    }

    #[test]
    fn other_versions_and_counts_are_named() {
        let mut bytes = Print::default().to_bytes();
        bytes[4] = 9;
        assert_eq!(Print::from_bytes(&bytes), Err(Broken::Version(9)));
        bytes[4] = VERSION;
        bytes[10..14].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Print::from_bytes(&bytes), Err(Broken::TooMuch));
    }
}
