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
mod insert;
pub(crate) mod mux;
mod paint;
pub(crate) mod pool;
mod recolour;
pub(crate) mod resize;
mod source;
#[cfg(test)]
pub(crate) mod testing;
mod tidy;
mod timeline;
mod waveform;

use ffmpeg_next::{Rational, frame};
use omniva_contracts::jobs::{RenderJob, Rendered};
use omniva_contracts::plan::Layout;
use omniva_contracts::{Code, Fault, Monitor};

use captions::Captions;
use compose::{Composer, Held, Shot};
use encode::{RATE, VideoEncoder, VideoSettings};
use insert::Insert;
use mux::Mp4;
use source::Source;
use timeline::Sample;
use waveform::{Envelope, Waveform};

use crate::check::motion::Motion;
use crate::thumbnail::Picker;
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
    let mut inserts = Inserts::open(job, monitor)?;
    let cleaned = master::clean(job, insert::samples(frames, fps), monitor)?;
    let envelope = waveform_needed(job).then(|| Envelope::of(&cleaned.pcm));
    let mastered = sound(job, cleaned, &mut inserts, monitor)?;
    monitor.progress(SOUND_SHARE);
    let extra = inserts.frames();
    let mut settings = VideoSettings {
        width: plan.canvas.width,
        height: plan.canvas.height,
        fps,
        duration: (frames + extra) as f64 / f64::from(fps),
        threads: job.threads,
        plan: plan.encode.clone(),
        capped: false,
    };
    settings.capped = settings.tight();
    let mut show = Show { pictures: Pictures::open(job, envelope.clone())?, inserts, frames };
    let mut written = show.write(job, &settings, &mastered, SOUND_SHARE, monitor)?;
    if let Outcome::TooLarge(progress) = written {
        settings.capped = true;
        show = Show { pictures: Pictures::open(job, envelope)?, inserts: Inserts::open(job, monitor)?, frames };
        written = show.write(job, &settings, &mastered, progress, monitor)?;
    }
    let Outcome::Written { bytes, encoder, note } = written else {
        return Err(Fault::internal("a capped bit rate passed the size limit"));
    };
    let thumbnail = show.pictures.picker.save(&job.out_dir.join(THUMBNAIL))?;
    monitor.progress(1.0);
    Ok(Rendered {
        bytes,
        duration: settings.duration,
        frames: frames + extra,
        encoder: encoder.to_owned(),
        encoder_note: note,
        loudness_before: mastered.before,
        loudness_after: mastered.after,
        thumbnail_time: thumbnail.unwrap_or(0) as f64 / f64::from(fps),
        longest_still: show.pictures.motion.worst().frozen,
        extra_seconds: extra as f64 / f64::from(fps),
        has_sound: master::reaches(mastered.before, plan.audio.target_lufs),
        cpu_seconds: cpu_seconds(),
    })
}

/// Cleans and joins everything that is heard, and encodes it.
fn sound(
    job: &RenderJob,
    cleaned: master::Cleaned,
    inserts: &mut Inserts,
    monitor: &dyn Monitor,
) -> Result<master::Mastered, Fault> {
    // Taken out, because nobody needs the samples afterwards.
    let take = |insert: &mut Option<Insert>| insert.as_mut().map(|i| std::mem::take(&mut i.pcm)).unwrap_or_default();
    let (mut first, mut last) = (take(&mut inserts.intro), take(&mut inserts.outro));
    let joined = master::join(&mut first, cleaned, &mut last)?;
    master::finish(&joined.pcm, job, joined.before, monitor)
}

fn waveform_needed(job: &RenderJob) -> bool {
    job.plan.scenes.iter().any(|s| s.layout == Layout::Waveform)
}

fn check_plan(job: &RenderJob) -> Result<(), Fault> {
    let (plan, c) = (&job.plan, &job.plan.canvas);
    let even = |v: u32| (64..=4096).contains(&v) && v.is_multiple_of(2);
    if !even(c.width) || !even(c.height) || c.fps == 0 || c.fps > 120 {
        return Err(Fault::internal(format!("a plan asks for a canvas of {}×{} at {} fps", c.width, c.height, c.fps)));
    }
    if plan.scenes.is_empty() || timeline::frame_count(plan) == 0 {
        return Err(Fault::internal("the plan of this clip is empty"));
    }
    Ok(())
}

