//! Proxies and cookies by the name of a secret, with the real program: what was planted shows nowhere.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use omniva_contracts::Silent;
use omniva_contracts::config::NetworkConfig;
use omniva_contracts::engine::{FoundItem, SourceSpec};

use super::tests::{serve, window};
use super::*;
use crate::source::source;
use crate::testing::{Kept, MAX_FILE, Server, config};

const USER: &str = "PLANTED-user";
const PASSWORD: &str = "PLANTED:pass w";
const SESSION: &str = "PLANTED-session-c4n4ry";

/// A proxy on a real socket that wants a name and a password, and remembers where it was asked to go.
struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start(serve: fn(TcpStream, &Mutex<Vec<String>>) -> std::io::Result<()>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let kept = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (kept, stream) = (kept.clone(), stream.unwrap());
                thread::spawn(move || drop(serve(stream, &kept)));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn both_ways(client: TcpStream, server: TcpStream) -> std::io::Result<()> {
    let (mut up, mut to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || drop(std::io::copy(&mut up, &mut to)));
    let (mut from, mut down) = (server, client);
    std::io::copy(&mut from, &mut down)?;
    down.shutdown(std::net::Shutdown::Both)
}

fn http_proxy(client: TcpStream, asked: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let (mut line, mut word) = (String::new(), String::new());
    reader.read_line(&mut line)?;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        if name == "Proxy-Authorization" {
            word = value.to_owned();
        }
    }
    let mut client = client;
    if word != format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}"))) {
        return client.write_all(b"HTTP/1.1 407 Who are you\r\n\r\n");
    }
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    asked.lock().unwrap().push(line.trim_end().to_owned());
    let server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 Connected\r\nX: y\r\n\r\n")?;
    both_ways(client, server)
}

fn socks_proxy(mut client: TcpStream, asked: &Mutex<Vec<String>>) -> std::io::Result<()> {
    fn take(client: &mut TcpStream, count: usize) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        client.read_exact(&mut bytes).map(|()| bytes)
    }
    let greeting = take(&mut client, 2)?;
    let methods = take(&mut client, usize::from(greeting[1]))?;
    if !methods.contains(&2) {
        return client.write_all(&[5, 0xff]);
    }
    client.write_all(&[5, 2])?;
    let user = usize::from(take(&mut client, 2)?[1]);
    let user = take(&mut client, user)?;
    let password = usize::from(take(&mut client, 1)?[0]);
    let known = (user.as_slice(), take(&mut client, password)?.as_slice()) == (USER.as_bytes(), PASSWORD.as_bytes());
    client.write_all(&[1, u8::from(!known)])?;
    let ask = take(&mut client, 10)?;
    let target = format!("{}.{}.{}.{}:{}", ask[4], ask[5], ask[6], ask[7], u16::from_be_bytes([ask[8], ask[9]]));
    asked.lock().unwrap().push(format!("SOCKS {target}"));
    let server = TcpStream::connect(target)?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    both_ways(client, server)
}

/// `secrets` in the vault, the rest as the tests of yt-dlp have it.
fn net(limits: &NetworkConfig, secrets: &[(&str, &str)], folder: &Path) -> Arc<Net> {
    let library = Library::open(folder, 0).unwrap();
    Arc::new(Net::new(limits, MAX_FILE).unwrap().at_home(Kept::of(secrets), library))
}

fn channel(net: &Arc<Net>, url: String, proxy: Option<&str>, cookies: Option<&str>) -> Box<dyn Source> {
    let (proxy, cookies) = (proxy.map(str::to_owned), cookies.map(str::to_owned));
    source(&SourceSpec::Channel { url, max_items: Some(3), proxy, cookies }, Duration::ZERO, net).unwrap()
}

fn limits(addresses: &[SocketAddr]) -> NetworkConfig {
    config(&addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>())
}

/// Nothing that was planted is in what is shown, and no file is left.
fn sealed(shown: &dyn std::fmt::Debug, folder: &Path) {
    let shown = format!("{shown:?}");
    assert!(!shown.contains("PLANTED"), "{shown}");
    assert_eq!(fs::read_dir(folder.join("incoming")).unwrap().count(), 0);
}

#[test]
fn everything_goes_through_a_proxy_that_the_program_never_hears_of() {
    let server = Server::start(serve);
    for (scheme, proxy) in [("http", Proxy::start(http_proxy)), ("socks5", Proxy::start(socks_proxy))] {
        let folder = tempfile::tempdir().unwrap();
        let value = format!("{scheme}://{USER}:PLANTED%3Apass%20w@{}\n", proxy.address);
        let net = net(&limits(&[server.address, proxy.address]), &[("proxy/home", &value)], folder.path());
        let place = channel(&net, server.url("/page"), Some("secret:proxy/home"), None);
        let item = place.look(&window(), &Silent).unwrap().items.remove(0);
        let library = Library::open(folder.path(), 0).unwrap();
        let Fetched::Copy(copied, details) = place.fetch(&item, &library, &Silent).unwrap() else { panic!("there") };
        assert_eq!(copied.bytes, 200_000);
        drop(copied);
        sealed(&(&item, details), folder.path());
        let asked = proxy.asked();
        assert!(asked.len() >= 2 && asked.iter().all(|to| to.contains(&server.address.to_string())), "{asked:?}");
        // The guard holds behind a proxy, too: it is never asked for what is not public.
        let inside = channel(&net, server.url("/inside.mp4"), Some("secret:proxy/home"), None);
        assert_eq!(inside.look(&window(), &Silent).unwrap_err().code, Code::AddressRefused);
        assert!(proxy.asked().iter().all(|to| !to.contains("169.254")), "{:?}", proxy.asked());
    }
    let through = server.requests();
    assert!(!through.is_empty() && through.iter().all(|request| request.header("proxy-authorization").is_empty()));
}

