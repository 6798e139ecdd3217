//! Every route is called once with success, and every answer fits the OpenAPI document.

use std::collections::{BTreeMap, BTreeSet};

use omniva_api::{document, routes};
use omniva_contracts::engine::*;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::bench::{Answer, Bench};

struct Tour {
    bench: Bench,
    seen: BTreeSet<(String, String)>,
}

impl Tour {
    /// Calls `template` with its parameters filled in, and checks the answer against the document.
    async fn go(&mut self, method: &str, template: &str, ids: &[&str], query: &str, body: Option<Value>) -> Answer {
        let mut ids = ids.iter();
        let filled: Vec<&str> =
            template.split('/').map(|s| if s.starts_with('{') { *ids.next().expect("an id") } else { s }).collect();
        let path = format!("{}{query}", filled.join("/"));
        let answer = self.bench.ask(method, &path, body).await;
        let operation = &document()["paths"][template][method.to_lowercase()];
        let expected = &operation["responses"][answer.status.to_string()];
        assert!(answer.status < 300, "{method} {path}: {}", answer.text);
        assert!(expected.is_object(), "{method} {path} answers {}, which is not documented", answer.status);
        fits(expected, &answer, &path);
        self.seen.insert((method.to_owned(), template.to_owned()));
        answer
    }
}

fn fits(response: &Value, answer: &Answer, path: &str) {
    let Some(schema) = response.pointer("/content/application~1json/schema") else { return };
    let whole = json!({ "allOf": [schema], "components": document()["components"] });
    let validator = jsonschema::options().should_validate_formats(true).build(&whole).expect("a schema");
    let faults: Vec<String> =
        validator.iter_errors(&answer.body).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(faults.is_empty(), "{path}: {faults:?}\n{}", answer.text);
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x4000_8000_0000_0000_0000 + n)
}

/// A video with two clips, one of them rejected.
async fn seed(bench: &Bench, project: ProjectId, creator: CreatorId) {
    let now = Moment::from_seconds(1_767_225_600);
    let trace_id = TraceId(id(9));
    let post = Post {
        post_id: PostId(id(1)),
        creator_id: creator,
        platform_post_id: "p".into(),
        url: "file:///p".into(),
        posted_at: None,
        downloaded_at: Some(now),
        raw_metadata: json!({}),
        version: 1,
    };
    let video = Video {
        video_id: VideoId(id(2)),
        post_id: post.post_id,
        project_id: project,
        file_path: "raw/p".into(),
        title: "P".into(),
        duration_seconds: Some(60.0),
        resolution: Some("1920x1080".into()),
        bytes: 1,
        checksum: "00".repeat(32),
        trace_id,
        created_at: now,
        version: 1,
    };
    let analysis = AnalysisRow {
        analysis_id: AnalysisId(id(3)),
        video_id: video.video_id,
        transcript: "text".into(),
        keywords: vec!["ai".into()],
        virality_score: 0.8,
        relevance_score: 0.7,
        raw_ai_output: json!({}),
        active: true,
        created_at: now,
        version: 1,
    };
    let clip = |n, status| {
        Row::Clip(Box::new(Clip {
            clip_id: ClipId(id(n)),
            video_id: video.video_id,
            project_id: project,
            start_time: 1.0,
            end_time: 20.0,
            confidence: 0.9,
            semantic_tags: vec!["guest_quote".into()],
            pantheon_votes: BTreeMap::from([("strategist".into(), 0.91)]),
            lattice_priority: 0.8,
            status,
            metadata: json!({ "title": "A reset", "reason": "A strong hook." }),
            trace_id,
            created_at: now,
            updated_at: now,
            version: 1,
        }))
    };
    let packet = |n, kind: &str, subject: EntityRef, chain| PacketDraft {
        stardust_id: PacketId(id(n)),
        kind: kind.into(),
        entity: subject,
        project_id: Some(project),
        trace_id,
        source: "zenith".into(),
        meta_parents: Vec::new(),
        at: now,
        body: json!({}),
        decision_chain: chain,
    };
    let subject = EntityRef::new(EntityType::Clip, ClipId(id(4)));
    let ruling = Ruling {
        question: Question::Select,
        subject: subject.clone(),
        decision: Decision::Approve { priority: 500 },
        by: Precedence::Council,
        why: "Nothing speaks against it.".into(),
        coherence: 1.0,
        advisories: Vec::new(),
        missing: Vec::new(),
        rollback: "reject the clip".into(),
    };
    let rows = vec![
        Row::Post(post),
        Row::Video(video.clone()),
        Row::Analysis(analysis),
        clip(4, ClipStatus::Ready),
        clip(5, ClipStatus::Rejected),
    ];
    let packets = vec![
        packet(6, "clip.chosen", subject.clone(), None),
        packet(7, "deliberation.ruled", subject, Some(json!(ruling))),
    ];
    bench.office.commit(Commit { rows, packets, purges: Vec::new() }).await.expect("written");
}

