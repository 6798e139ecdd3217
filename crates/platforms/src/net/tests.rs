use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use omniva_contracts::{Code, Monitor, Silent};

use super::*;
use crate::testing::{FakeNames, MAX_FILE, NOW, Reply, Server, Stands, config, net};

/// All of them lead, or could lead, to where nothing of ours should go, or are written so that two readers differ.
const REFUSED: &[&str] = &[
    // loopback and this network
    "http://127.0.0.1/",
    "http://127.0.0.1:80/",
    "http://127.0.0.2/",
    "http://127.255.255.254/",
    "http://0.0.0.0/",
    "http://0.1.2.3/",
    "http://localhost/",
    "https://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://foo.localhost/",
    "http://localhost.localdomain/",
    "http://localhost:8080/",
    "http://ⓛocalhost/",
    // other ways to write an IPv4 address
    "http://2130706433/",
    "http://017700000001/",
    "http://0x7f000001/",
    "http://0x7f.0x0.0x0.0x1/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0/",
    "http://0x0/",
    "http://127.0.0.1./",
    "http://0x7f.1/",
    "http://3232235777/",
    "http://0xa9fea9fe/",
    "http://2852039166/",
    "http://0251.0376.0251.0376/",
    "http://0xa9.0xfe.0xa9.0xfe/",
    "http://169.254.43518/",
    "http://134744072/",
    "http://0x08080808/",
    "http://010.010.010.010/",
    "http://8.8.2056/",
    "http://１２７.０.０.１/",
    "http://127。0。0。1/",
    "http://127．0．0．1/",
    "http://①②⑦.⓪.⓪.①/",
    "http://%31%32%37.0.0.1/",
    "http://127%2e0%2e0%2e1/",
    "http://256.256.256.256/",
    "http://1.2.3.4.5/",
    "http://0x100000000/",
    "http://8.8.8.8.nip.io.0x7f/",
    // private, link, metadata, special
    "http://10.0.0.1/",
    "http://10.255.255.255/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.0.1/",
    "http://192.168.255.255:8080/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/v2/credentials",
    "http://169.254.0.1/",
    "http://100.64.0.1/",
    "http://100.100.100.200/latest/meta-data/",
    "http://100.127.255.255/",
    "http://168.63.129.16/machine/",
    "http://192.0.0.1/",
    "http://192.0.0.192/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://198.19.255.255/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://192.88.99.1/",
    "http://224.0.0.1/",
    "http://239.255.255.250/",
    "http://240.0.0.1/",
    "http://250.1.2.3/",
    "http://255.255.255.255/",
    "http://metadata.google.internal/",
    "http://metadata/",
    "http://instance-data.ec2.internal/",
    "http://kubernetes/",
    "http://kubernetes.default.svc.cluster.local/",
    "http://printer.local/",
    "http://router.lan/",
    "http://nas.home/",
    "http://box.home.arpa/",
    "http://git.corp/",
    "http://wiki.intranet/",
    "http://db.private/",
    "http://host.docker.internal/",
    "http://x.onion/",
    "http://a.test/",
    "http://a.invalid/",
    "http://intranet/",
    "http://1.0.0.127.in-addr.arpa/",
    // IPv6
    "http://[::]/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[0000::1]:80/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:8.8.8.8]/",
    "http://[::127.0.0.1]/",
    "http://[::10.0.0.1]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b::8.8.8.8]/",
    "http://[64:ff9b:1::1]/",
    "http://[100::1]/",
    "http://[2001::1]/",
    "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "http://[2001:10::1]/",
    "http://[2001:20::1]/",
    "http://[2001:2::1]/",
    "http://[2001:db8::1]/",
    "http://[2002:7f00:1::]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[2002:808:808::1]/",
    "http://[3fff::1]/",
    "http://[3ffe::1]/",
    "http://[5f00::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[fd12:3456:789a::1]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[ff0e::1]/",
    "http://[4000::1]/",
    "http://[e000::1]/",
    "http://[2a00:1450::5efe:7f00:1]/",
    "http://[2a00:1450::200:5efe:a00:1]/",
    // ports
    "http://example.org:22/",
    "http://example.org:25/",
    "http://example.org:6379/",
    "http://example.org:11211/",
    "http://8.8.8.8:2375/",
    "http://example.org:0/",
    "http://example.org:65536/",
    "https://example.org:9200/",
    "http://[2606:4700::1111]:53/",
    // schemes
    "file:///etc/passwd",
    "ftp://example.org/",
    "gopher://example.org/",
    "dict://example.org:80/",
    "ldap://example.org/",
    "data:video/mp4;base64,AAAA",
    "javascript:alert(1)",
    "ws://example.org/",
    "blob:https://example.org/x",
    "jar:http://example.org!/",
    "unix:/var/run/docker.sock",
    "http+unix://%2fvar%2frun%2fdocker.sock/",
    "sftp://example.org/",
    "netdoc:///etc/passwd",
    "concat:http://a/|http://b/",
    "subfile,,start,0,end,9,,:/etc/passwd",
    "rtmp://example.org/",
    // credentials and confusion of readers
    "http://user@example.org/",
    "http://user:pass@example.org/",
    "http://@example.org/",
    "http://:@example.org/",
    "http://example.org@127.0.0.1/",
    "http://127.0.0.1@example.org/",
    "http://example.org:80@127.0.0.1:80/",
    "http://example.org\\@127.0.0.1/",
    "http://127.0.0.1\\.example.org/",
    "http:\\\\127.0.0.1\\",
    "http:/127.0.0.1/",
    "http:127.0.0.1/",
    "http:///127.0.0.1/",
    "http:////127.0.0.1/",
    "//127.0.0.1/",
    "127.0.0.1",
    "http://",
    "http:///",
    "http://?",
    "http://#",
    "http://:80/",
    " http://127.0.0.1/",
    "http://127.0.0.1 /",
    "http://example.org/ x",
    "http://exam\tple.org/",
    "http://exa\nmple.org/",
    "http://example.org\r\nHost: localhost/",
    "http://example.org\0.localhost/",
    "http://example%2eorg/",
    "http://example.org%00@127.0.0.1/",
    "http://example.org./",
    "http://.example.org/",
    "http://example..org/",
    "http://[127.0.0.1]/",
    "http://[::1/",
    "http://::1/",
    "http://[::g]/",
    "http://exa mple.org/",
    "http://a<b.org/",
    "http://a^b.org/",
    "http://xn--/",
    "http://127.0.0.1#@example.org/",
    "http://127.0.0.1?@example.org/",
    "",
];

