//! A receiver on this machine that throws away what it gets: it says just enough of YouTube's resumable protocol to be
//! uploaded to, takes the plain `PUT` of curl alike, and notes when bytes came.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

const BLOCK: usize = 256 << 10;

/// What arrived since it was last asked.
#[derive(Clone, Copy, Default)]
pub struct Arrived {
    pub bytes: u64,
    /// From the head of the first request with bytes of a video to the last of these bytes, seconds.
    pub seconds: f64,
}

#[derive(Default)]
struct State {
    bytes: u64,
    first: Option<Instant>,
    last: Option<Instant>,
}

/// Its threads end with the process.
pub struct Sink {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Sink {
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (address, state) = (listener.local_addr()?, Arc::new(Mutex::new(State::default())));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = shared.clone();
                // A client that goes away ends its connection, and nothing else.
                std::thread::spawn(move || drop(connection(stream, address, &state)));
            }
        });
        Ok(Self { address, state })
    }

    pub fn arrived(&self) -> Arrived {
        let state = std::mem::take(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner));
        let span = state.first.zip(state.last).map(|(first, last)| last.duration_since(first));
        Arrived { bytes: state.bytes, seconds: span.map_or(f64::NAN, |s| s.as_secs_f64()) }
    }
}

#[derive(Default)]
struct Head {
    method: String,
    path: String,
    length: u64,
    range: Option<String>,
}

fn head(reader: &mut impl BufRead) -> io::Result<Option<Head>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let mut head = Head { method: word(), path: word(), ..Head::default() };
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { return Ok(Some(head)) };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => head.length = value.trim().parse().map_err(io::Error::other)?,
            "content-range" => head.range = Some(value.trim().to_owned()),
            _ => {}
        }
    }
}

fn connection(stream: TcpStream, address: SocketAddr, state: &Mutex<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let mut block = vec![0u8; BLOCK];
    while let Some(head) = head(&mut reader)? {
        let begun = Instant::now();
        let mut left = head.length;
        while left > 0 {
            let room = block.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let count = reader.read(&mut block[..room])?;
            if count == 0 {
                return Ok(());
            }
            left -= count as u64;
        }
        if head.method == "PUT" && head.length > 0 {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.bytes += head.length;
            state.first.get_or_insert(begun);
            state.last = Some(Instant::now());
        }
        writer.write_all(answer(&head, address).as_bytes())?;
    }
    Ok(())
}

fn answer(head: &Head, address: SocketAddr) -> String {
    let (mut status, mut more, mut body) = (200, String::new(), String::from("{\"items\":[]}"));
    match (head.method.as_str(), &head.range) {
        ("POST", _) => more = format!("Location: http://{address}/upload/videos?upload_id=1\r\n"),
        // The session is asked what it has before anything is sent: nothing.
        ("PUT", Some(range)) if range.starts_with("bytes */") => (status, body) = (308, String::new()),
        ("PUT", Some(range)) => match unfinished(range) {
            Some(to) => (status, more, body) = (308, format!("Range: bytes=0-{to}\r\n"), String::new()),
            None => (status, body) = (201, "{\"id\":\"v1\"}".into()),
        },
        ("GET", _) if head.path.contains("part=status") => {
            let status = "{\"privacyStatus\":\"private\",\"uploadStatus\":\"processed\"}";
            body = format!("{{\"items\":[{{\"id\":\"v1\",\"status\":{status}}}]}}");
        }
        _ => {}
    }
    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{more}\r\n{body}", body.len())
}

/// The last byte of a chunk, unless it is the last of all.
fn unfinished(range: &str) -> Option<u64> {
    let (span, total) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (to, total): (u64, u64) = (span.split_once('-')?.1.parse().ok()?, total.parse().ok()?);
    (to + 1 < total).then_some(to)
}
