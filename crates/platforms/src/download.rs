//! Fetching a file into the library, going on where a connection broke or an earlier process died.

use std::time::{Duration, Instant};

use omniva_assets::{Copied, Library, Mark, Receiving};
use omniva_contracts::{Code, Fault, FaultClass, Monitor, hex};
use sha2::{Digest, Sha256};
use ureq::http::header::{CONTENT_RANGE, IF_RANGE, RANGE};

use crate::media::{refused, refused_bytes};
use crate::net::{Answer, Ask, Net, Span, shown};

const ACCEPT: &str = "video/*, audio/*, application/octet-stream;q=0.8, */*;q=0.1";
/// Before a connection that broke is tried anew; grows with each time in a row.
const PAUSE: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(50);

struct Download<'a> {
    net: &'a Net,
    url: &'a str,
    library: &'a Library,
    monitor: &'a dyn Monitor,
    file: Option<Receiving>,
    /// ETag (a strong one) or date of what has come so far: only with it can the rest be asked for.
    validator: Option<String>,
    total: Option<u64>,
    media_type: Option<String>,
    /// The largest share that was told: it never goes back, also when the file begins anew.
    told: f64,
}

/// Fetches `url`; gives the copy and the type that was announced. Type and size are checked by what the server announces before the first byte is kept, and by the bytes
/// as they come.
///
/// # Errors
/// Those of [`Net::ask`] (`unavailable` when it is not there any more); `too_large`, `no_space`, `output_unwritable`, `input_empty`, `input_playlist`,
/// `input_not_media`.
pub(crate) fn download(
    net: &Net,
    url: &str,
    library: &Library,
    monitor: &dyn Monitor,
) -> Result<(Copied, Option<String>), Fault> {
    let mut download =
        Download { net, url, library, monitor, file: None, validator: None, total: None, media_type: None, told: 0.0 };
    download.resume()?;
    let mut failures = 0;
    loop {
        let before = download.bytes();
        match download.attempt() {
            Ok(()) => return download.finish(),
            Err(fault) => {
                let passing = fault.class() == FaultClass::Transient && fault.not_before_us.is_none();
                failures = if download.bytes() > before { 0 } else { failures + 1 };
                if !passing || failures > net.config().resumes {
                    // What no later attempt can use does not wait for one.
                    if fault.class() == FaultClass::Permanent {
                        download.forget();
                    }
                    return Err(fault);
                }
                pause(PAUSE * failures, monitor)?;
            }
        }
    }
}

fn pause(span: Duration, monitor: &dyn Monitor) -> Result<(), Fault> {
    let started = Instant::now();
    while started.elapsed() < span {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        std::thread::sleep(TICK.min(span.saturating_sub(started.elapsed())));
    }
    Ok(())
}

