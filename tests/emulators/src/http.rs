//! A strict HTTP/1.1 server, one thread for each connection, that may cut any of them at any byte.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::faults::{Faults, Inject, Refusal};

const MAX_HEAD: u64 = 64 << 10;
const MAX_BODY: usize = 512 << 20;
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// Decoded, in order.
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// May be shorter than `declared` when the connection was cut.
    pub body: Vec<u8>,
    pub declared: usize,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
    /// Fields of a form.
    pub fn form(&self) -> Vec<(String, String)> {
        pairs(&String::from_utf8_lossy(&self.body))
    }
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }
    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Self { body: value.to_string().into_bytes(), ..Self::new(status) }
            .header("Content-Type", "application/json; charset=UTF-8")
    }
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// A platform.
pub trait Emulated: Send + 'static {
    fn answer(&mut self, request: &Request) -> Answer;
    /// Says no in the platform's own words; changes nothing but what the refusal is about.
    fn refuse(&mut self, request: &Request, refusal: &Refusal) -> Answer;
    /// Part of a body has arrived before the connection was cut.
    fn partial(&mut self, _request: &Request) {}
}

pub struct Server<E> {
    address: SocketAddr,
    state: Arc<Mutex<E>>,
    faults: Arc<Mutex<Faults>>,
    stop: Arc<AtomicBool>,
}

impl<E: Emulated> Server<E> {
    /// Listens on a free port of 127.0.0.1; `make` gets the base address.
    pub fn start(make: impl FnOnce(&str) -> E) -> Self {
        Self::start_at(0, make).expect("a free port")
    }

    /// Listens on that port of 127.0.0.1, or on a free one for 0.
    pub fn start_at(port: u16, make: impl FnOnce(&str) -> E) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(make(&format!("http://{address}"))));
        let (faults, stop) = (Arc::new(Mutex::new(Faults::default())), Arc::new(AtomicBool::new(false)));
        let server = Self { address, state: state.clone(), faults: faults.clone(), stop: stop.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (state, faults) = (state.clone(), faults.clone());
                if let Ok(stream) = stream {
                    std::thread::spawn(move || {
                        // An error here is a client that went away, which is what clients do.
                        let _ = connection(stream, &state, &faults);
                    });
                }
            }
        });
        Ok(server)
    }

    /// `http://127.0.0.1:PORT`
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }
    pub fn state(&self) -> MutexGuard<'_, E> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E> Drop for Server<E> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn connection<E: Emulated>(stream: TcpStream, state: &Mutex<E>, faults: &Mutex<Faults>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    while let Some(mut request) = head(&mut reader)? {
        let line = format!("{} {}", request.method, request.path);
        let inject = faults.lock().unwrap_or_else(PoisonError::into_inner).next(&line);
        let wanted = match inject {
            Some(Inject::CutBefore) => return writer.shutdown(Shutdown::Both),
            Some(Inject::CutBody(share)) => (request.declared as f64 * share) as usize,
            _ => request.declared,
        };
        // Read in steps: what has arrived when the client goes away counts.
        let whole = body(&mut reader, &mut request, wanted);
        if !whole || (matches!(inject, Some(Inject::CutBody(_))) && request.declared > 0) {
            lock().partial(&request);
            return writer.shutdown(Shutdown::Both);
        }
        let answer = match &inject {
            Some(Inject::Refuse(refusal)) => lock().refuse(&request, refusal),
            _ => lock().answer(&request),
        };
        match inject {
            Some(Inject::CutAfter | Inject::CutBody(_)) => return writer.shutdown(Shutdown::Both),
            Some(Inject::CutAnswer) => {
                let bytes = wire(&answer);
                writer.write_all(&bytes[..bytes.len() / 2])?;
                return writer.shutdown(Shutdown::Both);
            }
            Some(Inject::Slow) => {
                for piece in wire(&answer).chunks(7) {
                    writer.write_all(piece)?;
                    writer.flush()?;
                    std::thread::yield_now();
                }
            }
            _ => writer.write_all(&wire(&answer))?,
        }
    }
    Ok(())
}

/// `None` when the client has closed the connection.
fn head(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let bad = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let mut limited = reader.take(MAX_HEAD);
    let mut line = String::new();
    if limited.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.trim_end().split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1"), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(bad("request line"));
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method: method.to_owned(),
        path: decode(path),
        query: pairs(query),
        headers: Vec::new(),
        body: Vec::new(),
        declared: 0,
    };
    loop {
        let mut line = String::new();
        limited.read_line(&mut line)?;
        let line = line.strip_suffix("\r\n").ok_or_else(|| bad("header line"))?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| bad("header"))?;
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let count = |name: &str| request.headers.iter().filter(|(key, _)| key == name).count();
    if count("host") != 1 || count("content-length") > 1 || count("transfer-encoding") > 0 || count("authorization") > 1
    {
        return Err(bad("headers that no platform takes"));
    }
    request.declared = match request.header("content-length") {
        Some(text) => text.parse().map_err(|_| bad("length"))?,
        None if request.method == "GET" => 0,
        None => return Err(bad("a length is required")),
    };
    if request.declared > MAX_BODY { Err(bad("too large")) } else { Ok(Some(request)) }
}

/// False when the client went away before.
fn body(reader: &mut impl Read, request: &mut Request, wanted: usize) -> bool {
    request.body.reserve(wanted);
    let mut block = vec![0u8; 64 << 10];
    while request.body.len() < wanted {
        let room = block.len().min(wanted - request.body.len());
        match reader.read(&mut block[..room]) {
            Ok(0) | Err(_) => return false,
            Ok(count) => request.body.extend_from_slice(&block[..count]),
        }
    }
    true
}

fn wire(answer: &Answer) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {} Emulated\r\nContent-Length: {}\r\n", answer.status, answer.body.len());
    for (name, value) in &answer.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(&answer.body);
    bytes
}

pub fn pairs(text: &str) -> Vec<(String, String)> {
    let parts = text.split('&').filter(|pair| !pair.is_empty());
    parts.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (decode(k), decode(v))).collect()
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
