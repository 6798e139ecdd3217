//! Against the real program, which `make ytdlp` fetches: without it these tests fail.

use std::sync::Mutex;

use omniva_contracts::Silent;
use omniva_contracts::engine::{Moment, Platform, SourceSpec};
use sha2::{Digest, Sha256};

use super::*;
use crate::source::source;
use crate::testing::{MAX_FILE, Reply, Request, Server, config};

pub(super) fn window() -> Window {
    Window { since: None, until: None, max_bytes: MAX_FILE }
}

/// The shipped limits with these servers allowed, and the program where the environment says that it is.
fn net(servers: &[&Server]) -> Arc<Net> {
    let allow: Vec<String> = servers.iter().map(|server| server.address.to_string()).collect();
    let config = config(&allow);
    if let Err(fault) = tool::verified(&config.ytdlp, &Silent) {
        panic!("{fault}: these tests need the real yt-dlp. Run `make ytdlp`, and set OMNIVA_YTDLP to its folder");
    }
    Arc::new(Net::new(&config, MAX_FILE).unwrap())
}

fn channel(net: &Arc<Net>, url: String, max_items: u32) -> Box<dyn Source> {
    source(&SourceSpec::Channel { url, max_items: Some(max_items), proxy: None, cookies: None }, Duration::ZERO, net)
        .unwrap()
}

/// Begins as an MP4 does, so that yt-dlp takes it for a video.
fn video(bytes: usize) -> Vec<u8> {
    let mut body = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".to_vec();
    body.extend((body.len()..bytes).map(|n| (n.wrapping_mul(2_654_435_761) >> 9) as u8));
    body
}

/// A packet of a transport stream, as long as one is.
fn part(path: &str) -> Vec<u8> {
    let mut body = vec![0x47];
    body.extend(path.bytes().cycle().take(187));
    body
}

fn playlist(server: &str, entries: u32) -> String {
    let items: String = (1..=entries)
        .map(|n| {
            let date = format!("{:02} May 2024 15:00:00 GMT", 28 - n);
            format!("<item><title>Talk {n}</title><guid>g{n}</guid><pubDate>{date}</pubDate><enclosure url=\"{server}/v{n}.mp4\" type=\"video/mp4\"/></item>")
        })
        .collect();
    format!("<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>c</title>{items}</channel></rss>")
}

pub(super) fn serve(request: &Request) -> Reply {
    let here = format!("http://{}", request.header("host"));
    match request.path.as_str() {
        "/list" => Reply::new(200, playlist(&here, 7)).with("Content-Type", "application/rss+xml"),
        "/page" => {
            Reply::new(200, "<html><head><title>Page</title></head><body><video src='/v1.mp4'></video></body></html>")
                .with("Content-Type", "text/html")
        }
        "/stream.m3u8" => {
            let parts: String = (1..=3).map(|n| format!("#EXTINF:1,\n/part{n}.ts\n")).collect();
            let text = format!("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n{parts}#EXT-X-ENDLIST\n");
            Reply::new(200, text).with("Content-Type", "application/vnd.apple.mpegurl")
        }
        path if path.ends_with(".ts") => Reply::new(200, part(path)).with("Content-Type", "video/mp2t"),
        "/members.mp4" if request.header("cookie") != "session=secret" => Reply::new(403, ""),
        // A server that says back what it was sent, where yt-dlp shows it.
        "/echo.mp4" => {
            let cookie = request.header("cookie").replace("session=", "");
            Reply::new(302, "").with("Location", format!("{here}/gone.mp4/{cookie}"))
        }
        path if path.starts_with("/gone.mp4/") => Reply::new(404, ""),
        "/busy.mp4" => Reply::new(429, ""),
        "/locked.mp4" => Reply::new(403, ""),
        "/gone.mp4" => Reply::new(404, ""),
        "/inside.mp4" => Reply::new(302, "").with("Location", "http://169.254.169.254/x.mp4"),
        "/huge.mp4" => Reply::new(200, "").with("Content-Type", "video/mp4").with("Content-Length", "99999999999"),
        path if path.ends_with(".mp4") => Reply::new(200, video(200_000)).with("Content-Type", "video/mp4"),
        _ => Reply::new(404, ""),
    }
}

