//! The whole loop, unattended: three creators (a watched folder, a feed, a page that yt-dlp reads) become clips, these
//! become posts on YouTube, TikTok and Instagram at planned times over several days, their figures come back, and the next
//! clip goes out at the hour that did well. Looked at through the API and the ledger alone; the platforms are emulators on
//! real sockets, which check every request.

#![allow(clippy::expect_used)] // helpers of tests fail by panicking

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use omniva_cognition::zone::Zone;
use omniva_contracts::engine::Moment;
use omniva_emulators::Server;
use omniva_emulators::figures::Figures;
use omniva_emulators::google::Google;
use omniva_emulators::instagram::Instagram;
use omniva_emulators::tiktok::Tiktok;
use omniva_tests::calendar::Calendar;
use omniva_tests::engine::{Engine, json_of, omniva, serve, until};
use omniva_tests::owner::connect;
use omniva_tests::web::Web;
use omniva_tests::{Bench, excerpt, ffmpeg, one_at_a_time, status};
use serde_json::{Value, json};

const PATIENCE: u64 = 600;
/// Each with the zone of its audience.
const CHANNELS: [(&str, &str); 3] =
    [("youtube/main", "Europe/Berlin"), ("tiktok/main", "America/New_York"), ("instagram/main", "Asia/Tokyo")];
/// What is learnt from at least.
const POSTS: usize = 10;
const DAY: i64 = 86_400;

struct Platforms {
    google: Server<Google>,
    tiktok: Server<Tiktok>,
    instagram: Server<Instagram>,
}

impl Platforms {
    fn start() -> Self {
        Self {
            google: Server::start(|base| Google::new(base, 11)),
            tiktok: Server::start(Tiktok::new),
            instagram: Server::start(|_| Instagram::new()),
        }
    }

    /// YouTube takes its time with a new video; then it says that it is through.
    fn process(&self) {
        self.google.state().videos.iter_mut().for_each(|video| video.processing = "succeeded");
    }

    fn achieved(&self, channel: &str, post: &str, figures: Figures) {
        match channel {
            "youtube/main" => self.google.state().figures.insert(post.into(), figures),
            "tiktok/main" => self.tiktok.state().figures.insert(post.into(), figures),
            _ => self.instagram.state().figures.insert(post.into(), figures),
        };
    }

    fn posts(&self, channel: &str) -> usize {
        match channel {
            "youtube/main" => self.google.state().videos.len(),
            "tiktok/main" => self.tiktok.state().posts(""),
            _ => self.instagram.state().posts.len(),
        }
    }

    fn violations(&self) -> Vec<String> {
        let mut all = self.google.state().violations.clone();
        all.extend(self.tiktok.state().violations.clone());
        all.extend(self.instagram.state().violations.clone());
        all
    }

    /// Where they are, and rules under which a dozen posts are enough to learn from, whole steps at once.
    fn config(&self, bench: &Bench, web: &Web) -> PathBuf {
        let (google, tiktok, instagram) = (self.google.base(), self.tiktok.base(), self.instagram.base());
        let text = format!(
            r#"
[engine.network]
allow = ["{web}"]
[engine.cron]
discover = {{ every_seconds = 1, misfire = "run_once" }}
measure = {{ every_seconds = 21600, misfire = "run_once" }}
[engine.council]
floor = 0.05
[engine.learning.windows]
min_posts = {POSTS}
min_days = 1
explore = 0.0
max_step = 1.0

[endpoints.youtube]
api = "{google}/youtube/v3"
upload = "{google}/upload/youtube/v3"
analytics = "{google}/v2"
poll_seconds = 0.2
[endpoints.youtube.oauth]
authorize = "{google}/o/oauth2/v2/auth"
token = "{google}/token"

[endpoints.tiktok]
api = "{tiktok}/v2"
poll_seconds = 0.2
[endpoints.tiktok.oauth]
authorize = "{tiktok}/v2/auth/authorize/"
token = "{tiktok}/v2/oauth/token/"

[endpoints.instagram]
api = "{instagram}"
upload = "{instagram}/ig-api-upload"
poll_seconds = 0.2
[endpoints.instagram.oauth]
authorize = "{instagram}/oauth/authorize"
token = "{instagram}/oauth/access_token"
long_lived = "{instagram}/access_token"
refresh = "{instagram}/refresh_access_token"
"#,
            web = web.at,
        );
        let path = bench.path("loop.toml");
        std::fs::write(&path, text).expect("written");
        path
    }
}

