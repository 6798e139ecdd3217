//! Canonical JSON (RFC 8785, JCS): one value has exactly one byte form, so that a hash over it means something.
//!
//! Numbers follow ECMAScript: every number is an IEEE 754 double. Integers beyond ±(2^53 - 1) therefore lose digits, as
//! in every JCS implementation; packets carry such values as strings.

use std::cmp::Ordering;
use std::fmt::Write as _;

use omniva_contracts::engine::{EntityRef, Moment, PacketDraft, PacketId, ProjectId, TraceId};
use serde_json::{Number, Value};
use uuid::Uuid;

use super::plain::plain;

/// Canonical bytes of a packet: what its leaf hash covers.
pub fn canonical(draft: &PacketDraft) -> Vec<u8> {
    // Most packets fit: growing would copy.
    let mut out = Out { text: String::with_capacity(1024) };
    let columns = Columns {
        stardust_id: draft.stardust_id,
        kind: &draft.kind,
        entity: &draft.entity,
        project_id: draft.project_id,
        trace_id: draft.trace_id,
        source: &draft.source,
        meta_parents: &draft.meta_parents,
        at: draft.at,
        body: Document::Value(&draft.body),
        decision_chain: draft.decision_chain.as_ref().map(Document::Value),
    };
    // Only a text may be no JSON.
    let _ = out.packet(&columns);
    out.text.into_bytes()
}

/// A document of a packet: its value, or its JSON as a database keeps it.
#[derive(Clone, Copy, Debug)]
pub enum Document<'a> {
    Value(&'a Value),
    Text(&'a str),
}

/// A packet in parts, as the columns of a database hold it.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    pub stardust_id: PacketId,
    pub kind: &'a str,
    pub entity: &'a EntityRef,
    pub project_id: Option<ProjectId>,
    pub trace_id: TraceId,
    pub source: &'a str,
    pub meta_parents: &'a [PacketId],
    pub at: Moment,
    pub body: Document<'a>,
    pub decision_chain: Option<Document<'a>>,
}

/// Canonical bytes of any JSON value. Nesting is as deep as `serde_json` reads (128), or as the caller built it.
pub fn canonical_value(value: &Value) -> Vec<u8> {
    let mut out = Out::default();
    out.value(value);
    out.text.into_bytes()
}

#[derive(Default)]
pub(crate) struct Out {
    text: String,
}

impl Out {
    pub fn clear(&mut self) {
        self.text.clear();
    }

    pub fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// `None` when a document is a text that is no JSON.
    pub fn packet(&mut self, packet: &Columns<'_>) -> Option<()> {
        // The keys stand in UTF-16 order already; a test compares this with the general form.
        self.text.push_str("{\"_meta_parents\":[");
        for (n, parent) in packet.meta_parents.iter().enumerate() {
            self.text.push_str(if n == 0 { "\"" } else { ",\"" });
            self.id(parent.0);
            self.text.push('"');
        }
        self.text.push_str("],\"at\":\"");
        self.shown(&packet.at);
        self.text.push_str("\",\"body\":");
        self.document(packet.body)?;
        if let Some(chain) = packet.decision_chain {
            let before = self.text.len();
            self.text.push_str(",\"decision_chain\":");
            let start = self.text.len();
            self.document(chain)?;
            // No chain and a chain of `null` read back as the same draft.
            if self.text.get(start..) == Some("null") {
                self.text.truncate(before);
            }
        }
        self.text.push_str(",\"entity\":{\"entity_id\":\"");
        self.id(packet.entity.entity_id);
        self.text.push_str("\",\"entity_type\":");
        self.string(packet.entity.entity_type.as_str());
        self.text.push_str("},\"kind\":");
        self.string(packet.kind);
        self.text.push_str(",\"project_id\":");
        match packet.project_id {
            None => self.text.push_str("null"),
            Some(id) => {
                self.text.push('"');
                self.id(id.0);
                self.text.push('"');
            }
        }
        self.text.push_str(",\"source\":");
        self.string(packet.source);
        self.text.push_str(",\"stardust_id\":\"");
        self.id(packet.stardust_id.0);
        self.text.push_str("\",\"trace_id\":\"");
        self.id(packet.trace_id.0);
        self.text.push_str("\"}");
        Some(())
    }

    fn document(&mut self, document: Document<'_>) -> Option<()> {
        match document {
            Document::Value(value) => self.value(value),
            Document::Text(text) => {
                let before = self.text.len();
                if plain(text, self).is_none() {
                    self.text.truncate(before);
                    self.value(&serde_json::from_str(text).ok()?);
                }
            }
        }
        Some(())
    }

    fn id(&mut self, id: Uuid) {
        self.text.push_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    }

