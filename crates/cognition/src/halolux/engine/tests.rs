use omniva_contracts::engine::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::fixtures::{Book, ruling, thing};
use super::*;

fn clip(book: &Book) -> EntityRef {
    book.thing(EntityType::Clip, 5)
}

fn inquiries(book: &Book) -> Vec<Inquiry> {
    vec![
        Inquiry::Why(clip(book)),
        Inquiry::WhyNot(ClipId(clip(book).entity_id)),
        Inquiry::WhyNot(ClipId(book.thing(EntityType::Clip, 50).entity_id)),
        Inquiry::WhyNone(book.thing(EntityType::Video, 3)),
        Inquiry::Failure(JobId(book.thing(EntityType::Job, 103).entity_id)),
        Inquiry::Schedule(ScheduleId(book.thing(EntityType::Schedule, 6).entity_id)),
        Inquiry::Why(book.thing(EntityType::Post, 2)),
        Inquiry::Why(book.thing(EntityType::UploadJob, 7)),
        Inquiry::Why(book.thing(EntityType::Job, 102)),
        Inquiry::Why(book.thing(EntityType::EditJob, 8)),
    ]
}

/// Every sentence, node and alternative names packets that were given.
fn grounded(explanation: &Explanation, packets: &[Packet]) {
    let there = |id: &PacketId| packets.iter().any(|packet| packet.draft.stardust_id == *id);
    for sentence in &explanation.narrative {
        assert!(!sentence.packets.is_empty() && sentence.packets.iter().all(there), "{sentence:?}");
        assert!(sentence.text.ends_with('.') && !sentence.text.contains(char::is_control), "{sentence:?}");
    }
    assert!(explanation.chain.iter().all(|node| there(&node.packet)));
    assert!(explanation.discarded.iter().all(|other| there(&other.packet)));
    assert!((0.0..=1.0).contains(&explanation.completeness));
    assert!(explanation.chain.is_sorted_by_key(|node| node.seq));
}

fn said(explanation: &Explanation, words: &str) -> bool {
    explanation.narrative.iter().any(|sentence| sentence.text.contains(words))
}

#[test]
fn a_published_clip_is_explained_from_its_source_on() {
    let book = Book::published();
    let told = explain(&Inquiry::Why(clip(&book)), &book.packets);
    grounded(&told, &book.packets);
    assert_eq!((told.completeness, told.missing.as_slice()), (1.0, [].as_slice()));
    assert_eq!(told.narrative[0].text, "The clip was published to folder.");
    assert_eq!(
        told.narrative[1].text,
        "The candidate from 12.0 s to 40.5 s was chosen with confidence 0.82: a strong opening."
    );
    for words in [
        "“A talk show” was taken in: 239.0 s, 1920x1080",
        "analysed: 3 candidates looked at, 1 chosen",
        "On select, Zenith said yes with priority 612, by the council (agreement 0.80): most were for it.",
        "Lattice was for it (0.82): under-indexed topic.",
        "Neutral: Paradox.",
        "The edit job was started once.",
        "The edit job was done after 2.5 s.",
        "rendered and passed every check: 28.5 s long",
        "Its time is final: 2026-11-21T18:00:00.000000Z.",
        "The upload to folder ended as DONE.",
    ] {
        assert!(said(&told, words), "{words}: {:#?}", told.narrative);
    }
    // The other candidates, and Horizon's wish to wait (in four rulings).
    let others = told.discarded.iter().filter(|other| other.why == "overlaps: it overlaps a better one").count();
    let overruled = told.discarded.iter().filter(|other| other.what.starts_with("Horizon wanted to wait")).count();
    assert_eq!((others, overruled), (2, 4));
    assert_eq!(told.trace_id, Some(book.packets[0].draft.trace_id));
}

#[test]
fn few_reads_find_what_the_whole_ledger_would_say() {
    let mut book = Book::published();
    for salt in 2..40 {
        let mut noise = Book::new(salt);
        noise.analysed(0, 30);
        book.packets.extend(noise.packets);
    }
    for inquiry in inquiries(&book) {
        let (packets, reads) = book.gather(&inquiry);
        assert!(reads <= 90 && packets.len() < 90, "{inquiry:?}: {reads} reads, {} packets", packets.len());
        assert_eq!(explain(&inquiry, &packets), explain(&inquiry, &book.packets), "{inquiry:?}");
    }
}

