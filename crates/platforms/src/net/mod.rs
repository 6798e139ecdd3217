//! The one way to the outside: HTTP with a guard.
//!
//! Invariants: no address is dialled that the guard did not see, redirects and answers of name servers included; nothing
//! is read without a limit in bytes and in time; no proxy, cookie or credential comes from the environment; whoever waits
//! is asked several times a second whether to go on.

mod answer;
mod fault;
mod guard;
mod names;
mod when;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use omniva_assets::{Library, WorkDir};
use omniva_contracts::config::{HttpLimits, NetworkConfig};
use omniva_contracts::engine::{Moment, SourceSpec};
use omniva_contracts::ports::SystemClock;
use omniva_contracts::{Code, Fault, Monitor};
use omniva_vault::Secrets;
use ureq::Agent;
use url::Url;

pub use answer::{Answer, Ask, Method};
pub use guard::Guard;
pub(crate) use names::{Gate, Refused};
pub use names::{Names, SystemNames};
pub(crate) use when::moment;

use crate::call::HttpTransport;
use crate::feed::Memory;
use crate::oauth::SharedClock;
use crate::pace::Pace;

/// The way out, shared by all sources.
pub struct Net {
    gate: Gate,
    document: Agent,
    download: Agent,
    config: NetworkConfig,
    max_download_bytes: u64,
    pub(crate) feeds: Memory,
    pub(crate) paces: Mutex<BTreeMap<String, Arc<Pace>>>,
    pub(crate) clock: SharedClock,
    secrets: Option<Arc<dyn Secrets>>,
    library: Option<Library>,
}

/// A folder that is gone when it is dropped.
pub(crate) enum Scratch {
    /// Swept at the next start where the process died.
    Kept(WorkDir),
    Temporary(tempfile::TempDir),
}

impl Scratch {
    pub fn path(&self) -> &std::path::Path {
        match self {
            Self::Kept(folder) => folder.path(),
            Self::Temporary(folder) => folder.path(),
        }
    }
}

/// How much time an answer may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Feeds, probes.
    Document,
    /// Media.
    Download,
}

impl Net {
    /// `max_download_bytes`: the largest file that is fetched.
    ///
    /// # Errors
    /// `config_invalid`.
    pub fn new(config: &NetworkConfig, max_download_bytes: u64) -> Result<Self, Fault> {
        Self::with_names(config, max_download_bytes, Arc::new(SystemNames))
    }

    /// As [`Net::new`], with a resolver of one's own.
    ///
    /// # Errors
    /// `config_invalid`.
    pub fn with_names(config: &NetworkConfig, max_download_bytes: u64, names: Arc<dyn Names>) -> Result<Self, Fault> {
        let gate = Gate { names, guard: Arc::new(Guard::new(&config.ports, &config.allow)?) };
        let agent = |whole: Duration| {
            let settings = Agent::config_builder()
                .http_status_as_error(false)
                .proxy(None)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .user_agent(config.user_agent.clone())
                .accept_encoding("identity")
                // A connection that waits in a pool was checked for another question.
                .max_idle_connections(0)
                .max_response_header_size(config.header_kilobytes as usize * 1024)
                .timeout_resolve(Some(seconds(config.connect_seconds)))
                .timeout_connect(Some(seconds(config.connect_seconds)))
                .timeout_recv_response(Some(seconds(config.read_seconds)))
                .timeout_per_read(Some(seconds(config.read_seconds)))
                .timeout_global(Some(whole))
                .build();
            Agent::with_parts(settings, ureq::unversioned::transport::DefaultConnector::default(), gate.clone())
        };
        Ok(Self {
            document: agent(seconds(config.document_seconds)),
            download: agent(seconds(config.download_hours * 3600.0)),
            gate,
            config: config.clone(),
            max_download_bytes,
            feeds: Memory::default(),
            paces: Mutex::default(),
            clock: Arc::new(SystemClock),
            secrets: None,
            library: None,
        })
    }

    /// By another clock.
    pub fn with_clock(self, clock: SharedClock) -> Self {
        Self { clock, ..self }
    }

    /// With secrets that sources may name, and a place of the engine's own for work in progress, which is swept.
    pub fn at_home(self, secrets: Arc<dyn Secrets>, library: Library) -> Self {
        Self { secrets: Some(secrets), library: Some(library), ..self }
    }

    pub(crate) fn secrets(&self) -> Option<&dyn Secrets> {
        self.secrets.as_deref()
    }

    /// An empty folder that nobody else can look into.
    ///
    /// # Errors
    /// `output_unwritable`, `no_space`.
    pub(crate) fn scratch(&self) -> Result<Scratch, Fault> {
        match &self.library {
            Some(library) => library.work_dir().map(Scratch::Kept),
            None => {
                let made = tempfile::tempdir().map_err(|e| Fault::writing("a temporary folder", &e))?;
                Ok(Scratch::Temporary(made))
            }
        }
    }

