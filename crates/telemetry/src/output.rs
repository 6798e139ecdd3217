//! Where lines go: standard error, or a file that is turned over before it grows too large.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Stderr,
    File(PathBuf),
}

/// A file of `bytes` at most becomes `name.1`, that one `name.2` …; `kept` old ones stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileLimits {
    pub bytes: u64,
    pub kept: u32,
}

impl Default for FileLimits {
    /// 4 × 64 MiB and the current one.
    fn default() -> Self {
        Self { bytes: 64 << 20, kept: 4 }
    }
}

struct Open {
    file: File,
    path: PathBuf,
    written: u64,
    limits: FileLimits,
}

/// Takes whole lines from any thread.
pub(crate) struct Sink(To);

enum To {
    Stderr,
    File(Mutex<Open>),
}

impl Sink {
    pub fn open(output: &Output, limits: FileLimits) -> io::Result<Self> {
        Ok(Self(match output {
            Output::Stderr => To::Stderr,
            Output::File(path) => To::File(Mutex::new(Open::at(path, limits)?)),
        }))
    }
    pub fn is_terminal(&self) -> bool {
        matches!(self.0, To::Stderr) && io::stderr().is_terminal()
    }
    /// Writes the line and a line feed in one go.
    pub fn write(&self, mut line: String) -> io::Result<()> {
        line.push('\n');
        match &self.0 {
            To::Stderr => io::stderr().lock().write_all(line.as_bytes()),
            To::File(open) => open.lock().unwrap_or_else(PoisonError::into_inner).write(line.as_bytes()),
        }
    }
}

impl Open {
    fn at(path: &Path, limits: FileLimits) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let written = file.metadata()?.len();
        Ok(Self { file, path: path.to_owned(), written, limits })
    }
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self.written > 0 && self.written.saturating_add(length) > self.limits.bytes {
            self.turn_over()?;
        }
        self.file.write_all(line)?;
        self.written = self.written.saturating_add(length);
        Ok(())
    }
    fn turn_over(&mut self) -> io::Result<()> {
        let old = |n: u32| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{n}"));
            PathBuf::from(name)
        };
        if self.limits.kept == 0 {
            self.file.set_len(0)?;
            self.written = 0;
            return Ok(());
        }
        for n in (1..self.limits.kept).rev() {
            match std::fs::rename(old(n), old(n + 1)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        std::fs::rename(&self.path, old(1))?;
        *self = Self::at(&self.path, self.limits)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_turned_over_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/omniva.log");
        let sink = Sink::open(&Output::File(path.clone()), FileLimits { bytes: 10, kept: 2 }).unwrap();
        for n in 0..7 {
            sink.write(format!("line{n}")).unwrap();
        }
        let read = |name: &str| std::fs::read_to_string(folder.path().join("logs").join(name)).unwrap();
        assert_eq!(read("omniva.log"), "line6\n");
        assert_eq!(read("omniva.log.1"), "line5\n");
        assert_eq!(read("omniva.log.2"), "line4\n");
        assert!(!folder.path().join("logs/omniva.log.3").exists());
    }

    #[test]
    fn a_file_is_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        for line in ["a", "b"] {
            Sink::open(&Output::File(path.clone()), FileLimits::default()).unwrap().write(line.into()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), "a\nb\n");
    }
}