#[test]
fn a_proxy_that_is_missing_wrong_or_inside_is_told_by_its_name_alone() {
    let server = Server::start(serve);
    let proxy = Proxy::start(http_proxy);
    let folder = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let secrets = [
        ("proxy/wrong", format!("http://PLANTED-user:PLANTED-no@{}", proxy.address)),
        ("proxy/closed", format!("http://PLANTED-user:x@{closed}")),
        ("proxy/inside", "http://PLANTED-user:x@127.0.0.1:1".to_owned()),
        ("proxy/none", "PLANTED".to_owned()),
    ];
    let secrets: Vec<(&str, &str)> = secrets.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let net = net(&limits(&[server.address, proxy.address, closed]), &secrets, folder.path());
    for (name, code, next) in [
        ("proxy/wrong", Code::AuthFailed, "omniva auth secret proxy/wrong --file"),
        ("proxy/closed", Code::SourceUnavailable, "check the proxy"),
        ("proxy/inside", Code::AddressRefused, "engine.network.allow"),
        ("proxy/none", Code::ConfigInvalid, "one line"),
        ("proxy/missing", Code::ConfigInvalid, "omniva auth secret proxy/missing --file"),
    ] {
        let place = channel(&net, server.url("/v1.mp4"), Some(&format!("secret:{name}")), None);
        let fault = place.look(&window(), &Silent).unwrap_err();
        assert_eq!(fault.code, code, "{fault:?}");
        assert!(fault.message.contains(name) && fault.next_step.contains(next), "{fault:?}");
        assert!(!format!("{fault:?}").contains("127.0.0.1"), "{fault:?}");
        sealed(&fault, folder.path());
    }
    assert!(server.requests().is_empty(), "nothing goes round a proxy that can't be used");
}

#[test]
fn cookies_of_the_vault_are_given_to_the_child_alone() {
    let server = Server::start(serve);
    let folder = tempfile::tempdir().unwrap();
    let jar = |value: &str| {
        format!("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t4102444800\tsession\t{value}\n")
    };
    let (good, other) = (jar("secret"), jar(SESSION));
    let secrets = [("cookies/good", good.as_str()), ("cookies/other", &other), ("cookies/none", "PLANTED")];
    let mut limits = limits(&[server.address]);
    limits.ytdlp.cookies.insert("default".into(), "secret:cookies/good".into());
    let net = net(&limits, &secrets, folder.path());
    let library = Library::open(folder.path(), 0).unwrap();
    let place = channel(&net, server.url("/members.mp4"), None, None);
    let item = place.look(&window(), &Silent).unwrap().items.remove(0);
    let Fetched::Copy(copied, _) = place.fetch(&item, &library, &Silent).unwrap() else { panic!("it is there") };
    drop(copied);
    // The creator's own come first; the platform's answer to them repeats them.
    let own = channel(&net, server.url("/echo.mp4"), None, Some("secret:cookies/other"));
    let fault = own.look(&window(), &Silent).unwrap_err();
    assert!(server.requests().iter().any(|request| request.header("cookie").contains(SESSION)));
    sealed(&fault, folder.path());
    let item = FoundItem { url: server.url("/echo.mp4"), ..item };
    sealed(&own.fetch(&item, &library, &Silent).unwrap_err(), folder.path());
    for (name, code) in [("cookies/none", Code::AuthFailed), ("cookies/missing", Code::ConfigInvalid)] {
        let place = channel(&net, server.url("/v1.mp4"), None, Some(&format!("secret:{name}")));
        let fault = place.look(&window(), &Silent).unwrap_err();
        assert_eq!(fault.code, code, "{fault:?}");
        sealed(&fault, folder.path());
    }
}

#[test]
fn a_jar_is_for_its_owner_alone_and_gone_with_its_run() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("# Netscape HTTP Cookie File\n.x.org\tTRUE\t/\tTRUE\t0\tsession\t{SESSION}\n");
    let net = net(&config(&[]), &[("cookies/x", &text)], &folder.path().join("lib"));
    let jar = Jar::copy(&net, "secret:cookies/x", folder.path()).unwrap();
    let path = jar.path().to_owned();
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
    assert_eq!((mode & 0o777, fs::read_to_string(&path).unwrap()), (0o600, text));
    assert_eq!(jar.hide(&format!("bad {SESSION}!")), "bad …!");
    drop(jar);
    assert!(!path.exists());
}
