//! A project's voice, ready to be used: its templates checked, its words made comparable.

use std::collections::BTreeMap;

use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use handlebars::{Handlebars, Template, no_escape};
use omniva_contracts::config::Endpoints;
use omniva_contracts::engine::{Outlet, ProjectVoice, TextTemplate};
use omniva_contracts::{Code, Fault};

use super::limits::{TextLimits, Unit};
use super::marks::{Allowed, is_hidden};
use super::tone;
use crate::text::{holds, tokens};

/// What templates may name, and how many characters each may take that is never shortened to fit. The texts themselves are.
pub(super) const VARIABLES: [(&str, usize); 12] = [
    ("title", 0),
    ("description", 0),
    ("quote", 0),
    ("keywords", 0),
    ("hashtags", 0),
    ("topic", 60),
    ("creator", 64),
    ("credit", 64),
    ("disclosure", 0),
    ("project", 100),
    ("language", 20),
    ("source", 200),
];
/// Characters that a title must have room for.
const TITLE_ROOM: usize = 16;
/// Tags (`{{…}}`) of a template, and how long one may be: what is read by recursion stays shallow.
const MAX_TAGS: usize = 60;
const MAX_TAG: usize = 60;

pub struct Voice {
    pub(super) rules: ProjectVoice,
    /// As [`tokens`] joined by one blank.
    banned: Vec<String>,
    templates: BTreeMap<Outlet, TextTemplate>,
    registry: Handlebars<'static>,
    /// What stands in the templates, for each place.
    pub(super) allowed: BTreeMap<Outlet, Allowed>,
}

/// What is wrong with a voice: field below `path`, and why.
pub fn check_voice(voice: &ProjectVoice, path: &str, endpoints: &Endpoints) -> Vec<(String, String)> {
    let mut faults = voice.faults(path);
    if !faults.is_empty() {
        return faults;
    }
    let said: usize = voice.disclosures.iter().map(|d| d.text.len() + 1).sum();
    for (outlet, template) in &voice.templates {
        let limits = TextLimits::of(*outlet, endpoints);
        let (title, text) = (limits.title, limits.text);
        for (field, source) in [("title", &template.title), ("description", &template.description)] {
            let mut fault = |why: String| faults.push((format!("{path}.templates.{}.{field}", outlet.as_str()), why));
            let parsed = match parse(source) {
                Ok(parsed) => parsed,
                Err(why) => {
                    fault(why);
                    continue;
                }
            };
            let (room, unit, needs) = match field {
                "title" => (title, Unit::Chars, TITLE_ROOM),
                // What the template does not place is added at the end.
                _ if limits.caption => {
                    (text.saturating_sub(title * limits.unit.most() + 1), limits.unit, said + 66 * 2)
                }
                _ => (text, limits.unit, said + 66 * 4),
            };
            let cost = cost(&parsed, unit, said) + needs;
            if cost > room {
                fault(format!("may take {cost} of {room} {} without any text of the clip's own", unit_name(unit)));
            }
            let own = literals(&parsed);
            for why in operators(&own, voice) {
                fault(why);
            }
        }
    }
    for disclosure in &voice.disclosures {
        for why in operators(&disclosure.text, voice) {
            faults.push((format!("{path}.disclosures"), why));
        }
    }
    faults
}

impl Voice {
    /// The voice of a project; `None` for what is shipped.
    ///
    /// # Errors
    /// `config_invalid` naming every field, `internal` when what is shipped is broken.
    pub fn new(project: Option<&ProjectVoice>, endpoints: &Endpoints) -> Result<Self, Fault> {
        let shipped = ProjectVoice::shipped()?;
        let rules = project.unwrap_or(&shipped).clone();
        let mut templates = shipped.templates;
        templates.extend(rules.templates.clone());
        let whole = ProjectVoice { templates: templates.clone(), ..rules.clone() };
        let faults = check_voice(&whole, "voice", endpoints);
        if !faults.is_empty() {
            let all: Vec<String> = faults.iter().map(|(field, why)| format!("{field}: {why}")).collect();
            return Err(Fault::new(
                Code::ConfigInvalid,
                all.join("; "),
                "correct these fields in the project's settings",
            ));
        }
        let mut registry = Handlebars::new();
        registry.register_escape_fn(no_escape);
        let mut allowed = BTreeMap::new();
        for (outlet, template) in &templates {
            let mut own = Allowed::default();
            for (field, source) in [("title", &template.title), ("description", &template.description)] {
                let parsed =
                    parse(source).map_err(|why| Fault::internal("a checked template is none").with_detail(why))?;
                own.all_of(&literals(&parsed));
                registry.register_template(&name(*outlet, field), parsed);
            }
            allowed.insert(*outlet, own);
        }
        let banned =
            rules.banned_words.iter().map(|word| tokens(word).join(" ")).filter(|word| !word.is_empty()).collect();
        Ok(Self { rules, banned, templates, registry, allowed })
    }

    /// A banned word that `text` holds.
    pub(super) fn banned(&self, text: &str) -> Option<&str> {
        let words = tokens(text);
        self.banned.iter().find(|word| holds(&words, word)).map(String::as_str)
    }

