use omniva_contracts::config::EngineConfig;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::super::ADVISERS;
use super::*;

fn config() -> EngineConfig {
    EngineConfig::load(None).expect("shipped")
}

fn brief(question: Question) -> Brief {
    let subject = EntityRef::new(EntityType::Clip, Uuid::from_u128(1));
    Brief::new(question, subject, TraceId(Uuid::from_u128(2)), Moment::from_seconds(1_700_000_000))
}

fn says(brief: &Brief, module: Module, stance: Stance, score: f64) -> Advisory {
    Advisory {
        module,
        question: brief.question,
        subject: brief.subject.clone(),
        stance,
        score,
        confidence: 0.8,
        evidence: vec![PacketId(Uuid::from_u128(module as u128 + 100))],
        rationale: format!("{module:?} says {stance:?}"),
        detail: json!({}),
    }
}

fn everyone(brief: &Brief, stance: Stance, score: f64) -> Vec<Advisory> {
    ADVISERS.iter().map(|m| says(brief, *m, stance, score)).collect()
}

fn order(brief: &Brief, approve: bool) -> Override {
    Override {
        question: brief.question,
        subject: brief.subject.clone(),
        approve,
        reason: "because".into(),
        operator: "cli".into(),
    }
}

#[test]
fn a_council_that_agrees_approves_with_its_value_as_priority() {
    let (config, brief) = (config(), brief(Question::Select));
    let ruling = arbitrate(&brief, &everyone(&brief, Stance::Support, 0.7), &[], &[], &config);
    // 0.7 × (1 + 0.4 × 0.4) × (1 + 0.3 × 0.4)
    assert_eq!(ruling.decision, Decision::Approve { priority: 909 });
    assert_eq!((ruling.by, ruling.coherence), (Precedence::Council, 1.0));
    assert!(!ruling.rollback.is_empty());
}

#[test]
fn paradox_silent_waits_and_anyone_else_silent_is_neutral() {
    let (config, brief) = (config(), brief(Question::Select));
    let without = |gone: Module| -> Vec<Advisory> {
        everyone(&brief, Stance::Support, 0.7).into_iter().filter(|a| a.module != gone).collect()
    };
    let ruling = arbitrate(&brief, &without(Module::Paradox), &[Module::Paradox], &[], &config);
    assert_eq!(ruling.decision, Decision::Defer { until: brief.now.after(Duration::from_secs(60)) });
    assert_eq!(ruling.missing, [Module::Paradox]);
    let ruling = arbitrate(&brief, &without(Module::Pantheon), &[], &[], &config);
    assert_eq!(ruling.decision, Decision::Approve { priority: 650 });
    assert!(ruling.why.contains("pantheon"), "{}", ruling.why);
}

#[test]
fn the_order_of_precedence_is_that_of_the_configuration() {
    let (mut config, mut brief) = (config(), brief(Question::Select));
    let mut advisories = everyone(&brief, Stance::Support, 0.9);
    for advisory in &mut advisories {
        if matches!(advisory.module, Module::Paradox | Module::Eclipse) {
            advisory.stance = if advisory.module == Module::Paradox { Stance::Block } else { Stance::Quarantine };
            advisory.detail = json!({ "code": "c" });
        }
    }
    let ruling = arbitrate(&brief, &advisories, &[], &[], &config);
    assert_eq!((ruling.by, ruling.decision), (Precedence::ParadoxBlock, Decision::Reject { code: "c".into() }));
    config.council.precedence.swap(1, 2);
    let ruling = arbitrate(&brief, &advisories, &[], &[], &config);
    assert_eq!(
        (ruling.by, ruling.decision),
        (Precedence::EclipseQuarantine, Decision::Quarantine { code: "c".into() })
    );
    brief.overrides = vec![order(&brief, false), order(&brief, true)];
    let ruling = arbitrate(&brief, &advisories, &[], &brief.overrides, &config);
    assert_eq!(
        (ruling.by, ruling.decision),
        (Precedence::OperatorOverride, Decision::Approve { priority: PRIORITY_HIGH })
    );
}

