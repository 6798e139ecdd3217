//! How a file is cut: pieces of one size, in order; the last takes the rest.

/// TikTok takes a file below this in one piece only, bytes.
const ONE_PIECE: u64 = 5_000_000;
const MAX_PIECES: u64 = 1_000;
/// Largest piece but the last.
const MAX_CHUNK: u64 = 64_000_000;

/// Bytes of each piece but the last, and how many there are.
pub(super) fn plan(size: u64, wanted: u64) -> (u64, u64) {
    if size < ONE_PIECE && wanted >= ONE_PIECE || size <= wanted {
        return (size, 1);
    }
    let chunk = wanted.max(size.div_ceil(MAX_PIECES)).clamp(1, MAX_CHUNK);
    (chunk, (size / chunk).max(1))
}

/// The piece that begins at or before `at`: its first byte and its length.
pub(super) fn piece(size: u64, chunk: u64, at: u64) -> (u64, u64) {
    let count = (size / chunk.max(1)).max(1);
    let index = (at / chunk.max(1)).min(count - 1);
    let from = index * chunk;
    (from, if index + 1 == count { size - from } else { chunk })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_cuts() {
        assert_eq!(plan(4_999_999, 10_485_760), (4_999_999, 1));
        assert_eq!(plan(7_000_000, 10_485_760), (7_000_000, 1));
        assert_eq!(plan(50_000_123, 10_000_000), (10_000_000, 5));
        assert_eq!(piece(50_000_123, 10_000_000, 45_000_000), (40_000_000, 10_000_123));
    }

    proptest! {
        #[test]
        fn pieces_cover_the_file_once_within_the_limits(size in 1u64..4_000_000_000, wanted in 5_000_000u64..64_000_000) {
            let (chunk, count) = plan(size, wanted);
            prop_assert!(count <= 1_000);
            prop_assert!(count == 1 || (5_000_000..=64_000_000).contains(&chunk));
            let (mut at, mut pieces) = (0, 0);
            while at < size {
                let (from, len) = piece(size, chunk, at);
                prop_assert_eq!(from, at);
                prop_assert!(len > 0 && len <= 128_000_000);
                at += len;
                pieces += 1;
            }
            prop_assert_eq!((at, pieces), (size, count));
        }
    }
}
