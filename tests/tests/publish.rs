//! From an inbox to accounts on platforms: the owner agrees in a browser, clips are rendered, and one post a clip appears.
//! The platforms are emulators on real sockets, which check every request.

#![allow(clippy::expect_used)] // helpers of tests fail by panicking

use std::path::Path;

use omniva_contracts::ports::{Clock, SystemClock};
use omniva_emulators::Server;
use omniva_emulators::google::Google;
use omniva_emulators::oauth::CLIENT_SECRET;
use omniva_emulators::webhook::Receiver;
use omniva_tests::engine::{Engine, json_of, omniva, until};
use omniva_tests::owner::connect;
use omniva_tests::{Bench, excerpt, one_at_a_time, status};
use serde_json::json;

const PATIENCE: u64 = 400;
const KEY: &str = "PLANTED-webhook-key-c4n4ry";

/// The platforms at their emulators, watched folders looked at every second.
fn config(bench: &Bench, google: &str, hook: &str) -> std::path::PathBuf {
    let path = bench.path("platforms.toml");
    // The receiver of the webhook is a private server: it has to be allowed.
    let receiver = hook.trim_start_matches("http://");
    let text = format!(
        "[engine.cron]\ndiscover = {{ every_seconds = 1, misfire = \"run_once\" }}\n\n\
         [engine.network]\nallow = [\"{receiver}\"]\n\n\
         [engine.publish.webhooks.cms]\nurl = \"{hook}/hooks/clips\"\n\n\
         [endpoints.youtube]\napi = \"{google}/youtube/v3\"\nupload = \"{google}/upload/youtube/v3\"\n\
         analytics = \"{google}/v2\"\nchunk_bytes = 262144\n\
         poll_seconds = 1.0\n\n\
         [endpoints.youtube.oauth]\nauthorize = \"{google}/o/oauth2/v2/auth\"\ntoken = \"{google}/token\"\n"
    );
    std::fs::write(&path, text).expect("written");
    path
}

/// `meanwhile` is what the platform does while the engine waits.
fn published(engine: &Engine, project: &str, meanwhile: impl Fn()) -> usize {
    let clips = until(PATIENCE, "every clip is published", || {
        meanwhile();
        let failed = engine.items("/v1/jobs?status=ERROR");
        assert!(failed.is_empty(), "{failed:?}");
        let clips = engine.items(&format!("/v1/projects/{project}/clips?limit=200"));
        let through = clips.iter().all(|c| matches!(c["status"].as_str(), Some("PUBLISHED" | "REJECTED")));
        (!clips.is_empty() && through).then_some(clips)
    });
    clips.iter().filter(|c| c["status"] == "PUBLISHED").count()
}

/// No file of the data folder holds a secret in the clear.
fn sealed(folder: &Path, secrets: &[&str]) {
    for entry in std::fs::read_dir(folder).expect("there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sealed(&path, secrets);
        } else if let Ok(bytes) = std::fs::read(&path) {
            for secret in secrets {
                let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
                assert!(!found, "{} holds a secret", path.display());
            }
        }
    }
}

#[test]
fn clips_are_posted_once_to_a_channel_and_told_to_a_webhook() {
    let _gate = one_at_a_time();
    let bench = Bench::default();
    let google = Server::start(|base| Google::new(base, 7));
    let now = SystemClock.now_us() / 1_000_000;
    let hook = Server::start(|_| Receiver::new(KEY.as_bytes(), now));
    // Its clock stands still while clips are rendered.
    hook.state().window = 3_600;
    let (data, config) = (bench.path("data"), config(&bench, &google.base(), &hook.base()));
    connect(&bench, &data, &config, "youtube");
    let key = bench.path("hook-key");
    std::fs::write(&key, KEY).expect("written");
    let kept = omniva(&data, &["--json", "auth", "webhook", "cms", "--key-file", key.to_str().expect("UTF-8")]);
    assert_eq!(status(&kept), 0, "{}", String::from_utf8_lossy(&kept.stdout));
    let listed = json_of(&omniva(&data, &["--json", "auth", "list"]));
    assert!(
        listed.to_string().contains("account/youtube/main") && listed.to_string().contains("connected"),
        "{listed}"
    );

    let engine = Engine::configured(&data, &config);
    let mut projects = Vec::new();
    for (name, target, at) in [("channel", "youtube/main", 0.0), ("told", "webhook/cms", 100.0)] {
        let inbox = bench.path(name);
        std::fs::create_dir(&inbox).expect("made");
        let settings = json!({ "clips_per_video": 1, "clip_min_seconds": 6.0, "clip_max_seconds": 12.0, "language": "en",
            "publish_to": target });
        let project = engine.project(name, &inbox, settings);
        let source = excerpt(&bench.path(&format!("{name}.mp4")), at, 25.0);
        std::fs::rename(source, inbox.join("talk.mp4")).expect("moved");
        projects.push(project);
    }
    // The platform takes its time with a new video; then it says that it is through.
    let processes = || google.state().videos.iter_mut().for_each(|video| video.processing = "succeeded");
    let (channel, told) = (published(&engine, &projects[0], processes), published(&engine, &projects[1], || {}));
    assert!(channel > 0 && told > 0, "{channel} and {told} clips");
    {
        let state = google.state();
        assert_eq!(state.violations, Vec::<String>::new());
        assert_eq!(state.videos.len(), channel, "one post a clip");
        assert_eq!(state.videos[0].resource["status"]["privacyStatus"], "private", "nobody asked for more");
    }
    {
        let state = hook.state();
        assert_eq!(state.violations, Vec::<String>::new());
        assert_eq!((state.taken.len(), state.refused), (told, 0));
    }
    let uploads = engine.items(&format!("/v1/projects/{}/uploads?limit=10", projects[0]));
    assert_eq!(uploads[0]["target"], "youtube/main", "{uploads:?}");

    let wrong = json!({ "name": "nowhere", "settings": { "publish_to": "myspace/tom" } });
    let refused = engine.ask("POST", "/v1/projects", Some(&wrong), None).expect("it answers");
    assert_eq!(refused.status, 400, "{refused:?}");
    assert_eq!(engine.stop().0.code(), Some(0));
    sealed(&data, &[KEY, CLIENT_SECRET]);
}
