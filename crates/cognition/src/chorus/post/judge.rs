//! The rules of a text, in one place: whoever wrote it, rules or a model, is judged by them.

use omniva_contracts::engine::{ClipFacts, CreditRule, DisclosureWhen, Outlet, PostText, RightsBasis};

use super::Voice;
use super::limits::{TextLimits, tag_cost};
use super::marks::{Allowed, Kind, is_hidden, marks};
use super::tone;
use crate::chorus::keywords::hashtag;

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Stable.
    pub rule: &'static str,
    pub field: &'static str,
    pub why: String,
}

fn violation(rule: &'static str, field: &'static str, why: impl Into<String>) -> Violation {
    Violation { rule, field, why: why.into() }
}

/// What of a text breaks a rule of its place or of its project; empty when it may be published.
pub fn judge(text: &PostText, facts: &ClipFacts, voice: &Voice, limits: &TextLimits) -> Vec<Violation> {
    let mut found = Vec::new();
    sizes(text, limits, &mut found);
    let tags = text.tags.join("\n");
    for (field, part) in [("title", &text.title), ("description", &text.description), ("tags", &tags)] {
        let lines = field != "title";
        if part.chars().any(|c| matches!(c, '<' | '>') || is_hidden(c) || (c.is_control() && !(lines && c == '\n'))) {
            found.push(violation("characters", field, "it holds characters that platforms refuse or nobody sees"));
        }
        if let Some(word) = voice.banned(part) {
            found.push(violation("banned_word", field, format!("it holds {word:?}")));
        }
        if let Some(why) = tone::breaks(part, voice.rules.tone) {
            found.push(violation("tone", field, why));
        }
    }
    signs(text, facts, voice, limits, &mut found);
    for said in disclosures(facts, voice) {
        if !text.description.contains(said) {
            found.push(violation("disclosure", "description", format!("{said:?} has to be said")));
        }
    }
    let credit = credit(facts, voice);
    if !credit.is_empty() && !text.title.contains(&credit) && !text.description.contains(&credit) {
        found.push(violation("credit", "description", format!("{credit} has to be named")));
    }
    found
}

fn sizes(text: &PostText, limits: &TextLimits, found: &mut Vec<Violation>) {
    let title = text.title.chars().count();
    if text.title.trim().is_empty() {
        found.push(violation("title.empty", "title", "there is no title"));
    }
    if title > limits.title {
        found.push(violation(
            "title.length",
            "title",
            format!("it has {title} characters, {} are allowed", limits.title),
        ));
    }
    let (size, room) = (limits.unit.of(&text.description), limits.room(&text.title));
    if size > room {
        found.push(violation("text.length", "description", format!("it takes {size}, {room} are left")));
    }
    let cost: usize = text.tags.iter().map(|tag| tag_cost(tag)).sum();
    if cost > limits.tags {
        found.push(violation("tags.length", "tags", format!("they take {cost}, {} are allowed", limits.tags)));
    }
}

fn signs(text: &PostText, facts: &ClipFacts, voice: &Voice, limits: &TextLimits, found: &mut Vec<Violation>) {
    let allowed = allowed(facts, voice, limits.outlet);
    let (mut hashtags, mut mentions) = (0, 0);
    for (field, part) in [("title", &text.title), ("description", &text.description)] {
        for mark in marks(part) {
            let (rule, what) = match mark.kind {
                Kind::Link => ("link", "address"),
                Kind::Mention => ("mention", "mention"),
                Kind::Hashtag => ("hashtag", "hashtag"),
            };
            hashtags += usize::from(mark.kind == Kind::Hashtag);
            mentions += usize::from(mark.kind == Kind::Mention);
            if !allowed.has(&mark) {
                let name: String = mark.name.chars().take(100).collect();
                found.push(violation(rule, field, format!("the {what} {name:?} is not one that is allowed")));
            }
        }
    }
    for tag in text.tags.iter().flat_map(|tag| marks(tag)) {
        found.push(violation(
            "link",
            "tags",
            format!("{:?} is more than a word", tag.name.chars().take(100).collect::<String>()),
        ));
    }
    if hashtags > limits.hashtags {
        found.push(violation(
            "hashtags.count",
            "description",
            format!("there are {hashtags}, {} are allowed", limits.hashtags),
        ));
    }
    if mentions > limits.mentions {
        found.push(violation(
            "mentions.count",
            "description",
            format!("there are {mentions}, {} are allowed", limits.mentions),
        ));
    }
}

/// What the templates hold, what the project allows, and the hashtags that the clip itself is worth.
pub(super) fn allowed(facts: &ClipFacts, voice: &Voice, outlet: Outlet) -> Allowed {
    let mut allowed = voice.allowed.get(&outlet).cloned().unwrap_or_default();
    voice.rules.links.iter().for_each(|link| allowed.link(link));
    voice.rules.mentions.iter().for_each(|name| allowed.mention(name));
    for said in disclosures(facts, voice) {
        allowed.all_of(said);
    }
    if !facts.source.is_empty() {
        allowed.link(&facts.source);
    }
    let never = |tag: &str| voice.rules.hashtags.never.iter().any(|never| same_tag(never, tag));
    let own = voice.rules.hashtags.always.iter().chain(&facts.keywords).chain([&facts.topic, &facts.project]);
    for tag in own.filter_map(|text| hashtag(text)).filter(|tag| !never(tag) && voice.banned(tag).is_none()) {
        allowed.hashtag(&tag);
    }
    allowed
}

fn same_tag(a: &str, b: &str) -> bool {
    a.trim_start_matches('#').to_lowercase() == b.trim_start_matches('#').to_lowercase()
}

fn owned(facts: &ClipFacts) -> bool {
    facts.rights == RightsBasis::Owned
}

/// What has to be said about this clip.
pub(super) fn disclosures<'a>(facts: &ClipFacts, voice: &'a Voice) -> Vec<&'a str> {
    let applies = |when: DisclosureWhen| match when {
        DisclosureWhen::Always => true,
        DisclosureWhen::Synthetic => facts.synthetic,
        DisclosureWhen::NotOwned => !owned(facts),
    };
    voice.rules.disclosures.iter().filter(|d| applies(d.when)).map(|d| d.text.trim()).collect()
}

/// Who has to be named; empty for nobody.
pub(super) fn credit(facts: &ClipFacts, voice: &Voice) -> String {
    let asked = match voice.rules.credit {
        CreditRule::Never => false,
        CreditRule::NotOwned => !owned(facts),
        CreditRule::Always => true,
    };
    if asked { super::creator(facts, voice) } else { String::new() }
}