/// Signed by nobody: the API hands checkpoints out, it does not judge them.
async fn checkpoint(bench: &Bench) {
    let head = bench.reader.head().await.expect("head");
    let row = Checkpoint {
        origin: head.origin,
        size: head.size,
        root: omniva_contracts::hex(&head.root),
        at: Moment::from_seconds(1_767_225_700),
        signature: "00".into(),
        key_id: "00".into(),
    };
    let commit = Commit { rows: vec![Row::Checkpoint(row)], ..Commit::default() };
    bench.office.commit(commit).await.expect("written");
}

#[tokio::test]
async fn every_route_answers_as_documented() {
    let mut t = Tour { bench: Bench::new().await, seen: BTreeSet::new() };
    let made = t.go("POST", "/v1/projects", &[], "", Some(json!({ "name": "P", "scrape_window_days": 3 }))).await;
    let project = made.data("project_id");
    let p = [project.as_str()];
    let body = json!({ "platform": "tiktok", "handle": "@Lab", "rights": "owned", "source": { "kind": "inbox", "folder": "/in" } });
    let creator = t.go("POST", "/v1/projects/{project_id}/creators", &p, "", Some(body)).await.data("creator_id");
    seed(&t.bench, project.parse().expect("an id"), creator.parse().expect("an id")).await;
    projects(&mut t, &project, &creator).await;
    clips(&mut t, &project).await;
    jobs_and_queues(&mut t, &project).await;
    orders_and_ledger(&mut t).await;
    system(&mut t).await;
    let all: BTreeSet<(String, String)> =
        routes().iter().map(|r| (r.method.as_str().to_owned(), r.path.to_owned())).collect();
    let left: Vec<_> = all.difference(&t.seen).filter(|(_, path)| path != "/v1/events").collect();
    assert!(left.is_empty(), "not called: {left:?}");
    let documented: BTreeSet<(String, String)> = document()["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, ops)| {
            let methods: Vec<String> = ops.as_object().expect("operations").keys().map(|m| m.to_uppercase()).collect();
            methods.into_iter().map(|m| (m, path.clone()))
        })
        .collect();
    assert_eq!(documented, all);
}

