use omniva_contracts::fault::{Code, Fault};
use omniva_contracts::ports::Seeded;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::council::fixtures::{config, id, now};
use crate::flow::{absorb, wanted};
use crate::jobs::invariants::ledger_before_state;
use crate::jobs::{NewJob, new_job};

fn job() -> Job {
    let new = NewJob {
        meta_parents: vec![PacketId(id(50))],
        ..NewJob::now(JobKind::Measure, json!(MeasurePayload::default()), TraceId(id(9)), now())
    };
    new_job(new, now(), &config(), &mut Seeded::new(b"job"), "cron").0
}

fn sample(n: u128, views: u64) -> EngagementSample {
    EngagementSample {
        schedule_id: ScheduleId(Uuid::from_u128(n)),
        channel: "youtube/main".into(),
        post_id: format!("v{n}"),
        published_at: Moment(0),
        measured_at: Moment(9),
        source: EngagementSource::YoutubeData,
        views,
        engaged_views: None,
        likes: None,
        comments: None,
        shares: None,
        watch_seconds: None,
        average_view_percentage: None,
    }
}

fn step(lesson: Lesson, posts: u128) -> LearningStep {
    LearningStep {
        lesson,
        channel: "youtube/main".into(),
        version_before: 3,
        version_after: 4,
        on: true,
        why_off: vec![],
        learnt_from: LearntFrom::default(),
        posts: (0..posts).map(|n| ScheduleId(Uuid::from_u128(n))).collect(),
        left_out: Default::default(),
        changes: vec![],
        narrative: vec!["Learnt.".into()],
    }
}

fn lessons(follows: i64) -> Lessons {
    Lessons {
        name: ModelRow::windows("youtube/main"),
        follows,
        model: json!({ "new": true }),
        steps: vec![step(Lesson::Windows, 500)],
        alarm: Value::Null,
    }
}

fn row(version: i64) -> Row {
    Row::Model(Box::new(ModelRow {
        name: ModelRow::windows("youtube/main"),
        model: json!({ "new": false }),
        steps: vec![step(Lesson::Windows, 0), step(Lesson::Drift, 0)],
        alarm: json!({ "words": "fewer" }),
        packet_id: PacketId(id(51)),
        updated_at: Moment(0),
        version,
    }))
}

fn result() -> MeasureResult {
    let gone = Fault::new(Code::Unavailable, "gone", "look");
    let pull = ChannelPull {
        channel: "youtube/main".into(),
        asked: 4,
        samples: vec![sample(1, 10), sample(2, 20), sample(2, 21)],
        missing: vec![(ScheduleId(Uuid::from_u128(3)), gone)],
        not_yet: 1,
        fault: Some(Fault::new(Code::PlatformLimited, "enough", "wait")),
    };
    MeasureResult { pulls: vec![pull], lessons: vec![lessons(3)], unlearnt: vec![] }
}

fn taken_in(result: &MeasureResult, rows: &[Row]) -> Absorbed {
    let (job, value) = (job(), json!(result));
    let absorbed = absorb(&job, &value, rows, now(), &config(), &mut Seeded::new(b"flow")).expect("absorbed");
    assert_eq!(ledger_before_state(&absorbed.clone().into_commit().0, |_| false), Ok(()));
    assert!(absorbed.packets.iter().all(|p| !p.meta_parents.is_empty()));
    absorbed
}

fn models(absorbed: &Absorbed) -> Vec<&ModelRow> {
    absorbed
        .rows
        .iter()
        .filter_map(|row| if let Row::Model(model) = row { Some(model.as_ref()) } else { None })
        .collect()
}

