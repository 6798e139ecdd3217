use std::collections::BTreeMap;

use omniva_contracts::config::Weighted;
use omniva_contracts::engine::{EngagementSource, PacketId, ScheduleId};
use omniva_contracts::fault::Code;
use uuid::Uuid;

use super::*;
use crate::learning::audience::at;

const POSTS: usize = 80;

fn rules() -> LearningConfig {
    omniva_contracts::config::EngineConfig::load(None).expect("shipped").learning
}

fn personas() -> Vec<Persona> {
    let one = |name: &str| Persona {
        name: name.to_owned(),
        cares_about: String::new(),
        weight: 1.0,
        looks_at: vec![Weighted { feature: "hook".into(), weight: 1.0 }],
        veto_below: 0.0,
    };
    vec![one("knows"), one("errs")]
}

/// One post a day, its figures after three days; evenings do well, and what `knows` likes does too.
fn facts(posts: usize, row: Option<ModelRow>) -> ChannelFacts {
    let one = |n: usize| {
        let (liked, hour) = ((n % 4) as f64 / 4.0, [9, 20][n % 2]);
        let views = 1_000.0 * [1.0, 6.0][n % 2] * (1.0 + liked);
        let schedule_id = ScheduleId(Uuid::from_u128(n as u128 + 1));
        let channel = "youtube/main".to_owned();
        let published_at = at(n, hour, 0);
        let votes = BTreeMap::from([("knows".to_owned(), liked), ("errs".to_owned(), 1.0 - liked)]);
        let post = PostFacts { schedule_id, channel: channel.clone(), published_at, score: 0.5, votes };
        let sample = EngagementSample {
            schedule_id,
            channel,
            post_id: format!("v{n}"),
            published_at,
            measured_at: at(n + 3, hour, 0),
            source: EngagementSource::Csv,
            views: views as u64,
            engaged_views: None,
            likes: None,
            comments: None,
            shares: None,
            watch_seconds: None,
            average_view_percentage: None,
        };
        (post, sample)
    };
    let (posts, samples) = (0..posts).map(one).unzip();
    let zone = Zone::named("UTC").expect("known");
    ChannelFacts { channel: "youtube/main".into(), zone, posts, samples, row }
}

/// The row that the lessons become.
fn kept(lessons: &Lessons, now: Moment) -> ModelRow {
    ModelRow {
        name: lessons.name.clone(),
        model: lessons.model.clone(),
        steps: lessons.steps.clone(),
        alarm: lessons.alarm.clone(),
        packet_id: PacketId(Uuid::nil()),
        updated_at: now,
        version: lessons.follows + 1,
    }
}

#[test]
fn a_channel_is_learnt_again_when_there_is_something_new_or_when_time_has_passed() {
    let (rules, now) = (rules(), at(POSTS + 4, 0, 0));
    let first = study(&facts(POSTS, None), &rules, now, 1).expect("learns");
    let lessons = first.lessons.expect("a step");
    assert_eq!((lessons.follows, lessons.steps[0].on, first.judged.len()), (0, true, POSTS));
    let row = kept(&lessons, now);
    assert_eq!(channel_model(&row).expect("reads").windows.version, 1);
    let again = |posts, hours: usize| {
        let facts = facts(posts, Some(row.clone()));
        study(&facts, &rules, at(POSTS + 4, hours, 0), 2).expect("learns")
    };
    let nothing = again(POSTS, 6);
    assert!(nothing.lessons.is_none() && nothing.judged == first.judged, "the personas still hear of its posts");
    assert_eq!(again(POSTS + 1, 6).lessons.expect("a new post").follows, 1);
    assert!(again(POSTS, 23).lessons.is_none() && again(POSTS, 24).lessons.is_some());
}

#[test]
fn too_few_are_told_once_and_none_at_all_not_even_that() {
    let (rules, now) = (rules(), at(20, 0, 0));
    let lessons = study(&facts(5, None), &rules, now, 1).expect("looks").lessons.expect("says so");
    assert!(!lessons.steps[0].on && !lessons.steps[0].why_off.is_empty(), "{:?}", lessons.steps[0]);
    let row = kept(&lessons, now);
    let later = study(&facts(5, Some(row)), &rules, at(60, 0, 0), 1).expect("looks");
    assert!(later.lessons.is_none(), "nothing new");
    assert!(study(&facts(0, None), &rules, now, 1).expect("looks").lessons.is_none());
}

#[test]
fn the_personas_learn_from_the_channels() {
    let (rules, now) = (rules(), at(POSTS + 4, 0, 0));
    let judged = study(&facts(POSTS, None), &rules, now, 1).expect("learns").judged;
    let lessons = study_personas(None, &personas(), &judged, &rules, now).expect("learns").expect("a step");
    let row = kept(&lessons, now);
    let model = persona_model(&row).expect("reads");
    assert!(model.factors["knows"] > 1.0 && model.factors["errs"] < 1.0, "{:?}", model.factors);
    assert_eq!(study_personas(Some(&row), &personas(), &judged, &rules, now), Ok(None));
    assert_eq!(study_personas(None, &personas(), &[], &rules, now), Ok(None));
}

#[test]
fn a_model_that_can_not_be_read_is_a_fault_and_never_forgotten() {
    let row = ModelRow {
        model: Value::from(7),
        ..kept(&study(&facts(5, None), &rules(), at(9, 0, 0), 1).expect("looks").lessons.expect("a step"), at(9, 0, 0))
    };
    let fault = study(&facts(5, Some(row)), &rules(), at(60, 0, 0), 1).expect_err("told");
    assert!(fault.code == Code::Internal && fault.message.contains("youtube/main"), "{fault}");
}