async fn projects(t: &mut Tour, project: &str, creator: &str) {
    let p = [project];
    let listed = t.go("GET", "/v1/projects", &[], "?limit=1&status=PAUSED", None).await;
    assert_eq!(listed.body["data"]["items"][0]["videos_scraped"], 1);
    let shown = t.go("GET", "/v1/projects/{project_id}", &p, "", None).await;
    assert_eq!(shown.body["data"]["settings"]["scrape_window_days"], 3);
    let patch = json!({ "settings": { "daily_quota": 2, "scrape_window_days": null } });
    let patched = t.go("PATCH", "/v1/projects/{project_id}", &p, "", Some(patch)).await;
    assert_eq!(patched.body["data"]["settings"]["daily_quota"], 2);
    assert_eq!(patched.body["data"]["settings"]["scrape_window_days"], 7, "null brings back the default");
    t.go("POST", "/v1/projects/{project_id}/start", &p, "", None).await;
    let twice = t.bench.ask("POST", &format!("/v1/projects/{project}/start"), None).await;
    assert_eq!((twice.status, twice.code()), (409, "ALREADY_RUNNING"));
    t.go("GET", "/v1/projects/{project_id}/creators", &p, "", None).await;
    t.go("GET", "/v1/creators/{creator_id}", &[creator], "", None).await;
    t.go("PATCH", "/v1/creators/{creator_id}", &[creator], "", Some(json!({ "scrape_window_days": 9 }))).await;
    let range = json!({ "since": "2025-05-07T00:00:00Z", "until": "2025-05-01T00:00:00Z" });
    let bad = t.bench.ask("POST", &format!("/v1/projects/{project}/scrape"), Some(range)).await;
    assert_eq!((bad.status, bad.code()), (400, "INVALID_DATE_RANGE"));
    let body = json!({ "creator_ids": [creator], "force": true });
    let scraped = t.go("POST", "/v1/projects/{project_id}/scrape", &p, "", Some(body)).await;
    assert_eq!(scraped.body["data"]["queued_creators"], 1);
    let status = t.go("GET", "/v1/projects/{project_id}/scrape/status", &p, "", None).await;
    assert_eq!(status.body["data"]["jobs"][0]["status"], "QUEUED");
    assert_eq!(status.body["data"]["jobs"][0]["creator_id"], creator);
    let found = t.go("GET", "/v1/projects/{project_id}/analysis", &p, "?min_score=0.5", None).await;
    assert_eq!(found.body["data"]["items"][0]["clip_candidates"].as_array().map(Vec::len), Some(2));
    t.go("GET", "/v1/projects/{project_id}/videos", &p, "", None).await;
    t.go("GET", "/v1/videos/{video_id}", &[&id(2).to_string()], "", None).await;
    t.go("GET", "/v1/projects/{project_id}/logs", &p, "?level=ERROR&worker_type=editor", None).await;
    t.go("POST", "/v1/projects/{project_id}/stop", &p, "", Some(json!({ "reason": "manual_pause" }))).await;
    t.go("DELETE", "/v1/creators/{creator_id}", &[creator], "", None).await;
    let gone = t.bench.ask("GET", &format!("/v1/creators/{creator}"), None).await;
    assert_eq!(gone.code(), "CREATOR_NOT_FOUND");
}

