//! A feed whose enclosures are taken: podcasts, video blogs.
//!
//! An item is known by its GUID. A feed that did not change since the last look (ETag, Last-Modified) is not sent again;
//! what it held is remembered for as long as the engine runs.

mod parse;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use omniva_assets::Library;
use omniva_contracts::engine::{FoundItem, PostDetails};
use omniva_contracts::{Code, Fault, Monitor, hex};
use sha2::{Digest, Sha256};
use ureq::http::header::{CONTENT_TYPE, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use url::Url;

use crate::direct::fetch;
use crate::media::{refused, tidy};
use crate::net::{Answer, Ask, Net, Span, shown};
use crate::source::{Fetched, Looked, Source, Window};
use parse::{Enclosure, Entry};

const ACCEPT: &str = "application/rss+xml, application/atom+xml, application/xml;q=0.9, text/xml;q=0.8, */*;q=0.1";
/// Feeds that are remembered, and bytes of what they sent.
const MAX_REMEMBERED: usize = 256;
const MAX_REMEMBERED_BYTES: u64 = 64_000_000;
/// Entries of one feed that are remembered.
const MAX_ENTRIES: usize = 1000;
/// Longest GUID that is kept as it is, bytes.
const MAX_ID: usize = 200;

/// What feeds held when they were last sent.
#[derive(Default)]
pub(crate) struct Memory(Mutex<BTreeMap<String, Remembered>>);

#[derive(Clone)]
struct Remembered {
    etag: Option<String>,
    modified: Option<String>,
    entries: Arc<Vec<Entry>>,
    /// Of the document: what is kept of it is smaller.
    bytes: u64,
}

impl Memory {
    fn get(&self, url: &Url) -> Option<Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(url.as_str()).cloned()
    }

    fn put(&self, url: &Url, found: Remembered) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(url.as_str());
        let fits = |kept: &BTreeMap<String, Remembered>| {
            let bytes: u64 = kept.values().map(|one| one.bytes).sum();
            kept.len() < MAX_REMEMBERED && bytes.saturating_add(found.bytes) <= MAX_REMEMBERED_BYTES
        };
        // Any will do: what is forgotten is only sent once more.
        while !fits(&kept) && kept.pop_first().is_some() {}
        kept.insert(url.as_str().to_owned(), found);
    }
}

pub struct FeedSource {
    net: Arc<Net>,
    url: Url,
    max_items: u32,
}

pub(super) fn invalid(why: &str) -> Fault {
    Fault::new(
        Code::FeedInvalid,
        format!("the feed can't be read: {why}"),
        "open the address in a browser: it must be an RSS or Atom feed; tell its owner where it is broken",
    )
}

impl FeedSource {
    pub fn new(net: Arc<Net>, url: Url, max_items: u32) -> Self {
        Self { net, url, max_items }
    }

    /// All entries, newest first where they say when; `known` when the server said that nothing changed.
    fn entries(&self, monitor: &dyn Monitor) -> Result<Arc<Vec<Entry>>, Fault> {
        let known = self.net.feeds.get(&self.url);
        let mut ask = Ask::get(Span::Document, ACCEPT);
        if let Some(known) = &known {
            let validators = [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.modified)];
            for (name, value) in validators.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
                ask = ask.with(name, value.clone());
            }
        }
        let mut answer = self.net.ask(self.url.as_str(), &ask, monitor)?;
        match (answer.status, known) {
            (304, Some(known)) => return Ok(known.entries),
            (200, _) => {}
            (status, _) => return Err(unexpected(&answer.url, status)),
        }
        let (entries, bytes) = self.read(&mut answer, monitor)?;
        let entries = Arc::new(entries);
        let (etag, modified) = (answer.etag().map(str::to_owned), answer.last_modified().map(str::to_owned));
        if etag.is_some() || modified.is_some() {
            self.net.feeds.put(&self.url, Remembered { etag, modified, entries: entries.clone(), bytes });
        }
        Ok(entries)
    }

    /// What a document holds, and its size.
    fn read(&self, answer: &mut Answer, monitor: &dyn Monitor) -> Result<(Vec<Entry>, u64), Fault> {
        if !answer.plain() {
            return Err(invalid("it comes packed although it was asked for as it is"));
        }
        let charset = answer.header(CONTENT_TYPE).and_then(charset);
        let most = u64::from(self.net.config().document_megabytes) * 1_000_000;
        let body = answer.whole(most, monitor)?;
        let text = text::decoded(&body, charset.as_deref())?;
        if text.trim_start().starts_with("#EXTM3U") {
            return Err(
                crate::media::refused_bytes(b"#EXTM3U", &shown(&answer.url)).unwrap_or_else(|| invalid("a playlist"))
            );
        }
        let mut entries = parse::parse(&text, &answer.url)?;
        // Stable: those without a date stay in the feed's own order, last.
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.at()));
        entries.truncate(MAX_ENTRIES);
        Ok((entries, body.len() as u64))
    }

    fn item(&self, entry: &Entry, window: &Window) -> Result<FoundItem, String> {
        let file = best(&entry.enclosures).ok_or("has no video or sound attached")?;
        let url = Url::parse(&file.url).map_err(|_| "has an enclosure that is no URL")?;
        if let Some(fault) = refused(file.media_type.as_deref(), url.path(), "its enclosure") {
            return Err(fault.message);
        }
        let most = window.max_bytes.min(self.net.max_download_bytes());
        if let Some(bytes) = file.bytes.filter(|bytes| *bytes > most) {
            return Err(format!("has {bytes} bytes, more than the {most} that are allowed"));
        }
        let spoken = self.net.guarded(&file.url).map_err(|fault| fault.message)?;
        let mut details = entry.details.clone();
        details.tags.retain(|tag| !tag.is_empty());
        details.tags.dedup();
        details.tags.truncate(PostDetails::MAX_LIST);
        details.media_type.clone_from(&file.media_type);
        details.page = entry.page.clone().filter(|page| page.len() <= omniva_contracts::engine::MAX_URL);
        let title = if entry.title.is_empty() { crate::media::title(&url) } else { entry.title.clone() };
        Ok(FoundItem {
            platform_post_id: id(entry, &file.url),
            url: spoken,
            title,
            bytes: file.bytes,
            posted_at: entry.at(),
            details,
        })
    }
}

