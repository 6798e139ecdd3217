//! Times ingest and the readers on a file: `cargo run --release -p omniva-media --example ingest -- FILE [THREADS]`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;
use std::time::Instant;

use omniva_contracts::Silent;
use omniva_contracts::jobs::{IngestJob, MediaRef};
use omniva_contracts::streams::{AudioSource, FrameSource};
use omniva_media::ingest::{ingest, media_after};
use omniva_media::read::{AudioReader, FrameOptions, FrameReader};
use omniva_media::sniff::sniff;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = PathBuf::from(arguments.next().expect("a file"));
    let threads = arguments.next().map_or(1, |n| n.parse().expect("a number"));
    let out_dir = std::env::temp_dir().join(format!("omniva-ingest-{}", std::process::id()));
    std::fs::create_dir_all(&out_dir).expect("a folder");
    let job = IngestJob {
        source: MediaRef { container: sniff(&path).expect("media"), path: path.clone() },
        sha256: String::new(),
        bytes: std::fs::metadata(&path).unwrap().len(),
        out_dir: out_dir.clone(),
        max_seconds: 36_000.0,
        max_pixels: 1 << 26,
    };
    let start = Instant::now();
    let info = ingest(&job, &Silent).expect("ingest");
    println!("ingest {:.3} s\n{info:#?}", start.elapsed().as_secs_f64());
    let media = media_after(&job, &info);
    if info.video.is_some() {
        for sample_step in [f64::INFINITY, 0.2] {
            let start = Instant::now();
            let options = FrameOptions { sample_step, threads, ..Default::default() };
            let mut reader = FrameReader::open(&media, &info, options).expect("frames");
            let (mut frames, mut pictures) = (0u64, 0u64);
            while let Some(frame) = reader.next_frame().expect("a frame") {
                frames += 1;
                pictures += u64::from(frame.picture.is_some());
            }
            println!("{frames} frames, {pictures} pictures {:.3} s", start.elapsed().as_secs_f64());
        }
    }
    if info.audio.is_some() {
        let start = Instant::now();
        let mut reader = AudioReader::open(&media, &info, 16_000).expect("sound");
        let mut samples = 0;
        while let Some(block) = reader.next_block().expect("a block") {
            samples += block.len();
        }
        println!("{samples} samples {:.3} s", start.elapsed().as_secs_f64());
    }
    std::fs::remove_dir_all(out_dir).expect("removed");
}
