//! Whole runs on real media: what comes out, that it says why, that it repeats, and that it goes on after a stop.

#![allow(clippy::expect_used)] // helpers of tests fail by panicking

use std::path::Path;
use std::process::Command;

use omniva_contracts::choice::Verdict;
use omniva_tests::{Bench, alive, descendants, excerpt, ffmpeg, names, one_at_a_time, record, run, status, stderr};

fn valid(bench: &Bench, schema: &str, document: &Path) {
    let schema = run(bench.omniva().args(["schema", schema])).stdout;
    let schema: serde_json::Value = serde_json::from_slice(&schema).expect("a schema");
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a valid schema");
    let value: serde_json::Value = serde_json::from_slice(&std::fs::read(document).expect("read")).expect("JSON");
    let errors: Vec<String> =
        validator.iter_errors(&value).map(|e| format!("{} at {}", e, e.instance_path())).take(3).collect();
    assert!(errors.is_empty(), "{}: {errors:?}", document.display());
}

fn stream(file: &Path, stream: &str, fields: &str) -> String {
    let arguments =
        ["-v", "error", "-select_streams", stream, "-show_entries", &format!("stream={fields}"), "-of", "csv=p=0"];
    let output = Command::new("ffprobe").args(arguments).arg(file).output().expect("ffprobe is installed");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_run_delivers_finished_clips_and_repeats_itself() {
    let _gate = one_at_a_time();
    let bench = Bench::default();
    let source = excerpt(&bench.path("talk.mp4"), 0.0, 100.0);
    let output = bench.path("clips");
    let arguments = ["--count", "2", "--min", "15", "--max", "25"];
    let result = run(&mut bench.clip(&source, &output, &arguments));
    assert_eq!(status(&result), 0, "{}", stderr(&result));
    let first = record(&output);
    assert_eq!(first.clips.len(), 2, "{:?}", first.failures);

    for clip in &first.clips {
        let video = output.join(&clip.files.video);
        assert_eq!(
            stream(&video, "v:0", "codec_name,profile,width,height,pix_fmt,r_frame_rate"),
            "h264,High,1080,1920,yuv420p,30/1"
        );
        assert_eq!(stream(&video, "a:0", "codec_name,sample_rate,channels"), "aac,48000,2");
        let qc = clip.qc.as_ref().expect("checked");
        assert!(qc.passed(), "{:?}", qc.failed().collect::<Vec<_>>());
        assert!((qc.integrated_lufs + 14.0).abs() <= 1.0 && qc.true_peak_dbtp <= -1.0);
        assert!(clip.framing.long_pause_share <= 0.03, "{:?}", clip.framing);
        for name in
            [Some(&clip.files.thumbnail), clip.files.srt.as_ref(), clip.files.vtt.as_ref(), clip.files.ass.as_ref()]
        {
            assert!(output.join(name.expect("captions were on")).metadata().expect("there").len() > 0);
        }
        assert!(clip.metadata.title.chars().count() <= 100 && !clip.metadata.title.is_empty());
        valid(&bench, "clip", &output.join(&clip.files.record));
    }
    valid(&bench, "run", &output.join("run.json"));
    for candidate in &first.decisions.choice.candidates {
        let reason = match &candidate.verdict {
            Verdict::Chosen { reason, .. } | Verdict::Rejected { reason, .. } => reason,
        };
        assert!(!reason.is_empty(), "{} has no reason", candidate.id);
    }
    let spread = |f: fn(f64, f64) -> f64, start| {
        first.decisions.choice.candidates.iter().map(|c| c.scores.virality).fold(start, f)
    };
    assert!(spread(f64::max, 0.0) - spread(f64::min, 1.0) > 0.1, "scores are flat");

    // Again: everything is kept. In a fresh cache: the same decisions, byte for byte.
    let again = run(&mut bench.clip(&source, &output, &arguments));
    assert_eq!(status(&again), 0, "{}", stderr(&again));
    let second = record(&output);
    assert!(second.measured.stages.iter().all(|s| s.from_cache || s.stage == "choose"), "{:?}", second.measured.stages);
    let other = Bench::default();
    let third = run(&mut other.clip(&source, &other.path("clips"), &[&arguments[..], &["--dry-run"]].concat()));
    assert_eq!(status(&third), 0, "{}", stderr(&third));
    let text = |folder: &Path| serde_json::to_string(&record(folder).decisions).expect("JSON");
    assert_eq!(text(&output), text(&other.path("clips")));

    // Fewer clips: the files of the other one go. Another source: refused.
    let fewer = run(&mut bench.clip(&source, &output, &["--count", "1", "--min", "15", "--max", "25"]));
    assert_eq!(status(&fewer), 0, "{}", stderr(&fewer));
    assert_eq!(names(&output).iter().filter(|n| n.ends_with(".mp4")).count(), 1);
    let stranger = excerpt(&bench.path("other.mp4"), 100.0, 20.0);
    let refused = run(&mut bench.clip(&stranger, &output, &[]));
    assert_eq!(status(&refused), 5);
    assert!(stderr(&refused).contains("output_exists"), "{}", stderr(&refused));

    explains(&bench, &output);
}

fn explains(bench: &Bench, output: &Path) {
    let ask = |arguments: &[&str]| {
        let result = run(bench.omniva().arg("explain").arg(output).args(arguments));
        assert_eq!(status(&result), 0, "{}", stderr(&result));
        String::from_utf8(result.stdout).expect("UTF-8")
    };
    let run = record(output);
    assert!(ask(&[]).contains("Clip 1"));
    assert!(ask(&["--clip", "1"]).contains(&run.decisions.choice.chosen[0]));
    let rejected = run.decisions.choice.candidates.iter().find(|c| !c.chosen()).expect("one was rejected");
    let Verdict::Rejected { reason, .. } = &rejected.verdict else { panic!("rejected") };
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat(&ask(&["--not", &rejected.id])).contains(&flat(reason)[..20]), "{reason}");
    let json: serde_json::Value = serde_json::from_str(&ask(&["--json", "--at", "1"])).expect("one JSON line");
    assert_eq!(json["event"], "explanation");
}

