use std::sync::atomic::{AtomicUsize, Ordering};

use omniva_assets::Following;
use omniva_contracts::Silent;

use super::*;
use crate::testing::{MAX_FILE, Reply, Request, Server, net};

fn window() -> Window {
    Window { since: None, until: None, max_bytes: MAX_FILE }
}

fn source(server: &Server, path: &str) -> UrlSource {
    UrlSource::new(net(&[server]), Url::parse(&server.url(path)).unwrap())
}

/// A file that says nothing a playlist or page would say.
fn media(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|n| (n.wrapping_mul(2_654_435_761) >> 7) as u8).collect()
}

fn library() -> (tempfile::TempDir, Library) {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path(), 0).unwrap();
    (folder, library)
}

fn found(source: &UrlSource) -> FoundItem {
    source.look(&window(), &Silent).unwrap().items.remove(0)
}

/// Serves `body` with ranges as RFC 9110 wants them; each answer is cut after `cut` bytes.
fn ranged(request: &Request, body: &[u8], etag: &str, cut: Option<usize>) -> Reply {
    let from = request.header("range").strip_prefix("bytes=").and_then(|r| r.split_once('-'));
    let from: usize = from.and_then(|(from, _)| from.parse().ok()).unwrap_or(0);
    let reply = if from > 0 && request.header("if-range") == etag {
        let range = format!("bytes {from}-{}/{}", body.len() - 1, body.len());
        Reply::new(206, &body[from..]).with("Content-Range", range)
    } else {
        Reply::new(200, body)
    };
    let reply = reply.with("ETag", etag).with("Content-Type", "video/mp4");
    Reply { cut, ..reply }
}

#[test]
fn a_file_is_probed_and_fetched_with_its_hash() {
    let body = media(300_000);
    let served = body.clone();
    let server = Server::start(move |_| {
        Reply::new(200, served.clone())
            .with("Content-Type", "video/mp4")
            .with("Last-Modified", "Tue, 07 May 2024 15:00:00 GMT")
    });
    let source = source(&server, "/talks/My%20talk.mp4?key=1");
    let item = found(&source);
    assert_eq!((item.title.as_str(), item.bytes), ("My talk", Some(300_000)));
    assert_eq!(item.posted_at, moment("2024-05-07T15:00:00Z"));
    assert_eq!(item.details.media_type.as_deref(), Some("video/mp4"));
    assert_eq!(item, found(&source), "the same item has the same id");
    assert!(server.requests().iter().all(|request| request.method == "HEAD"));
    let (_folder, library) = library();
    let Fetched::Copy(copied, _) = source.fetch(&item, &library, &Silent).unwrap() else { panic!("it is there") };
    assert_eq!((copied.bytes, copied.sha256.as_str()), (300_000, hex(&Sha256::digest(&body)).as_str()));
    assert_eq!(std::fs::read(copied.path()).unwrap(), body);
    let other = FoundItem { url: server.url("/other.mp4"), ..item };
    assert!(
        matches!(source.fetch(&other, &library, &Silent), Ok(Fetched::Gone(_))),
        "the source was changed meanwhile"
    );
}

