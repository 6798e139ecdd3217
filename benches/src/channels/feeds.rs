//! Fifty feeds that a real engine polls, 49 of which answer like the web does; the last answers as well, or hangs.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::median;
use crate::api::items;
use crate::serve::Engine;
use crate::table::Table;
use crate::{Outcome, Place};

const FEEDS: usize = 50;
/// What a feed's server takes to answer.
const ANSWER: Duration = Duration::from_millis(100);
const ROUNDS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(60);
const SLOW: usize = FEEDS - 1;

#[derive(Default)]
struct State {
    hangs: bool,
    /// Quick feeds that were answered in this round, and when the last of them was.
    answered: BTreeSet<usize>,
    last: Option<Instant>,
}

#[derive(Clone, Default)]
struct Web(Arc<(Mutex<State>, Condvar)>);

impl Web {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let web = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let web = web.clone();
                // A client that goes away ends its connection, and nothing else.
                std::thread::spawn(move || drop(web.answer(stream)));
            }
        });
        Ok(address)
    }

    fn answer(&self, stream: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let (mut first, mut line) = (String::new(), String::new());
        reader.read_line(&mut first)?;
        while reader.read_line(&mut line)? > 2 {
            line.clear();
        }
        let number = first.split(['/', '.']).find_map(|part| part.parse().ok()).unwrap_or(FEEDS);
        std::thread::sleep(ANSWER);
        if number == SLOW {
            let hangs = self.0.1.wait_while(self.state(), |state| state.hangs);
            drop(hangs.unwrap_or_else(PoisonError::into_inner));
        }
        let text = feed(number);
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nContent-Length: {}\r\n", text.len());
        let mut writer = stream;
        writer.write_all(format!("{head}Connection: close\r\n\r\n{text}").as_bytes())?;
        if number < SLOW {
            let mut state = self.state();
            state.answered.insert(number);
            state.last = Some(Instant::now());
            self.0.1.notify_all();
        }
        Ok(())
    }
}

/// Episodes of years ago: nothing of it is taken, all of it is read.
fn feed(number: usize) -> String {
    let item = |n: usize| {
        format!(
            "<item><title>Episode {n}</title><guid>{number}-{n}</guid><pubDate>Mon, 06 May 2019 10:00:00 GMT</pubDate>\
             <enclosure url=\"https://example.org/{number}/{n}.mp4\" type=\"video/mp4\" length=\"1000000\"/></item>"
        )
    };
    let all: String = (0..50).map(item).collect();
    format!("<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Show {number}</title>{all}</channel></rss>")
}

fn idle(engine: &Engine) -> Outcome<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut open = 0;
        for state in ["QUEUED", "RUNNING", "WAITING_RETRY"] {
            let path = format!("/v1/jobs?kind=discover&status={state}&limit=1");
            open += items(&engine.ask("GET", &path, &Value::Null)?).len();
        }
        if open == 0 {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err("looks at feeds do not come to an end".into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Seconds until the quick feeds have been answered.
fn round(engine: &Engine, web: &Web, project: &str, hangs: bool) -> Outcome<f64> {
    *web.state() = State { hangs, ..State::default() };
    let begun = Instant::now();
    engine.ask("POST", &format!("/v1/projects/{project}/scrape"), &json!({}))?;
    let waits = |state: &mut State| state.answered.len() < SLOW;
    let waited = web.0.1.wait_timeout_while(web.state(), PATIENCE, waits).unwrap_or_else(PoisonError::into_inner);
    let (answered, last) = (waited.0.answered.len(), waited.0.last);
    drop(waited);
    web.state().hangs = false;
    web.0.1.notify_all();
    let last = last.filter(|_| answered == SLOW).ok_or_else(|| format!("{answered} of {SLOW} feeds were polled"))?;
    idle(engine)?;
    Ok(last.duration_since(begun).as_secs_f64())
}

pub fn bench(place: &Place) -> Outcome<()> {
    let web = Web::default();
    let address = web.start()?;
    let config = place.scratch.path().join("feeds.toml");
    // All but the address is as shipped; nobody but us asks for looks.
    let cron = "[engine.cron]\ndiscover = { every_seconds = 86400, misfire = \"skip\" }\n";
    std::fs::write(&config, format!("[engine.network]\nallow = [\"{address}\"]\n\n{cron}"))?;
    let engine = Engine::start(place, &place.scratch.path().join("feeds"), Some(&config))?;
    let project = engine.ask("POST", "/v1/projects", &json!({ "name": "feeds" }))?;
    let project = project["project_id"].as_str().ok_or("no project")?.to_owned();
    for n in 0..FEEDS {
        let source = json!({ "kind": "feed", "url": format!("http://{address}/{n}.xml") });
        let creator =
            json!({ "platform": "other", "handle": format!("@show{n}"), "rights": "owned", "source": source });
        engine.ask("POST", &format!("/v1/projects/{project}/creators"), &creator)?;
    }
    engine.ask("POST", &format!("/v1/projects/{project}/start"), &json!({ "reason": "measurement" }))?;
    idle(&engine)?;
    let (mut quick, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        quick.push(round(&engine, &web, &project, false)?);
        beside.push(round(&engine, &web, &project, true)?);
    }
    let (quick, beside) = (median(quick), median(beside));
    let mut table = Table::default();
    let series = SLOW as f64 * ANSWER.as_secs_f64();
    table.row("one after another, at best", format!("{series:.2} s"), "", None);
    table.row("all 50 answer", format!("{quick:.2} s"), "", None);
    table.row("one hangs", format!("{beside:.2} s"), "", None);
    let ratio = beside / quick;
    table.row("ratio", format!("{ratio:.2}"), "≤ 1.10", Some(ratio <= 1.1));
    let title = format!("49 feeds of an engine with {FEEDS}, each answering after {} ms", ANSWER.as_millis());
    table.print(&format!("{title}, until the last of them was polled, median of {ROUNDS}"));
    Ok(())
}
