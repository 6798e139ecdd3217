//! The stream of packets, over a hand-made WebSocket client.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bench::Bench;

struct Socket(TcpStream);

impl Socket {
    async fn open(bench: &Bench, path: &str, extra: &str) -> Result<Self, String> {
        let mut stream = TcpStream::connect(bench.addr).await.expect("connects");
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extra}\r\n",
            bench.addr
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n\r\n") {
            text.push(stream.read_u8().await.expect("an answer"));
        }
        let text = String::from_utf8(text).expect("text");
        if text.starts_with("HTTP/1.1 101") { Ok(Self(stream)) } else { Err(text) }
    }
    /// The next text message; `None` at the end.
    async fn next(&mut self) -> Option<Value> {
        loop {
            let first = self.0.read_u8().await.ok()?;
            let mut length = usize::from(self.0.read_u8().await.ok()? & 127);
            if length == 126 {
                length = usize::from(self.0.read_u16().await.ok()?);
            } else if length == 127 {
                length = self.0.read_u64().await.ok()? as usize;
            }
            let mut payload = vec![0; length];
            self.0.read_exact(&mut payload).await.ok()?;
            match first & 15 {
                1 => return serde_json::from_slice(&payload).ok(),
                8 => return None,
                _ => {}
            }
        }
    }
}

async fn create(bench: &Bench, name: &str) {
    assert_eq!(bench.ask("POST", "/v1/projects", Some(json!({ "name": name }))).await.status, 201);
}

#[tokio::test]
async fn packets_arrive_in_order_and_a_break_loses_none() {
    let bench = Bench::new().await;
    create(&bench, "before").await;
    let mut live = Socket::open(&bench, "/v1/events", "").await.expect("opens");
    assert_eq!(live.next().await.expect("hello"), json!({ "type": "hello", "next_seq": 2 }));
    create(&bench, "a").await;
    let first = live.next().await.expect("an event");
    assert_eq!((first["id"].as_u64(), first["packet"]["kind"].as_str()), (Some(2), Some("api.answered")));
    assert_eq!(live.next().await.expect("an event")["packet"]["kind"], "project.created");
    drop(live);
    create(&bench, "b").await;
    create(&bench, "c").await;
    let mut again = Socket::open(&bench, "/v1/events?after=3", "").await.expect("opens");
    again.next().await.expect("hello");
    for seq in 4..8 {
        assert_eq!(again.next().await.expect("an event")["id"].as_u64(), Some(seq));
    }
    let mut all = Socket::open(&bench, "/v1/events?from_start=true&kind=project.", "").await.expect("opens");
    all.next().await.expect("hello");
    for seq in [1, 3, 5, 7] {
        assert_eq!(all.next().await.expect("an event")["id"].as_u64(), Some(seq));
    }
    create(&bench, "d").await;
    assert_eq!(all.next().await.expect("an event")["id"].as_u64(), Some(9));
}

#[tokio::test]
async fn pages_of_other_sites_open_no_stream_and_stopping_closes_them() {
    let mut bench = Bench::with(|c| c.max_sockets = 1).await;
    let refused = Socket::open(&bench, "/v1/events", "origin: http://evil.example\r\n").await.err().expect("refused");
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    let mut one = Socket::open(&bench, "/v1/events", "").await.expect("opens");
    one.next().await.expect("hello");
    let second = Socket::open(&bench, "/v1/events", "").await.err().expect("refused");
    assert!(second.starts_with("HTTP/1.1 503"), "{second}");
    bench.serving.take().expect("serving").stop().await;
    // What the stop wrote down may still come; then the stream ends.
    while one.next().await.is_some() {}
}