const GOOD: &[&str] = &[
    "http://example.org/",
    "https://example.org/",
    "HTTPS://EXAMPLE.ORG/",
    "https://example.org/a/b.mp4?x=1&y=%20#t=1",
    "https://example.org:443/",
    "http://example.org:8080/",
    "https://example.org:8443/x",
    "https://sub.sub.example.co.uk/",
    "https://bücher.example.org/ü",
    "https://xn--bcher-kva.example.org/",
    "https://例え.jp/",
    "https://a-b.example.org/",
    "https://a_b.example.org/",
    "http://8.8.8.8/",
    "https://1.1.1.1/",
    "http://9.9.9.9:8080/x",
    "http://172.15.255.255/",
    "http://172.32.0.1/",
    "http://100.63.255.255/",
    "http://100.128.0.1/",
    "http://192.167.1.1/",
    "http://198.17.1.1/",
    "http://198.20.1.1/",
    "http://169.253.1.1/",
    "http://11.0.0.1/",
    "http://126.1.1.1/",
    "http://128.0.0.1/",
    "http://223.255.255.255/",
    "https://[2606:4700:4700::1111]/",
    "https://[2a00:1450:4001:800::200e]:8443/",
    "https://[2620:fe::fe]/",
    "https://[2001:4860:4860::8888]/",
    "https://localhost.example.org/",
    "https://127.0.0.1.example.org/",
    "https://internal.example.org/",
    "https://example.org/a@b",
    "https://example.org/?u=http://127.0.0.1/",
    "https://example.org/%2e%2e/",
    "https://example.org",
    "https://123.example.org/",
    "https://www.youtube.com/@a/videos",
    "https://feeds.example.fm/show.xml?token=abc",
];

