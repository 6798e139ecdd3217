//! The texts that go out with a clip: by the project's voice where it has one, as they were drafted otherwise.

use omniva_contracts::config::Endpoints;
use omniva_contracts::engine::{Clip, ClipFacts, Drafting, Outlet, Target, shown_target};
use omniva_contracts::fault::Fault;
use omniva_contracts::record::StyleDelta;
use serde_json::Value;

use crate::chorus::post::{TextLimits, Voice, write, write_drafted};
use crate::council::Brief;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Texts {
    pub title: String,
    pub description: String,
    pub keywords: Vec<String>,
    /// What the project's voice made of the draft, and why.
    pub deltas: Vec<StyleDelta>,
}

/// The texts that the edit left, or what analysis drafted.
pub(crate) fn drafted(clip: &Clip) -> Texts {
    let text = |key: &str| clip.metadata.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let keywords = clip.metadata.get("keywords").and_then(Value::as_array);
    let keywords = keywords.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    Texts { title: text("title"), description: text("description"), keywords, deltas: Vec::new() }
}

/// The texts for one target, as rows or settings call it.
///
/// # Errors
/// `clip_refused` when no text keeps the project's rules, `config_invalid` for a voice that can't be used.
pub(crate) fn written(brief: &Brief, clip: &Clip, target: &str, endpoints: &Endpoints) -> Result<Texts, Fault> {
    let draft = drafted(clip);
    let voice = brief.project.as_ref().and_then(|project| project.settings.voice.as_deref());
    let (Some(voice), Some(outlet)) = (voice, Outlet::of(&Target::parse(shown_target(target))?)) else {
        return Ok(draft);
    };
    let wanted = voice.drafted;
    let voice = Voice::new(Some(voice), endpoints)?;
    let (facts, limits) = (facts(brief, clip, draft), TextLimits::of(outlet, endpoints));
    let written = match drafting(clip).filter(|_| wanted) {
        Some(Drafting::Text { outlet: of, drafted }) if of == outlet => {
            write_drafted(&facts, &voice, &limits, Ok(&drafted))?
        }
        Some(Drafting::Nothing { outlet: of, fault }) if of == outlet => {
            write_drafted(&facts, &voice, &limits, Err(&fault))?
        }
        _ => write(&facts, &voice, &limits)?,
    };
    let text = written.text;
    Ok(Texts { title: text.title, description: text.description, keywords: text.tags, deltas: written.deltas })
}

/// What came of asking a model, where one was asked.
fn drafting(clip: &Clip) -> Option<Drafting> {
    clip.metadata.get("drafting").and_then(|kept| serde_json::from_value(kept.clone()).ok())
}

fn facts(brief: &Brief, clip: &Clip, draft: Texts) -> ClipFacts {
    let text = |key: &str| clip.metadata.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let project = brief.project.as_ref();
    let language = project.and_then(|p| p.settings.language.clone()).filter(|language| language != "auto");
    // A file of this machine is nobody's business.
    let source = brief.post.as_ref().map(|post| post.url.clone()).filter(|url| url.starts_with("https://"));
    ClipFacts {
        title: draft.title,
        description: draft.description,
        keywords: draft.keywords,
        transcript: text("text"),
        topic: text("topic"),
        creator: brief.creator.as_ref().map(|creator| creator.username.clone()).unwrap_or_default(),
        project: project.map(|project| project.name.clone()).unwrap_or_default(),
        language: language.unwrap_or_default(),
        source: source.unwrap_or_default(),
        rights: brief.creator.as_ref().map(|creator| creator.rights).unwrap_or_default(),
        synthetic: false,
    }
}

#[cfg(test)]
mod tests {
    use omniva_contracts::config::EngineConfig;
    use omniva_contracts::engine::*;
    use omniva_contracts::ports::Seeded;
    use serde_json::json;

    use crate::council::fixtures::{brief, config, now};
    use crate::council::{Brief, chorus};
    use crate::flow::enact;

    fn with_voice(voice: ProjectVoice, target: &str) -> Brief {
        let mut brief = brief(Question::Upload);
        let project = brief.project.as_mut().expect("a project");
        (project.settings.voice, project.settings.publish_to) = (Some(Box::new(voice)), Some(target.into()));
        let creator = brief.creator.as_mut().expect("a creator");
        (creator.username, creator.rights) = ("harbourtalk".into(), RightsBasis::Permitted);
        let clip = brief.clip.as_mut().expect("a clip");
        clip.metadata["title"] = json!("A GOOD TITLE INDEED!");
        clip.metadata["keywords"] = json!(["sea", "moon"]);
        brief
    }

