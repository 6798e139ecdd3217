//! Broken and hostile sources: each gets its code, and nothing is left behind.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use omniva_contracts::Code;
use omniva_contracts::jobs::IngestJob;
use omniva_contracts::media::{Container, Repair};
use omniva_contracts::{Monitor, Silent};
use omniva_media::ingest::{NORMALISED, ingest};
use support::Bench;

const TALK: &str = "-f lavfi -i testsrc2=s=320x240:r=25:d=6 -f lavfi -i sine=440:d=6:r=48000 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac";

/// 100 frames with a flash from second 1.5 on, and a beep at the same time.
fn part(bench: &Bench, name: &str, flash: bool, rate: u32) {
    let light = if flash { ",drawbox=color=white:t=fill:enable=gte(t\\,1.49)" } else { "" };
    let beep = if flash {
        format!("aevalsrc=if(gte(t\\,1.5)\\,0.7*sin(6283*t)\\,0):s={rate}")
    } else {
        format!("anullsrc=cl=mono:r={rate}")
    };
    bench.ffmpeg(&format!(
        "-f lavfi -i color=black:s=320x240:r=25:d=3{light} -f lavfi -i {beep} -t 3 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac {name}"
    ));
}

fn bytes(bench: &Bench, name: &str) -> Vec<u8> {
    std::fs::read(bench.path(name)).unwrap()
}

fn refused(bench: &Bench, name: &str) -> Code {
    let fault = bench.ingest(name).map(|(_, info)| info).expect_err(name);
    assert!(!fault.message.is_empty() && !fault.next_step.is_empty());
    if let Ok(files) = std::fs::read_dir(bench.path("out")) {
        assert_eq!(files.count(), 0, "{name} left files behind");
    }
    fault.code
}

#[test]
fn a_stream_whose_clock_jumps_keeps_everything_in_order() {
    let bench = Bench::new();
    part(&bench, "a.ts", false, 48_000);
    part(&bench, "b.ts", true, 48_000);
    std::fs::write(bench.path("joined.ts"), [bytes(&bench, "a.ts"), bytes(&bench, "b.ts")].concat()).unwrap();
    let seen = bench.see("joined.ts");
    assert_eq!(
        seen.info.repairs,
        [Repair::TimestampBackward, Repair::StartOffset, Repair::DamagedPackets, Repair::NoIndex]
    );
    assert!(seen.frames.len().abs_diff(150) <= 2, "{} frames", seen.frames.len());
    assert!((seen.info.duration - 6.0).abs() < 0.15, "{}", seen.info.duration);
    seen.assert_constant("joined");
    seen.assert_sound_length("joined");
    let frame = 0.04;
    assert!((seen.flash() - seen.beep()).abs() <= frame, "flash {} beep {}", seen.flash(), seen.beep());
    assert!((seen.flash() - 4.5).abs() <= 0.1, "flash {}", seen.flash());

    // The clock leaps ahead by an hour instead, and the sound has another rate from there on.
    part(&bench, "c.ts", true, 44_100);
    bench.ffmpeg("-i c.ts -c copy -output_ts_offset 3600 far.ts");
    std::fs::write(bench.path("leap.ts"), [bytes(&bench, "a.ts"), bytes(&bench, "far.ts")].concat()).unwrap();
    let seen = bench.see("leap.ts");
    assert!(seen.frames.len().abs_diff(150) <= 2, "{} frames", seen.frames.len());
    assert!((seen.flash() - seen.beep()).abs() <= frame, "flash {} beep {}", seen.flash(), seen.beep());
}

#[test]
fn a_late_start_of_the_sound_is_kept() {
    let bench = Bench::new();
    part(&bench, "b.mp4", true, 48_000);
    bench.ffmpeg("-i b.mp4 -itsoffset 0.8 -i b.mp4 -map 0:v -map 1:a -c copy late.mkv");
    let seen = bench.see("late.mkv");
    assert_eq!(seen.info.repairs[..], [Repair::TimestampGap, Repair::StartOffset]);
    assert!((seen.flash() - 1.5).abs() < 0.05 && (seen.beep() - 2.3).abs() < 0.05, "{} {}", seen.flash(), seen.beep());
    assert!((seen.info.duration - 3.8).abs() < 0.1);
    seen.assert_constant("late");
    assert!(seen.frames.len().abs_diff(95) <= 2);
}

