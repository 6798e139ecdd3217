//! What the model is told: our words as the system's, the clip as data in a message of its own.

use omniva_contracts::config::DrafterConfig;
use omniva_contracts::engine::{Outlet, Tone};
use serde_json::{Value, json};

use super::DraftAsk;

const PROMPT: &str = include_str!("../../../../config/drafter.txt");
/// Characters of each text but the transcript.
const MAX_TEXT: usize = 2_000;
const MAX_KEYWORDS: usize = 30;

/// The request's body. The same for the same clip.
pub(super) fn request(config: &DrafterConfig, ask: &DraftAsk) -> Value {
    let draft = json!({
        "type": "object",
        "properties": {
            "title": { "type": "string" },
            "description": { "type": "string" },
            "hashtags": { "type": "array", "items": { "type": "string" } },
        },
        "required": ["title", "description", "hashtags"],
        "additionalProperties": false,
    });
    json!({
        "model": config.model,
        "temperature": 0,
        "stream": false,
        "messages": [
            { "role": "system", "content": system(ask) },
            { "role": "user", "content": data(config, ask).to_string() },
        ],
        "response_format": { "type": "json_schema", "json_schema": { "name": "clip_text", "strict": true, "schema": draft } },
    })
}

/// Only our own words and numbers go into the text of the prompt; hashtags hold letters, digits and `_` alone.
fn system(ask: &DraftAsk) -> String {
    let tone = match ask.tone {
        Tone::AsSpoken => "Keep the way in which people speak in the clip.",
        Tone::Calm => "Write calmly: no exclamation marks, no words in capitals.",
        Tone::Formal => "Write formally: no exclamation marks, no words in capitals, no emoji.",
    };
    let outlet = match ask.outlet {
        Outlet::Youtube => "YouTube Shorts",
        Outlet::Tiktok => "TikTok",
        Outlet::Instagram => "Instagram Reels",
        Outlet::Folder | Outlet::Webhook => "a channel of short videos",
    };
    let plain = |tag: &String| tag.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let hashtags: Vec<String> = ask.hashtags.iter().map(plain).filter(|tag| !tag.is_empty()).collect();
    let hashtags = if hashtags.is_empty() { "(none)".to_owned() } else { hashtags.join(", ") };
    [
        ("{{outlet}}", outlet.to_owned()),
        ("{{tone}}", tone.to_owned()),
        ("{{title_chars}}", ask.title_chars.to_string()),
        ("{{text_chars}}", ask.text_chars.to_string()),
        ("{{hashtag_count}}", ask.hashtag_count.to_string()),
        ("{{hashtags}}", hashtags),
    ]
    .iter()
    .fold(PROMPT.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// JSON is its own delimiter: no text in it can end the string that holds it.
fn data(config: &DrafterConfig, ask: &DraftAsk) -> Value {
    let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    let facts = ask.facts;
    json!({
        "title": cut(&facts.title, MAX_TEXT),
        "description": cut(&facts.description, MAX_TEXT),
        "keywords": facts.keywords.iter().take(MAX_KEYWORDS).map(|k| cut(k, 100)).collect::<Vec<_>>(),
        "topic": cut(&facts.topic, 200),
        "creator": cut(&facts.creator, 200),
        "language": cut(&facts.language, 50),
        "transcript": cut(&facts.transcript, config.transcript_chars as usize),
    })
}
