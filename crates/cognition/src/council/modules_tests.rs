//! What each module makes of the facts that are its business.

use std::time::Duration;

use omniva_contracts::config::MixTarget;
use omniva_contracts::engine::*;
use omniva_contracts::fault::{Code, Fault};
use serde_json::json;

use super::fixtures::*;
use super::*;
use crate::eclipse::{Breaker, BreakerState};
use crate::jobs::table::specimen;

fn code(advisory: &Advisory) -> &str {
    advisory.detail["code"].as_str().unwrap_or_default()
}

#[test]
fn a_sound_subject_passes_every_question() {
    let config = config();
    for question in [Question::Ingest, Question::Select, Question::Edit, Question::Upload, Question::Schedule] {
        let brief = brief(question);
        let said: Vec<Advisory> = asked(question).iter().filter_map(|m| advise(*m, &brief, &config)).collect();
        let ruling = arbitrate(&brief, &said, &[], &[], &config);
        assert!(
            matches!(ruling.decision, Decision::Approve { .. }),
            "{question:?}: {} {:?}",
            ruling.why,
            ruling.decision
        );
        assert_eq!(ruling.missing, []);
    }
    assert_eq!(advise(Module::Zenith, &brief(Question::Select), &config), None);
}

#[test]
fn paradox_blocks_duplicates_and_names_them() {
    let mut brief = brief(Question::Ingest);
    brief.same_checksum = vec![EntityRef::new(EntityType::Video, id(77))];
    let said = paradox(&brief, &config());
    assert_eq!((said.stance, code(&said)), (Stance::Block, "duplicate"));
    assert_eq!(said.detail["conflicts"], json!([id(77)]));
    brief.same_checksum.clear();
    assert_eq!(paradox(&brief, &config()).stance, Stance::Support);
}

fn alike(audio: f64, video: f64) -> Likeness {
    let overlap = |seconds: f64| Overlap { seconds, similarity: 0.4, from: 2.0, to: 2.0 + seconds };
    Likeness {
        other: EntityRef::new(EntityType::Video, id(78)),
        same_creator: false,
        own_seconds: 100.0,
        other_seconds: 600.0,
        audio: (audio > 0.0).then(|| overlap(audio)),
        video: (video > 0.0).then(|| overlap(video)),
        both_sound: true,
        offset: 31.5,
        mirrored: true,
    }
}

#[test]
fn paradox_blocks_copies_and_shows_what_it_rests_on() {
    let said = |like: Likeness| {
        let mut brief = brief(Question::Ingest);
        brief.near_duplicates = vec![like];
        paradox(&brief, &config())
    };
    let copy = said(alike(95.0, 98.0));
    assert_eq!((copy.stance, code(&copy)), (Stance::Block, "near_duplicate"));
    assert_eq!(copy.detail["conflicts"], json!([id(78)]));
    let evidence = &copy.detail["likeness"][0];
    assert_eq!((&evidence["relation"], &evidence["mirrored"]), (&json!("copy"), &json!(true)));
    assert_eq!((&evidence["own_share"], &evidence["offset"]), (&json!(0.98), &json!(31.5)));
    assert_eq!(evidence["audio"]["seconds"], json!(95.0));
    assert!(copy.rationale.contains("98 s of 100 s") && copy.rationale.contains("mirrored"), "{}", copy.rationale);
    // The same picture under other sound is footage used again, unless one of them has no sound.
    let footage = said(alike(0.0, 98.0));
    assert_eq!((footage.stance, code(&footage)), (Stance::Oppose, "partial_reuse"));
    assert_eq!(said(Likeness { both_sound: false, ..alike(0.0, 98.0) }).stance, Stance::Block);
    // A copy of one's own video is one as well.
    assert_eq!(said(Likeness { same_creator: true, ..alike(95.0, 0.0) }).stance, Stance::Block);
    // Lengths that make no sense are no ground to block.
    assert_eq!(said(Likeness { own_seconds: 0.0, ..alike(95.0, 0.0) }).stance, Stance::Oppose);
}

