//! What the linked FFmpeg can do, for `doctor`.

use ffmpeg_next as ffmpeg;

use crate::ff;

/// One thing that the engine needs (or would like) from FFmpeg.
#[derive(Clone, Debug, PartialEq)]
pub struct Capability {
    pub name: &'static str,
    pub found: bool,
    /// The engine does not work without it.
    pub required: bool,
}

/// libavutil's version as `major.minor.micro`, and each capability.
pub fn capabilities() -> (String, Vec<Capability>) {
    ff::init();
    let v = ffmpeg::util::version();
    let version = format!("{}.{}.{}", v >> 16, (v >> 8) & 0xff, v & 0xff);
    let encoder = |name| ffmpeg::encoder::find_by_name(name).is_some();
    let decoder = |name| ffmpeg::decoder::find_by_name(name).is_some();
    let filter = |name| ffmpeg::filter::find(name).is_some();
    let all = vec![
        Capability { name: "encoder libx264", found: encoder("libx264"), required: true },
        Capability { name: "encoder aac", found: encoder("aac"), required: true },
        Capability { name: "encoder h264_nvenc", found: encoder("h264_nvenc"), required: false },
        Capability { name: "decoder h264", found: decoder("h264"), required: true },
        Capability { name: "decoder hevc", found: decoder("hevc"), required: false },
        Capability { name: "decoder vp9", found: decoder("vp9"), required: false },
        Capability { name: "decoder av1", found: decoder("libdav1d") || decoder("av1"), required: false },
        Capability { name: "decoder opus", found: decoder("opus"), required: false },
        Capability { name: "filter acompressor", found: filter("acompressor"), required: true },
    ];
    (version, all)
}
