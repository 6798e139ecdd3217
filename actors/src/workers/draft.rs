//! Texts by a model, where a project wants them: asked for once, after the edit, and kept with the clip whatever came of it.
//! Chorus decides later whether they are used.

use omniva_cognition::chorus::post::{TextLimits, Voice, choices};
use omniva_contracts::config::Endpoints;
use omniva_contracts::engine::*;
use omniva_contracts::record::Draft;
use omniva_contracts::{Code, Fault, Monitor};
use omniva_platforms::{DraftAsk, Drafter};

/// Everything that a draft needs and the store knows.
pub(super) struct Wish {
    outlet: Outlet,
    voice: ProjectVoice,
    project: String,
    transcript: String,
    topic: String,
    language: String,
}

impl Wish {
    /// `None` where the project wants no draft.
    pub fn of(project: &Project, detail: &ClipDetail) -> Option<Self> {
        let voice = project.settings.voice.clone().filter(|voice| voice.drafted)?;
        // One draft a clip: for the first channel that has readers.
        let channels = project.settings.channels_in_use();
        let outlet = channels.iter().find_map(|c| Outlet::of(&Target::parse(&c.target).ok()?))?;
        let language = project.settings.language.clone().filter(|language| language != "auto");
        Some(Self {
            outlet,
            voice: *voice,
            project: project.name.clone(),
            transcript: detail.text.clone(),
            topic: detail.topic.clone().unwrap_or_default(),
            language: language.unwrap_or_default(),
        })
    }
}

/// # Errors
/// `cancelled`; every other fault is what came of it.
pub(super) fn drafting(
    drafter: &dyn Drafter,
    wish: Wish,
    draft: &Draft,
    endpoints: &Endpoints,
    monitor: &dyn Monitor,
) -> Result<Drafting, Fault> {
    let outlet = wish.outlet;
    match drafted(drafter, wish, draft, endpoints, monitor) {
        Ok(drafted) => Ok(Drafting::Text { outlet, drafted }),
        Err(fault) if fault.code == Code::Cancelled => Err(fault),
        Err(fault) => Ok(Drafting::Nothing { outlet, fault }),
    }
}

fn drafted(
    drafter: &dyn Drafter,
    wish: Wish,
    draft: &Draft,
    endpoints: &Endpoints,
    monitor: &dyn Monitor,
) -> Result<Drafted, Fault> {
    let limits = TextLimits::of(wish.outlet, endpoints);
    let voice = Voice::new(Some(&wish.voice), endpoints)?;
    let facts = ClipFacts {
        title: draft.title.clone(),
        description: draft.description.clone(),
        keywords: draft.keywords.clone(),
        transcript: wish.transcript,
        topic: wish.topic,
        project: wish.project,
        language: wish.language,
        ..ClipFacts::default()
    };
    let hashtags = choices(&facts, &voice, &limits);
    let ask = DraftAsk {
        facts: &facts,
        outlet: wish.outlet,
        tone: wish.voice.tone,
        title_chars: limits.title,
        // Room for what the template adds.
        text_chars: limits.text / 4,
        hashtags: &hashtags,
        hashtag_count: wish.voice.hashtags.most as usize,
    };
    drafter.draft(&ask, monitor)
}
