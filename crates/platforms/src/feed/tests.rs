use std::sync::mpsc;
use std::thread;

use omniva_contracts::Silent;
use omniva_contracts::engine::Moment;

use super::*;
use crate::testing::{MAX_FILE, Reply, Request, Server, net};

const PODCAST: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://example.org/rss.dtd">
<rss version="2.0" xmlns:it="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:media="http://search.yahoo.com/mrss/"
     xmlns:content="http://purl.org/rss/1.0/modules/content/">
<channel><title>Show</title><link>https://example.org</link>
<item>
  <title>Two &amp; a <![CDATA[<half>]]>&#33;</title><guid isPermaLink="false">ep-2</guid><link>/ep/2</link>
  <pubDate>Wed, 08 May 2024 15:00:00 +0000</pubDate><it:duration>1:02:03</it:duration><it:author>Ann</it:author>
  <category>sea</category><it:keywords>ships, wind</it:keywords><description>About&nbsp;<b/>ships</description>
  <enclosure url="media/two.mp3?a=1&amp;b=2&c=3" length="1234" type="audio/mpeg"/>
  <media:group><media:content url="/video/two.mp4" type="video/mp4" fileSize="99999" medium="video"/>
  <media:content url="/two.jpg" type="image/jpeg"/></media:group>
</item>
<item><title>One</title><guid>ep-1</guid><pubDate>Tue, 07 May 2024 15:00:00 GMT</pubDate>
  <enclosure url="https://cdn.example.org/one.mp3" length="0" type="audio/mpeg"/></item>
<item><title>Text only</title><guid>ep-0</guid><pubDate>Tue, 07 May 2024 14:00:00 GMT</pubDate></item>
<item><title>Again</title><guid>ep-1</guid><enclosure url="/again.mp3" type="audio/mpeg"/></item>
<item><title>Stream</title><guid>live</guid><enclosure url="/live.m3u8" type="application/vnd.apple.mpegurl"/></item>
<item><title>Huge</title><guid>huge</guid><enclosure url="/huge.mp4" type="video/mp4" length="99999999999"/></item>
<item><title>Inside</title><guid>in</guid><enclosure url="http://169.254.169.254/x.mp3" type="audio/mpeg"/></item>
<item><title>Picture</title><guid>pic</guid><enclosure url="/p.png" type="image/png"/></item>
</channel></rss>"#;

const ATOM: &str = r#"<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://media.example.org/base/">
<title>A</title>
<entry xml:base="sub/"><id>tag:example.org,2024:1</id><title type="html">&lt;b&gt;First&lt;/b&gt;</title>
<updated>2024-05-09T00:00:00Z</updated><published>2024-05-07T15:00:00Z</published>
<author><name>Bob</name><uri>x</uri></author><category term="sky"/><summary>S</summary>
<link rel="alternate" href="../page"/><link rel="enclosure" type="video/mp4" length="5" href="a.mp4"/></entry>
<entry><id>tag:example.org,2024:2</id><title>Second</title><updated>2024-05-08T15:00:00Z</updated>
<link rel="enclosure" href="b.mp4"/></entry>
</feed>"#;

fn window() -> Window {
    Window { since: None, until: None, max_bytes: MAX_FILE }
}

fn serve(body: impl Into<Vec<u8>>) -> Server {
    let body = body.into();
    Server::start(move |_| Reply::new(200, body.clone()).with("Content-Type", "application/rss+xml"))
}

fn source(server: &Server) -> FeedSource {
    let url = Url::parse(&server.url("/show/feed.xml")).unwrap();
    FeedSource::new(net(&[server]), url, 50)
}

fn look(body: impl Into<Vec<u8>>) -> Result<Looked, Fault> {
    let server = serve(body);
    source(&server).look(&window(), &Silent)
}

