//! Makes odd media files with the ffmpeg command line and looks at them through ingest and the readers.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)] // helpers of tests; not every test file uses all

use std::path::{Path, PathBuf};
use std::process::Command;

use omniva_contracts::jobs::{IngestJob, MediaRef};
use omniva_contracts::media::{Container, MediaInfo};
use omniva_contracts::streams::{AudioSource, FrameSource};
use omniva_contracts::{Fault, Silent};
use omniva_media::ingest::{ingest, media_after};
use omniva_media::read::{AudioReader, FrameOptions, FrameReader};
use omniva_media::sniff::sniff;

pub const RATE: u32 = 16_000;

/// A temporary folder and the ffmpeg command line in it.
pub struct Bench {
    pub folder: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `ffmpeg` with words separated by blanks; `'…'` keeps blanks together.
    pub fn ffmpeg(&self, line: &str) {
        let mut words = Vec::new();
        for (n, part) in line.split('\'').enumerate() {
            if n % 2 == 1 {
                words.push(part.to_owned());
            } else {
                words.extend(part.split_whitespace().map(str::to_owned));
            }
        }
        let output = Command::new("ffmpeg")
            .current_dir(self.folder.path())
            .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"])
            .args(&words)
            .output()
            .expect("these tests need the ffmpeg command line (Debian: ffmpeg)");
        assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
    }

    pub fn ingest(&self, name: &str) -> Result<(IngestJob, MediaInfo), Fault> {
        let path = self.path(name);
        let container = sniff(&path)?;
        self.ingest_as(&path, container)
    }

    pub fn ingest_as(&self, path: &Path, container: Container) -> Result<(IngestJob, MediaInfo), Fault> {
        let out_dir = self.path("out");
        std::fs::create_dir_all(&out_dir).expect("a folder");
        let job = IngestJob {
            source: MediaRef { path: path.to_owned(), container },
            sha256: "0".repeat(64),
            bytes: std::fs::metadata(path).map_or(0, |meta| meta.len()),
            out_dir,
            max_seconds: 3600.0,
            max_pixels: 1 << 26,
        };
        ingest(&job, &Silent).map(|info| (job, info))
    }

    /// Ingests the file and reads it whole.
    pub fn see(&self, name: &str) -> Seen {
        let (job, info) = self.ingest(name).unwrap_or_else(|fault| panic!("{name}: {fault} {}", fault.detail));
        let leftovers = std::fs::read_dir(&job.out_dir).unwrap().filter_map(Result::ok);
        assert!(leftovers.into_iter().all(|file| !file.path().to_string_lossy().ends_with(".part")));
        look(&media_after(&job, &info), info)
    }
}

/// What the readers saw.
#[derive(Debug)]
pub struct Seen {
    pub info: MediaInfo,
    /// Time and mean luma of every frame.
    pub frames: Vec<(f64, f64)>,
    pub luma_size: (usize, usize),
    /// Mean blue, green, red of the left and of the right half of the first colour picture.
    pub halves: Option<[[f64; 3]; 2]>,
    pub samples: Vec<f32>,
}

pub fn look(media: &MediaRef, info: MediaInfo) -> Seen {
    let mut seen = Seen { frames: Vec::new(), luma_size: (0, 0), halves: None, samples: Vec::new(), info };
    if seen.info.video.is_some() {
        let options = FrameOptions { sample_step: 0.5, threads: 1, ..Default::default() };
        let mut reader = FrameReader::open(media, &seen.info, options).expect("frames");
        while let Some(frame) = reader.next_frame().expect("a frame") {
            assert_eq!(frame.luma.len(), frame.luma_width * frame.luma_height);
            seen.luma_size = (frame.luma_width, frame.luma_height);
            let sum: u64 = frame.luma.iter().map(|&v| u64::from(v)).sum();
            seen.frames.push((frame.time, sum as f64 / frame.luma.len() as f64));
            if let (Some(picture), None) = (&frame.picture, seen.halves) {
                assert_eq!(picture.bgr.len(), picture.width * picture.height * 3);
                seen.halves = Some(halves(picture.bgr, picture.width));
            }
        }
    }
    if seen.info.audio.is_some() {
        let mut reader = AudioReader::open(media, &seen.info, RATE).expect("sound");
        while let Some(block) = reader.next_block().expect("a block") {
            assert!(!block.is_empty() && block.len() <= 1 << 17);
            seen.samples.extend_from_slice(block);
        }
    }
    seen
}

fn halves(bgr: &[u8], width: usize) -> [[f64; 3]; 2] {
    let mut sums = [[0.0; 3]; 2];
    for (n, pixel) in bgr.chunks_exact(3).enumerate() {
        for (sum, &value) in sums[usize::from(n % width >= width / 2)].iter_mut().zip(pixel) {
            *sum += f64::from(value);
        }
    }
    sums.map(|half| half.map(|sum| sum / (bgr.len() as f64 / 6.0)))
}

impl Seen {
    /// Time of the first bright frame.
    pub fn flash(&self) -> f64 {
        self.frames.iter().find(|(_, luma)| *luma > 120.0).expect("a flash").0
    }

    /// Time of the first loud sample.
    pub fn beep(&self) -> f64 {
        self.samples.iter().position(|s| s.abs() > 0.05).expect("a beep") as f64 / f64::from(RATE)
    }

    pub fn assert_aligned(&self, at: f64, name: &str) {
        let frame = 1.0 / self.info.video.as_ref().expect("video").fps;
        assert!((self.flash() - self.beep()).abs() <= frame, "{name}: flash {} beep {}", self.flash(), self.beep());
        assert!((self.beep() - at).abs() <= frame + 0.002, "{name}: beep {} not at {at}", self.beep());
    }

    /// Every frame exactly one tick after the one before.
    pub fn assert_constant(&self, name: &str) {
        let fps = self.info.video.as_ref().expect("video").fps;
        for pair in self.frames.windows(2) {
            assert!((pair[1].0 - pair[0].0 - 1.0 / fps).abs() < 1e-9, "{name}: {pair:?} at {fps} fps");
        }
    }

    pub fn assert_sound_length(&self, name: &str) {
        assert_eq!(self.samples.len() as f64, (self.info.duration * f64::from(RATE)).round(), "{name}");
    }
}
