//! One render: a plan becomes `clip.mp4` and `clip.jpg`, in one pass over the source.
//!
//! Per output frame: take the source picture, scale its crop into the canvas ([`resize`]), draw logo and captions,
//! encode. Work is skipped wherever the result would be the same: a 25 fps source in a 30 fps clip composes each picture
//! once.

mod backdrop;
mod captions;
mod compose;
pub(crate) mod encode;
pub(crate) mod faults;
mod mux;
mod paint;
pub(crate) mod pool;
pub(crate) mod resize;
mod source;
#[cfg(test)]
pub(crate) mod testing;
mod tidy;
mod timeline;

use ffmpeg_next::{Rational, frame};
use omniva_contracts::jobs::{RenderJob, Rendered};
use omniva_contracts::{Code, Fault, Monitor};

use captions::Captions;
use compose::{Composer, Shot};
use encode::{RATE, VideoEncoder, VideoSettings};
use mux::Mp4;
use source::Source;
use timeline::Sample;

use crate::{ff, master};

/// Name of the finished clip in the job's output folder.
pub const CLIP: &str = "clip.mp4";
/// Name of its thumbnail.
pub const THUMBNAIL: &str = "clip.jpg";

/// Share of the progress bar that the sound takes.
const SOUND_SHARE: f64 = 0.08;

/// Renders `job.plan` into `job.out_dir`. Nothing is left behind on failure.
///
/// # Errors
/// `input_*` when the source can't be read, `config_invalid` for a brand kit that can't be used, `encoder_failed`,
/// `no_space`, `output_unwritable`, `cancelled`.
pub fn render(job: &RenderJob, monitor: &dyn Monitor) -> Result<Rendered, Fault> {
    ff::init();
    check_plan(job)?;
    let plan = &job.plan;
    let fps = plan.canvas.fps;
    let frames = timeline::frame_count(plan);
    let samples = (frames as u128 * u128::from(RATE) / u128::from(fps)) as usize;
    let cleaned = master::clean(job, samples, monitor)?;
    let mastered = master::finish(&cleaned.pcm, job, cleaned.before, monitor)?;
    drop(cleaned);
    monitor.progress(SOUND_SHARE);
    let settings = VideoSettings {
        width: plan.canvas.width,
        height: plan.canvas.height,
        fps,
        duration: frames as f64 / f64::from(fps),
        threads: job.threads,
        plan: plan.encode.clone(),
    };
    let mut encoder = VideoEncoder::open(&settings, Mp4::GLOBAL_HEADER)?;
    let target = job.out_dir.join(CLIP);
    let rates = (Rational(1, fps as i32), Rational(1, RATE as i32));
    let sound = (&*mastered.sound.encoder as &ffmpeg_next::codec::Context, rates.1);
    let mut file = Mp4::create(&target, (encoder.context(), rates.0), sound, mastered.sound.packets)?;
    let mut pictures = Pictures::open(job)?;
    for index in 0..frames {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        let mut picture = pictures.frame(index, monitor)?;
        picture.set_pts(Some(index as i64));
        picture.set_kind(ffmpeg_next::picture::Type::None);
        encoder.push(Some(&picture), |packet| file.picture(packet))?;
        monitor.progress(SOUND_SHARE + (1.0 - SOUND_SHARE) * (index + 1) as f64 / (frames + 1) as f64);
    }
    encoder.push(None, |packet| file.picture(packet))?;
    let bytes = file.finish()?;
    monitor.progress(1.0);
    Ok(Rendered {
        bytes,
        duration: settings.duration,
        frames,
        encoder: encoder.name.to_owned(),
        encoder_note: encoder.note,
        loudness_before: mastered.before,
        loudness_after: mastered.after,
        thumbnail_time: 0.0,
        longest_still: 0.0,
        extra_seconds: 0.0,
        has_sound: master::reaches(mastered.before, plan.audio.target_lufs),
        cpu_seconds: cpu_seconds(),
    })
}

fn check_plan(job: &RenderJob) -> Result<(), Fault> {
    let (plan, c) = (&job.plan, &job.plan.canvas);
    let even = |v: u32| v >= 64 && v <= 4096 && v % 2 == 0;
    if !even(c.width) || !even(c.height) || c.fps == 0 || c.fps > 120 {
        return Err(Fault::internal(format!("a plan asks for a canvas of {}×{} at {} fps", c.width, c.height, c.fps)));
    }
    if plan.scenes.is_empty() || timeline::frame_count(plan) == 0 {
        return Err(Fault::new(
            Code::ClipRefused,
            "the plan of this clip is empty",
            "this is a bug in omniva: please report it",
        ));
    }
    Ok(())
}

/// Makes the pictures of the clip, one after the other.
struct Pictures<'a> {
    job: &'a RenderJob,
    source: Option<Source>,
    composer: Composer,
    captions: Option<Captions>,
    /// The last picture before captions, when the next frame is expected to show it again.
    last: Option<(Look, frame::Video)>,
}

/// What a composed picture shows: equal looks are equal pictures.
type Look = (u64, Shot);

impl<'a> Pictures<'a> {
    fn open(job: &'a RenderJob) -> Result<Pictures<'a>, Fault> {
        let plan = &job.plan;
        let size = (plan.canvas.width, plan.canvas.height);
        let source = match &job.info.video {
            Some(video) => Some(Source::open(&job.media, plan.source_span.start, video.fps, job.threads.clamp(1, 4))?),
            None => None,
        };
        let captions = match &job.ass {
            Some(script) => Some(Captions::open(script, &job.fonts, &job.out_dir, size, plan.canvas.fps)?),
            None => None,
        };
        let composer = Composer::new(&plan.canvas, &plan.brand)?;
        Ok(Pictures { job, source, composer, captions, last: None })
    }

    fn frame(&mut self, index: u64, monitor: &dyn Monitor) -> Result<frame::Video, Fault> {
        let sample = timeline::sample(&self.job.plan, index).ok_or_else(|| Fault::internal("a plan keeps nothing"))?;
        let picture = self.composed(&sample, index, monitor)?;
        match &mut self.captions {
            Some(captions) => {
                let mut picture = picture;
                picture.set_pts(Some(index as i64));
                captions.draw(picture)
            }
            None => Ok(picture),
        }
    }

    fn composed(&mut self, sample: &Sample, index: u64, monitor: &dyn Monitor) -> Result<frame::Video, Fault> {
        let plan = &self.job.plan;
        let lost = || {
            Fault::new(
                Code::InputCorrupt,
                "the picture of this part of the video can't be decoded",
                "play the video around this place to check it, or convert it first",
            )
        };
        let source = self.source.as_mut().ok_or_else(lost)?;
        let shown = source.at(sample.source, monitor)?.ok_or_else(lost)?;
        let scene = timeline::scene_at(plan, sample, Some((shown.start, shown.length))).ok_or_else(lost)?;
        let shot = Shot::at(&scene.layout, sample.out).ok_or_else(lost)?;
        let look = (shown.serial, shot);
        if let Some((_, picture)) = self.last.take_if(|(l, _)| *l == look) {
            return Ok(picture);
        }
        let picture = self.composer.compose(shown.picture, shot)?;
        self.last = None;
        if let Some(next) = timeline::sample(plan, index + 1) {
            let again =
                next.source + 1e-3 < shown.start + shown.length && Shot::at(&scene.layout, next.out) == Some(shot);
            if again {
                self.last = Some((look, self.composer.pool.copy(&picture)?));
            }
        }
        Ok(picture)
    }
}

/// Processor time of this process so far, seconds.
fn cpu_seconds() -> f64 {
    // SAFETY: fills a structure of ours.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}
