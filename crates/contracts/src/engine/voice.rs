//! How a project writes where its clips go: templates, tone, hashtags, and what must or must not be said.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Platform, RightsBasis, Target};
use crate::fault::{Code, Fault};

const SHIPPED: &str = include_str!("../../../../config/voice.toml");
/// Characters of one template.
const MAX_TEMPLATE: usize = 2_000;
const MAX_WORDS: usize = 200;
const MAX_WORD: usize = 60;
const MAX_DISCLOSURES: usize = 5;
const MAX_DISCLOSURE: usize = 200;
const MAX_HASHTAG: usize = 30;
const MAX_LINKS: usize = 20;
const MAX_LINK: usize = 200;

/// Where a text goes, as far as texts differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outlet {
    Youtube,
    Tiktok,
    Instagram,
    Folder,
    Webhook,
}

impl Outlet {
    pub const ALL: [Outlet; 5] = [Outlet::Youtube, Outlet::Tiktok, Outlet::Instagram, Outlet::Folder, Outlet::Webhook];

    pub fn as_str(self) -> &'static str {
        match self {
            Outlet::Youtube => "youtube",
            Outlet::Tiktok => "tiktok",
            Outlet::Instagram => "instagram",
            Outlet::Folder => "folder",
            Outlet::Webhook => "webhook",
        }
    }

    /// `None` for accounts on platforms where nothing is published.
    pub fn of(target: &Target) -> Option<Self> {
        match target {
            Target::Folder => Some(Outlet::Folder),
            Target::Webhook { .. } => Some(Outlet::Webhook),
            Target::Account { platform: Platform::Youtube, .. } => Some(Outlet::Youtube),
            Target::Account { platform: Platform::Tiktok, .. } => Some(Outlet::Tiktok),
            Target::Account { platform: Platform::Instagram, .. } => Some(Outlet::Instagram),
            Target::Account { .. } => None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    #[default]
    AsSpoken,
    /// No words in capitals, no exclamation marks.
    Calm,
    /// Calm, and without emoji.
    Formal,
}

/// Whether the creator of the material has to be named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CreditRule {
    Never,
    /// Unless the material is owned.
    #[default]
    NotOwned,
    Always,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisclosureWhen {
    #[default]
    Always,
    /// A model made something that could be taken for real.
    Synthetic,
    NotOwned,
}

/// A sentence that has to stand in the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Disclosure {
    #[schemars(length(min = 1, max = 200))]
    pub text: String,
    #[serde(default)]
    pub when: DisclosureWhen,
}

fn from_keywords() -> u32 {
    3
}
fn most() -> u32 {
    5
}

/// With or without `#`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HashtagPolicy {
    #[serde(default)]
    #[schemars(length(max = 30))]
    pub always: Vec<String>,
    /// How many are made from what is talked about.
    #[serde(default = "from_keywords")]
    #[schemars(range(max = 15))]
    pub from_keywords: u32,
    /// Of all kinds together.
    #[serde(default = "most")]
    #[schemars(range(max = 30))]
    pub most: u32,
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub never: Vec<String>,
}

impl Default for HashtagPolicy {
    fn default() -> Self {
        Self { always: Vec::new(), from_keywords: from_keywords(), most: most(), never: Vec::new() }
    }
}

/// Handlebars, as far as `config/voice.toml` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextTemplate {
    #[schemars(length(min = 1, max = 2000))]
    pub title: String,
    #[schemars(length(max = 2000))]
    pub description: String,
}

/// Unknown keys are refused; what is left out has the default of `config/voice.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectVoice {
    #[serde(default)]
    pub tone: Tone,
    #[serde(default)]
    pub credit: CreditRule,
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub banned_words: Vec<String>,
    #[serde(default)]
    #[schemars(length(max = 5))]
    pub disclosures: Vec<Disclosure>,
    /// Addresses that texts may hold beside those of the templates; what lies below one is allowed with it.
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub links: Vec<String>,
    /// Handles that texts may name with `@`.
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub mentions: Vec<String>,
    /// Whether a model may draft title and description.
    #[serde(default)]
    pub drafted: bool,
    #[serde(default)]
    pub hashtags: HashtagPolicy,
    /// For places whose texts are not to be the usual ones.
    #[serde(default)]
    pub templates: BTreeMap<Outlet, TextTemplate>,
}

