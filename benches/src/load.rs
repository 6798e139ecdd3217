//! Load with an open loop: each request has its time, and its latency counts from that time, however late it was sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::Outcome;

#[derive(Clone, Debug, Default)]
pub struct Latencies {
    /// Sorted, seconds.
    all: Vec<f64>,
    /// Answers that were no 200.
    pub failed: u64,
}

impl Latencies {
    /// `share` of the requests took at most this long, seconds.
    pub fn quantile(&self, share: f64) -> f64 {
        let at = ((self.all.len() as f64 * share).ceil() as usize).clamp(1, self.all.len().max(1)) - 1;
        self.all.get(at).copied().unwrap_or(f64::NAN)
    }
    pub fn count(&self) -> usize {
        self.all.len()
    }
}

/// `rate` requests a second for `seconds`, over `connections` that are kept open.
pub fn run(address: SocketAddr, path: &str, rate: f64, seconds: f64, connections: usize) -> Outcome<Latencies> {
    let start = Instant::now() + Duration::from_millis(50);
    let pause = connections as f64 / rate;
    let each = (rate * seconds / connections as f64) as u32;
    let mut total = Latencies::default();
    let results: Vec<Result<Latencies, String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|i| {
                let first = start + Duration::from_secs_f64(i as f64 / rate);
                scope.spawn(move || one(address, path, first, pause, each).map_err(|e| e.to_string()))
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap_or_else(|_| Err("a connection's thread ended".into()))).collect()
    });
    for result in results {
        let one = result?;
        total.all.extend(one.all);
        total.failed += one.failed;
    }
    total.all.sort_by(f64::total_cmp);
    Ok(total)
}

fn one(address: SocketAddr, path: &str, first: Instant, pause: f64, requests: u32) -> Outcome<Latencies> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let mut found = Latencies::default();
    for n in 0..requests {
        let due = first + Duration::from_secs_f64(f64::from(n) * pause);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        writer.write_all(request.as_bytes())?;
        if answer(&mut reader)? != 200 {
            found.failed += 1;
        }
        found.all.push(due.elapsed().as_secs_f64());
    }
    Ok(found)
}

/// Reads one answer with a Content-Length; its status.
fn answer(reader: &mut BufReader<TcpStream>) -> Outcome<u16> {
    let (mut status, mut length) = (0, None);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err("the connection was closed".into());
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
            status = rest.get(..3).unwrap_or_default().parse()?;
        } else if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = Some(value.trim().parse::<u64>()?);
        }
    }
    let length = length.ok_or("an answer without Content-Length")?;
    std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
    Ok(status)
}
