//! The only way out for yt-dlp: a proxy on this machine that shows every address to the guard before it dials it.
//!
//! It lives as long as one run, on a port of its own, and answers only to who knows its word.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use omniva_contracts::{Code, Fault, hex};

use super::upstream::Upstream;
use crate::net::{Net, seconds};

const MAX_HEAD: usize = 32 * 1024;
const BREATH: Duration = Duration::from_millis(50);
/// Connections at the same time.
const MAX_OPEN: usize = 64;

struct Shared {
    net: Arc<Net>,
    /// What everything goes through, if anything.
    upstream: Option<Upstream>,
    /// `Basic …`, as the client has to send it.
    word: String,
    stop: AtomicBool,
    open: AtomicUsize,
    refused: Mutex<Option<Fault>>,
}

pub(super) struct Relay {
    shared: Arc<Shared>,
    port: u16,
    secret: String,
}

impl Relay {
    /// # Errors
    /// `tool_failed` when this machine gives no port.
    pub fn start(net: Arc<Net>, upstream: Option<Upstream>) -> Result<Self, Fault> {
        let failed = |error: io::Error| {
            Fault::new(Code::ToolFailed, "the way out for yt-dlp can't be opened", "nothing: it is tried again")
                .with_detail(error)
        };
        let mut random = [0u8; 16];
        File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut random)).map_err(failed)?;
        let secret = hex(&random);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let word = format!("Basic {}", STANDARD.encode(format!("omniva:{secret}")));
        let shared = Arc::new(Shared {
            net,
            upstream,
            word,
            stop: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            refused: Mutex::new(None),
        });
        let accepting = shared.clone();
        let thread = thread::Builder::new().name("relay".into());
        thread.spawn(move || accept(&listener, &accepting)).map_err(failed)?;
        Ok(Self { shared, port, secret })
    }

    /// What the child's environment says.
    pub fn url(&self) -> String {
        format!("http://omniva:{}@127.0.0.1:{}", self.secret, self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The first address that was refused, or what the operator's proxy did.
    pub fn refused(&self) -> Option<Fault> {
        self.shared.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts; where that fails, it is already gone.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else {
            // No descriptor is free: others end meanwhile.
            thread::sleep(BREATH);
            continue;
        };
        if shared.open.fetch_add(1, Ordering::SeqCst) >= MAX_OPEN {
            shared.open.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        let serving = shared.clone();
        let started = thread::Builder::new().name("relayed".into()).spawn(move || {
            // A connection that breaks is the client's to notice.
            let _ = serve(stream, &serving);
            serving.open.fetch_sub(1, Ordering::SeqCst);
        });
        if started.is_err() {
            shared.open.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// The head of a request to a proxy.
struct Head {
    method: String,
    /// `host:port` or a whole URL.
    target: String,
    headers: Vec<(String, String)>,
    /// What came after it.
    rest: Vec<u8>,
}

fn serve(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    let silence = seconds(shared.net.config().read_seconds);
    client.set_read_timeout(Some(silence))?;
    client.set_write_timeout(Some(silence))?;
    let Some(head) = read_head(&mut client)? else { return answer(&mut client, "400 Bad Request") };
    let known = head.headers.iter().any(|(name, value)| name == "proxy-authorization" && *value == shared.word);
    if !known {
        return answer(&mut client, "407 Proxy Authentication Required");
    }
    let tunnel = head.method == "CONNECT";
    let url = if tunnel { format!("https://{}/", head.target) } else { head.target.clone() };
    let (mut server, url) = match dial(shared, &url) {
        Ok(found) => found,
        Err(fault) => {
            let inside = matches!(fault.code, Code::AddressRefused | Code::UrlInvalid);
            if inside || shared.upstream.is_some() {
                shared.refused.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
            }
            return answer(&mut client, if inside { "403 Forbidden" } else { "502 Bad Gateway" });
        }
    };
    server.set_read_timeout(Some(silence))?;
    server.set_write_timeout(Some(silence))?;
    if tunnel {
        client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    } else {
        server.write_all(plain(&head, &url).as_bytes())?;
    }
    server.write_all(&head.rest)?;
    splice(client, server)
}

fn dial(shared: &Shared, url: &str) -> Result<(TcpStream, url::Url), Fault> {
    let Some(upstream) = &shared.upstream else { return shared.net.dial(url) };
    let (url, addresses) = shared.net.places(url)?;
    Ok((upstream.dial(&shared.net, &addresses)?, url))
}

fn answer(client: &mut TcpStream, status: &str) -> io::Result<()> {
    client.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes())
}

fn read_head(client: &mut TcpStream) -> io::Result<Option<Head>> {
    let (mut head, mut block) = (Vec::new(), [0u8; 4096]);
    let end = loop {
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        let count = client.read(&mut block)?;
        if count == 0 || head.len() + count > MAX_HEAD {
            return Ok(None);
        }
        head.extend_from_slice(block.get(..count).unwrap_or_default());
    };
    let rest = head.split_off(end + 4);
    let Ok(text) = String::from_utf8(head) else { return Ok(None) };
    let mut lines = text.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned())).collect();
    Ok(Some(Head { method: method.to_owned(), target: target.to_owned(), headers, rest }))
}

/// The request as the server itself wants it: one to a connection, for the host that the guard saw, without what was
/// meant for the proxy.
fn plain(head: &Head, url: &url::Url) -> String {
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut text = format!("{} {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", head.method, path, host);
    let ours =
        |name: &str| name.starts_with("proxy-") || matches!(name, "host" | "connection" | "keep-alive" | "upgrade");
    for (name, value) in head.headers.iter().filter(|(name, _)| !ours(name)) {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text + "\r\n"
}

/// Both ways until the server has ended or was silent for too long. The client may be silent as long as it receives: to
/// shut its direction then would look to the server as if it had gone.
fn splice(client: TcpStream, server: TcpStream) -> io::Result<()> {
    client.set_read_timeout(None)?;
    let (mut upward, mut target) = (client.try_clone()?, server.try_clone()?);
    let up = thread::Builder::new().name("relayed up".into()).spawn(move || {
        pour(&mut upward, &mut target);
        let _ = target.shutdown(Shutdown::Write);
    })?;
    let (mut from, mut to) = (server, client);
    pour(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
    let _ = up.join();
    Ok(())
}

/// Until one side ends.
fn pour(from: &mut TcpStream, to: &mut TcpStream) {
    let mut block = [0u8; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut block) {
        if to.write_all(block.get(..count).unwrap_or_default()).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Reply, Server, net};

    fn through(relay: &Relay, request: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, relay.port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn what_the_guard_lets_pass_is_relayed_both_ways() {
        let server = Server::start(|request| Reply::new(200, format!("{} {}", request.path, request.header("x-mine"))));
        let relay = Relay::start(net(&[&server]), None).unwrap();
        let word = relay.shared.word.clone();
        let get = format!(
            "GET {} HTTP/1.1\r\nHost: evil\r\nX-Mine: 7\r\nProxy-Authorization: {word}\r\nConnection: keep-alive\r\n\r\n",
            server.url("/a?b=1")
        );
        assert!(through(&relay, &get).ends_with("/a?b=1 7"));
        let asked = &server.requests()[0];
        assert_eq!(asked.header("host"), server.address.to_string());
        assert_eq!((asked.header("proxy-authorization"), asked.header("connection")), ("", "close"));
        let tunnel = format!(
            "CONNECT {} HTTP/1.1\r\nProxy-Authorization: {word}\r\n\r\nGET /t HTTP/1.1\r\n\r\n",
            server.address
        );
        let answer = through(&relay, &tunnel);
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("/t "), "{answer}");
        assert_eq!(relay.refused(), None);
    }

    #[test]
    fn nothing_else_is_dialled() {
        let inside = Server::start(|_| Reply::new(200, "secret"));
        let relay = Relay::start(net(&[]), None).unwrap();
        let word = relay.shared.word.clone();
        let ask = |line: &str, word: &str| {
            through(&relay, &format!("{line} HTTP/1.1\r\nProxy-Authorization: {word}\r\n\r\n"))
        };
        let local = format!("CONNECT {}", inside.address);
        assert!(ask(&local, "Basic x").starts_with("HTTP/1.1 407"));
        for line in [
            local.as_str(),
            &format!("GET {}", inside.url("/")),
            "CONNECT 169.254.169.254:80",
            "CONNECT [::1]:80",
            "GET file:///etc/passwd",
            "CONNECT 2130706433:80",
            "CONNECT localhost:80",
            "GET /relative",
            "CONNECT u@example.org:80",
        ] {
            assert!(ask(line, &word).starts_with("HTTP/1.1 403"), "{line}");
        }
        assert!(through(&relay, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
        assert!(relay.refused().is_some_and(|fault| fault.code == Code::AddressRefused));
        assert!(inside.requests().is_empty());
    }
}
