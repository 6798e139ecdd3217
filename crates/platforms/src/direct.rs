//! One media file behind a URL.

use std::sync::Arc;

use omniva_assets::Library;
use omniva_contracts::engine::{FoundItem, PostDetails};
use omniva_contracts::{Code, Fault, Monitor, hex};
use sha2::{Digest, Sha256};
use ureq::http::header::{CONTENT_RANGE, RANGE};
use url::Url;

use crate::download::{download, too_large};
use crate::media::{refused, refused_bytes, title};
use crate::net::{Answer, Ask, Method, Net, Span, moment, shown};
use crate::source::{Fetched, Looked, Source, Window};

const ACCEPT: &str = "video/*, audio/*, application/octet-stream;q=0.8, */*;q=0.1";
/// Enough to know a playlist or a page.
const SAMPLE: u64 = 512;

pub struct UrlSource {
    net: Arc<Net>,
    url: Url,
}

/// What a probe learnt.
struct Probe {
    bytes: Option<u64>,
    media_type: Option<String>,
    modified: Option<String>,
}

impl UrlSource {
    pub fn new(net: Arc<Net>, url: Url) -> Self {
        Self { net, url }
    }

    /// The URL is the item: what is behind it may get a new ETag with every server of a farm.
    fn id(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"omniva-url-1\0");
        hash.update(self.url.as_str());
        hex(&hash.finalize())
    }

    /// HEAD, and where that does not say enough, the first bytes.
    fn probe(&self, monitor: &dyn Monitor) -> Result<Probe, Fault> {
        match self.net.ask(self.url.as_str(), &Ask::head(ACCEPT), monitor) {
            Ok(answer) if answer.status == 200 && answer.length().is_some_and(|n| n > 0) => {
                self.judge(&answer, answer.length())
            }
            // Servers that do not know HEAD say so in many ways; those that limit us mean it.
            Err(fault) if !matches!(fault.code, Code::AuthFailed | Code::Unavailable | Code::SourceUnavailable) => {
                Err(fault)
            }
            Ok(_) | Err(_) => self.first_bytes(monitor),
        }
    }

    fn first_bytes(&self, monitor: &dyn Monitor) -> Result<Probe, Fault> {
        let ask = Ask { method: Method::Get, ..Ask::get(Span::Document, ACCEPT) };
        let ask = ask.with(RANGE, format!("bytes=0-{}", SAMPLE - 1));
        let mut answer = self.net.ask(self.url.as_str(), &ask, monitor)?;
        let total = match answer.status {
            206 => {
                answer.header(CONTENT_RANGE).and_then(|text| text.rsplit_once('/')).and_then(|(_, n)| n.parse().ok())
            }
            _ => answer.length(),
        };
        let probe = self.judge(&answer, total)?;
        if let Some(block) = answer.block(monitor)?
            && let Some(fault) = refused_bytes(&block, &shown(&self.url))
        {
            return Err(fault);
        }
        Ok(probe)
    }

    fn judge(&self, answer: &Answer, bytes: Option<u64>) -> Result<Probe, Fault> {
        let media_type = answer.content_type();
        match refused(media_type.as_deref(), answer.url.path(), &shown(&self.url)) {
            Some(fault) => Err(fault),
            None => Ok(Probe { bytes, media_type, modified: answer.last_modified().map(str::to_owned) }),
        }
    }
}

impl Source for UrlSource {
    /// The window's time does not count: whoever names a file wants that one.
    fn look(&self, window: &Window, monitor: &dyn Monitor) -> Result<Looked, Fault> {
        let probe = self.probe(monitor)?;
        let most = window.max_bytes.min(self.net.max_download_bytes());
        if probe.bytes.is_some_and(|bytes| bytes > most) {
            return Err(too_large(&shown(&self.url), probe.bytes, most));
        }
        let item = FoundItem {
            platform_post_id: self.id(),
            url: self.url.to_string(),
            title: title(&self.url),
            bytes: probe.bytes,
            posted_at: probe.modified.as_deref().and_then(moment),
            details: PostDetails { media_type: probe.media_type, ..PostDetails::default() },
        };
        Ok(Looked { items: vec![item], skipped: Vec::new() })
    }

    fn confirm(&self, items: Vec<FoundItem>, _: &dyn Monitor) -> Result<Looked, Fault> {
        Ok(Looked { items, skipped: Vec::new() })
    }

    fn fetch(&self, item: &FoundItem, library: &Library, monitor: &dyn Monitor) -> Result<Fetched, Fault> {
        if item.url != self.url.as_str() {
            return Ok(Fetched::Gone(format!("the creator's source is not {} any more", item.title)));
        }
        fetch(&self.net, item, library, monitor)
    }
}

/// Fetches the file of an item.
pub(crate) fn fetch(net: &Net, item: &FoundItem, library: &Library, monitor: &dyn Monitor) -> Result<Fetched, Fault> {
    let (copied, media_type) = download(net, &item.url, library, monitor)?;
    Ok(Fetched::Copy(Box::new(copied), Box::new(PostDetails { media_type, ..PostDetails::default() })))
}

#[cfg(test)]
#[path = "direct_tests.rs"]
mod tests;