impl ProjectVoice {
    /// What is shipped: a template for every place.
    ///
    /// # Errors
    /// `internal`: the shipped file is broken.
    pub fn shipped() -> Result<Self, Fault> {
        let voice: Self =
            toml::from_str(SHIPPED).map_err(|e| Fault::internal("config/voice.toml can't be read").with_detail(e))?;
        match Outlet::ALL.into_iter().find(|outlet| !voice.templates.contains_key(outlet)) {
            Some(outlet) => Err(Fault::internal(format!("config/voice.toml has no template for {}", outlet.as_str()))),
            None => Ok(voice),
        }
    }

    /// What is wrong: field and why, the field below `path`. Whether templates can be filled is seen by Chorus.
    pub fn faults(&self, path: &str) -> Vec<(String, String)> {
        let mut faults = Faults { path, found: Vec::new() };
        faults.words("banned_words", &self.banned_words, MAX_WORDS, MAX_WORD);
        faults.words("links", &self.links, MAX_LINKS, MAX_LINK);
        faults.words("mentions", &self.mentions, MAX_LINKS, MAX_WORD);
        faults.words("hashtags.always", &self.hashtags.always, 30, MAX_HASHTAG);
        faults.words("hashtags.never", &self.hashtags.never, MAX_WORDS, MAX_HASHTAG);
        for (field, list) in [
            ("hashtags.always", &self.hashtags.always),
            ("hashtags.never", &self.hashtags.never),
            ("mentions", &self.mentions),
        ] {
            let head = if field == "mentions" { '@' } else { '#' };
            let plain = |text: &str| {
                let text = text.strip_prefix(head).unwrap_or(text);
                text.chars().any(char::is_alphanumeric)
                    && text.chars().all(|c| c.is_alphanumeric() || c == '_' || (head == '@' && c == '.'))
            };
            faults.unless(list.iter().all(|text| plain(text)), field, "may hold letters, digits and _ only");
        }
        let spaced = self.links.iter().any(|link| link.contains(char::is_whitespace) || !link.contains('.'));
        faults.unless(!spaced, "links", "must be addresses such as example.org/shop");
        faults.unless(self.hashtags.from_keywords <= 15, "hashtags.from_keywords", "must be 0 to 15");
        faults.unless(self.hashtags.most <= 30, "hashtags.most", "must be 0 to 30");
        let always = self.hashtags.always.len() as u64;
        faults.unless(
            always <= u64::from(self.hashtags.most),
            "hashtags.always",
            "has more entries than hashtags.most",
        );
        faults.unless(self.disclosures.len() <= MAX_DISCLOSURES, "disclosures", "has more than 5 entries");
        for disclosure in &self.disclosures {
            faults.unless(!disclosure.text.trim().is_empty(), "disclosures", "has an empty text");
            faults.text("disclosures", &disclosure.text, MAX_DISCLOSURE, false);
        }
        for (outlet, template) in &self.templates {
            let field = |name: &str| format!("templates.{}.{name}", outlet.as_str());
            faults.unless(!template.title.trim().is_empty(), &field("title"), "is empty");
            faults.text(&field("title"), &template.title, MAX_TEMPLATE, false);
            faults.text(&field("description"), &template.description, MAX_TEMPLATE, true);
        }
        faults.found
    }
}

struct Faults<'a> {
    path: &'a str,
    found: Vec<(String, String)>,
}

impl Faults<'_> {
    fn unless(&mut self, good: bool, field: &str, wrong: &str) {
        if !good {
            self.found.push((format!("{}.{field}", self.path), wrong.to_owned()));
        }
    }

    /// Printable, without the brackets that platforms refuse.
    fn text(&mut self, field: &str, text: &str, most: usize, lines: bool) {
        self.unless(text.chars().count() <= most, field, &format!("has more than {most} characters"));
        let bad = text.chars().any(|c| matches!(c, '<' | '>') || (c.is_control() && !(lines && c == '\n')));
        self.unless(!bad, field, "has characters that platforms refuse");
    }

    fn words(&mut self, field: &str, words: &[String], most: usize, longest: usize) {
        self.unless(words.len() <= most, field, &format!("has more than {most} entries"));
        for word in words {
            self.unless(!word.trim().is_empty(), field, "has an empty entry");
            self.text(field, word, longest, false);
        }
    }
}

/// What is published with a clip: within the limits of one place, and by the rules of one project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostText {
    pub title: String,
    /// Where a place knows one text only, what follows the title on a line of its own.
    pub description: String,
    /// Those that stand in the texts, without `#`.
    #[serde(default)]
    pub hashtags: Vec<String>,
    /// What the place is told beside the texts; empty where it takes none.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What had to be said and stands in the description; empty for nothing.
    #[serde(default)]
    pub disclosure: String,
}

