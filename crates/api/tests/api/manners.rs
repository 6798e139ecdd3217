//! What every route has in common: errors, limits, origins, idempotency, notes.

use serde_json::{Value, json};

use crate::bench::Bench;

const ID: &str = "00000000-0000-4000-8000-000000000001";

#[tokio::test]
async fn every_error_has_the_wrapper_a_code_and_a_request_id() {
    let bench = Bench::new().await;
    let big = format!("{{\"name\":\"{}\"}}", "x".repeat(2 << 20));
    let json_type: &[(&str, &str)] = &[("content-type", "application/json")];
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    let cases: [(&str, &str, &str, &[(&str, &str)], u16, &str); 18] = [
        ("GET", "/v1/nothing", "", &[], 404, "NOT_FOUND"),
        ("GET", "/", "", &[], 404, "NOT_FOUND"),
        ("GET", "/v1/projects/", "", &[], 404, "NOT_FOUND"),
        ("PUT", "/v1/projects", "", &[], 405, "METHOD_NOT_ALLOWED"),
        ("OPTIONS", "/v1/projects", "", &[], 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v1/projects?limit=0", "", &[], 400, "INVALID_PAGINATION"),
        ("GET", "/v1/projects?offset=x", "", &[], 400, "INVALID_PAGINATION"),
        ("GET", "/v1/projects?what=1", "", &[], 400, "VALIDATION_ERROR"),
        ("GET", "/v1/projects/nonsense", "", &[], 404, "PROJECT_NOT_FOUND"),
        ("GET", "/v1/clips/nonsense", "", &[], 404, "CLIP_NOT_FOUND"),
        ("POST", "/v1/queues/nonsense/pause", "", &[], 404, "QUEUE_NOT_FOUND"),
        ("POST", "/v1/projects", "{}", &[], 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("POST", "/v1/projects", "{", json_type, 400, "INVALID_JSON"),
        ("POST", "/v1/projects", &deep, json_type, 400, "INVALID_JSON"),
        ("POST", "/v1/projects", "", json_type, 400, "INVALID_JSON"),
        ("POST", "/v1/projects", "[]", json_type, 400, "VALIDATION_ERROR"),
        ("POST", "/v1/projects", &big, json_type, 413, "BODY_TOO_LARGE"),
        ("GET", "/v1/events", "", &[], 426, "UPGRADE_REQUIRED"),
    ];
    for (method, path, body, headers, status, code) in cases {
        let answer = bench.raw(method, path, body, headers).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{method} {path}: {}", answer.text);
        assert_eq!(answer.body["status"], "error");
        assert_eq!(answer.body["data"], Value::Null);
        assert_eq!(answer.body["meta"]["request_id"].as_str(), answer.header("x-request-id"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        if status == 405 {
            assert_eq!(answer.header("allow"), Some("GET, HEAD, POST"));
        }
    }
}

#[tokio::test]
async fn every_field_at_fault_is_named() {
    let bench = Bench::new().await;
    let body = json!({
        "description": 5, "surprise": true, "scrape_window_days": 0, "default_platforms": ["myspace"],
        "settings": { "daily_quota": 99, "other": 1 },
    });
    let answer = bench.ask("POST", "/v1/projects", Some(body)).await;
    assert_eq!((answer.status, answer.code()), (400, "VALIDATION_ERROR"), "{}", answer.text);
    let fields = answer.fields();
    for field in ["name", "description", "surprise", "scrape_window_days"] {
        assert!(fields.contains(&field), "{field} in {fields:?}");
    }
    assert!(fields.iter().any(|f| f.starts_with("settings")), "{fields:?}");
    assert!(fields.iter().any(|f| f.starts_with("default_platforms")), "{fields:?}");
}

#[tokio::test]
async fn aliases_of_platforms_are_taken() {
    let bench = Bench::new().await;
    let body = json!({ "name": "FitnessGuru", "description": "Shorts", "default_platforms": ["youtube_shorts"] });
    let made = bench.ask("POST", "/v1/projects", Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let path = format!("/v1/projects/{}", made.data("project_id"));
    let shown = bench.ask("GET", &path, None).await;
    assert_eq!(shown.body["data"]["settings"]["default_platforms"], json!(["youtube"]));
    let creator = json!({ "platform": "youtube_shorts", "handle": "@coachamy" });
    assert_eq!(bench.ask("POST", &format!("{path}/creators"), Some(creator.clone())).await.status, 201);
    let again = bench.ask("POST", &format!("{path}/creators"), Some(creator)).await;
    assert_eq!((again.status, again.code()), (409, "CREATOR_EXISTS"));
    let bad =
        bench.ask("POST", &format!("{path}/creators"), Some(json!({ "platform": "tiktok", "handle": "a b" }))).await;
    assert_eq!((bad.status, bad.code()), (422, "INVALID_HANDLE"));
}

#[tokio::test]
async fn repeating_a_request_does_it_once() {
    let bench = Bench::new().await;
    let headers = [("idempotency-key", "one")];
    let body = json!({ "name": "p" });
    let (a, b) = tokio::join!(
        bench.send("POST", "/v1/projects", Some(body.clone()), &headers),
        bench.send("POST", "/v1/projects", Some(body.clone()), &headers)
    );
    assert_eq!((a.status, b.status), (201, 201), "{} {}", a.text, b.text);
    assert_eq!(a.data("project_id"), b.data("project_id"));
    let third = bench.send("POST", "/v1/projects", Some(body), &headers).await;
    assert_eq!(third.header("idempotent-replayed"), Some("true"));
    assert_eq!(third.body["data"], a.body["data"]);
    let other = bench.send("POST", "/v1/projects", Some(json!({ "name": "q" })), &headers).await;
    assert_eq!((other.status, other.code()), (422, "IDEMPOTENCY_MISMATCH"));
    let fresh = bench.ask("POST", "/v1/projects", Some(json!({ "name": "p" }))).await;
    assert_eq!((fresh.status, fresh.code()), (409, "PROJECT_EXISTS"));
    let total = bench.ask("GET", "/v1/projects", None).await;
    assert_eq!(total.body["data"]["pagination"]["total"], 1);
    // The text of a key is not in a repeated answer.
    let body = json!({ "name": "k", "role": "admin" });
    let first = bench.send("POST", "/v1/keys", Some(body.clone()), &[("idempotency-key", "k")]).await;
    let key = first.data("key");
    assert!(omniva_api::is_key(&key));
    let auth = format!("Bearer {key}");
    let stored = bench.reader.api_keys().await.expect("read");
    assert_eq!(stored.first().map(|k| k.hash.clone()), Some(omniva_api::hash_of(&key)));
    assert_eq!(bench.send("GET", "/v1/projects", None, &[("authorization", &auth)]).await.status, 200);
}

#[tokio::test]
async fn names_and_origins_are_checked() {
    let bench = Bench::new().await;
    let rebound = bench.send("GET", "/v1/projects", None, &[("host", "evil.example")]).await;
    assert_eq!((rebound.status, rebound.code()), (403, "HOST_REFUSED"));
    let body = || Some(json!({ "name": "x" }));
    for header in [("origin", "http://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let answer = bench.send("POST", "/v1/projects", body(), &[header]).await;
        assert_eq!((answer.status, answer.code()), (403, "ORIGIN_REFUSED"), "{header:?}");
    }
    let own = format!("http://{}", bench.addr);
    assert_eq!(bench.send("POST", "/v1/projects", body(), &[("origin", &own)]).await.status, 201);
    let read = bench.send("GET", "/v1/projects", None, &[("origin", "http://evil.example")]).await;
    assert_eq!(read.status, 200);
    assert_eq!(read.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn request_ids_are_taken_over_and_everything_is_written_down() {
    let mut bench = Bench::new().await;
    let read = bench.send("GET", "/v1/projects", None, &[("x-request-id", ID)]).await;
    assert_eq!(read.header("x-request-id"), Some(ID));
    let odd = bench.send("GET", "/v1/projects", None, &[("x-request-id", "../../etc")]).await;
    assert_ne!(odd.header("x-request-id"), Some("../../etc"));
    // The same id for two changes is no reason to refuse the second.
    for name in ["a", "b"] {
        let made = bench.send("POST", "/v1/projects", Some(json!({ "name": name })), &[("x-request-id", ID)]).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    let refused = bench.ask("POST", "/v1/projects", Some(json!({ "name": "a" }))).await;
    assert_eq!(refused.code(), "PROJECT_EXISTS");
    let refused_id = refused.header("x-request-id").expect("an id").to_owned();
    bench.serving.take().expect("serving").stop().await;
    let packets = bench.reader.packets(&omniva_store::PacketFilter::default(), 1000).await.expect("read");
    let answered: Vec<_> = packets.iter().filter(|p| p.draft.kind == "api.answered").collect();
    assert_eq!(answered.len(), 2);
    let made: Vec<_> = packets.iter().filter(|p| p.draft.kind == "project.created").collect();
    assert_eq!(made[0].draft.meta_parents, [answered[0].draft.stardust_id]);
    let reads = packets.iter().find(|p| p.draft.kind == "api.read").expect("reads are written down");
    let text = reads.draft.body.to_string();
    assert!(text.contains(ID) && text.contains(&refused_id) && text.contains("PROJECT_EXISTS"), "{text}");
    let page = omniva_store::Page { limit: 100, offset: 0 };
    let audit = bench.reader.audit(page).await.expect("read").items;
    assert_eq!(audit.len(), 3, "two changes and one refusal");
}

#[tokio::test]
async fn probes_tell_how_it_is() {
    let bench = Bench::new().await;
    assert_eq!(bench.ask("GET", "/readyz", None).await.status, 200);
    *bench.office.unwell.lock().expect("lock") = Some("it is locked".into());
    let answer = bench.ask("GET", "/readyz", None).await;
    assert_eq!((answer.status, answer.code(), answer.fields()), (503, "NOT_READY", vec!["store"]));
    assert_eq!(bench.ask("GET", "/healthz", None).await.status, 200);
    assert_eq!(bench.ask("GET", "/metrics", None).await.text, "# nothing\n");
    let head = bench.raw("HEAD", "/v1/projects", "", &[]).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
}
