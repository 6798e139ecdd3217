//! `GET /v1/projects` at 1,000 requests a second, beside the same handler in FastAPI under uvicorn; the engine's memory
//! while nothing happens; how soon it is ready.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::load::{self, Latencies};
use crate::serve::Engine;
use crate::table::Table;
use crate::{Outcome, Place};

const PROJECTS: usize = 50;
const RATE: f64 = 1000.0;
const SECONDS: f64 = 10.0;
const CONNECTIONS: usize = 16;
const PATH: &str = "/v1/projects";

struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        // Fails only when it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn peer(place: &Place) -> Outcome<(Peer, SocketAddr)> {
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut command = Command::new(place.peer_python());
    command.arg(place.here("peers/projects_fastapi.py")).arg(address.port().to_string());
    command.arg(place.scratch.path().join("peer.db")).arg(PROJECTS.to_string());
    let peer = Peer(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?);
    let deadline = Instant::now() + Duration::from_secs(30);
    while std::net::TcpStream::connect(address).is_err() {
        if Instant::now() > deadline {
            return Err("the peer does not listen".into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok((peer, address))
}

fn measure(table: &mut Table, who: &str, address: SocketAddr) -> Outcome<Latencies> {
    load::run(address, PATH, RATE / 5.0, 2.0, CONNECTIONS)?;
    let found = load::run(address, PATH, RATE, SECONDS, CONNECTIONS)?;
    let ms = |share| found.quantile(share) * 1000.0;
    let figure =
        format!("p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms, {} failed", ms(0.5), ms(0.95), ms(0.99), found.failed);
    table.row(who, figure, "", None);
    Ok(found)
}

pub fn bench(place: &Place) -> Outcome<()> {
    let mut table = Table::default();
    let engine = Engine::start(place, &place.scratch.path().join("api"), None)?;
    table.row("ready after the first start", format!("{:.2} s", engine.ready), "≤ 2 s", Some(engine.ready <= 2.0));
    std::thread::sleep(Duration::from_secs(5));
    let (idle, _) = omniva_stages::memory::sample(engine.pid());
    table.row("idle memory", format!("{:.0} MB", idle as f64 / 1e6), "≤ 80 MB", Some(idle <= 80_000_000));
    for i in 0..PROJECTS {
        engine.ask("POST", PATH, &json!({ "name": format!("p{i}") }))?;
    }
    let ours = measure(&mut table, "omniva", engine.address)?;
    drop(engine);
    let (running, address) = peer(place)?;
    let theirs = measure(&mut table, "FastAPI + uvicorn, SQLite", address)?;
    drop(running);
    let p99 = ours.quantile(0.99) * 1000.0;
    table.row("p99", format!("{p99:.2} ms"), "≤ 5 ms", Some(p99 <= 5.0 && ours.failed == 0));
    let ratio = ours.quantile(0.99) / theirs.quantile(0.99);
    table.row("p99, ratio", format!("{ratio:.2}"), "≤ 1", Some(ratio <= 1.0));
    table.print(&format!("GET {PATH}, {PROJECTS} projects, {RATE:.0} requests a second"));
    Ok(())
}

/// Answers of the engine are read as data; used by other benchmarks too.
pub fn items(data: &Value) -> &[Value] {
    data["items"].as_array().map_or(&[], Vec::as_slice)
}