async fn clips(t: &mut Tour, project: &str) {
    let (ready, rejected) = (id(4).to_string(), id(5).to_string());
    t.go("GET", "/v1/projects/{project_id}/clips", &[project], "?order=newest&status=READY", None).await;
    t.go("GET", "/v1/clips/{clip_id}", &[&ready], "", None).await;
    let insights = t.go("GET", "/v1/clips/{clip_id}/insights", &[&ready], "", None).await;
    assert_eq!(insights.body["data"]["insights"]["zenith"]["decision"], "EDIT_APPROVED");
    let pending = t.bench.ask("GET", &format!("/v1/clips/{rejected}/insights"), None).await;
    assert_eq!((pending.status, pending.code()), (409, "HALOLUX_PENDING"));
    let past = json!({ "scheduled_time": "2020-01-01T00:00:00Z" });
    let bad = t.bench.ask("POST", &format!("/v1/clips/{ready}/upload"), Some(past)).await;
    assert_eq!((bad.status, bad.code()), (400, "INVALID_SCHEDULE"));
    let at = json!({ "scheduled_time": "2026-05-10T16:00:00Z", "privacy_status": "unlisted" });
    let upload = t.go("POST", "/v1/clips/{clip_id}/upload", &[&ready], "", Some(at)).await;
    assert_eq!(upload.body["data"]["status"], "SCHEDULED");
    let twice = t.bench.ask("POST", &format!("/v1/clips/{ready}/upload"), None).await;
    assert_eq!((twice.status, twice.code()), (409, "UPLOAD_EXISTS"));
    t.go("GET", "/v1/projects/{project_id}/uploads", &[project], "", None).await;
    let slots = t.go("GET", "/v1/projects/{project_id}/schedule", &[project], "", None).await;
    assert_eq!(slots.body["data"]["items"][0]["status"], "CONFIRMED");
    schedules(t, project, &slots).await;
    let again = json!({ "reason": "manual_rebalance", "target_day": "2026-01-03" });
    let planned = t.go("POST", "/v1/projects/{project_id}/schedule", &[project], "", Some(again)).await;
    assert_eq!((&planned.body["data"]["jobs_considered"], &planned.body["data"]["updated"]), (&json!(1), &json!(1)));
    let busy = t.bench.ask("POST", &format!("/v1/projects/{project}/schedule"), None).await;
    assert_eq!((busy.status, busy.code()), (409, "SCHEDULER_BUSY"));
    let shown = t.bench.ask("GET", &format!("/v1/clips/{ready}"), None).await;
    assert_eq!(shown.body["data"]["upload_job"]["status"], "QUEUED");
    let edit = json!({ "operations": ["autocut", "captions"], "priority": "high", "gpu_required": true });
    t.go("POST", "/v1/clips/{clip_id}/edit", &[&rejected], "", Some(edit)).await;
    let twice = t.bench.ask("POST", &format!("/v1/clips/{rejected}/edit"), None).await;
    assert_eq!((twice.status, twice.code()), (409, "EDIT_ALREADY_IN_PROGRESS"));
    let none = t.bench.ask("POST", &format!("/v1/clips/{}/edit", id(99)), None).await;
    assert_eq!((none.status, none.code()), (404, "CLIP_NOT_FOUND"));
}

/// Nothing has gone out yet: figures are of strangers, and what is missing is said.
async fn engagement(t: &mut Tour, project: &str) {
    let posts = t.go("GET", "/v1/engagement", &[], &format!("?project_id={project}&channel=folder"), None).await;
    assert_eq!(posts.body["data"]["pagination"]["total"], 0);
    let csv = "post_id,measured_at,views\nx,2026-01-01T00:00:00Z,5\n";
    let file = json!({ "channel": "folder", "project_id": project, "csv": csv });
    let taken = t.go("POST", "/v1/engagement/import", &[], "", Some(file)).await;
    assert_eq!((&taken.body["data"]["strangers"], &taken.body["data"]["job_id"]), (&json!(1), &Value::Null));
    let whose = json!({ "channel": "folder", "csv": csv });
    let refused = t.bench.ask("POST", "/v1/engagement/import", Some(whose)).await;
    assert_eq!((refused.status, refused.body["error"]["fields"][0]["field"].as_str()), (400, Some("project_id")));
    let broken = json!({ "channel": "youtube/main", "csv": "post_id,views\n" });
    let refused = t.bench.ask("POST", "/v1/engagement/import", Some(broken)).await;
    assert_eq!((refused.status, refused.body["error"]["fields"][0]["field"].as_str()), (400, Some("csv")));
    let asked = t.go("POST", "/v1/engagement/pull", &[], "", None).await;
    assert_eq!(asked.body["data"]["created"], true);
    let twice = t.bench.ask("POST", "/v1/engagement/pull", None).await;
    assert_eq!(
        (&twice.body["data"]["created"], &twice.body["data"]["job_id"]),
        (&json!(false), &asked.body["data"]["job_id"])
    );
    let learnt = t.go("GET", "/v1/learning", &[], "", None).await;
    assert_eq!(learnt.body["data"]["channels"][0]["why_off"][0], "no post has figures yet");
}

