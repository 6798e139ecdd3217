//! The order of an MP4 file's top-level boxes (ISO/IEC 14496-12, section 4.2).

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// True when the index (`moov`) comes before the media data (`mdat`), so that playback can start during download.
pub(crate) fn index_first(path: &Path) -> std::io::Result<bool> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut at = 0u64;
    while at + 8 <= length {
        file.seek(SeekFrom::Start(at))?;
        let mut header = [0u8; 16];
        file.read_exact(&mut header[..8])?;
        match &header[4..8] {
            b"moov" => return Ok(true),
            b"mdat" => return Ok(false),
            _ => {}
        }
        let short = u64::from(u32::from_be_bytes([header[0], header[1], header[2], header[3]]));
        let size = match short {
            // The box reaches to the end of the file.
            0 => break,
            1 => {
                file.read_exact(&mut header[8..])?;
                let mut long = [0u8; 8];
                long.copy_from_slice(&header[8..]);
                u64::from_be_bytes(long)
            }
            size => size,
        };
        at = at.saturating_add(size.max(8));
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(boxes: &[(&[u8; 4], usize)]) -> tempfile::NamedTempFile {
        let mut bytes = Vec::new();
        for (name, size) in boxes {
            bytes.extend((*size as u32 + 8).to_be_bytes());
            bytes.extend(*name);
            bytes.resize(bytes.len() + size, 0);
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn the_order_of_boxes_decides() {
        assert!(index_first(file(&[(b"ftyp", 24), (b"moov", 300), (b"mdat", 900)]).path()).unwrap());
        assert!(!index_first(file(&[(b"ftyp", 24), (b"mdat", 900), (b"moov", 300)]).path()).unwrap());
        assert!(!index_first(file(&[(b"ftyp", 24)]).path()).unwrap());
        assert!(!index_first(file(&[]).path()).unwrap());
    }
}
