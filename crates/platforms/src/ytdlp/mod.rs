//! Whatever yt-dlp understands: channels, playlists and posts of YouTube, TikTok, Instagram and many others.
//!
//! yt-dlp is a pinned file that is hashed before each run. It runs as a child that is bounded in time, memory and bytes,
//! with an empty environment, can read no more than Python and write no more than its own folder, and its only way out is
//! a proxy that shows every address to the guard. It writes into a
//! folder of its own under a fixed name; of what it prints, only lines of the form that was asked for are read.

mod child;
mod command;
mod confine;
mod entry;
mod found;
mod jar;
mod reasons;
mod relay;
mod tool;
mod upstream;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use omniva_assets::Library;
use omniva_contracts::engine::{Access, FoundItem};
use omniva_contracts::{Code, Fault, Monitor};
use serde::Deserialize;
use url::Url;

use crate::download::too_large;
use crate::media::{refused_bytes, tidy};
use crate::net::{Net, seconds, shown};
use crate::pace::{Pace, Turn};
use crate::secrets::named;
use crate::source::{Fetched, Looked, Source, Window};
use child::{Limits, Ran};
use command::Setting;
use entry::Said;
pub use found::{Ytdlp, ytdlp};
use jar::Jar;
pub(crate) use jar::check_jar;
use relay::Relay;
use upstream::Upstream;
pub(crate) use upstream::check_proxy;

/// Bytes that a run may print.
const MAX_OUTPUT: u64 = 64 << 20;
/// Files beside the video that a run may write (what belongs to a download in progress).
const MAX_SMALL_FILE: u64 = 64 << 20;
/// First bytes that tell a playlist or a page.
const SAMPLE: u64 = 512;

pub struct YtdlpSource {
    net: Arc<Net>,
    url: Url,
    max_items: u32,
    platform: &'static str,
    access: Access,
}

/// What one run is asked with: secrets, until it is dropped.
struct Kit {
    jar: Option<Jar>,
    proxy: Option<String>,
}

/// What one run is given beside its words.
struct Run<'a> {
    /// Its home, its working folder, and where temporary files go.
    folder: &'a Path,
    time: Duration,
    file: u64,
    kit: &'a Kit,
    monitor: &'a dyn Monitor,
}

/// The progress of a download, as yt-dlp writes it.
#[derive(Deserialize)]
struct Progress {
    downloaded_bytes: Option<f64>,
    total_bytes: Option<f64>,
    total_bytes_estimate: Option<f64>,
}

impl YtdlpSource {
    /// # Errors
    /// `tool_missing` when nobody says where yt-dlp lies.
    pub fn new(net: Arc<Net>, url: Url, max_items: u32, access: Access) -> Result<Self, Fault> {
        tool::folder(&net.config().ytdlp)?;
        let platform = platform(&url);
        Ok(Self { net, url, max_items, platform, access })
    }

    fn turn(&self, monitor: &dyn Monitor) -> Result<Turn, Fault> {
        Pace::of(&self.net, self.platform).turn(monitor)
    }

    /// Runs yt-dlp once. A platform that complains is left alone for a while.
    fn run(
        &self,
        words: Vec<OsString>,
        run: &Run<'_>,
        turn: &Turn,
        line: &mut dyn FnMut(&str) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let (ran, relay) = start(&self.net, command::START, words, run, line)?;
        if ran.success {
            return Ok(());
        }
        let said = run.kit.jar.as_ref().map_or_else(|| ran.stderr.clone(), |jar| jar.hide(&ran.stderr));
        let fault = relay.refused().unwrap_or_else(|| reasons::fault(&said));
        let complained = matches!(fault.code, Code::RateLimited | Code::NotABotCheck);
        Err(if complained { turn.complained(fault) } else { fault })
    }