#[test]
fn paradox_treats_a_shared_part_as_the_policy_says() {
    use omniva_contracts::config::PartialReuse;
    let said = |policy: PartialReuse, like: Likeness| {
        let mut config = config();
        config.council.partial_reuse = policy;
        let mut brief = brief(Question::Ingest);
        brief.near_duplicates = vec![like];
        paradox(&brief, &config)
    };
    for (policy, stance) in [
        (PartialReuse::Allow, Stance::Support),
        (PartialReuse::Oppose, Stance::Oppose),
        (PartialReuse::Quarantine, Stance::Quarantine),
    ] {
        let part = said(policy, alike(40.0, 0.0));
        assert_eq!(part.stance, stance);
        assert_eq!(part.detail["likeness"][0]["relation"], json!("part"));
        assert_ne!(said(policy, Likeness { same_creator: true, ..alike(40.0, 0.0) }).stance, Stance::Quarantine);
        // A copy stays a copy whatever the policy is.
        assert_eq!(said(policy, alike(85.0, 0.0)).stance, Stance::Block);
    }
    let part = said(PartialReuse::Quarantine, alike(40.0, 0.0));
    assert_eq!((code(&part), &part.detail["action"]), ("partial_reuse", &json!("quarantine")));
    let mut brief = brief(Question::Recover);
    brief.near_duplicates = vec![alike(95.0, 95.0)];
    assert_ne!(code(&paradox(&brief, &config())), "near_duplicate");
}

#[test]
fn of_two_overlapping_clips_exactly_one_goes_on() {
    let config = config();
    let (a, mut b) = (clip(0, ClipStatus::ReadyForEdit), clip(1, ClipStatus::ReadyForEdit));
    (b.start_time, b.end_time, b.confidence) = (10.0, 40.0, 0.9);
    let about = |own: &Clip, other: &Clip| {
        let mut brief = brief(Question::Select);
        brief.clip = Some(own.clone());
        brief.siblings = vec![ClipDigest::of(other)];
        paradox(&brief, &config)
    };
    let (of_a, of_b) = (about(&a, &b), about(&b, &a));
    assert_eq!((of_a.stance, code(&of_a), of_b.stance), (Stance::Block, "overlaps", Stance::Support));
    // The other way round once the weaker one is being edited.
    let a = Clip { status: ClipStatus::Editing, ..a };
    assert_eq!(about(&b, &a).stance, Stance::Block);
    b.start_time = 28.0;
    b.end_time = 58.0;
    assert_eq!(about(&b, &a).stance, Stance::Support, "2 s of 30 s may be shared");
}

#[test]
fn paradox_sees_repeats_double_bookings_and_states_that_contradict() {
    let config = config();
    let mut select = brief(Question::Select);
    let mut twin = digest(0, ClipStatus::Published);
    (twin.clip_id, twin.video_id) = (ClipId(id(900)), VideoId(id(901)));
    select.recent_clips = vec![twin];
    assert_eq!((paradox(&select, &config).stance, code(&paradox(&select, &config))), (Stance::Block, "repeats"));
    let mut slot = brief(Question::Schedule);
    slot.booked = vec![Booking {
        schedule_id: ScheduleId(id(31)),
        clip_id: ClipId(id(101)),
        project_id: ProjectId(id(8)),
        target: "folder".into(),
        at: now(),
        status: ScheduleStatus::Confirmed,
    }];
    assert_eq!(code(&paradox(&slot, &config)), "double_booked");
    let mut upload = brief(Question::Upload);
    upload.clip = Some(clip(0, ClipStatus::Published));
    assert_eq!(code(&paradox(&upload, &config)), "already_published");
    let job = specimen(JobState::Pending, now(), &config);
    select.recent_clips.clear();
    select.open_jobs = vec![JobDigest::of(&job), JobDigest::of(&Job { id: JobId(id(41)), ..job })];
    assert_eq!(code(&paradox(&select, &config)), "contradictory_jobs");
}

