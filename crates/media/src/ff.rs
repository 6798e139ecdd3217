//! What every part of this crate needs of FFmpeg: opening a file safely, choosing streams, decoders, and one rule for time.
//!
//! Safety of opening (after CVE-2017-9993 and its successors, where a playlist dressed as a movie made a demuxer read other
//! files): the demuxer is never probed but pinned to what our own sniffer recognised, only the `file` protocol exists, and
//! only decoders of an allow-list are ever opened.

mod codec;
mod packets;
mod time;

use std::ffi::{CStr, CString, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::Once;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi;
use ffmpeg_next::format::context::{Input, Output};
use omniva_contracts::jobs::MediaRef;
use omniva_contracts::{Code, Fault};

pub use codec::{AudioDecoder, VideoDecoder, audio_stream, stream_size, video_stream};
pub use packets::{PacketReader, keep_only};
pub use time::{FrameGrid, origin_us, seconds};

/// Pictures larger than this are refused by [`open`] before any decoder sees them (16384 × 8192).
pub const MAX_PIXELS: u64 = 1 << 27;

/// Bytes and microseconds of media that FFmpeg may look at to find the streams' parameters.
const PROBE_BYTES: i64 = 32 << 20;
const PROBE_US: i64 = 10_000_000;

/// Decoders that may be opened; everything else, however exotic, is refused with `input_codec`.
const DECODERS: &CStr = c"h264,hevc,mpeg1video,mpeg2video,mpegvideo,mpeg4,msmpeg4v1,msmpeg4v2,msmpeg4,h263,flv,vp6,vp6f,vp6a,\
vp7,vp8,vp9,libdav1d,libaom-av1,av1,libvpx,libvpx-vp9,prores,dnxhd,mjpeg,wmv1,wmv2,wmv3,vc1,theora,dvvideo,ffv1,huffyuv,\
ffvhuff,utvideo,cfhd,svq1,svq3,qtrle,rpza,cinepak,rawvideo,v210,png,cscd,zmbv,tscc,tscc2,\
aac,aac_latm,aac_fixed,mp1,mp1float,mp2,mp2float,mp3,mp3float,ac3,ac3_fixed,eac3,dca,truehd,mlp,opus,libopus,vorbis,\
libvorbis,flac,alac,wmav1,wmav2,wmapro,wmalossless,wmavoice,wavpack,tta,ape,amrnb,amrwb,libopencore_amrnb,\
libopencore_amrwb,speex,libspeex,gsm,gsm_ms,libgsm,libgsm_ms,nellymoser,cook,adpcm_ima_wav,adpcm_ima_qt,adpcm_ms,\
adpcm_swf,adpcm_yamaha,adpcm_g722,adpcm_g726,pcm_s16le,pcm_s16be,pcm_u16le,pcm_u16be,pcm_s8,pcm_u8,pcm_alaw,pcm_mulaw,\
pcm_s24le,pcm_s24be,pcm_u24le,pcm_u24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_bluray,pcm_dvd,\
pcm_s16le_planar,pcm_s24le_planar,pcm_s32le_planar";

/// Silences FFmpeg's log: our faults say what matters, and a damaged file writes thousands of lines.
pub fn init() {
    static ONCE: Once = Once::new();
    // SAFETY: sets one process-wide integer. FFmpeg 5 and later need no other initialisation; networking stays off.
    ONCE.call_once(|| unsafe { ffi::av_log_set_level(ffi::AV_LOG_QUIET) });
}

/// Opens a media file with the demuxer of `media.container` and finds its streams' parameters.
///
/// # Errors
/// `input_missing`, `input_unreadable`, `input_corrupt` (the container can't be read), `input_dimensions` (a picture of
/// more than [`MAX_PIXELS`]).
pub fn open(media: &MediaRef) -> Result<Input, Fault> {
    open_limited(media, MAX_PIXELS)
}

/// As [`open`], with the largest picture in pixels. The header is checked before any decoder is opened, and the decoders
/// that FFmpeg opens to find missing parameters carry the same limit.
pub fn open_limited(media: &MediaRef, max_pixels: u64) -> Result<Input, Fault> {
    let mut input = open_header(media)?;
    check_sizes(&input, max_pixels)?;
    let limit = CString::new(max_pixels.min(i32::MAX as u64).to_string())
        .map_err(|_| Fault::internal("a number can't be written as text"))?;
    // SAFETY: `input` owns a valid context; the options array has one entry per stream and outlives the call. Streams found
    // during the call get no options, which FFmpeg allows (it reads `orig_nb_streams` entries only).
    let found = unsafe {
        let count = (*input.as_ptr()).nb_streams as usize;
        let mut options: Vec<*mut ffi::AVDictionary> = vec![ptr::null_mut(); count];
        for entry in &mut options {
            ffi::av_dict_set(entry, c"max_pixels".as_ptr(), limit.as_ptr(), 0);
        }
        let array = if count == 0 { ptr::null_mut() } else { options.as_mut_ptr() };
        let found = ffi::avformat_find_stream_info(input.as_mut_ptr(), array);
        for entry in &mut options {
            ffi::av_dict_free(entry);
        }
        found
    };
    if found < 0 {
        return Err(fault(ffmpeg::Error::from(found), "reading its streams"));
    }
    check_sizes(&input, max_pixels)?;
    Ok(input)
}

fn open_header(media: &MediaRef) -> Result<Input, Fault> {
    init();
    let url = file_url(&media.path)?;
    let demuxer = CString::new(media.container.demuxer()).map_err(|_| Fault::internal("a demuxer has no name"))?;
    // SAFETY: all strings are NUL-terminated and outlive the calls; on failure avformat_open_input frees the context.
    unsafe {
        let format = ffi::av_find_input_format(demuxer.as_ptr());
        if format.is_null() {
            let message = format!("this FFmpeg can't read {} files", media.container.demuxer());
            return Err(Fault::new(
                Code::InputCodec,
                message,
                "install FFmpeg's full libraries (Debian: libavformat59)",
            ));
        }
        let mut options = ptr::null_mut();
        let mut set = |key: &CStr, value: &CStr| ffi::av_dict_set(&mut options, key.as_ptr(), value.as_ptr(), 0);
        set(c"protocol_whitelist", c"file");
        set(c"format_whitelist", CStr::from_ptr((*format).name));
        set(c"codec_whitelist", DECODERS);
        // Options of the mov demuxer alone; the others leave them untouched.
        set(c"enable_drefs", c"0");
        set(c"use_absolute_path", c"0");
        set(c"ignore_chapters", c"1");
        ffi::av_dict_set_int(&mut options, c"probesize".as_ptr(), PROBE_BYTES, 0);
        ffi::av_dict_set_int(&mut options, c"analyzeduration".as_ptr(), PROBE_US, 0);
        let mut context = ptr::null_mut();
        let result = ffi::avformat_open_input(&mut context, url.as_ptr(), format, &mut options);
        ffi::av_dict_free(&mut options);
        if result < 0 {
            return Err(fault(ffmpeg::Error::from(result), "reading its header"));
        }
        Ok(Input::wrap(context))
    }
}

fn check_sizes(input: &Input, max_pixels: u64) -> Result<(), Fault> {
    for stream in input.streams() {
        let (width, height) = stream_size(&stream);
        check_size(width, height, max_pixels)?;
    }
    Ok(())
}

/// Refuses a picture of more than `max_pixels`.
pub fn check_size(width: u32, height: u32, max_pixels: u64) -> Result<(), Fault> {
    if u64::from(width) * u64::from(height) <= max_pixels {
        return Ok(());
    }
    Err(Fault::new(
        Code::InputDimensions,
        format!("the picture is {width}×{height}, larger than the limit of {max_pixels} pixels"),
        "scale the video down first, or raise limits.max_megapixels in the configuration",
    ))
}

/// Creates `path` for writing with the muxer called `format`. The caller writes header and trailer, and renames.
///
/// # Errors
/// `output_unwritable`, `no_space`; `encoder_failed` when FFmpeg lacks the muxer.
pub fn create(path: &Path, format: &str) -> Result<Output, Fault> {
    init();
    let url = file_url(path)?;
    let name = CString::new(format).map_err(|_| Fault::internal("a muxer's name holds a NUL byte"))?;
    // SAFETY: the strings outlive the calls; the context is freed here when the file can't be opened.
    unsafe {
        let mut context = ptr::null_mut();
        if ffi::avformat_alloc_output_context2(&mut context, ptr::null(), name.as_ptr(), url.as_ptr()) < 0 {
            let next = "install FFmpeg's full libraries (Debian: libavformat59)";
            return Err(Fault::new(Code::EncoderFailed, format!("this FFmpeg can't write {format} files"), next));
        }
        let result = ffi::avio_open(&mut (*context).pb, url.as_ptr(), ffi::AVIO_FLAG_WRITE);
        if result < 0 {
            ffi::avformat_free_context(context);
            return Err(write_fault(ffmpeg::Error::from(result), &path.display().to_string()));
        }
        Ok(Output::wrap(context))
    }
}

/// `file:` keeps names with a colon, a leading dash or a protocol's name from being read as anything but a path.
fn file_url(path: &Path) -> Result<CString, Fault> {
    let mut url = b"file:".to_vec();
    url.extend_from_slice(path.as_os_str().as_bytes());
    CString::new(url).map_err(|_| {
        Fault::new(Code::InputUnreadable, "a file name can't hold a NUL byte", "give the path of an existing file")
    })
}

/// Maps an error met while reading the source; `doing` completes "failed while …".
pub fn fault(error: ffmpeg::Error, doing: &str) -> Fault {
    use ffmpeg::Error as E;
    let fault = match error {
        E::Other { errno: libc::ENOENT } => {
            Fault::new(Code::InputMissing, "the video is not there any more", "check the path and run again")
        }
        E::Other { errno: libc::EACCES | libc::EPERM | libc::EISDIR } => {
            Fault::new(Code::InputUnreadable, "the video can't be opened for reading", "check the file's permissions")
        }
        E::Other { errno: libc::ENOMEM } => Fault::new(
            Code::ChildMemory,
            format!("memory ran out while {doing}"),
            "raise limits.child_memory_gigabytes in the configuration, or scale the video down",
        ),
        E::DecoderNotFound | E::PatchWelcome => Fault::new(
            Code::InputCodec,
            "the video uses a codec that this build can't decode",
            "convert it to H.264 and AAC in an mp4 file first",
        ),
        _ => Fault::new(
            Code::InputCorrupt,
            format!("the video is damaged: it failed while {doing}"),
            "play it to the end in a player to check it, then download or export it again",
        ),
    };
    fault.with_detail(describe(error))
}

/// Maps an error met while writing `what`.
pub fn write_fault(error: ffmpeg::Error, what: &str) -> Fault {
    match error {
        ffmpeg::Error::Other { errno } => Fault::writing(what, &std::io::Error::from_raw_os_error(errno)),
        other => Fault::new(Code::EncoderFailed, format!("writing {what} failed"), "run the same command again")
            .with_detail(describe(other)),
    }
}

/// FFmpeg's own words for an error.
pub fn describe(error: ffmpeg::Error) -> String {
    let mut buffer = [0 as c_char; ffi::AV_ERROR_MAX_STRING_SIZE];
    // SAFETY: av_strerror writes at most the length given and always ends with NUL.
    unsafe {
        ffi::av_strerror(error.into(), buffer.as_mut_ptr(), buffer.len());
        CStr::from_ptr(buffer.as_ptr()).to_string_lossy().into_owned()
    }
}