    /// What the source names itself counts before what the configuration names for the platform. Cookies are copied into the
    /// folder of the run: yt-dlp writes to the file that it is given.
    fn kit(&self, folder: &Path) -> Result<Kit, Fault> {
        let ytdlp = &self.net.config().ytdlp;
        let cookies = self.access.cookies.as_ref().or_else(|| ytdlp.cookies.get(self.platform));
        let jar = cookies.map(|from| Jar::copy(&self.net, from, folder)).transpose()?;
        let proxy = self.access.proxy.as_ref().or_else(|| ytdlp.proxy.get(self.platform)).cloned();
        Ok(Kit { jar, proxy })
    }

    fn setting<'a>(&'a self, kit: &'a Kit) -> Setting<'a> {
        let network = self.net.config();
        Setting { network, pauses: network.pauses(self.platform), cookies: kit.jar.as_ref().map(Jar::path) }
    }

    /// One page of the list.
    fn page(&self, from: u32, to: u32, folder: &Path, turn: &Turn, monitor: &dyn Monitor) -> Result<Vec<Said>, Fault> {
        let network = self.net.config();
        let kit = self.kit(folder)?;
        let words = command::list(&self.setting(&kit), self.url.as_str(), from, to);
        let time = seconds(network.ytdlp.list_seconds);
        let run = Run { folder, time, file: MAX_SMALL_FILE, kit: &kit, monitor };
        let mut found = Vec::new();
        let ended = self.run(words, &run, turn, &mut |line| {
            if line.starts_with('{') {
                found.push(read(line)?);
            }
            Ok(())
        });
        match ended {
            // One broken entry does not hide the others; it is told by the next look at it.
            Err(fault) if found.is_empty() || fault.code == Code::Cancelled => Err(fault),
            _ => Ok(found),
        }
    }

    fn judge(&self, said: &Said, window: &Window) -> Result<FoundItem, String> {
        if let Some(why) = said.refused(self.net.config().ytdlp.max_hours) {
            return Err(why);
        }
        let most = window.max_bytes.min(self.net.max_download_bytes());
        if let Some(bytes) = said.bytes().filter(|bytes| *bytes > most) {
            return Err(format!("has {bytes} bytes, more than the {most} that are allowed"));
        }
        let address = said.address().ok_or("has no address")?;
        let address = self.net.guarded(&address).map_err(|fault| fault.message)?;
        Ok(said.item(address))
    }

    /// Takes what a page holds; true when everything on it is older than the window.
    fn take(&self, page: &[Said], window: &Window, looked: &mut Looked, seen: &mut BTreeSet<String>) -> bool {
        let mut all_older = !page.is_empty();
        for said in page {
            let at = said.at();
            let older = at.zip(window.since).is_some_and(|(at, since)| at < since);
            all_older &= older;
            if older || at.zip(window.until).is_some_and(|(at, until)| at > until) {
                continue;
            }
            match self.judge(said, window) {
                Ok(item) if seen.insert(item.platform_post_id.clone()) => looked.items.push(item),
                Ok(_) => {}
                Err(why) => looked.skip(tidy(said.title.as_deref().unwrap_or("…"), 200), why),
            }
        }
        all_older
    }

    /// All about one item before a byte of it is fetched: what is said, and the JSON as it came.
    fn about(&self, url: &str, folder: &Path, turn: &Turn, monitor: &dyn Monitor) -> Result<(Said, String), Fault> {
        let network = self.net.config();
        let kit = self.kit(folder)?;
        let words = command::about(&self.setting(&kit), url);
        let time = seconds(network.ytdlp.list_seconds);
        let run = Run { folder, time, file: MAX_SMALL_FILE, kit: &kit, monitor };
        let mut found = None;
        self.run(words, &run, turn, &mut |line| {
            if line.starts_with('{') && found.is_none() {
                found = Some((read(line)?, line.to_owned()));
            }
            Ok(())
        })?;
        found.ok_or_else(|| unavailable("there is nothing to fetch behind the address"))
    }