#[test]
fn servers_without_head_are_asked_for_the_first_bytes() {
    let server = Server::start(|request| match (request.method.as_str(), request.header("range")) {
        ("HEAD", _) => Reply::new(405, ""),
        (_, "bytes=0-511") => Reply::new(206, media(512)).with("Content-Range", "bytes 0-511/7000"),
        _ => Reply::new(200, media(7000)),
    });
    assert_eq!(found(&source(&server, "/a.mp4")).bytes, Some(7000));
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn what_is_no_media_or_too_large_is_refused_before_it_is_fetched() {
    let server = Server::start(|request| {
        let head = request.method == "HEAD";
        match request.path.as_str() {
            "/page" => Reply::new(200, "<html>").with("Content-Type", "text/html; charset=utf-8"),
            "/live.m3u8" => Reply::new(200, "#EXTM3U"),
            "/hidden" if head => Reply::new(501, ""),
            "/hidden" => Reply::new(200, "#EXTM3U\n").with("Content-Type", "video/mp4"),
            "/huge.mp4" => Reply::new(200, "").with("Content-Length", "99999999999"),
            "/locked" => Reply::new(403, ""),
            "/gone" => Reply::new(410, ""),
            _ => Reply::new(429, "").with("Retry-After", "9"),
        }
    });
    for (path, code) in [
        ("/page", Code::InputNotMedia),
        ("/live.m3u8", Code::InputPlaylist),
        ("/hidden", Code::InputPlaylist),
        ("/huge.mp4", Code::TooLarge),
        ("/locked", Code::AuthFailed),
        ("/gone", Code::Unavailable),
        ("/busy", Code::RateLimited),
    ] {
        let fault = source(&server, path).look(&window(), &Silent).unwrap_err();
        assert_eq!(fault.code, code, "{path}: {fault}");
    }
    let small = Window { max_bytes: 10, ..window() };
    let server = Server::start(|_| Reply::new(200, media(11)));
    assert_eq!(source(&server, "/a.mp4").look(&small, &Silent).unwrap_err().code, Code::TooLarge);
}

#[test]
fn an_interrupted_download_goes_on_where_it_stopped() {
    let body = media(900_000);
    let served = body.clone();
    let server = Server::start(move |request| match request.method.as_str() {
        "HEAD" => Reply::new(200, served.clone()),
        _ => ranged(request, &served, "\"one\"", Some(200_000)),
    });
    let source = source(&server, "/a.mp4");
    let item = found(&source);
    let (_folder, library) = library();
    let Fetched::Copy(copied, _) = source.fetch(&item, &library, &Silent).unwrap() else { panic!("it is there") };
    assert_eq!(copied.sha256, hex(&Sha256::digest(&body)));
    let gets: Vec<Request> = server.requests().into_iter().filter(|request| request.method == "GET").collect();
    assert!(gets.len() >= 5, "{}", gets.len());
    assert!(gets.iter().skip(1).all(|get| !get.header("range").is_empty() && get.header("if-range") == "\"one\""));
}

#[test]
fn a_file_that_changed_meanwhile_is_fetched_from_its_beginning() {
    let (first, second) = (media(500_000), vec![7u8; 400_000]);
    let wanted = second.clone();
    let turn = AtomicUsize::new(0);
    let server = Server::start(move |request| match (request.method.as_str(), turn.load(Ordering::SeqCst)) {
        ("HEAD", _) => Reply::new(200, first.clone()),
        (_, 0) => {
            turn.store(1, Ordering::SeqCst);
            ranged(request, &first, "\"one\"", Some(100_000))
        }
        _ => ranged(request, &second, "\"two\"", None),
    });
    let source = source(&server, "/a.mp4");
    let (_folder, library) = library();
    let Fetched::Copy(copied, _) = source.fetch(&found(&source), &library, &Silent).unwrap() else { panic!("there") };
    assert_eq!(copied.sha256, hex(&Sha256::digest(&wanted)), "no mixture of both");
}

#[test]
fn without_a_validator_nothing_is_joined() {
    let turn = AtomicUsize::new(0);
    let server = Server::start(move |request| match (request.method.as_str(), turn.fetch_add(1, Ordering::SeqCst)) {
        ("HEAD", _) => Reply::new(200, media(50_000)),
        (_, 1) => Reply::new(200, vec![1; 50_000]).cut_after(20_000),
        _ => Reply::new(200, vec![2; 50_000]),
    });
    let source = source(&server, "/a.mp4");
    let (_folder, library) = library();
    let Fetched::Copy(copied, _) = source.fetch(&found(&source), &library, &Silent).unwrap() else { panic!("there") };
    assert_eq!(copied.sha256, hex(&Sha256::digest(vec![2u8; 50_000])));
    assert!(server.requests().iter().all(|request| request.header("range").is_empty()));
}

#[test]
fn what_never_gets_whole_is_given_up_and_leaves_nothing() {
    let server = Server::start(|request| match (request.method.as_str(), request.path.as_str()) {
        ("HEAD", _) => Reply::new(200, media(50_000)),
        (_, "/stuck.mp4") => Reply::new(200, media(50_000)).cut_after(0),
        (_, "/gone.mp4") => Reply::new(404, ""),
        (_, "/endless.mp4") => Reply::new(200, vec![0; 60_000_000]).with("Transfer-Encoding", "identity"),
        (_, "/empty.mp4") => Reply::new(200, ""),
        (_, "/page.mp4") => Reply::new(200, "<!doctype html>"),
        (_, "/packed.mp4") => Reply::new(200, media(50)).with("Content-Encoding", "gzip"),
        _ => Reply::new(206, media(10)).with("Content-Range", "bytes 5-14/50000"),
    });
    let (folder, library) = library();
    let fetch = |path: &str| {
        let source = source(&server, path);
        source.fetch(&found(&source), &library, &Silent)
    };
    for (path, code) in [
        ("/gone.mp4", Code::Unavailable),
        ("/stuck.mp4", Code::SourceUnavailable),
        ("/empty.mp4", Code::InputEmpty),
        ("/page.mp4", Code::InputNotMedia),
        ("/packed.mp4", Code::InputNotMedia),
        ("/unasked.mp4", Code::SourceUnavailable),
        ("/endless.mp4", Code::TooLarge),
    ] {
        let fault = fetch(path).expect_err(path);
        assert_eq!(fault.code, code, "{path}: {fault}");
    }
    assert_eq!(std::fs::read_dir(folder.path().join("incoming")).unwrap().count(), 0);
}

#[test]
fn without_room_for_all_that_follows_not_a_byte_is_kept() {
    let server = Server::start(|request| match request.method.as_str() {
        "HEAD" => Reply::new(200, ""),
        _ => Reply::new(200, media(50_000)).with("ETag", "\"one\""),
    });
    let source = source(&server, "/a.mp4");
    let (folder, library) = library();
    let clips = library.followed_by(Following { clips: 5, clip_bytes: u64::MAX / 8, copies: 1 });
    let item = FoundItem { bytes: None, ..found(&source) };
    let fault = source.fetch(&item, &clips, &Silent).unwrap_err();
    assert_eq!(fault.code, Code::NoSpace);
    for told in ["50.0 kB for the file", "100.0 kB for a repaired copy", "for its analysis", "for 5 clips", " free: "] {
        assert!(fault.message.contains(told), "{told}: {}", fault.message);
    }
    for place in ["incoming", "partial"] {
        assert_eq!(std::fs::read_dir(folder.path().join(place)).unwrap().count(), 0);
    }
    assert!(matches!(source.fetch(&item, &library, &Silent), Ok(Fetched::Copy(..))));
}

/// A process that dies: the connection is held open until the library has `bytes`, and then everything is let go without
/// any end of ours.
fn killed_after(server: &Server, path: &str, folder: &std::path::Path, bytes: u64) {
    let (source, library) = (source(server, path), Library::open(folder, 0).unwrap());
    struct Dies<'a>(&'a std::path::Path, u64);
    impl Monitor for Dies<'_> {
        fn progress(&self, _: f64) {}
        fn cancelled(&self) -> bool {
            let parts = std::fs::read_dir(self.0.join("partial")).unwrap().flatten();
            parts.map(|part| part.metadata().unwrap().len()).sum::<u64>() >= self.1
        }
    }
    let fault = source.fetch(&found(&source), &library, &Dies(folder, bytes)).unwrap_err();
    assert_eq!(fault.code, Code::Cancelled);
    // What a clean end makes to last, a kill does not: without the note's word only the same start of the machine counts.
    let mut notes = std::fs::read_dir(folder.join("partial")).unwrap().flatten().map(|entry| entry.path());
    let note = notes.find(|path| path.extension().is_some_and(|e| e == "json")).unwrap();
    let mut text: serde_json::Value = serde_json::from_slice(&std::fs::read(&note).unwrap()).unwrap();
    text["lasting"] = 0.into();
    std::fs::write(note, text.to_string()).unwrap();
}