/// The feed offers the folder's talk as well, in another size and encoding: a copy.
fn site(bench: &Bench) -> (PathBuf, PathBuf) {
    let (site, inbox) = (bench.path("site"), bench.path("inbox"));
    std::fs::create_dir(&site).expect("made");
    std::fs::create_dir(&inbox).expect("made");
    let own = excerpt(&bench.path("own.mp4"), 0.0, 66.0);
    excerpt(&site.join("feed.mp4"), 66.0, 66.0);
    excerpt(&site.join("page.mp4"), 132.0, 66.0);
    let small = ["-vf", "scale=480:-2", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "30", "-c:a", "aac"];
    let (from, to) = (own.display().to_string(), site.join("copy.mp4").display().to_string());
    ffmpeg([&["-i", from.as_str()], &small[..], &["-b:a", "64k", to.as_str()]].concat());
    (site, inbox)
}

fn feed(web: &Web, items: &[&str]) -> String {
    let output = Command::new("date").arg("-uR").output().expect("date runs");
    let today = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let item = |name: &&str| {
        format!(
            "<item><title>The {name} talk</title><guid>{name}</guid><pubDate>{today}</pubDate>\
             <enclosure url=\"{}\" type=\"video/mp4\" length=\"1\"/></item>",
            web.url(&format!("{name}.mp4"))
        )
    };
    let items: String = items.iter().map(item).collect();
    format!("<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Talks</title>{items}</channel></rss>")
}

fn settings() -> Value {
    let channel = |(target, zone): &(&str, &str)| json!({ "target": target, "time_zone": zone, "daily_quota": 5, "spacing_minutes": 330, "privacy": "public" });
    json!({
        "clips_per_video": 6, "clip_min_seconds": 5.0, "clip_max_seconds": 9.0, "language": "en",
        "channels": CHANNELS.iter().map(channel).collect::<Vec<Value>>(),
    })
}

struct Loop {
    engine: Engine,
    platforms: Platforms,
    project: String,
}

impl Loop {
    fn create(engine: Engine, platforms: Platforms, inbox: &Path, web: &Web) -> Self {
        let project = engine.post("/v1/projects", &json!({ "name": "talks", "settings": settings() }));
        let project = project["project_id"].as_str().expect("an id").to_owned();
        let sources = [
            ("@own", json!({ "kind": "inbox", "folder": inbox })),
            ("@feed", json!({ "kind": "feed", "url": web.url("talks.xml") })),
            ("@page", json!({ "kind": "channel", "url": web.url("page.mp4") })),
        ];
        for (handle, source) in sources {
            // The files keep the true time, while the engine's clock goes on by more than the usual week.
            let creator = json!({ "platform": "other", "handle": handle, "rights": "owned", "source": source,
                "scrape_window_days": 30 });
            engine.post(&format!("/v1/projects/{project}/creators"), &creator);
        }
        engine.post(&format!("/v1/projects/{project}/start"), &json!({ "reason": "test" }));
        Self { engine, platforms, project }
    }

    fn clips(&self) -> Vec<Value> {
        self.engine.items(&format!("/v1/projects/{}/clips?limit=200", self.project))
    }

    fn slots(&self, status: &str) -> Vec<Value> {
        let slots = self.engine.items(&format!("/v1/projects/{}/schedule?limit=200", self.project));
        slots.into_iter().filter(|slot| slot["status"] == status).collect()
    }

    /// Nothing failed for good, and nothing is at work or could be.
    fn idle(&self) -> bool {
        self.platforms.process();
        let failed = self.engine.items("/v1/jobs?status=ERROR");
        assert!(failed.is_empty(), "{failed:#?}");
        let busy = |status| !self.engine.items(&format!("/v1/jobs?status={status}&limit=1")).is_empty();
        !busy("RUNNING") && !busy("WAITING_RETRY")
    }

    /// Every video is analysed, every clip that was chosen is rendered, and has a time on every channel.
    fn planned(&self, videos: usize) -> usize {
        let analysed = || self.engine.items("/v1/jobs?kind=analyze&status=DONE&limit=200").len() >= videos;
        until(PATIENCE, "every clip has its times", || {
            if !self.idle() || !analysed() {
                return None;
            }
            let clips = self.clips();
            let chosen = clips.iter().filter(|c| c["status"] != "REJECTED").count();
            let times = self.slots("CONFIRMED").len() + self.slots("DONE").len();
            (chosen > 0 && times == chosen * CHANNELS.len()).then_some(chosen)
        })
    }

