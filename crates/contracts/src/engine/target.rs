//! Where a clip goes, as an operator says it.

use std::fmt;

use uuid::Uuid;

use super::Platform;
use crate::fault::{Code, Fault};

const MAX_NAME: usize = 64;

/// `folder`, or a service and the name that the operator gave the account (or the address) there: `youtube/main`,
/// `webhook/cms`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    Folder,
    Account { platform: Platform, name: String },
    Webhook { name: String },
}

impl Target {
    /// # Errors
    /// `usage` for anything else.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let wrong = || {
            Fault::new(
                Code::Usage,
                format!("{:?} is no place for clips", text.chars().take(80).collect::<String>()),
                "give folder, youtube/ACCOUNT, tiktok/ACCOUNT, instagram/ACCOUNT or webhook/NAME",
            )
        };
        if text == "folder" {
            return Ok(Self::Folder);
        }
        let (service, name) = text.split_once('/').ok_or_else(wrong)?;
        // As rows write it: the folder of a project, by its id.
        if service == "folder" && name.len() == 36 && Uuid::try_parse(name).is_ok() {
            return Ok(Self::Folder);
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if !(1..=MAX_NAME).contains(&name.len()) || !name.chars().all(plain) {
            return Err(wrong());
        }
        let name = name.to_owned();
        if service == "webhook" {
            return Ok(Self::Webhook { name });
        }
        match Platform::parse(service) {
            Some(platform @ (Platform::Youtube | Platform::Tiktok | Platform::Instagram)) => {
                Ok(Self::Account { platform, name })
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder => f.write_str("folder"),
            Self::Account { platform, name } => write!(f, "{}/{name}", platform.as_str()),
            Self::Webhook { name } => write!(f, "webhook/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_they_are_written() {
        for text in ["folder", "youtube/main", "tiktok/a-1", "instagram/shop_2", "webhook/cms"] {
            assert_eq!(Target::parse(text).expect("a target").to_string(), text);
        }
        assert_eq!(Target::parse("youtube_shorts/main").expect("an alias").to_string(), "youtube/main");
    }

    #[test]
    fn what_could_be_a_path_or_nothing_is_refused() {
        let long = format!("youtube/{}", "a".repeat(65));
        for text in ["", "youtube", "youtube/", "podcast/a", "webhook/../x", "folder/x", "youtube/a/b", "x/y", &long] {
            assert_eq!(Target::parse(text).expect_err("refused").code, Code::Usage, "{text}");
        }
    }
}