/// The one slot there is: moved, locked, planned anew, shown.
async fn schedules(t: &mut Tour, project: &str, slots: &Answer) {
    let slot = slots.body["data"]["items"][0]["schedule_id"].as_str().expect("an id").to_owned();
    let move_to = |at: &str| Some(json!({ "at": at, "reason": "the guest is live then" }));
    let path = "/v1/schedules/{schedule_id}/move";
    let moved = t.go("POST", path, &[&slot], "", move_to("2026-01-03T18:00:00Z")).await;
    assert_eq!(moved.body["data"]["final_time"], "2026-01-03T18:00:00.000000Z");
    let past = t.bench.ask("POST", &format!("/v1/schedules/{slot}/move"), move_to("2020-01-01T00:00:00Z")).await;
    assert_eq!((past.status, past.code()), (409, "SCHEDULE_CONFLICT"));
    assert_eq!(past.body["error"]["fields"][0]["field"], "lead_time");
    let locked = t.go("POST", "/v1/schedules/{schedule_id}/lock", &[&slot], "", None).await;
    assert_eq!(locked.body["data"]["locked"], true);
    let held = t.bench.ask("POST", &format!("/v1/schedules/{slot}/move"), move_to("2026-01-04T18:00:00Z")).await;
    assert_eq!(held.body["error"]["fields"][0]["field"], "locked");
    let plan = json!({ "project_id": project, "dry_run": true });
    let dry = t.go("POST", "/v1/schedules/recalculate", &[], "", Some(plan.clone())).await;
    assert_eq!(dry.body["data"]["changes"], json!([]), "what is locked stays");
    t.go("POST", "/v1/schedules/{schedule_id}/unlock", &[&slot], "", Some(json!({ "reason": "free again" }))).await;
    let dry = t.go("POST", "/v1/schedules/recalculate", &[], "", Some(plan)).await;
    assert_eq!((&dry.body["data"]["dry_run"], &dry.body["data"]["applied"]), (&json!(true), &json!(0)));
    engagement(t, project).await;
    let feed = t.go("GET", "/v1/projects/{project_id}/calendar.ics", &[project], "", None).await;
    assert!(feed.text.contains("BEGIN:VEVENT\r\n") && feed.text.contains("DTSTART:20260103T180000Z"), "{}", feed.text);
    let none = t.bench.ask("POST", &format!("/v1/schedules/{}/lock", id(77)), None).await;
    assert_eq!((none.status, none.code()), (404, "SCHEDULE_NOT_FOUND"));
    let empty = t.go("GET", "/v1/limits", &[], "", None).await;
    assert_eq!(empty.body["data"]["items"], json!([]), "a folder has no limits");
    let channels = json!({ "settings": { "channels": [{ "target": "youtube/main", "time_zone": "Europe/Berlin" }] } });
    t.go("PATCH", "/v1/projects/{project_id}", &[project], "", Some(channels)).await;
    let limits = t.go("GET", "/v1/limits", &[], "", None).await;
    let buckets = limits.body["data"]["items"].as_array().expect("items").clone();
    let own = buckets.iter().find(|b| b["bucket"] == "youtube_channel_uploads").expect("the account's own");
    assert_eq!((&own["account"], &own["left"]), (&json!("youtube/main"), &json!(15)));
    assert!(buckets.iter().all(|b| b["bucket"].as_str().is_some_and(|name| name.starts_with("youtube"))));
    let wrong = json!({ "settings": { "channels": [{ "target": "youtube/main", "time_zone": "Europe/Atlantis" }] } });
    let refused = t.bench.ask("PATCH", &format!("/v1/projects/{project}"), Some(wrong)).await;
    assert_eq!(refused.body["error"]["fields"][0]["field"], "settings.channels.0.time_zone");
    let back = json!({ "settings": { "channels": null } });
    t.go("PATCH", "/v1/projects/{project_id}", &[project], "", Some(back)).await;
}