    /// Goes from slot to slot until all of them are out; each post has its figures from its first day on.
    fn days_pass(&self, clock: &mut Calendar, audience: &Audience) {
        loop {
            let open = self.slots("CONFIRMED");
            let Some(next) = open.iter().map(|slot| time(&slot["final_time"])).min() else { return };
            clock.forward((next - clock.now_us()) / 1_000_000 + 2);
            until(PATIENCE, "a post goes out at its time", || {
                (self.idle() && self.slots("CONFIRMED").len() < open.len()).then_some(())
            });
            audience.sees(self);
            self.measure();
        }
    }

    /// Reads all figures, and waits until that is done: the clock must not jump in the middle of it.
    fn measure(&self) {
        let asked = self.engine.ask("POST", "/v1/engagement/pull", None, None).expect("it answers").data();
        let job = asked["job_id"].as_str().expect("an id").to_owned();
        until(PATIENCE, "the figures are read", || {
            (self.engine.get(&format!("/v1/jobs/{job}"))["status"] == "DONE" && self.idle()).then_some(())
        });
    }

    fn posts(&self, channel: &str) -> Vec<Value> {
        self.engine.items(&format!("/v1/engagement?channel={channel}&limit=200"))
    }
}

/// Microseconds since 1970.
fn time(text: &Value) -> i64 {
    let text = text.as_str().unwrap_or_default();
    Moment::parse(text).unwrap_or_else(|| panic!("{text:?} is no time")).0
}

fn hour(zone: &str, us: i64) -> u32 {
    Zone::named(zone).expect("known").local(Moment(us)).minute / 60
}

/// Who looks at the posts of each channel at one hour of the day, and hardly at any other.
struct Audience([u32; 3]);

impl Audience {
    /// It likes the hour that the calendar has most often.
    fn of(run: &Loop) -> Self {
        let slots = run.slots("CONFIRMED");
        Self(CHANNELS.map(|(channel, zone)| {
            let mut often: BTreeMap<u32, usize> = BTreeMap::new();
            for slot in slots.iter().filter(|slot| slot["target"] == channel) {
                *often.entry(hour(zone, time(&slot["final_time"]))).or_default() += 1;
            }
            often.into_iter().max_by_key(|(_, count)| *count).expect("slots").0
        }))
    }

    fn sees(&self, run: &Loop) {
        for ((channel, zone), best) in CHANNELS.iter().zip(self.0) {
            for post in run.posts(channel) {
                let views = if hour(zone, time(&post["published_at"])) == best { 9_000 } else { 150 };
                run.platforms.achieved(channel, post["post_id"].as_str().expect("an id"), Figures::of(views));
            }
        }
    }
}

#[test]
fn three_creators_become_posts_whose_figures_move_the_calendar() {
    let _gate = one_at_a_time();
    let bench = Bench::default();
    let platforms = Platforms::start();
    let (site, inbox) = site(&bench);
    let web = Web::serve(&site);
    std::fs::write(site.join("talks.xml"), feed(&web, &["feed"])).expect("written");
    let (data, config) = (bench.path("data"), platforms.config(&bench, &web));
    for platform in ["youtube", "tiktok", "instagram"] {
        connect(&bench, &data, &config, platform);
    }
    let mut command = serve(&data);
    let mut clock = Calendar::of(&bench, command.arg("--config").arg(&config));
    let engine = Engine::run(command, &data);
    std::fs::rename(bench.path("own.mp4"), inbox.join("own.mp4")).expect("moved");
    let run = Loop::create(engine, platforms, &inbox, &web);

    // From creators to a calendar.
    let chosen = run.planned(3);
    assert!(chosen >= POSTS, "{chosen} clips are too few to learn from: {:#?}", run.clips());
    let videos = run.engine.items(&format!("/v1/projects/{}/videos?limit=10", run.project));
    assert_eq!(videos.len(), 3, "{videos:#?}");
    kept_apart(&run);

    // What the feed offers next is the folder's talk again: Paradox stops it, and says what it is a copy of.
    std::fs::write(site.join("talks.xml"), feed(&web, &["feed", "copy"])).expect("written");
    run.engine.post(&format!("/v1/projects/{}/scrape", run.project), &json!({ "force": true }));
    copy_is_stopped(&run, chosen);

    // From the calendar to posts.
    let audience = Audience::of(&run);
    run.days_pass(&mut clock, &audience);
    posted_once(&run, chosen);

    // From posts to figures, and from these to other times. YouTube's own reports come some days late.
    for _ in 0..7 {
        clock.forward(DAY);
        clock.settle();
        run.measure();
    }
    learnt(&run);
    let late = excerpt(&bench.path("late.mp4"), 198.0, 41.0);
    std::fs::rename(late, inbox.join("late.mp4")).expect("moved");
    moved(&run, &audience.0);
    proven(&run, &data);
    assert_eq!(run.platforms.violations(), Vec::<String>::new());
    assert_eq!(run.engine.stop().0.code(), Some(0));
}

