//! Chorus: may these texts be published as they stand? Limits of the platforms, banned words, and the mood.

use omniva_contracts::config::{ComplianceConfig, Endpoints, EngineConfig};
use omniva_contracts::engine::*;
use omniva_contracts::fault::Fault;
use serde_json::{Value, json};

use super::Brief;
use super::advice::advice;
use crate::flow::texts::{Texts, drafted, written};
use crate::text::{holds, shorten, tokens};

pub fn chorus(brief: &Brief, config: &EngineConfig) -> Advisory {
    let rules = &config.council.chorus;
    let Some(texts) = texts(brief, &config.endpoints) else {
        let detail = json!({ "violations": [] });
        return advice(
            Module::Chorus,
            brief,
            Stance::Neutral,
            (config.council.neutral, 0.0),
            "There is no text yet.",
            detail,
        );
    };
    let mut faults: Vec<String> = Vec::new();
    let mut titles: Vec<String> = Vec::new();
    for text in texts {
        let found = match text {
            Ok(text) => {
                let found = violations(&text.title, &text.description, &text.keywords, rules);
                titles.push(text.title);
                found
            }
            Err(fault) => vec![fault.message],
        };
        // What several places have in common is said once.
        found.into_iter().for_each(|one| {
            if !faults.contains(&one) {
                faults.push(one);
            }
        });
    }
    let violations = faults;
    // Many faults at once: calmer texts, until it is quiet again.
    let stress = (brief.recent_faults.len() as f64 / 20.0).min(1.0);
    let loudness = |title: &String| title.chars().filter(|c| *c == '!').count() + usize::from(is_shouting(title));
    let loud = titles.iter().map(loudness).max().unwrap_or(0);
    let mut deltas: Vec<Value> = Vec::new();
    for title in titles.iter().filter(|title| title.chars().count() > rules.title_max as usize) {
        deltas.push(
            json!({ "field": "title", "after": shorten(title, rules.title_max as usize), "why": "it is too long" }),
        );
    }
    let detail = json!({
        "violations": violations, "code": (!violations.is_empty()).then_some("compliance"), "style_deltas": deltas,
        "tone": { "stress": stress, "loudness": loud },
    });
    if !violations.is_empty() {
        let why = format!("The texts can't be published: {}.", violations.join("; "));
        // Before the edit the texts are drafts, and the edit writes them anew.
        let draft = matches!(brief.question, Question::Ingest | Question::Select | Question::Edit);
        let stance = if draft { Stance::Neutral } else { Stance::Block };
        return advice(Module::Chorus, brief, stance, (0.0, if draft { 0.0 } else { 1.0 }), why, detail);
    }
    let score = (1.0 - 0.1 * loud as f64 - 0.2 * stress * f64::from(loud > 0)).clamp(0.0, 1.0);
    advice(Module::Chorus, brief, Stance::Support, (score, 0.6), "The texts keep every rule.", detail)
}

/// What would be published, a text for each channel, or why nothing can be. Before the edit there are drafts only.
fn texts(brief: &Brief, endpoints: &Endpoints) -> Option<Vec<Result<Texts, Fault>>> {
    if let Some(row) = &brief.upload_job {
        let (title, description, keywords) = (row.title.clone(), row.description.clone(), row.keywords.clone());
        return Some(vec![Ok(Texts { title, description, keywords, deltas: Vec::new() })]);
    }
    let clip = brief.clip.as_ref()?;
    if brief.question != Question::Upload {
        return Some(vec![Ok(drafted(clip))]);
    }
    let settings = brief.project.as_ref().map(|project| project.settings.clone()).unwrap_or_default();
    Some(settings.channels_in_use().iter().map(|channel| written(brief, clip, &channel.target, endpoints)).collect())
}

fn violations(title: &str, description: &str, keywords: &[String], rules: &ComplianceConfig) -> Vec<String> {
    let mut found = Vec::new();
    let count = title.chars().count();
    if title.trim().is_empty() {
        found.push("the title is empty".to_owned());
    }
    if count > rules.title_max as usize {
        found.push(format!("the title has {count} characters, {} are allowed", rules.title_max));
    }
    if description.len() > rules.description_max as usize {
        found.push(format!("the description has {} bytes, {} are allowed", description.len(), rules.description_max));
    }
    if keywords.len() > rules.keywords_max as usize {
        found.push(format!("there are {} keywords, {} are allowed", keywords.len(), rules.keywords_max));
    }
    let length = keywords.iter().map(|k| k.chars().count()).sum::<usize>() + keywords.len().saturating_sub(1);
    if length > rules.keywords_length_max as usize {
        found.push(format!("the keywords have {length} characters, {} are allowed", rules.keywords_length_max));
    }
    let fields = [("title", title), ("description", description)].map(|(name, text)| (name, text.to_owned()));
    for (name, text) in fields.into_iter().chain([("keywords", keywords.join(" "))]) {
        if text.chars().any(|c| matches!(c, '<' | '>') || (c.is_control() && c != '\n')) {
            found.push(format!("the {name} holds characters that platforms refuse"));
        }
        let words = tokens(&text);
        for banned in rules.banned_words.iter().filter(|b| holds(&words, &b.to_lowercase())) {
            found.push(format!("the {name} holds {banned:?}"));
        }
    }
    found
}

fn is_shouting(title: &str) -> bool {
    let letters: Vec<char> = title.chars().filter(|c| c.is_alphabetic()).collect();
    letters.len() > 8 && letters.iter().filter(|c| c.is_uppercase()).count() * 10 > letters.len() * 7
}