#[test]
fn figures_become_rows_and_a_step_a_packet_that_follows_from_them() {
    let known = SampleRow::new(sample(1, 10));
    let absorbed = taken_in(&result(), &[Row::Sample(Box::new(known)), row(3)]);
    let kinds: Vec<&str> = absorbed.packets.iter().map(|p| p.kind.as_str()).collect();
    assert_eq!(kinds, ["engagement.measured", "learning.step"]);
    let (measured, learnt) = (&absorbed.packets[0], &absorbed.packets[1]);
    assert_eq!((&measured.body["samples"], &measured.body["missing"]), (&json!(3), &json!(1)));
    assert_eq!(
        (&measured.body["code"], &measured.body["missing_posts"][0]["code"]),
        (&json!("platform_limited"), &json!("unavailable"))
    );
    assert_eq!(learnt.meta_parents, [measured.stardust_id]);
    assert_eq!(learnt.body["posts"].as_array().map(Vec::len), Some(POSTS), "the newest");
    assert_eq!(learnt.body["posts"][POSTS - 1], json!(Uuid::from_u128(499)));
    let samples: Vec<(u64, i64)> = absorbed
        .rows
        .iter()
        .filter_map(|row| if let Row::Sample(s) = row { Some((s.sample.views, s.version)) } else { None })
        .collect();
    assert_eq!(samples, [(21, 1)], "one that says nothing new is no row, and of two the later one counts");
    let model = models(&absorbed)[0];
    assert_eq!((model.version, model.packet_id, &model.model), (4, learnt.stardust_id, &json!({ "new": true })));
    let kept: Vec<(Lesson, usize)> = model.steps.iter().map(|s| (s.lesson, s.posts.len())).collect();
    assert_eq!(kept, [(Lesson::Windows, 0), (Lesson::Drift, 0)], "the last word on drift stays");
    assert_eq!(model.alarm, json!({ "words": "fewer" }), "as does the last alarm");
}

#[test]
fn what_another_hand_has_learnt_meanwhile_is_not_overwritten() {
    let absorbed = taken_in(&result(), &[row(4)]);
    assert!(models(&absorbed).is_empty() && absorbed.packets.iter().all(|p| p.kind != "learning.step"));
    let fresh = MeasureResult { lessons: vec![lessons(0)], ..result() };
    assert_eq!(models(&taken_in(&fresh, &[]))[0].version, 1);
    assert!(models(&taken_in(&fresh, &[row(1)])).is_empty());
}

#[test]
fn an_alarm_follows_from_its_step_and_the_personas_from_all_steps() {
    let mut result = result();
    result.lessons[0].steps.push(step(Lesson::Drift, 2));
    result.lessons[0].alarm = json!({ "words": "more" });
    let personas = Lessons { name: ModelRow::PERSONAS.into(), steps: vec![step(Lesson::Personas, 1)], ..lessons(0) };
    result.lessons.push(personas);
    result.unlearnt.push(("tiktok/x".into(), Fault::new(Code::ConfigInvalid, "no such zone", "name one")));
    let absorbed = taken_in(&result, &[row(3)]);
    let of = |kind: &str| absorbed.packets.iter().filter(|p| p.kind == kind).collect::<Vec<_>>();
    let steps = of("learning.step");
    assert_eq!(of("learning.alarm")[0].meta_parents, [steps[1].stardust_id]);
    assert_eq!(steps[2].meta_parents, [steps[0].stardust_id]);
    assert_eq!(steps[2].entity, ModelRow::entity(ModelRow::PERSONAS));
    assert_eq!(of("learning.refused")[0].body["code"], json!("config_invalid"));
    assert_eq!(models(&absorbed)[0].alarm, json!({ "words": "more" }));
}

#[test]
fn it_asks_for_what_the_result_names() {
    let done = Job { state: JobState::Done, result: Some(json!(result())), ..job() };
    let wanted = wanted(&done);
    assert_eq!(wanted.models, [ModelRow::windows("youtube/main")]);
    let id = |n, views| SampleRow::new(sample(n, views)).sample_id;
    assert_eq!(wanted.samples, [id(1, 0), id(2, 0), id(2, 0)]);
}
