//! The texts of a clip for one place: a project's templates filled with what is known about the clip, within the limits of
//! the place and by the rules of the project, with every change and its reason.
//!
//! What is written here always keeps the rules. A text from elsewhere ([`Drafted`]) takes the place of title and
//! description only if it keeps them all as it stands; otherwise it is left out whole, and the deltas say why.

mod cut;
mod judge;
mod limits;
mod marks;
mod tone;
mod voice;

use std::collections::BTreeMap;

use omniva_contracts::engine::{ClipFacts, Drafted, PostText};
use omniva_contracts::record::StyleDelta;
use omniva_contracts::{Code, Fault};

pub use judge::{Violation, judge};
pub use limits::{TextLimits, Unit};
pub use voice::{Voice, check_voice};

use super::clean;
use super::keywords::hashtag;
use cut::{cut, whole};
use limits::tag_cost;
use marks::{Kind, is_hidden, marks, plain};
use voice::VARIABLES;

/// Characters of the quote, of a title that is no title yet, and of what a delta shows.
const QUOTE: usize = 220;
const TITLE: usize = 300;
const SHOWN: usize = 300;
/// What is shortened first, and what last.
const SHRINKING: [&str; 5] = ["description", "quote", "keywords", "hashtags", "title"];

#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    pub text: PostText,
    /// What differs from the draft, and why.
    pub deltas: Vec<StyleDelta>,
}

type Values = BTreeMap<&'static str, String>;

/// Writes the texts of a clip.
///
/// # Errors
/// `clip_refused` when nothing can be written that keeps every rule, with the rules that are in the way.
pub fn write(facts: &ClipFacts, voice: &Voice, limits: &TextLimits) -> Result<Written, Fault> {
    let mut deltas = Vec::new();
    let values = values(facts, voice, limits, &mut deltas);
    let mut text = fitted(facts, voice, limits, values.clone(), &mut deltas);
    let mut found = judge(&text, facts, voice, limits);
    if !found.is_empty() {
        // Template and values together say what neither says alone: without the template, then.
        let bare = bare(facts, voice, limits, &values);
        deltas.push(delta("description", &text.description, &bare.description, &reasons(&found), "template"));
        text = bare;
        found = judge(&text, facts, voice, limits);
    }
    if !found.is_empty() {
        return Err(Fault::new(
            Code::ClipRefused,
            format!("no text for {} keeps every rule: {}", limits.outlet.as_str(), reasons(&found)),
            "change the project's voice, or write the text of this clip by hand",
        ));
    }
    for (field, before, after) in
        [("title", &facts.title, &text.title), ("description", &facts.description, &text.description)]
    {
        if before != after {
            let why = format!("written for {} by the project's template", limits.outlet.as_str());
            deltas.push(delta(field, before, after, &why, "template"));
        }
    }
    Ok(Written { text, deltas })
}

/// As [`write`], with what a model drafted in place of title and description, if it keeps every rule; `Err` says why there
/// is no draft.
///
/// # Errors
/// Those of [`write`].
pub fn write_drafted(
    facts: &ClipFacts,
    voice: &Voice,
    limits: &TextLimits,
    drafted: Result<&Drafted, &Fault>,
) -> Result<Written, Fault> {
    let drafted = match drafted {
        Ok(drafted) => drafted,
        Err(fault) => return left_out(facts, voice, limits, "", fault.code.as_str(), &fault.message),
    };
    let mut deltas = Vec::new();
    let mut values = values(facts, voice, limits, &mut Vec::new());
    let tags: Vec<String> = drafted.hashtags.iter().map(|tag| format!("#{}", tag.trim_start_matches('#'))).collect();
    values.insert("title", drafted.title.clone());
    values.insert("description", drafted.description.clone());
    if !tags.is_empty() {
        values.insert("hashtags", tags.join(" "));
    }
    let text = assembled(facts, voice, limits, &values);
    let mut found = judge(&text, facts, voice, limits);
    // A template that does not place a text must not hide what is wrong with it.
    let unseen = PostText {
        title: drafted.title.clone(),
        description: format!("{}\n{}\n{}", drafted.description, tags.join(" "), text.description),
        ..PostText::default()
    };
    let hidden = judge(&unseen, facts, voice, limits)
        .into_iter()
        .filter(|v| !matches!(v.rule, "text.length" | "hashtags.count" | "mentions.count"));
    found.extend(hidden);
    if tags.len() > voice.rules.hashtags.most as usize {
        let most = voice.rules.hashtags.most;
        found.push(Violation {
            rule: "hashtags.count",
            field: "hashtags",
            why: format!("there are {}, {most} are allowed", tags.len()),
        });
    }
    if let Some(first) = found.first() {
        let shown = format!("{} · {}", drafted.title, drafted.description);
        return left_out(facts, voice, limits, &shown, first.rule, &reasons(&found));
    }
    for (field, before, after) in
        [("title", &facts.title, &text.title), ("description", &facts.description, &text.description)]
    {
        deltas.push(delta(field, before, after, "drafted by the model, and keeps every rule", "draft"));
    }
    Ok(Written { text, deltas })
}

