//! Where a creator's videos come from, as an operator says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::Platform;
use crate::fault::{Code, Fault};

/// Where a creator's videos come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SourceSpec {
    /// A folder on this machine (absolute path); a file is taken once it stops growing.
    Inbox { folder: String },
    /// One media file (`https://…` or `http://…`).
    Url {
        #[schemars(length(min = 8, max = 2048))]
        url: String,
    },
    /// An RSS or Atom feed; its enclosures are taken.
    Feed {
        #[schemars(length(min = 8, max = 2048))]
        url: String,
        /// The newest so many are looked at; the engine's own limit when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = 1000))]
        max_items: Option<u32>,
    },
    /// A page of videos that yt-dlp understands: a channel, a playlist, a single post.
    Channel {
        #[schemars(length(min = 8, max = 2048))]
        url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = 1000))]
        max_items: Option<u32>,
        /// `secret:NAME`: the vault's secret with the proxy to go through; the configuration's when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 8, max = 107))]
        proxy: Option<String>,
        /// `secret:NAME`: the vault's secret with the cookies of who is signed in; the configuration's when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 8, max = 107))]
        cookies: Option<String>,
    },
    /// A name on YouTube, TikTok or Instagram, with or without `@`.
    Handle {
        platform: Platform,
        #[schemars(length(min = 1, max = 64))]
        handle: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = 1000))]
        max_items: Option<u32>,
        /// As of a channel.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 8, max = 107))]
        proxy: Option<String>,
        /// As of a channel.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 8, max = 107))]
        cookies: Option<String>,
    },
}

/// With what a source is asked, by name: nothing in it is a secret itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// `secret:NAME`.
    pub proxy: Option<String>,
    /// `secret:NAME`.
    pub cookies: Option<String>,
}

/// The name in `secret:NAME`: up to 100 letters, digits and `-`, `_`, `.`, `/`. `None` for every other text.
pub fn secret_name(text: &str) -> Option<&str> {
    text.strip_prefix("secret:").filter(|name| is_secret_name(name))
}

/// Whether an operator may call a secret so. Names that the engine gives to secrets of its own are refused where they are
/// given, not here.
pub fn is_secret_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '.');
    (1..=100).contains(&name.len()) && name.chars().all(plain)
}

/// Longest URL that is taken, bytes.
pub const MAX_URL: usize = 2048;
/// Items of one look that an operator may ask for.
pub const MAX_ITEMS: u32 = 1000;
const MAX_HANDLE: usize = 64;
const MAX_PATH: usize = 4096;

impl SourceSpec {
    /// Everything that can be said without asking anybody: the form of folders, URLs and handles. Whether an address may be
    /// dialled depends on the configuration and on what its name resolves to, and is asked each time.
    ///
    /// # Errors
    /// `url_invalid` for a URL, `usage` for the rest.
    pub fn check(&self) -> Result<(), Fault> {
        match self {
            SourceSpec::Inbox { folder } => check_folder(folder),
            SourceSpec::Url { url } => web_url(url).map(drop),
            SourceSpec::Feed { url, max_items } | SourceSpec::Channel { url, max_items, .. } => {
                check_items(*max_items)?;
                check_access(&self.access())?;
                web_url(url).map(drop)
            }
            SourceSpec::Handle { platform, handle, max_items, .. } => {
                check_access(&self.access())?;
                check_items(*max_items)?;
                handle_url(*platform, handle).map(drop)
            }
        }
    }

    /// What the source says about a proxy and cookies of its own.
    pub fn access(&self) -> Access {
        match self {
            SourceSpec::Channel { proxy, cookies, .. } | SourceSpec::Handle { proxy, cookies, .. } => {
                Access { proxy: proxy.clone(), cookies: cookies.clone() }
            }
            SourceSpec::Inbox { .. } | SourceSpec::Url { .. } | SourceSpec::Feed { .. } => Access::default(),
        }
    }

    /// The page or file to be asked; `None` for a folder.
    ///
    /// # Errors
    /// Those of [`SourceSpec::check`].
    pub fn url(&self) -> Result<Option<Url>, Fault> {
        match self {
            SourceSpec::Inbox { .. } => Ok(None),
            SourceSpec::Url { url } | SourceSpec::Feed { url, .. } | SourceSpec::Channel { url, .. } => {
                web_url(url).map(Some)
            }
            SourceSpec::Handle { platform, handle, .. } => web_url(&handle_url(*platform, handle)?).map(Some),
        }
    }
}