#[test]
fn a_list_is_read_page_by_page_and_stops_where_the_window_does() {
    let server = Server::start(serve);
    let allow = [server.address.to_string()];
    let mut limits = config(&allow);
    limits.ytdlp.page = 3;
    drop(net(&[&server]));
    let net = Arc::new(Net::new(&limits, MAX_FILE).unwrap());
    let since = Moment::parse("2024-05-24T00:00:00Z");
    let looked = channel(&net, server.url("/list"), 50).look(&Window { since, ..window() }, &Silent).unwrap();
    let titles: Vec<&str> = looked.items.iter().map(|item| item.title.as_str()).collect();
    assert_eq!(titles, ["Talk 4", "Talk 3", "Talk 2", "Talk 1"], "{looked:?}");
    assert_eq!(looked.items[0].url, server.url("/v4.mp4"), "without what yt-dlp hides in it");
    let few = channel(&net, server.url("/list"), 2).look(&window(), &Silent).unwrap();
    assert_eq!(few.items.len(), 2);
    assert_eq!(few.items[1].platform_post_id, looked.items[3].platform_post_id, "the same item has the same id");
}

/// Keeps the progress that was told.
#[derive(Default)]
struct Told(Mutex<Vec<f64>>);

impl Monitor for Told {
    fn progress(&self, fraction: f64) {
        self.0.lock().unwrap().push(fraction);
    }
    fn cancelled(&self) -> bool {
        false
    }
}

#[test]
fn a_video_on_a_page_is_fetched_with_its_hash() {
    let server = Server::start(serve);
    let net = net(&[&server]);
    let place = channel(&net, server.url("/page"), 5);
    let item = place.look(&window(), &Silent).unwrap().items.remove(0);
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path(), 0).unwrap();
    let told = Told::default();
    let Fetched::Copy(copied, _) = place.fetch(&item, &library, &told).unwrap() else { panic!("it is there") };
    assert_eq!(copied.sha256, omniva_contracts::hex(&Sha256::digest(video(200_000))));
    let told = told.0.into_inner().unwrap();
    assert!(told.last() == Some(&1.0) && told.windows(2).all(|two| two[0] <= two[1]), "{told:?}");
    drop(copied);
    assert_eq!(fs::read_dir(folder.path().join("incoming")).unwrap().count(), 0);
}

#[test]
fn what_goes_wrong_has_a_reason_and_a_complaint_is_remembered() {
    let server = Server::start(serve);
    let net = net(&[&server]);
    for (path, code) in [
        ("/locked.mp4", Code::AuthFailed),
        ("/gone.mp4", Code::Unavailable),
        ("/inside.mp4", Code::AddressRefused),
        ("/busy.mp4", Code::RateLimited),
    ] {
        let fault = channel(&net, server.url(path), 5).look(&window(), &Silent).unwrap_err();
        assert_eq!(fault.code, code, "{path}: {fault:?}");
        assert!(!fault.next_step.is_empty());
    }
    let before = server.requests().len();
    let resting = channel(&net, server.url("/v1.mp4"), 5).look(&window(), &Silent).unwrap_err();
    assert!(resting.code == Code::RateLimited && resting.not_before_us.is_some());
    assert_eq!(server.requests().len(), before, "a platform that complained is left alone");
}

#[test]
fn too_large_is_refused_before_the_bytes_come() {
    let server = Server::start(serve);
    let net = net(&[&server]);
    let place = channel(&net, server.url("/huge.mp4"), 5);
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path(), 0).unwrap();
    let item = FoundItem {
        platform_post_id: "x".into(),
        url: server.url("/huge.mp4"),
        title: "x".into(),
        bytes: None,
        posted_at: None,
        details: Default::default(),
    };
    assert_eq!(place.fetch(&item, &library, &Silent).unwrap_err().code, Code::TooLarge);
    let outside = FoundItem { url: "http://169.254.169.254/x.mp4".into(), ..item };
    assert_eq!(place.fetch(&outside, &library, &Silent).unwrap_err().code, Code::AddressRefused);
}

