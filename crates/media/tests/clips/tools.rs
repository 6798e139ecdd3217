//! Making sources and looking at results.

use std::path::{Path, PathBuf};
use std::process::Command;

use omniva_contracts::Silent;
use omniva_contracts::geometry::{Rect, Span};
use omniva_contracts::jobs::{CheckJob, MediaRef, RenderJob, Rendered};
use omniva_contracts::media::{AudioInfo, Container, MediaInfo, VideoInfo};
use omniva_contracts::plan::{CropKey, EditPlan, Keep, Layout, Scene};
use omniva_contracts::qc::QcReport;

use crate::testing;

/// A folder with one source in it.
pub struct Bench {
    pub dir: tempfile::TempDir,
    pub source: PathBuf,
}

pub fn ffmpeg(args: &[&str]) {
    let output = Command::new("ffmpeg").args(["-v", "error", "-nostdin", "-y"]).args(args).output();
    let output = output.expect("these tests need the ffmpeg command line");
    assert!(output.status.success(), "ffmpeg {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Bench {
    /// `picture` and `sound` are lavfi sources.
    pub fn new(picture: Option<&str>, sound: Option<&str>, length: f64) -> Bench {
        Bench::with(picture, sound, length, &[])
    }

    pub fn with(picture: Option<&str>, sound: Option<&str>, length: f64, extra: &[&str]) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.mp4");
        let length = length.to_string();
        let mut args = Vec::new();
        for input in [picture, sound].into_iter().flatten() {
            args.extend(["-f", "lavfi", "-i", input]);
        }
        args.extend(["-t", &length, "-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-pix_fmt", "yuv420p"]);
        args.extend(["-g", "50", "-c:a", "aac", "-b:a", "256k"]);
        args.extend(extra);
        args.push(source.to_str().unwrap());
        ffmpeg(&args);
        Bench { dir, source }
    }

    pub fn out(&self) -> &Path {
        self.dir.path()
    }

    /// A job on this source; `video` is its size and rate.
    pub fn job(&self, plan: EditPlan, video: Option<(u32, u32, f64)>, sound: bool) -> RenderJob {
        job_for(&self.source, self.out(), plan, video, sound)
    }
}

/// A plan for a small canvas, which keeps tests fast.
pub fn plan(length: f64, fps: u32, size: (u32, u32), layout: Layout) -> EditPlan {
    let mut plan = testing::plan(length, fps);
    (plan.canvas.width, plan.canvas.height) = size;
    plan.scenes = vec![Scene { out: Span::new(0.0, length), layout, why: "test".into() }];
    plan
}

pub fn still(rect: Rect) -> Layout {
    Layout::Single { keys: vec![CropKey { out: 0.0, rect }] }
}

/// Keeps the given source spans one after the other.
pub fn keep(plan: &mut EditPlan, spans: &[(f64, f64)]) {
    let mut out = 0.0;
    plan.keep = spans
        .iter()
        .map(|(start, end)| {
            let k = Keep { source: Span::new(*start, *end), out };
            out += end - start;
            k
        })
        .collect();
    plan.source_span = Span::new(spans[0].0, spans[spans.len() - 1].1);
    if let [scene] = plan.scenes.as_mut_slice() {
        scene.out = Span::new(0.0, out);
    }
}

pub fn render(job: &RenderJob) -> Rendered {
    omniva_media::render::render(job, &Silent).unwrap_or_else(|f| panic!("{f}: {}", f.detail))
}

pub fn check(job: &RenderJob, rendered: &Rendered) -> QcReport {
    let plan = &job.plan;
    let check = CheckJob {
        file: job.out_dir.join("clip.mp4"),
        out_dir: job.out_dir.clone(),
        expected_duration: plan.duration() + rendered.extra_seconds,
        width: plan.canvas.width,
        height: plan.canvas.height,
        fps: plan.canvas.fps,
        max_bytes: plan.encode.max_bytes,
        target_lufs: plan.audio.target_lufs,
        ceiling_dbtp: plan.audio.ceiling_dbtp,
        expect_sound: rendered.has_sound,
        still_seconds: rendered.longest_still,
    };
    omniva_media::check::check(&check, &Silent).unwrap_or_else(|f| panic!("{f}: {}", f.detail))
}

pub fn assert_passed(report: &QcReport) {
    let failed: Vec<_> = report.failed().map(|c| format!("{}: {} ({})", c.name, c.measured, c.limit)).collect();
    assert!(report.passed(), "{failed:?}");
}

/// All frames of a clip as grey pictures of `width` × `height`.
pub fn grey(clip: &Path, width: usize, height: usize) -> Vec<Vec<u8>> {
    frames(clip, width, height, "gray", 1)
}

/// All frames of a clip as RGB.
pub fn rgb(clip: &Path, width: usize, height: usize) -> Vec<Vec<u8>> {
    frames(clip, width, height, "rgb24", 3)
}

fn frames(clip: &Path, width: usize, height: usize, format: &str, bytes: usize) -> Vec<Vec<u8>> {
    let scale = format!("scale={width}:{height}:flags=area");
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(clip)
        .args(["-vf", &scale, "-f", "rawvideo", "-pix_fmt", format, "-"])
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout.chunks_exact(width * height * bytes).map(<[u8]>::to_vec).collect()
}

/// Sound of a clip as mono samples at 48 kHz.
pub fn samples(clip: &Path) -> Vec<f32> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(clip)
        .args(["-f", "f32le", "-ac", "1", "-ar", "48000", "-"])
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// What ffprobe says about one entry, e.g. `stream=codec_name`.
pub fn probe(clip: &Path, stream: &str, entries: &str) -> String {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", stream, "-show_entries", entries, "-of", "csv=p=0"])
        .arg(clip)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Names in a folder, sorted.
pub fn listing(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The real talk show that these tests need.
pub fn panel() -> PathBuf {
    let folder = std::env::var_os("OMNIVA_TEST_MEDIA")
        .expect("set OMNIVA_TEST_MEDIA to the folder that holds panel.mp4 (`make test` does)");
    let file = PathBuf::from(folder).join("panel.mp4");
    assert!(file.is_file(), "OMNIVA_TEST_MEDIA holds no panel.mp4");
    file
}

/// A job for an MP4 of the given size and rate.
pub fn job_for(source: &Path, out: &Path, plan: EditPlan, video: Option<(u32, u32, f64)>, sound: bool) -> RenderJob {
    RenderJob {
        media: MediaRef { path: source.to_path_buf(), container: Container::Mov },
        info: MediaInfo {
            sha256: String::new(),
            bytes: 0,
            container: Container::Mov,
            duration: plan.source_span.end,
            video: video.map(|(width, height, fps)| VideoInfo { codec: "h264".into(), width, height, fps }),
            audio: sound.then(|| AudioInfo { codec: "aac".into(), sample_rate: 48_000, channels: 2 }),
            repairs: vec![],
            normalised: false,
            inside_bars: None,
        },
        plan,
        ass: None,
        fonts: "/usr/share/fonts/truetype/lato".into(),
        out_dir: out.to_path_buf(),
        gain_db: 0.0,
        ceiling_offset_db: 0.0,
        threads: 2,
        thumbnail_times: vec![],
    }
}