/// Spacing and quota hold on every channel, in its own zone.
fn kept_apart(run: &Loop) {
    for (channel, zone) in CHANNELS {
        let slots = run.slots("CONFIRMED").into_iter().filter(|slot| slot["target"] == channel);
        let mut times: Vec<i64> = slots.map(|slot| time(&slot["final_time"])).collect();
        times.sort_unstable();
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 330 * 60_000_000), "{channel}: {times:?}");
        let zone = Zone::named(zone).expect("known");
        let mut days: BTreeMap<i64, usize> = BTreeMap::new();
        times.iter().for_each(|at| *days.entry(zone.local(Moment(*at)).day).or_default() += 1);
        assert!(days.values().all(|count| *count <= 5), "{channel}: {days:?}");
    }
}

fn copy_is_stopped(run: &Loop, chosen: usize) {
    let told = until(PATIENCE, "the copy is ruled on", || {
        let videos = run.engine.items(&format!("/v1/projects/{}/videos?limit=10", run.project));
        let copy = videos.iter().find(|video| video["title"] == "The copy talk")?;
        let id = copy["video_id"].as_str().expect("an id");
        let told = run.engine.get(&format!("/v1/explanations/videos/{id}")).to_string();
        told.contains("it is a copy").then_some(told)
    });
    assert!(told.to_lowercase().contains("paradox"), "{told}");
    until(PATIENCE, "nothing more is done with it", || run.idle().then_some(()));
    assert_eq!(run.planned(3), chosen, "no clip of the copy");
}

/// Every clip once on every channel: said by the API, and by the platforms.
fn posted_once(run: &Loop, chosen: usize) {
    let clips = run.clips();
    assert_eq!(clips.iter().filter(|clip| clip["status"] == "PUBLISHED").count(), chosen);
    for (channel, _) in CHANNELS {
        let posts = run.posts(channel);
        let ids: BTreeSet<&str> = posts.iter().filter_map(|post| post["post_id"].as_str()).collect();
        let of: BTreeSet<&str> = posts.iter().filter_map(|post| post["clip_id"].as_str()).collect();
        assert_eq!((posts.len(), ids.len(), of.len()), (chosen, chosen, chosen), "{channel}");
        assert_eq!(run.platforms.posts(channel), chosen, "{channel}");
    }
}

fn learnt(run: &Loop) {
    let learnt = run.engine.get("/v1/learning")["channels"].as_array().cloned().unwrap_or_default();
    assert_eq!(learnt.len(), CHANNELS.len());
    for channel in learnt {
        assert_eq!(channel["on"], true, "{channel:#}");
        assert!(channel["posts"].as_u64().is_some_and(|posts| posts as usize >= POSTS), "{channel:#}");
    }
}

/// New clips go out at the hour that did well, and the calendar says that this was learnt.
fn moved(run: &Loop, best: &[u32; 3]) {
    let before = run.slots("DONE").len();
    until(PATIENCE, "the next clips have their times", || {
        let open = run.slots("CONFIRMED").len();
        (run.idle() && open > 0 && open.is_multiple_of(CHANNELS.len())).then_some(())
    });
    assert_eq!(run.slots("DONE").len(), before);
    for ((channel, zone), best) in CHANNELS.iter().zip(best) {
        let slots: Vec<Value> = run.slots("CONFIRMED").into_iter().filter(|slot| slot["target"] == *channel).collect();
        let hours: Vec<u32> = slots.iter().map(|slot| hour(zone, time(&slot["final_time"]))).collect();
        assert!(hours.contains(best), "{channel}: {best} h did well, the next clips go out at {hours:?}: {slots:#?}");
        assert!(slots.iter().all(|slot| slot.to_string().contains("learnt from")), "{slots:#?}");
    }
}

/// The ledger holds together, and tells a clip's whole way.
fn proven(run: &Loop, data: &Path) {
    let verified = omniva(data, &["--json", "ledger", "verify"]);
    assert_eq!(status(&verified), 0, "{}", json_of(&verified));
    let clips = run.clips();
    let clip = clips.iter().find(|clip| clip["status"] == "PUBLISHED").expect("one");
    let id = clip["clip_id"].as_str().expect("an id");
    let told = run.engine.get(&format!("/v1/explanations/clips/{id}")).to_string();
    for word in ["youtube/main", "tiktok/main", "instagram/main"] {
        assert!(told.contains(word), "the explanation knows nothing of {word}: {told}");
    }
}
