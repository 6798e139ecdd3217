//! What a file is, told by its bytes and never by its name: one of the containers that we read, or a clear refusal.
//!
//! The recogniser is ours because FFmpeg's probing is the attack surface: it lets a text file choose a demuxer that opens
//! other files (HLS, DASH, concat …). Signatures: the containers' specifications (ISO/IEC 14496-12 §4.3, RFC 8794,
//! ISO/IEC 13818-1 §2.4.3, RFC 9559, RFC 3533, RFC 9639, ID3v2.4 §3.1, ISO/IEC 11172-3 §2.4.1, EBU Tech 3306).

mod binary;
mod frames;
mod text;

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use omniva_contracts::media::Container;
use omniva_contracts::{Code, Fault};

/// How much of the file is looked at, at its start and again behind an ID3v2 tag.
const HEAD: usize = 64 << 10;

/// What some bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looks {
    Media(Container),
    /// A list of other files or addresses; the words name its kind.
    Playlist(&'static str),
    /// Sound or moving pictures in a container that we don't read.
    OtherMedia(&'static str),
    /// Something else.
    Other(&'static str),
}

/// Recognises the container of the file at `path`, reading a few KiB of it.
///
/// # Errors
/// `input_missing`, `input_unreadable` (no permission, a folder, a device, a pipe), `input_empty`, `input_playlist`,
/// `input_not_media`.
pub fn sniff(path: &Path) -> Result<Container, Fault> {
    let mut file = open_regular(path)?;
    let head = read_at(&mut file, 0)?;
    if head.is_empty() {
        let next = "check that the download or export has finished";
        return Err(Fault::new(Code::InputEmpty, "the file is empty", next));
    }
    let looks = match frames::id3v2_length(&head) {
        Some(length) => behind_id3(&read_at(&mut file, length)?),
        None => recognise(&head),
    };
    match looks {
        Looks::Media(container) => Ok(container),
        Looks::Playlist(kind) => Err(Fault::new(
            Code::InputPlaylist,
            format!("this is {kind}, a list that points to other files or addresses, not a video"),
            "download the video itself first (for example with yt-dlp), then give that file",
        )),
        Looks::OtherMedia(kind) => Err(Fault::new(
            Code::InputNotMedia,
            format!("this is {kind}, a media format that omniva doesn't read"),
            "convert it first, for example: ffmpeg -i INPUT -c:v libx264 -c:a aac out.mp4",
        )),
        Looks::Other(kind) => Err(Fault::new(
            Code::InputNotMedia,
            format!("this is no video or sound file: it looks like {kind}"),
            "give an mp4, mov, mkv, webm, ts, avi, flv, wmv, mp3, m4a, wav, flac, ogg, aac, aiff or caf file",
        )),
    }
}

fn open_regular(path: &Path) -> Result<File, Fault> {
    let unreadable = |message: &str| Fault::new(Code::InputUnreadable, message, "give the path of a video file");
    let kind = std::fs::metadata(path).map_err(|error| access_fault(&error))?.file_type();
    if kind.is_dir() {
        return Err(unreadable("this is a folder, not a file"));
    }
    if kind.is_fifo() || kind.is_socket() || kind.is_char_device() || kind.is_block_device() || !kind.is_file() {
        return Err(unreadable("this is a pipe or a device, not a file; the video has to be read several times"));
    }
    // Not blocking: should the path turn into a pipe between the check and here, opening must not wait for a writer.
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC);
    options.open(path).map_err(|error| access_fault(&error))
}

fn read_at(file: &mut File, offset: u64) -> Result<Vec<u8>, Fault> {
    let mut head = Vec::with_capacity(HEAD);
    file.seek(SeekFrom::Start(offset))
        .and_then(|_| file.take(HEAD as u64).read_to_end(&mut head))
        .map_err(|error| access_fault(&error))?;
    Ok(head)
}

fn access_fault(error: &std::io::Error) -> Fault {
    let fault = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            Fault::new(Code::InputMissing, "there is no file at this path", "check the path for typing errors")
        }
        ErrorKind::PermissionDenied => {
            Fault::new(Code::InputUnreadable, "the file can't be read: permission denied", "change its permissions")
        }
        _ => Fault::new(
            Code::InputUnreadable,
            "the file can't be read",
            "copy it to a healthy local disk, then give that copy",
        ),
    };
    fault.with_detail(error)
}

/// What a file is that begins with `head`.
fn recognise(head: &[u8]) -> Looks {
    binary::recognise(head)
        .or_else(|| frames::transport_stream(head).then_some(Looks::Media(Container::Mpegts)))
        .or_else(|| text::recognise(head))
        .or_else(|| frames::compressed_audio(head).map(Looks::Media))
        .unwrap_or_else(|| if head.iter().all(|&b| b == 0) { ZEROS } else { UNKNOWN })
}

/// What a file is that has an ID3v2 tag and then `rest`: sound, or a playlist behind a tag.
fn behind_id3(rest: &[u8]) -> Looks {
    if rest.is_empty() {
        return Looks::Other("a music tag (ID3) without any sound, an unfinished download");
    }
    match recognise(rest) {
        found @ (Looks::Playlist(_) | Looks::Media(Container::Flac | Container::Aac | Container::Mp3)) => found,
        _ => frames::compressed_audio_anywhere(rest)
            .map_or(Looks::Other("a music tag (ID3) followed by something that is no sound"), Looks::Media),
    }
}

const ZEROS: Looks = Looks::Other("nothing but zeros, an unfinished download");
const UNKNOWN: Looks = Looks::Other("unknown binary data");

#[cfg(test)]
mod tests;
