//! The sound of a clip: joined, cleaned, levelled, limited, encoded, and measured after encoding.

mod chain;
mod decode;
mod denoise;
mod limiter;
pub(crate) mod loudness;

use ffmpeg_next::frame;
use omniva_contracts::jobs::RenderJob;
use omniva_contracts::plan::AudioPlan;
use omniva_contracts::{Fault, Monitor};

pub(crate) use decode::{SoundReader, kept};
pub use loudness::SILENCE;
use loudness::{amplitude, integrated, loudness_and_peak};

use crate::render::encode::{Sound, encode_sound};

/// Samples a second of everything here.
pub(crate) const RATE: u32 = 48_000;

/// Sound is never raised by more than this, so that the hiss of a nearly silent source does not become its content.
pub const MAX_GAIN_DB: f64 = 30.0;

/// True when a source of this loudness (LUFS, before mastering) can reach a target within [`MAX_GAIN_DB`].
pub fn reaches(loudness_before: f64, target_lufs: f64) -> bool {
    loudness_before > SILENCE && target_lufs - loudness_before <= MAX_GAIN_DB
}

/// How far from the target the loudness may be before the gain is corrected: before AAC, and after it, LU.
const CLOSE_LU: f64 = 0.1;
const FINISHED_LU: f64 = 0.25;
/// Distance that the true peak keeps from the ceiling after AAC, dB.
const MARGIN_DB: f64 = 0.05;
/// AAC moves peaks: the first limiter setting lies this far under the ceiling, dB.
const HEADROOM_DB: f64 = 0.5;
/// Gain behind the cleaning filters stays within this, dB.
const WIDEST_DB: f64 = 45.0;
/// Rounds of encoding and correcting.
const ROUNDS: usize = 4;

/// The finished sound.
pub(crate) struct Mastered {
    pub sound: Sound,
    /// Loudness of the kept parts as they were, and of the file after AAC, LUFS.
    pub before: f64,
    pub after: f64,
}

/// Sound of the clip itself: `frames` stereo samples, cleaned but not yet levelled.
pub(crate) struct Cleaned {
    /// Interleaved stereo.
    pub pcm: Vec<f32>,
    pub before: f64,
}

/// Decodes and cleans what the plan keeps. A source without sound gives silence.
pub(crate) fn clean(job: &RenderJob, frames: usize, monitor: &dyn Monitor) -> Result<Cleaned, Fault> {
    let plan = &job.plan;
    let kept = match job.info.audio {
        Some(_) => kept(&job.media, &plan.keep, plan.audio.cut_fade, frames, monitor)?,
        None => None,
    };
    let Some(mut pcm) = kept else { return Ok(Cleaned { pcm: vec![0.0; frames * 2], before: SILENCE }) };
    let before = integrated(&pcm)?;
    if before > SILENCE {
        // The filters have absolute thresholds: bring speech to one level first.
        scale(&mut pcm, amplitude((WORKING_LUFS - before).min(MAX_GAIN_DB)));
        if plan.audio.denoise
            && let Some(noise) = denoise::measure(&pcm, monitor)?
            && noise.level_db > QUIET_ENOUGH
        {
            let loud = level(&pcm);
            denoise::remove(&mut pcm, &noise, loud, monitor)?;
        }
        if let Some(chain) = chain_for(&plan.audio) {
            chain::run(&mut pcm, &chain, monitor)?;
        }
    }
    Ok(Cleaned { pcm, before })
}

/// Loudness at which the cleaning filters work, LUFS.
const WORKING_LUFS: f64 = -22.0;
/// Noise below this level (dBFS at [`WORKING_LUFS`]) is hardly heard in a finished clip and left alone.
const QUIET_ENOUGH: f64 = -62.0;

/// The filters that a plan asks for, in FFmpeg's syntax; `None` when there is nothing to do. None of them delays the
/// sound: a filter that did would move it against the picture.
fn chain_for(audio: &AudioPlan) -> Option<String> {
    let mut filters = Vec::new();
    if audio.deess {
        filters.push("deesser=i=0.35:m=0.5:f=0.5".to_owned());
    }
    if audio.compress_ratio > 1.0 {
        // Threshold a little under the average level of speech, so that only its louder half is held back.
        filters.push(format!(
            "acompressor=threshold=-24dB:ratio={:.2}:attack=8:release=160:knee=4:detection=rms",
            audio.compress_ratio.clamp(1.0, 20.0)
        ));
    }
    (!filters.is_empty()).then(|| filters.join(","))
}

/// Root mean square level, dBFS.
fn level(pcm: &[f32]) -> f64 {
    let power = pcm.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / pcm.len().max(1) as f64;
    10.0 * power.max(1e-15).log10()
}

