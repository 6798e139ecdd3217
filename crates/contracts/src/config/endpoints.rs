//! `config/endpoints.toml`: where the publishing platforms are, and what their protocols ask for. Dated data: the platforms
//! change it more often than we release.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{invalid, merge, within};
use crate::fault::{Code, Fault};

const DEFAULT: &str = include_str!("../../../../config/endpoints.toml");
/// What a chunk of YouTube's resumable upload is a multiple of, bytes.
const YOUTUBE_UNIT: u64 = 262_144;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoints {
    /// Day on which the documentation said so, `2026-11-20`.
    pub dated: String,
    pub http: HttpLimits,
    pub youtube: YoutubeEndpoints,
    pub tiktok: TiktokEndpoints,
    pub instagram: InstagramEndpoints,
    pub webhook: WebhookEndpoints,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpLimits {
    pub connect_seconds: f64,
    pub stall_seconds: f64,
    pub answer_seconds: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct YoutubeEndpoints {
    pub api: String,
    pub upload: String,
    /// Figures of the channel's videos.
    pub analytics: String,
    /// Days of California after which the figures of a day no longer change.
    pub analytics_late_days: u32,
    /// Videos that are asked for at once.
    pub list_ids: u32,
    /// What stands before a video's id in its address.
    pub watch: String,
    pub chunk_bytes: u64,
    pub settle_seconds: f64,
    pub poll_seconds: f64,
    pub thumbnail_bytes: u64,
    pub caption_bytes: u64,
    pub category: String,
    pub title_chars: u32,
    pub description_bytes: u32,
    /// Characters of all tags with what parts them; a tag with a blank costs two more.
    pub tags_chars: u32,
    /// Longest video that is a Short.
    pub max_seconds: f64,
    pub oauth: OauthEndpoints,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TiktokEndpoints {
    pub api: String,
    pub post: String,
    pub chunk_bytes: u64,
    pub poll_seconds: f64,
    pub upload_url_seconds: f64,
    pub title_utf16: u32,
    /// Videos whose figures are asked for at once.
    pub query_ids: u32,
    /// Longest video; an account may be allowed less.
    pub max_seconds: f64,
    pub oauth: OauthEndpoints,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstagramEndpoints {
    pub api: String,
    pub upload: String,
    pub version: String,
    pub poll_seconds: f64,
    pub container_seconds: f64,
    pub settle_seconds: f64,
    pub caption_chars: u32,
    pub caption_hashtags: u32,
    pub caption_mentions: u32,
    pub max_seconds: f64,
    pub oauth: OauthEndpoints,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookEndpoints {
    pub window_seconds: f64,
}

/// How the verifier of RFC 7636 becomes its challenge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pkce {
    /// The platform knows none.
    #[default]
    None,
    S256,
    /// The hash in hex.
    S256Hex,
}

/// How an access token is renewed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Renewal {
    /// RFC 6749 §6; the answer may hold another refresh token.
    #[default]
    RefreshToken,
    /// The token renews itself (Instagram), once it is a day old.
    LongLived,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OauthEndpoints {
    pub authorize: String,
    pub token: String,
    #[serde(default)]
    pub revoke: Option<String>,
    /// Without one there is no device flow.
    #[serde(default)]
    pub device: Option<String>,
    /// Where a short-lived token becomes a long-lived one.
    #[serde(default)]
    pub long_lived: Option<String>,
    #[serde(default)]
    pub refresh: Option<String>,
    pub client_id_name: String,
    pub scopes: Vec<String>,
    /// Asked for besides: the right to read the figures of posts. Publishing goes on without it.
    #[serde(default)]
    pub insight_scopes: Vec<String>,
    /// Asked for as well, and done without where they are not granted.
    #[serde(default)]
    pub optional_scopes: Vec<String>,
    #[serde(default)]
    pub device_scopes: Vec<String>,
    pub scope_separator: String,
    pub pkce: Pkce,
    /// Parameters of the authorisation page that only this platform has.
    #[serde(default)]
    pub extra: BTreeMap<String, String>,
    pub renewal: Renewal,
    /// A token that ends sooner than this is renewed before it is used.
    pub skew_seconds: f64,
}

impl OauthEndpoints {
    pub fn skew(&self) -> Duration {
        Duration::from_secs_f64(self.skew_seconds)
    }

    fn validate(&self, at: &str, faults: &mut Vec<String>) {
        address(faults, &format!("{at}.authorize"), &self.authorize);
        address(faults, &format!("{at}.token"), &self.token);
        for (key, url) in [
            ("revoke", &self.revoke),
            ("device", &self.device),
            ("long_lived", &self.long_lived),
            ("refresh", &self.refresh),
        ] {
            if let Some(url) = url {
                address(faults, &format!("{at}.{key}"), url);
            }
        }
        if self.scopes.is_empty() {
            faults.push(format!("{at}.scopes: name at least one"));
        }
        if self.renewal == Renewal::LongLived && (self.long_lived.is_none() || self.refresh.is_none()) {
            faults.push(format!("{at}: long_lived and refresh are needed for renewal = \"long_lived\""));
        }
        within(faults, &format!("{at}.skew_seconds"), self.skew_seconds, 1.0, 5_000_000.0);
    }
}

impl Endpoints {
    /// The shipped data with the `[endpoints]` table of `overlay` (name, TOML text) on top.
    ///
    /// # Errors
    /// `config_invalid` naming every key at fault.
    pub fn load(overlay: Option<(&str, &str)>) -> Result<Self, Fault> {
        let mut merged: toml::Table = DEFAULT.parse().map_err(|e| invalid("config/endpoints.toml", &e))?;
        let mut origin = "config/endpoints.toml";
        if let Some((name, text)) = overlay {
            let mut table: toml::Table = text.parse().map_err(|e| invalid(name, &e))?;
            match table.remove("endpoints") {
                Some(toml::Value::Table(own)) => merge(&mut merged, own),
                Some(_) => return Err(invalid(name, &"endpoints is no table")),
                None => {}
            }
            origin = name;
        }
        let endpoints: Self = toml::Value::Table(merged).try_into().map_err(|e| invalid(origin, &e))?;
        endpoints.validate()?;
        Ok(endpoints)
    }

    /// The shipped file alone, read once.
    ///
    /// # Errors
    /// `config_invalid` when the release itself is wrong.
    pub fn shipped() -> Result<&'static Self, Fault> {
        static SHIPPED: LazyLock<Result<Endpoints, Fault>> = LazyLock::new(|| Endpoints::load(None));
        SHIPPED.as_ref().map_err(Clone::clone)
    }

    /// # Errors
    /// `config_invalid` naming every key at fault.
    pub fn validate(&self) -> Result<(), Fault> {
        let mut faults = Vec::new();
        let seconds: [(&str, f64, f64); 13] = [
            ("http.connect_seconds", self.http.connect_seconds, 300.0),
            ("http.stall_seconds", self.http.stall_seconds, 600.0),
            ("http.answer_seconds", self.http.answer_seconds, 3_600.0),
            ("youtube.settle_seconds", self.youtube.settle_seconds, 86_400.0),
            ("youtube.poll_seconds", self.youtube.poll_seconds, 3_600.0),
            ("tiktok.poll_seconds", self.tiktok.poll_seconds, 3_600.0),
            ("tiktok.upload_url_seconds", self.tiktok.upload_url_seconds, 3_600.0),
            ("instagram.container_seconds", self.instagram.container_seconds, 86_400.0),
            ("instagram.settle_seconds", self.instagram.settle_seconds, 86_400.0),
            ("youtube.max_seconds", self.youtube.max_seconds, 43_200.0),
            ("tiktok.max_seconds", self.tiktok.max_seconds, 43_200.0),
            ("instagram.max_seconds", self.instagram.max_seconds, 43_200.0),
            ("webhook.window_seconds", self.webhook.window_seconds, 3_600.0),
        ];
        for (key, value, high) in seconds {
            within(&mut faults, &format!("endpoints.{key}"), value, 0.05, high);
        }
        within(&mut faults, "endpoints.instagram.poll_seconds", self.instagram.poll_seconds, 0.05, 3_600.0);
        for (key, url) in [
            ("youtube.api", &self.youtube.api),
            ("youtube.upload", &self.youtube.upload),
            ("youtube.analytics", &self.youtube.analytics),
            ("tiktok.api", &self.tiktok.api),
            ("instagram.api", &self.instagram.api),
            ("instagram.upload", &self.instagram.upload),
        ] {
            address(&mut faults, &format!("endpoints.{key}"), url);
        }
        let chunk = self.youtube.chunk_bytes;
        if chunk == 0 || !chunk.is_multiple_of(YOUTUBE_UNIT) || chunk > 1 << 30 {
            faults.push(format!(
                "endpoints.youtube.chunk_bytes = {chunk}: must be a multiple of {YOUTUBE_UNIT}, up to 1 GiB"
            ));
        }
        within(&mut faults, "endpoints.tiktok.chunk_bytes", self.tiktok.chunk_bytes, 5_000_000, 64_000_000);
        within(&mut faults, "endpoints.youtube.thumbnail_bytes", self.youtube.thumbnail_bytes, 1 << 16, 50 << 20);
        within(&mut faults, "endpoints.youtube.analytics_late_days", self.youtube.analytics_late_days, 1, 30);
        within(&mut faults, "endpoints.youtube.list_ids", self.youtube.list_ids, 1, 50);
        within(&mut faults, "endpoints.tiktok.query_ids", self.tiktok.query_ids, 1, 20);
        within(&mut faults, "endpoints.youtube.caption_bytes", self.youtube.caption_bytes, 1 << 10, 100 << 20);
        for (key, value, low, high) in [
            ("youtube.title_chars", self.youtube.title_chars, 50, 1_000),
            ("youtube.description_bytes", self.youtube.description_bytes, 2_000, 100_000),
            ("youtube.tags_chars", self.youtube.tags_chars, 100, 10_000),
            ("tiktok.title_utf16", self.tiktok.title_utf16, 1_000, 100_000),
            ("instagram.caption_chars", self.instagram.caption_chars, 1_000, 100_000),
            ("instagram.caption_hashtags", self.instagram.caption_hashtags, 1, 1_000),
            ("instagram.caption_mentions", self.instagram.caption_mentions, 0, 1_000),
        ] {
            within(&mut faults, &format!("endpoints.{key}"), value, low, high);
        }
        self.youtube.oauth.validate("endpoints.youtube.oauth", &mut faults);
        self.tiktok.oauth.validate("endpoints.tiktok.oauth", &mut faults);
        self.instagram.oauth.validate("endpoints.instagram.oauth", &mut faults);
        if faults.is_empty() {
            return Ok(());
        }
        Err(Fault::new(
            Code::ConfigInvalid,
            faults.join("; "),
            "correct these keys in the configuration file; config/endpoints.toml explains each",
        ))
    }
}

fn address(faults: &mut Vec<String>, key: &str, url: &str) {
    if let Err(why) = safe_address(url) {
        faults.push(format!("{key} = {url:?}: {why}"));
    }
}

/// Whether tokens and videos may go to `url`: https, or plain http to this machine. Gives whether it is this machine.
///
/// # Errors
/// Why not, in words.
pub fn safe_address(url: &str) -> Result<bool, &'static str> {
    let (scheme, rest) = url.split_once("://").ok_or("must start with https://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if !url.bytes().all(|b| b.is_ascii_graphic()) || authority.contains('\\') {
        return Err("not a URL");
    }
    if authority.contains('@') {
        return Err("a name or password does not belong into the URL");
    }
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match scheme {
        _ if host.is_empty() => Err("names no host"),
        "https" => Ok(loopback),
        "http" if loopback => Ok(true),
        "http" => Err("plain http is only allowed to this machine"),
        _ => Err("must start with https://"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_data_holds_and_parts_of_it_can_be_replaced() {
        let shipped = Endpoints::load(None).unwrap();
        assert_eq!(shipped.youtube.chunk_bytes % YOUTUBE_UNIT, 0);
        let overlay = "[endpoints.instagram]\nversion = \"v27.0\"\n[other]\nx = 1\n";
        let changed = Endpoints::load(Some(("own.toml", overlay))).unwrap();
        assert_eq!(changed.instagram.version, "v27.0");
        assert_eq!(changed.youtube, shipped.youtube);
    }

    #[test]
    fn bad_data_is_named() {
        for (text, key) in [
            ("[endpoints.youtube]\napi = \"http://example.org\"", "youtube.api"),
            ("[endpoints.youtube]\nchunk_bytes = 1000", "youtube.chunk_bytes"),
            ("[endpoints.tiktok]\nchunk_bytes = 1000", "tiktok.chunk_bytes"),
            ("[endpoints.youtube.oauth]\nscopes = []", "oauth.scopes"),
            ("[endpoints.youtube]\nanalytics = \"http://example.org\"", "youtube.analytics"),
            ("[endpoints.youtube]\nlist_ids = 51", "youtube.list_ids"),
            ("[endpoints.youtube]\nanalytics_late_days = 0", "analytics_late_days"),
            ("[endpoints.tiktok]\nquery_ids = 21", "query_ids"),
            ("[endpoints.webhook]\nwindow_seconds = nan", "webhook.window_seconds"),
            ("[endpoints]\nnew = 1", "new"),
            ("endpoints = 3", "endpoints"),
        ] {
            let fault = Endpoints::load(Some(("own.toml", text))).unwrap_err();
            assert_eq!(fault.code, Code::ConfigInvalid);
            assert!(fault.message.contains(key), "{fault}");
        }
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear() {
        for good in ["http://127.0.0.1:80/x", "http://[::1]:8080", "http://localhost/", "https://127.0.0.1"] {
            assert_eq!(safe_address(good), Ok(true), "{good}");
        }
        assert_eq!(safe_address("https://example.org/a?b"), Ok(false));
        for bad in [
            "http://example.org",
            "http://127.0.0.1.example.org",
            "http://127.0.0.1@example.org",
            "ftp://127.0.0.1",
            "https://",
            "https:///x",
            "127.0.0.1",
            "http://localhost.example.org",
            "https://u:p@example.org",
            "https://exa mple.org",
            "http://0.0.0.0",
            "http://[::ffff:8.8.8.8]",
            "http://127.0.0.1\\@example.org",
        ] {
            assert!(safe_address(bad).is_err(), "{bad}");
        }
    }
}
