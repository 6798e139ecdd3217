//! Odd but honest sources: what ingest makes of them, seen through the readers.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use omniva_contracts::media::{Container, Repair};
use omniva_contracts::streams::{AudioSource, FrameSource};
use omniva_media::ingest::media_after;
use omniva_media::read::{AudioReader, FrameOptions, FrameReader};
use support::Bench;

/// Black picture with a flash, silence with a beep, both at second 2 for 0.2 s; 4 s in all.
const SOUND: &str = "aevalsrc=if(between(t\\,2\\,2.2)\\,0.7*sin(6283*t)\\,0):s=48000:d=4";
const X264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac";

struct Case {
    name: &'static str,
    /// Arguments of ffmpeg; {V} and {A} are the inputs above.
    make: String,
    repairs: &'static [Repair],
    seconds: f64,
    fps: f64,
    frames: usize,
    size: (u32, u32),
    channels: u32,
    flash: f64,
}

fn standard(name: &'static str, make: &str, repairs: &'static [Repair]) -> Case {
    Case {
        name,
        make: make.to_owned(),
        repairs,
        seconds: 4.0,
        fps: 25.0,
        frames: 100,
        size: (320, 240),
        channels: 1,
        flash: 2.0,
    }
}

fn cases() -> Vec<Case> {
    let both = "-f lavfi -i {V} -f lavfi -i {A}";
    vec![
        standard("stock.mp4", &format!("{both} {X264}"), &[]),
        standard("stereo.mkv", &format!("{both} {X264} -ac 2"), &[]).channels(2),
        standard("web.webm", &format!("{both} -c:v libvpx -deadline realtime -cpu-used 8 -b:v 300k -c:a libopus"), &[]),
        standard("old.avi", &format!("{both} -c:v mjpeg -q:v 3 -pix_fmt yuvj420p -c:a pcm_s16le"), &[]),
        standard(
            "flash.flv",
            &format!("{both} -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -ar 44100"),
            &[],
        ),
        standard("ntsc.mov", &format!("-f lavfi -i {{V}} -f lavfi -i {{A}} -r 30000/1001 {X264}"), &[])
            .rate(30_000.0 / 1001.0, 120),
        standard(
            "vfr.mp4",
            &format!(
                "-f lavfi -i '{{V}},select=lt(mod(n\\,7)\\,5)+between(n\\,48\\,56)' -f lavfi -i {{A}} -vsync vfr {X264}"
            ),
            &[Repair::VariableFrameRate],
        )
        .any_rate(),
        standard(
            "pause.mp4",
            &format!("-f lavfi -i '{{V}},select=not(between(t\\,0.5\\,1.8))' -f lavfi -i {{A}} -vsync vfr {X264}"),
            &[Repair::VariableFrameRate, Repair::TimestampGap],
        ),
        standard("fast.mp4", &format!("{both} -r 120 {X264}"), &[Repair::HighFrameRate]).rate(60.0, 240),
        standard(
            "odd.mp4",
            &format!("{both} -vf scale=321:241,setsar=1 -c:v libx264 -preset ultrafast -pix_fmt yuv444p -c:a aac"),
            &[Repair::OddSize],
        ),
        standard("wide.mp4", &format!("{both} -vf setsar=4/3 {X264}"), &[Repair::NonSquarePixels]).size(426, 240),
        standard("narrow.mkv", &format!("{both} -vf setsar=1/2 {X264}"), &[Repair::NonSquarePixels]).size(320, 480),
        standard(
            "surround.mkv",
            &format!("{both} -af 'pan=5.1|FC=c0' -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a ac3"),
            &[Repair::SurroundSound],
        )
        .channels(2),
        standard(
            "interlaced.mp4",
            &format!("{both} -vf setfield=tff -flags +ilme+ildct -c:v mpeg2video -q:v 3 -c:a aac"),
            &[Repair::Interlaced],
        ),
        standard(
            "stream.ts",
            &format!("{both} -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac"),
            &[Repair::StartOffset, Repair::NoIndex],
        ),
        standard(
            "dvd.mpg",
            &format!("{both} -c:v mpeg2video -q:v 3 -c:a mp2 -f dvd"),
            &[Repair::StartOffset, Repair::NoIndex],
        ),
        standard(
            "gap.mkv",
            &format!("-f lavfi -i {{V}} -f lavfi -i '{{A}},aselect=not(between(t\\,0.5\\,1.5))' {X264}"),
            &[Repair::TimestampGap],
        ),
        standard("windows.wmv", &format!("{both} -c:v wmv2 -q:v 3 -c:a pcm_s16le"), &[]),
    ]
}

