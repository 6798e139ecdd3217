//! What a machine has of yt-dlp: the program tells its version where it will work, in its sandbox.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use omniva_contracts::{Code, Fault, Monitor};

use super::{Kit, MAX_SMALL_FILE, Run, start};
use crate::net::Net;

const TIME: Duration = Duration::from_secs(60);
/// The oldest Python that the pinned yt-dlp runs on.
const OLDEST: (u32, u32) = (3, 10);
/// In place of yt-dlp's own start: the version of Python, then yt-dlp's.
const ASK: &str = "import sys\nn = int(sys.argv[1])\nsys.path[:0] = sys.argv[2:2 + n]\nprint('python', '%d.%d.%d' % sys.version_info[:3])\nfrom yt_dlp.version import __version__\nprint('yt-dlp', __version__)\n";

/// Versions, as the programs tell them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ytdlp {
    pub python: String,
    pub version: String,
}

/// Finds the pinned files by their hashes, and runs them as a source would.
///
/// # Errors
/// `tool_missing` when nobody says where they lie, one is not the pinned one, or Python is missing or too old;
/// `sandbox_unavailable`; `tool_failed`; `cancelled`.
pub fn ytdlp(net: &Arc<Net>, monitor: &dyn Monitor) -> Result<Ytdlp, Fault> {
    let folder = net.scratch()?;
    let kit = Kit { jar: None, proxy: None };
    let run = Run { folder: folder.path(), time: TIME, file: MAX_SMALL_FILE, kit: &kit, monitor };
    let (mut python, mut version) = (String::new(), String::new());
    let (ran, _relay) = start(net, ASK, Vec::<OsString>::new(), &run, &mut |line| {
        if let Some((name, told)) = line.split_once(' ') {
            let told: String = told.chars().filter(|c| c.is_ascii_graphic()).take(40).collect();
            match name {
                "python" => python = told,
                "yt-dlp" => version = told,
                _ => {}
            }
        }
        Ok(())
    })?;
    if !python.is_empty() && !new_enough(&python) {
        return Err(Fault::new(
            Code::ToolMissing,
            format!("yt-dlp can't be run: Python {python} is too old"),
            "install Python 3.10 or newer, or set engine.network.ytdlp.python",
        ));
    }
    if ran.success && !version.is_empty() {
        return Ok(Ytdlp { python, version });
    }
    let last = ran.stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let last: String = last.chars().filter(|c| !c.is_control()).take(300).collect();
    Err(Fault::new(Code::ToolFailed, "yt-dlp does not tell its version", "read the detail; see config/tools.toml")
        .with_detail(last))
}

fn new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= OLDEST
}

#[cfg(test)]
mod tests {
    use omniva_contracts::Silent;

    use super::*;
    use crate::testing::{MAX_FILE, config};

    #[test]
    fn the_program_tells_its_version_from_where_it_works() {
        let net = Arc::new(Net::new(&config(&[]), MAX_FILE).unwrap());
        let found = ytdlp(&net, &Silent).expect("run `make ytdlp`, and set OMNIVA_YTDLP to its folder");
        assert!(new_enough(&found.python) && found.version.starts_with("20"), "{found:?}");
        let mut other = config(&[]);
        other.ytdlp.python = "/usr/bin/false".into();
        let net = Arc::new(Net::new(&other, MAX_FILE).unwrap());
        assert_eq!(ytdlp(&net, &Silent).unwrap_err().code, Code::ToolFailed);
        other.ytdlp.python = "/nowhere/python3".into();
        let net = Arc::new(Net::new(&other, MAX_FILE).unwrap());
        assert_eq!(ytdlp(&net, &Silent).unwrap_err().code, Code::ToolMissing);
        assert!(!new_enough("3.9.2") && new_enough("3.10.0") && new_enough("4.0") && !new_enough("x"));
    }
}