async fn jobs_and_queues(t: &mut Tour, project: &str) {
    let query = format!("?project_id={project}&kind=edit&status=QUEUED");
    let listed = t.go("GET", "/v1/jobs", &[], &query, None).await;
    let item = &listed.body["data"]["items"][0];
    assert_eq!(item["priority"], 800);
    let job = item["job_id"].as_str().expect("an id").to_owned();
    t.go("GET", "/v1/jobs/{job_id}", &[&job], "", None).await;
    let moved = t.go("POST", "/v1/jobs/{job_id}/prioritise", &[&job], "", Some(json!({ "priority": 10 }))).await;
    assert_eq!(moved.body["data"]["priority"], 10);
    let early = t.bench.ask("POST", &format!("/v1/jobs/{job}/retry"), None).await;
    assert_eq!((early.status, early.code()), (409, "JOB_NOT_RETRYABLE"));
    let ended = t.go("POST", "/v1/jobs/{job_id}/cancel", &[&job], "", None).await;
    assert_eq!(ended.body["data"]["status"], "CANCELLED");
    let late = t.bench.ask("POST", &format!("/v1/jobs/{job}/cancel"), None).await;
    assert_eq!((late.status, late.code()), (409, "JOB_NOT_CANCELLABLE"));
    t.go("POST", "/v1/jobs/{job_id}/retry", &[&job], "", None).await;
    let body = json!({ "count": 3, "unique_keys": ["a", "a"] });
    let made = t.go("POST", "/v1/jobs/noop", &[], "", Some(body)).await;
    assert_eq!(made.body["data"]["queued"], 2, "the same key twice is one job");
    for verb in ["pause", "resume", "drain"] {
        t.go("POST", &format!("/v1/queues/{{queue}}/{verb}"), &["edit"], "", Some(json!({ "reason": "test" }))).await;
    }
    t.go("POST", "/v1/queues/{queue}/scale", &["edit"], "", Some(json!({ "limit": 4 }))).await;
    let queues = t.go("GET", "/v1/queues", &[], "", None).await;
    let edit = queues.body["data"]["items"].as_array().expect("items").iter().find(|q| q["queue"] == "edit").cloned();
    assert_eq!(edit.map(|q| (q["mode"].clone(), q["limit"].clone())), Some((json!("draining"), json!(4))));
}

async fn orders_and_ledger(t: &mut Tour) {
    let clip = id(5).to_string();
    let body = json!({ "order": { "order": "soft_rebuild", "actor": "lattice" }, "reason": "stale" });
    let given = t.go("POST", "/v1/directives", &[], "", Some(body)).await.data("directive_id");
    t.go("GET", "/v1/directives", &[], "?state=PENDING", None).await;
    t.go("GET", "/v1/directives/{directive_id}", &[&given], "", None).await;
    let own = json!({ "order": { "order": "pause_queue", "queue": "edit" }, "reason": "x" });
    assert_eq!(t.bench.ask("POST", "/v1/directives", Some(own)).await.status, 400);
    let body = json!({
        "question": "select", "subject": { "entity_type": "clips", "entity_id": clip }, "approve": true, "reason": "asked for",
    });
    let imposed = t.go("POST", "/v1/overrides", &[], "", Some(body)).await.data("packet_id");
    let listed = t.go("GET", "/v1/overrides", &[], "", None).await;
    assert_eq!(listed.body["data"]["items"][0]["packet_id"], imposed.as_str());
    t.go("GET", "/v1/ledger/head", &[], "", None).await;
    let path = format!("?entity_type=clips&entity_id={clip}&limit=200");
    t.go("GET", "/v1/ledger/packets", &[], &path, None).await;
    t.go("GET", "/v1/ledger/packets/{packet_id}", &[&imposed], "", None).await;
    let pending = t.bench.ask("GET", &format!("/v1/ledger/packets/{imposed}/proof"), None).await;
    assert_eq!((pending.status, pending.code()), (409, "CHECKPOINT_PENDING"));
    checkpoint(&t.bench).await;
    t.go("GET", "/v1/ledger/packets/{packet_id}/proof", &[&imposed], "", None).await;
    t.go("GET", "/v1/clips/{clip_id}/proof", &[&clip], "", None).await;
    t.go("GET", "/v1/ledger/checkpoints", &[], "", None).await;
    let graph = t.go("GET", "/v1/ledger/packets/{packet_id}/lineage", &[&imposed], "?nodes=50", None).await;
    assert!(graph.body["data"]["edges"].as_array().is_some_and(|e| !e.is_empty()));
    t.go("GET", "/v1/clips/{clip_id}/lineage", &[&clip], "", None).await;
    t.go("GET", "/v1/lineage/{entity_type}/{entity_id}", &["clips", &clip], "", None).await;
    let ready = id(4).to_string();
    let path = "/v1/explanations/{entity_type}/{entity_id}";
    let first = t.go("GET", path, &["clips", &ready], "?question=why", None).await;
    let again = t.go("GET", path, &["clips", &ready], "", None).await;
    assert_eq!(first.body["data"], again.body["data"]);
    let odd = t.bench.ask("GET", &format!("/v1/explanations/clips/{ready}?question=failure"), None).await;
    assert_eq!((odd.status, odd.code()), (400, "VALIDATION_ERROR"));
}

