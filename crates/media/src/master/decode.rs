//! The kept parts of a source's sound, joined without clicks: 48 kHz stereo.

use ffmpeg_next::format::context::Input;
use ffmpeg_next::format::{Sample, sample};
use ffmpeg_next::software::resampling;
use ffmpeg_next::{ChannelLayout, Packet, Rational, ffi, frame};
use omniva_contracts::jobs::MediaRef;
use omniva_contracts::plan::Keep;
use omniva_contracts::{Fault, Monitor};

use super::RATE;
use crate::ff;
use crate::render::faults::ok;

/// Sound before a part that decoders need to settle, seconds.
const RUN_UP: f64 = 0.15;
/// Jumps ahead longer than this are done by seeking.
const SEEK_AHEAD: f64 = 4.0;
/// A timestamp this far from where the samples say it should be is a gap or an overlap and not rounding, samples.
const DRIFT: i64 = RATE as i64 / 25;

/// Reads the sound of a file forwards as interleaved stereo.
pub(crate) struct SoundReader {
    input: Input,
    decoder: ff::AudioDecoder,
    stream: usize,
    time_base: Rational,
    origin: i64,
    resampler: Option<(Kind, resampling::Context)>,
    /// Sample number (time × 48000) of the next sample that comes out; `None` right after a seek.
    position: Option<i64>,
    ended: bool,
}

#[derive(Clone, Copy, PartialEq)]
struct Kind {
    format: Sample,
    layout: ChannelLayout,
    rate: u32,
}

/// Samples and the number of the first.
pub(crate) struct Block {
    pub first: i64,
    /// Interleaved stereo.
    pub samples: Vec<f32>,
}

impl SoundReader {
    /// `None` when the file has no sound.
    pub fn open(media: &MediaRef) -> Result<Option<SoundReader>, Fault> {
        let input = ff::open(media)?;
        let Some(stream) = ff::audio_stream(&input) else { return Ok(None) };
        let Some(s) = input.stream(stream) else { return Ok(None) };
        let (decoder, time_base) = (ff::AudioDecoder::open(&s, 1, ff::MAX_PIXELS)?, s.time_base());
        let origin = ff::origin_us(&input);
        Ok(Some(SoundReader {
            input,
            decoder,
            stream,
            time_base,
            origin,
            resampler: None,
            position: None,
            ended: false,
        }))
    }

    /// Codec, sample rate and channels of the stream.
    pub fn describe(&self) -> (String, u32, u32) {
        let Some(stream) = self.input.stream(self.stream) else { return Default::default() };
        let parameters = stream.parameters();
        // SAFETY: reads two integers of the parameters of an open stream.
        let (rate, channels) =
            unsafe { ((*parameters.as_ptr()).sample_rate, (*parameters.as_ptr()).ch_layout.nb_channels) };
        (parameters.id().name().to_owned(), rate.max(0) as u32, channels.max(0) as u32)
    }

    /// Packets and frames that could not be decoded.
    pub fn damaged(&self) -> u64 {
        self.decoder.damaged()
    }

    pub fn seek(&mut self, to: f64) {
        let at = ((to - RUN_UP).max(0.0) * 1e6) as i64 + self.origin;
        if to > RUN_UP {
            // A file that can't seek is read from where it stands, which is slower but right.
            let _ = self.input.seek(at, ..at);
            self.decoder.flush();
        }
        self.resampler = None;
        self.position = None;
        self.ended = false;
    }

    /// The next samples; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Block>, Fault> {
        let mut heard = frame::Audio::empty();
        let mut packet = Packet::empty();
        loop {
            if self.decoder.receive(&mut heard)? {
                match self.convert(&mut heard)? {
                    Some(block) => return Ok(Some(block)),
                    None => continue,
                }
            }
            if self.ended {
                return Ok(None);
            }
            match packet.read(&mut self.input) {
                Ok(()) if packet.stream() == self.stream => {
                    self.decoder.send(&packet)?;
                }
                Ok(()) => {}
                // A damaged end is an end: what could be read was heard.
                Err(_) => {
                    self.ended = true;
                    self.decoder.send_end();
                }
            }
        }
    }

    fn convert(&mut self, heard: &mut frame::Audio) -> Result<Option<Block>, Fault> {
        let broken = |e| ff::fault(e, "converting its sound");
        if heard.channel_layout().is_empty() {
            heard.set_channel_layout(ChannelLayout::default(i32::from(heard.channels())));
        }
        let kind = Kind { format: heard.format(), layout: heard.channel_layout(), rate: heard.rate() };
        if kind.rate == 0 || heard.samples() == 0 {
            return Ok(None);
        }
        if !self.resampler.as_ref().is_some_and(|(k, _)| *k == kind) {
            let to = Sample::F32(sample::Type::Packed);
            let context =
                resampling::Context::get(kind.format, kind.layout, kind.rate, to, ChannelLayout::STEREO, RATE)
                    .map_err(broken)?;
            self.resampler = Some((kind, context));
        }
        let Some((_, resampler)) = self.resampler.as_mut() else { return Ok(None) };
        let delay = resampler.delay().map_or(0, |d| d.output);
        let mut out = frame::Audio::empty();
        out.set_format(Sample::F32(sample::Type::Packed));
        out.set_channel_layout(ChannelLayout::STEREO);
        out.set_rate(RATE);
        // SAFETY: both frames describe themselves; an output without buffers is allocated to hold all that comes out (the
        // safe wrapper allocates too little when the rate rises).
        let result = unsafe { ffi::swr_convert_frame(resampler.as_mut_ptr(), out.as_mut_ptr(), heard.as_ptr()) };
        ok(result).map_err(broken)?;
        let stamp = heard.timestamp().map(|t| ff::seconds(t, self.time_base.into(), self.origin));
        let said = stamp.map(|t| (t * f64::from(RATE)).round() as i64 - delay);
        let first = match (self.position, said) {
            (Some(p), Some(s)) if (p - s).abs() > DRIFT => s,
            (Some(p), _) => p,
            (None, Some(s)) => s,
            (None, None) => return Ok(None),
        };
        // SAFETY: a packed float frame holds `samples` × 2 floats in its first plane.
        let samples = unsafe {
            let data = (*out.as_ptr()).data[0].cast::<f32>();
            if data.is_null() { Vec::new() } else { std::slice::from_raw_parts(data, out.samples() * 2).to_vec() }
        };
        self.position = Some(first + (samples.len() / 2) as i64);
        Ok(Some(Block { first, samples }))
    }
}