impl Download<'_> {
    fn bytes(&self) -> u64 {
        self.file.as_ref().map_or(0, Receiving::bytes)
    }

    /// What an earlier attempt or an earlier process has of this file. Its server decides whether it is still the same.
    fn resume(&mut self) -> Result<(), Fault> {
        if let Some((file, mark)) = self.library.resume(&self.name(), self.monitor)? {
            (self.file, self.validator) = (Some(file), Some(mark.validator));
            (self.total, self.media_type) = (mark.total, mark.media_type);
        }
        Ok(())
    }

    fn name(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"omniva-partial-1\0");
        hash.update(self.url);
        hex(&hash.finalize())
    }

    fn forget(&mut self) {
        if let Some(file) = self.file.take() {
            file.discard();
        }
    }

    fn attempt(&mut self) -> Result<(), Fault> {
        let mut ask = Ask::get(Span::Download, ACCEPT);
        match (&self.validator, self.bytes()) {
            (Some(validator), from @ 1..) => {
                ask = ask.with(RANGE, format!("bytes={from}-")).with(IF_RANGE, validator.clone());
            }
            _ => self.forget(),
        }
        let mut answer = self.net.ask(self.url, &ask, self.monitor)?;
        match answer.status {
            200 => self.forget(),
            206 if self.continues(&answer) => {}
            // The server has another file, or another opinion about ranges: from the beginning.
            206 | 416 if self.bytes() > 0 => {
                self.forget();
                self.validator = None;
                return Err(self.broke("it does not go on where it stopped"));
            }
            status => return Err(self.broke(&format!("it answers with status {status} to what was not asked"))),
        }
        if self.file.is_none() {
            self.begin(&answer)?;
        }
        self.receive(&mut answer)
    }

    /// Whether a partial answer begins where we stopped, in a file of the same size.
    fn continues(&self, answer: &Answer) -> bool {
        let range = answer.header(CONTENT_RANGE).and_then(|text| text.strip_prefix("bytes "));
        let Some((range, total)) = range.and_then(|text| text.split_once('/')) else { return false };
        let from = range.split_once('-').and_then(|(from, _)| from.trim().parse::<u64>().ok());
        let total = total.trim().parse::<u64>().ok();
        from == Some(self.bytes()) && self.bytes() > 0 && total == self.total && total.is_some()
    }

    fn begin(&mut self, answer: &Answer) -> Result<(), Fault> {
        let place = shown(&answer.url);
        if !answer.plain() {
            return Err(Fault::new(
                Code::InputNotMedia,
                format!("{place} comes packed although it was asked for as it is"),
                "give an address that serves the file itself",
            ));
        }
        self.media_type = answer.content_type();
        if let Some(fault) = refused(self.media_type.as_deref(), answer.url.path(), &place) {
            return Err(fault);
        }
        self.total = answer.length();
        let most = self.net.max_download_bytes();
        if self.total.is_some_and(|total| total > most) {
            return Err(too_large(&place, self.total, most));
        }
        let strong = answer.etag().filter(|etag| !etag.starts_with("W/"));
        self.validator = strong.or(answer.last_modified()).map(str::to_owned);
        self.library.require_video(&place, self.total, None)?;
        self.file = Some(match self.validator.clone() {
            Some(validator) => {
                let mark = Mark { validator, total: self.total, media_type: self.media_type.clone() };
                self.library.receive_marked(&self.name(), &mark)?
            }
            None => self.library.receive(self.total)?,
        });
        Ok(())
    }

    fn receive(&mut self, answer: &mut Answer) -> Result<(), Fault> {
        let (most, place) = (self.net.max_download_bytes(), shown(&answer.url));
        while let Some(block) = answer.block(self.monitor)? {
            let Some(file) = self.file.as_mut() else { return Err(Fault::internal("bytes of no file")) };
            if file.bytes() == 0
                && let Some(fault) = refused_bytes(&block, &place)
            {
                return Err(fault);
            }
            let bytes = file.bytes() + block.len() as u64;
            if bytes > most || self.total.is_some_and(|total| bytes > total) {
                return Err(too_large(&place, None, self.total.unwrap_or(most).min(most)));
            }
            file.write(&block)?;
            if let Some(total) = self.total.filter(|total| *total > 0) {
                self.told = self.told.max((bytes as f64 / total as f64).min(1.0));
                self.monitor.progress(self.told);
            }
        }
        match self.total {
            Some(total) if self.bytes() < total => Err(self.broke("it ended before its end")),
            _ => Ok(()),
        }
    }

    fn broke(&self, why: &str) -> Fault {
        let place = url::Url::parse(self.url).map_or_else(|_| "the file".to_owned(), |url| shown(&url));
        Fault::new(
            Code::SourceUnavailable,
            format!("{place} can't be fetched: {why}"),
            "nothing: it is tried again; if it stays so, check the server",
        )
    }

    fn finish(self) -> Result<(Copied, Option<String>), Fault> {
        match self.file {
            Some(file) if file.bytes() > 0 => Ok((file.finish(), self.media_type)),
            _ => Err(Fault::new(Code::InputEmpty, "the file has no bytes", "check the address")),
        }
    }
}

pub(crate) fn too_large(place: &str, bytes: Option<u64>, most: u64) -> Fault {
    let size = bytes.map_or_else(|| "more".to_owned(), |bytes| format!("{bytes} bytes, more"));
    Fault::new(
        Code::TooLarge,
        format!("{place} has {size} than the {most} that are allowed"),
        "raise limits.max_source_gigabytes, or give a smaller file",
    )
}
