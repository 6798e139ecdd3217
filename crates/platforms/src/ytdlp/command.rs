//! How yt-dlp is called. Pure: what it is told is a list of words, never a line for a shell.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use omniva_contracts::config::{NetworkConfig, Pauses, YtdlpConfig};

/// Marks the lines of ours among all that it prints.
pub(super) const PROGRESS: &str = "omniva-progress ";
/// The finished file is called this, with an ending of yt-dlp's choice.
pub(super) const STEM: &str = "media";
/// Runs the wheels as they are: without site packages (where plugins could lie) and without the user's environment.
pub(super) const START: &str = "import sys\nn = int(sys.argv[1])\nsys.path[:0] = sys.argv[2:2 + n]\nsys.argv[1:] = sys.argv[2 + n:]\nimport yt_dlp\nyt_dlp.main()\n";

/// What all calls of one run have in common.
pub(super) struct Setting<'a> {
    pub network: &'a NetworkConfig,
    pub pauses: Pauses,
    /// A copy of its own.
    pub cookies: Option<&'a Path>,
}

/// What every call says: no configuration, no plugins, nothing that runs or writes beside the video.
fn common(setting: &Setting<'_>) -> Vec<OsString> {
    let (network, pauses, ytdlp) = (setting.network, &setting.pauses, &setting.network.ytdlp);
    let mut words: Vec<OsString> = [
        "--ignore-config",
        "--no-plugin-dirs",
        "--no-cache-dir",
        "--no-remote-components",
        "--no-js-runtimes",
        "--no-cookies",
        "--no-cookies-from-browser",
        "--no-exec",
        "--no-batch-file",
        "--no-write-playlist-metafiles",
        "--no-mark-watched",
        "--color",
        "never",
        "--retries",
        "3",
        "--extractor-retries",
        "2",
        "--fragment-retries",
        "5",
    ]
    .map(OsString::from)
    .to_vec();
    let mut pair = |key: &str, value: String| words.extend([key.into(), value.into()]);
    pair("--socket-timeout", network.read_seconds.to_string());
    pair("--sleep-requests", pauses.request_seconds.to_string());
    if !ytdlp.js_runtime.is_empty() {
        pair("--js-runtimes", ytdlp.js_runtime.clone());
    }
    if let Some(path) = setting.cookies {
        words.extend(["--cookies".into(), path.as_os_str().to_owned()]);
    }
    words
}

/// Python, isolated, with a script of ours and the wheels; then yt-dlp's own words.
pub(super) fn start(script: &str, files: &[PathBuf], words: Vec<OsString>) -> Vec<OsString> {
    let mut all: Vec<OsString> = ["-I", "-S", "-B", "-X", "utf8", "-c", script].map(OsString::from).to_vec();
    all.push(files.len().to_string().into());
    all.extend(files.iter().map(|file| file.as_os_str().to_owned()));
    all.extend(words);
    all
}

/// One page of a list, newest first as platforms show it: one line of JSON for each entry.
pub(super) fn list(setting: &Setting<'_>, url: &str, from: u32, to: u32) -> Vec<OsString> {
    let mut words = common(setting);
    let range = format!("{from}:{to}");
    let own = [
        "--flat-playlist",
        "--dump-json",
        "--extractor-args",
        "youtubetab:approximate_date",
        "--playlist-items",
        &range,
    ];
    words.extend(own.map(OsString::from));
    words.extend(["--".into(), url.into()]);
    words
}

/// All about one item, as one line of JSON; nothing is fetched.
pub(super) fn about(setting: &Setting<'_>, url: &str) -> Vec<OsString> {
    let mut words = common(setting);
    words.extend(format_words(&setting.network.ytdlp));
    words.extend(["--no-playlist", "--playlist-items", "1", "--dump-json", "--", url].map(OsString::from));
    words
}

/// Fetches what `about` described, from the file that keeps it, into `folder`.
pub(super) fn fetch(setting: &Setting<'_>, folder: &Path, info: &Path, most: u64) -> Vec<OsString> {
    let mut words = common(setting);
    words.extend(format_words(&setting.network.ytdlp));
    let most = most.to_string();
    let template = format!("download:{PROGRESS}%(progress)j");
    let own = [
        "--abort-on-error",
        "--downloader",
        "native",
        "--fixup",
        "never",
        "--restrict-filenames",
        "--no-overwrites",
        "--no-mtime",
        "--max-filesize",
        &most,
        "--newline",
        "--progress",
        "--progress-template",
        &template,
    ];
    words.extend(own.map(OsString::from));
    let output = format!("{STEM}.%(ext)s");
    words.extend(["--output".into(), OsString::from(output), "--paths".into(), folder.as_os_str().to_owned()]);
    words.extend(["--load-info-json".into(), info.as_os_str().to_owned()]);
    words
}

/// Without ffmpeg only files are taken that hold picture and sound together, or sound alone.
fn format_words(ytdlp: &YtdlpConfig) -> Vec<OsString> {
    let lines = ytdlp.max_height;
    let whole = format!("b[height<=?{lines}]/b/ba");
    if ytdlp.ffmpeg.is_empty() {
        return ["--format", &whole].map(OsString::from).to_vec();
    }
    let joined = format!("bv*[height<=?{lines}]+ba/{whole}");
    ["--format", &joined, "--merge-output-format", "mp4/mkv", "--ffmpeg-location", &ytdlp.ffmpeg]
        .map(OsString::from)
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;

    #[test]
    fn a_url_is_never_an_option_and_nothing_of_the_user_is_read() {
        let network = config(&[]);
        let setting = Setting { network: &network, pauses: network.pauses("default"), cookies: None };
        for words in [list(&setting, "--exec=id", 1, 50), about(&setting, "--exec=id")] {
            let at = words.iter().position(|word| word == "--").unwrap();
            assert_eq!(&words[at + 1..], ["--exec=id"]);
        }
        let fetch = fetch(&setting, Path::new("/out"), Path::new("/out/x.json"), 5);
        for words in [list(&setting, "u", 1, 2), fetch.clone()] {
            for safe in ["--ignore-config", "--no-plugin-dirs", "--no-remote-components", "--no-exec", "--no-cookies"] {
                assert!(words.iter().any(|word| word == safe), "{safe}");
            }
            for bad in [
                "--exec",
                "--config-locations",
                "--netrc-cmd",
                "--cookies-from-browser",
                "--enable-file-urls",
                "--plugin-dirs",
            ] {
                assert!(words.iter().all(|word| word != bad), "{bad}");
            }
        }
        assert!(
            fetch.iter().any(|word| word == "--restrict-filenames")
                && fetch.iter().all(|word| word != "--ffmpeg-location")
        );
    }

    #[test]
    fn ffmpeg_and_a_script_runtime_are_used_only_when_they_are_set() {
        let mut network = config(&[]);
        network.ytdlp.ffmpeg = "/usr/bin/ffmpeg".into();
        network.ytdlp.js_runtime = "deno:/usr/bin/deno".into();
        let cookies = Some(Path::new("/own/cookies.txt"));
        let setting = Setting { network: &network, pauses: network.pauses("default"), cookies };
        let words = about(&setting, "u");
        let after = |key: &str| words.iter().position(|word| word == key).and_then(|at| words.get(at + 1)).unwrap();
        assert_eq!(after("--ffmpeg-location"), "/usr/bin/ffmpeg");
        assert_eq!(after("--cookies"), "/own/cookies.txt");
        assert_eq!(after("--js-runtimes"), "deno:/usr/bin/deno");
        assert_eq!(after("--format"), "bv*[height<=?1080]+ba/b[height<=?1080]/b/ba");
    }
}