/// One kept part in samples, with the fades at its two ends.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    /// First and last sample that is heard, in the source, fades included.
    from: i64,
    to: i64,
    /// Sample of the output at which source sample `from` is heard.
    out: i64,
    fade_in: i64,
    fade_out: i64,
}

/// Where two parts meet, the first plays on for half a fade while the second starts half a fade early; the gains are a
/// quarter of a sine and of a cosine, so that the room's noise keeps its level through the cut. The clip's own ends fade
/// inside.
fn parts(keep: &[Keep], fade: f64) -> Vec<Part> {
    let sample = |t: f64| (t * f64::from(RATE)).round() as i64;
    let half = sample(fade.clamp(0.0, 0.1) / 2.0);
    keep.iter()
        .enumerate()
        .map(|(i, k)| {
            let (from, to, out) = (sample(k.source.start), sample(k.source.end), sample(k.out));
            let before = if i == 0 { 0 } else { half };
            let after = if i + 1 == keep.len() { 0 } else { half };
            let most = (to - from) / 2;
            Part {
                from: from - before,
                to: to + after,
                out: out - before,
                fade_in: (2 * half).min(most.max(1)),
                fade_out: (2 * half).min(most.max(1)),
            }
        })
        .collect()
}

impl Part {
    fn gain(&self, at: i64) -> f32 {
        let quarter = |k: i64, n: i64| ((k as f32 + 0.5) / n.max(1) as f32 * std::f32::consts::FRAC_PI_2).sin();
        let (since, left) = (at - self.from, self.to - 1 - at);
        let mut gain = 1.0;
        if since < self.fade_in {
            gain *= quarter(since, self.fade_in);
        }
        if left < self.fade_out {
            gain *= quarter(left, self.fade_out);
        }
        gain
    }
}

/// Sound of the kept parts, exactly `total` stereo samples (interleaved). `None` when the file has no sound.
pub(crate) fn kept(
    media: &MediaRef,
    keep: &[Keep],
    fade: f64,
    total: usize,
    monitor: &dyn Monitor,
) -> Result<Option<Vec<f32>>, Fault> {
    let Some(mut reader) = SoundReader::open(media)? else { return Ok(None) };
    let mut out = vec![0.0f32; total * 2];
    let mut spill: Vec<Block> = Vec::new();
    for (part, k) in parts(keep, fade).iter().zip(keep) {
        let behind = reader.position.is_none_or(|p| p > part.from);
        let far = reader.position.is_some_and(|p| part.from - p > (SEEK_AHEAD * f64::from(RATE)) as i64);
        spill.retain(|b| b.first + (b.samples.len() / 2) as i64 > part.from);
        let covered = spill.first().is_some_and(|b| b.first <= part.from);
        let mut add = |at: i64, pair: [f32; 2]| {
            let index = part.out + (at - part.from);
            if index >= 0 && (index as usize) < total {
                let gain = part.gain(at);
                out[2 * index as usize] += pair[0] * gain;
                out[2 * index as usize + 1] += pair[1] * gain;
            }
        };
        if (behind && !covered) || far {
            spill.clear();
            reader.seek(k.source.start);
        }
        let mut reached = i64::MIN;
        for block in &spill {
            reached = each(block, part, &mut add);
        }
        while reached < part.to {
            if monitor.cancelled() {
                return Err(Fault::cancelled());
            }
            let Some(block) = reader.next()? else { break };
            reached = each(&block, part, &mut add);
            spill.push(block);
            if spill.len() > 8 {
                spill.remove(0);
            }
        }
    }
    Ok(Some(out))
}

fn each(block: &Block, part: &Part, add: &mut impl FnMut(i64, [f32; 2])) -> i64 {
    let end = block.first + (block.samples.len() / 2) as i64;
    let (from, to) = (part.from.max(block.first), part.to.min(end));
    for at in from..to {
        let i = 2 * (at - block.first) as usize;
        if let Some(pair) = block.samples.get(i..i + 2) {
            add(at, [pair[0], pair[1]]);
        }
    }
    end
}
