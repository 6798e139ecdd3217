//! A proxy of the operator's, behind ours: yt-dlp never learns of it. Ours dials it with name and password, and asks it only
//! for addresses that the guard saw; no name is resolved elsewhere.
//!
//! Sources: RFC 9110 (CONNECT), RFC 1928 and 1929 (SOCKS 5).

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use omniva_contracts::{Code, Fault};
use omniva_vault::Secret;
use url::Url;

use crate::net::{Net, seconds};
use crate::secrets::Named;

/// Addresses of one host that are tried.
const TRIES: usize = 3;
const MAX_HEAD: usize = 8 << 10;
/// SOCKS 5 counts their bytes in one.
const MAX_LOGIN: usize = 255;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Http,
    Socks,
}

/// Where it stands is as secret as its password: faults show the name of the vault's secret.
pub(super) struct Upstream {
    name: String,
    kind: Kind,
    host: String,
    port: u16,
    login: Option<(Secret, Secret)>,
}

/// # Errors
/// `config_invalid` for what is no proxy.
pub(crate) fn check_proxy(name: &str, value: &Secret) -> Result<(), Fault> {
    Upstream::read(&Named { name: name.to_owned(), value: value.clone() }).map(drop)
}

impl Upstream {
    /// # Errors
    /// `config_invalid` for what is no proxy.
    pub fn read(secret: &Named) -> Result<Self, Fault> {
        let text = secret.value.text().unwrap_or_default().trim();
        Self::parse(&secret.name, text).ok_or_else(|| {
            Fault::new(
                Code::ConfigInvalid,
                format!("the secret {} is no proxy", secret.name),
                "keep one line: http://name:password@host:port, or socks5://…",
            )
        })
    }

