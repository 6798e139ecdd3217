use omniva_contracts::config::Endpoints;
use omniva_contracts::engine::{
    CreditRule, Disclosure, DisclosureWhen, Outlet, ProjectVoice, RightsBasis, TextTemplate, Tone,
};
use proptest::prelude::*;

use super::*;

fn endpoints() -> Endpoints {
    Endpoints::load(None).expect("shipped")
}

fn facts() -> ClipFacts {
    ClipFacts {
        title: "How tides are made".into(),
        description: "The moon pulls at the sea.\n\n#sea #moon".into(),
        keywords: vec!["sea".into(), "new moon".into(), "tides".into(), "harbour".into()],
        transcript: "The moon pulls at the sea. Twice a day.".into(),
        topic: "tides".into(),
        creator: "@harbourtalk".into(),
        project: "Sea clips".into(),
        language: "en".into(),
        source: "https://example.org/v/1".into(),
        rights: RightsBasis::Permitted,
        synthetic: false,
    }
}

fn voice(project: &ProjectVoice) -> Voice {
    Voice::new(Some(project), &endpoints()).expect("a voice")
}

fn on(outlet: Outlet, facts: &ClipFacts, project: &ProjectVoice) -> Written {
    write(facts, &voice(project), &TextLimits::of(outlet, &endpoints())).expect("written")
}

#[test]
fn each_place_gets_its_own_text() {
    let project = ProjectVoice {
        disclosures: vec![
            Disclosure { text: "Made with a model.".into(), when: DisclosureWhen::Synthetic },
            Disclosure { text: "Ad.".into(), when: DisclosureWhen::Always },
        ],
        ..ProjectVoice::default()
    };
    let youtube = on(Outlet::Youtube, &facts(), &project).text;
    assert_eq!(youtube.title, "How tides are made");
    assert_eq!(
        youtube.description,
        "The moon pulls at the sea.\n\nCredit: harbourtalk · https://example.org/v/1\n\nAd.\n\n#sea #newmoon #tides"
    );
    assert_eq!((youtube.tags.len(), youtube.hashtags.len(), youtube.disclosure.as_str()), (4, 3, "Ad."));
    let tiktok = on(Outlet::Tiktok, &facts(), &project).text;
    assert_eq!(tiktok.description, "Credit: harbourtalk\nAd.\n#sea #newmoon #tides");
    assert!(tiktok.tags.is_empty(), "one text is all that TikTok takes");
    let made = ClipFacts { synthetic: true, rights: RightsBasis::Owned, ..facts() };
    let instagram = on(Outlet::Instagram, &made, &project).text;
    assert_eq!(instagram.description, "The moon pulls at the sea.\n\nMade with a model.\nAd.\n#sea #newmoon #tides");
}

#[test]
fn every_change_has_a_reason_and_a_rule() {
    let project = ProjectVoice { tone: Tone::Calm, banned_words: vec!["awful".into()], ..ProjectVoice::default() };
    let loud = ClipFacts {
        title: "WATCH THIS NOW!!! https://evil.example/x @spam".into(),
        description: "Fine.\nAn awful line.".into(),
        ..facts()
    };
    let written = on(Outlet::Youtube, &loud, &project);
    assert_eq!(written.text.title, "Watch this now. spam");
    assert!(written.text.description.starts_with("Fine.\n\nCredit"), "{:?}", written.text);
    for (field, rule) in
        [("title", "tone"), ("title", "link"), ("description", "banned_word"), ("description", "template")]
    {
        let found = written.deltas.iter().find(|d| d.field == field && d.rule == rule);
        assert!(
            found.is_some_and(|d| !d.why.is_empty() && d.before != d.after),
            "{field} {rule}: {:?}",
            written.deltas
        );
    }
    let same = on(
        Outlet::Folder,
        &ClipFacts { rights: RightsBasis::Owned, keywords: vec![], description: "As it is.".into(), ..facts() },
        &ProjectVoice::default(),
    );
    assert!(same.deltas.is_empty(), "what is not changed has no delta: {:?}", same.deltas);
}

#[test]
fn what_is_too_long_loses_no_more_than_it_must() {
    let long = ClipFacts { title: "word ".repeat(60), description: "é".repeat(6_000), ..facts() };
    let text = on(Outlet::Youtube, &long, &ProjectVoice::default()).text;
    assert!((90..=100).contains(&text.title.chars().count()) && text.title.ends_with("word…"), "{}", text.title);
    assert!((4_990..=5_000).contains(&text.description.len()) && text.description.ends_with("#sea #newmoon #tides"));
    let long = ClipFacts { description: "🎬".repeat(3_000), ..facts() };
    let text = on(Outlet::Instagram, &long, &ProjectVoice::default()).text;
    let caption = format!("{}\n{}", text.title, text.description);
    assert!((2_190..=2_200).contains(&caption.chars().count()));
}

