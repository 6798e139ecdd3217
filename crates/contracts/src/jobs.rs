//! What the sandboxed child is told, one job a process: paths, limits and plain options. Results are written as JSON to
//! `result` inside the job's output folder; progress goes to standard output as [`ChildLine`]s.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::analysis::Heard;
use crate::fault::Fault;
use crate::media::{Container, MediaInfo};
use crate::plan::EditPlan;

/// Name of the result file in a job's output folder.
pub const RESULT: &str = "result.json";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ChildJob {
    Ingest(IngestJob),
    Print(PrintJob),
    Listen(ListenJob),
    Watch(WatchJob),
    Read(ReadJob),
    Render(Box<RenderJob>),
    Check(CheckJob),
    /// Tries to break out and reports what it could do (tests and `doctor`).
    ProbeSandbox(ProbeJob),
}

/// One line of a child's standard output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChildLine {
    Progress(f64),
    Done,
    Fault(Fault),
}

/// Media file as every stage opens it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MediaRef {
    pub path: PathBuf,
    pub container: Container,
}

/// → [`MediaInfo`]; writes `normalised.mkv` into `out_dir` when the source needs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IngestJob {
    pub source: MediaRef,
    pub sha256: String,
    pub bytes: u64,
    pub out_dir: PathBuf,
    pub max_seconds: f64,
    /// Largest picture, in pixels (width × height).
    pub max_pixels: u64,
}

/// → [`Printed`]; writes the fingerprint (`likeness.print`, at most 0.8 MB) into `out_dir`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrintJob {
    pub media: MediaRef,
    pub info: MediaInfo,
    pub out_dir: PathBuf,
    pub threads: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Printed {
    pub bytes: u64,
    /// Landmarks of the sound and runs of pictures.
    pub landmarks: u64,
    pub runs: u64,
}

/// → [`Heard`]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListenJob {
    pub media: MediaRef,
    pub info: MediaInfo,
    pub models: PathBuf,
    pub out_dir: PathBuf,
    /// ISO 639-1, or `None` to detect.
    pub language: Option<String>,
    /// False: only voice activity, turns, levels; and `speech.wav` (16 kHz mono s16) for another recogniser.
    pub recognize: bool,
    /// Segments below this confidence are marked.
    pub low_confidence: f64,
    pub threads: usize,
}

/// → [`crate::analysis::Seen`]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchJob {
    pub media: MediaRef,
    pub info: MediaInfo,
    pub models: PathBuf,
    pub out_dir: PathBuf,
    pub faces_per_second: f64,
    pub threads: usize,
}

/// → [`crate::analysis::Read`]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadJob {
    pub heard: Heard,
    pub duration: f64,
    pub models: PathBuf,
    pub out_dir: PathBuf,
    pub keywords: Vec<String>,
}

/// → [`Rendered`]; writes `clip.mp4` and `clip.jpg` into `out_dir`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RenderJob {
    pub media: MediaRef,
    pub info: MediaInfo,
    pub plan: EditPlan,
    /// The captions as an ASS script, already written; `None` without captions.
    pub ass: Option<PathBuf>,
    /// Folder that holds the fonts which the script names.
    pub fonts: PathBuf,
    pub out_dir: PathBuf,
    /// Extra gain and a lower ceiling for a second try after quality control, dB.
    pub gain_db: f64,
    pub ceiling_offset_db: f64,
    pub threads: usize,
    /// Output times worth trying for the thumbnail, best first.
    pub thumbnail_times: Vec<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rendered {
    pub bytes: u64,
    pub duration: f64,
    pub frames: u64,
    /// `libx264` or `h264_nvenc`.
    pub encoder: String,
    /// Why not NVENC, when it was wanted.
    pub encoder_note: String,
    /// Loudness before and after mastering.
    pub loudness_before: f64,
    pub loudness_after: f64,
    pub thumbnail_time: f64,
    /// Longest stretch over which the source itself shows one unmoved picture (a slide, a still), seconds of the clip.
    #[serde(default)]
    pub longest_still: f64,
    /// Seconds that intro and outro add to the plan's own duration.
    #[serde(default)]
    pub extra_seconds: f64,
    /// False when the kept parts are silent, or so quiet that raising them to the target would raise mostly noise.
    #[serde(default)]
    pub has_sound: bool,
    /// CPU time of the whole child, seconds.
    pub cpu_seconds: f64,
}

/// → [`crate::qc::QcReport`]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckJob {
    pub file: PathBuf,
    pub out_dir: PathBuf,
    pub expected_duration: f64,
    pub width: u32,
    pub height: u32,
    pub fps: u32,
    pub max_bytes: u64,
    pub target_lufs: f64,
    pub ceiling_dbtp: f64,
    /// False when the clip has no sound worth a loudness ([`Rendered::has_sound`]).
    pub expect_sound: bool,
    /// Stretches without motion up to this length come from the source and are no fault ([`Rendered::longest_still`]).
    #[serde(default)]
    pub still_seconds: f64,
}

/// → [`ProbeFindings`]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeJob {
    pub out_dir: PathBuf,
    /// Files that must stay unreadable.
    pub forbidden: Vec<PathBuf>,
    /// Loopback port that must stay unreachable.
    pub port: u16,
}

/// True means that the attempt succeeded, i.e. that the sandbox failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbeFindings {
    pub read_forbidden: Vec<PathBuf>,
    pub opened_socket: bool,
    pub connected: bool,
    pub wrote_outside: bool,
    pub forked: bool,
    pub executed: bool,
    pub wrote_inside: bool,
}
