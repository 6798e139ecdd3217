//! `[engine.network]`: what the engine may ask of the outside, and how much of it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::within;
use crate::engine::secret_name;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Ports that may be dialled.
    pub ports: Vec<u16>,
    /// Hosts and networks that are dialled although they are not public: see [`Allowed::parse`].
    pub allow: Vec<String>,
    pub redirects: u32,
    pub connect_seconds: f64,
    /// Silence in the middle of an answer that ends it.
    pub read_seconds: f64,
    /// A document (feed, probe), whole.
    pub document_seconds: f64,
    /// A media file, whole.
    pub download_hours: f64,
    pub header_kilobytes: u32,
    pub document_megabytes: u32,
    /// Times that an interrupted download goes on where it stopped, without a byte in between.
    pub resumes: u32,
    pub user_agent: String,
    /// Between two looks at a source that is not a folder.
    pub look_minutes: f64,
    /// Items of one look, where the source does not say.
    pub max_items: u32,
    pub ytdlp: YtdlpConfig,
    /// How gently each platform is asked; `default` for all others.
    pub platforms: BTreeMap<String, Pauses>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct YtdlpConfig {
    /// Folder of the pinned files of `config/tools.toml`; `OMNIVA_YTDLP`, or none, when empty.
    pub folder: String,
    /// Absolute path.
    pub python: String,
    /// `name:/absolute/path` of a JavaScript runtime (`deno`, `node`, `quickjs`, `bun`), which YouTube needs; empty for none.
    pub js_runtime: String,
    /// Absolute path of ffmpeg, with which picture and sound that come apart are joined; empty for none.
    pub ffmpeg: String,
    /// Lines of the picture, at most.
    pub max_height: u32,
    /// Whether it is run although the kernel can't confine it to its folder and its proxy (Landlock, Linux 6.7).
    pub allow_unconfined: bool,
    pub list_seconds: f64,
    pub memory_megabytes: u32,
    /// Entries that are listed at once.
    pub page: u32,
    /// Longest video that is taken, hours.
    pub max_hours: f64,
    /// For a platform: `secret:NAME` in the vault, or the absolute path, of a file of cookies (Netscape form), for what is
    /// shown only to who is signed in. It is copied for each run and never changed.
    pub cookies: BTreeMap<String, String>,
    /// For a platform: `secret:NAME` in the vault of the proxy that it is asked through, as
    /// `http://name:password@host:port` or `socks5://…`.
    pub proxy: BTreeMap<String, String>,
}

/// Between requests to one platform.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pauses {
    /// Between two requests.
    pub request_seconds: f64,
    /// Between two videos or lists.
    pub item_seconds: f64,
    /// After the platform said that it was too much.
    pub cooldown_seconds: f64,
    /// At the same time.
    pub at_once: u32,
}

/// One entry of the list of allowed hosts and networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Lower case; whatever it resolves to.
    Host {
        name: String,
        port: Option<u16>,
    },
    Net {
        address: IpAddr,
        bits: u8,
        port: Option<u16>,
    },
}

impl Allowed {
    /// `media.lan`, `media.lan:9000`, `10.1.2.3`, `10.0.0.0/8`, `127.0.0.1:8080`, `fd00::/8`, `[fd00::1]:9000`. With a port,
    /// that port and no other; without one, those of `ports`.
    pub fn parse(text: &str) -> Option<Self> {
        let net = |address: &str, bits: Option<&str>, port| {
            let address: IpAddr = address.parse().ok()?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Some(most), |bits| bits.parse().ok().filter(|bits| *bits <= most))?;
            Some(Self::Net { address, bits, port })
        };
        let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
        if let Some((address, bits)) = text.split_once('/') {
            return net(address, Some(bits), None);
        }
        if let Some(rest) = text.strip_prefix('[') {
            let (address, rest) = rest.split_once(']')?;
            return match rest.strip_prefix(':') {
                Some(number) => net(address, None, Some(port(number)?)),
                None => rest.is_empty().then(|| net(address, None, None))?,
            };
        }
        if let Some(found) = net(text, None, None) {
            return Some(found);
        }
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, Some(port(number)?)),
            None => (text, None),
        };
        if let Some(found) = net(name, None, number) {
            return Some(found);
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let named = !name.is_empty() && name.chars().all(plain) && !name.starts_with('.') && !name.ends_with('.');
        // A name that ends with a number would be read as an address.
        let numeric = name.rsplit('.').next().is_some_and(|end| end.starts_with(|c: char| c.is_ascii_digit()));
        (named && !numeric).then(|| Self::Host { name: name.to_ascii_lowercase(), port: number })
    }
}

