//! Which addresses may be dialled.
//!
//! Two questions, both asked for every URL and every redirect: may this URL be asked ([`Guard::url`]), and may this address,
//! to which its name resolved, be dialled ([`Guard::address`])? Only what is globally reachable passes (IANA's registries
//! of special-purpose addresses, RFC 6890), unless the operator has allowed a host or a network by name.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use omniva_contracts::config::Allowed;
use omniva_contracts::engine::web_url;
use omniva_contracts::{Code, Fault};
use url::{Host, Url};

/// Names that never leave a machine or a local network (RFC 6761, 6762, 7686, 8375, 9476; private top-level names in use).
const LOCAL_NAMES: [&str; 16] = [
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "lan",
    "home",
    "corp",
    "private",
    "arpa",
    "onion",
    "test",
    "invalid",
    "alt",
    "mail",
    "domain",
];

/// First address, bits of the prefix, what it is.
type Range4 = ([u8; 4], u32, &'static str);
const CLOSED4: [Range4; 20] = [
    ([0, 0, 0, 0], 8, "this network"),
    ([10, 0, 0, 0], 8, "a private network"),
    ([100, 64, 0, 0], 10, "a carrier's network"),
    ([127, 0, 0, 0], 8, "this machine"),
    ([168, 63, 129, 16], 32, "a cloud's metadata"),
    ([169, 254, 0, 0], 16, "a link or a cloud's metadata"),
    ([172, 16, 0, 0], 12, "a private network"),
    ([192, 0, 0, 0], 24, "a protocol's own use"),
    ([192, 0, 2, 0], 24, "documentation"),
    ([192, 31, 196, 0], 24, "a protocol's own use"),
    ([192, 52, 193, 0], 24, "a protocol's own use"),
    ([192, 88, 99, 0], 24, "a 6to4 relay"),
    ([192, 168, 0, 0], 16, "a private network"),
    ([192, 175, 48, 0], 24, "a protocol's own use"),
    ([198, 18, 0, 0], 15, "measurements"),
    ([198, 51, 100, 0], 24, "documentation"),
    ([203, 0, 113, 0], 24, "documentation"),
    ([224, 0, 0, 0], 4, "multicast"),
    ([240, 0, 0, 0], 4, "no use yet"),
    ([255, 255, 255, 255], 32, "broadcast"),
];

/// Parts of 2000::/3 that are not for everybody; all outside of it is closed as a whole.
type Range6 = ([u16; 8], u32, &'static str);
const CLOSED6: [Range6; 6] = [
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "a protocol's own use (Teredo, ORCHID, measurements)"),
    ([0x2001, 0x0db8, 0, 0, 0, 0, 0, 0], 32, "documentation"),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4, which leads to an IPv4 address"),
    ([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, "a protocol's own use"),
    ([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16, "no use any more"),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation"),
];

/// The policy. Pure: it asks nobody.
#[derive(Clone, Debug)]
pub struct Guard {
    ports: BTreeSet<u16>,
    allow: Vec<Allowed>,
}

impl Guard {
    /// # Errors
    /// `config_invalid` for an entry that can't be read.
    pub fn new(ports: &[u16], allow: &[String]) -> Result<Self, Fault> {
        let read = |entry: &String| {
            Allowed::parse(entry).ok_or_else(|| {
                Fault::new(
                    Code::ConfigInvalid,
                    format!("engine.network.allow = {entry:?} can't be read"),
                    "give a host, an address or a network such as 10.0.0.0/8",
                )
            })
        };
        Ok(Self { ports: ports.iter().copied().collect(), allow: allow.iter().map(read).collect::<Result<_, _>>()? })
    }

    /// Reads a URL and says whether it may be asked at all, before any name is resolved.
    ///
    /// # Errors
    /// `url_invalid`, `address_refused`.
    pub fn url(&self, text: &str) -> Result<Url, Fault> {
        let url = web_url(text)?;
        let port = url.port_or_known_default().unwrap_or(0);
        match url.host() {
            Some(Host::Ipv4(ip)) => self.address(ip.into(), port, "")?,
            Some(Host::Ipv6(ip)) => self.address(ip.into(), port, "")?,
            Some(Host::Domain(name)) => self.name(name, port)?,
            None => return Err(refused("a URL without a host", "nothing can be dialled")),
        }
        Ok(url)
    }

    fn name(&self, name: &str, port: u16) -> Result<(), Fault> {
        if self.host_allowed(name, port) {
            return Ok(());
        }
        if !self.ports.contains(&port) && !self.any_net_with(port) {
            return Err(refused_port(name, port));
        }
        let last = name.rsplit('.').next().unwrap_or_default();
        if !name.contains('.') || LOCAL_NAMES.contains(&last) {
            return Err(refused(name, "it is a name of a local network"));
        }
        Ok(())
    }

    /// Whether an address may be dialled for a host name (empty for a URL that holds the address itself).
    ///
    /// # Errors
    /// `address_refused`.
    pub fn address(&self, ip: IpAddr, port: u16, name: &str) -> Result<(), Fault> {
        if (!name.is_empty() && self.host_allowed(name, port)) || self.net_allowed(ip, port) {
            return Ok(());
        }
        let shown = if name.is_empty() { ip.to_string() } else { format!("{name} ({ip})") };
        if let Some(why) = closed(ip) {
            return Err(refused(&shown, &format!("that address is for {why}")));
        }
        if !self.ports.contains(&port) {
            return Err(refused_port(&shown, port));
        }
        Ok(())
    }

    fn fits(&self, allowed: Option<u16>, port: u16) -> bool {
        allowed.map_or_else(|| self.ports.contains(&port), |only| only == port)
    }

    fn host_allowed(&self, host: &str, port: u16) -> bool {
        self.allow
            .iter()
            .any(|entry| matches!(entry, Allowed::Host { name, port: p } if name == host && self.fits(*p, port)))
    }

    fn net_allowed(&self, ip: IpAddr, port: u16) -> bool {
        self.allow.iter().any(|entry| match entry {
            Allowed::Net { address, bits, port: p } => contains(*address, *bits, ip) && self.fits(*p, port),
            Allowed::Host { .. } => false,
        })
    }

    /// A name may still resolve into an allowed network on an odd port: the answer decides.
    fn any_net_with(&self, port: u16) -> bool {
        self.allow.iter().any(|entry| matches!(entry, Allowed::Net { port: Some(p), .. } if *p == port))
    }
}

fn refused(what: &str, why: &str) -> Fault {
    Fault::new(
        Code::AddressRefused,
        format!("{what} is not asked: {why}"),
        "give a public address; a private server of yours can be allowed in engine.network.allow",
    )
}

fn refused_port(what: &str, port: u16) -> Fault {
    Fault::new(
        Code::AddressRefused,
        format!("{what} is not asked: port {port} is not among engine.network.ports"),
        "use a usual port, add this one to engine.network.ports, or allow host:port in engine.network.allow",
    )
}

/// What an address is kept for, when it is none that everybody can reach.
fn closed(ip: IpAddr) -> Option<&'static str> {
    match ip {
        IpAddr::V4(ip) => closed4(ip),
        IpAddr::V6(ip) => closed6(ip),
    }
}

fn closed4(ip: Ipv4Addr) -> Option<&'static str> {
    CLOSED4
        .iter()
        .find(|(first, bits, _)| same(u128::from(ip.to_bits()), u128::from(u32::from_be_bytes(*first)), 32 - bits))
        .map(|(_, _, why)| *why)
}

fn closed6(ip: Ipv6Addr) -> Option<&'static str> {
    let [first, .., fourth_last, third_last, _, _] = ip.segments();
    if first & 0xe000 != 0x2000 {
        return Some("a machine, a link, a private network, multicast, or leads to an IPv4 address");
    }
    // ISATAP (RFC 5214): the last four bytes are an IPv4 address, in any network.
    if fourth_last & 0xfcff == 0 && third_last == 0x5efe {
        return Some("ISATAP, which leads to an IPv4 address");
    }
    CLOSED6
        .iter()
        .find(|(from, bits, _)| same(ip.to_bits(), Ipv6Addr::from(*from).to_bits(), 128 - bits))
        .map(|(_, _, why)| *why)
}

/// Whether two numbers are the same above the lowest `low` bits.
fn same(a: u128, b: u128, low: u32) -> bool {
    (a ^ b).checked_shr(low).unwrap_or(0) == 0
}

fn contains(network: IpAddr, bits: u8, ip: IpAddr) -> bool {
    match (network, ip) {
        (IpAddr::V4(network), IpAddr::V4(ip)) => {
            same(u128::from(network.to_bits()), u128::from(ip.to_bits()), 32 - u32::from(bits.min(32)))
        }
        (IpAddr::V6(network), IpAddr::V6(ip)) => same(network.to_bits(), ip.to_bits(), 128 - u32::from(bits.min(128))),
        _ => false,
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