/// What stands before and after the clip.
struct Inserts {
    intro: Option<Insert>,
    outro: Option<Insert>,
}

impl Inserts {
    fn open(job: &RenderJob, monitor: &dyn Monitor) -> Result<Inserts, Fault> {
        let (brand, fps) = (&job.plan.brand, job.plan.canvas.fps);
        let open =
            |path: &Option<std::path::PathBuf>| path.as_deref().map(|p| Insert::open(p, fps, monitor)).transpose();
        Ok(Inserts { intro: open(&brand.intro)?, outro: open(&brand.outro)? })
    }

    fn frames(&self) -> u64 {
        [&self.intro, &self.outro].into_iter().flatten().map(|i| i.frames).sum()
    }
}

/// Everything that is shown, in order.
struct Show<'a> {
    pictures: Pictures<'a>,
    inserts: Inserts,
    /// Frames of the clip itself.
    frames: u64,
}

/// How writing ended.
enum Outcome {
    Written {
        bytes: u64,
        encoder: &'static str,
        note: String,
    },
    /// The file would not have kept to the size limit; holds the progress so far.
    TooLarge(f64),
}

impl Show<'_> {
    /// Writes the file. Progress runs from `from` to 1.
    fn write(
        &mut self,
        job: &RenderJob,
        settings: &VideoSettings,
        mastered: &master::Mastered,
        from: f64,
        monitor: &dyn Monitor,
    ) -> Result<Outcome, Fault> {
        let mut encoder = VideoEncoder::open(settings, Mp4::GLOBAL_HEADER)?;
        let rates = (Rational(1, settings.fps as i32), Rational(1, RATE as i32));
        let sound = (&*mastered.sound.encoder as &ffmpeg_next::codec::Context, rates.1);
        let target = job.out_dir.join(CLIP);
        let packets = mastered.sound.packets.clone();
        let mut file = Mp4::create(&target, (encoder.context(), rates.0), sound, packets)?;
        let first = self.inserts.intro.as_ref().map_or(0, |i| i.frames);
        let total = self.frames + self.inserts.frames();
        for index in 0..total {
            if monitor.cancelled() {
                return Err(Fault::cancelled());
            }
            let mut picture = self.frame(index, first, monitor)?;
            picture.set_pts(Some(index as i64));
            picture.set_kind(ffmpeg_next::picture::Type::None);
            encoder.push(Some(&picture), |packet| file.picture(packet))?;
            let done = from + (1.0 - from) * (index + 1) as f64 / (total + 1) as f64;
            monitor.progress(done);
            if !settings.capped && file.bytes() > settings.plan.max_bytes {
                return Ok(Outcome::TooLarge(done));
            }
        }
        encoder.push(None, |packet| file.picture(packet))?;
        if !settings.capped && file.bytes() > settings.plan.max_bytes {
            return Ok(Outcome::TooLarge(1.0));
        }
        Ok(Outcome::Written { bytes: file.finish()?, encoder: encoder.name, note: encoder.note })
    }

    fn frame(&mut self, index: u64, first: u64, monitor: &dyn Monitor) -> Result<frame::Video, Fault> {
        let pictures = &mut self.pictures;
        let insert = match (&mut self.inserts.intro, &mut self.inserts.outro) {
            (Some(intro), _) if index < first => Some((intro, index)),
            (_, Some(outro)) if index >= first + self.frames => Some((outro, index - first - self.frames)),
            _ => None,
        };
        match insert {
            Some((insert, at)) => {
                let picture = insert.frame(at, &mut pictures.composer, monitor)?;
                pictures.watch(&picture, index);
                Ok(picture)
            }
            None => pictures.frame(index - first, index, monitor),
        }
    }
}

/// Makes the pictures of the clip itself, one after the other.
struct Pictures<'a> {
    job: &'a RenderJob,
    source: Option<Source>,
    composer: Composer,
    waveform: Option<Waveform>,
    captions: Option<Captions>,
    picker: Picker,
    motion: Motion,
    /// The last picture before captions, when the next frame is expected to show it again.
    last: Option<(Look, frame::Video)>,
    held: Option<Held>,
}