#[test]
fn phones_turn_their_pictures() {
    let bench = Bench::new();
    // Left half red, right half blue, in the stored picture.
    bench.ffmpeg(
        "-f lavfi -i color=red:s=320x240:r=25:d=1,drawbox=x=160:w=160:h=240:color=blue:t=fill -f lavfi -i sine=d=1 -c:v libx264 -pix_fmt yuv420p -c:a aac flat.mp4",
    );
    for (degrees, size) in [(90, (240, 320)), (180, (320, 240)), (270, (240, 320))] {
        let name = format!("turned{degrees}.mp4");
        bench.ffmpeg(&format!("-i flat.mp4 -c copy -metadata:s:v rotate={degrees} {name}"));
        let seen = bench.see(&name);
        assert_eq!(seen.info.repairs, [Repair::Rotation], "{name}");
        let video = seen.info.video.as_ref().unwrap();
        assert_eq!((video.width, video.height), size, "{name}");
        // The command line turns as well: its picture must be ours.
        bench.ffmpeg(&format!(
            "-i {name} -c:v libx264 -qp 5 -pix_fmt yuv420p -c:a aac -metadata:s:v rotate=0 upright{degrees}.mp4"
        ));
        let expected = bench.see(&format!("upright{degrees}.mp4"));
        assert!(!expected.info.normalised);
        let (ours, theirs) = (seen.halves.unwrap(), expected.halves.unwrap());
        for (a, b) in ours.iter().flatten().zip(theirs.iter().flatten()) {
            assert!((a - b).abs() < 6.0, "{name}: {ours:?} {theirs:?}");
        }
    }
    let flat = bench.see("flat.mp4").halves.unwrap();
    assert!(flat[0][2] > 200.0 && flat[1][0] > 200.0, "left is red, right is blue: {flat:?}");
    let half = bench.see("turned180.mp4").halves.unwrap();
    assert!(half[1][2] > 200.0 && half[0][0] > 200.0, "left is blue, right is red: {half:?}");
}

#[test]
fn sound_without_picture_and_picture_without_sound() {
    let bench = Bench::new();
    bench.ffmpeg("-f lavfi -i testsrc=s=320x240:r=30:d=2 -c:v libx264 -pix_fmt yuv420p mute.mp4");
    let seen = bench.see("mute.mp4");
    assert!(seen.info.audio.is_none() && !seen.info.normalised && seen.frames.len() == 60);
    let formats = [
        ("a.mp3", "-c:a libmp3lame"),
        ("a.m4a", "-c:a aac"),
        ("a.wav", ""),
        ("a.flac", ""),
        ("a.ogg", "-c:a libvorbis"),
        ("a.opus", "-c:a libopus"),
        ("a.aac", "-c:a aac"),
        ("a.aiff", ""),
        ("a.caf", "-c:a alac"),
        ("rf64.wav", "-rf64 always"),
    ];
    for (name, codec) in formats {
        bench.ffmpeg(&format!("-f lavfi -i sine=440:d=5:r=44100 {codec} {name}"));
        let seen = bench.see(name);
        assert!(seen.info.video.is_none() && !seen.info.normalised, "{name}: {:?}", seen.info);
        assert!((seen.info.duration - 5.0).abs() < 0.08, "{name}: {}", seen.info.duration);
        seen.assert_sound_length(name);
        let loud = seen.samples.iter().filter(|s| s.abs() > 0.05).count();
        assert!(loud as f64 > 0.6 * seen.samples.len() as f64, "{name}: {loud} of {}", seen.samples.len());
    }
    bench.ffmpeg("-f lavfi -i color=red:s=600x600 -frames:v 1 cover.jpg");
    bench.ffmpeg("-i a.mp3 -i cover.jpg -map 0 -map 1 -c copy -id3v2_version 3 -disposition:v attached_pic cover.mp3");
    let seen = bench.see("cover.mp3");
    assert!(seen.info.video.is_none() && seen.info.audio.is_some());
    bench.ffmpeg("-f lavfi -i sine=440:d=3:r=44100 -af pan=7.1|FC=c0 -c:a flac many.flac");
    let seen = bench.see("many.flac");
    assert_eq!(seen.info.repairs, [Repair::SurroundSound]);
    assert_eq!(seen.info.audio.as_ref().unwrap().channels, 2);
    assert!(seen.samples.iter().filter(|s| s.abs() > 0.01).count() > seen.samples.len() / 2, "the centre is kept");
}

