//! How long an MP4 says that it is: the movie header (ISO/IEC 14496-12 §8.2.2), and nothing else of the file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Boxes that are looked at.
const MAX_BOXES: usize = 1_000;

/// `None` for a file that is no MP4, has no header, or can't be read: who needs the length then asks somebody else.
pub(crate) fn seconds(path: &Path) -> Option<f64> {
    find(&mut File::open(path).ok()?).ok().flatten()
}

fn find(file: &mut (impl Read + Seek)) -> io::Result<Option<f64>> {
    let mut at = 0u64;
    for _ in 0..MAX_BOXES {
        file.seek(SeekFrom::Start(at))?;
        let mut head = [0u8; 8];
        file.read_exact(&mut head)?;
        let [a, b, c, d, kind @ ..] = head;
        let (size, header) = match u32::from_be_bytes([a, b, c, d]) {
            1 => (long(file)?, 16),
            // Up to the end of the file.
            0 => (u64::MAX, 8),
            size => (u64::from(size), 8),
        };
        match &kind {
            // Its boxes are read as if they stood alone.
            b"moov" => at += header,
            b"mvhd" => return duration(file),
            _ if size < header => return Ok(None),
            _ => match at.checked_add(size) {
                Some(next) => at = next,
                None => return Ok(None),
            },
        }
    }
    Ok(None)
}

fn long(file: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0u8; 8];
    file.read_exact(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}

fn short(file: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0u8; 4];
    file.read_exact(&mut bytes)?;
    Ok(u32::from_be_bytes(bytes))
}

fn duration(file: &mut impl Read) -> io::Result<Option<f64>> {
    let (scale, length) = match short(file)? >> 24 {
        1 => {
            // Made and changed.
            long(file)?;
            long(file)?;
            (short(file)?, long(file)?)
        }
        _ => {
            short(file)?;
            short(file)?;
            (short(file)?, u64::from(short(file)?))
        }
    };
    Ok((scale > 0).then(|| length as f64 / f64::from(scale)))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
    }

    #[test]
    fn the_header_is_found_wherever_it_stands() {
        let old = [&[0u8; 12][..], &1_000u32.to_be_bytes(), &12_500u32.to_be_bytes(), &[0; 80]].concat();
        let new = [&[1u8, 0, 0, 0][..], &[0; 16], &600u32.to_be_bytes(), &1_500u64.to_be_bytes(), &[0; 80]].concat();
        for (header, wanted) in [(old, 12.5), (new, 2.5)] {
            let movie = boxed(b"moov", &[boxed(b"free", b"xx"), boxed(b"mvhd", &header)].concat());
            let first = [boxed(b"ftyp", b"isom"), movie.clone(), boxed(b"mdat", &[7; 100])].concat();
            let long = [&1u32.to_be_bytes()[..], b"mdat", &116u64.to_be_bytes(), &[7; 100]].concat();
            let last = [boxed(b"ftyp", b"isom"), long, movie].concat();
            for file in [first, last] {
                assert_eq!(find(&mut Cursor::new(file)).unwrap(), Some(wanted));
            }
        }
        assert_eq!(seconds(Path::new("/nowhere")), None);
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = find(&mut Cursor::new(bytes));
        }
    }
}
