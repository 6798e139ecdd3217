//! Reading what a child writes without trusting its length.

/// Longest line that is looked at: a fault with its detail fits many times.
const MAX_LINE: usize = 64 << 10;

/// Splits a stream into lines; a line that is too long is skipped whole and counted.
#[derive(Default)]
pub(crate) struct Lines {
    buffer: Vec<u8>,
    skipping: bool,
    /// Bytes taken in all.
    pub taken: u64,
    /// Lines that were too long.
    pub skipped: u64,
}

impl Lines {
    /// Calls `each` with every line that is complete now, without its line break.
    pub fn take(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        self.taken += bytes.len() as u64;
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (content, complete) = match piece.split_last() {
                Some((b'\n', content)) => (content, true),
                _ => (piece, false),
            };
            if !self.skipping {
                if self.buffer.len() + content.len() > MAX_LINE {
                    self.skipping = true;
                    self.skipped += 1;
                    self.buffer = Vec::new();
                } else {
                    self.buffer.extend_from_slice(content);
                }
            }
            if complete {
                if !self.skipping {
                    each(&self.buffer);
                }
                self.buffer.clear();
                self.skipping = false;
            }
        }
    }
}

/// The last bytes of a stream.
pub(crate) struct Tail {
    buffer: Vec<u8>,
    keep: usize,
}

impl Tail {
    pub fn new(keep: usize) -> Self {
        Self { buffer: Vec::new(), keep }
    }
    pub fn take(&mut self, bytes: &[u8]) {
        let bytes = bytes.get(bytes.len().saturating_sub(self.keep)..).unwrap_or_default();
        let excess = (self.buffer.len() + bytes.len()).saturating_sub(self.keep);
        self.buffer.drain(..excess.min(self.buffer.len()));
        self.buffer.extend_from_slice(bytes);
    }
    pub fn text(&self) -> String {
        printable(&String::from_utf8_lossy(&self.buffer), self.keep)
    }
}

/// At most `most` bytes of `text` (its end) and nothing that could drive a terminal: what a child says may be written
/// by whoever made the video.
pub(crate) fn printable(text: &str, most: usize) -> String {
    let mut start = text.len().saturating_sub(most);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let tail = text.get(start..).unwrap_or_default();
    tail.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines_of(chunks: &[Vec<u8>]) -> (Vec<Vec<u8>>, Lines) {
        let (mut lines, mut seen) = (Lines::default(), Vec::new());
        for chunk in chunks {
            lines.take(chunk, |line| seen.push(line.to_vec()));
        }
        (seen, lines)
    }

    #[test]
    fn a_line_without_end_costs_no_memory_and_the_next_one_is_read() {
        let flood: Vec<Vec<u8>> = (0..64).map(|_| vec![b'x'; 16 << 10]).collect();
        let (seen, mut lines) = lines_of(&flood);
        assert_eq!((seen.len(), lines.skipped, lines.taken), (0, 1, 1 << 20));
        assert!(lines.buffer.capacity() <= MAX_LINE);
        let mut seen = Vec::new();
        lines.take(b"xx\n\"done\"\n", |line| seen.push(line.to_vec()));
        assert_eq!(seen, [b"\"done\"".to_vec()]);
    }

    #[test]
    fn what_is_printed_can_not_drive_a_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\r\u{9b}c\n", 99), "a[31mbc");
        assert_eq!(printable("ääää", 5), "ää");
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_stream_is_cut(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..300), cut in 1usize..40,
        ) {
            let whole = lines_of(std::slice::from_ref(&text)).0;
            let cut: Vec<Vec<u8>> = text.chunks(cut).map(<[u8]>::to_vec).collect();
            prop_assert_eq!(whole, lines_of(&cut).0);
        }

        #[test]
        fn a_tail_is_the_end_of_the_stream(chunks in proptest::collection::vec("[a-z]{0,40}", 0..20)) {
            let mut tail = Tail::new(64);
            chunks.iter().for_each(|chunk| tail.take(chunk.as_bytes()));
            let all = chunks.concat();
            prop_assert_eq!(tail.text(), &all[all.len().saturating_sub(64)..]);
        }
    }
}
