//! How much text a place takes.

use omniva_contracts::config::Endpoints;
use omniva_contracts::engine::Outlet;

/// What our own mark costs among YouTube's tags: `omniva-`, 32 digits, and what parts it from the next.
const MARKER: usize = 40;
/// Hashtags where a place names no number; more are taken for spam everywhere.
const HASHTAGS: usize = 30;
/// Mentions where a place names no number.
const MENTIONS: usize = 20;

/// How a place counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Chars,
    /// UTF-8
    Bytes,
    Utf16,
}

impl Unit {
    pub fn of(self, text: &str) -> usize {
        match self {
            Unit::Chars => text.chars().count(),
            Unit::Bytes => text.len(),
            Unit::Utf16 => text.encode_utf16().count(),
        }
    }

    /// What one character may cost at most.
    pub(super) fn most(self) -> usize {
        match self {
            Unit::Chars => 1,
            Unit::Bytes => 4,
            Unit::Utf16 => 2,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextLimits {
    pub outlet: Outlet,
    /// Characters.
    pub title: usize,
    pub text: usize,
    pub unit: Unit,
    /// Title and description are one text, and share `text`.
    pub caption: bool,
    pub hashtags: usize,
    pub mentions: usize,
    /// Characters of all tags, by YouTube's count; 0 where a place takes none.
    pub tags: usize,
}

impl TextLimits {
    /// Who takes files takes texts that would fit YouTube.
    pub fn of(outlet: Outlet, endpoints: &Endpoints) -> Self {
        let youtube = &endpoints.youtube;
        let common = Self {
            outlet,
            title: youtube.title_chars as usize,
            text: youtube.description_bytes as usize,
            unit: Unit::Bytes,
            caption: false,
            hashtags: HASHTAGS,
            mentions: MENTIONS,
            tags: (youtube.tags_chars as usize).saturating_sub(MARKER),
        };
        match outlet {
            Outlet::Youtube | Outlet::Folder | Outlet::Webhook => common,
            Outlet::Tiktok => {
                let text = endpoints.tiktok.title_utf16 as usize;
                Self { text, unit: Unit::Utf16, caption: true, tags: 0, ..common }
            }
            Outlet::Instagram => {
                let instagram = &endpoints.instagram;
                Self {
                    text: instagram.caption_chars as usize,
                    unit: Unit::Chars,
                    caption: true,
                    hashtags: instagram.caption_hashtags as usize,
                    mentions: instagram.caption_mentions as usize,
                    tags: 0,
                    ..common
                }
            }
        }
    }

    /// What is left for the description beside this title.
    pub(super) fn room(&self, title: &str) -> usize {
        if self.caption && !title.is_empty() { self.text.saturating_sub(self.unit.of(title) + 1) } else { self.text }
    }
}

/// What a tag costs at YouTube, with what parts it from the next.
pub(super) fn tag_cost(tag: &str) -> usize {
    tag.chars().count() + 1 + if tag.contains(' ') { 2 } else { 0 }
}
