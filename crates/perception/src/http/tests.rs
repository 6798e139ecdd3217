use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use omniva_contracts::Silent;

use super::*;

/// A server that answers one request after the other with `replies` and hands back what it was sent.
fn serve(replies: Vec<String>) -> (HttpRecognizer, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = std::thread::spawn(move || replies.iter().map(|reply| answer(&listener, reply)).collect());
    let config = HttpRecognizer {
        url: format!("http://127.0.0.1:{port}/v1/"),
        model: "base".into(),
        api_key_file: String::new(),
        timeout_seconds: 10.0,
        first: true,
    };
    (config, server)
}

fn answer(listener: &TcpListener, reply: &str) -> String {
    let (mut stream, _) = listener.accept().expect("a connection");
    let mut bytes = Vec::new();
    let mut block = [0u8; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.to_lowercase().split("content-length: ").nth(1).and_then(|v| v.lines().next()?.parse().ok());
            let have = bytes.len() - head.len() - 4;
            if length.is_some_and(|l: usize| have >= l) || (length.is_none() && body.ends_with("0\r\n\r\n")) {
                stream.write_all(reply.as_bytes()).expect("answers");
                return text;
            }
        }
        let n = stream.read(&mut block).expect("reads");
        assert!(n > 0, "the request broke off: {text}");
        bytes.extend_from_slice(&block[..n]);
    }
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn status(line: &str) -> String {
    format!("HTTP/1.1 {line}\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope")
}

/// A file of 20 s with speech at 2..4 s and 12..15 s.
fn sound() -> (tempfile::TempDir, std::path::PathBuf, [Span; 2]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("speech.wav");
    let mut writer = wav::Writer::create(&path).expect("opens");
    writer.push(&vec![0.25; 20 * SAMPLE_RATE]).expect("writes");
    writer.finish().expect("closes");
    (folder, path, [Span::new(2.0, 4.0), Span::new(12.0, 15.0)])
}

fn run(config: &HttpRecognizer) -> Result<(Option<Language>, Vec<Segment>), Fault> {
    let (_folder, path, speech) = sound();
    recognize_wav(&path, &speech, config, None, 0.55, &Silent)
}