#[test]
fn truncated_and_scribbled_files_give_what_they_have() {
    let bench = Bench::new();
    bench.ffmpeg(&format!("{TALK} -movflags +faststart whole.mp4"));
    let whole = bytes(&bench, "whole.mp4");
    std::fs::write(bench.path("half.mp4"), &whole[..whole.len() / 2]).unwrap();
    let seen = bench.see("half.mp4");
    assert!(seen.info.repairs.contains(&Repair::DamagedPackets), "{:?}", seen.info.repairs);
    assert!((1.0..5.5).contains(&seen.info.duration), "{}", seen.info.duration);
    seen.assert_constant("half");
    seen.assert_sound_length("half");

    let mut scribbled = whole.clone();
    let (from, to) = (whole.len() * 2 / 5, whole.len() * 3 / 5);
    for n in (from..to).step_by(37) {
        scribbled[n] = (n as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0];
    }
    std::fs::write(bench.path("scribbled.mp4"), scribbled).unwrap();
    let seen = bench.see("scribbled.mp4");
    assert!((seen.info.duration - 6.0).abs() < 0.1);
    assert!(seen.frames.len() > 100, "{} frames", seen.frames.len());
    assert!(seen.frames.windows(2).all(|pair| pair[1].0 > pair[0].0));
    seen.assert_sound_length("scribbled");

    bench.ffmpeg(&format!("{TALK} whole.mkv"));
    let mut holed = bytes(&bench, "whole.mkv");
    let length = holed.len();
    holed[length * 2 / 5..length / 2].fill(0xA5);
    std::fs::write(bench.path("holed.mkv"), holed).unwrap();
    let seen = bench.see("holed.mkv");
    assert!(seen.info.normalised && (seen.info.duration - 6.0).abs() < 0.2, "{:?}", seen.info);
    seen.assert_constant("holed");
    assert!(seen.frames.len().abs_diff(150) <= 3);

    bench.ffmpeg(&format!("{TALK} late.mp4"));
    let late = bytes(&bench, "late.mp4");
    std::fs::write(bench.path("noindex.mp4"), &late[..late.len() * 2 / 3]).unwrap();
    std::fs::remove_dir_all(bench.path("out")).unwrap();
    let fault = bench.ingest("noindex.mp4").expect_err("no index");
    assert_eq!(fault.code, Code::InputCorrupt);
    assert!(fault.message.contains("moov"), "{}", fault.message);
}

#[test]
fn what_can_not_be_used_is_refused_by_name() {
    let bench = Bench::new();
    bench.ffmpeg(&format!("{TALK} fine.mp4"));
    let fine = bytes(&bench, "fine.mp4");
    // The sample entry claims 65535 × 65535 (ISO/IEC 14496-12 §12.1.3: width 24 bytes behind the type).
    let mut huge = fine.clone();
    let entry = huge.windows(4).rposition(|w| w == b"avc1").unwrap();
    huge[entry + 28..entry + 32].fill(0xFF);
    std::fs::write(bench.path("huge.mp4"), huge).unwrap();
    assert_eq!(refused(&bench, "huge.mp4"), Code::InputDimensions);

    bench.ffmpeg("-i fine.mp4 -c copy -encryption_scheme cenc-aes-ctr -encryption_key 76a6c65c5ea762046bd749a2e632ccbb -encryption_kid a7e61c373e219033c21091fa607bf3b8 locked.mp4");
    assert_eq!(refused(&bench, "locked.mp4"), Code::InputEncrypted);

    bench.ffmpeg("-f lavfi -i sine=d=1 -i fine.mp4 -map 1:v -c copy -f data raw.bin");
    std::fs::write(bench.path("words.srt"), "1\n00:00:00,000 --> 00:00:01,000\nhello\n").unwrap();
    bench.ffmpeg("-i words.srt -c:s mov_text words.mp4");
    assert_eq!(refused(&bench, "words.mp4"), Code::InputNoStreams);

    bench.ffmpeg("-f lavfi -i testsrc=s=64x64:d=1 -c:v magicyuv odd.mkv");
    assert_eq!(refused(&bench, "odd.mkv"), Code::InputCodec);

    for container in [
        Container::Mov,
        Container::Matroska,
        Container::Mpegts,
        Container::Mpegps,
        Container::Avi,
        Container::Flv,
        Container::Asf,
        Container::Wav,
        Container::Mp3,
        Container::Flac,
        Container::Ogg,
        Container::Aac,
        Container::Aiff,
        Container::Caf,
    ] {
        // Random bytes and a playlist, forced through every demuxer: no crash, no other file read.
        let noise: Vec<u8> = (0u32..60_000).map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
        std::fs::write(bench.path("noise"), noise).unwrap();
        std::fs::write(bench.path("list"), "#EXTM3U\n#EXTINF:10,\nfine.mp4\n".repeat(40)).unwrap();
        for name in ["noise", "list"] {
            let fault = bench.ingest_as(&bench.path(name), container).expect_err("refused");
            assert!(
                matches!(fault.code, Code::InputCorrupt | Code::InputNoStreams | Code::InputCodec),
                "{container:?} {fault}"
            );
        }
    }
}