#[test]
fn templates_have_variables_and_conditions_and_nothing_else() {
    let with = |title: &str, description: &str| {
        let template = TextTemplate { title: title.into(), description: description.into() };
        ProjectVoice { templates: BTreeMap::from([(Outlet::Tiktok, template)]), ..ProjectVoice::default() }
    };
    let project = with(
        "{{#if topic}}{{topic}}: {{/if}}{{title}}",
        "{{#unless quote}}-{{else}}“{{quote}}”{{/unless}} {{{keywords}}} & <",
    );
    assert_eq!(
        check_voice(&project, "s.voice", &endpoints()),
        [("s.voice.templates.tiktok.description".into(), "has characters that platforms refuse".into())]
    );
    let project = with(
        "{{#if topic}}{{topic}}: {{/if}}{{title}}",
        "{{#unless quote}}-{{else}}“{{quote}}”{{/unless}} {{{keywords}}} &",
    );
    let text = on(Outlet::Tiktok, &facts(), &project).text;
    assert_eq!(text.title, "tides: How tides are made");
    assert_eq!(
        text.description, "“The moon pulls at the sea.” sea, new moon, tides, harbour &\nharbourtalk",
        "who is not placed stands at the end"
    );
    for (title, description, why) in [
        ("{{titel}}", "", "{{titel}} is not known"),
        ("{{title.x}}", "", "not known"),
        ("{{../title}}", "", "not known"),
        ("{{title", "", "no template"),
        ("{{#each title}}x{{/each}}", "", "only {{#if"),
        ("{{#if (lookup title 0)}}x{{/if}}", "", "not known"),
        ("{{lookup title 0}}", "", "nothing beside its name"),
        ("{{log title}}", "", "nothing beside its name"),
        ("{{> title}}", "", "characters that platforms refuse"),
        ("{{#*inline \"x\"}}{{/inline}}", "", "partials"),
        (
            "{{title}} with far more own text than a title of a hundred characters has any room for, really far more",
            "",
            "characters without any text",
        ),
        ("{{title}}", "{{topic}}", ""),
    ] {
        let faults = check_voice(&with(title, description), "voice", &endpoints());
        if why.is_empty() {
            assert_eq!(faults, []);
        } else {
            assert!(
                faults.iter().any(|(field, said)| field == "voice.templates.tiktok.title" && said.contains(why)),
                "{title}: {faults:?}"
            );
            assert_eq!(
                Voice::new(Some(&with(title, description)), &endpoints()).err().map(|f| f.code),
                Some(Code::ConfigInvalid)
            );
        }
    }
    let deep = "{{#if title}}".repeat(400);
    assert!(
        !check_voice(&with("{{title}}", &deep.chars().take(2_000).collect::<String>()), "voice", &endpoints())
            .is_empty()
    );
    let own = ProjectVoice { tone: Tone::Calm, banned_words: vec!["buy now".into()], ..with("{{title}}", "Buy now!") };
    assert_eq!(
        check_voice(&own, "voice", &endpoints()).len(),
        2,
        "the operator's own text keeps the operator's own rules"
    );
}