/// The deterministic text, and why it is not the drafted one.
fn left_out(
    facts: &ClipFacts,
    voice: &Voice,
    limits: &TextLimits,
    drafted: &str,
    rule: &str,
    why: &str,
) -> Result<Written, Fault> {
    let mut written = write(facts, voice, limits)?;
    written.deltas.insert(0, delta("draft", drafted, "", &format!("the drafted text is left out: {why}"), rule));
    Ok(written)
}

fn reasons(found: &[Violation]) -> String {
    let all: Vec<String> = found.iter().take(10).map(|v| format!("{} ({}): {}", v.rule, v.field, v.why)).collect();
    all.join("; ")
}

fn delta(field: &str, before: &str, after: &str, why: &str, rule: &str) -> StyleDelta {
    let shown = |text: &str| cut(text, SHOWN, Unit::Chars);
    StyleDelta { field: field.into(), before: shown(before), after: shown(after), why: shown(why), rule: rule.into() }
}

/// The creator's name as it is written.
fn creator(facts: &ClipFacts, voice: &Voice) -> String {
    let name = one_line(facts.creator.trim_start_matches('@'));
    let name = plain(&tone::toned(&name, voice.rules.tone), &marks::Allowed::default());
    let most = VARIABLES.iter().find(|(variable, _)| *variable == "creator").map_or(0, |(_, most)| *most);
    let name = cut(&one_line(&name), most, Unit::Chars);
    if voice.banned(&name).is_some() { String::new() } else { name }
}

/// One line of characters that all platforms take and everybody sees.
fn one_line(text: &str) -> String {
    clean::plain(&text.chars().filter(|c| !is_hidden(*c)).collect::<String>())
}

/// A text of the clip's own, as it may be published: each line for itself, without what a rule refuses.
fn decent(
    field: &'static str,
    text: &str,
    facts: &ClipFacts,
    voice: &Voice,
    limits: &TextLimits,
    deltas: &mut Vec<StyleDelta>,
) -> String {
    let allowed = judge::allowed(facts, voice, limits.outlet);
    let mut lines = Vec::new();
    for line in text.lines() {
        let toned = tone::toned(&one_line(line), voice.rules.tone);
        if toned != line.trim() && tone::breaks(line, voice.rules.tone).is_some() {
            deltas.push(delta(field, line, &toned, "made calmer", "tone"));
        }
        let bare = one_line(&plain(&toned, &allowed));
        if bare != toned {
            deltas.push(delta(
                field,
                &toned,
                &bare,
                "addresses, mentions and hashtags that are not allowed are plain words",
                "link",
            ));
        }
        match voice.banned(&bare) {
            Some(word) => deltas.push(delta(field, &bare, "", &format!("left out: it holds {word:?}"), "banned_word")),
            None => lines.push(bare),
        }
    }
    let joined = lines.join("\n").trim().to_owned();
    if voice.banned(&joined).is_some() { String::new() } else { tone::toned(&joined, voice.rules.tone) }
}

/// A draft ends with its hashtags; here they are written anew.
fn without_hashtag_lines(text: &str) -> String {
    let only_tags = |line: &&str| {
        let mut words = line.split_whitespace().peekable();
        words.peek().is_some() && words.all(|word| word.starts_with('#'))
    };
    text.lines().filter(|line| !only_tags(line)).collect::<Vec<_>>().join("\n")
}

