//! Containers and other files with a signature at a fixed place.

use omniva_contracts::media::Container;

use super::Looks;

/// (offset, bytes, meaning); the first that fits wins.
const SIGNATURES: &[(usize, &[u8], Looks)] = &[
    (0, &[0x00, 0x00, 0x01, 0xBA], Looks::Media(Container::Mpegps)),
    (0, b"FLV\x01", Looks::Media(Container::Flv)),
    (
        0,
        &[0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11, 0xA6, 0xD9, 0x00, 0xAA, 0x00, 0x62, 0xCE, 0x6C],
        Looks::Media(Container::Asf),
    ),
    (0, b"fLaC", Looks::Media(Container::Flac)),
    (0, b"OggS", Looks::Media(Container::Ogg)),
    (0, b"caff", Looks::Media(Container::Caf)),
    (0, &[0x00, 0x00, 0x01, 0xB3], Looks::OtherMedia("a bare MPEG video stream")),
    (0, &[0x00, 0x00, 0x00, 0x01, 0x67], Looks::OtherMedia("a bare H.264 stream")),
    (0, &[0x00, 0x00, 0x00, 0x01, 0x40], Looks::OtherMedia("a bare H.265 stream")),
    (0, b"riff\x2e\x91\xcf\x11", Looks::OtherMedia("a Sony Wave64 file")),
    (0, b".RMF", Looks::OtherMedia("a RealMedia file")),
    (0, &[0x06, 0x0E, 0x2B, 0x34], Looks::OtherMedia("an MXF file")),
    (0, b".snd", Looks::OtherMedia("a Sun audio file")),
    (0, b"#!AMR", Looks::OtherMedia("an AMR voice recording")),
    (0, b"MAC ", Looks::OtherMedia("a Monkey's Audio file")),
    (0, b"wvpk", Looks::OtherMedia("a WavPack file")),
    (0, b"DKIF", Looks::OtherMedia("an IVF file")),
    (0, b"MThd", Looks::OtherMedia("a MIDI file")),
    (0, b"\x89PNG", Looks::Other("a PNG picture")),
    (0, &[0xFF, 0xD8, 0xFF], Looks::Other("a JPEG picture")),
    (0, b"GIF8", Looks::Other("a GIF picture")),
    (0, b"II*\0", Looks::Other("a TIFF picture")),
    (0, b"MM\0*", Looks::Other("a TIFF picture")),
    (0, b"%PDF", Looks::Other("a PDF document")),
    (0, b"PK\x03\x04", Looks::Other("a ZIP archive or an office document")),
    (0, &[0x1F, 0x8B], Looks::Other("a gzip archive")),
    (0, b"BZh", Looks::Other("a bzip2 archive")),
    (0, &[0xFD, b'7', b'z', b'X', b'Z', 0], Looks::Other("an xz archive")),
    (0, &[0x28, 0xB5, 0x2F, 0xFD], Looks::Other("a zstd archive")),
    (0, b"7z\xBC\xAF\x27\x1C", Looks::Other("a 7z archive")),
    (0, b"Rar!", Looks::Other("a RAR archive")),
    (257, b"ustar", Looks::Other("a tar archive")),
    (0, b"\x7FELF", Looks::Other("a program")),
    (0, b"MZ", Looks::Other("a Windows program")),
    (0, b"SQLite format 3\0", Looks::Other("an SQLite database")),
];

pub(super) fn recognise(head: &[u8]) -> Option<Looks> {
    iso_boxes(head).or_else(|| riff(head)).or_else(|| ebml(head)).or_else(|| {
        let fits = |(offset, bytes, _): &&(usize, &[u8], Looks)| {
            head.get(*offset..).is_some_and(|tail| tail.starts_with(bytes))
        };
        SIGNATURES.iter().find(fits).map(|(_, _, looks)| *looks)
    })
}

/// ISO base media and QuickTime: a box type at byte 4. Old QuickTime files have no `ftyp`, so their first boxes count too.
fn iso_boxes(head: &[u8]) -> Option<Looks> {
    let size = u32::from_be_bytes(head.get(..4)?.try_into().ok()?);
    let plausible = size >= 8 || size == 1 || size == 0;
    match head.get(4..8)? {
        b"ftyp" if size >= 8 => Some(match head.get(8..12)? {
            b"heic" | b"heix" | b"hevc" | b"mif1" | b"msf1" => Looks::Other("an HEIC picture"),
            b"avif" | b"avis" => Looks::Other("an AVIF picture"),
            b"crx " => Looks::Other("a camera raw picture"),
            _ => Looks::Media(Container::Mov),
        }),
        b"moov" | b"mdat" | b"moof" | b"styp" | b"sidx" | b"pnot" if plausible => Some(Looks::Media(Container::Mov)),
        b"wide" | b"free" | b"skip" if plausible && size < 1 << 28 => Some(Looks::Media(Container::Mov)),
        _ => None,
    }
}

fn riff(head: &[u8]) -> Option<Looks> {
    match (head.get(..4)?, head.get(8..12)?) {
        (b"RIFF", b"AVI ") => Some(Looks::Media(Container::Avi)),
        (b"RIFF" | b"RF64" | b"BW64", b"WAVE") => Some(Looks::Media(Container::Wav)),
        (b"RIFF", b"WEBP") => Some(Looks::Other("a WebP picture")),
        (b"FORM", b"AIFF" | b"AIFC") => Some(Looks::Media(Container::Aiff)),
        _ => None,
    }
}

/// EBML: Matroska and WebM say so in the DocType element (0x4282) of the header.
fn ebml(head: &[u8]) -> Option<Looks> {
    if !head.starts_with(&[0x1A, 0x45, 0xDF, 0xA3]) {
        return None;
    }
    let header = head.get(..head.len().min(4096))?;
    let at = header.windows(2).position(|pair| pair == [0x42, 0x82]);
    // Behind the element's id comes its length in one byte (0x80 | n).
    let name = at.and_then(|at| header.get(at + 3..)).unwrap_or_default();
    let known = name.starts_with(b"matroska") || name.starts_with(b"webm");
    Some(if known { Looks::Media(Container::Matroska) } else { Looks::Other("an EBML file that is not Matroska") })
}
