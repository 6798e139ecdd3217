//! Frames for tests: out of files through the ffmpeg command line, or drawn.

// A test that can't have its footage fails right there.
#![allow(dead_code, clippy::expect_used)]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use omniva_contracts::Fault;
use omniva_contracts::jobs::{MediaRef, WatchJob};
use omniva_contracts::media::{Container, MediaInfo, VideoInfo};
use omniva_contracts::streams::{Frame, FrameSource, Picture};

/// Small luma pictures of every frame.
pub const LUMA: (usize, usize) = (96, 54);

/// A folder that the environment names; the test fails with a clear message when it does not.
pub fn folder(variable: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => panic!("set {variable} (make test does)"),
    }
}

/// Files out of which the development talk show is made.
pub fn footage(name: &str) -> PathBuf {
    let path = folder("OMNIVA_TEST_MEDIA").join("work").join(name);
    assert!(path.is_file(), "{} is missing: build the development talk show", path.display());
    path
}

/// A job for a file of this size and length, with a folder of models.
pub fn job(path: &Path, models: &Path, (width, height): (usize, usize), fps: f64, duration: f64) -> WatchJob {
    let video = VideoInfo { codec: "h264".into(), width: width as u32, height: height as u32, fps };
    let info = MediaInfo {
        sha256: "0".repeat(64),
        bytes: 0,
        container: Container::Mov,
        duration,
        video: Some(video),
        audio: None,
        repairs: Vec::new(),
        normalised: false,
        inside_bars: None,
    };
    WatchJob {
        media: MediaRef { path: path.to_owned(), container: Container::Mov },
        info,
        models: models.to_owned(),
        out_dir: std::env::temp_dir(),
        faces_per_second: 4.0,
        threads: 1,
    }
}

/// Size of the picture, frames a second and length in seconds.
pub fn probe(path: &Path) -> ((usize, usize), f64, f64) {
    let out = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-show_entries"])
        .args(["stream=width,height,r_frame_rate:format=duration", "-of", "default=nw=1:nk=1"])
        .arg(path)
        .output()
        .expect("ffprobe runs");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let (up, down) = lines[2].split_once('/').expect("a rate");
    let number = |text: &str| text.parse::<f64>().expect("a number");
    ((number(lines[0]) as usize, number(lines[1]) as usize), number(up) / number(down), number(lines[3]))
}

/// Decodes a file through ffmpeg: small luma of every frame, BGR at most 640 wide of every n-th.
pub struct Pipe {
    children: [Child; 2],
    luma_pipe: ChildStdout,
    picture_pipe: ChildStdout,
    picture_size: (usize, usize),
    fps: f64,
    every: u64,
    count: u64,
    luma: Vec<u8>,
    bgr: Vec<u8>,
}

impl Pipe {
    /// `limit`: seconds to read; `rate`: sampled pictures a second.
    pub fn open(path: &Path, rate: f64, limit: f64) -> Pipe {
        let ((width, height), fps, _) = probe(path);
        let scale = (640.0 / width.max(height) as f64).min(1.0);
        let even = |v: usize| ((v as f64 * scale / 2.0).round() as usize * 2).max(2);
        let picture_size = (even(width), even(height));
        let every = (fps / rate).round().max(1.0) as u64;
        let mut luma = start(path, limit, &format!("scale={}:{}:flags=area,format=gray", LUMA.0, LUMA.1));
        let (w, h) = picture_size;
        let filter = format!("select='not(mod(n,{every}))',scale={w}:{h}:flags=area,format=bgr24");
        let mut picture = start(path, limit, &filter);
        Pipe {
            luma_pipe: luma.stdout.take().expect("piped"),
            picture_pipe: picture.stdout.take().expect("piped"),
            children: [luma, picture],
            picture_size,
            fps,
            every,
            count: 0,
            luma: vec![0; LUMA.0 * LUMA.1],
            bgr: vec![0; w * h * 3],
        }
    }
}

fn start(path: &Path, limit: f64, filter: &str) -> Child {
    Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-t", &limit.to_string(), "-i"])
        .arg(path)
        .args(["-vf", filter, "-fps_mode", "passthrough", "-an", "-f", "rawvideo", "-"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("ffmpeg runs")
}

impl FrameSource for Pipe {
    fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Fault> {
        if self.luma_pipe.read_exact(&mut self.luma).is_err() {
            return Ok(None);
        }
        let index = self.count;
        self.count += 1;
        let sampled = index.is_multiple_of(self.every) && self.picture_pipe.read_exact(&mut self.bgr).is_ok();
        let (width, height) = self.picture_size;
        Ok(Some(Frame {
            time: index as f64 / self.fps,
            luma_width: LUMA.0,
            luma_height: LUMA.1,
            luma: &self.luma,
            picture: sampled.then_some(Picture { width, height, bgr: &self.bgr }),
        }))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
