//! How a run is shown: bars with ETA on a terminal, plain lines off it, JSON lines with `--json`.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use omniva_contracts::Monitor;
use omniva_stages::{Reporter, Stage};
use serde_json::json;

use crate::style;

/// Set by Ctrl-C and SIGTERM.
pub type Stop = Arc<AtomicBool>;

/// Installs the handlers. A second Ctrl-C ends the process at once.
pub fn stop_on_signals() -> Stop {
    let stop: Stop = Arc::default();
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // Registration fails only for signals that can't be caught; then the default action stands.
        let _ = signal_hook::flag::register_conditional_shutdown(signal, 130, stop.clone());
        let _ = signal_hook::flag::register(signal, stop.clone());
    }
    stop
}

/// Prints one JSON object as a line; a reader that went away ends nothing.
pub fn print_line(value: &serde_json::Value) {
    crate::out::offer(format_args!("{value}\n"));
}

pub enum Shown {
    Bars(Bars),
    Lines(Lines),
    Json(JsonLines),
}

impl Shown {
    pub fn new(json: bool, stop: Stop) -> Self {
        if json {
            Shown::Json(JsonLines { stop, last: Mutex::default() })
        } else if std::io::stderr().is_terminal() {
            Shown::Bars(Bars { stop, all: MultiProgress::new(), open: Mutex::default() })
        } else {
            Shown::Lines(Lines { stop, last: Mutex::default() })
        }
    }
}

impl Reporter for Shown {
    fn begin(&self, stage: Stage, what: &str) {
        match self {
            Shown::Bars(b) => b.begin(stage, what),
            Shown::Lines(_) => remark!("{}", started(stage, what)),
            Shown::Json(_) => print_line(&json!({ "event": "begin", "stage": stage, "what": what })),
        }
    }
    fn progress(&self, stage: Stage, what: &str, fraction: f64) {
        match self {
            Shown::Bars(b) => b.progress(stage, what, fraction),
            Shown::Lines(l) => l.progress(stage, what, fraction),
            Shown::Json(j) => j.progress(stage, what, fraction),
        }
    }
    fn end(&self, stage: Stage, what: &str, seconds: f64, from_cache: bool) {
        match self {
            Shown::Bars(b) => b.end(stage, what, seconds, from_cache),
            Shown::Lines(_) => remark!("{}", ended(stage, what, seconds, from_cache)),
            Shown::Json(_) => print_line(
                &json!({ "event": "end", "stage": stage, "what": what, "seconds": seconds, "from_cache": from_cache }),
            ),
        }
    }
    fn note(&self, text: &str) {
        match self {
            // Only fails when standard error is gone, and then nobody reads it.
            Shown::Bars(b) => drop(b.all.println(format!("{} {text}", style::warn("note:")))),
            Shown::Lines(_) => remark!("note: {text}"),
            Shown::Json(_) => print_line(&json!({ "event": "note", "text": text })),
        }
    }
    fn cancelled(&self) -> bool {
        let stop = match self {
            Shown::Bars(b) => &b.stop,
            Shown::Lines(l) => &l.stop,
            Shown::Json(j) => &j.stop,
        };
        stop.load(Ordering::Relaxed)
    }
}

fn doing(stage: Stage) -> &'static str {
    match stage {
        Stage::Ingest => "looking at the file",
        Stage::Listen => "listening",
        Stage::Watch => "watching",
        Stage::Read => "reading",
        Stage::Choose => "choosing",
        Stage::Render => "rendering",
        Stage::Check => "checking",
    }
}

fn label(stage: Stage, what: &str) -> String {
    if what.is_empty() { doing(stage).to_owned() } else { format!("{} {what}", doing(stage)) }
}

fn started(stage: Stage, what: &str) -> String {
    format!("{} …", label(stage, what))
}

fn ended(stage: Stage, what: &str, seconds: f64, from_cache: bool) -> String {
    let how = if from_cache { "kept from an earlier run".to_owned() } else { format!("{seconds:.1} s") };
    format!("{}: {how}", label(stage, what))
}

type Key = (Stage, String);

/// One bar a stage with its ETA; finished ones become lines.
pub struct Bars {
    stop: Stop,
    all: MultiProgress,
    open: Mutex<BTreeMap<Key, ProgressBar>>,
}

impl Bars {
    fn begin(&self, stage: Stage, what: &str) {
        let template = "{prefix:36!} {wide_bar:.cyan/dim} {percent:>3} %  {elapsed_precise} · {eta} left";
        let look = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("━╸─");
        let bar = self.all.add(ProgressBar::new(1000)).with_style(look).with_prefix(label(stage, what));
        bar.enable_steady_tick(Duration::from_millis(200));
        self.open().insert((stage, what.to_owned()), bar);
    }
    fn progress(&self, stage: Stage, what: &str, fraction: f64) {
        if let Some(bar) = self.open().get(&(stage, what.to_owned())) {
            bar.set_position((fraction * 1000.0) as u64);
        }
    }
    fn end(&self, stage: Stage, what: &str, seconds: f64, from_cache: bool) {
        if let Some(bar) = self.open().remove(&(stage, what.to_owned())) {
            bar.finish_and_clear();
        }
        let _ = self.all.println(format!("{} {}", style::good("✓"), ended(stage, what, seconds, from_cache)));
    }
    fn open(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, ProgressBar>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Off a terminal: a line at each quarter, so that a log stays short.
pub struct Lines {
    stop: Stop,
    last: Mutex<BTreeMap<Key, (u32, Instant)>>,
}

impl Lines {
    fn progress(&self, stage: Stage, what: &str, fraction: f64) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (quarter, since) = last.entry((stage, what.to_owned())).or_insert((0, Instant::now()));
        let now = (fraction * 4.0) as u32;
        if now > *quarter && now < 4 {
            *quarter = now;
            let left = since.elapsed().as_secs_f64() * (1.0 - fraction) / fraction;
            remark!("{}: {} %, about {left:.0} s left", label(stage, what), now * 25);
        }
    }
}

/// At most one progress line a percent.
pub struct JsonLines {
    stop: Stop,
    last: Mutex<BTreeMap<Key, u32>>,
}

impl JsonLines {
    fn progress(&self, stage: Stage, what: &str, fraction: f64) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let percent = (fraction * 100.0) as u32;
        let known = last.entry((stage, what.to_owned())).or_insert(0);
        if percent > *known {
            *known = percent;
            print_line(&json!({ "event": "progress", "stage": stage, "what": what, "fraction": fraction }));
        }
    }
}

/// For work outside a run (hashing models): no display, but Ctrl-C works.
pub struct Quiet(pub Stop);

impl Monitor for Quiet {
    fn progress(&self, _fraction: f64) {}
    fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