impl NetworkConfig {
    /// The pauses of a platform.
    pub fn pauses(&self, platform: &str) -> Pauses {
        let found = self.platforms.get(platform).or_else(|| self.platforms.get("default"));
        found.copied().unwrap_or(Pauses {
            request_seconds: 1.0,
            item_seconds: 5.0,
            cooldown_seconds: 900.0,
            at_once: 1,
        })
    }

    pub(super) fn validate(&self, f: &mut Vec<String>) {
        if self.ports.is_empty() || self.ports.contains(&0) {
            f.push("engine.network.ports: must name at least one port, and not 0".into());
        }
        for entry in &self.allow {
            if Allowed::parse(entry).is_none() {
                f.push(format!(
                    "engine.network.allow = {entry:?}: must be a host, an address or a network such as 10.0.0.0/8"
                ));
            }
        }
        within(f, "engine.network.redirects", self.redirects, 0, 10);
        within(f, "engine.network.connect_seconds", self.connect_seconds, 0.1, 120.0);
        within(f, "engine.network.read_seconds", self.read_seconds, 0.1, 600.0);
        within(f, "engine.network.document_seconds", self.document_seconds, 0.1, 600.0);
        within(f, "engine.network.download_hours", self.download_hours, 0.001, 168.0);
        within(f, "engine.network.header_kilobytes", self.header_kilobytes, 1, 1024);
        within(f, "engine.network.document_megabytes", self.document_megabytes, 1, 256);
        within(f, "engine.network.resumes", self.resumes, 0, 100);
        within(f, "engine.network.look_minutes", self.look_minutes, 0.0, 10_080.0);
        within(f, "engine.network.max_items", self.max_items, 1, crate::engine::MAX_ITEMS);
        let header = |c: char| c.is_ascii_graphic() || c == ' ';
        if self.user_agent.trim().is_empty() || !self.user_agent.chars().all(header) {
            f.push("engine.network.user_agent: must be printable ASCII and not empty".into());
        }
        self.ytdlp.validate(f);
        for (name, pauses) in &self.platforms {
            let key = |field: &str| format!("engine.network.platforms.{name}.{field}");
            within(f, &key("request_seconds"), pauses.request_seconds, 0.0, 3600.0);
            within(f, &key("item_seconds"), pauses.item_seconds, 0.0, 3600.0);
            within(f, &key("cooldown_seconds"), pauses.cooldown_seconds, 0.0, 86_400.0);
            within(f, &key("at_once"), pauses.at_once, 1, 64);
        }
    }
}

