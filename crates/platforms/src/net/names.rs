//! Resolving names, with the guard between the answer and the dial.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::thread;

use omniva_contracts::Fault;
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::guard::Guard;

/// The port to name servers.
pub trait Names: Send + Sync {
    /// All addresses of a host. May block.
    ///
    /// # Errors
    /// Those of the resolver; an unknown name is `NotFound`, or an empty answer.
    fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The machine's own resolver.
pub struct SystemNames;

impl Names for SystemNames {
    fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        (host, port).to_socket_addrs().map(Iterator::collect)
    }
}

/// A refusal on its way through ureq.
#[derive(Debug)]
pub(crate) struct Refused(pub Fault);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refused {}

/// What is handed to ureq: what it gives back is what is dialled, and nothing else. One address that is refused refuses
/// the whole answer: a server that mixes public and private ones is trying something.
#[derive(Clone)]
pub(crate) struct Gate {
    pub names: Arc<dyn Names>,
    pub guard: Arc<Guard>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("guard", &self.guard).finish_non_exhaustive()
    }
}

impl Gate {
    /// The addresses that may be dialled for a host. `bracketless`: an IPv6 address comes without its brackets.
    pub fn addresses(&self, bracketless: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        let found = match bracketless.parse() {
            Ok(ip) => vec![SocketAddr::new(ip, port)],
            Err(_) => self.names.lookup(bracketless, port).map_err(unknown)?,
        };
        let name = if bracketless.parse::<std::net::IpAddr>().is_ok() { "" } else { bracketless };
        for address in &found {
            // The port that was checked is the one that is dialled, whatever the resolver said.
            self.guard.address(address.ip(), port, name).map_err(|fault| Error::Other(Box::new(Refused(fault))))?;
        }
        if found.is_empty() {
            return Err(Error::HostNotFound);
        }
        Ok(found.into_iter().map(|address| SocketAddr::new(address.ip(), port)).collect())
    }
}

fn unknown(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::HostNotFound,
        // getaddrinfo's own errors have no kind of their own.
        _ => Error::Io(error),
    }
}

impl Resolver for Gate {
    fn resolve(&self, uri: &Uri, _: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let missing = || Error::BadUri("no host".into());
        let host = uri.host().ok_or_else(missing)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let standard = match uri.scheme_str() {
            Some("https") => 443,
            Some("http") => 80,
            _ => return Err(missing()),
        };
        let port = uri.port_u16().unwrap_or(standard);
        let (gate, (sender, receiver)) = (self.clone(), mpsc::sync_channel(1));
        // The system's resolver can't be interrupted; its thread ends with the system's own timeout.
        thread::Builder::new().name("names".into()).spawn(move || drop(sender.send(gate.addresses(&host, port))))?;
        let found = match receiver.recv_timeout(*timeout.after) {
            Ok(found) => found?,
            Err(mpsc::RecvTimeoutError::Timeout) => return Err(Error::Timeout(timeout.reason)),
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err(Error::HostNotFound),
        };
        let mut addresses = self.empty();
        // As many as ureq has room for.
        for address in found.into_iter().take(16) {
            addresses.push(address);
        }
        Ok(addresses)
    }
}