    pub fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// The largest file that is fetched, bytes.
    pub fn max_download_bytes(&self) -> u64 {
        self.max_download_bytes
    }

    /// Dials for somebody who speaks HTTP himself; gives the connection and the URL as it was understood.
    ///
    /// # Errors
    /// `url_invalid`, `address_refused`, `source_unavailable`, `network_timeout`.
    pub(crate) fn dial(&self, url: &str) -> Result<(TcpStream, Url), Fault> {
        let (url, addresses) = self.places(url)?;
        let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
        for address in addresses {
            match TcpStream::connect_timeout(&address, seconds(self.config.connect_seconds)) {
                Ok(stream) => return Ok((stream, url)),
                Err(error) => last = error,
            }
        }
        Err(fault::reading(&url, last))
    }

    /// A transport that dials nothing else than the sources do, for addresses that an operator has set.
    pub fn transport(&self, limits: &HttpLimits) -> HttpTransport {
        HttpTransport::guarded(limits, &self.gate)
    }

    /// The URL as it was understood, and the addresses that may be dialled for it.
    ///
    /// # Errors
    /// Those of [`Net::dial`].
    pub(crate) fn places(&self, url: &str) -> Result<(Url, Vec<SocketAddr>), Fault> {
        let url = self.gate.guard.url(url)?;
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(0));
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let addresses = self.gate.addresses(host, port).map_err(|error| fault::transport(&url, error))?;
        Ok((url, addresses))
    }

    /// The addresses that may be dialled for a host of the operator's.
    ///
    /// # Errors
    /// `address_refused`; `source_unavailable` when it is not known.
    pub(crate) fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Fault> {
        self.gate.addresses(host, port).map_err(fault::unnamed)
    }

    /// Whether a source may be set: its form, and that its address is not refused as it stands there. What names resolve to
    /// is asked at every dial.
    ///
    /// # Errors
    /// `url_invalid`, `address_refused`, `usage`.
    pub fn check(&self, spec: &SourceSpec) -> Result<(), Fault> {
        spec.check()?;
        spec.url()?.map_or(Ok(()), |url| self.gate.guard.url(url.as_str()).map(drop))
    }

    /// A URL that the guard lets pass, in its normal form.
    ///
    /// # Errors
    /// `url_invalid`, `address_refused`.
    pub(crate) fn guarded(&self, url: &str) -> Result<String, Fault> {
        self.gate.guard.url(url).map(String::from)
    }

    /// Asks, following redirects, each of which the guard sees as if it were the first. The answer's status is 200, 206, 304
    /// or 416; everything else is a fault.
    ///
    /// # Errors
    /// `url_invalid`, `address_refused`, `network_timeout`, `rate_limited`, `auth_failed`, `unavailable`,
    /// `source_unavailable`, `cancelled`.
    pub fn ask(&self, url: &str, ask: &Ask, monitor: &dyn Monitor) -> Result<Answer, Fault> {
        let mut url = self.gate.guard.url(url)?;
        let agent = match ask.span {
            Span::Document => &self.document,
            Span::Download => &self.download,
        };
        for _ in 0..=self.config.redirects {
            let answer = Answer::open(agent, url.clone(), ask, monitor)?;
            let Some(next) = answer.redirect()? else { return answer.judged(Moment(self.clock.now_us())) };
            if ask.method == Method::Post {
                return Err(Fault::new(
                    Code::SourceUnavailable,
                    format!("{} leads on, and what is sent there is not sent elsewhere", shown(&url)),
                    "give the address that it leads to in the end",
                ));
            }
            url = self.next(&url, &next)?;
        }
        Err(Fault::new(
            Code::SourceUnavailable,
            format!("{} leads on more than {} times", shown(&url), self.config.redirects),
            "give the address that it leads to in the end",
        ))
    }

    /// The URL of a redirect. Joining mends what is relative; what is absolute has to pass as it was written.
    fn next(&self, from: &Url, location: &str) -> Result<Url, Fault> {
        let written = if location.contains("://") { location.to_owned() } else { joined(from, location)? };
        self.gate.guard.url(&written)
    }
}

/// A relative reference made absolute.
pub(crate) fn joined(base: &Url, reference: &str) -> Result<String, Fault> {
    let plain = !reference.contains(|c: char| c.is_control() || c == '\\');
    let found = if plain { base.join(reference.trim()).ok() } else { None };
    found.map(String::from).ok_or_else(|| {
        Fault::new(
            Code::UrlInvalid,
            format!("{} leads to something that is no URL", shown(base)),
            "ask the source's owner to correct its links",
        )
    })
}

/// A URL as it may be shown: without what could be a secret.
pub(crate) fn shown(url: &Url) -> String {
    let mut plain = url.clone();
    plain.set_query(None);
    plain.set_fragment(None);
    plain.to_string()
}

/// Bounded by the configuration.
pub(crate) fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or_default()
}

#[cfg(test)]
mod tests;
