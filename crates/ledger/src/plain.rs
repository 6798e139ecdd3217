//! The canonical form of JSON that a database kept as text, in one pass and without building the value. What was written by
//! `serde_json` is canonical already but for some numbers: its tokens are checked one by one and copied. Whatever is
//! written in another way (blanks, needless escapes, keys out of order) is left to the general form, so that this one
//! can be strict and small.

use std::cmp::Ordering;

use super::canonical::{Out, utf16_order};

/// Deeper nesting is left to the general form, which has a limit of its own.
const DEPTH: u32 = 100;
/// Any integer and any decimal fraction of so many digits is a double of its own, of which it is the shortest form.
const DIGITS: usize = 15;

/// Appends the canonical form of `text`. `None` when it may be none, or JSON in another form than is understood here;
/// `out` then holds a part of it.
pub(crate) fn plain(text: &str, out: &mut Out) -> Option<()> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, copied: 0, out };
    reader.value(0)?;
    if reader.at != text.len() {
        return None;
    }
    reader.copy_to(text.len())
}

struct Reader<'a, 'o> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Up to here the text is in `out`.
    copied: usize,
    out: &'o mut Out,
}

impl<'a> Reader<'a, '_> {
    fn copy_to(&mut self, end: usize) -> Option<()> {
        self.out.push(self.text.get(self.copied..end)?);
        self.copied = end;
        Some(())
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Takes this byte, or gives up.
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Takes this byte if it comes next.
    fn takes(&mut self, byte: u8) -> bool {
        self.take(byte).is_some()
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.bytes.get(self.at..)?.starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    fn value(&mut self, depth: u32) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(|_| ()),
            b'{' if depth < DEPTH => self.object(depth + 1),
            b'[' if depth < DEPTH => self.array(depth + 1),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            b'-' | b'0'..=b'9' => self.number(),
            _ => None,
        }
    }

    fn array(&mut self, depth: u32) -> Option<()> {
        self.take(b'[')?;
        if self.takes(b']') {
            return Some(());
        }
        loop {
            self.value(depth)?;
            if !self.takes(b',') {
                return self.take(b']');
            }
        }
    }

    /// Keys that rise are in order, and none stands twice.
    fn object(&mut self, depth: u32) -> Option<()> {
        self.take(b'{')?;
        if self.takes(b'}') {
            return Some(());
        }
        let mut last: Option<&'a str> = None;
        loop {
            let key = self.string()?;
            // The order is that of what the escapes stand for.
            if key.contains('\\') || last.is_some_and(|last| utf16_order(last, key) != Ordering::Less) {
                return None;
            }
            last = Some(key);
            self.take(b':')?;
            self.value(depth)?;
            if !self.takes(b',') {
                return self.take(b'}');
            }
        }
    }

    /// What stands between the quotes, as it is written.
    fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let start = self.at;
        loop {
            let rest = self.bytes.get(self.at..)?;
            self.at += rest.iter().position(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\')?;
            match self.peek()? {
                b'"' => {
                    let inside = self.text.get(start..self.at)?;
                    self.at += 1;
                    return Some(inside);
                }
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
    }

    /// The one escape that the canonical form has for a character.
    fn escape(&mut self) -> Option<()> {
        self.take(b'\\')?;
        let letter = self.peek()?;
        self.at += 1;
        match letter {
            b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.bytes.get(self.at..self.at + 4)?;
                self.at += 4;
                match digits {
                    // \b \t \n \f \r have shorter ones.
                    [b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f'] => Some(()),
                    [b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f'] => Some(()),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        let negative = self.takes(b'-');
        let zero = self.peek()? == b'0';
        let whole = self.digits();
        if whole == 0 || (zero && whole > 1) {
            return None;
        }
        let fraction = if self.takes(b'.') { Some(self.digits()) } else { None };
        if fraction == Some(0) {
            return None;
        }
        let exponent = self.takes(b'e') || self.takes(b'E');
        if exponent {
            let _ = self.takes(b'+') || self.takes(b'-');
            if self.digits() == 0 {
                return None;
            }
        }
        let written = self.text.get(start..self.at)?;
        let as_it_is = match fraction {
            _ if exponent => false,
            // Minus zero is written without its sign.
            None => !(negative && zero) && (whole <= DIGITS || safe(written)),
            Some(digits) => whole + digits <= DIGITS && shortest(written, zero),
        };
        if as_it_is {
            return Some(());
        }
        let double: f64 = written.parse().ok()?;
        // serde_json refuses what no double holds.
        if !double.is_finite() {
            return None;
        }
        self.copy_to(start)?;
        self.out.double(double);
        self.copied = self.at;
        Some(())
    }
}

/// Whether a double holds this whole number exactly, and its neighbours as well.
fn safe(written: &str) -> bool {
    written.parse::<i64>().is_ok_and(|n| n.unsigned_abs() < 1 << 53)
}

/// Whether a decimal fraction of few digits is written as ECMAScript would: no zero at its end, and not so small that it
/// had an exponent.
fn shortest(written: &str, zero: bool) -> bool {
    let Some((_, fraction)) = written.split_once('.') else { return false };
    let tiny = zero && fraction.starts_with("000000");
    !tiny && !fraction.ends_with('0')
}