/// All that a text about a clip may be made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClipFacts {
    pub title: String,
    pub description: String,
    pub keywords: Vec<String>,
    /// Words of the finished clip.
    pub transcript: String,
    /// Empty when there is none.
    pub topic: String,
    /// Name or handle; empty when unknown.
    pub creator: String,
    pub project: String,
    /// BCP 47; empty when unknown.
    pub language: String,
    /// Address of the original; empty when there is none that may be shown.
    pub source: String,
    pub rights: RightsBasis,
    pub synthetic: bool,
}

/// A model's words, not yet judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drafted {
    pub title: String,
    pub description: String,
    /// With or without `#`.
    pub hashtags: Vec<String>,
}

impl Drafted {
    /// Strictly: nothing else, nothing missing, no list without end.
    ///
    /// # Errors
    /// `model_failed` with what is wrong.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let wrong = |why: String| {
            let next = "nothing has to be done: the text is written by rules instead";
            Fault::new(Code::ModelFailed, format!("the drafted text can't be used: {why}"), next)
        };
        let drafted: Self = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
        if drafted.hashtags.len() > 30 {
            return Err(wrong("it has more than 30 hashtags".into()));
        }
        Ok(drafted)
    }
}

/// What came of asking a model. Kept with the clip, so that every attempt to publish it writes the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "came", rename_all = "snake_case", deny_unknown_fields)]
pub enum Drafting {
    Text { outlet: Outlet, drafted: Drafted },
    Nothing { outlet: Outlet, fault: Fault },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_holds() {
        let shipped = ProjectVoice::shipped().expect("reads");
        assert_eq!(shipped.faults("voice"), []);
        assert_eq!(shipped.templates.len(), Outlet::ALL.len());
        let defaults: ProjectVoice = serde_json::from_str("{}").expect("empty is the default");
        assert_eq!(defaults, ProjectVoice { templates: BTreeMap::new(), ..shipped });
    }

    #[test]
    fn every_fault_names_its_field() {
        for (json, field) in [
            (r#"{"banned_words":[" "]}"#, "voice.banned_words"),
            (r#"{"links":["no address"]}"#, "voice.links"),
            (r#"{"mentions":["a b"]}"#, "voice.mentions"),
            (r##"{"hashtags":{"always":["#a-b"]}}"##, "voice.hashtags.always"),
            (r#"{"hashtags":{"always":["a","b"],"most":1}}"#, "voice.hashtags.always"),
            (r#"{"hashtags":{"most":31}}"#, "voice.hashtags.most"),
            (r#"{"hashtags":{"from_keywords":16}}"#, "voice.hashtags.from_keywords"),
            (r#"{"disclosures":[{"text":""}]}"#, "voice.disclosures"),
            (r#"{"disclosures":[{"text":"<b>"}]}"#, "voice.disclosures"),
            (r#"{"templates":{"youtube":{"title":" ","description":""}}}"#, "voice.templates.youtube.title"),
            (r#"{"templates":{"tiktok":{"title":"x","description":"\t"}}}"#, "voice.templates.tiktok.description"),
        ] {
            let voice: ProjectVoice = serde_json::from_str(json).expect(json);
            let found = voice.faults("voice");
            assert!(found.iter().any(|(at, why)| at == field && !why.is_empty()), "{json}: {found:?}");
        }
        for json in [r#"{"tome":"calm"}"#, r#"{"templates":{"podcast":{"title":"x","description":""}}}"#] {
            assert!(serde_json::from_str::<ProjectVoice>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_drafted_text_is_read_strictly() {
        assert!(Drafted::parse(r#"{"title":"a","description":"b","hashtags":["c"]}"#).is_ok());
        for bad in [
            "",
            "a title",
            r#"{"title":"a"}"#,
            r#"{"title":"a","description":"b","hashtags":[],"more":1}"#,
            r#"{"title":"a","description":"b","hashtags":["c"]} and more"#,
            r#"{"title":1,"description":"b","hashtags":[]}"#,
        ] {
            assert_eq!(Drafted::parse(bad).expect_err(bad).code, Code::ModelFailed);
        }
    }

    #[test]
    fn every_target_has_its_outlet() {
        for (target, outlet) in [
            ("folder", Some(Outlet::Folder)),
            ("youtube/a", Some(Outlet::Youtube)),
            ("tiktok/a", Some(Outlet::Tiktok)),
            ("instagram/a", Some(Outlet::Instagram)),
            ("webhook/a", Some(Outlet::Webhook)),
        ] {
            assert_eq!(Outlet::of(&Target::parse(target).expect("a target")), outlet);
        }
    }
}