#[test]
fn a_podcast_becomes_items_oldest_first() {
    let server = serve(PODCAST);
    let looked = source(&server).look(&window(), &Silent).unwrap();
    let ids: Vec<&str> = looked.items.iter().map(|item| item.platform_post_id.as_str()).collect();
    assert_eq!(ids, ["ep-1", "ep-2"]);
    let two = &looked.items[1];
    assert_eq!((two.title.as_str(), two.bytes), ("Two & a <half>!", Some(99_999)));
    assert_eq!(two.url, server.url("/video/two.mp4"), "video before sound");
    assert_eq!(two.posted_at, Moment::parse("2024-05-08T15:00:00Z"));
    let details = &two.details;
    assert_eq!((details.duration_seconds, details.author.as_deref()), (Some(3723.0), Some("Ann")));
    assert_eq!(details.tags, ["sea", "ships", "wind"]);
    assert_eq!(details.page, Some(server.url("/ep/2")));
    assert_eq!((looked.items[0].url.as_str(), looked.items[0].bytes), ("https://cdn.example.org/one.mp3", None));
    let why = |name: &str| looked.skipped.iter().find(|(n, _)| n == name).map_or("", |(_, why)| why.as_str());
    assert!(why("Text only").contains("attached"));
    assert!(why("Again").contains("GUID"));
    assert!(why("Stream").contains("playlist"));
    assert!(why("Huge").contains("99999999999"));
    assert!(why("Inside").contains("169.254.169.254"));
    assert!(why("Picture").contains("attached"));
}

#[test]
fn atom_resolves_links_against_each_base() {
    let looked = look(ATOM).unwrap();
    let found: Vec<(&str, &str)> = looked.items.iter().map(|i| (i.title.as_str(), i.url.as_str())).collect();
    assert_eq!(
        found,
        [
            ("<b>First</b>", "https://media.example.org/base/sub/a.mp4"),
            ("Second", "https://media.example.org/base/b.mp4"),
        ]
    );
    let first = &looked.items[0];
    assert_eq!(first.posted_at, Moment::parse("2024-05-07T15:00:00Z"), "published, not updated");
    assert_eq!(first.details.author.as_deref(), Some("Bob"));
    assert_eq!((first.details.tags.as_slice(), first.bytes), (["sky".to_owned()].as_slice(), Some(5)));
    assert_eq!(first.details.page.as_deref(), Some("https://media.example.org/base/page"));
}

#[test]
fn window_and_number_bound_what_is_taken() {
    let server = serve(PODCAST);
    let url = Url::parse(&server.url("/feed")).unwrap();
    let since = Moment::parse("2024-05-08T00:00:00Z");
    let looked = source(&server).look(&Window { since, ..window() }, &Silent).unwrap();
    // Without a date nobody can say that it is old.
    let ids: Vec<&str> = looked.items.iter().map(|item| item.platform_post_id.as_str()).collect();
    assert_eq!(ids, ["ep-1", "ep-2"]);
    assert_eq!(looked.items[0].title, "Again");
    let until = Moment::parse("2024-05-07T15:00:00Z");
    let looked = source(&server).look(&Window { until, ..window() }, &Silent).unwrap();
    assert!(looked.items.iter().all(|item| item.platform_post_id != "ep-2"));
    let one = FeedSource::new(net(&[&server]), url, 1).look(&window(), &Silent).unwrap();
    assert_eq!(one.items.len(), 1);
    assert_eq!(one.items[0].platform_post_id, "ep-2", "the newest");
}

#[test]
fn a_feed_that_did_not_change_is_not_sent_again() {
    let server = Server::start(|request: &Request| {
        if request.header("if-none-match") == "\"v1\"" && !request.header("if-modified-since").is_empty() {
            return Reply::new(304, "");
        }
        Reply::new(200, PODCAST).with("ETag", "\"v1\"").with("Last-Modified", "Tue, 07 May 2024 15:00:00 GMT")
    });
    let source = source(&server);
    let first = source.look(&window(), &Silent).unwrap();
    assert_eq!(source.look(&window(), &Silent).unwrap(), first);
    let asked = server.requests();
    assert_eq!((asked.len(), asked[0].header("if-none-match")), (2, ""));
}