#[test]
fn a_stopped_run_leaves_nothing_half_done_and_goes_on() {
    let _gate = one_at_a_time();
    let bench = Bench::default();
    let source = excerpt(&bench.path("talk.mp4"), 0.0, 60.0);
    let output = bench.path("clips");
    let arguments = ["--count", "1", "--max", "20", "--json"];
    let mut child =
        bench.clip(&source, &output, &arguments).stdout(std::process::Stdio::piped()).spawn().expect("starts");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("piped")));
    // Wait until the clip is being rendered.
    let rendering = |line: &String| line.contains("\"progress\"") && line.contains("\"render\"");
    let found = lines.by_ref().map_while(Result::ok).any(|line| rendering(&line));
    assert!(found, "the run ended before it rendered");
    // Read on: a pipe that nobody reads would end the run before the signal does.
    let reader = std::thread::spawn(move || lines.map_while(Result::ok).count());
    let below = descendants(child.id());
    assert!(!below.is_empty(), "rendering happens in a child process");
    let asked = std::time::Instant::now();
    // SAFETY: sends a signal to a process of ours.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    let end = child.wait().expect("ends");
    assert!(asked.elapsed().as_secs_f64() < 1.5, "took {:?} to stop", asked.elapsed());
    assert_eq!(end.code(), Some(130), "{end}");
    reader.join().expect("reads to the end");
    assert!(below.iter().all(|pid| !alive(*pid)), "a child outlived the run");
    assert!(names(&output).is_empty(), "left behind: {:?}", names(&output));

    let result = run(&mut bench.clip(&source, &output, &arguments[..4]));
    assert_eq!(status(&result), 0, "{}", stderr(&result));
    let stages = record(&output).measured.stages;
    assert!(
        stages
            .iter()
            .filter(|s| ["ingest", "listen", "watch", "read"].contains(&s.stage.as_str()))
            .all(|s| s.from_cache),
        "{stages:?}"
    );
}

#[test]
fn a_killed_child_is_one_clear_fault_and_a_killed_parent_leaves_no_child() {
    let _gate = one_at_a_time();
    let bench = Bench::default();
    let source = excerpt(&bench.path("talk.mp4"), 0.0, 60.0);
    let output = bench.path("clips");
    let start = || {
        let child =
            bench.clip(&source, &output, &["--dry-run"]).stderr(std::process::Stdio::piped()).spawn().expect("starts");
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while descendants(child.id()).is_empty() {
            assert!(std::time::Instant::now() < deadline, "no children were started");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        child
    };
    let child = start();
    // SAFETY: sends a signal to a process of ours.
    unsafe { libc::kill(descendants(child.id())[0] as i32, libc::SIGKILL) };
    let result = child.wait_with_output().expect("ends");
    assert_eq!(status(&result), 4, "{}", stderr(&result));
    assert!(stderr(&result).contains("code: child_killed"), "{}", stderr(&result));

    let mut child = start();
    let below = descendants(child.id());
    child.kill().expect("killed");
    child.wait().expect("ends");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while below.iter().any(|pid| alive(*pid)) {
        assert!(std::time::Instant::now() < deadline, "a child outlived its parent");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(names(&output).iter().all(|n| !n.ends_with(".mp4")));
}

#[test]
fn a_podcast_gets_a_picture_and_a_silent_video_is_clipped_by_sight() {
    let _gate = one_at_a_time();
    let bench = Bench::default();
    let podcast = bench.path("podcast.mp3");
    ffmpeg(["-t", "45", "-i", omniva_tests::panel().to_str().expect("utf-8"), "-vn", podcast.to_str().expect("utf-8")]);
    let output = bench.path("podcast-clips");
    let result = run(&mut bench.clip(&podcast, &output, &["--count", "1", "--max", "20"]));
    assert_eq!(status(&result), 0, "{}", stderr(&result));
    let run_record = record(&output);
    assert!(run_record.decisions.media.video.is_none());
    assert_eq!(stream(&output.join(&run_record.clips[0].files.video), "v:0", "width,height"), "1080,1920");

    let silent = bench.path("silent.mp4");
    ffmpeg([
        "-ss",
        "46",
        "-t",
        "40",
        "-i",
        omniva_tests::panel().to_str().expect("utf-8"),
        "-an",
        "-c:v",
        "copy",
        silent.to_str().expect("utf-8"),
    ]);
    let output = bench.path("silent-clips");
    let result = run(&mut bench.clip(&silent, &output, &["--count", "1", "--max", "20"]));
    let run_record = record(&output);
    // A quiet webcam may honestly hold nothing worth a clip; then the run says why.
    match status(&result) {
        0 => assert_eq!(run_record.clips.len(), 1),
        6 => assert!(run_record.decisions.choice.why_none.is_some()),
        other => panic!("exit {other}: {}", stderr(&result)),
    }
}