    /// Template `field` filled, with at most one empty line in a row.
    pub(super) fn fill(&self, outlet: Outlet, field: &str, values: &BTreeMap<&'static str, String>) -> String {
        let source = self.templates.get(&outlet);
        let source = source.map(|t| if field == "title" { t.title.as_str() } else { t.description.as_str() });
        // Checked when the voice was made: only known variables, conditions on them, and text.
        let text = self
            .registry
            .render(&name(outlet, field), values)
            .unwrap_or_else(|_| source.unwrap_or_default().to_owned());
        let mut lines: Vec<&str> = Vec::new();
        for line in text.lines().map(str::trim_end) {
            if !(line.trim().is_empty() && lines.last().is_none_or(|last| last.trim().is_empty())) {
                lines.push(line);
            }
        }
        lines.join("\n").trim().to_owned()
    }
}

fn name(outlet: Outlet, field: &str) -> String {
    format!("{}.{field}", outlet.as_str())
}

fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Chars => "characters",
        Unit::Bytes => "bytes",
        Unit::Utf16 => "UTF-16 units",
    }
}

/// Reads a template, and refuses all that is more than variables and conditions.
fn parse(source: &str) -> Result<Template, String> {
    let tags: Vec<&str> = source.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap_or_default()).collect();
    if tags.len() > MAX_TAGS || tags.iter().any(|tag| tag.len() > MAX_TAG) {
        return Err(format!("may have {MAX_TAGS} tags of {MAX_TAG} bytes"));
    }
    let parsed = Template::compile(source).map_err(|error| {
        let words: String = error.reason().to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("is no template: {}", words.chars().take(200).collect::<String>())
    })?;
    known(&parsed)?;
    Ok(parsed)
}

fn known(template: &Template) -> Result<(), String> {
    for element in &template.elements {
        match element {
            TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
            TemplateElement::Expression(tag) | TemplateElement::HtmlExpression(tag) => {
                if !tag.params.is_empty() || !tag.hash.is_empty() {
                    return Err("a variable takes nothing beside its name".into());
                }
                variable(&tag.name)?;
            }
            TemplateElement::HelperBlock(tag) => {
                let plain = tag.hash.is_empty() && tag.block_param.is_none();
                match (tag.name.as_name(), tag.params.as_slice()) {
                    (Some("if" | "unless"), [of]) if plain => variable(of)?,
                    _ => return Err("only {{#if variable}} and {{#unless variable}} are known as blocks".into()),
                }
                for branch in branches(tag) {
                    known(branch)?;
                }
            }
            _ => return Err("partials and decorators are not known here".into()),
        }
    }
    Ok(())
}

fn branches(tag: &HelperTemplate) -> impl Iterator<Item = &Template> {
    tag.template.iter().chain(&tag.inverse)
}

fn variable(name: &Parameter) -> Result<(), String> {
    let name = name.as_name().unwrap_or_default();
    if VARIABLES.iter().any(|(known, _)| *known == name) {
        return Ok(());
    }
    let known: Vec<&str> = VARIABLES.iter().map(|(name, _)| *name).collect();
    let name: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
    Err(format!("{{{{{name}}}}} is not known; known are {}", known.join(", ")))
}

/// The most that a template can take when the clip's own texts are empty.
fn cost(template: &Template, unit: Unit, said: usize) -> usize {
    let one = |element: &TemplateElement| match element {
        TemplateElement::RawString(text) => unit.of(text),
        TemplateElement::Expression(tag) | TemplateElement::HtmlExpression(tag) => match tag.name.as_name() {
            Some("disclosure") => said,
            name => VARIABLES.iter().find(|(known, _)| Some(*known) == name).map_or(0, |(_, most)| most * unit.most()),
        },
        TemplateElement::HelperBlock(tag) => branches(tag).map(|branch| cost(branch, unit, said)).max().unwrap_or(0),
        _ => 0,
    };
    template.elements.iter().map(one).sum()
}

/// The template's own text, all branches.
fn literals(template: &Template) -> String {
    let one = |element: &TemplateElement| match element {
        TemplateElement::RawString(text) => text.clone(),
        // Something stands there: what is before and after it is not one word, and a sign before it is not alone.
        TemplateElement::Expression(_) | TemplateElement::HtmlExpression(_) => " ".into(),
        TemplateElement::HelperBlock(tag) => branches(tag).map(literals).collect::<Vec<_>>().join(" "),
        _ => String::new(),
    };
    template.elements.iter().map(one).collect()
}

/// What the operator's own text breaks of the operator's own rules.
fn operators(text: &str, voice: &ProjectVoice) -> Vec<String> {
    let words = tokens(text);
    let banned = voice.banned_words.iter().filter(|word| {
        let word = tokens(word).join(" ");
        !word.is_empty() && holds(&words, &word)
    });
    let mut found: Vec<String> = banned.map(|word| format!("holds the banned word {word:?}")).collect();
    if text.chars().any(is_hidden) {
        found.push("holds characters that nobody sees".into());
    }
    if let Some(why) = tone::breaks(text, voice.tone) {
        found.push(format!("{why}, against its own tone"));
    }
    let mut marks = Allowed::default();
    marks.all_of(text);
    let never =
        |tag: &&String| voice.hashtags.never.iter().any(|never| never.trim_start_matches('#').to_lowercase() == **tag);
    found.extend(
        marks.hashtags.iter().filter(never).map(|tag| format!("holds the hashtag #{tag}, which is never used")),
    );
    found
}