fn values(facts: &ClipFacts, voice: &Voice, limits: &TextLimits, deltas: &mut Vec<StyleDelta>) -> Values {
    let mut own = |field: &'static str, text: &str| decent(field, text, facts, voice, limits, deltas);
    let quote = facts.transcript.split_inclusive(['.', '!', '?', '…']).find(|text| !text.trim().is_empty());
    let quote = cut(&own("quote", &one_line(quote.unwrap_or_default())), QUOTE, Unit::Chars);
    let title = cut(&own("title", &one_line(&facts.title)), TITLE, Unit::Chars);
    let description = own("description", &without_hashtag_lines(&facts.description));
    let topic = own("topic", &one_line(&facts.topic));
    let project = own("project", &one_line(&facts.project));
    let language = own("language", &one_line(&facts.language));
    let keywords: Vec<String> =
        facts.keywords.iter().map(|k| own("keywords", &one_line(k)).replace([',', '"', '#'], "")).collect();
    let keywords: Vec<String> = keywords.into_iter().filter(|k| !k.trim().is_empty()).collect();
    let fallback = || [&quote, &topic, &project].into_iter().find(|text| !text.is_empty()).cloned();
    let title = if title.is_empty() { fallback().unwrap_or_else(|| "Clip".into()) } else { title };
    let source = if facts.source.len() <= 200 && voice.banned(&facts.source).is_none() {
        facts.source.clone()
    } else {
        String::new()
    };
    let source = if tone::breaks(&source, voice.rules.tone).is_some() { String::new() } else { one_line(&source) };
    let mut values = Values::from([
        ("title", title),
        ("description", description),
        ("quote", quote),
        ("keywords", keywords.join(", ")),
        ("hashtags", hashtags(facts, voice, limits).join(" ")),
        ("topic", topic),
        ("creator", creator(facts, voice)),
        ("credit", judge::credit(facts, voice)),
        ("disclosure", judge::disclosures(facts, voice).join("\n")),
        ("project", project),
        ("language", language),
        ("source", source),
    ]);
    for (name, most) in VARIABLES.iter().filter(|(name, most)| *most > 0 && *name != "source") {
        if let Some(value) = values.get_mut(name) {
            *value = cut(value, *most, Unit::Chars);
        }
    }
    values
}

/// The hashtags that a text about this clip may choose from, without `#`.
pub fn choices(facts: &ClipFacts, voice: &Voice, limits: &TextLimits) -> Vec<String> {
    let mut names = judge::allowed(facts, voice, limits.outlet).hashtags;
    names.sort();
    names.dedup();
    names
}

/// The project's own first, then what is talked about.
fn hashtags(facts: &ClipFacts, voice: &Voice, limits: &TextLimits) -> Vec<String> {
    let policy = &voice.rules.hashtags;
    let fixed = voice.allowed.get(&limits.outlet).map_or(0, |own| own.hashtags.len());
    let most = (policy.most as usize).min(limits.hashtags.saturating_sub(fixed));
    let allowed = judge::allowed(facts, voice, limits.outlet);
    let known = |tag: &String| {
        let parsed = marks(tag);
        matches!(parsed.as_slice(), [mark] if allowed.has(mark))
            && tone::breaks(tag, voice.rules.tone).is_none()
            && voice.banned(tag).is_none()
    };
    let always = policy.always.iter().filter_map(|text| hashtag(text));
    let made = facts.keywords.iter().filter_map(|text| hashtag(text)).take(policy.from_keywords as usize);
    let mut kept: Vec<String> = Vec::new();
    for tag in always.chain(made).filter(known) {
        if kept.len() < most && !kept.contains(&tag) {
            kept.push(tag);
        }
    }
    kept
}

/// The templates filled; what had to be said and was not placed stands at the end.
fn assembled(facts: &ClipFacts, voice: &Voice, limits: &TextLimits, values: &Values) -> PostText {
    let title = voice.fill(limits.outlet, "title", values);
    let description = described(facts, voice, limits, values, &title);
    of(title, description, facts, voice, limits)
}

fn described(facts: &ClipFacts, voice: &Voice, limits: &TextLimits, values: &Values, title: &str) -> String {
    let mut text = voice.fill(limits.outlet, "description", values);
    let credit = judge::credit(facts, voice);
    let missing = [&credit].into_iter().filter(|credit| !credit.is_empty() && !title.contains(credit.as_str()));
    let missing: Vec<&str> = missing
        .map(String::as_str)
        .chain(judge::disclosures(facts, voice))
        .filter(|said| !text.contains(said))
        .collect();
    for said in missing {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(said);
    }
    text
}

