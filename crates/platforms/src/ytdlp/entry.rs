//! What yt-dlp says about an item, as ours.

use omniva_contracts::engine::{FoundItem, Moment, PostDetails};
use omniva_contracts::hex;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::Url;

use crate::media::{tidy, title};

const MAX_ID: usize = 200;

/// The fields of its JSON that are read. Numbers come as whole or broken ones, and anything may be missing, null, or of
/// another kind than usual: then it counts as not said.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Said {
    #[serde(deserialize_with = "soft")]
    pub id: Option<String>,
    #[serde(deserialize_with = "soft")]
    pub title: Option<String>,
    #[serde(deserialize_with = "soft")]
    pub url: Option<String>,
    #[serde(deserialize_with = "soft")]
    pub webpage_url: Option<String>,
    #[serde(deserialize_with = "soft")]
    pub ie_key: Option<String>,
    #[serde(deserialize_with = "soft")]
    pub extractor_key: Option<String>,
    #[serde(deserialize_with = "soft")]
    pub description: Option<String>,
    #[serde(deserialize_with = "soft")]
    pub uploader: Option<String>,
    #[serde(deserialize_with = "soft")]
    pub channel: Option<String>,
    #[serde(deserialize_with = "soft")]
    pub tags: Option<Vec<String>>,
    #[serde(deserialize_with = "soft")]
    pub timestamp: Option<f64>,
    #[serde(deserialize_with = "soft")]
    pub release_timestamp: Option<f64>,
    #[serde(deserialize_with = "soft")]
    pub duration: Option<f64>,
    #[serde(deserialize_with = "soft")]
    pub width: Option<f64>,
    #[serde(deserialize_with = "soft")]
    pub height: Option<f64>,
    #[serde(deserialize_with = "soft")]
    pub view_count: Option<f64>,
    #[serde(deserialize_with = "soft")]
    pub like_count: Option<f64>,
    #[serde(deserialize_with = "soft")]
    pub comment_count: Option<f64>,
    #[serde(deserialize_with = "soft")]
    pub repost_count: Option<f64>,
    #[serde(deserialize_with = "soft")]
    pub filesize: Option<f64>,
    #[serde(deserialize_with = "soft")]
    pub filesize_approx: Option<f64>,
    #[serde(deserialize_with = "soft")]
    pub live_status: Option<String>,
    #[serde(deserialize_with = "soft")]
    pub is_live: Option<bool>,
    #[serde(deserialize_with = "soft")]
    pub availability: Option<String>,
    #[serde(deserialize_with = "soft")]
    pub subtitles: Option<Map<String, Value>>,
    #[serde(deserialize_with = "soft")]
    pub automatic_captions: Option<Map<String, Value>>,
}

fn soft<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).ok())
}

impl Said {
    pub fn at(&self) -> Option<Moment> {
        let seconds = self.timestamp.or(self.release_timestamp)?;
        (seconds.is_finite() && seconds > 0.0 && seconds < 253_402_300_799.0)
            .then(|| Moment::from_seconds(seconds as i64))
    }

    pub fn bytes(&self) -> Option<u64> {
        self.filesize.or(self.filesize_approx).and_then(count).filter(|bytes| *bytes > 0)
    }

    pub fn seconds(&self) -> Option<f64> {
        self.duration.filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
    }

    /// Why it is not taken, by what is said about it.
    pub fn refused(&self, max_hours: f64) -> Option<String> {
        let kind = self.ie_key.as_deref().or(self.extractor_key.as_deref()).unwrap_or_default();
        let live = self.live_status.as_deref().unwrap_or_default();
        let shown = self.availability.as_deref().unwrap_or_default();
        if ["Tab", "Playlist", "Channel", "User"].iter().any(|end| kind.ends_with(end)) {
            return Some("is a list of its own: give its address as a source".into());
        }
        if self.is_live == Some(true) || matches!(live, "is_live" | "is_upcoming") {
            return Some("is live or has not begun".into());
        }
        if matches!(shown, "private" | "premium_only" | "subscriber_only" | "needs_auth") {
            return Some("is shown only to some".into());
        }
        self.seconds()
            .filter(|seconds| *seconds > max_hours * 3600.0)
            .map(|seconds| format!("is {:.1} hours long, more than the {max_hours} that are allowed", seconds / 3600.0))
    }

    pub fn details(&self) -> PostDetails {
        let text = |text: &Option<String>, most| text.as_deref().map(|t| tidy(t, most)).filter(|t| !t.is_empty());
        let mut tags: Vec<String> =
            self.tags.iter().flatten().map(|tag| tidy(tag.trim_start_matches('#'), 100)).collect();
        if let Some(description) = &self.description {
            tags.extend(hashtags(description));
        }
        tags.retain(|tag| !tag.is_empty());
        let mut seen = std::collections::BTreeSet::new();
        tags.retain(|tag| seen.insert(tag.to_lowercase()));
        tags.truncate(PostDetails::MAX_LIST);
        let captions = self.subtitles.iter().chain(&self.automatic_captions).flat_map(Map::keys);
        let captions: std::collections::BTreeSet<String> = captions.map(|name| tidy(name, 20)).collect();
        let page = self.webpage_url.as_deref().map(plain).filter(|page| page.starts_with("http"));
        PostDetails {
            description: text(&self.description, PostDetails::MAX_TEXT),
            author: text(&self.uploader, 200).or(text(&self.channel, 200)),
            tags,
            captions: captions.into_iter().take(PostDetails::MAX_LIST).collect(),
            duration_seconds: self.seconds(),
            width: self.width.and_then(count).and_then(|n| u32::try_from(n).ok()),
            height: self.height.and_then(count).and_then(|n| u32::try_from(n).ok()),
            media_type: None,
            page: page.filter(|page| page.len() <= omniva_contracts::engine::MAX_URL),
            views: self.view_count.and_then(count),
            likes: self.like_count.and_then(count),
            comments: self.comment_count.and_then(count),
            shares: self.repost_count.and_then(count),
        }
    }