impl YtdlpConfig {
    fn validate(&self, f: &mut Vec<String>) {
        let absolute = |path: &str| path.starts_with('/') && !path.contains(char::is_control);
        if !self.folder.is_empty() && !absolute(&self.folder) {
            f.push("engine.network.ytdlp.folder: must be an absolute path, or empty".into());
        }
        if !absolute(&self.python) {
            f.push("engine.network.ytdlp.python: must be an absolute path".into());
        }
        if !self.ffmpeg.is_empty() && !absolute(&self.ffmpeg) {
            f.push("engine.network.ytdlp.ffmpeg: must be an absolute path, or empty".into());
        }
        let runtime = self.js_runtime.split_once(':');
        let known = |name: &str| matches!(name, "deno" | "node" | "quickjs" | "bun");
        if !self.js_runtime.is_empty() && !runtime.is_some_and(|(name, path)| known(name) && absolute(path)) {
            f.push(
                "engine.network.ytdlp.js_runtime: must be deno, node, quickjs or bun, a colon and an absolute path"
                    .into(),
            );
        }
        // What is wrong is not repeated: it may be the secret itself.
        for (platform, _) in self.cookies.iter().filter(|(_, from)| !absolute(from) && secret_name(from).is_none()) {
            f.push(format!("engine.network.ytdlp.cookies.{platform}: must be secret:NAME or an absolute path"));
        }
        for (platform, _) in self.proxy.iter().filter(|(_, from)| secret_name(from).is_none()) {
            f.push(format!("engine.network.ytdlp.proxy.{platform}: must be secret:NAME (omniva auth secret NAME)"));
        }
        within(f, "engine.network.ytdlp.max_height", self.max_height, 144, 4320);
        within(f, "engine.network.ytdlp.list_seconds", self.list_seconds, 1.0, 3600.0);
        within(f, "engine.network.ytdlp.memory_megabytes", self.memory_megabytes, 128, 65_536);
        within(f, "engine.network.ytdlp.page", self.page, 1, 500);
        within(f, "engine.network.ytdlp.max_hours", self.max_hours, 0.01, 48.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EngineConfig;

    #[test]
    fn allowed_entries_are_read() {
        let host = |name: &str, port| Some(Allowed::Host { name: name.into(), port });
        let net = |address: &str, bits, port| Some(Allowed::Net { address: address.parse().expect("ip"), bits, port });
        assert_eq!(Allowed::parse("Media.LAN"), host("media.lan", None));
        assert_eq!(Allowed::parse("media:9000"), host("media", Some(9000)));
        assert_eq!(Allowed::parse("10.0.0.0/8"), net("10.0.0.0", 8, None));
        assert_eq!(Allowed::parse("127.0.0.1:80"), net("127.0.0.1", 32, Some(80)));
        assert_eq!(Allowed::parse("fd00::/8"), net("fd00::", 8, None));
        assert_eq!(Allowed::parse("[::1]:9"), net("::1", 128, Some(9)));
        assert_eq!(Allowed::parse("::1"), net("::1", 128, None));
        for bad in [
            "",
            "*",
            "10.0.0.0/33",
            "10.0.0.0/x",
            "a b",
            "http://x",
            "x:0",
            "x:99999",
            ".x",
            "x.",
            "1.2.3",
            "[::1",
            "[::1]9",
        ] {
            assert_eq!(Allowed::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_network_is_bounded_and_says_where() {
        let refused = |text: &str| EngineConfig::load(Some(("mine.toml", text))).expect_err("refused").message;
        assert!(refused("[engine.network]\nallow = [\"*\"]\n").contains("engine.network.allow"));
        assert!(
            refused("[engine.network]\nredirects = 99\n").contains("engine.network.redirects = 99: must be 0..=10")
        );
        assert!(refused("[engine.network.ytdlp]\npython = \"python3\"\n").contains("ytdlp.python"));
        let planted = "\"http://u:hunter2@proxy:1\"";
        for key in ["proxy", "cookies"] {
            let told = refused(&format!("[engine.network.ytdlp]\n{key} = {{ youtube = {planted} }}\n"));
            assert!(told.contains(&format!("ytdlp.{key}.youtube")) && !told.contains("hunter2"), "{told}");
        }
        assert!(refused("[engine.network.platforms.tiktok]\nat_once = 0\nitem_seconds = 1\nrequest_seconds = 1\ncooldown_seconds = 1\n").contains("tiktok.at_once"));
        let config = EngineConfig::load(None).expect("loads").network;
        assert!(config.allow.is_empty() && config.ports.contains(&443));
        assert_eq!(config.pauses("nobody"), config.platforms["default"]);
    }
}