#[test]
fn gathering_has_an_end_and_a_limit() {
    let mut book = Book::new(1);
    let video = book.thing(EntityType::Video, 3);
    // A chain of packets about ever new rows.
    let mut parent = book.add("video.normalised", &video, &[], json!({}));
    for n in 0..1000 {
        let post = book.thing(EntityType::Post, 10 + n);
        parent = book.add("post.captured", &post, &[parent], json!({}));
    }
    book.add("video.rejected", &video, &[parent], json!({ "code": "x" }));
    let mut gather = Gather::new(Inquiry::Why(video));
    let mut reads = 0;
    loop {
        let queries = gather.wants();
        if queries.is_empty() {
            break;
        }
        reads += queries.len();
        queries.iter().for_each(|query| gather.add(book.read(query)));
    }
    assert!(gather.cut() && reads <= 240 && gather.clone().packets().len() <= MAX_PACKETS);
    let told = explain_gathered(gather);
    assert!(told.missing.iter().any(|what| what.starts_with("packets beyond")) && told.completeness < 1.0);
}

#[test]
fn what_is_missing_is_said_and_lowers_completeness() {
    let book = Book::published();
    let inquiry = Inquiry::Why(clip(&book));
    let parents: Vec<PacketId> = book.packets.iter().flat_map(|p| p.draft.meta_parents.clone()).collect();
    for gone in book.packets.iter().filter(|p| parents.contains(&p.draft.stardust_id)) {
        let rest: Vec<Packet> = book.packets.iter().filter(|p| p.seq != gone.seq).cloned().collect();
        let told = explain(&inquiry, &rest);
        grounded(&told, &rest);
        assert!(told.completeness < 1.0 && !told.missing.is_empty(), "without {}", gone.draft.kind);
    }
    let told = explain(&inquiry, &[]);
    assert_eq!((told.completeness, told.narrative.len(), told.missing.len()), (0.0, 0, 1));
}

#[test]
fn modules_that_kept_silent_and_chains_that_cannot_be_read_are_missing() {
    let mut book = Book::new(1);
    let made = book.analysed(1, 0);
    let clip = clip(&book);
    let chosen = book.add("clip.chosen", &clip, &[made], json!({ "reason": "good" }));
    let mut silent = ruling(Question::Select, &clip, Decision::Reject { code: "outvoted".into() });
    silent.missing = vec![Module::Eclipse];
    book.rule(&silent, &[chosen]);
    let told = explain(&Inquiry::Why(clip.clone()), &book.packets);
    assert_eq!(told.missing, ["the word of Eclipse on select"]);
    assert!(said(&told, "No answer came in time from Eclipse."));
    assert!(told.narrative[0].text.starts_with("On select, Zenith said no (outvoted)"));
    // Those who were for it were overruled.
    assert!(told.discarded.iter().any(|other| other.what.starts_with("Pantheon was for it on select")));

    let last = book.packets.len() - 1;
    book.packets[last].draft.decision_chain = Some(json!({ "from": "another version" }));
    let told = explain(&Inquiry::Why(clip), &book.packets);
    assert!(said(&told, "Zenith ruled on select: reject (most were for it)."));
    assert!(told.missing[0].starts_with("what the modules said in the ruling"));
}

#[test]
fn a_rejected_candidate_and_a_clip_that_nothing_rejects() {
    let book = Book::published();
    let rejected = ClipId(book.thing(EntityType::Clip, 50).entity_id);
    let told = explain(&Inquiry::WhyNot(rejected), &book.packets);
    grounded(&told, &book.packets);
    let expected = "The candidate from 90.0 s to 120.0 s was not chosen (overlaps): it overlaps a better one.";
    assert_eq!((told.narrative[0].text.as_str(), told.completeness), (expected, 1.0));
    assert_eq!(told.discarded.len(), 2, "its sibling, and Horizon on ingest");

    let told = explain(&Inquiry::WhyNot(ClipId(clip(&book).entity_id)), &book.packets);
    assert!(told.narrative[0].text.starts_with("Nothing kept clips/"));
}

