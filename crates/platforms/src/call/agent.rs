//! The transport on `ureq`: https, or plain http to this machine.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::time::Duration;

use omniva_contracts::Monitor;
use omniva_contracts::config::{HttpLimits, safe_address};
use ureq::config::ConfigBuilder;
use ureq::http::Response;
use ureq::typestate::AgentScope;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, SendBody};

use crate::net::{Gate, Refused};

use super::{Body, MAX_ANSWER, Reply, Request, Transport, Trouble};

pub struct HttpTransport {
    /// For the outside; https only.
    outside: Agent,
    /// For this machine: no proxy from the environment may take it elsewhere.
    inside: Agent,
}

fn settings(limits: &HttpLimits) -> ConfigBuilder<AgentScope> {
    let seconds = |s: f64| Some(Duration::try_from_secs_f64(s).unwrap_or(Duration::from_secs(60)));
    Agent::config_builder()
        .timeout_connect(seconds(limits.connect_seconds))
        .timeout_per_read(seconds(limits.stall_seconds.max(limits.answer_seconds)))
        .timeout_per_write(seconds(limits.stall_seconds))
        .timeout_recv_response(seconds(limits.answer_seconds))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .max_response_header_size(64 << 10)
        .user_agent(concat!("omniva/", env!("CARGO_PKG_VERSION")))
}

impl HttpTransport {
    /// For the platforms themselves, whose hosts come with the engine.
    pub fn new(limits: &HttpLimits) -> Self {
        Self {
            outside: settings(limits).https_only(true).build().new_agent(),
            inside: settings(limits).proxy(None).build().new_agent(),
        }
    }

    /// For addresses that somebody has typed in: what is dialled is what the guard has seen, and no proxy gets in between.
    pub(crate) fn guarded(limits: &HttpLimits, gate: &Gate) -> Self {
        // A connection that waits in a pool was checked for another question.
        let agent = |https: bool| {
            let settings = settings(limits).proxy(None).https_only(https).max_idle_connections(0).build();
            Agent::with_parts(settings, DefaultConnector::default(), gate.clone())
        };
        Self { outside: agent(true), inside: agent(false) }
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: &Request, monitor: &dyn Monitor) -> Result<Reply, Trouble> {
        let unsent = |what: String| Trouble { unsent: true, cancelled: false, what };
        let inside = safe_address(&request.url).map_err(|why| unsent(format!("an address of the platform: {why}")))?;
        let agent = if inside { &self.inside } else { &self.outside };
        let mut builder = ureq::http::Request::builder().method(request.method).uri(&request.url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let empty = request.body.is_empty();
        if !(empty && request.method == "GET") {
            builder = builder.header("Content-Length", request.body.len());
        }
        let no_header = |_| unsent("a header can't be sent".into());
        let ran = match request.body {
            Body::Bytes(mut bytes) if !empty => {
                agent.run(builder.body(SendBody::from_reader(&mut bytes)).map_err(no_header)?)
            }
            Body::Part { path, from, len } if !empty => {
                let mut file = File::open(path).map_err(|e| unsent(format!("our own file: {e}")))?;
                file.seek(SeekFrom::Start(from)).map_err(|e| unsent(format!("our own file: {e}")))?;
                let mut part = Watched { inner: file.take(len), monitor };
                agent.run(builder.body(SendBody::from_reader(&mut part)).map_err(no_header)?)
            }
            _ => agent.run(builder.body(()).map_err(no_header)?),
        };
        reply(ran.map_err(|e| trouble(&e, monitor))?, monitor)
    }
}

fn reply(mut response: Response<ureq::Body>, monitor: &dyn Monitor) -> Result<Reply, Trouble> {
    let cancelled = monitor.cancelled();
    let lost = |what: String| Trouble { unsent: false, cancelled, what };
    let headers = response.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let headers = headers.collect();
    let status = response.status().as_u16();
    let mut body = Vec::new();
    let mut reader = response.body_mut().as_reader().take(MAX_ANSWER + 1);
    reader.read_to_end(&mut body).map_err(|e| lost(format!("the answer broke off: {e}")))?;
    if body.len() as u64 > MAX_ANSWER {
        return Err(lost(format!("the answer is larger than {MAX_ANSWER} bytes")));
    }
    Ok(Reply { status, headers, body })
}

/// The text of `error` never holds the address, which may be a secret: only its kind and that of the system.
fn trouble(error: &ureq::Error, monitor: &dyn Monitor) -> Trouble {
    let unsent = matches!(error, ureq::Error::HostNotFound | ureq::Error::ConnectionFailed | ureq::Error::BadUri(_))
        || matches!(error, ureq::Error::Io(e) if e.kind() == ErrorKind::ConnectionRefused)
        || refused(error);
    let what = match error {
        ureq::Error::BadUri(_) | ureq::Error::RequireHttpsOnly(_) => "not an address".into(),
        other if refused(other) => "its address may not be asked (engine.network.allow)".into(),
        other => other.to_string(),
    };
    Trouble { unsent, cancelled: monitor.cancelled(), what }
}

fn refused(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::Other(inner) if inner.is::<Refused>())
}

/// Asks before each block whether to go on.
struct Watched<'a> {
    inner: io::Take<File>,
    monitor: &'a dyn Monitor,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.monitor.cancelled() {
            return Err(io::Error::other("stopped on request"));
        }
        self.inner.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;

    use omniva_contracts::Silent;

    use super::*;

    struct Stopped;
    impl Monitor for Stopped {
        fn progress(&self, _fraction: f64) {}
        fn cancelled(&self) -> bool {
            true
        }
    }

    fn transport() -> HttpTransport {
        HttpTransport::new(&HttpLimits { connect_seconds: 2.0, stall_seconds: 2.0, answer_seconds: 2.0 })
    }

    #[test]
    fn nothing_leaves_in_the_clear_and_no_trouble_names_an_address() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for url in
            ["http://example.org/?PLANTED", "ftp://127.0.0.1/PLANTED", &format!("http://{closed}/PLANTED"), "PLANTED"]
        {
            let trouble = transport().send(&Request::new("GET", url), &Silent).err().unwrap();
            assert!(trouble.unsent, "{url}: {trouble:?}");
            assert!(!trouble.what.contains("PLANTED"), "{trouble:?}");
        }
    }

    #[test]
    fn a_stop_is_seen_between_the_blocks_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, vec![0; 1 << 20]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server =
            std::thread::spawn(move || io::copy(&mut listener.accept().unwrap().0, &mut io::sink()).unwrap_or(0));
        let body = Body::Part { path: &path, from: 0, len: 1 << 20 };
        let trouble = transport().send(&Request::new("PUT", url).body(body), &Stopped).err().unwrap();
        assert!(trouble.cancelled);
        assert!(server.join().unwrap() < 1 << 20);
    }

    #[test]
    fn an_answer_without_end_is_cut_off() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
            let mut sent = 0u64;
            while stream.write_all(&[b'x'; 1 << 16]).is_ok() && sent < 1 << 30 {
                sent += 1 << 16;
            }
            sent
        });
        let trouble = transport().send(&Request::new("GET", url), &Silent).err().unwrap();
        assert!(trouble.what.contains("larger"), "{trouble:?}");
        assert!(server.join().unwrap() < 1 << 30);
    }
}
