//! `[engine.drafter]`: the model that may draft texts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{safe_address, within};

/// A server that speaks OpenAI's chat completions, on this machine or elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrafterConfig {
    /// Up to and without `/chat/completions`; none when empty. Must be one that `engine.network` lets pass.
    pub url: String,
    pub model: String,
    /// Name of the key in the vault; none when empty.
    pub key: String,
    /// For the whole draft, the second try included.
    pub seconds: f64,
    pub answer_kilobytes: u32,
    /// Characters of the transcript that are sent.
    pub transcript_chars: u32,
}

impl DrafterConfig {
    pub fn is_on(&self) -> bool {
        !self.url.is_empty()
    }

    pub(super) fn validate(&self, f: &mut Vec<String>) {
        within(f, "engine.drafter.seconds", self.seconds, 0.1, 600.0);
        within(f, "engine.drafter.answer_kilobytes", self.answer_kilobytes, 4, 4_096);
        within(f, "engine.drafter.transcript_chars", self.transcript_chars, 0, 100_000);
        if !self.is_on() {
            return;
        }
        if !(self.url.starts_with("https://") || self.url.starts_with("http://")) {
            f.push(format!("engine.drafter.url = {:?}: must start with https:// or http://", self.url));
        }
        if self.model.trim().is_empty() {
            f.push("engine.drafter.model: must not be empty".into());
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '.');
        if self.key.len() > 100 || !self.key.chars().all(plain) {
            f.push("engine.drafter.key: must be a name of letters, digits, - _ . and /".into());
        }
        if let (false, Err(why)) = (self.key.is_empty(), safe_address(&self.url)) {
            f.push(format!("engine.drafter.url = {:?}: with a key, {why}", self.url));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::EngineConfig;

    #[test]
    fn it_is_off_until_it_is_configured_and_a_key_never_leaves_in_the_clear() {
        assert!(!EngineConfig::load(None).expect("loads").drafter.is_on());
        let load = |text: &str| EngineConfig::load(Some(("mine.toml", &format!("[engine.drafter]\n{text}"))));
        let on = load("url = \"http://10.0.0.2:8080/v1\"\nmodel = \"m\"\n").expect("a local server without a key");
        assert!(on.drafter.is_on());
        for (text, key) in [
            ("url = \"ftp://x\"\nmodel = \"m\"", "drafter.url"),
            ("url = \"https://x.example/v1\"", "drafter.model"),
            ("url = \"http://10.0.0.2/v1\"\nmodel = \"m\"\nkey = \"drafter\"", "with a key"),
            ("url = \"https://x.example/v1\"\nmodel = \"m\"\nkey = \"a b\"", "drafter.key"),
            ("seconds = 0.0", "drafter.seconds"),
        ] {
            assert!(load(text).expect_err(text).message.contains(key), "{text}");
        }
    }
}