#[test]
fn a_video_without_clips() {
    let mut book = Book::new(1);
    book.analysed(0, 5);
    let inquiry = Inquiry::WhyNone(book.thing(EntityType::Video, 3));
    let told = explain(&inquiry, &book.packets);
    grounded(&told, &book.packets);
    assert_eq!(told.narrative[0].text, "No clip was chosen: every candidate was below the floor.");
    assert_eq!((told.narrative[1].text.as_str(), told.narrative[1].packets.len()), ("Not chosen for overlaps: 5.", 5));
    assert_eq!((told.completeness, told.discarded.len()), (1.0, 6));
    let fewer = explain(&inquiry, &book.packets[..book.packets.len() - 2]);
    assert!(fewer.completeness < 1.0);
    assert_eq!(fewer.missing, ["2 of 5 candidates that were not chosen"]);

    let project = Inquiry::WhyNone(thing(EntityType::Project, 9));
    book.add("project.created", &thing(EntityType::Project, 9), &[], json!({ "name": "p" }));
    let told = explain(&project, &book.packets);
    assert!(said(&told, "1 analyses looked at 5 candidates and chose 0."));
}

#[test]
fn a_failed_job_tells_its_attempts() {
    let mut book = Book::new(1);
    let job = book.thing(EntityType::Job, 1);
    let mut last = book.add("job.created", &job, &[], json!({ "kind": "edit" }));
    for attempt in 1..=2 {
        last = book.add("job.claimed", &job, &[last], json!({ "attempt": attempt }));
        let body = json!({ "code": "child_timeout", "message": "the render took too long", "attempt": attempt });
        last = book.add(if attempt == 1 { "job.retried" } else { "job.failed" }, &job, &[last], body);
    }
    let inquiry = Inquiry::Failure(JobId(job.entity_id));
    let told = explain(&inquiry, &book.packets);
    grounded(&told, &book.packets);
    assert_eq!(told.narrative[0].text, "The job failed for good (child_timeout): the render took too long.");
    assert!(said(&told, "The edit job was started 2 times."));
    assert!(said(&told, "Attempt 1 of the edit job failed (child_timeout): the render took too long."));
    assert_eq!(told.missing, ["the ruling on what to do about it"]);
    book.rule(&ruling(Question::Recover, &job, Decision::Reject { code: "permanent".into() }), &[last]);
    assert_eq!(explain(&inquiry, &book.packets).completeness, 1.0);
}

#[test]
fn kinds_that_are_not_known_are_shown_and_not_narrated() {
    let mut book = Book::published();
    let before = explain(&Inquiry::Why(clip(&book)), &book.packets);
    book.add("clip.blessed", &clip(&book), &[book.packets[0].draft.stardust_id], json!({ "by": "an oracle" }));
    let told = explain(&Inquiry::Why(clip(&book)), &book.packets);
    assert_eq!(told.narrative, before.narrative);
    assert_eq!(told.chain.len(), before.chain.len() + 1);
    assert_eq!(told.completeness, 1.0);
    assert_eq!(told.missing, ["words for packets of the kind clip.blessed: see the chain"]);
}

#[test]
fn insights_have_the_shape_of_the_reference() {
    let book = Book::published();
    let id = ClipId(clip(&book).entity_id);
    let told = json!(insights(id, &book.packets).expect("rulings"));
    assert_eq!(told["insights"]["paradox"], json!({ "conflicts": [] }));
    assert_eq!(told["insights"]["lattice"], json!({ "priority": 0.82, "reason": "under-indexed topic" }));
    assert_eq!(
        told["insights"]["pantheon"],
        json!([{ "agent": "strategist", "vote": 0.91, "comment": "high novelty" }])
    );
    assert_eq!(told["insights"]["horizon"]["goal_alignment"], json!("2026-W47"));
    assert_eq!(told["insights"]["zenith"]["decision"], json!("EDIT_UPLOAD_SCHEDULE_APPROVED"));
    assert_eq!(told["raw_payload"]["rulings"].as_array().map(Vec::len), Some(3), "ingest is about the video");
}

#[test]
fn insights_wait_for_a_ruling_and_tell_a_no() {
    let mut book = Book::new(1);
    let made = book.analysed(1, 0);
    let clip = clip(&book);
    let chosen = book.add("clip.chosen", &clip, &[made], json!({}));
    let id = ClipId(clip.entity_id);
    assert_eq!(insights(id, &book.packets), None);
    let mut no = ruling(Question::Select, &clip, Decision::Defer { until: Moment(5) });
    no.advisories[0].stance = Stance::Block;
    no.advisories[2].detail = json!({ "goal_window": { "from": "2026-11-14", "to": "2026-11-21" }, "alignment": 0.25 });
    no.advisories[3].detail = json!({ "votes": { "guardian": 0.2 } });
    book.rule(&no, &[chosen]);
    let told = insights(id, &book.packets).expect("a ruling").insights;
    assert_eq!(told.zenith.map(|z| z.decision), Some("SELECT_DEFERRED".into()));
    let horizon = told.horizon.expect("an advisory");
    assert_eq!((horizon.goal_alignment.as_deref(), horizon.score), (Some("2026-11-14/2026-11-21"), 0.25));
    assert_eq!(told.paradox.map(|p| p.conflicts.len()), Some(1));
    assert_eq!(told.pantheon, [PantheonInsight { agent: "guardian".into(), vote: 0.2, comment: String::new() }]);
}

