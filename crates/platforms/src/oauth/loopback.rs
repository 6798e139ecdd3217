//! Where the browser comes back to: one small server on 127.0.0.1 that answers one right request.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use omniva_contracts::{Code, Fault, Monitor};

use super::Consent;
use crate::call::excerpt;

/// How long the owner may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often the monitor is asked meanwhile.
const TICK: Duration = Duration::from_millis(100);
/// How long one connection may take to say what it wants.
const REQUEST: Duration = Duration::from_secs(5);
/// Longest request.
const MAX: u64 = 16 << 10;

pub struct Loopback {
    listener: TcpListener,
    port: u16,
}

impl Loopback {
    /// # Errors
    /// `address_in_use` when this machine gives no port.
    pub fn bind() -> Result<Self, Fault> {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| {
            listener.set_nonblocking(true)?;
            let port = listener.local_addr()?.port();
            Ok(Self { listener, port })
        });
        bound.map_err(|e| {
            Fault::new(Code::AddressInUse, "no port of 127.0.0.1 can be listened on", "check the machine's firewall")
                .with_detail(e)
        })
    }

    /// The address that the platform sends the browser to.
    pub fn redirect(&self) -> String {
        format!("http://127.0.0.1:{}/callback", self.port)
    }

    /// The code of the consent. Requests without the right state are answered and forgotten: anybody on this machine can
    /// make them.
    ///
    /// # Errors
    /// `platform_refused` when the owner said no, `waited_too_long`, `cancelled`.
    pub fn wait(&self, consent: &Consent, monitor: &dyn Monitor) -> Result<String, Fault> {
        let mut waited = Duration::ZERO;
        while waited < PATIENCE {
            if monitor.cancelled() {
                return Err(Fault::cancelled());
            }
            match self.listener.accept() {
                Ok((stream, _)) => {
                    if let Some(answer) = serve(stream, &consent.state) {
                        return answer;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    std::thread::sleep(TICK);
                    waited += TICK;
                }
                // A connection that was gone before it was taken.
                Err(_) => waited += TICK,
            }
        }
        let next = "start again, and agree on the page that opens";
        Err(Fault::new(Code::WaitedTooLong, "nobody agreed within ten minutes", next))
    }
}

/// `None` when the request is not the one that is waited for.
fn serve(mut stream: TcpStream, state: &str) -> Option<Result<String, Fault>> {
    let ready = stream.set_nonblocking(false).and_then(|()| stream.set_read_timeout(Some(REQUEST)));
    ready.and_then(|()| stream.set_write_timeout(Some(REQUEST))).ok()?;
    let target = target(&mut stream)?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let field = |name: &str| {
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
        decode(value)
    };
    let ours = path == "/callback" && field("state").is_some_and(|given| same(&given, state));
    let outcome = match (ours, field("code").filter(|code| !code.is_empty()), field("error")) {
        (true, Some(code), None) => Some(Ok(code)),
        (true, _, error) => Some(Err(Fault::new(
            Code::PlatformRefused,
            "the account was not connected: the consent page said no",
            "start again, and agree",
        )
        .with_detail(excerpt(&error.unwrap_or_default())))),
        (false, ..) => None,
    };
    let (status, text) = match &outcome {
        Some(Ok(_)) => ("200 OK", "Connected. This page can be closed."),
        Some(Err(_)) => ("200 OK", "Not connected. This page can be closed."),
        None => ("404 Not Found", "Nothing here."),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    // The code counts, whether or not the browser stays to read.
    let _ = stream.write_all(answer.as_bytes());
    outcome
}

/// The target of a GET, once its header is complete.
fn target(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut block = [0u8; 1024];
    let mut limited = stream.take(MAX);
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        let count = limited.read(&mut block).ok().filter(|count| *count > 0)?;
        head.extend_from_slice(block.get(..count)?);
    }
    let line = std::str::from_utf8(&head).ok()?.lines().next()?;
    let mut words = line.split(' ');
    (words.next()? == "GET").then(|| words.next().map(str::to_owned))?
}

/// Takes as long for a wrong state as for the right one.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |c: Option<u8>| (c? as char).to_digit(16);
                u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}
