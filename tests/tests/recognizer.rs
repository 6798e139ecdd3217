//! The second recogniser: an OpenAI-compatible endpoint on this machine is asked first; when it is gone, the built-in one
//! takes over and the run says so.
#![allow(clippy::expect_used)] // helpers of tests fail by panicking

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use omniva_tests::{Bench, excerpt, one_at_a_time, record, run, status, stderr};

const SAID: &str = "Nobody expects a marzipan lighthouse.";

/// Reads one request to its end and answers it as the transcription API does.
fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut block = [0u8; 65_536];
    loop {
        let read = stream.read(&mut block)?;
        request.extend_from_slice(&block[..read]);
        let head = request.windows(4).position(|w| w == b"\r\n\r\n");
        let length = head.and_then(|end| {
            let text = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
            text.lines().find_map(|l| l.strip_prefix("content-length:")?.trim().parse::<usize>().ok())
        });
        if read == 0 || head.zip(length).is_some_and(|(end, length)| request.len() >= end + 4 + length) {
            break;
        }
    }
    let words: Vec<serde_json::Value> = SAID
        .split(' ')
        .enumerate()
        .map(|(i, w)| serde_json::json!({ "word": w, "start": 0.3 + 0.4 * i as f64, "end": 0.6 + 0.4 * i as f64 }))
        .collect();
    let segment =
        serde_json::json!({ "start": 0.3, "end": 2.2, "text": SAID, "avg_logprob": -0.1, "no_speech_prob": 0.01 });
    let body = serde_json::json!({ "language": "english", "text": SAID, "duration": 3.0, "words": words, "segments": [segment] }).to_string();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn config(bench: &Bench, port: u16) -> PathBuf {
    let path = bench.path("http.toml");
    let text = format!(
        "[recognizer.http]\nurl = \"http://127.0.0.1:{port}/v1\"\nmodel = \"whisper-1\"\napi_key_file = \"\"\ntimeout_seconds = 10.0\nfirst = true\n"
    );
    std::fs::write(&path, text).expect("written");
    path
}

#[test]
fn an_endpoint_is_asked_first_and_replaced_when_it_is_gone() {
    let _gate = one_at_a_time();
    let bench = Bench::default();
    let source = excerpt(&bench.path("talk.mp4"), 0.0, 30.0);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let server = std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut peeked = [0u8; 4];
            let is_stop = stream.peek(&mut peeked).is_ok_and(|n| &peeked[..n] == b"STOP");
            if is_stop {
                return;
            }
            counter.fetch_add(1, Ordering::SeqCst);
            // A client that went away is the client's business.
            let _ = answer(stream);
        }
    });
    let output = bench.path("out");
    let settings = config(&bench, port);
    let arguments = ["--dry-run", "--config", settings.to_str().expect("utf-8")];
    let result = run(&mut bench.clip(&source, &output, &arguments));
    assert!([0, 6].contains(&status(&result)), "{}", stderr(&result));
    assert!(asked.load(Ordering::SeqCst) > 0, "the endpoint was not asked");
    let heard = record(&output).decisions.analysis_result.transcript;
    assert!(heard.contains("marzipan lighthouse"), "{heard}");

    TcpStream::connect(("127.0.0.1", port)).and_then(|mut s| s.write_all(b"STOP")).expect("stopped");
    server.join().expect("the server ends");
    let result = run(&mut bench.clip(&source, &output, &[&arguments[..], &["--force"]].concat()));
    assert_eq!(status(&result), 0, "{}", stderr(&result));
    assert!(stderr(&result).contains("using the built-in recogniser"), "{}", stderr(&result));
    let heard = record(&output).decisions.analysis_result.transcript;
    assert!(heard.contains("best of times"), "{heard}");
}