#[test]
fn lineage_runs_from_the_creator_to_the_publication() {
    let book = Book::published();
    let way = lineage(&clip(&book), &book.packets);
    let kinds: Vec<&str> = way.nodes.iter().map(|node| node.entity.entity_type.as_str()).collect();
    assert_eq!(kinds, ["creators", "posts", "videos", "analysis", "clips", "edit_jobs", "schedules", "upload_jobs"]);
    let edges: Vec<String> =
        way.edges.iter().map(|e| format!("{}>{}", e.from.entity_type.as_str(), e.to.entity_type.as_str())).collect();
    let expected = [
        "creators>posts",
        "posts>videos",
        "videos>analysis",
        "analysis>clips",
        "clips>edit_jobs",
        "clips>schedules",
        "clips>upload_jobs",
        "schedules>upload_jobs",
    ];
    assert_eq!(edges, expected);
    let text = mermaid(&way);
    assert!(text.starts_with("flowchart LR\n  n0[\"creators "));
    assert_eq!(text.matches("-->").count(), 8);
    // A video's lineage shows all of its clips.
    let of_video = lineage(&book.thing(EntityType::Video, 3), &book.packets);
    assert_eq!(of_video.nodes.iter().filter(|node| node.entity.entity_type == EntityType::Clip).count(), 3);
}

#[test]
fn questions_fit_their_subjects() {
    for name in Inquiry::NAMES {
        let kinds = EntityType::ALL.iter().filter_map(|kind| Inquiry::parse(name, thing(*kind, 1)));
        assert!(
            kinds
                .into_iter()
                .all(|inquiry| inquiry.name() == name && inquiry.subject().entity_id == Uuid::from_u128(1))
        );
    }
    assert_eq!(Inquiry::parse("why_not", thing(EntityType::Video, 1)), None);
    assert_eq!(Inquiry::parse("how", thing(EntityType::Clip, 1)), None);
}

/// Every kind that the flow, the jobs and the operators' desk write.
const KINDS: &[&str] = &[
    "source.scanned",
    "post.captured",
    "video.normalised",
    "video.duplicate",
    "video.rejected",
    "video.quarantined",
    "analysis.made",
    "clip.chosen",
    "clip.rejected",
    "clip.quarantined",
    "clip.editing",
    "clip.rendered",
    "clip.refused",
    "clip.failed",
    "clip.scheduled",
    "clip.uploading",
    "clip.released",
    "clip.published",
    "upload.ordered",
    "upload.requested",
    "upload.blocked",
    "upload.ended",
    "schedule.recommended",
    "schedule.slot_refused",
    "schedule.confirmed",
    "schedule.cancelled",
    "schedule.unplaced",
    "schedule.missed",
    "schedule.moved",
    "schedule.locked",
    "schedule.unlocked",
    "schedule.recalculated",
    "upload.no_channel",
    "schedule.recalculation_requested",
    "edit.requested",
    "scrape.requested",
    "override.imposed",
    "recovery.ordered",
    "recovery.declined",
    "directive.issued",
    "directive.dispatched",
    "api.answered",
    "deliberation.ruled",
    "job.created",
    "job.claimed",
    "job.retried",
    "job.crashed",
    "job.done",
    "job.failed",
    "job.cancelled",
    "job.skipped",
    "job.quarantined",
    "job.expired",
    "job.snoozed",
    "job.interrupted",
    "project.created",
    "project.started",
    "project.stopped",
    "project.updated",
    "creator.added",
    "creator.updated",
    "creator.removed",
    "queue.paused",
    "queue.resumed",
    "queue.drained",
    "queue.scaled",
    "queue.released",
    "engine.started",
    "engine.stopped",
    "maintenance.done",
    "zenith.reflected",
];

