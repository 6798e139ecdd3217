//! What ingest finds out about a source, and what it had to repair.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::geometry::Rect;

/// A container recognised by its bytes. The demuxer is pinned to it, so a playlist can never be opened by probing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Container {
    Mov,
    Matroska,
    Mpegts,
    Mpegps,
    Avi,
    Flv,
    Asf,
    Wav,
    Mp3,
    Flac,
    Ogg,
    Aac,
    Aiff,
    Caf,
}

impl Container {
    /// FFmpeg's name of the demuxer.
    pub fn demuxer(self) -> &'static str {
        match self {
            Container::Mov => "mov",
            Container::Matroska => "matroska",
            Container::Mpegts => "mpegts",
            Container::Mpegps => "mpeg",
            Container::Avi => "avi",
            Container::Flv => "flv",
            Container::Asf => "asf",
            Container::Wav => "wav",
            Container::Mp3 => "mp3",
            Container::Flac => "flac",
            Container::Ogg => "ogg",
            Container::Aac => "aac",
            Container::Aiff => "aiff",
            Container::Caf => "caf",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoInfo {
    pub codec: String,
    /// Display size in pixels: after rotation and with square pixels.
    pub width: u32,
    pub height: u32,
    /// Nominal frame rate.
    pub fps: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioInfo {
    pub codec: String,
    pub sample_rate: u32,
    pub channels: u32,
}

/// Why the source could not be used as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Repair {
    VariableFrameRate,
    HighFrameRate,
    TimestampGap,
    TimestampBackward,
    StartOffset,
    Rotation,
    OddSize,
    NonSquarePixels,
    SurroundSound,
    DamagedPackets,
    AudioCodec,
    VideoCodec,
    /// Half pictures (fields) were woven into frames.
    Interlaced,
    /// The container can't be entered at a given time exactly (MPEG transport and program streams).
    NoIndex,
}

/// A source that every later stage can rely on: constant frame rate, timestamps from 0 upwards without gaps, upright
/// square pixels of even size, mono or stereo sound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MediaInfo {
    /// SHA-256 of the source file, lower-case hex.
    pub sha256: String,
    pub bytes: u64,
    /// Container of the *normalised* file, i.e. of what later stages open.
    pub container: Container,
    pub duration: f64,
    pub video: Option<VideoInfo>,
    pub audio: Option<AudioInfo>,
    /// Empty when the source was used as it is.
    pub repairs: Vec<Repair>,
    /// True when ingest wrote a normalised copy, which later stages open instead of the source.
    pub normalised: bool,
    /// Picture inside bars that are baked into the source (letterbox, pillarbox); `None` when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside_bars: Option<Rect>,
}
