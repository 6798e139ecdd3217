//! What quality control finds in files that are wrong.

use std::path::Path;

use omniva_contracts::Silent;
use omniva_contracts::jobs::CheckJob;
use omniva_contracts::qc::QcReport;

use crate::tools::ffmpeg;

const PINK: &str = "anoisesrc=r=48000:c=pink:a=0.35:s=7";

/// Makes a clip with the command line and checks it.
fn judge(dir: &Path, picture: &str, sound: &str, extra: &[&str]) -> QcReport {
    let file = dir.join("clip.mp4");
    let mut args = vec!["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-t", "4"];
    args.extend(["-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-pix_fmt", "yuv420p"]);
    args.extend(["-c:a", "aac", "-ac", "2", "-af", "loudnorm=I=-14:TP=-2,aresample=48000"]);
    if !extra.contains(&"-movflags") {
        args.extend(["-movflags", "+faststart"]);
    }
    args.extend(extra);
    args.push(file.to_str().unwrap());
    ffmpeg(&args);
    check(&file)
}

fn check(file: &Path) -> QcReport {
    let job = CheckJob {
        file: file.to_owned(),
        out_dir: file.parent().unwrap().to_owned(),
        expected_duration: 4.0,
        width: 320,
        height: 240,
        fps: 30,
        max_bytes: 10_000_000,
        target_lufs: -14.0,
        ceiling_dbtp: -1.0,
        expect_sound: true,
        still_seconds: 0.0,
    };
    omniva_media::check::check(&job, &Silent).unwrap()
}

fn failed(report: &QcReport) -> Vec<&str> {
    report.failed().map(|c| c.name.as_str()).collect()
}

#[test]
fn every_fault_fails_its_own_check_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let moving = "testsrc2=s=320x240:r=30";
    let cases: &[(&str, &str, &[&str], &[&str])] = &[
        (moving, PINK, &[], &[]),
        (
            "testsrc2=s=320x240:r=30,drawbox=w=320:h=240:color=black:t=fill:enable='between(t,1,1.7)'",
            PINK,
            &[],
            &["black"],
        ),
        (
            "testsrc2=s=320x240:r=30,drawbox=w=320:h=240:color=gray:t=fill:enable='between(t,0.5,3.7)'",
            PINK,
            &[],
            &["frozen"],
        ),
        (moving, PINK, &["-af", "volume=-20dB"], &["loudness"]),
        (moving, PINK, &["-movflags", "0"], &["faststart"]),
        ("testsrc2=s=322x240:r=30", PINK, &[], &["picture"]),
        (moving, PINK, &["-profile:v", "baseline"], &["picture"]),
        (moving, PINK, &["-r", "25"], &["picture"]),
        (moving, PINK, &["-t", "3"], &["duration"]),
        (
            moving,
            PINK,
            &["-b:v", "40M", "-minrate", "40M", "-maxrate", "40M", "-bufsize", "2M", "-nal-hrd", "cbr"],
            &["size"],
        ),
        ("testsrc2=s=320x240:r=30:d=4", "anoisesrc=r=48000:c=pink:a=0.35:s=7:d=3.8", &[], &["av_offset"]),
    ];
    for (picture, sound, extra, expected) in cases {
        let report = judge(dir.path(), picture, sound, extra);
        assert_eq!(failed(&report), *expected, "{picture} {extra:?}: {:?}", report.checks);
    }
}

#[test]
fn damage_in_the_middle_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let whole = judge(dir.path(), "testsrc2=s=320x240:r=30", PINK, &["-g", "30"]);
    assert!(whole.passed(), "{:?}", whole.checks);
    let file = dir.path().join("clip.mp4");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 6000].fill(0xa5);
    std::fs::write(&file, &bytes).unwrap();
    let report = check(&file);
    assert!(failed(&report).contains(&"decodes"), "{:?}", report.checks);
    assert_ne!(report.sha256, whole.sha256);
    assert_eq!(report.sha256.len(), 64);
}

#[test]
fn a_still_that_the_source_explains_passes() {
    let dir = tempfile::tempdir().unwrap();
    judge(dir.path(), "testsrc2=s=320x240:r=30,loop=loop=200:size=1:start=0", PINK, &[]);
    let mut job = CheckJob {
        file: dir.path().join("clip.mp4"),
        out_dir: dir.path().to_owned(),
        expected_duration: 4.0,
        width: 320,
        height: 240,
        fps: 30,
        max_bytes: 10_000_000,
        target_lufs: -14.0,
        ceiling_dbtp: -1.0,
        expect_sound: true,
        still_seconds: 4.0,
    };
    assert!(omniva_media::check::check(&job, &Silent).unwrap().passed());
    job.still_seconds = 0.5;
    assert_eq!(failed(&omniva_media::check::check(&job, &Silent).unwrap()), ["frozen"]);
}