impl Source for FeedSource {
    fn look(&self, window: &Window, monitor: &dyn Monitor) -> Result<Looked, Fault> {
        let entries = self.entries(monitor)?;
        let (mut looked, mut outside, mut older) = (Looked::default(), 0, 0);
        let mut seen = BTreeSet::new();
        for entry in entries.iter() {
            let at = entry.at();
            let early = at.zip(window.since).is_some_and(|(at, since)| at < since);
            let late = at.zip(window.until).is_some_and(|(at, until)| at > until);
            if early || late {
                outside += 1;
                continue;
            }
            if looked.items.len() as u64 >= u64::from(self.max_items) {
                older += 1;
                continue;
            }
            match self.item(entry, window) {
                Ok(item) if seen.insert(item.platform_post_id.clone()) => looked.items.push(item),
                Ok(item) => looked.skip(item.title, "has the GUID of another entry"),
                Err(why) => looked.skip(tidy(&entry.title, 200), why),
            }
        }
        if outside > 0 {
            looked.skip("…", format!("{outside} entries are older or newer than the window"));
        }
        if older > 0 {
            looked.skip("…", format!("{older} entries are beyond the newest {}", self.max_items));
        }
        looked.items.sort_by(|a, b| (a.posted_at, &a.platform_post_id).cmp(&(b.posted_at, &b.platform_post_id)));
        Ok(looked)
    }

    fn confirm(&self, items: Vec<FoundItem>, _: &dyn Monitor) -> Result<Looked, Fault> {
        Ok(Looked { items, skipped: Vec::new() })
    }

    fn fetch(&self, item: &FoundItem, library: &Library, monitor: &dyn Monitor) -> Result<Fetched, Fault> {
        fetch(&self.net, item, library, monitor)
    }
}

fn unexpected(url: &Url, status: u16) -> Fault {
    Fault::new(
        Code::SourceUnavailable,
        format!("{} answers with status {status} to what was not asked", shown(url)),
        "nothing: it is tried again; if it stays so, tell the feed's owner",
    )
}

fn charset(content_type: &str) -> Option<String> {
    let value = content_type.split(';').skip(1).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').to_owned())
    })?;
    (!value.is_empty()).then_some(value)
}

/// Video before sound before what is not said; the first of each.
fn best(files: &[Enclosure]) -> Option<&Enclosure> {
    let rank = |file: &&Enclosure| match file.media_type.as_deref() {
        Some(kind) if kind.starts_with("video/") => 0,
        Some(kind) if kind.starts_with("audio/") => 1,
        _ => 2,
    };
    files.iter().min_by_key(rank)
}

/// The GUID as it is, where it is short and plain; else its hash. Without one, that of the file's URL.
fn id(entry: &Entry, file: &str) -> String {
    let named = entry.id.as_deref().unwrap_or(file);
    if named.len() <= MAX_ID && named.bytes().all(|b| b.is_ascii_graphic()) {
        return named.to_owned();
    }
    let mut hash = Sha256::new();
    hash.update(b"omniva-feed-1\0");
    hash.update(named);
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests;