#[test]
fn disagreement_lowers_coherence() {
    let brief = brief(Question::Upload);
    let mut split = everyone(&brief, Stance::Support, 1.0);
    assert_eq!(coherence(&split), 1.0);
    split.iter_mut().take(4).for_each(|a| a.stance = Stance::Block);
    assert_eq!(coherence(&split), 0.0);
    assert_eq!(coherence(&[]), 1.0);
}

fn stances() -> impl Strategy<Value = Stance> {
    prop::sample::select(vec![
        Stance::Support,
        Stance::Neutral,
        Stance::Oppose,
        Stance::Hold,
        Stance::Block,
        Stance::Quarantine,
    ])
}

fn questions() -> impl Strategy<Value = Question> {
    prop::sample::select(vec![
        Question::Ingest,
        Question::Select,
        Question::Edit,
        Question::Upload,
        Question::Schedule,
        Question::Recover,
    ])
}

proptest! {
    /// Nothing but the words counts: not the order in which they came, not who is listed as missing first.
    #[test]
    fn the_order_of_advisories_is_irrelevant(
        question in questions(),
        words in prop::collection::vec((stances(), 0.0f64..1.0, any::<bool>()), 8),
        shift in 0usize..8,
    ) {
        let (config, brief) = (config(), brief(question));
        let mut said: Vec<Advisory> = ADVISERS
            .iter()
            .zip(&words)
            .filter(|(_, (_, _, present))| *present)
            .map(|(m, (stance, score, _))| says(&brief, *m, *stance, *score))
            .collect();
        let one = arbitrate(&brief, &said, &ADVISERS, &[], &config);
        let shift = shift % said.len().max(1);
        said.rotate_left(shift);
        said.extend(said.first().cloned());
        let mut missing = ADVISERS;
        missing.reverse();
        let two = arbitrate(&brief, &said, &missing, &[], &config);
        prop_assert_eq!(&one, &two);
        prop_assert!((0.0..=1.0).contains(&one.coherence));
        prop_assert!(!one.rollback.is_empty() && !one.why.is_empty());
    }

    /// An operator's word is the last one, whatever the council says.
    #[test]
    fn an_override_always_wins(
        question in questions(), words in prop::collection::vec((stances(), 0.0f64..1.0), 8), approve in any::<bool>()
    ) {
        let (config, brief) = (config(), brief(question));
        let said: Vec<Advisory> = ADVISERS.iter().zip(&words).map(|(m, w)| says(&brief, *m, w.0, w.1)).collect();
        let ruling = arbitrate(&brief, &said, &[], &[order(&brief, approve)], &config);
        prop_assert_eq!(ruling.by, Precedence::OperatorOverride);
        prop_assert_eq!(matches!(ruling.decision, Decision::Approve { .. }), approve);
    }

    /// Without an operator nothing passes Paradox, however much all others are for it and wherever it stands in the order.
    #[test]
    fn a_paradox_block_is_never_approved(
        question in questions(),
        words in prop::collection::vec((stances(), 0.0f64..1.0), 8),
        grave in prop::sample::select(vec![Stance::Block, Stance::Quarantine]),
        place in 1usize..4,
    ) {
        let (mut config, brief) = (config(), brief(question));
        config.council.precedence.retain(|p| *p != Precedence::ParadoxBlock);
        config.council.precedence.insert(place, Precedence::ParadoxBlock);
        let mut said: Vec<Advisory> = ADVISERS.iter().zip(&words).map(|(m, w)| says(&brief, *m, w.0, w.1)).collect();
        said.iter_mut().filter(|a| a.module == Module::Paradox).for_each(|a| a.stance = grave);
        let ruling = arbitrate(&brief, &said, &[], &[], &config);
        let approved = matches!(ruling.decision, Decision::Approve { .. });
        prop_assert!(!approved, "{:?}", ruling.decision);
    }
}