#[test]
fn what_is_no_feed_is_refused_with_a_reason() {
    let laughs = format!(
        "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY lol 'lol'>{}]><rss><channel><item><title>&lol9;</title></item></channel></rss>",
        (1..10).map(|n| format!("<!ENTITY lol{n} '{}'>", format!("&lol{};", n - 1).repeat(10))).collect::<String>()
    );
    let external = "<!DOCTYPE r [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><rss><channel><item><title>&x;</title></item></channel></rss>";
    let deep = format!("<rss>{}{}</rss>", "<a>".repeat(5000), "</a>".repeat(5000));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("entities", laughs.into_bytes()),
        ("entities", external.into()),
        ("too deep", deep.into_bytes()),
        ("page", b"<!DOCTYPE html><html><body>Hi</body></html>".to_vec()),
        ("page", b"<HTML></HTML>".to_vec()),
        ("neither", b"<opml version='2.0'></opml>".to_vec()),
        ("no XML", b"".to_vec()),
        ("no XML", b"just text".to_vec()),
        ("no XML", b"{\"version\":\"https://jsonfeed.org/version/1\"}".to_vec()),
        ("before its end", PODCAST.split("</item>").next().unwrap_or_default().into()),
        ("rules of XML", b"<rss><channel></item></channel></rss>".to_vec()),
        ("rules of XML", b"<rss><channel><item><title>&#xFFFFFFFF;</title></item></channel></rss>".to_vec()),
        ("bytes are not", b"<rss><channel><title>\xff\xfe</title></channel></rss>".to_vec()),
        ("is not known", b"<?xml version='1.0' encoding='x-none'?><rss/>".to_vec()),
        ("neither", b"<?xml version='1.0'?><s:Envelope xmlns:s='x'/>".to_vec()),
    ];
    for (why, body) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let fault = look(body).expect_err(&shown);
        assert_eq!(fault.code, Code::FeedInvalid, "{shown}: {fault}");
        assert!(fault.message.contains(why), "{shown}: {fault}");
    }
    assert_eq!(look("#EXTM3U\n#EXT-X-VERSION:3\n").unwrap_err().code, Code::InputPlaylist);
}

#[test]
fn a_feed_without_end_is_cut_off() {
    let mut body = b"<rss><channel>".to_vec();
    body.resize(20_000_000, b' ');
    assert_eq!(look(body).unwrap_err().code, Code::TooLarge);
    let many = "<item><guid>x</guid></item>".repeat(200_000);
    let looked = look(format!("<rss><channel>{many}</channel></rss>")).unwrap();
    assert!(looked.items.is_empty() && looked.skipped.len() <= Looked::MAX_SKIPPED);
    let attributes: String = (0..200_000).map(|n| format!(" a{n}='x'")).collect();
    look(format!("<rss><channel><item{attributes}/></channel></rss>")).unwrap();
}

#[test]
fn fifty_feeds_in_parallel_do_not_wait_for_a_slow_one() {
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let server = Server::start(move |request| {
        if request.path == "/slow" {
            let _ = held.lock().unwrap().recv();
        }
        Reply::new(200, PODCAST)
    });
    let net = net(&[&server]);
    let (sender, results) = mpsc::channel();
    let threads: Vec<_> = (0..50)
        .map(|n| {
            let path = if n == 0 { "/slow".to_owned() } else { format!("/feed/{n}") };
            let source = FeedSource::new(net.clone(), Url::parse(&server.url(&path)).unwrap(), 50);
            let sender = sender.clone();
            thread::spawn(move || sender.send((n, source.look(&window(), &Silent).map(|l| l.items.len()))).unwrap())
        })
        .collect();
    // The slow one is let go only when all others have ended.
    for _ in 0..49 {
        let (n, found) = results.recv().unwrap();
        assert!(n != 0 && found == Ok(2), "{n}: {found:?}");
    }
    drop(release);
    assert_eq!(results.recv().unwrap(), (0, Ok(2)));
    for thread in threads {
        thread.join().unwrap();
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_document_is_answered(body in "(<(/)?(rss|item|feed|entry|link|enclosure url='x'|media:content|!\\[CDATA\\[|!DOCTYPE [a\\[]|a xml:base='//x')?/?>?|&[a-z#x0-9]{0,6};?|\\]\\]>|[a-z ]){0,40}") {
            let base = Url::parse("https://example.org/feed").unwrap();
            let _ = parse::parse(&body, &base);
            let _ = parse::parse(&format!("<rss><channel><item>{body}</item></channel></rss>"), &base);
        }
    }
}
