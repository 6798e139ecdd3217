//! A receiver of webhooks as its author should write one: it checks the signature and the time, and knows an id again.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::faults::Refusal;
use crate::http::{Answer, Emulated, Request};

pub struct Receiver {
    pub key: Vec<u8>,
    /// Seconds since the epoch, as the receiver's clock has it.
    pub now: i64,
    pub window: i64,
    /// What was taken: id, body.
    pub taken: BTreeMap<String, Vec<u8>>,
    /// Messages that came again.
    pub again: u32,
    pub refused: u32,
    pub violations: Vec<String>,
}

impl Receiver {
    pub fn new(key: &[u8], now: i64) -> Self {
        Self {
            key: key.to_vec(),
            now,
            window: 300,
            taken: BTreeMap::new(),
            again: 0,
            refused: 0,
            violations: Vec::new(),
        }
    }

    fn signed(&self, request: &Request) -> bool {
        let Some(time) = request.header("omniva-timestamp").and_then(|t| t.parse::<i64>().ok()) else { return false };
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return false };
        mac.update(format!("{time}.").as_bytes());
        mac.update(&request.body);
        let given = request.header("omniva-signature").and_then(|s| s.strip_prefix("v1=")).unwrap_or_default();
        let bytes: Vec<u8> =
            (0..given.len() / 2).filter_map(|i| u8::from_str_radix(given.get(i * 2..i * 2 + 2)?, 16).ok()).collect();
        mac.verify_slice(&bytes).is_ok() && (self.now - time).abs() <= self.window
    }
}

impl Emulated for Receiver {
    fn answer(&mut self, request: &Request) -> Answer {
        if request.method != "POST"
            || request.header("content-type") != Some("application/json")
            || request.json().is_null()
        {
            self.violations.push("no JSON was posted".into());
            return Answer::new(400);
        }
        if !self.signed(request) {
            self.refused += 1;
            return Answer::new(401);
        }
        let id = request.header("omniva-id").unwrap_or_default().to_owned();
        match self.taken.get(&id) {
            Some(body) if *body == request.body => self.again += 1,
            Some(_) => self.violations.push(format!("{id} came again with another body")),
            None => {
                self.taken.insert(id, request.body.clone());
            }
        }
        Answer::new(204)
    }

    fn refuse(&mut self, _request: &Request, refusal: &Refusal) -> Answer {
        match refusal {
            Refusal::Slower(seconds) => Answer::new(429).header("Retry-After", seconds.to_string()),
            Refusal::Broken(status) => Answer::new(*status),
            Refusal::Unauthorised | Refusal::Gone(_) => Answer::new(503),
            Refusal::Reason(status, _) => Answer::new(*status),
        }
    }
}