fn gets(server: &Server) -> Vec<Request> {
    server.requests().into_iter().filter(|request| request.method == "GET").collect()
}

#[test]
fn a_download_goes_on_after_a_restart_where_the_server_lets_it() {
    let body = media(3_000_000);
    let served = body.clone();
    let server = Server::start(move |request| match request.method.as_str() {
        "HEAD" => Reply::new(200, served.clone()),
        _ => ranged(request, &served, "\"one\"", None),
    });
    let folder = tempfile::tempdir().unwrap();
    killed_after(&server, "/a.mp4", folder.path(), 500_000);
    let source = source(&server, "/a.mp4");
    let library = Library::open(folder.path(), 0).unwrap();
    let Fetched::Copy(copied, details) = source.fetch(&found(&source), &library, &Silent).unwrap() else {
        panic!("it is there")
    };
    assert_eq!(copied.sha256, hex(&Sha256::digest(&body)), "one file of both parts");
    assert_eq!(details.media_type.as_deref(), Some("video/mp4"));
    let asked = gets(&server);
    let from = asked[1].header("range").strip_prefix("bytes=").unwrap().trim_end_matches('-').parse::<u64>().unwrap();
    assert!(asked.len() == 2 && from >= 500_000, "{asked:?}");
    assert_eq!(asked[1].header("if-range"), "\"one\"");
    drop(copied);
    assert_eq!(std::fs::read_dir(folder.path().join("partial")).unwrap().count(), 0);
}