#[test]
fn words_come_back_with_times_on_the_source() {
    // The window holds 1.5..4.5 s and 11.5..15.5 s, so 0.6 s in it is 2.1 s and 4.0 s is 12.5 s.
    let (config, server) = serve(vec![ok(r#"{"language":"english","text":"Hello there. Bye now.","duration":7.0,
        "segments":[{"id":0,"start":0.5,"end":2.5,"text":" Hello there.","avg_logprob":-0.1,"no_speech_prob":0.01},
                    {"id":1,"start":3.5,"end":5.0,"text":" Bye now.","avg_logprob":-1.0}],
        "words":[{"word":"Hello","start":0.6,"end":1.0},{"word":"there","start":1.0,"end":1.5},
                 {"word":"Bye","start":4.0,"end":4.4},{"word":"now","start":4.4,"end":99.0}]}"#)]);
    let (language, segments) = run(&config).expect("an answer");
    assert_eq!(language.map(|l| l.code), Some("en".into()));
    let words: Vec<(&str, f64, f64)> =
        segments.iter().flat_map(|s| &s.words).map(|w| (w.text.as_str(), w.start, w.end)).collect();
    assert_eq!(words, [("Hello", 2.1, 2.5), ("there.", 2.5, 3.0), ("Bye", 12.5, 12.9), ("now.", 12.9, 15.0)]);
    assert!(!segments[0].low_confidence && segments[1].low_confidence && segments[1].recognizer == "http");
    let request = server.join().expect("served").remove(0);
    assert!(request.starts_with("POST /v1/audio/transcriptions HTTP/1.1\r\n"), "{request}");
    for part in [
        "name=\"model\"\r\n\r\nbase\r\n",
        "verbose_json",
        "granularities[]\"\r\n\r\nword",
        "filename=\"speech.wav\"",
        "RIFF",
    ] {
        assert!(request.contains(part), "{part} is missing");
    }
    assert!(!request.contains("Authorization") && !request.contains("name=\"language\""));
}

#[test]
fn words_without_times_are_spread_by_length() {
    let (config, server) = serve(vec![ok(r#"{"text":"One three\u0007"}"#)]);
    let (language, segments) = run(&config).expect("an answer");
    server.join().expect("served");
    assert_eq!(language, None);
    assert_eq!((segments.len(), segments[0].text.as_str(), segments[0].words.len()), (1, "One three", 2));
    let words = &segments[0].words;
    assert!(words[0].start >= 2.0 && words[0].end <= words[1].start && words[1].end <= 15.0, "{words:?}");
}

#[test]
fn the_key_and_the_language_are_sent_when_they_are_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, "sk-test\n").expect("writes");
    let (mut config, server) = serve(vec![ok(r#"{"text":""}"#)]);
    config.api_key_file = key.display().to_string();
    let (_folder, path, speech) = sound();
    let (language, segments) = recognize_wav(&path, &speech, &config, Some("de"), 0.5, &Silent).expect("an answer");
    assert_eq!((language.map(|l| (l.code, l.confidence)), segments.len()), (Some(("de".into(), 1.0)), 0));
    let request = server.join().expect("served").remove(0).to_lowercase();
    assert!(
        request.contains("authorization: bearer sk-test\r\n") && request.contains("name=\"language\"\r\n\r\nde\r\n")
    );
}

#[test]
fn every_way_to_fail_has_its_code() {
    let cases = [
        (status("401 Unauthorized"), Code::RecognizerHttp, "api_key_file"),
        (status("307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/"), Code::RecognizerHttp, "redirects"),
        (status("500 Oops"), Code::RecognizerHttp, "log"),
        (ok("<html>"), Code::RecognizerHttp, "url"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".to_owned(), Code::RecognizerHttp, "log"),
        ("garbage\r\n\r\n".to_owned(), Code::RecognizerHttp, "endpoint"),
    ];
    for (reply, code, hint) in cases {
        let (config, server) = serve(vec![reply.clone()]);
        let fault = run(&config).expect_err("must fail");
        assert!(fault.code == code && fault.next_step.contains(hint), "{reply}: {fault:?}");
        server.join().expect("served");
    }
}

#[test]
fn a_recogniser_that_says_nothing_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let config = HttpRecognizer {
        url: format!("http://{}", listener.local_addr().expect("an address")),
        model: "m".into(),
        api_key_file: String::new(),
        timeout_seconds: 0.3,
        first: false,
    };
    assert_eq!(run(&config).expect_err("must fail").code, Code::RecognizerTimeout);
    drop(listener);
    assert_eq!(run(&config).expect_err("nobody listens").code, Code::RecognizerHttp);
}

#[test]
fn only_safe_urls_and_readable_keys_are_accepted() {
    let config = |url: &str, key: &str| HttpRecognizer {
        url: url.into(),
        model: "m".into(),
        api_key_file: key.into(),
        timeout_seconds: 1.0,
        first: false,
    };
    for url in ["https://api.example.com/v1", "http://localhost:1", "http://127.0.0.1/v1", "http://[::1]:8000/v1"] {
        assert!(Endpoint::new(&config(url, ""), None, 0.5).is_ok(), "{url}");
    }
    for url in
        ["http://api.example.com/v1", "http://10.0.0.1", "ftp://localhost", "https://", "http://u:p@localhost", "x"]
    {
        let fault = Endpoint::new(&config(url, ""), None, 0.5).err();
        assert_eq!(fault.map(|f| f.code), Some(Code::ConfigInvalid), "{url}");
    }
    let fault = Endpoint::new(&config("http://localhost", "/nonexistent"), None, 0.5).err();
    assert_eq!(fault.map(|f| f.code), Some(Code::ConfigInvalid));
}

#[test]
fn hostile_times_do_no_harm() {
    let body = r#"{"text":"a b","segments":[{"start":-5,"end":1e300,"text":"a b c"},{"start":9,"end":1,"text":"d"}],
        "words":[{"word":"a","start":1e9,"end":-1},{"word":"b","start":0.1,"end":0.2},{"word":"","start":3,"end":4}]}"#;
    let window = Window::of(&[Stretch { span: Span::new(5.0, 6.0), first_sample: 79_000, samples: vec![0.0; 18_000] }]);
    let segments = reply::Reply::parse(body.as_bytes()).expect("parses").segments(&window, 0.5);
    let words: Vec<_> = segments.iter().flat_map(|s| &s.words).collect();
    assert!(!words.is_empty());
    assert!(segments.iter().all(|s| s.words.windows(2).all(|w| w[0].end <= w[1].start)));
    assert!(words.iter().all(|w| w.start >= 5.0 && w.start <= 6.2 && w.end > w.start), "{words:?}");
}