    /// Something whose text needs no escapes: instants and integers.
    fn shown(&mut self, what: &impl std::fmt::Display) {
        // Writing to a String can't fail.
        let _ = write!(self.text, "{what}");
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.text.push_str("null"),
            Value::Bool(true) => self.text.push_str("true"),
            Value::Bool(false) => self.text.push_str("false"),
            Value::Number(number) => self.number(number),
            Value::String(text) => self.string(text),
            Value::Array(items) => {
                self.text.push('[');
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        self.text.push(',');
                    }
                    self.value(item);
                }
                self.text.push(']');
            }
            Value::Object(members) => {
                let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
                sorted.sort_by(|a, b| utf16_order(a.0, b.0));
                self.text.push('{');
                for (n, (key, item)) in sorted.into_iter().enumerate() {
                    if n > 0 {
                        self.text.push(',');
                    }
                    self.string(key);
                    self.text.push(':');
                    self.value(item);
                }
                self.text.push('}');
            }
        }
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        let mut plain = 0;
        for (at, byte) in text.bytes().enumerate() {
            if byte >= 0x20 && byte != b'"' && byte != b'\\' {
                continue;
            }
            self.text.push_str(text.get(plain..at).unwrap_or_default());
            plain = at + 1;
            match byte {
                b'"' => self.text.push_str("\\\""),
                b'\\' => self.text.push_str("\\\\"),
                0x08 => self.text.push_str("\\b"),
                0x09 => self.text.push_str("\\t"),
                0x0a => self.text.push_str("\\n"),
                0x0c => self.text.push_str("\\f"),
                0x0d => self.text.push_str("\\r"),
                other => {
                    let _ = write!(self.text, "\\u{other:04x}");
                }
            }
        }
        self.text.push_str(text.get(plain..).unwrap_or_default());
        self.text.push('"');
    }

    fn number(&mut self, number: &Number) {
        const SAFE: u64 = (1 << 53) - 1;
        if let Some(small) = number.as_i64().filter(|n| n.unsigned_abs() <= SAFE) {
            self.shown(&small);
        } else {
            // Without `arbitrary_precision` every number is an i64, a u64 or a finite f64.
            self.double(number.as_f64().unwrap_or_default());
        }
    }

    /// ECMAScript `Number::toString` (ECMA-262 §6.1.6.1.20) on the shortest digits that read back as the same double.
    pub fn double(&mut self, x: f64) {
        if x == 0.0 {
            // Minus zero as well.
            self.text.push('0');
            return;
        }
        let scientific = format!("{:e}", x.abs());
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        let digits = half_to_even(x.abs(), digits, exponent);
        let k = i32::try_from(digits.len()).unwrap_or(i32::MAX);
        // x = 0.digits * 10^n
        let n = exponent.parse::<i32>().unwrap_or(0) + 1;
        if x < 0.0 {
            self.text.push('-');
        }
        let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
        let (first, rest) = digits.split_at(1);
        if k <= n && n <= 21 {
            self.text.push_str(&digits);
            self.text.push_str(&zeros(n - k));
        } else if 0 < n && n <= 21 {
            let (whole, fraction) = digits.split_at(usize::try_from(n).unwrap_or(0));
            let _ = write!(self.text, "{whole}.{fraction}");
        } else if -6 < n && n <= 0 {
            let _ = write!(self.text, "0.{}{digits}", zeros(-n));
        } else {
            let sign = if n > 0 { '+' } else { '-' };
            let point = if rest.is_empty() { "" } else { "." };
            let _ = write!(self.text, "{first}{point}{rest}e{sign}{}", (n - 1).unsigned_abs());
        }
    }
}

/// Differs from the order of the bytes only where a surrogate pair meets U+E000..U+FFFF, whose UTF-8 starts with 0xEE or
/// more.
pub(crate) fn utf16_order(a: &str, b: &str) -> Ordering {
    let high = |text: &str| text.bytes().any(|byte| byte >= 0xee);
    if high(a) && high(b) { a.encode_utf16().cmp(b.encode_utf16()) } else { a.cmp(b) }
}

/// Where two shortest forms are equally near, ECMAScript takes the even one (ECMA-262 §6.1.6.1.20, note 2) and Rust the
/// larger one. That takes an exact value of one digit more, so at least 16 digits: fewer never leave two candidates.
fn half_to_even(x: f64, digits: String, exponent: &str) -> String {
    let k = digits.len();
    let Some(last) = digits.bytes().last().filter(|last| k >= 16 && last % 2 == 1) else { return digits };
    if !format!("{x:.k$e}").split('e').next().is_some_and(|mantissa| mantissa.ends_with('5')) {
        return digits;
    }
    // No double has more than 767 significant digits.
    let exact: String = format!("{x:.800e}").chars().take_while(|c| *c != 'e').filter(char::is_ascii_digit).collect();
    let (head, tail) = exact.split_at(k);
    if tail.trim_end_matches('0') != "5" {
        return digits;
    }
    let even = if head == digits { last + 1 } else { last - 1 };
    let (stem, _) = digits.split_at(k - 1);
    let other = format!("{stem}{}", char::from(even));
    let (first, rest) = other.split_at(1);
    let fits = format!("{first}.{rest}e{exponent}").parse() == Ok(x);
    if fits && even <= b'9' { other } else { digits }
}