#[test]
fn names_of_any_kind_work() {
    use std::os::unix::ffi::OsStrExt;
    let bench = Bench::new();
    bench.ffmpeg(&format!("{TALK} -t 1 plain.mp4"));
    let names: [&[u8]; 8] = [
        b"-dash.mp4",
        b"new\nline.mp4",
        b"qu'ote\".mp4",
        "ünïcode ✓.mp4".as_bytes(),
        b"bad\xFF\xFEutf.mp4",
        b"http:x.mp4",
        b"%d.mp4",
        b"a:b|c,d.mp4",
    ];
    for name in names {
        let path = bench.folder.path().join(std::ffi::OsStr::from_bytes(name));
        std::fs::copy(bench.path("plain.mp4"), &path).unwrap();
        assert_eq!(omniva_media::sniff::sniff(&path), Ok(Container::Mov));
        let (_, info) = bench.ingest_as(&path, Container::Mov).unwrap();
        assert!(!info.normalised);
    }
}

fn job(bench: &Bench, name: &str) -> IngestJob {
    let (job, _) = bench.ingest(name).unwrap();
    let _ = std::fs::remove_file(job.out_dir.join(NORMALISED));
    job
}

#[test]
fn limits_cancelling_and_writing_end_cleanly() {
    struct Stop;
    impl Monitor for Stop {
        fn progress(&self, fraction: f64) {
            assert!((0.0..=1.0).contains(&fraction));
        }
        fn cancelled(&self) -> bool {
            true
        }
    }
    let bench = Bench::new();
    bench.ffmpeg(&format!("{TALK} talk.ts"));
    let good = job(&bench, "talk.ts");
    let code = |job: &IngestJob, monitor: &dyn Monitor| {
        let code = ingest(job, monitor).expect_err("refused").code;
        assert_eq!(std::fs::read_dir(&good.out_dir).unwrap().count(), 0, "left files behind");
        code
    };
    assert_eq!(code(&IngestJob { max_seconds: 3.0, ..good.clone() }, &Silent), Code::InputTooLong);
    assert_eq!(code(&IngestJob { max_pixels: 1000, ..good.clone() }, &Silent), Code::InputDimensions);
    assert_eq!(code(&good, &Stop), Code::Cancelled);
    assert_eq!(code(&IngestJob { out_dir: bench.path("nowhere"), ..good.clone() }, &Silent), Code::OutputUnwritable);
}

#[test]
fn the_copy_is_the_same_every_time() {
    let bench = Bench::new();
    bench.ffmpeg(&format!("{TALK} talk.ts"));
    let (first, info) = bench.ingest("talk.ts").unwrap();
    let once = std::fs::read(first.out_dir.join(NORMALISED)).unwrap();
    let (_, again) = bench.ingest("talk.ts").unwrap();
    assert_eq!(info, again);
    assert!(once == std::fs::read(first.out_dir.join(NORMALISED)).unwrap(), "two runs differ");
}