#[test]
fn a_cycle_in_the_lineage_quarantines_and_a_long_chain_does_not() {
    let packet = |n: u128, parents: &[u128]| PacketDigest {
        id: PacketId(id(n)),
        kind: "x.y".into(),
        entity: EntityRef::new(EntityType::Clip, id(100)),
        parents: parents.iter().map(|p| PacketId(id(*p))).collect(),
        at: now(),
    };
    let mut brief = brief(Question::Select);
    brief.lineage = (1..400).map(|n| packet(n, &[n - 1, n.saturating_sub(2)])).collect();
    assert_eq!(paradox(&brief, &config()).stance, Stance::Support);
    brief.lineage.push(packet(1000, &[1001]));
    brief.lineage.push(packet(1001, &[1000]));
    let said = paradox(&brief, &config());
    assert_eq!((said.stance, code(&said)), (Stance::Quarantine, "lineage_cycle"));
}

#[test]
fn lattice_lifts_topics_and_projects_that_had_little() {
    let config = config();
    let mut brief = brief(Question::Select);
    let of = |brief: &Brief| lattice(brief, &config);
    // Four of five clips are about what this one is about.
    brief.recent_clips = (0..5u128)
        .map(|n| {
            let mut digest = digest(if n < 4 { 0 } else { 1 }, ClipStatus::Published);
            digest.clip_id = ClipId(id(500 + n));
            digest
        })
        .collect();
    let full = of(&brief);
    brief.clip = Some(clip(5, ClipStatus::ReadyForEdit));
    let fresh = of(&brief);
    assert!(fresh.score > 0.8 && full.score < 0.45, "{} {}", fresh.score, full.score);
    assert_eq!(full.detail["routing_sequence"], 1);
    let load = |n, open_jobs| ProjectLoad { project_id: ProjectId(id(n)), running: true, open_jobs, recent_clips: 0 };
    brief.projects = vec![load(1, 90), load(2, 10)];
    let greedy = of(&brief).score;
    brief.projects = vec![load(1, 10), load(2, 90)];
    assert!(of(&brief).score > greedy);
}

#[test]
fn horizon_follows_the_mix_and_tags_its_window() {
    let mut brief = brief(Question::Select);
    let target = |label: &str, word: &str, share| MixTarget { label: label.into(), keywords: vec![word.into()], share };
    if let Some(project) = brief.project.as_mut() {
        project.settings.mix = vec![target("learn", "tag0", 0.5), target("fun", "tag1", 0.5)];
    }
    brief.recent_clips =
        (0..6u128).map(|n| ClipDigest { clip_id: ClipId(id(600 + n)), ..digest(1, ClipStatus::Published) }).collect();
    let lacking = horizon(&brief, &config());
    assert_eq!((lacking.stance, lacking.detail["label"].as_str()), (Stance::Support, Some("learn")));
    assert_eq!(lacking.detail["goal_window"]["to"], json!(now()));
    assert!(lacking.detail["warnings"][0].as_str().is_some_and(|w| w.contains("learn")));
    brief.clip = Some(clip(1, ClipStatus::ReadyForEdit));
    assert!(horizon(&brief, &config()).score < lacking.score);
}

#[test]
fn pantheon_weighs_votes_and_hears_a_veto() {
    let mut brief = brief(Question::Select);
    let said = pantheon(&brief, &config());
    assert_eq!((said.stance, said.score), (Stance::Support, 0.65));
    let columns = said.detail["votes"].as_array().expect("votes");
    assert_eq!(columns[0]["agent"], "guardian");
    if let Some(clip) = brief.clip.as_mut() {
        clip.pantheon_votes.insert("guardian".into(), 0.1);
    }
    let said = pantheon(&brief, &config());
    assert_eq!((said.stance, code(&said)), (Stance::Block, "outvoted"));
    brief.clip = None;
    assert_eq!(pantheon(&brief, &config()).stance, Stance::Neutral);
}