#[test]
fn too_long_too_large_and_live_are_told_apart() {
    let url = Url::parse("https://example.org/v").unwrap();
    let source = YtdlpSource::new(net(&[]), url, 5, Access::default()).unwrap();
    let judged = |text: &str| source.allowed(&serde_json::from_str(text).unwrap(), "it").err().map(|fault| fault.code);
    assert_eq!(judged(r#"{"duration":21600,"filesize":50000000}"#), None);
    assert_eq!(judged(r#"{"duration":21601}"#), Some(Code::TooLong));
    assert_eq!(judged(r#"{"filesize_approx":50000001}"#), Some(Code::TooLarge));
    assert_eq!(judged(r#"{"is_live":true}"#), Some(Code::Unavailable));
}

#[test]
fn a_file_that_is_not_the_pinned_one_is_never_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut limits = config(&[]);
    limits.ytdlp.folder = folder.path().display().to_string();
    let missing = tool::verified(&limits.ytdlp, &Silent).unwrap_err();
    assert!(missing.code == Code::ToolMissing && missing.next_step.contains("make ytdlp"), "{missing:?}");
    for file in omniva_contracts::config::ToolManifest::shipped().unwrap().ytdlp {
        fs::write(folder.path().join(file.name), "print('hello')").unwrap();
    }
    let net = Arc::new(Net::new(&limits, MAX_FILE).unwrap());
    let fault = channel(&net, "https://example.org/".into(), 5).look(&window(), &Silent).unwrap_err();
    assert!(fault.code == Code::ToolMissing && fault.message.contains("pinned"), "{fault:?}");
}

#[test]
fn platforms_have_their_own_pauses() {
    for (url, name) in [
        ("https://www.youtube.com/@a", "youtube"),
        ("https://youtu.be/x", "youtube"),
        ("https://notyoutube.com/", "default"),
        ("https://m.tiktok.com/@a", "tiktok"),
        ("https://instagram.com/a", "instagram"),
        ("https://example.org/", "default"),
    ] {
        assert_eq!(platform(&Url::parse(url).unwrap()), name, "{url}");
    }
    let handle = SourceSpec::Handle {
        platform: Platform::Tiktok,
        handle: "@a".into(),
        max_items: None,
        proxy: None,
        cookies: None,
    };
    assert_eq!(platform(&handle.url().unwrap().unwrap()), "tiktok");
    assert_eq!(share(r#"{"downloaded_bytes":5,"total_bytes":null,"total_bytes_estimate":20.0}"#), Some(0.25));
    assert_eq!(share(r#"{"downloaded_bytes":5}"#), None);
}

#[test]
fn a_stream_is_joined_from_its_parts() {
    let server = Server::start(serve);
    let net = net(&[&server]);
    let place = channel(&net, server.url("/stream.m3u8"), 5);
    let item = place.look(&window(), &Silent).unwrap().items.remove(0);
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path(), 0).unwrap();
    let Fetched::Copy(copied, _) = place.fetch(&item, &library, &Silent).unwrap() else { panic!("it is there") };
    let whole: Vec<u8> = (1..=3).flat_map(|n| part(&format!("/part{n}.ts"))).collect();
    assert_eq!(fs::read(copied.path()).unwrap(), whole);
}

#[test]
fn cookies_are_given_as_a_copy_and_never_changed() {
    let server = Server::start(serve);
    let folder = tempfile::tempdir().unwrap();
    let jar = folder.path().join("jar.txt");
    let text = "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t4102444800\tsession\tsecret\n";
    fs::write(&jar, text).unwrap();
    drop(net(&[&server]));
    let mut limits = config(&[server.address.to_string()]);
    limits.ytdlp.cookies.insert("default".into(), jar.display().to_string());
    let net = Arc::new(Net::new(&limits, MAX_FILE).unwrap());
    let looked = channel(&net, server.url("/members.mp4"), 5).look(&window(), &Silent).unwrap();
    assert_eq!(looked.items.len(), 1);
    assert_eq!(fs::read_to_string(&jar).unwrap(), text);
    fs::remove_file(&jar).unwrap();
    let fault = channel(&net, server.url("/members.mp4"), 5).look(&window(), &Silent).unwrap_err();
    assert!(fault.code == Code::AuthFailed && fault.message.contains("jar.txt"), "{fault:?}");
}
