//! A web server on a real socket for tests: it answers by a function and remembers what it was asked.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use omniva_contracts::Fault;
use omniva_contracts::config::{EngineConfig, NetworkConfig, Pauses};
use omniva_contracts::ports::Clock;
use omniva_vault::{Secret, Secrets};

use crate::net::{Names, Net};

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Bytes of the body that are sent before the connection is cut.
    pub cut: Option<usize>,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.cut = Some(bytes);
        self
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub asked: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    pub fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (kept, stopped, answer) = (asked.clone(), stop.clone(), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (kept, answer, stream) = (kept.clone(), answer.clone(), stream.unwrap());
                // A client that goes away in the middle is part of the tests.
                thread::spawn(move || drop(serve(stream, &kept, &*answer)));
            }
        });
        Self { address, asked, stop }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: TcpStream, kept: &Mutex<Vec<Request>>, answer: &dyn Fn(&Request) -> Reply) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(()) };
    let mut request = Request { method: method.into(), path: path.into(), headers: BTreeMap::new(), body: Vec::new() };
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        request.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = request.header("content-length").parse().unwrap_or(0);
    request.body = vec![0; length];
    reader.read_exact(&mut request.body)?;
    kept.lock().unwrap().push(request.clone());
    let reply = answer(&request);
    let mut stream = stream;
    let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", reply.status);
    let told = reply.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    if !told {
        head += &format!("Content-Length: {}\r\n", reply.body.len());
    }
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    if request.method != "HEAD" {
        let end = reply.cut.unwrap_or(reply.body.len()).min(reply.body.len());
        stream.write_all(&reply.body[..end])?;
    }
    stream.flush()
}

/// The shipped limits, quick enough for tests, with these entries allowed.
pub fn config(allow: &[String]) -> NetworkConfig {
    let mut config = EngineConfig::load(None).unwrap().network;
    config.allow = allow.to_vec();
    config.resumes = 2;
    for pauses in config.platforms.values_mut() {
        *pauses = Pauses { request_seconds: 0.0, item_seconds: 0.0, cooldown_seconds: 600.0, at_once: 4 };
    }
    config
}

pub const NOW: i64 = 1_795_295_717_000_000;

/// A clock that stands.
pub struct Stands;

impl Clock for Stands {
    fn now_us(&self) -> i64 {
        NOW
    }
}

pub const MAX_FILE: u64 = 50_000_000;

/// A way out that reaches these servers, and the public world.
pub fn net(servers: &[&Server]) -> Arc<Net> {
    let allow: Vec<String> = servers.iter().map(|server| server.address.to_string()).collect();
    Arc::new(Net::new(&config(&allow), MAX_FILE).unwrap())
}

/// A resolver that gives its answers in turn, the last one for ever.
pub struct FakeNames(pub Mutex<BTreeMap<String, Vec<Vec<SocketAddr>>>>);

impl FakeNames {
    pub fn new(entries: &[(&str, &[&[&str]])]) -> Arc<Self> {
        let addresses = |one: &[&str]| one.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
        let all =
            entries.iter().map(|(name, turns)| ((*name).to_owned(), turns.iter().map(|t| addresses(t)).collect()));
        Arc::new(Self(Mutex::new(all.collect())))
    }
}

impl Names for FakeNames {
    fn lookup(&self, host: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        let mut all = self.0.lock().unwrap();
        let turns = all.get_mut(host).ok_or(io::ErrorKind::NotFound)?;
        Ok(if turns.len() > 1 { turns.remove(0) } else { turns[0].clone() })
    }
}

/// Secrets without a vault.
#[derive(Default)]
pub struct Kept(pub Mutex<BTreeMap<String, Secret>>);

impl Kept {
    pub fn of(secrets: &[(&str, &str)]) -> Arc<Self> {
        let all = secrets.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
        Arc::new(Self(Mutex::new(all.collect())))
    }
}

impl Secrets for Kept {
    fn get(&self, name: &str) -> Result<Option<Secret>, Fault> {
        Ok(self.0.lock().unwrap().get(name).cloned())
    }
    fn put(&self, name: &str, value: &Secret) -> Result<(), Fault> {
        self.0.lock().unwrap().insert(name.to_owned(), value.clone());
        Ok(())
    }
    fn remove(&self, name: &str) -> Result<bool, Fault> {
        Ok(self.0.lock().unwrap().remove(name).is_some())
    }
}
