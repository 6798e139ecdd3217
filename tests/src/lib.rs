//! Harness of the end-to-end tests: the real release binary, real models, real media. What is missing fails the test
//! with the command that brings it.

#![allow(clippy::expect_used)] // a harness fails a test by panicking

pub mod calendar;
pub mod engine;
pub mod owner;
pub mod web;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use omniva_contracts::record::RunRecord;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub fn binary() -> PathBuf {
    let path = root().join("target/release/omniva");
    assert!(path.exists(), "{} is missing: run make test, or cargo build --release", path.display());
    path.canonicalize().expect("the binary's path")
}

fn folder(variable: &str, how: &str) -> PathBuf {
    let path = std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set: run make test, or {how}"));
    PathBuf::from(path)
}

pub fn models() -> PathBuf {
    folder("OMNIVA_MODELS", "omniva models fetch")
}

/// The talk show.
pub fn panel() -> PathBuf {
    let path = folder("OMNIVA_TEST_MEDIA", "python3 tests/media/panel.py FOLDER").join("panel.mp4");
    assert!(path.exists(), "{} is missing: run make media", path.display());
    path
}

/// A stretch of the talk show as a file of its own.
pub fn excerpt(to: &Path, start: f64, seconds: f64) -> PathBuf {
    ffmpeg([
        OsStr::new("-ss"),
        start.to_string().as_ref(),
        "-t".as_ref(),
        seconds.to_string().as_ref(),
        "-i".as_ref(),
        panel().as_ref(),
        "-c:v".as_ref(),
        "libx264".as_ref(),
        "-preset".as_ref(),
        "ultrafast".as_ref(),
        "-c:a".as_ref(),
        "aac".as_ref(),
        to.as_ref(),
    ]);
    to.to_owned()
}

pub fn ffmpeg<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) {
    let status =
        Command::new("ffmpeg").args(["-y", "-v", "error"]).args(arguments).status().expect("ffmpeg is installed");
    assert!(status.success(), "ffmpeg failed");
}

/// Two cores: one whole run at a time, whatever the test runner does.
pub fn one_at_a_time() -> MutexGuard<'static, ()> {
    static GATE: OnceLock<Mutex<()>> = OnceLock::new();
    GATE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder of one test's own, with a cache of its own.
pub struct Bench {
    pub folder: tempfile::TempDir,
}

impl Default for Bench {
    fn default() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }
}

impl Bench {
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    pub fn cache(&self) -> PathBuf {
        self.path("cache")
    }
    /// `omniva clip INPUT -o OUTPUT …` with this test's cache.
    pub fn clip(&self, input: &Path, output: &Path, extra: &[&str]) -> Command {
        let mut command = self.omniva();
        // `--` lets file names start with a dash.
        command.arg("clip").arg("-o").arg(output).args(extra).arg("--cache").arg(self.cache()).arg("--").arg(input);
        command
    }
    pub fn omniva(&self) -> Command {
        let mut command = Command::new(binary());
        command
            .arg("--models")
            .arg(models())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .env_remove("RUST_BACKTRACE");
        command
    }
}

pub fn run(command: &mut Command) -> Output {
    command.output().expect("omniva starts")
}

pub fn status(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn record(folder: &Path) -> RunRecord {
    let text = std::fs::read(folder.join("run.json")).expect("run.json is there");
    serde_json::from_slice(&text).expect("run.json is a record")
}

/// Names in a folder, sorted, hidden ones too.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Ids of all processes below `pid`.
pub fn descendants(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lines = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<u32> =
        lines.flat_map(|line| line.split_whitespace().filter_map(|p| p.parse().ok()).collect::<Vec<u32>>()).collect();
    children.iter().flat_map(|child| std::iter::once(*child).chain(descendants(*child))).collect()
}

pub fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie has ended.
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}