    fn allowed(&self, said: &Said, place: &str) -> Result<(), Fault> {
        let hours = self.net.config().ytdlp.max_hours;
        let long = said.seconds().is_some_and(|seconds| seconds > hours * 3600.0);
        if let Some(why) = said.refused(hours) {
            let fault = Fault::new(
                if long { Code::TooLong } else { Code::Unavailable },
                format!("{place} {why}"),
                "take another video; engine.network.ytdlp.max_hours is the limit for long ones",
            );
            return Err(fault);
        }
        let most = self.net.max_download_bytes();
        match said.bytes() {
            Some(bytes) if bytes > most => Err(too_large(place, Some(bytes), most)),
            _ => Ok(()),
        }
    }

    fn download(&self, info: &str, folder: &Path, turn: &Turn, monitor: &dyn Monitor) -> Result<PathBuf, Fault> {
        let network = self.net.config();
        let (file, out) = (folder.join("info.json"), folder.join("out"));
        fs::create_dir(&out)
            // It may hold cookies.
            .and_then(|()| File::options().write(true).create_new(true).mode(0o600).open(&file))
            .and_then(|mut file| file.write_all(info.as_bytes()))
            .map_err(|e| Fault::writing("a video's description", &e))?;
        let most = self.net.max_download_bytes();
        let kit = self.kit(folder)?;
        let words = command::fetch(&self.setting(&kit), &out, &file, most);
        let time = seconds(network.download_hours * 3600.0);
        let run = Run { folder, time, file: most, kit: &kit, monitor };
        // Picture and sound may come one after the other.
        let (mut too_big, mut most_told) = (false, 0.0f64);
        let ended = self.run(words, &run, turn, &mut |line| {
            too_big |= line.contains("File is larger than max-filesize");
            if let Some(share) = line.strip_prefix(command::PROGRESS).and_then(share) {
                most_told = most_told.max(share);
                monitor.progress(most_told);
            }
            Ok(())
        });
        match (too_big, ended) {
            (true, Ok(())) => Err(too_large("the video", None, most)),
            (_, ended) => ended.and_then(|()| finished(&out)),
        }
    }
}

impl Source for YtdlpSource {
    fn look(&self, window: &Window, monitor: &dyn Monitor) -> Result<Looked, Fault> {
        let turn = self.turn(monitor)?;
        let folder = self.net.scratch()?;
        let (mut looked, mut seen, mut from) = (Looked::default(), BTreeSet::new(), 1);
        while from <= self.max_items {
            let to = from.saturating_add(self.net.config().ytdlp.page - 1).min(self.max_items);
            let page = self.page(from, to, folder.path(), &turn, monitor)?;
            let over =
                self.take(&page, window, &mut looked, &mut seen) || (page.len() as u64) < u64::from(to - from) + 1;
            monitor.progress(f64::from(to) / f64::from(self.max_items));
            if over {
                break;
            }
            from = to + 1;
        }
        looked.items.sort_by(|a, b| (a.posted_at, &a.platform_post_id).cmp(&(b.posted_at, &b.platform_post_id)));
        Ok(looked)
    }

    fn confirm(&self, items: Vec<FoundItem>, _: &dyn Monitor) -> Result<Looked, Fault> {
        Ok(Looked { items, skipped: Vec::new() })
    }

    fn fetch(&self, item: &FoundItem, library: &Library, monitor: &dyn Monitor) -> Result<Fetched, Fault> {
        let url = self.net.guarded(&item.url)?;
        let place = Url::parse(&url).map_or_else(|_| "the video".to_owned(), |url| shown(&url));
        let turn = self.turn(monitor)?;
        let work = library.work_dir()?;
        let (said, info) = self.about(&url, work.path(), &turn, monitor)?;
        self.allowed(&said, &place)?;
        library.require_video(&place, said.bytes(), said.seconds())?;
        let path = self.download(&info, work.path(), &turn, monitor)?;
        drop(turn);
        let mut first = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(SAMPLE).read_to_end(&mut first))
            .map_err(|e| Fault::writing("a fetched video", &e))?;
        if let Some(fault) = refused_bytes(&first, &place) {
            return Err(fault);
        }
        let copied = library.copy_in(&path, &Still(monitor))?;
        Ok(Fetched::Copy(Box::new(copied), Box::new(said.details())))
    }
}