#[test]
fn what_leads_inside_is_refused() {
    let guard = Guard::new(&[80, 443, 8080, 8443], &[]).unwrap();
    assert!(REFUSED.len() >= 120, "{}", REFUSED.len());
    for url in REFUSED {
        let fault = guard.url(url).expect_err(url);
        assert!(matches!(fault.code, Code::UrlInvalid | Code::AddressRefused), "{url}: {fault}");
        assert!(!fault.next_step.is_empty());
    }
}

#[test]
fn what_is_public_is_not() {
    let guard = Guard::new(&[80, 443, 8080, 8443], &[]).unwrap();
    for url in GOOD {
        guard.url(url).unwrap_or_else(|fault| panic!("{url}: {fault}"));
    }
}

#[test]
fn the_same_table_holds_for_a_client_that_would_dial() {
    let names = FakeNames::new(&[]);
    let net = Net::with_names(&config(&[]), MAX_FILE, names).unwrap();
    for url in REFUSED {
        let fault = net.ask(url, &Ask::get(Span::Document, "*/*"), &Silent).err().expect(url);
        assert!(matches!(fault.code, Code::UrlInvalid | Code::AddressRefused), "{url}: {fault}");
    }
}

#[test]
fn what_the_operator_allows_passes_and_nothing_beside_it() {
    let allow = ["10.1.0.0/16".into(), "media.lan".into(), "127.0.0.1:9000".into(), "[fd00::1]:9000".into()];
    let guard = Guard::new(&[80, 443], &allow).unwrap();
    for good in ["http://10.1.2.3/", "https://media.lan/", "http://127.0.0.1:9000/", "http://[fd00::1]:9000/x"] {
        guard.url(good).unwrap_or_else(|fault| panic!("{good}: {fault}"));
    }
    for bad in [
        "http://10.2.0.1/",
        "http://10.1.2.3:8080/",
        "http://media.lan:9000/",
        "http://127.0.0.1/",
        "http://127.0.0.1:9001/",
        "http://127.0.0.2:9000/",
        "http://[fd00::2]:9000/",
        "http://x.media.lan/",
        "http://[::ffff:10.1.2.3]/",
    ] {
        assert_eq!(guard.url(bad).expect_err(bad).code, Code::AddressRefused, "{bad}");
    }
    // The name is trusted wherever it leads; another name that leads there is not.
    let ip = "192.168.7.7".parse().unwrap();
    assert_eq!(guard.address(ip, 443, "media.lan"), Ok(()));
    assert!(guard.address(ip, 443, "evil.example.org").is_err());
    assert!(Guard::new(&[80], &["*".into()]).is_err());
}