#[test]
fn chorus_blocks_texts_that_break_a_rule_and_only_warns_about_drafts() {
    let mut config = config();
    config.council.chorus.banned_words = vec!["free money".into()];
    let mut upload = brief(Question::Upload);
    assert_eq!(chorus(&upload, &config).stance, Stance::Support);
    for (title, hint) in
        [("", "empty"), ("Get free money now", "free money"), ("a <b> c", "refuse"), (&"x".repeat(101), "101")]
    {
        upload.clip.as_mut().expect("clip").metadata["title"] = json!(title);
        let said = chorus(&upload, &config);
        assert_eq!((said.stance, code(&said)), (Stance::Block, "compliance"), "{title}");
        assert!(said.rationale.contains(hint), "{}", said.rationale);
    }
    upload.question = Question::Select;
    assert_eq!(chorus(&upload, &config).stance, Stance::Neutral);
}

#[test]
fn eclipse_holds_back_from_a_sick_pool_and_plans_one_more_round() {
    let config = config();
    let mut select = brief(Question::Select);
    let until = now().after(Duration::from_secs(500));
    select.breakers =
        vec![Breaker { state: BreakerState::Open, open_until: Some(until), ..Breaker::closed(JobKind::Edit) }];
    let said = eclipse(&select, &config);
    assert_eq!((said.stance, said.detail["until"].clone()), (Stance::Hold, json!(until)));
    let ruling = arbitrate(&select, &[said, paradox(&select, &config)], &[], &[], &config);
    assert_eq!(ruling.decision, Decision::Defer { until });

    let mut recover = brief(Question::Recover);
    let fault = |code| Some(Fault::new(code, "m", "n"));
    let failed = Job { fault: fault(Code::EncoderFailed), ..specimen(JobState::Error, now(), &config) };
    recover.job = Some(failed.clone());
    let said = eclipse(&recover, &config);
    assert_eq!((said.stance, said.detail["plan"].as_str()), (Stance::Support, Some("retry")));
    recover.lineage = vec![PacketDigest {
        id: PacketId(id(60)),
        kind: "recovery.ordered".into(),
        entity: EntityRef::new(EntityType::Job, failed.id),
        parents: vec![],
        at: now(),
    }];
    assert_eq!(code(&eclipse(&recover, &config)), "rounds_used_up");
    recover.lineage.clear();
    recover.job = Some(Job { fault: fault(Code::InputCorrupt), ..failed });
    assert_eq!(
        (eclipse(&recover, &config).stance, code(&eclipse(&recover, &config))),
        (Stance::Oppose, "input_corrupt")
    );
}

#[test]
fn rights_pauses_and_quota_outweigh_every_score() {
    let config = config();
    let ruled = |brief: &Brief| {
        let said: Vec<Advisory> = asked(brief.question).iter().filter_map(|m| advise(*m, brief, &config)).collect();
        arbitrate(brief, &said, &[], &[], &config)
    };
    let mut ingest = brief(Question::Ingest);
    ingest.creator.as_mut().expect("creator").rights = RightsBasis::Unknown;
    assert!(matches!(ruled(&ingest).decision, Decision::Approve { .. }));
    ingest.project.as_mut().expect("project").settings.accept_unknown_rights = false;
    assert_eq!(ruled(&ingest).decision, Decision::Reject { code: "rights_unknown".into() });
    let mut select = brief(Question::Select);
    select.project.as_mut().expect("project").status = ProjectStatus::Paused;
    assert!(matches!(ruled(&select).decision, Decision::Defer { .. }));
    let mut slot = brief(Question::Schedule);
    slot.published_today = 5;
    let ruling = ruled(&slot);
    assert_eq!(
        (ruling.by, ruling.decision),
        (Precedence::QuotaAndRights, Decision::Reject { code: "quota_reached".into() })
    );
}

#[test]
fn stardust_and_halolux_say_what_is_missing() {
    let mut brief = brief(Question::Upload);
    let said = stardust(&brief, &config());
    assert_eq!(said.stance, Stance::Oppose);
    assert!(said.detail["missing"].as_array().is_some_and(|m| m.contains(&json!("clip.rendered"))));
    brief.clip.as_mut().expect("clip").metadata["reason"] = json!("");
    let said = halolux(&brief, &config());
    assert!(said.rationale.contains("why the clip was chosen"), "{}", said.rationale);
}