fn usage(message: String, next_step: &str) -> Fault {
    Fault::new(Code::Usage, message, next_step)
}

fn check_folder(folder: &str) -> Result<(), Fault> {
    let plain = folder.starts_with('/') && !folder.split('/').any(|part| matches!(part, "." | ".."));
    if plain && folder.len() <= MAX_PATH && !folder.contains(char::is_control) {
        return Ok(());
    }
    Err(usage(
        format!("{:?} is no folder that can be an inbox", shortened(folder)),
        "give an absolute path without . and ..",
    ))
}

fn check_items(max_items: Option<u32>) -> Result<(), Fault> {
    if max_items.is_none_or(|n| (1..=MAX_ITEMS).contains(&n)) {
        return Ok(());
    }
    Err(usage(format!("max_items must be 1..={MAX_ITEMS}"), "correct max_items of the creator's source"))
}

/// The text is not repeated: somebody may have put the secret itself there.
fn check_access(access: &Access) -> Result<(), Fault> {
    for (field, text) in [("proxy", &access.proxy), ("cookies", &access.cookies)] {
        if text.as_deref().is_some_and(|text| secret_name(text).is_none()) {
            return Err(usage(
                format!("{field} of the creator's source does not name a secret"),
                &format!("store it with omniva auth secret {field}/NAME --file FILE, and write secret:{field}/NAME"),
            ));
        }
    }
    Ok(())
}

/// The page of a handle. Only letters, digits, `.`, `_` and `-` can stand in one, so that it never becomes more of a URL.
fn handle_url(platform: Platform, handle: &str) -> Result<String, Fault> {
    let name = handle.strip_prefix('@').unwrap_or(handle);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let named = (1..=MAX_HANDLE).contains(&name.len()) && name.chars().all(plain);
    if !named || name.chars().all(|c| c == '.') {
        return Err(usage(
            format!("{:?} is no handle", shortened(handle)),
            "give the name as the platform shows it: letters, digits, . _ and -; or give the channel's URL",
        ));
    }
    match platform {
        Platform::Youtube => Ok(format!("https://www.youtube.com/@{name}/videos")),
        Platform::Tiktok => Ok(format!("https://www.tiktok.com/@{name}")),
        Platform::Instagram => Ok(format!("https://www.instagram.com/{name}/")),
        Platform::Podcast | Platform::Other => Err(usage(
            format!("{} has no handles", platform.as_str()),
            "give a feed or a URL as the source, or set platform to youtube, tiktok or instagram",
        )),
    }
}

/// Reads a URL as browsers do (WHATWG), and refuses what two readers could understand differently: white space,
/// backslashes, missing or additional slashes, credentials, hosts in other than their plain form, a trailing dot.
///
/// # Errors
/// `url_invalid`.
pub fn web_url(text: &str) -> Result<Url, Fault> {
    let refuse = |why: &str| Err(url_fault(text, why));
    if text.len() > MAX_URL {
        return refuse("it is too long");
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return refuse("it holds white space, control characters or backslashes");
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return refuse("it does not begin with https:// or http://");
    };
    if !(scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")) {
        return refuse("only https and http are taken");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return refuse("it carries a user name or a password");
    }
    if authority.is_empty() || authority.contains('%') {
        return refuse("its host is missing or escaped");
    }
    let Ok(mut url) = Url::parse(text) else { return refuse("it can't be read") };
    let Some(host) = url.host() else { return refuse("it has no host") };
    let written = written_host(authority);
    match host {
        Host::Ipv4(ip) if written != ip.to_string() => refuse("its address is not written as four plain numbers"),
        Host::Ipv6(_) if !written.starts_with('[') => refuse("its host can't be read"),
        Host::Domain(name) if name.ends_with('.') => refuse("its host ends with a dot"),
        Host::Domain(name) if name.len() > 253 || name.split('.').any(|label| label.is_empty() || label.len() > 63) => {
            refuse("its host is no name")
        }
        _ if url.port() == Some(0) => refuse("its port is 0"),
        _ => {
            url.set_fragment(None);
            Ok(url)
        }
    }
}

/// The host as it was written, without the port.
fn written_host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