/// What a composed picture shows: equal looks are equal pictures.
type Look = (u64, Shot);

impl<'a> Pictures<'a> {
    fn open(job: &'a RenderJob, envelope: Option<Envelope>) -> Result<Pictures<'a>, Fault> {
        let (plan, canvas) = (&job.plan, &job.plan.canvas);
        // Encoding costs many times what decoding does, and frame threads a sixth more than one thread.
        let threads = (job.threads / 4).clamp(1, 4);
        let source = match &job.info.video {
            Some(video) => Some(Source::open(&job.media, plan.source_span.start, video.fps, threads)?),
            None => None,
        };
        let size = (canvas.width, canvas.height);
        let captions = match &job.ass {
            Some(script) => Some(Captions::open(script, &job.fonts, &job.out_dir, size, canvas.fps)?),
            None => None,
        };
        let composer = Composer::new(canvas, &plan.brand)?;
        let waveform =
            envelope.map(|e| Waveform::new(canvas, &plan.brand, &composer.pool, e, plan.duration())).transpose()?;
        let picker = Picker::new(&job.thumbnail_times, timeline::frame_count(plan), canvas.fps);
        Ok(Pictures {
            job,
            source,
            composer,
            waveform,
            captions,
            picker,
            motion: Motion::default(),
            last: None,
            held: None,
        })
    }

    /// Frame `index` of the clip, which is frame `shown` of the file.
    fn frame(&mut self, index: u64, shown: u64, monitor: &dyn Monitor) -> Result<frame::Video, Fault> {
        let sample = timeline::sample(&self.job.plan, index).ok_or_else(|| Fault::internal("a plan keeps nothing"))?;
        let mut picture = self.composed(&sample, index, monitor)?;
        self.watch(&picture, shown);
        self.picker.see(index, &picture, &self.composer.pool)?;
        if let Some(captions) = &mut self.captions {
            captions.draw(&mut picture, index)?;
        }
        Ok(picture)
    }

    /// Follows how long nothing moves: quality control must know what the source itself does.
    fn watch(&mut self, picture: &frame::Video, shown: u64) {
        let length = 1.0 / f64::from(self.job.plan.canvas.fps);
        self.motion.add(pool::plane(picture, 0), shown as f64 * length, (shown + 1) as f64 * length);
    }

    fn composed(&mut self, sample: &Sample, index: u64, monitor: &dyn Monitor) -> Result<frame::Video, Fault> {
        let plan = &self.job.plan;
        let Some(source) = self.source.as_mut() else { return self.designed(sample) };
        let shown = source.at(sample.source, monitor)?.ok_or_else(lost)?;
        let scene = timeline::scene_at(plan, sample, Some((shown.start, shown.length))).ok_or_else(lost)?;
        let held = self.held.filter(|held| held.lasts(shown.serial, shown.length, scene, sample.out));
        let Some(held) = held.or_else(|| Held::begin(shown.serial, scene, sample.out)) else {
            return self.designed(sample);
        };
        self.held = Some(held);
        let shot = held.shot;
        let look = (shown.serial, shot);
        if let Some((_, picture)) = self.last.take_if(|(l, _)| *l == look) {
            return Ok(picture);
        }
        let mut picture = self.composer.compose(shown.picture, shot)?;
        self.composer.sign(&mut picture);
        self.last = None;
        if let Some(next) = timeline::sample(plan, index + 1) {
            let rests = held.lasts(shown.serial, shown.length, scene, next.out)
                || Shot::at(&scene.layout, next.out) == Some(shot);
            let again = next.source + 1e-3 < shown.start + shown.length && rests;
            if again {
                self.last = Some((look, self.composer.pool.copy(&picture)?));
            }
        }
        Ok(picture)
    }

    fn designed(&self, sample: &Sample) -> Result<frame::Video, Fault> {
        let waveform = self.waveform.as_ref().ok_or_else(lost)?;
        let mut picture = waveform.draw(sample.out, &self.composer.pool)?;
        self.composer.sign(&mut picture);
        Ok(picture)
    }
}

fn lost() -> Fault {
    Fault::new(
        Code::InputCorrupt,
        "the picture of this part of the video can't be decoded",
        "play the video around this place to check it, or convert it first",
    )
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
