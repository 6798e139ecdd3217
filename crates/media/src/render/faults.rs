//! FFmpeg's errors in the words of this crate.

use ffmpeg_next::Error;
use omniva_contracts::{Code, Fault};

/// An encoder or a filter refused its work.
pub(crate) fn encoding(what: &str, error: Error) -> Fault {
    Fault::new(
        Code::EncoderFailed,
        format!("{what} failed"),
        "run `omniva doctor` to see which encoders and filters this FFmpeg has",
    )
    .with_detail(crate::ff::describe(error))
}

/// Negative return values of FFmpeg's C interface as errors.
pub(crate) fn ok(code: i32) -> Result<i32, Error> {
    if code < 0 { Err(Error::from(code)) } else { Ok(code) }
}

/// True when a codec or filter only wants more input, or has given all it had.
pub(crate) fn drained(error: &Error) -> bool {
    matches!(error, Error::Eof) || matches!(error, Error::Other { errno } if *errno == libc::EAGAIN)
}