fn any_body() -> impl Strategy<Value = Value> {
    let keys = prop::sample::select(vec![
        "found",
        "url",
        "title",
        "code",
        "reason",
        "why",
        "message",
        "start_time",
        "end_time",
        "candidates",
        "chosen",
        "attempt",
        "status",
        "target",
        "order",
        "fault",
        "kind",
        "subject",
        "job_id",
        "decision",
        "question",
    ]);
    let values = prop_oneof![
        Just(Value::Null),
        any::<f64>().prop_map(|x| json!(x)),
        any::<u64>().prop_map(|x| json!(x)),
        ".{0,300}".prop_map(Value::from),
        Just(json!([1, "x", null])),
        Just(json!({ "order": "pause_queue", "code": "x" })),
    ];
    prop::collection::btree_map(keys, values, 0..8).prop_map(|map| json!(map))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_packets_are_told_in_the_same_words_in_any_order(
        rows in prop::collection::vec((0..KINDS.len(), 0u64..4, any_body(), prop::collection::vec(any::<prop::sample::Index>(), 0..3)), 1..40),
        turn in any::<prop::sample::Index>(),
    ) {
        let mut book = Book::new(1);
        for (kind, n, body, parents) in rows {
            let entity = match KINDS[kind].split('.').next().unwrap_or_default() {
                "job" => book.thing(EntityType::Job, n),
                "schedule" => book.thing(EntityType::Schedule, 6),
                "video" => book.thing(EntityType::Video, 3),
                _ => book.thing(EntityType::Clip, 5 + n % 2),
            };
            let parents: Vec<PacketId> = match book.packets.len() {
                0 => Vec::new(),
                len => parents.iter().map(|at| book.packets[at.index(len)].draft.stardust_id).collect(),
            };
            book.add(KINDS[kind], &entity, &parents, body);
        }
        let mut turned = book.packets.clone();
        let by = turn.index(turned.len());
        turned.rotate_left(by);
        for inquiry in inquiries(&book) {
            let told = explain(&inquiry, &book.packets);
            grounded(&told, &book.packets);
            prop_assert_eq!(serde_json::to_string(&told).expect("text"), serde_json::to_string(&explain(&inquiry, &turned)).expect("text"));
        }
        prop_assert!(!mermaid(&lineage(&clip(&book), &book.packets)).contains('\r'));
    }

    #[test]
    fn every_known_kind_has_words(which in 0..KINDS.len(), body in any_body()) {
        let mut book = Book::new(1);
        let entity = book.thing(EntityType::Clip, 5);
        book.add(KINDS[which], &entity, &[], body);
        prop_assert!(words::told_elsewhere(KINDS[which]) || words::sentence(&book.packets[0]).is_some());
    }
}

#[test]
fn an_explanation_is_wire() {
    let book = Book::published();
    let told = explain(&Inquiry::Why(clip(&book)), &book.packets);
    let text = serde_json::to_string(&told).expect("serialises");
    assert_eq!(serde_json::from_str::<Explanation>(&text).expect("reads"), told);
}

#[test]
fn a_learning_step_says_what_was_learnt_from_what() {
    let mut book = Book::new(3);
    let model = ModelRow::entity(&ModelRow::windows("youtube/main"));
    let body =
        json!({ "channel": "youtube/main", "asked": 12, "samples": 11, "not_yet": 0, "missing": 1, "why": "enough" });
    let measured = book.add("engagement.measured", &model, &[], body);
    let step = LearningStep {
        lesson: Lesson::Windows,
        channel: "youtube/main".into(),
        version_before: 3,
        version_after: 4,
        on: true,
        why_off: vec![],
        learnt_from: LearntFrom::default(),
        posts: vec![],
        left_out: Default::default(),
        changes: vec![Learnt {
            what: "Tuesday 18:00".into(),
            before: 0.5,
            after: 0.75,
            wanted: 1.0,
            bound: "max_step".into(),
        }],
        narrative: vec!["Learnt from 84 posts.".into()],
    };
    let learnt = book.add("learning.step", &model, &[measured], json!(step));
    book.add("learning.alarm", &model, &[learnt], json!({ "words": "posts achieved 40 % less than forecast" }));
    let told = explain(&Inquiry::Why(model), &book.packets);
    for words in [
        "The figures of 12 posts on youtube/main were asked for: 11 points came back, 1 posts have none any more; it stopped: enough.",
        "Learnt from 84 posts. Version 3 became 4: Tuesday 18:00 from 0.50 to 0.75 (wanted 1.00, held by max_step).",
        "The audience has changed: posts achieved 40 % less than forecast.",
    ] {
        assert!(said(&told, words), "{words}\n{:?}", told.narrative);
    }
    grounded(&told, &book.packets);
}
