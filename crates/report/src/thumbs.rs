//! Thumbnails as data addresses, so that the page keeps its pictures when it is moved or mailed.

use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;

use crate::escape::plain_name;

/// Largest thumbnail that is embedded, bytes.
const ONE: u64 = 500_000;
/// Largest sum of embedded thumbnails, bytes; later ones are left out.
const ALL: u64 = 1_500_000;

/// What is left of the room for pictures.
pub struct Budget(u64);

impl Default for Budget {
    fn default() -> Self {
        Self(ALL)
    }
}

impl Budget {
    /// `data:image/jpeg;base64,…` of the file `name` in `folder`; `None` when it is missing, no plain file, no JPEG
    /// or larger than the room left.
    pub fn embed(&mut self, folder: &Path, name: &str) -> Option<String> {
        if !plain_name(name) {
            return None;
        }
        let path = folder.join(name);
        if !std::fs::symlink_metadata(&path).ok()?.is_file() {
            return None;
        }
        let room = self.0.min(ONE);
        let mut data = Vec::new();
        std::fs::File::open(&path).ok()?.take(room + 1).read_to_end(&mut data).ok()?;
        let size = data.len() as u64;
        if size > room || !data.starts_with(&[0xff, 0xd8, 0xff]) {
            return None;
        }
        self.0 -= size;
        Some(format!("data:image/jpeg;base64,{}", base64::engine::general_purpose::STANDARD.encode(&data)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_small_jpegs_beside_the_page_are_embedded() {
        let dir = tempfile::tempdir().expect("a folder");
        let write = |name: &str, data: &[u8]| std::fs::write(dir.path().join(name), data).expect("written");
        write("a.jpg", &[0xff, 0xd8, 0xff, 1]);
        write("text.jpg", b"root:x:0:0");
        let mut big = vec![0u8; ONE as usize + 1];
        big[..3].copy_from_slice(&[0xff, 0xd8, 0xff]);
        write("big.jpg", &big);
        let mut budget = Budget::default();
        assert_eq!(budget.embed(dir.path(), "a.jpg").as_deref(), Some("data:image/jpeg;base64,/9j/AQ=="));
        for bad in ["text.jpg", "big.jpg", "missing.jpg", "../a.jpg", ""] {
            assert_eq!(budget.embed(dir.path(), bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_sum_is_bounded() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut data = vec![0u8; 400_000];
        data[..3].copy_from_slice(&[0xff, 0xd8, 0xff]);
        std::fs::write(dir.path().join("a.jpg"), &data).expect("written");
        let mut budget = Budget::default();
        let embedded = (0..10).filter_map(|_| budget.embed(dir.path(), "a.jpg")).count();
        assert_eq!(embedded, 3);
    }
}
