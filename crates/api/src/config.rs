//! How the API is served.

use std::net::SocketAddr;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub struct ApiConfig {
    /// Port 0 takes any free one.
    pub bind: SocketAddr,
    /// Names (without port) that `Host` may have besides loopback ones; beyond loopback an empty list allows all.
    pub hosts: Vec<String>,
    /// Web origins besides the API's own that may change things, exact: `https://panel.example`.
    pub origins: Vec<String>,
    /// Bytes of a request's body.
    pub max_body: usize,
    /// For a request as a whole, reading its body included.
    pub request_time: Duration,
    /// For a connection to send its headers, and between two requests.
    pub header_time: Duration,
    /// For open requests when the server stops.
    pub stop_time: Duration,
    pub max_connections: usize,
    /// Requests being worked on at the same time.
    pub max_requests: usize,
    pub max_sockets: usize,
    /// Failed authentications a minute and address.
    pub max_failures: u32,
    /// Requests that changed nothing are written down together this often.
    pub note_every: Duration,
}

impl ApiConfig {
    pub fn new(bind: SocketAddr) -> Self {
        Self {
            bind,
            hosts: Vec::new(),
            origins: Vec::new(),
            max_body: 1 << 20,
            request_time: Duration::from_secs(30),
            header_time: Duration::from_secs(30),
            stop_time: Duration::from_secs(10),
            max_connections: 1_024,
            max_requests: 256,
            max_sockets: 64,
            max_failures: 10,
            note_every: Duration::from_secs(5),
        }
    }
}