fn of(title: String, description: String, facts: &ClipFacts, voice: &Voice, limits: &TextLimits) -> PostText {
    let found = marks(&title).into_iter().chain(marks(&description)).filter(|mark| mark.kind == Kind::Hashtag);
    let mut hashtags: Vec<String> = Vec::new();
    for mark in found {
        if !hashtags.contains(&mark.name) {
            hashtags.push(mark.name);
        }
    }
    let disclosure = judge::disclosures(facts, voice).join("\n");
    PostText { title, description, hashtags, tags: tags(facts, voice, limits), disclosure }
}

/// Keywords, as many as the place takes.
fn tags(facts: &ClipFacts, voice: &Voice, limits: &TextLimits) -> Vec<String> {
    let (mut kept, mut used): (Vec<String>, usize) = (Vec::new(), 0);
    for keyword in &facts.keywords {
        let tag = tone::toned(&one_line(&keyword.replace([',', '"', '#'], " ")), voice.rules.tone);
        let good = !tag.is_empty() && marks(&tag).is_empty() && voice.banned(&tag).is_none();
        if good && !kept.contains(&tag) && used + tag_cost(&tag) <= limits.tags {
            used += tag_cost(&tag);
            kept.push(tag);
        }
    }
    // Words that are harmless one by one.
    if voice.banned(&kept.join("\n")).is_some() || tone::breaks(&kept.join("\n"), voice.rules.tone).is_some() {
        kept.clear();
    }
    kept
}

/// Filled within the limits: what may be shortened is, title and description each for itself.
fn fitted(
    facts: &ClipFacts,
    voice: &Voice,
    limits: &TextLimits,
    values: Values,
    deltas: &mut Vec<StyleDelta>,
) -> PostText {
    let fill = |values: &Values| voice.fill(limits.outlet, "title", values);
    let fits = |text: &str| text.chars().count() <= limits.title;
    let title = shrunk("title", values.clone(), &fill, &fits, deltas);
    let title = if title.is_empty() {
        cut(&one_line(values.get("title").map_or("Clip", String::as_str)), limits.title, Unit::Chars)
    } else {
        title
    };
    let fill = |values: &Values| described(facts, voice, limits, values, &title);
    let room = limits.room(&title);
    let fits = |text: &str| limits.unit.of(text) <= room;
    let description = shrunk("description", values, &fill, &fits, deltas);
    of(title, description, facts, voice, limits)
}

/// Shortens one text after the other until the whole fits, each by no more than it must.
fn shrunk(
    field: &str,
    values: Values,
    fill: &dyn Fn(&Values) -> String,
    fits: &dyn Fn(&str) -> bool,
    deltas: &mut Vec<StyleDelta>,
) -> String {
    let mut values = values;
    let mut text = fill(&values);
    for name in SHRINKING {
        if fits(&text) {
            break;
        }
        let full = values.get(name).cloned().unwrap_or_default();
        if full.is_empty() {
            continue;
        }
        let shorter = |max: usize| match name {
            "hashtags" => whole(&full, " ", max),
            "keywords" => whole(&full, ", ", max),
            _ => cut(&full, max, Unit::Chars),
        };
        // The longest that fits: `low` does, or is nothing at all.
        let (mut low, mut high) = (0, full.chars().count());
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            values.insert(name, shorter(middle));
            if fits(&fill(&values)) { low = middle } else { high = middle }
        }
        let kept = shorter(low);
        let rule = if field == "title" { "title.length" } else { "text.length" };
        deltas.push(delta(field, &full, &kept, &format!("the {name} is shortened to fit"), rule));
        values.insert(name, kept);
        text = fill(&values);
    }
    text
}

/// Without the templates: the title, and what has to be said.
fn bare(facts: &ClipFacts, voice: &Voice, limits: &TextLimits, values: &Values) -> PostText {
    let title = cut(values.get("title").map_or("Clip", String::as_str), limits.title, Unit::Chars);
    let title = if title.is_empty() { "Clip".to_owned() } else { title };
    let credit = judge::credit(facts, voice);
    let said: Vec<&str> =
        [credit.as_str()].into_iter().chain(judge::disclosures(facts, voice)).filter(|s| !s.is_empty()).collect();
    of(title, said.join("\n"), facts, voice, limits)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
