//! 16 kHz mono 16-bit WAV: how sound reaches a recogniser outside this process.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use omniva_contracts::{Code, Fault};

use crate::vad::SAMPLE_RATE;

const HEADER: usize = 44;

/// The 44 bytes before `bytes` bytes of samples.
fn header(bytes: u32) -> Vec<u8> {
    let rate = SAMPLE_RATE as u32;
    let mut h = Vec::with_capacity(HEADER);
    h.extend(b"RIFF");
    h.extend((bytes.saturating_add(36)).to_le_bytes());
    h.extend(b"WAVEfmt ");
    h.extend(16u32.to_le_bytes());
    for field in [1u16, 1] {
        h.extend(field.to_le_bytes());
    }
    h.extend(rate.to_le_bytes());
    h.extend((rate * 2).to_le_bytes());
    for field in [2u16, 16] {
        h.extend(field.to_le_bytes());
    }
    h.extend(b"data");
    h.extend(bytes.to_le_bytes());
    h
}

fn encode(samples: &[f32], out: &mut Vec<u8>) {
    out.extend(samples.iter().flat_map(|s| ((s.clamp(-1.0, 1.0) * 32767.0).round() as i16).to_le_bytes()));
}

/// A whole file in memory.
pub fn file(samples: &[f32]) -> Vec<u8> {
    let mut bytes = header(u32::try_from(samples.len() * 2).unwrap_or(u32::MAX));
    encode(samples, &mut bytes);
    bytes
}

/// Writes a file of any length, block by block.
pub struct Writer {
    file: BufWriter<File>,
    path: PathBuf,
    bytes: u64,
    block: Vec<u8>,
}

impl Writer {
    /// Errors: those of [`Fault::writing`].
    pub fn create(path: &Path) -> Result<Self, Fault> {
        let mut file = BufWriter::new(File::create(path).map_err(|e| Fault::writing("speech.wav", &e))?);
        file.write_all(&header(0)).map_err(|e| Fault::writing("speech.wav", &e))?;
        Ok(Self { file, path: path.to_owned(), bytes: 0, block: Vec::new() })
    }

    pub fn push(&mut self, samples: &[f32]) -> Result<(), Fault> {
        self.block.clear();
        encode(samples, &mut self.block);
        self.bytes += self.block.len() as u64;
        self.file.write_all(&self.block).map_err(|e| Fault::writing("speech.wav", &e))
    }

    /// Writes the length into the header; without this the file reads as empty.
    pub fn finish(mut self) -> Result<PathBuf, Fault> {
        let bytes = u32::try_from(self.bytes).unwrap_or(u32::MAX);
        self.file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(&header(bytes)))
            .and_then(|()| self.file.flush())
            .map_err(|e| Fault::writing("speech.wav", &e))?;
        Ok(self.path)
    }
}

/// Reads files that [`Writer`] wrote, any part of them.
pub struct Reader {
    file: BufReader<File>,
    samples: usize,
}

impl Reader {
    /// Errors: `input_unreadable` when `path` is no such file.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let wrong = |detail: String| {
            Fault::new(
                Code::InputUnreadable,
                format!("{} is no 16 kHz mono 16-bit WAV file", path.display()),
                "run the command again: the file is made anew",
            )
            .with_detail(detail)
        };
        let mut file = BufReader::new(File::open(path).map_err(|e| wrong(e.to_string()))?);
        let mut head = [0u8; HEADER];
        file.read_exact(&mut head).map_err(|e| wrong(e.to_string()))?;
        let bytes = u32::from_le_bytes([head[40], head[41], head[42], head[43]]);
        if head[..40] != header(bytes)[..40] {
            return Err(wrong("another header".into()));
        }
        Ok(Self { file, samples: bytes as usize / 2 })
    }

    /// Samples in the file.
    pub fn len(&self) -> usize {
        self.samples
    }

    pub fn is_empty(&self) -> bool {
        self.samples == 0
    }

    /// The samples `[from, to)`, as far as the file goes.
    pub fn read(&mut self, from: usize, to: usize) -> Result<Vec<f32>, Fault> {
        let (from, to) = (from.min(self.samples), to.min(self.samples));
        let mut bytes = vec![0u8; to.saturating_sub(from) * 2];
        self.file
            .seek(SeekFrom::Start((HEADER + from * 2) as u64))
            .and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(|e| {
                Fault::new(Code::InputUnreadable, "the sound for the recogniser ends early", "run the command again")
                    .with_detail(e)
            })?;
        Ok(bytes.chunks_exact(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32767.0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("speech.wav");
        let samples: Vec<f32> = (0..5000).map(|i| (i as f32 / 40.0).sin() * 1.2).collect();
        let mut writer = Writer::create(&path).expect("opens");
        for block in samples.chunks(777) {
            writer.push(block).expect("writes");
        }
        writer.finish().expect("closes");
        assert_eq!(std::fs::read(&path).expect("reads"), file(&samples));
        let mut reader = Reader::open(&path).expect("is a WAV");
        assert_eq!(reader.len(), 5000);
        let part = reader.read(4000, 9000).expect("reads");
        assert_eq!(part.len(), 1000);
        assert!(part.iter().zip(&samples[4000..]).all(|(a, b)| (a - b.clamp(-1.0, 1.0)).abs() < 1e-4));
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        for content in [&b""[..], b"RIFF", &[0u8; 100]] {
            let path = folder.path().join("x.wav");
            std::fs::write(&path, content).expect("writes");
            assert_eq!(Reader::open(&path).err().map(|f| f.code), Some(Code::InputUnreadable));
        }
    }
}