/// A URL may carry a password or a token: only its form is told, not its text.
fn url_fault(text: &str, why: &str) -> Fault {
    let place: String = text.chars().take_while(|c| !matches!(c, '?' | '#' | '@')).take(80).collect();
    let place = if text.contains('@') { String::from("the URL") } else { format!("{place:?}") };
    Fault::new(
        Code::UrlInvalid,
        format!("{place} can't be used: {why}"),
        "give a plain URL such as https://example.org/talk.mp4, without user name and password",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn specs_are_tagged_and_know_no_other_keys() {
        let read = |text: &str| serde_json::from_str::<SourceSpec>(text);
        let feed = SourceSpec::Feed { url: "https://example.org/f".into(), max_items: None };
        assert_eq!(read(r#"{"kind":"feed","url":"https://example.org/f"}"#).expect("valid"), feed);
        assert_eq!(serde_json::to_string(&feed).expect("text"), r#"{"kind":"feed","url":"https://example.org/f"}"#);
        let handle =
            read(r#"{"kind":"handle","platform":"youtube_shorts","handle":"@a.b","max_items":5}"#).expect("valid");
        assert_eq!(handle.url().expect("good").expect("web").as_str(), "https://www.youtube.com/@a.b/videos");
        for bad in [
            r#"{"kind":"feed"}"#,
            r#"{"kind":"url","url":"x","headers":{}}"#,
            r#"{"kind":"ftp","url":"x"}"#,
            r#"{"kind":"inbox","folder":"/in","url":"x"}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn handles_never_become_more_of_a_url() {
        let handle = |platform, handle: &str| SourceSpec::Handle {
            platform,
            handle: handle.into(),
            max_items: None,
            proxy: None,
            cookies: None,
        };
        for good in ["creator", "@creator", "a.b_c-d", "9"] {
            for platform in [Platform::Youtube, Platform::Tiktok, Platform::Instagram] {
                handle(platform, good).check().expect("good");
            }
        }
        for bad in ["", "@", "a/b", "..", "a b", "a?x", "a#x", "a%2f", "ü", "@@a", "a@b", &"a".repeat(65)] {
            let fault = handle(Platform::Youtube, bad).check().expect_err(bad);
            assert_eq!(fault.code, Code::Usage, "{bad}");
        }
        assert!(handle(Platform::Podcast, "a").check().is_err());
        let many = SourceSpec::Feed { url: "https://example.org/".into(), max_items: Some(0) };
        assert!(many.check().is_err());
        assert!(SourceSpec::Inbox { folder: "/in/../x".into() }.check().is_err());
        assert!(SourceSpec::Inbox { folder: "/in".into() }.check().is_ok());
    }

    #[test]
    fn a_proxy_and_cookies_are_named_and_never_given() {
        let read = |text: &str| serde_json::from_str::<SourceSpec>(text).expect("valid");
        let spec = read(
            r#"{"kind":"channel","url":"https://example.org/c","proxy":"secret:proxy/home","cookies":"secret:a.b"}"#,
        );
        spec.check().expect("good");
        assert_eq!(spec.access().proxy.as_deref().and_then(secret_name), Some("proxy/home"));
        assert_eq!(read(r#"{"kind":"feed","url":"https://example.org/c"}"#).access(), Access::default());
        for bad in ["http://user:hunter2@proxy:1", "secret:", "secret:a b", "proxy/home", "secret:hunter2é"] {
            let text = format!(r#"{{"kind":"handle","platform":"youtube","handle":"a","proxy":"{bad}"}}"#);
            let fault = read(&text).check().expect_err(bad);
            assert!(fault.code == Code::Usage && !fault.to_string().contains("hunter2"), "{fault}");
        }
    }

    #[test]
    fn a_fault_never_repeats_credentials() {
        let fault = web_url("https://user:hunter2@example.org/").expect_err("refused");
        assert!(!fault.to_string().contains("hunter2"), "{fault}");
        let fault = web_url("ftp://example.org/?token=hunter2").expect_err("refused");
        assert!(!fault.to_string().contains("hunter2"), "{fault}");
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "(https?:)?[/\\\\@:.a-z0-9%\\[\\] ]{0,40}") {
            if let Ok(url) = web_url(&text) {
                prop_assert!(url.username().is_empty() && url.password().is_none() && url.has_host());
                prop_assert_eq!(web_url(url.as_str()).map(|again| again.to_string()), Ok(url.to_string()));
            }
        }
    }
}
