//! Formats without a signature: a run of valid frame or packet headers at the right distances tells them.

use omniva_contracts::media::Container;

/// Headers in a row that make a stream.
const RUN: usize = 4;
/// How far into the file the first frame may start (padding, a cut in the middle of a frame).
const LEAD: usize = 8192;

/// Length of an ID3v2 tag with its header and footer (ID3v2.4 §3.1), when the file starts with one.
pub(super) fn id3v2_length(head: &[u8]) -> Option<u64> {
    let header = head.get(..10)?;
    let size = header.get(6..10)?;
    if !header.starts_with(b"ID3") || header[3] == 0xFF || header[4] == 0xFF || size.iter().any(|&b| b & 0x80 != 0) {
        return None;
    }
    let length = size.iter().fold(0u64, |sum, &b| (sum << 7) | u64::from(b));
    let footer = if header[5] & 0x10 != 0 { 10 } else { 0 };
    Some(10 + length + footer)
}

/// MPEG transport stream: the sync byte 0x47 every 188 bytes, 192 (with a 4-byte clock before it) or 204 (with parity).
pub(super) fn transport_stream(head: &[u8]) -> bool {
    [188, 192, 204].into_iter().any(|size| {
        (0..size).any(|first| {
            let mut at = first;
            let mut run = 0;
            while let Some(&byte) = head.get(at) {
                if byte != 0x47 {
                    return false;
                }
                run += 1;
                if run > RUN + 1 {
                    return true;
                }
                at += size;
            }
            // A very short file counts when it is packets from its first byte to its last.
            run >= 2 && first <= 4 && (head.len() - first).is_multiple_of(size)
        })
    })
}

/// MP3 or ADTS at the start of the file, after at most a few KiB of padding.
pub(super) fn compressed_audio(head: &[u8]) -> Option<Container> {
    let zeros = head.iter().take_while(|&&b| b == 0).count();
    [0, zeros].into_iter().find_map(|at| chain(head, at, RUN)).or_else(|| scan(head, LEAD, RUN))
}

/// Behind a tag the evidence may be thinner: a short jingle can hold two frames only.
pub(super) fn compressed_audio_anywhere(rest: &[u8]) -> Option<Container> {
    scan(rest, rest.len(), RUN).or_else(|| scan(rest, LEAD, 2))
}

fn scan(head: &[u8], lead: usize, run: usize) -> Option<Container> {
    (0..head.len().min(lead)).find_map(|at| chain(head, at, run))
}

/// A run of frames of one kind from `at` on. Fewer count when the file ends right behind them.
fn chain(head: &[u8], at: usize, run: usize) -> Option<Container> {
    for (length, container) in [
        (mpeg_audio as fn(&[u8]) -> Option<usize>, Container::Mp3),
        (adts as fn(&[u8]) -> Option<usize>, Container::Aac),
    ] {
        let mut position = at;
        let mut found = 0;
        while let Some(step) = head.get(position..).and_then(length) {
            position += step;
            found += 1;
            if found >= run {
                return Some(container);
            }
        }
        if found >= 2 && position == head.len() {
            return Some(container);
        }
    }
    None
}

/// Length of the MPEG audio frame whose header starts `bytes` (ISO/IEC 11172-3 §2.4.2.3, 13818-3 for half rates).
fn mpeg_audio(bytes: &[u8]) -> Option<usize> {
    const V1: [[usize; 15]; 3] = [
        [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
        [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
        [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    ];
    const V2: [[usize; 15]; 2] = [
        [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
        [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    const RATES: [usize; 3] = [44_100, 48_000, 32_000];
    let &[a, b, c, _] = bytes.get(..4)? else { return None };
    if a != 0xFF || b & 0xE0 != 0xE0 {
        return None;
    }
    let (version, layer) = ((b >> 3) & 3, 4 - ((b >> 1) & 3) as usize);
    let (bitrate, rate) = ((c >> 4) as usize, ((c >> 2) & 3) as usize);
    if version == 1 || layer == 4 || bitrate == 0 || bitrate == 15 || rate == 3 {
        return None;
    }
    let table = if version == 3 { V1.get(layer - 1)? } else { V2.get(usize::from(layer > 1))? };
    let bits = table.get(bitrate)? * 1000;
    let rate = RATES.get(rate)? / [4, 1, 2, 1].get(version as usize)?;
    let padding = usize::from(c & 2 != 0);
    Some(match layer {
        1 => (12 * bits / rate + padding) * 4,
        3 if version != 3 => 72 * bits / rate + padding,
        _ => 144 * bits / rate + padding,
    })
}

/// Length of the ADTS frame whose header starts `bytes` (ISO/IEC 14496-3 §1.A.2.2).
fn adts(bytes: &[u8]) -> Option<usize> {
    let header = bytes.get(..7)?;
    if header[0] != 0xFF || header[1] & 0xF6 != 0xF0 || (header[2] >> 2) & 0xF > 12 {
        return None;
    }
    let length = (usize::from(header[3] & 3) << 11) | (usize::from(header[4]) << 3) | usize::from(header[5] >> 5);
    (length > 7).then_some(length)
}
