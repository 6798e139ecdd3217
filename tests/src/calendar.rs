//! Days that pass in seconds: the clock on the wall of one process, moved with libfaketime. Its stopwatch goes on as ever.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Bench;

pub struct Calendar {
    file: PathBuf,
    /// Seconds ahead of the true time.
    ahead: i64,
}

impl Calendar {
    /// A clock that tells the true time, for the process that `command` starts.
    pub fn of(bench: &Bench, command: &mut Command) -> Self {
        let calendar = Self { file: bench.path("clock"), ahead: 0 };
        calendar.write();
        command
            .env("LD_PRELOAD", library())
            .env("FAKETIME_TIMESTAMP_FILE", &calendar.file)
            .env("FAKETIME_CACHE_DURATION", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        calendar
    }

    /// Never back.
    pub fn forward(&mut self, seconds: i64) {
        self.ahead += seconds.max(0);
        self.write();
    }

    /// Waits until the process has looked at its clock again.
    pub fn settle(&self) {
        std::thread::sleep(Duration::from_millis(1_500));
    }

    /// What the process takes for now, microseconds since 1970.
    pub fn now_us(&self) -> i64 {
        use omniva_contracts::ports::{Clock, SystemClock};
        SystemClock.now_us() + self.ahead * 1_000_000
    }

    /// In one step: half a line would be another time.
    fn write(&self) {
        let part = self.file.with_extension("part");
        std::fs::write(&part, format!("+{}\n", self.ahead)).expect("written");
        std::fs::rename(part, &self.file).expect("renamed");
    }
}

fn library() -> PathBuf {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib", "/usr/lib64"];
    let found = folders.iter().map(|folder| Path::new(folder).join("faketime/libfaketimeMT.so.1")).find(|p| p.exists());
    found.expect("libfaketime is installed: run make test")
}