#[test]
fn after_a_restart_another_file_begins_anew_and_a_server_without_ranges_too() {
    for ranges in [true, false] {
        let (first, second) = (media(3_000_000), vec![7u8; 2_000_000]);
        let wanted = if ranges { second.clone() } else { first.clone() };
        let turn = AtomicUsize::new(0);
        let server = Server::start(move |request| match (request.method.as_str(), turn.load(Ordering::SeqCst)) {
            ("HEAD", _) => Reply::new(200, first.clone()),
            (_, 0) => {
                turn.store(1, Ordering::SeqCst);
                ranged(request, &first, "\"one\"", None)
            }
            _ if ranges => ranged(request, &second, "\"two\"", None),
            _ => Reply::new(200, first.clone()),
        });
        let folder = tempfile::tempdir().unwrap();
        killed_after(&server, "/a.mp4", folder.path(), 500_000);
        let source = source(&server, "/a.mp4");
        let library = Library::open(folder.path(), 0).unwrap();
        let Fetched::Copy(copied, _) = source.fetch(&found(&source), &library, &Silent).unwrap() else {
            panic!("it is there")
        };
        assert_eq!(copied.sha256, hex(&Sha256::digest(&wanted)), "no mixture of both");
        assert_eq!(gets(&server)[1].header("if-range"), "\"one\"");
    }
}

#[test]
fn what_will_never_come_leaves_no_pieces() {
    let body = media(3_000_000);
    let turn = AtomicUsize::new(0);
    let server = Server::start(move |request| match (request.method.as_str(), turn.load(Ordering::SeqCst)) {
        ("HEAD", _) => Reply::new(200, body.clone()),
        (_, 0) => {
            turn.store(1, Ordering::SeqCst);
            ranged(request, &body, "\"one\"", None)
        }
        _ => Reply::new(410, ""),
    });
    let folder = tempfile::tempdir().unwrap();
    killed_after(&server, "/a.mp4", folder.path(), 500_000);
    let source = source(&server, "/a.mp4");
    let item = found(&source);
    let library = Library::open(folder.path(), 0).unwrap();
    assert_eq!(source.fetch(&item, &library, &Silent).unwrap_err().code, Code::Unavailable);
    assert_eq!(std::fs::read_dir(folder.path().join("partial")).unwrap().count(), 0);
}
