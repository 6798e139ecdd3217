//! Loudness after ITU-R BS.1770 / EBU R 128.

use ebur128::{EbuR128, Mode};
use omniva_contracts::Fault;

use super::RATE;

/// Reported for silence, whose loudness is minus infinity.
pub const SILENCE: f64 = -70.0;

/// Integrated loudness of interleaved stereo, LUFS; [`SILENCE`] when nothing passes the gate.
pub(crate) fn integrated(pcm: &[f32]) -> Result<f64, Fault> {
    Ok(measure(pcm, false)?.0)
}

/// Integrated loudness (LUFS) and true peak (dBTP).
pub(crate) fn loudness_and_peak(pcm: &[f32]) -> Result<(f64, f64), Fault> {
    measure(pcm, true)
}

fn measure(pcm: &[f32], peak: bool) -> Result<(f64, f64), Fault> {
    let mut meter = Meter::new(peak)?;
    // In pieces, because the meter copies what it is given.
    for part in pcm.chunks(2 * RATE as usize) {
        meter.add(part)?;
    }
    Ok((meter.integrated()?, if peak { meter.true_peak()? } else { SILENCE }))
}

/// Measures sound as it comes by.
pub(crate) struct Meter {
    inner: EbuR128,
}

impl Meter {
    pub fn new(peak: bool) -> Result<Meter, Fault> {
        let mode = if peak { Mode::I | Mode::TRUE_PEAK } else { Mode::I };
        EbuR128::new(2, RATE, mode).map(|inner| Meter { inner }).map_err(broken)
    }

    /// Interleaved stereo at 48 kHz.
    pub fn add(&mut self, pcm: &[f32]) -> Result<(), Fault> {
        self.inner.add_frames_f32(pcm).map_err(broken)
    }

    pub fn integrated(&self) -> Result<f64, Fault> {
        let loudness = self.inner.loudness_global().map_err(broken)?;
        Ok(if loudness.is_finite() { loudness.max(SILENCE) } else { SILENCE })
    }

    pub fn true_peak(&self) -> Result<f64, Fault> {
        let left = self.inner.true_peak(0).map_err(broken)?;
        let right = self.inner.true_peak(1).map_err(broken)?;
        Ok(decibels(left.max(right)))
    }
}

/// Amplitude as dB, not below −120.
pub(crate) fn decibels(amplitude: f64) -> f64 {
    20.0 * amplitude.max(1e-6).log10()
}

pub(crate) fn amplitude(decibels: f64) -> f64 {
    10f64.powf(decibels / 20.0)
}

fn broken(error: ebur128::Error) -> Fault {
    Fault::internal("the loudness could not be measured").with_detail(error)
}