/// Puts intro and outro around the clip, all at the level at which the clip was cleaned.
pub(crate) fn join(intro: &mut [f32], clip: Cleaned, outro: &mut [f32]) -> Result<Cleaned, Fault> {
    let now = integrated(&clip.pcm)?;
    // A silent clip leaves its inserts as they are, up to the working level.
    let target = if now > SILENCE { now } else { WORKING_LUFS };
    let mut pcm = Vec::with_capacity(intro.len() + clip.pcm.len() + outro.len());
    for part in [&mut *intro, &mut *outro] {
        let own = integrated(part)?;
        if own > SILENCE {
            scale(part, amplitude((target - own).min(MAX_GAIN_DB)));
        }
    }
    pcm.extend_from_slice(intro);
    pcm.extend_from_slice(&clip.pcm);
    pcm.extend_from_slice(outro);
    Ok(Cleaned { pcm, before: clip.before })
}

/// Limits, encodes, decodes again and measures; corrects gain and ceiling until both hold after AAC.
///
/// Sound that can't reach the target within [`MAX_GAIN_DB`] of `before`, its loudness in the source, stays quieter.
pub(crate) fn finish(pcm: &[f32], job: &RenderJob, before: f64, monitor: &dyn Monitor) -> Result<Mastered, Fault> {
    let audio = &job.plan.audio;
    let kbps = job.plan.encode.audio_kbps;
    let target = audio.target_lufs + job.gain_db;
    let allowed = audio.ceiling_dbtp + job.ceiling_offset_db;
    let audible = integrated(pcm)? > SILENCE;
    let goal = target.min(before + MAX_GAIN_DB);
    let (mut gain, mut aim, mut ceiling) = (0.0, goal, allowed - HEADROOM_DB);
    for round in 1.. {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        let limited = if audible { approach(pcm, aim, &mut gain, ceiling)? } else { pcm.to_vec() };
        let sound = encode_sound(&limited, kbps, true)?;
        drop(limited);
        let (after, peak) = heard(&sound)?;
        let (off, over) = (goal - after, peak - allowed);
        if round == ROUNDS || !audible || (off.abs() <= FINISHED_LU && over <= -MARGIN_DB) {
            return Ok(Mastered { sound, before, after });
        }
        // AAC drops what it thinks inaudible, which noise-like sound pays with some loudness.
        aim = if off.abs() > FINISHED_LU { (aim + off).clamp(goal - 3.0, goal + 3.0) } else { aim };
        ceiling = if over > -MARGIN_DB { ceiling - over - 3.0 * MARGIN_DB } else { ceiling };
    }
    Err(Fault::internal("the sound was never finished"))
}

/// Finds the gain with which the limited sound has the loudness `aim`, and returns that sound.
fn approach(pcm: &[f32], aim: f64, gain: &mut f64, ceiling: f64) -> Result<Vec<f32>, Fault> {
    let mut rounds = 0;
    loop {
        let mut limited = pcm.to_vec();
        scale(&mut limited, amplitude(*gain));
        limiter::limit(&mut limited, amplitude(ceiling) as f32);
        let off = aim - integrated(&limited)?;
        rounds += 1;
        let next = (*gain + off).clamp(-WIDEST_DB, WIDEST_DB);
        if off.abs() <= CLOSE_LU || rounds == 8 || (next - *gain).abs() < 0.01 {
            return Ok(limited);
        }
        *gain = next;
    }
}

fn scale(pcm: &mut [f32], by: f64) {
    for v in pcm {
        *v *= by as f32;
    }
}

/// Loudness and true peak of encoded sound, as a player will hear it.
fn heard(sound: &Sound) -> Result<(f64, f64), Fault> {
    let pcm = decode_packets(sound)?;
    loudness_and_peak(&pcm)
}

fn decode_packets(sound: &Sound) -> Result<Vec<f32>, Fault> {
    use crate::render::faults::{drained, encoding};
    let failed = |e| encoding("decoding the finished sound", e);
    let mut context = ffmpeg_next::codec::Context::new();
    // SAFETY: copies the encoder's parameters, its header among them, into a context of our own.
    unsafe {
        let parameters = ffmpeg_next::codec::Parameters::from(&*sound.encoder);
        crate::render::faults::ok(ffmpeg_next::ffi::avcodec_parameters_to_context(
            context.as_mut_ptr(),
            parameters.as_ptr(),
        ))
        .map_err(failed)?;
    }
    let mut decoder = context.decoder().audio().map_err(failed)?;
    let mut pcm = Vec::new();
    let mut out = frame::Audio::empty();
    let mut packets = sound.packets.iter();
    loop {
        match packets.next() {
            Some(packet) => decoder.send_packet(packet).map_err(failed)?,
            None => decoder.send_eof().map_err(failed)?,
        }
        loop {
            match decoder.receive_frame(&mut out) {
                Ok(()) => {
                    let (left, right) = (out.plane::<f32>(0), out.plane::<f32>(1));
                    pcm.extend(left.iter().zip(right).flat_map(|(l, r)| [*l, *r]));
                }
                Err(ffmpeg_next::Error::Eof) => return Ok(pcm),
                Err(e) if drained(&e) => break,
                Err(e) => return Err(failed(e)),
            }
        }
    }
}