#[test]
fn a_drafted_text_is_taken_whole_or_not_at_all() {
    let project = ProjectVoice {
        banned_words: vec!["shocking".into()],
        links: vec!["example.org/shop".into()],
        ..ProjectVoice::default()
    };
    let (voice, limits) = (voice(&project), TextLimits::of(Outlet::Tiktok, &endpoints()));
    let drafted = |title: &str, description: &str, tags: &[&str]| Drafted {
        title: title.into(),
        description: description.into(),
        hashtags: tags.iter().map(|t| (*t).to_owned()).collect(),
    };
    let good = drafted("Why the sea breathes", "Two bulges, one moon. example.org/shop", &["sea", "#newmoon"]);
    let written = write_drafted(&facts(), &voice, &limits, Ok(&good)).expect("written");
    assert_eq!(written.text.title, "Why the sea breathes");
    assert!(
        written.text.description.contains("Credit: harbourtalk") && written.text.description.ends_with("#sea #newmoon")
    );
    assert!(written.deltas.iter().all(|d| d.rule == "draft"));
    let rules = write(&facts(), &voice, &limits).expect("written");
    for (bad, rule) in [
        (drafted("", "x", &[]), "title.empty"),
        (drafted(&"x".repeat(101), "x", &[]), "title.length"),
        (drafted("A shocking tide", "x", &[]), "banned_word"),
        (drafted("Tide", "More at https://evil.example", &[]), "link"),
        (drafted("Tide evil.example", "x", &[]), "link"),
        (drafted("Tide", "ask @eve", &[]), "mention"),
        (drafted("Tide #fyp", "x", &[]), "hashtag"),
        (drafted("Tide", "x", &["fyp"]), "hashtag"),
        (drafted("Tide", "x", &["sea https://evil.example"]), "link"),
        (drafted("Tide", "x", &["sea", "sea", "sea", "sea", "sea", "sea"]), "hashtags.count"),
        (drafted("Tide <b>", "x", &[]), "characters"),
        (drafted("Ti\nde", "x", &[]), "characters"),
        (drafted("Tide\u{202e}", "x", &[]), "characters"),
    ] {
        let written = write_drafted(&facts(), &voice, &limits, Ok(&bad)).expect("written");
        assert_eq!(written.text, rules.text, "{bad:?}");
        let first = &written.deltas[0];
        assert_eq!((first.field.as_str(), first.rule.as_str()), ("draft", rule), "{bad:?}: {first:?}");
    }
    let fault = Fault::new(Code::NetworkTimeout, "the model took too long", "x");
    let written = write_drafted(&facts(), &voice, &limits, Err(&fault)).expect("written");
    assert_eq!((written.text, written.deltas[0].rule.as_str()), (rules.text, "network_timeout"));
    assert!(written.deltas[0].why.contains("took too long"));
}

#[test]
fn what_can_not_keep_the_rules_is_refused_with_them() {
    let project =
        ProjectVoice { banned_words: vec!["clip".into()], credit: CreditRule::Never, ..ProjectVoice::default() };
    let silent = ClipFacts { rights: RightsBasis::Owned, project: "clip".into(), ..ClipFacts::default() };
    let fault = write(&silent, &voice(&project), &TextLimits::of(Outlet::Folder, &endpoints())).expect_err("refused");
    assert_eq!(fault.code, Code::ClipRefused);
    assert!(fault.message.contains("banned_word (title)"), "{fault}");
}

fn any_text() -> impl Strategy<Value = String> {
    "([ a-zA-Z0-9.,!?@#<>/:\n\t]|https://|www\\.x\\.org|evil|\\PC|👩‍👩‍👧|\u{202e}|\u{301}){0,120}"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_known_the_text_keeps_every_rule(
        (title, description, transcript) in (any_text(), any_text(), any_text()),
        keywords in prop::collection::vec(any_text(), 0..20),
        (topic, creator, project) in (any_text(), any_text(), any_text()),
        (tone, credit, rights, synthetic) in (0usize..3, 0usize..3, 0usize..2, any::<bool>()),
        times in 1usize..80,
    ) {
        let rules = ProjectVoice {
            tone: [Tone::AsSpoken, Tone::Calm, Tone::Formal][tone],
            credit: [CreditRule::Never, CreditRule::NotOwned, CreditRule::Always][credit],
            banned_words: vec!["evil".into()],
            disclosures: vec![Disclosure { text: "Said so.".into(), when: DisclosureWhen::Synthetic }],
            ..ProjectVoice::default()
        };
        let facts = ClipFacts {
            title, description: description.repeat(times), keywords, transcript, topic, creator, project,
            language: "en".into(), source: "https://example.org/v".into(),
            rights: [RightsBasis::Owned, RightsBasis::Unknown][rights], synthetic,
        };
        let (voice, endpoints) = (voice(&rules), endpoints());
        for outlet in Outlet::ALL {
            let limits = TextLimits::of(outlet, &endpoints);
            let written = write(&facts, &voice, &limits);
            prop_assert!(written.is_ok(), "{outlet:?}: {:?} of {facts:?}", written.err());
            let again = write(&facts, &voice, &limits);
            prop_assert_eq!(&written, &again, "the same twice");
            prop_assert_eq!(judge(&written.expect("seen").text, &facts, &voice, &limits), vec![]);
        }
    }

    #[test]
    fn whatever_a_model_says_the_text_keeps_every_rule(title in any_text(), description in any_text(), hashtags in prop::collection::vec(any_text(), 0..8)) {
        let rules = ProjectVoice { banned_words: vec!["evil".into()], tone: Tone::Calm, ..ProjectVoice::default() };
        let (voice, endpoints) = (voice(&rules), endpoints());
        let drafted = Drafted { title, description, hashtags };
        for outlet in Outlet::ALL {
            let limits = TextLimits::of(outlet, &endpoints);
            let written = write_drafted(&facts(), &voice, &limits, Ok(&drafted)).expect("written");
            prop_assert_eq!(judge(&written.text, &facts(), &voice, &limits), vec![]);
        }
    }
}
