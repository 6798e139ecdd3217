//! Canonical JSON (RFC 8785, JCS): one value has exactly one byte form, so that a hash over it means something.
//!
//! Numbers follow ECMAScript: every number is an IEEE 754 double. Integers beyond ±(2^53 - 1) therefore lose digits, as
//! in every JCS implementation; packets carry such values as strings.

use std::cmp::Ordering;
use std::fmt::Write as _;

use omniva_contracts::engine::PacketDraft;
use serde_json::{Number, Value};
use uuid::Uuid;

/// Canonical bytes of a packet: what its leaf hash covers.
pub fn canonical(draft: &PacketDraft) -> Vec<u8> {
    // Most packets fit: growing would copy.
    let mut out = Out { text: String::with_capacity(1024) };
    // The keys stand in UTF-16 order already; a test compares this with the general form.
    out.text.push_str("{\"_meta_parents\":[");
    for (n, parent) in draft.meta_parents.iter().enumerate() {
        out.text.push_str(if n == 0 { "\"" } else { ",\"" });
        out.id(parent.0);
        out.text.push('"');
    }
    out.text.push_str("],\"at\":\"");
    out.shown(&draft.at);
    out.text.push_str("\",\"body\":");
    out.value(&draft.body);
    // No chain and a chain of `null` read back as the same draft.
    if let Some(chain) = draft.decision_chain.as_ref().filter(|chain| !chain.is_null()) {
        out.text.push_str(",\"decision_chain\":");
        out.value(chain);
    }
    out.text.push_str(",\"entity\":{\"entity_id\":\"");
    out.id(draft.entity.entity_id);
    out.text.push_str("\",\"entity_type\":");
    out.string(draft.entity.entity_type.as_str());
    out.text.push_str("},\"kind\":");
    out.string(&draft.kind);
    out.text.push_str(",\"project_id\":");
    match &draft.project_id {
        None => out.text.push_str("null"),
        Some(id) => {
            out.text.push('"');
            out.id(id.0);
            out.text.push('"');
        }
    }
    out.text.push_str(",\"source\":");
    out.string(&draft.source);
    out.text.push_str(",\"stardust_id\":\"");
    out.id(draft.stardust_id.0);
    out.text.push_str("\",\"trace_id\":\"");
    out.id(draft.trace_id.0);
    out.text.push_str("\"}");
    out.text.into_bytes()
}

/// Canonical bytes of any JSON value. Nesting is as deep as `serde_json` reads (128), or as the caller built it.
pub fn canonical_value(value: &Value) -> Vec<u8> {
    let mut out = Out::default();
    out.value(value);
    out.text.into_bytes()
}

#[derive(Default)]
struct Out {
    text: String,
}

impl Out {
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
    fn double(&mut self, x: f64) {
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
fn utf16_order(a: &str, b: &str) -> Ordering {
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