async fn system(t: &mut Tour) {
    let status = t.go("GET", "/v1/system/status", &[], "", None).await;
    assert_eq!(status.body["data"]["workers"]["editor"]["status"], "PAUSED");
    assert_eq!(status.body["data"]["queues"]["redis"], "not_used");
    t.go("GET", "/v1/system/actors", &[], "", None).await;
    let audit = t.go("GET", "/v1/audit", &[], "?limit=200", None).await;
    assert!(audit.body["data"]["items"].as_array().is_some_and(|a| a.len() > 10));
    for path in ["/v1/openapi.json", "/v1/docs", "/healthz", "/readyz", "/version", "/metrics"] {
        t.go("GET", path, &[], "", None).await;
    }
    t.go("GET", "/v1/keys", &[], "", None).await;
    // Last, for from here on every request needs a key.
    let first = t.go("POST", "/v1/keys", &[], "", Some(json!({ "name": "first", "role": "admin" }))).await;
    let auth = format!("Bearer {}", first.data("key"));
    let headers = [("authorization", auth.as_str())];
    let body = json!({ "name": "second", "role": "viewer", "expires_at": "2030-01-01T00:00:00Z" });
    let second = t.bench.send("POST", "/v1/keys", Some(body), &headers).await;
    let path = format!("/v1/keys/{}", second.data("api_key_id"));
    let revoked = t.bench.send("DELETE", &path, None, &headers).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text);
    fits(&document()["paths"]["/v1/keys/{api_key_id}"]["delete"]["responses"]["200"], &revoked, &path);
    t.seen.insert(("DELETE".into(), "/v1/keys/{api_key_id}".into()));
}

#[test]
fn examples_fit_their_schemas() {
    let document = document();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let body = operation.pointer("/requestBody/content/application~1json");
            let answers = operation["responses"].as_object().expect("responses").values();
            let answers = answers.filter_map(|r| r.pointer("/content/application~1json"));
            for media in body.into_iter().chain(answers) {
                let Some(example) = media.get("example") else { continue };
                let whole = json!({ "allOf": [media["schema"]], "components": document["components"] });
                let validator = jsonschema::options().should_validate_formats(true).build(&whole).expect("a schema");
                let faults: Vec<String> =
                    validator.iter_errors(example).map(|e| format!("{}: {e}", e.instance_path())).collect();
                assert!(faults.is_empty(), "{method} {path}: {faults:?}");
            }
        }
    }
}

#[test]
fn operations_have_ids_of_their_own_and_known_errors_only() {
    let mut ids = BTreeSet::new();
    for operations in document()["paths"].as_object().expect("paths").values() {
        for operation in operations.as_object().expect("operations").values() {
            let id = operation["operationId"].as_str().expect("an id");
            assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{id}");
            assert!(ids.insert(id.to_owned()), "{id} twice");
        }
    }
    assert_eq!(ids.len(), routes().len());
}