    fn approved(brief: &Brief, config: &EngineConfig) -> (UploadJobRow, serde_json::Value) {
        let ruling = Ruling {
            question: brief.question,
            subject: brief.subject.clone(),
            decision: Decision::Approve { priority: 500 },
            by: Precedence::Council,
            why: "because".into(),
            coherence: 1.0,
            advisories: vec![],
            missing: vec![],
            rollback: "none".into(),
        };
        let enacted = enact(&ruling, brief, now(), config, &mut Seeded::new(b"texts")).expect("enacted");
        let row = enacted.rows.iter().find_map(|row| match row {
            Row::UploadJob(row) => Some((**row).clone()),
            _ => None,
        });
        let packet = enacted.packets.iter().find(|p| p.kind == "upload.ordered").expect("a packet");
        (row.expect("a row"), packet.body.clone())
    }

    #[test]
    fn what_goes_out_is_written_by_the_projects_voice_and_the_ledger_says_why() {
        let voice = ProjectVoice { tone: Tone::Calm, ..ProjectVoice::default() };
        let (row, body) = approved(&with_voice(voice.clone(), "tiktok/main"), &config());
        assert_eq!(
            (row.title.as_str(), row.description.as_str()),
            ("A good title indeed.", "Credit: harbourtalk\n#sea #moon")
        );
        assert!(row.keywords.is_empty(), "they stand in the text");
        let rules: Vec<&str> =
            body["style_deltas"].as_array().expect("deltas").iter().filter_map(|d| d["rule"].as_str()).collect();
        assert!(rules.contains(&"tone") && rules.contains(&"template"), "{rules:?}");
        let (row, _) = approved(&with_voice(voice, "youtube/main"), &config());
        assert_eq!(row.keywords, ["sea", "moon"]);
        let mut plain = with_voice(ProjectVoice::default(), "youtube/main");
        plain.project.as_mut().expect("a project").settings.voice = None;
        let (row, body) = approved(&plain, &config());
        assert_eq!((row.title.as_str(), &body["style_deltas"]), ("A GOOD TITLE INDEED!", &serde_json::Value::Null));
    }

    #[test]
    fn texts_are_cut_to_the_limits_that_the_operator_set() {
        let mut brief = with_voice(ProjectVoice::default(), "youtube/main");
        let title = "One morning the harbour was as still as the moon above it";
        brief.clip.as_mut().expect("a clip").metadata["title"] = json!(title);
        assert_eq!(approved(&brief, &config()).0.title, title);
        let mut tight = config();
        tight.endpoints.youtube.title_chars = 30;
        let cut = approved(&brief, &tight).0.title;
        assert!(!cut.is_empty() && cut.chars().count() <= 30, "{cut}");
    }

    #[test]
    fn a_models_draft_goes_out_when_it_keeps_the_rules_and_else_the_reason_stands_in_the_ledger() {
        let voice = ProjectVoice { drafted: true, ..ProjectVoice::default() };
        let drafted =
            |title: &str| Drafted { title: title.into(), description: "Short.".into(), hashtags: vec!["moon".into()] };
        let fault = omniva_contracts::Fault::new(omniva_contracts::Code::NetworkTimeout, "too slow", "x");
        let outlet = Outlet::Youtube;
        for (drafting, title, rule) in [
            (Drafting::Text { outlet, drafted: drafted("What the moon does") }, "What the moon does", "draft"),
            (Drafting::Text { outlet, drafted: drafted("See evil.example") }, "A GOOD TITLE INDEED!", "link"),
            (Drafting::Nothing { outlet, fault }, "A GOOD TITLE INDEED!", "network_timeout"),
        ] {
            let mut brief = with_voice(voice.clone(), "youtube/main");
            brief.clip.as_mut().expect("a clip").metadata["drafting"] = json!(drafting);
            let (row, body) = approved(&brief, &config());
            assert_eq!((row.title.as_str(), body["style_deltas"][0]["rule"].as_str()), (title, Some(rule)));
            // Where the project does not want it (any more), it counts for nothing.
            brief.project.as_mut().expect("a project").settings.voice = Some(Box::default());
            assert_eq!(approved(&brief, &config()).0.title, "A GOOD TITLE INDEED!");
        }
    }

    #[test]
    fn chorus_blocks_what_no_rule_lets_out_and_an_operator_may_still_have_the_draft() {
        let voice = ProjectVoice {
            banned_words: vec!["harbourtalk".into(), "good".into(), "clip".into(), "p".into()],
            ..ProjectVoice::default()
        };
        let mut brief = with_voice(voice, "youtube/main");
        brief.creator.as_mut().expect("a creator").rights = RightsBasis::Owned;
        let said = chorus(&brief, &config());
        assert_eq!(said.stance, Stance::Block);
        assert!(said.rationale.contains("banned_word (title)"), "{}", said.rationale);
        let (row, body) = approved(&brief, &config());
        assert_eq!(row.title, "A GOOD TITLE INDEED!");
        assert!(body["not_written"].as_str().is_some_and(|why| why.contains("banned_word")));
    }
}