#[test]
fn answers_of_name_servers_are_checked_where_they_are_dialled() {
    let server = Server::start(|_| Reply::new(200, "secret"));
    let port = server.address.port();
    let local: &[&str] = &["127.0.0.1"];
    let names = FakeNames::new(&[
        ("rebind.example.org", &[&["93.184.216.34"], local]),
        ("local.example.org", &[local]),
        ("mixed.example.org", &[&["93.184.216.34", "10.0.0.1"]]),
        ("mapped.example.org", &[&["::ffff:127.0.0.1"]]),
        ("nat64.example.org", &[&["64:ff9b::7f00:1"]]),
        ("meta.example.org", &[&["169.254.169.254"]]),
        ("zero.example.org", &[&["0.0.0.0"]]),
        ("empty.example.org", &[&[]]),
    ]);
    let mut limits = config(&[]);
    limits.ports.push(port);
    let net = Net::with_names(&limits, MAX_FILE, names.clone()).unwrap();
    // The first lookup of the name that rebinds is public: what counts is the one that is dialled.
    names.lookup("rebind.example.org", port).unwrap();
    for host in ["rebind", "local", "mixed", "mapped", "nat64", "meta", "zero"] {
        let url = format!("http://{host}.example.org:{port}/");
        let fault = net.ask(&url, &Ask::get(Span::Document, "*/*"), &Silent).err().expect(host);
        assert_eq!(fault.code, Code::AddressRefused, "{host}: {fault}");
    }
    for host in ["empty", "nobody"] {
        let url = format!("http://{host}.example.org:{port}/");
        let fault = net.ask(&url, &Ask::get(Span::Document, "*/*"), &Silent).err().expect(host);
        assert_eq!(fault.code, Code::SourceUnavailable, "{host}: {fault}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn every_redirect_is_seen_by_the_guard() {
    let inside = Server::start(|_| Reply::new(200, "secret"));
    let forbidden = inside.url("/");
    let targets: Vec<String> = [
        forbidden.as_str(),
        "http://169.254.169.254/",
        "http://[::1]/",
        "file:///etc/passwd",
        "http://2130706433/",
        "//127.0.0.1:1/",
        "http://user@example.org/",
        "http:///x",
        "\\\\127.0.0.1\\x",
    ]
    .map(str::to_owned)
    .to_vec();
    let list = targets.clone();
    let server = Server::start(move |request| {
        let at: usize = request.path.trim_start_matches('/').parse().unwrap_or(0);
        match request.path.as_str() {
            "/loop" => Reply::new(302, "").with("Location", "/loop"),
            "/nowhere" => Reply::new(302, ""),
            "/a" => Reply::new(301, "").with("Location", "b?x=1"),
            "/b?x=1" => Reply::new(307, "").with("Location", "/c"),
            "/c" => Reply::new(200, "here"),
            _ => Reply::new(302, "").with("Location", list[at].clone()),
        }
    });
    let net = net(&[&server]);
    let ask = |path: &str| net.ask(&server.url(path), &Ask::get(Span::Document, "*/*"), &Silent);
    for (at, target) in targets.iter().enumerate() {
        let fault = ask(&format!("/{at}")).err().expect(target);
        assert!(matches!(fault.code, Code::UrlInvalid | Code::AddressRefused), "{target}: {fault}");
    }
    assert!(inside.requests().is_empty());
    let mut answer = ask("/a").unwrap();
    assert_eq!(answer.whole(10, &Silent).unwrap(), b"here");
    assert_eq!(answer.url.path(), "/c");
    let before = server.requests().len();
    assert_eq!(ask("/loop").err().unwrap().code, Code::SourceUnavailable);
    assert_eq!(server.requests().len() - before, 6, "five redirects, no more");
    assert_eq!(ask("/nowhere").err().unwrap().code, Code::SourceUnavailable);
}

#[test]
fn statuses_become_reasons() {
    let server = Server::start(|request| {
        let status = request.path.trim_start_matches('/').parse().unwrap();
        Reply::new(status, "x").with("Retry-After", "77")
    });
    let net = Arc::into_inner(net(&[&server])).unwrap().with_clock(Arc::new(Stands));
    for (status, code, pause) in [
        (401, Code::AuthFailed, None),
        (403, Code::AuthFailed, None),
        (404, Code::Unavailable, None),
        (410, Code::Unavailable, None),
        (429, Code::RateLimited, Some(77)),
        (500, Code::SourceUnavailable, None),
        (503, Code::SourceUnavailable, Some(77)),
        (504, Code::NetworkTimeout, None),
        (418, Code::Unavailable, None),
    ] {
        let fault =
            net.ask(&server.url(&format!("/{status}")), &Ask::get(Span::Document, "*/*"), &Silent).err().unwrap();
        assert_eq!((fault.code, fault.not_before_us), (code, pause.map(|s| NOW + s * 1_000_000)), "{status}");
    }
    assert_eq!(net.ask(&server.url("/200"), &Ask::head("*/*"), &Silent).unwrap().status, 200);
}

#[test]
fn retry_after_may_be_a_date_by_the_servers_own_clock() {
    let mut headers = ureq::http::HeaderMap::new();
    headers.insert("date", "Tue, 07 May 2024 15:00:00 GMT".parse().unwrap());
    headers.insert("retry-after", "Tue, 07 May 2024 15:01:30 GMT".parse().unwrap());
    assert_eq!(fault::pause(&headers), Some(Duration::from_secs(90)));
    headers.insert("retry-after", "Tue, 07 May 2024 14:01:30 GMT".parse().unwrap());
    assert_eq!(fault::pause(&headers), Some(Duration::ZERO));
    headers.insert("retry-after", "99999999999".parse().unwrap());
    assert_eq!(fault::pause(&headers), Some(Duration::from_secs(86_400)));
    headers.insert("retry-after", "soon".parse().unwrap());
    assert_eq!(fault::pause(&headers), None);
}

#[test]
fn answers_are_bounded_in_bytes_headers_and_time() {
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let server = Server::start(move |request| match request.path.as_str() {
        "/large" => Reply::new(200, vec![b'x'; 5000]),
        "/liar" => Reply::new(200, vec![b'x'; 5000]).with("Transfer-Encoding", "identity"),
        "/headers" => Reply::new(200, "").with("X-Long", "y".repeat(100_000)),
        "/short" => Reply::new(200, vec![b'x'; 5000]).cut_after(100),
        _ => {
            let _ = held.lock().unwrap().recv();
            Reply::new(200, "late")
        }
    });
    let mut limits = config(&[server.address.to_string()]);
    limits.read_seconds = 0.2;
    let net = Net::new(&limits, MAX_FILE).unwrap();
    let ask = |path: &str| net.ask(&server.url(path), &Ask::get(Span::Document, "*/*"), &Silent);
    assert_eq!(ask("/large").unwrap().whole(4999, &Silent).unwrap_err().code, Code::TooLarge);
    assert_eq!(ask("/large").unwrap().whole(5000, &Silent).unwrap().len(), 5000);
    assert_eq!(ask("/headers").err().unwrap().code, Code::TooLarge);
    assert_eq!(ask("/short").unwrap().whole(9999, &Silent).unwrap_err().code, Code::SourceUnavailable);
    assert_eq!(ask("/silent").err().unwrap().code, Code::NetworkTimeout);
    drop(release);
}

/// Stops at the first question.
struct Stopped;

impl Monitor for Stopped {
    fn progress(&self, _: f64) {}
    fn cancelled(&self) -> bool {
        true
    }
}

#[test]
fn whoever_waits_can_be_stopped() {
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let server = Server::start(move |_| {
        let _ = held.lock().unwrap().recv();
        Reply::new(200, "late")
    });
    let net = net(&[&server]);
    let fault = net.ask(&server.url("/"), &Ask::get(Span::Document, "*/*"), &Stopped).err().unwrap();
    assert_eq!(fault.code, Code::Cancelled);
    drop(release);
}

#[test]
fn a_platform_that_complained_is_left_alone() {
    let net = Arc::new(Net::new(&config(&[]), MAX_FILE).unwrap().with_clock(Arc::new(Stands)));
    let pace = Pace::of(&net, "youtube");
    let turn = pace.turn(&Silent).unwrap();
    let fault = turn.complained(Fault::new(Code::RateLimited, "x", "y").not_before(NOW + 5_000_000_000));
    assert_eq!(fault.not_before_us, Some(NOW + 5_000_000_000));
    drop(turn);
    let resting = Pace::of(&net, "youtube").turn(&Silent).err().unwrap();
    assert_eq!(resting.code, Code::RateLimited);
    assert!(resting.not_before_us.is_some_and(|until| until > NOW + 4_000_000_000));
    assert!(Pace::of(&net, "tiktok").turn(&Silent).is_ok(), "another platform is another matter");
}