    /// The item behind `address`, which the guard has seen.
    pub fn item(&self, address: String) -> FoundItem {
        let named = self.title.as_deref().map(|text| tidy(text, 200)).filter(|text| !text.is_empty());
        let fallback = || Url::parse(&address).map_or_else(|_| "video".to_owned(), |url| title(&url));
        FoundItem {
            platform_post_id: self.key(&address),
            title: named.unwrap_or_else(fallback),
            bytes: self.bytes(),
            posted_at: self.at(),
            details: self.details(),
            url: address,
        }
    }

    /// The page to be asked for this item.
    pub fn address(&self) -> Option<String> {
        self.webpage_url.as_deref().or(self.url.as_deref()).map(plain)
    }

    /// The platform's own id. What a page without one shows is known by its address: ids that are made of file names
    /// (`generic`) are not unique.
    fn key(&self, address: &str) -> String {
        let own = self.ie_key.as_deref().or(self.extractor_key.as_deref()).is_some_and(|key| key != "Generic");
        match self.id.as_deref() {
            Some(id) if own && !id.is_empty() && id.len() <= MAX_ID && id.bytes().all(|b| b.is_ascii_graphic()) => {
                id.to_owned()
            }
            _ => {
                let mut hash = Sha256::new();
                hash.update(b"omniva-page-1\0");
                hash.update(address);
                hex(&hash.finalize())
            }
        }
    }
}

fn count(number: f64) -> Option<u64> {
    (number.is_finite() && (0.0..9e15).contains(&number)).then_some(number as u64)
}

/// Without what yt-dlp hides behind `#`.
fn plain(url: &str) -> String {
    url.split('#').next().unwrap_or_default().to_owned()
}

fn hashtags(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split_whitespace().filter_map(|word| {
        let tag: String = word.strip_prefix('#')?.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        (!tag.is_empty()).then_some(tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_json_becomes_an_item() {
        let text = r##"{"id":"dQw4","ie_key":"Youtube","title":" A\n talk ","url":"https://www.youtube.com/watch?v=dQw4#__youtubedl_smuggle=x",
            "timestamp":1715094000,"duration":61.5,"view_count":7.0,"like_count":null,"description":"See #Sea #sea, and #wind!","tags":["Boats"],
            "subtitles":{"en":[],"de":[]},"automatic_captions":{"en":[]},"filesize_approx":1234.7,"channel":"Ann","unknown":[1]}"##;
        let said: Said = serde_json::from_str(text).unwrap();
        let item = said.item(said.address().unwrap());
        assert_eq!((item.platform_post_id.as_str(), item.title.as_str(), item.bytes), ("dQw4", "A talk", Some(1234)));
        assert_eq!(item.url, "https://www.youtube.com/watch?v=dQw4");
        assert_eq!(item.posted_at, Moment::parse("2024-05-07T15:00:00Z"));
        let details = item.details;
        assert_eq!(details.tags, ["Boats", "Sea", "wind"]);
        assert_eq!(details.captions, ["de", "en"]);
        assert_eq!((details.views, details.likes, details.duration_seconds), (Some(7), None, Some(61.5)));
        assert_eq!(details.author.as_deref(), Some("Ann"));
    }

    #[test]
    fn what_can_not_be_taken_is_told() {
        let refused = |text: &str| serde_json::from_str::<Said>(text).unwrap().refused(1.0).unwrap_or_default();
        assert!(refused(r#"{"duration":3601}"#).contains("hours"));
        assert!(refused(r#"{"live_status":"is_upcoming"}"#).contains("live"));
        assert!(refused(r#"{"availability":"subscriber_only"}"#).contains("some"));
        assert!(refused(r#"{"ie_key":"YoutubeTab"}"#).contains("list"));
        assert_eq!(
            refused(r#"{"duration":3600,"live_status":"was_live","availability":"public","ie_key":"Youtube"}"#),
            ""
        );
    }

    #[test]
    fn what_is_of_another_kind_than_usual_counts_as_not_said() {
        let text =
            r#"{"id":7,"title":["x"],"tags":"a","duration":"long","subtitles":[],"view_count":-1,"timestamp":1e300}"#;
        let item = serde_json::from_str::<Said>(text).unwrap().item("https://example.org/v".into());
        assert_eq!(
            (item.title.as_str(), item.posted_at, item.details),
            ("v", None, PostDetails { ..Default::default() })
        );
    }

    #[test]
    fn ids_of_pages_without_one_come_from_their_address() {
        let said: Said = serde_json::from_str(r#"{"id":"a","extractor_key":"Generic"}"#).unwrap();
        let (a, b) = (said.item("https://example.org/1/a.mp4".into()), said.item("https://example.org/2/a.mp4".into()));
        assert_ne!(a.platform_post_id, b.platform_post_id);
        assert_eq!((a.platform_post_id.len(), a.title.as_str()), (64, "a"));
    }
}