    fn parse(name: &str, text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let (kind, usual) = match url.scheme() {
            "http" => (Kind::Http, 80),
            "socks5" | "socks5h" => (Kind::Socks, 1080),
            _ => return None,
        };
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if !bare || host.is_empty() || !host.chars().all(plain) {
            return None;
        }
        let word = |text: &str| unescaped(text).filter(|bytes| bytes.len() <= MAX_LOGIN).map(Secret::new);
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some((word(user)?, word(password.unwrap_or_default())?)),
        };
        Some(Self { name: name.to_owned(), kind, host, port: url.port().unwrap_or(usual), login })
    }

    /// A connection to one of `targets`, through the proxy.
    ///
    /// # Errors
    /// `address_refused`, `source_unavailable`, `auth_failed`.
    pub fn dial(&self, net: &Net, targets: &[SocketAddr]) -> Result<TcpStream, Fault> {
        let proxies = net.addresses(&self.host, self.port).map_err(|refused| self.unusable(refused))?;
        // More proxies speak IPv4 than not.
        let mut targets: Vec<SocketAddr> = targets.to_vec();
        targets.sort_by_key(SocketAddr::is_ipv6);
        let mut last = self.down("its host has no address");
        for target in targets.iter().take(TRIES) {
            for proxy in proxies.iter().take(TRIES) {
                match self.through(net, *proxy, *target) {
                    Ok(stream) => return Ok(stream),
                    Err(fault) if fault.code == Code::AuthFailed => return Err(fault),
                    Err(fault) => last = fault,
                }
            }
        }
        Err(last)
    }

    fn through(&self, net: &Net, proxy: SocketAddr, target: SocketAddr) -> Result<TcpStream, Fault> {
        let (connect, silence) = (seconds(net.config().connect_seconds), seconds(net.config().read_seconds));
        let broke = |error: io::Error| self.down(&format!("{}", error.kind()));
        let mut stream = TcpStream::connect_timeout(&proxy, connect).map_err(broke)?;
        stream.set_read_timeout(Some(silence)).map_err(broke)?;
        stream.set_write_timeout(Some(silence)).map_err(broke)?;
        let answer = match self.kind {
            Kind::Http => self.connect(&mut stream, target),
            Kind::Socks => self.socks(&mut stream, target),
        };
        match answer.map_err(broke)? {
            Answer::Through => Ok(stream),
            Answer::Login => Err(Fault::new(
                Code::AuthFailed,
                format!("the proxy in the secret {} refuses our name and password", self.name),
                format!("keep the right ones: omniva auth secret {} --file FILE", self.name),
            )),
            Answer::No(why) => Err(self.down(&why)),
        }
    }

    fn connect(&self, stream: &mut TcpStream, target: SocketAddr) -> io::Result<Answer> {
        let mut ask = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some((user, password)) = &self.login {
            let words = [user.expose(), b":", password.expose()].concat();
            ask.push_str(&format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(words)));
        }
        stream.write_all(format!("{ask}\r\n").as_bytes())?;
        // Not a byte further than its end: what follows is the other side's.
        let (mut head, mut one) = (Vec::new(), [0u8]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut one)?;
            head.extend_from_slice(&one);
            if head.len() > MAX_HEAD {
                return Ok(Answer::No("it answers with more than is read".into()));
            }
        }
        let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
        let status = line.split(' ').nth(1).and_then(|text| text.parse::<u16>().ok());
        Ok(match status.filter(|_| line.starts_with("HTTP/1.")) {
            Some(200..=299) => Answer::Through,
            Some(407) => Answer::Login,
            Some(status) => Answer::No(format!("it answers with status {status}")),
            None => Answer::No("it speaks no HTTP".into()),
        })
    }

    fn socks(&self, stream: &mut TcpStream, target: SocketAddr) -> io::Result<Answer> {
        let (open, login, none) = (0u8, 2u8, 0xff_u8);
        let greeting: &[u8] = if self.login.is_some() { &[5, 2, open, login] } else { &[5, 1, open] };
        stream.write_all(greeting)?;
        let [version, method] = bytes(stream)?;
        match (version, &self.login) {
            (5, _) if method == open => {}
            (5, Some((user, password))) if method == login => {
                let words = [user, password].map(|word| {
                    let length = u8::try_from(word.expose().len()).unwrap_or(u8::MAX);
                    [&[length], word.expose()].concat()
                });
                stream.write_all(&[&[1][..], &words.concat()].concat())?;
                if bytes(stream)? != [1, 0] {
                    return Ok(Answer::Login);
                }
            }
            (5, _) if method == none || method == login => return Ok(Answer::Login),
            _ => return Ok(Answer::No("it speaks no SOCKS 5".into())),
        }
        let (kind, address) = match target {
            SocketAddr::V4(v4) => (1u8, v4.ip().octets().to_vec()),
            SocketAddr::V6(v6) => (4u8, v6.ip().octets().to_vec()),
        };
        stream.write_all(&[&[5, 1, 0, kind][..], &address, &target.port().to_be_bytes()].concat())?;
        let [_, answer, _, kind] = bytes(stream)?;
        if answer != 0 {
            return Ok(Answer::No(format!("it answers with SOCKS reply {answer}")));
        }
        // Where it dialled from is nobody's business, but has to be read.
        let length = match kind {
            1 => 4,
            4 => 16,
            3 => {
                let [length]: [u8; 1] = bytes(stream)?;
                usize::from(length)
            }
            _ => return Ok(Answer::No("it speaks no SOCKS 5".into())),
        };
        io::copy(&mut stream.take(length as u64 + 2), &mut io::sink())?;
        Ok(Answer::Through)
    }

    /// The guard's own words would show where it stands.
    fn unusable(&self, fault: Fault) -> Fault {
        if fault.code != Code::AddressRefused {
            return self.down("its host is not known");
        }
        Fault::new(
            Code::AddressRefused,
            format!("the proxy in the secret {} stands where nothing may be asked", self.name),
            "add its host and port to engine.network.allow, as host:port",
        )
    }

    fn down(&self, why: &str) -> Fault {
        Fault::new(
            Code::SourceUnavailable,
            format!("the proxy in the secret {} can't be used: {why}", self.name),
            "nothing: it is tried again; if it stays so, check the proxy",
        )
    }
}

enum Answer {
    Through,
    Login,
    No(String),
}

fn bytes<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut read = [0u8; N];
    stream.read_exact(&mut read)?;
    Ok(read)
}

/// `%41` as `A`; `None` when it is none.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = (part.get(..2)?, part.get(2..)?);
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_read_strictly() {
        let read = |text: &str| Upstream::parse("p", text).map(|u| (u.kind, u.host, u.port, u.login));
        let login = Some(("a".into(), "p:w".into()));
        assert_eq!(read("http://a:p%3Aw@Proxy.example:3128/"), Some((Kind::Http, "proxy.example".into(), 3128, login)));
        assert_eq!(read("socks5://[fd00::1]"), Some((Kind::Socks, "fd00::1".into(), 1080, None)));
        assert_eq!(read("http://10.0.0.1"), Some((Kind::Http, "10.0.0.1".into(), 80, None)));
        for bad in [
            "",
            "10.0.0.1:3128",
            "https://x:1",
            "http://x/y",
            "http://x?y",
            "socks4://x",
            "socks5://",
            "http://a:%zz@x",
            "socks5://a%20b",
            &format!("http://{}@x", "a".repeat(256)),
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
