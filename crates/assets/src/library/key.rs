//! Keys of the library: made from hashes and ids, never from titles, and read back as strictly as they are made.

use std::fmt;

use omniva_contracts::Fault;
use omniva_contracts::engine::ArtifactKind;
use uuid::Uuid;

/// Longest extension.
const MAX_EXTENSION: usize = 5;

/// Where one artifact lies: `raw/ab/<sha256>`, or `renders/ab/<sha256>-<owner>.mp4` for what belongs to one video or clip
/// (two clips may have equal files, and each is kept as long as its own row says).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetKey {
    text: String,
    sha256: String,
}

/// Folder of each kind. Delivered files lie where the user wants them and have no key.
const FOLDERS: [(ArtifactKind, &str); 7] = [
    (ArtifactKind::Raw, "raw"),
    (ArtifactKind::Analysis, "analysis"),
    (ArtifactKind::Render, "renders"),
    (ArtifactKind::Thumbnail, "thumbnails"),
    (ArtifactKind::Subtitles, "subtitles"),
    (ArtifactKind::Record, "records"),
    (ArtifactKind::Print, "prints"),
];

impl AssetKey {
    /// `sha256` is 64 lower-case hex digits, `extension` 1 to 5 letters or digits, or empty.
    ///
    /// # Errors
    /// `internal` for anything else, and for kinds that are not kept in the library.
    pub fn new(kind: ArtifactKind, sha256: &str, owner: Option<Uuid>, extension: &str) -> Result<Self, Fault> {
        let folder = FOLDERS.iter().find(|(k, _)| *k == kind).map(|(_, folder)| *folder);
        let shard = sha256.get(..2).filter(|_| is_digest(sha256));
        let (Some(folder), Some(shard)) = (folder, shard) else {
            return Err(Fault::internal(format!("no key can be made for a {} with hash {sha256:?}", kind.as_str())));
        };
        let owner = owner.map(|id| format!("-{id}")).unwrap_or_default();
        let dot = if extension.is_empty() { "" } else { "." };
        let text = format!("{folder}/{shard}/{sha256}{owner}{dot}{extension}");
        Self::parse(&text).ok_or_else(|| Fault::internal(format!("{extension:?} is no extension of an artifact")))
    }

    /// A key as rows keep it; `None` for every text that [`AssetKey::new`] can not have made, so that no row can name a
    /// file outside the library.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (folder, shard, name) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || !FOLDERS.iter().any(|(_, known)| *known == folder) {
            return None;
        }
        let (stem, extension) = name.split_once('.').map_or((name, None), |(stem, ext)| (stem, Some(ext)));
        let plain = |ext: &str| {
            (1..=MAX_EXTENSION).contains(&ext.len())
                && ext.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        let sha256 = stem.get(..64)?;
        let owner = stem.get(64..)?;
        let valid_owner = owner.is_empty()
            || owner.strip_prefix('-').is_some_and(|id| Uuid::parse_str(id).is_ok_and(|u| u.to_string() == id));
        let valid = is_digest(sha256) && sha256.starts_with(shard) && shard.len() == 2 && valid_owner;
        (valid && extension.is_none_or(plain)).then(|| Self { text: text.to_owned(), sha256: sha256.to_owned() })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// Lower-case hex: what the content must hash to.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
    pub(crate) fn folders() -> impl Iterator<Item = &'static str> {
        FOLDERS.iter().map(|(_, folder)| *folder)
    }
}

impl fmt::Display for AssetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHA: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn keys_are_made_from_hashes_and_ids() {
        let raw = AssetKey::new(ArtifactKind::Raw, SHA, None, "").unwrap();
        assert_eq!(raw.as_str(), format!("raw/ba/{SHA}"));
        let owner = Uuid::from_u128(7);
        let render = AssetKey::new(ArtifactKind::Render, SHA, Some(owner), "mp4").unwrap();
        assert_eq!(render.as_str(), format!("renders/ba/{SHA}-{owner}.mp4"));
        assert_eq!(render.sha256(), SHA);
        for key in [raw, render] {
            assert_eq!(AssetKey::parse(key.as_str()), Some(key));
        }
        assert!(AssetKey::new(ArtifactKind::Raw, "ABC", None, "").is_err());
        assert!(AssetKey::new(ArtifactKind::Raw, SHA, None, "../x").is_err());
        assert!(AssetKey::new(ArtifactKind::Delivered, SHA, None, "").is_err());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bad in [
            "",
            "raw",
            "/etc/passwd",
            "raw/../../etc/passwd",
            &format!("raw/bb/{SHA}"),
            &format!("raw//{SHA}"),
            &format!("raw/ba/{SHA}/x"),
            &format!("raw/ba/{SHA}."),
            &format!("raw/ba/{SHA}-"),
            &format!("raw/ba/{SHA}-x"),
            &format!("secrets/ba/{SHA}"),
            &format!("raw/ba/{}", SHA.to_uppercase()),
        ] {
            assert_eq!(AssetKey::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_leads_out_of_the_library(text in "(raw|renders)?/?[./a-f0-9-]{0,90}") {
            if let Some(key) = AssetKey::parse(&text) {
                prop_assert!(!key.as_str().contains("..") && !key.as_str().starts_with('/'));
            }
        }
    }
}