/// Lets a later part of the work be stopped without telling progress that goes back.
struct Still<'a>(&'a dyn Monitor);

impl Monitor for Still<'_> {
    fn progress(&self, _: f64) {}
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

/// Whose pauses count.
fn platform(url: &Url) -> &'static str {
    let host = url.host_str().unwrap_or_default();
    let of = |name: &str| host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
    match () {
        () if of("youtube.com") || of("youtu.be") => "youtube",
        () if of("tiktok.com") => "tiktok",
        () if of("instagram.com") => "instagram",
        () => "default",
    }
}

fn read(line: &str) -> Result<Said, Fault> {
    serde_json::from_str(line).map_err(|error| {
        Fault::new(
            Code::ToolFailed,
            "yt-dlp printed what can't be read",
            "a newer yt-dlp may help: see config/tools.toml",
        )
        .with_detail(error)
    })
}

fn share(line: &str) -> Option<f64> {
    let progress: Progress = serde_json::from_str(line).ok()?;
    let total = progress.total_bytes.or(progress.total_bytes_estimate).filter(|total| *total > 0.0)?;
    Some((progress.downloaded_bytes? / total).clamp(0.0, 1.0))
}

/// The one file that was written under the name that was asked for.
fn finished(folder: &Path) -> Result<PathBuf, Fault> {
    let odd = |error: std::io::Error| Fault::writing("a fetched video", &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(odd)? {
        let entry = entry.map_err(odd)?;
        let name = entry.file_name();
        let ours = Path::new(&name).file_stem().is_some_and(|stem| stem == command::STEM);
        if ours && entry.file_type().map_err(odd)?.is_file() {
            found.push(entry.path());
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(path), true) => Ok(path),
        (None, _) => Err(unavailable("yt-dlp fetched nothing")),
        (Some(_), false) => Err(Fault::new(
            Code::ToolFailed,
            "yt-dlp left picture and sound apart",
            "set engine.network.ytdlp.ffmpeg, which joins them",
        )),
    }
}

/// Starts Python with `script`, which is given the pinned files and the words, in its sandbox; waits for its end.
fn start(
    net: &Arc<Net>,
    script: &str,
    words: Vec<OsString>,
    run: &Run<'_>,
    line: &mut dyn FnMut(&str) -> Result<(), Fault>,
) -> Result<(Ran, Relay), Fault> {
    let ytdlp = &net.config().ytdlp;
    let tool = tool::verified(ytdlp, &Still(run.monitor))?;
    let proxy = run.kit.proxy.as_deref().map(|from| Upstream::read(&named(net, from)?)).transpose()?;
    let relay = Relay::start(net.clone(), proxy)?;
    let mut command = Command::new(&tool.python);
    command.args(command::start(script, &tool.files, words)).env_clear().current_dir(run.folder);
    for name in ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
        command.env(name, run.folder);
    }
    for name in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env(name, relay.url());
    }
    let memory = u64::from(ytdlp.memory_megabytes) << 20;
    let limits = Limits { time: run.time, memory, file: run.file, output: MAX_OUTPUT };
    let rules = confine::rules(ytdlp, &tool.files, run.folder, relay.port())?;
    Ok((child::run(command, Some(rules), limits, run.monitor, line)?, relay))
}

fn unavailable(what: &str) -> Fault {
    Fault::new(Code::Unavailable, what, "check the address in a browser")
}

#[cfg(test)]
mod secret_tests;
#[cfg(test)]
mod tests;
