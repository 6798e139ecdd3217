//! Bad input: each gets one clear message with a stable code and a next step, its own exit status, nothing half-written,
//! nothing read outside, no connection made.

#![allow(clippy::expect_used)] // helpers of tests fail by panicking

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use omniva_tests::{Bench, excerpt, ffmpeg, names, record, run, status, stderr};

/// Runs `clip` on a file that must be refused, and checks everything a refusal promises.
fn refused(bench: &Bench, input: &Path, code: &str, exit: i32) -> String {
    let output = bench.path("out");
    let result = run(&mut bench.clip(input, &output, &[]));
    let text = stderr(&result);
    assert_eq!(status(&result), exit, "{}: {text}", input.display());
    assert!(text.contains(&format!("code: {code}\n")), "{}: wanted {code}: {text}", input.display());
    assert!(text.contains("next: "), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    assert_eq!(names(&output), Vec::<String>::new(), "{}: something was written", input.display());
    text
}

fn file(bench: &Bench, name: &str, bytes: &[u8]) -> PathBuf {
    let path = bench.path(name);
    std::fs::write(&path, bytes).expect("written");
    path
}

/// Bytes without a pattern (xorshift, fixed seed).
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn what_is_no_media_is_refused() {
    let bench = Bench::default();
    refused(&bench, &bench.path("nowhere.mp4"), "input_missing", 3);
    refused(&bench, bench.folder.path(), "input_unreadable", 3);
    refused(&bench, &file(&bench, "empty.mp4", b""), "input_empty", 3);
    refused(&bench, &file(&bench, "random.mp4", &noise(300_000)), "input_not_media", 3);
    refused(&bench, &file(&bench, "text.mp4", "Dear diary,\n".repeat(999).as_bytes()), "input_not_media", 3);
    refused(&bench, &file(&bench, "zip.mp4", b"PK\x03\x04 and so on, an archive"), "input_not_media", 3);
}

#[test]
fn playlists_dressed_as_videos_open_nothing() {
    let bench = Bench::default();
    let canary = file(&bench, "canary.txt", b"CANARY-7f3a");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("non-blocking");
    let url = format!("http://{}/x.ts", listener.local_addr().expect("an address"));
    let here = canary.display();
    for (name, text) in [
        (
            "hls.mp4",
            format!(
                "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{here}\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n"
            ),
        ),
        ("bom.mp4", format!("\u{feff}\n #EXTM3U\n#EXTINF:10,\n{url}\n")),
        (
            "dash.mp4",
            format!(
                "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"><BaseURL>{url}</BaseURL></MPD>"
            ),
        ),
        ("concat.avi", format!("ffconcat version 1.0\nfile '{here}'\nfile '{url}'\n")),
        ("sdp.ts", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n".to_owned()),
    ] {
        let text = refused(&bench, &file(&bench, name, text.as_bytes()), "input_playlist", 3);
        assert!(!text.contains("CANARY"), "{text}");
    }
    assert!(listener.accept().is_err(), "a playlist made a connection");
}

#[test]
fn damaged_and_oversized_media_is_refused() {
    let bench = Bench::default();
    let whole = excerpt(&bench.path("whole.mp4"), 0.0, 20.0);
    let bytes = std::fs::read(&whole).expect("read");
    refused(&bench, &file(&bench, "truncated.mp4", &bytes[..bytes.len() / 2]), "input_corrupt", 3);
    let short = bench.path("short.mp4");
    ffmpeg(["-t", "8", "-i", whole.to_str().expect("utf-8"), "-c", "copy", short.to_str().expect("utf-8")]);
    let text = refused(&bench, &short, "input_too_short", 3);
    assert!(text.contains("--min"), "{text}");

    let small = file(&bench, "small.toml", b"[limits]\nmax_source_hours = 0.01\n");
    let output = bench.path("out2");
    let long = excerpt(&bench.path("long.mp4"), 0.0, 40.0);
    let result = run(&mut bench.clip(&long, &output, &["--config", small.to_str().expect("utf-8")]));
    assert_eq!(status(&result), 3, "{}", stderr(&result));
    assert!(stderr(&result).contains("input_too_long"), "{}", stderr(&result));
    assert!(names(&output).is_empty());

    let tiny = file(&bench, "tiny.toml", b"[limits]\nmax_megapixels = 0.1\n");
    let result = run(&mut bench.clip(&long, &output, &["--config", tiny.to_str().expect("utf-8")]));
    assert!(stderr(&result).contains("input_dimensions"), "{}", stderr(&result));
}

#[test]
fn encrypted_media_is_refused() {
    let bench = Bench::default();
    let (plain, locked) = (excerpt(&bench.path("plain.mp4"), 0.0, 18.0), bench.path("locked.mp4"));
    ffmpeg([
        "-i",
        plain.to_str().expect("utf-8"),
        "-c",
        "copy",
        "-encryption_scheme",
        "cenc-aes-ctr",
        "-encryption_key",
        "76a6c65c5ea762046bd749a2e632ccbb",
        "-encryption_kid",
        "a7e61c373e219033c21091fa607bf3b8",
        locked.to_str().expect("utf-8"),
    ]);
    refused(&bench, &locked, "input_encrypted", 3);
}

#[test]
fn odd_names_are_only_names() {
    let bench = Bench::default();
    let source = excerpt(&bench.path("source.mp4"), 0.0, 16.0);
    let folder = bench.path("../").join(bench.folder.path().file_name().expect("a name"));
    for name in [
        &b"-rf.mp4"[..],
        b"with space.mp4",
        b"new\nline.mp4",
        b"quo'te\".mp4",
        "üñí ☃.mp4".as_bytes(),
        b"%s%n.mp4",
        b"a:b|c.mp4",
    ] {
        let path = folder.join(std::ffi::OsStr::from_bytes(name));
        std::fs::copy(&source, &path).expect("copied");
        let output = bench.path("out");
        let result = run(&mut bench.clip(&path, &output, &["--dry-run", "--captions", "none"]));
        assert_eq!(status(&result), 0, "{}: {}", path.display(), stderr(&result));
        assert_eq!(names(&output), ["report.html", "run.json"]);
        assert!(!record(&output).source_name.contains('\n'));
    }
}

#[test]
fn wrong_arguments_and_configuration_are_named() {
    let bench = Bench::default();
    let source = excerpt(&bench.path("source.mp4"), 0.0, 16.0);
    let output = bench.path("out");
    let fails = |extra: &[&str], code: i32, word: &str| {
        let result = run(&mut bench.clip(&source, &output, extra));
        assert_eq!(status(&result), code, "{}", stderr(&result));
        assert!(stderr(&result).contains(word), "wanted {word}: {}", stderr(&result));
        assert!(names(&output).is_empty());
    };
    fails(&["--count", "0"], 2, "clip.count = 0: must be 1..=50");
    fails(&["--min", "50", "--max", "20"], 2, "must not exceed");
    fails(&["--aspect", "3:2"], 2, "--aspect");
    fails(&["--captions", "nosuch"], 2, "nosuch");
    fails(&["--config", "nosuch.toml"], 2, "config_invalid");
    let typo = file(&bench, "typo.toml", b"[clip]\ncuont = 3\n");
    fails(&["--config", typo.to_str().expect("utf-8")], 2, "cuont");
    let result = run(bench.omniva().arg("nonsense"));
    assert_eq!(status(&result), 2);
}

#[test]
fn an_output_that_can_not_be_written_is_told_before_the_work() {
    let bench = Bench::default();
    let source = excerpt(&bench.path("source.mp4"), 0.0, 16.0);
    let blocked = file(&bench, "file", b"not a folder");
    let result = run(&mut bench.clip(&source, &blocked.join("out"), &[]));
    assert_eq!(status(&result), 5, "{}", stderr(&result));
    assert!(stderr(&result).contains("output_unwritable"), "{}", stderr(&result));
    assert!(!stderr(&result).contains("listening"), "told only after the work: {}", stderr(&result));
    // /proc can't be written, whoever asks.
    let result = run(&mut bench.clip(&source, Path::new("/proc/omniva"), &[]));
    assert_eq!(status(&result), 5, "{}", stderr(&result));
}

#[test]
fn wrong_and_missing_models_are_refused_by_hash() {
    let bench = Bench::default();
    let source = excerpt(&bench.path("source.mp4"), 0.0, 16.0);
    let empty = bench.path("no-models");
    std::fs::create_dir(&empty).expect("made");
    let clip = |models: &Path| {
        let mut command = std::process::Command::new(omniva_tests::binary());
        run(command
            .arg("--models")
            .arg(models)
            .arg("clip")
            .arg(&source)
            .arg("-o")
            .arg(bench.path("out"))
            .arg("--cache")
            .arg(bench.cache()))
    };
    let result = clip(&empty);
    assert_eq!(status(&result), 4);
    assert!(
        stderr(&result).contains("model_missing") && stderr(&result).contains("omniva models fetch"),
        "{}",
        stderr(&result)
    );

    let changed = bench.path("changed-models");
    let copy =
        std::process::Command::new("cp").arg("-r").arg(omniva_tests::models()).arg(&changed).status().expect("cp runs");
    assert!(copy.success());
    let victim = changed.join("yunet.onnx");
    let mut bytes = std::fs::read(&victim).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::File::create(&victim).and_then(|mut f| f.write_all(&bytes)).expect("written");
    let result = clip(&changed);
    assert_eq!(status(&result), 4);
    assert!(
        stderr(&result).contains("model_mismatch") && stderr(&result).contains("yunet.onnx"),
        "{}",
        stderr(&result)
    );
    assert!(names(&bench.path("out")).is_empty());
}
