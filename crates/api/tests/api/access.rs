//! Every route with every role and every state of a key, against the table.

use omniva_api::{Access, routes};
use omniva_contracts::Code;
use omniva_contracts::engine::Role;
use serde_json::json;

use crate::bench::Bench;

const ID: &str = "00000000-0000-4000-8000-000000000001";

fn filled(path: &str) -> String {
    path.split('/')
        .map(|s| match s {
            "{queue}" => "edit",
            "{entity_type}" => "clips",
            s if s.starts_with('{') => ID,
            s => s,
        })
        .collect::<Vec<_>>()
        .join("/")
}

async fn key(bench: &Bench, name: &str, role: &str, with: &str) -> (String, String) {
    let auth = format!("Bearer {with}");
    let headers: &[(&str, &str)] = if with.is_empty() { &[] } else { &[("authorization", &auth)] };
    let made = bench.send("POST", "/v1/keys", Some(json!({ "name": name, "role": role })), headers).await;
    assert_eq!(made.status, 201, "{}", made.text);
    (made.data("api_key_id"), made.data("key"))
}

#[tokio::test]
async fn the_matrix_holds_on_every_route() {
    let bench = Bench::new().await;
    let (_, admin) = key(&bench, "a", "admin", "").await;
    let (_, operator) = key(&bench, "o", "operator", &admin).await;
    let (_, viewer) = key(&bench, "v", "viewer", &admin).await;
    let (gone_id, gone) = key(&bench, "g", "admin", &admin).await;
    let auth = format!("Bearer {admin}");
    let revoked = bench.send("DELETE", &format!("/v1/keys/{gone_id}"), None, &[("authorization", &auth)]).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text);
    let forged = format!("{}x", &viewer[..viewer.len() - 1]);
    let keys = [
        (Some(Role::Admin), admin.as_str()),
        (Some(Role::Operator), &operator),
        (Some(Role::Viewer), &viewer),
        (None, gone.as_str()),
        (None, &forged),
        (None, ""),
        (None, "omv_admin_"),
    ];
    for route in routes() {
        for (role, text) in &keys {
            let auth = format!("Bearer {text}");
            let headers: &[(&str, &str)] = if text.is_empty() { &[] } else { &[("authorization", &auth)] };
            // An empty body: what is allowed ends in 4xx of its own, so that nothing here locks the test out.
            let answer = bench.raw(route.method.as_str(), &filled(route.path), "", headers).await;
            let expected = match (route.access, role) {
                (Access::Open, _) => None,
                (_, None) => Some(401),
                (access, Some(role)) => (!access.allows(*role)).then_some(403),
            };
            let what = format!("{} {} as {role:?}: {}", route.method.as_str(), route.path, answer.text);
            match expected {
                Some(status) => {
                    assert_eq!(answer.status, status, "{what}");
                    assert_eq!(answer.code(), if status == 401 { "UNAUTHORIZED" } else { "FORBIDDEN" }, "{what}");
                }
                None => assert!(!matches!(answer.status, 401 | 403 | 500), "{what}"),
            }
        }
    }
}

#[tokio::test]
async fn the_last_way_in_is_never_closed() {
    let bench = Bench::new().await;
    let viewer_first = bench.ask("POST", "/v1/keys", Some(json!({ "name": "v", "role": "viewer" }))).await;
    assert_eq!((viewer_first.status, viewer_first.code()), (409, "ADMIN_KEY_FIRST"));
    let (id, admin) = key(&bench, "a", "admin", "").await;
    let auth = format!("Bearer {admin}");
    let headers = [("authorization", auth.as_str())];
    let last = bench.send("DELETE", &format!("/v1/keys/{id}"), None, &headers).await;
    assert_eq!((last.status, last.code()), (409, "LAST_ADMIN_KEY"));
    assert_eq!(bench.ask("GET", "/v1/projects", None).await.status, 401);
    assert_eq!(bench.send("GET", "/v1/projects", None, &headers).await.status, 200);
    // The text of a key is nowhere in the store.
    let packets = bench.reader.packets(&omniva_store::PacketFilter::default(), 1000).await.expect("read");
    assert!(!format!("{packets:?}").contains(&admin));
    let listed = bench.send("GET", "/v1/keys", None, &headers).await;
    assert!(!listed.text.contains(&admin) && !listed.text.contains(&omniva_api::hash_of(&admin)));
    // A key that was used says so, to the hour; one that never was does not.
    key(&bench, "idle", "viewer", &admin).await;
    let keys = bench.reader.api_keys().await.expect("read");
    let used = |name: &str| keys.iter().find(|k| k.name == name).expect("there").last_used_at;
    assert!(used("a").is_some() && used("idle").is_none(), "{keys:?}");
}

#[tokio::test]
async fn wrong_keys_are_counted() {
    let bench = Bench::with(|c| c.max_failures = 3).await;
    let (_, admin) = key(&bench, "a", "admin", "").await;
    for n in 0..5 {
        let answer = bench.send("GET", "/v1/projects", None, &[("authorization", "Bearer nonsense")]).await;
        let expected = if n < 3 { (401, "UNAUTHORIZED") } else { (429, "TOO_MANY_FAILURES") };
        assert_eq!((answer.status, answer.code()), expected);
        if n >= 3 {
            assert!(answer.header("retry-after").is_some_and(|s| s.parse::<u64>().is_ok_and(|s| s <= 60)));
        }
    }
    assert!(!admin.is_empty());
}

#[tokio::test]
async fn beyond_loopback_a_key_is_needed_first() {
    let bench = Bench::new().await;
    let config = omniva_api::ApiConfig::new(([0, 0, 0, 0], 0).into());
    let refused = bench.serve(config.clone()).await.err().expect("refused");
    assert_eq!(refused.code, Code::KeysMissing);
    key(&bench, "a", "admin", "").await;
    bench.serve(config).await.expect("serves").stop().await;
    let taken = bench.serve(omniva_api::ApiConfig::new(bench.addr)).await.err().expect("refused");
    assert_eq!(taken.code, Code::AddressInUse);
}