impl Case {
    fn channels(mut self, channels: u32) -> Self {
        self.channels = channels;
        self
    }
    fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }
    fn rate(mut self, fps: f64, frames: usize) -> Self {
        (self.fps, self.frames) = (fps, frames);
        self
    }
    /// The rate follows from the average; the number of frames from the rate.
    fn any_rate(mut self) -> Self {
        (self.fps, self.frames) = (0.0, 0);
        self
    }
}

#[test]
fn every_odd_source_becomes_a_regular_one() {
    let bench = Bench::new();
    let mut wrong = Vec::new();
    for case in cases() {
        bench.ffmpeg(&format!("{} {}", case.make.replace("{V}", PICTURE_ARG).replace("{A}", SOUND), case.name));
        let result = std::panic::catch_unwind(|| check(&bench, &case));
        if let Err(panic) = result {
            wrong.push(format!("{}: {}", case.name, panic.downcast_ref::<String>().cloned().unwrap_or_default()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// As [`PICTURE`], without the quotes that only a shell would need.
const PICTURE_ARG: &str = "color=black:s=320x240:r=25:d=4,drawbox=color=white:t=fill:enable=between(t\\,1.99\\,2.19)";

fn check(bench: &Bench, case: &Case) {
    let name = case.name;
    let seen = bench.see(name);
    let info = &seen.info;
    assert_eq!(info.repairs, case.repairs, "{name}");
    assert_eq!(info.normalised, !case.repairs.is_empty(), "{name}");
    let video = info.video.as_ref().expect("video");
    let (fps, frames) =
        if case.fps > 0.0 { (case.fps, case.frames) } else { (video.fps, (4.0 * video.fps).round() as usize) };
    assert!((video.fps - fps).abs() < 1e-3, "{name}: {} fps", video.fps);
    assert!((info.duration - case.seconds).abs() < 0.08 + 1.0 / fps, "{name}: {} s", info.duration);
    assert!(seen.frames.len().abs_diff(frames) <= 1, "{name}: {} frames, expected {frames}", seen.frames.len());
    assert_eq!((video.width, video.height), case.size, "{name}");
    assert_eq!(info.audio.as_ref().expect("audio").channels, case.channels, "{name}");
    seen.assert_constant(name);
    seen.assert_sound_length(name);
    seen.assert_aligned(case.flash, name);
    if info.normalised {
        assert!(seen.frames[0].0.abs() < 1e-9, "{name}: starts at {}", seen.frames[0].0);
        assert_eq!(info.audio.as_ref().unwrap().sample_rate, 48_000, "{name}");
    }
}

#[test]
fn a_stock_talk_show_is_used_as_it_is() {
    let folder = std::env::var("OMNIVA_TEST_MEDIA")
        .expect("set OMNIVA_TEST_MEDIA to the folder with panel.mp4 (`make test` does)");
    let bench = Bench::new();
    let (job, info) =
        bench.ingest_as(&std::path::Path::new(&folder).join("panel.mp4"), Container::Mov).expect("taken in");
    assert!(!info.normalised && info.repairs.is_empty(), "{:?}", info.repairs);
    assert!((info.duration - 239.05).abs() < 0.05, "{}", info.duration);
    let video = info.video.as_ref().expect("video");
    assert_eq!((video.width, video.height, video.fps), (1280, 720, 25.0));
    let media = media_after(&job, &info);
    let mut frames = FrameReader::open(&media, &info, FrameOptions::default()).expect("frames");
    let mut sampled = Vec::new();
    for n in 0..200 {
        let frame = frames.next_frame().expect("readable").expect("a frame");
        assert!((frame.time - f64::from(n) / 25.0).abs() < 0.03, "frame {n} at {}", frame.time);
        sampled.extend(frame.picture.map(|_| n));
    }
    // Five a second: 0, 0.2 … 8.0 s, the last because frame 199 (at 7.981 s) is the one nearest to it.
    assert_eq!(sampled.len(), 41);
    assert!(sampled.windows(2).all(|pair| (4..=6).contains(&(pair[1] - pair[0]))), "{sampled:?}");
    let mut sound = AudioReader::open(&media, &info, 16_000).expect("sound");
    let mut samples = 0;
    while let Some(block) = sound.next_block().expect("readable") {
        samples += block.len();
    }
    assert_eq!(samples as f64, (info.duration * 16_000.0).round());
}
