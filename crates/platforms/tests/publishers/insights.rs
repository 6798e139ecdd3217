use omniva_contracts::engine::{EngagementSample, EngagementSource, Moment, ScheduleId};
use omniva_contracts::{Code, Fault, Monitor, Silent};
use omniva_emulators::google::SCOPE;
use omniva_emulators::{Figures, Inject, Refusal};
use omniva_platforms::oauth::{Account, Client, State};
use omniva_platforms::{Insights, InstagramInsights, PostRef, Pulled, TiktokInsights, YoutubeInsights};
use omniva_vault::OsEntropy;
use uuid::Uuid;

use super::bench::*;
use super::{instagram, tiktok, youtube};

const LIST: &str = "GET /youtube/v3/videos";
const REPORT: &str = "GET /v2/reports";
const QUERY: &str = "POST /v2/video/query/";
const DAY: i64 = 86_400_000_000;

fn id(n: u128) -> ScheduleId {
    ScheduleId(Uuid::from_u128(n))
}

/// Published ten days ago.
fn post(n: u128, post_id: impl Into<String>) -> PostRef {
    PostRef { schedule_id: id(n), post_id: post_id.into(), published_at: Moment(NOW - 10 * DAY) }
}

fn pull(insights: &dyn Insights, posts: &[PostRef]) -> Pulled {
    let pulled = insights.pull(posts, &Silent);
    let shown = format!("{pulled:?}");
    assert!(!shown.contains("PLANTED"), "a secret in what came back: {shown}");
    pulled
}

fn stopped(pulled: &Pulled) -> &Fault {
    pulled.stopped.as_ref().expect("it had to stop")
}

fn of(pulled: &Pulled, source: EngagementSource) -> Vec<&EngagementSample> {
    pulled.samples.iter().filter(|s| s.source == source).collect()
}

fn youtube_stage() -> (youtube::Stage, YoutubeInsights) {
    let stage = youtube::Stage::new();
    let insights = YoutubeInsights::new(stage.bench.kit(), "main", stage.bench.endpoints.youtube.clone());
    (stage, insights)
}

#[test]
fn youtube_tells_counters_at_once_and_reports_of_settled_days() {
    let (stage, insights) = youtube_stage();
    stage.server.state().place("vid-1", Figures::of(1_000));
    stage.server.state().place("vid_2", Figures { late: true, hidden: true, ..Figures::of(50) });
    let young = PostRef { published_at: Moment(NOW - DAY), ..post(3, "vid3") };
    stage.server.state().place("vid3", Figures::of(7));
    let posts = [post(1, "vid-1"), post(2, "vid_2"), young, post(4, "removed"), post(5, "a,b==c")];
    let pulled = pull(&insights, &posts);
    assert_eq!(pulled.stopped, None);
    assert_eq!(insights.channel(), "youtube/main");

    let counters = of(&pulled, EngagementSource::YoutubeData);
    let views: Vec<(ScheduleId, u64)> = counters.iter().map(|s| (s.schedule_id, s.views)).collect();
    assert_eq!(views, [(id(1), 1_000), (id(2), 50), (id(3), 7)]);
    assert_eq!((counters[0].likes, counters[0].engaged_views, counters[0].measured_at), (Some(100), None, Moment(NOW)));
    assert_eq!((counters[1].likes, counters[1].comments), (None, None), "hidden is not 0");

    let reports = of(&pulled, EngagementSource::YoutubeAnalytics);
    assert_eq!(reports.len(), 1, "{reports:?}");
    let report = reports[0];
    assert_eq!((report.schedule_id, report.views, report.engaged_views), (id(1), 1_000, Some(500)));
    assert_eq!(
        (report.shares, report.watch_seconds, report.average_view_percentage),
        (Some(20), Some(12_000.0), Some(62.5))
    );
    // 2026-11-21 in California; the 18th is settled and ended at its midnight.
    assert_eq!(report.measured_at, Moment::parse("2026-11-19T08:00:00Z").unwrap());
    assert_eq!(stage.server.state().reports, [("2026-11-11".to_owned(), "2026-11-18".to_owned())]);

    let mut not_yet = pulled.not_yet.clone();
    not_yet.sort();
    assert_eq!(not_yet, [id(2), id(3)], "no row yet, and too young for one");
    let missing: Vec<(ScheduleId, Code)> = pulled.missing.iter().map(|m| (m.schedule_id, m.fault.code)).collect();
    assert_eq!(missing, [(id(5), Code::InputCorrupt), (id(4), Code::Unavailable)]);
    assert_eq!(stage.server.state().violations, Vec::<String>::new());
}

#[test]
fn youtube_is_asked_in_lots_and_what_was_read_stays() {
    let (stage, insights) = youtube_stage();
    let posts: Vec<PostRef> = (0..120).map(|n| post(n, format!("v{n:03}"))).collect();
    for post in &posts {
        stage.server.state().place(&post.post_id, Figures::of(500));
    }
    let pulled = pull(&insights, &posts);
    assert_eq!((pulled.samples.len(), pulled.stopped.as_ref()), (240, None));
    assert_eq!(stage.server.state().reports.len(), 3);
    // The third lot meets the limit: two lots of counters are kept.
    for inject in [Inject::Slow, Inject::Slow, Inject::Refuse(Refusal::Slower(90))] {
        stage.server.faults().script(LIST, inject);
    }
    let pulled = pull(&insights, &posts);
    assert_eq!(pulled.samples.len(), 100);
    assert_eq!(
        (stopped(&pulled).code, stopped(&pulled).not_before_us),
        (Code::PlatformLimited, Some(NOW + 90_000_000))
    );
    // Once each, and never more than a thousand.
    let twice: Vec<PostRef> = posts.iter().take(3).chain(posts.iter().take(3)).cloned().collect();
    assert_eq!(pull(&insights, &twice).samples.len(), 6);
    let many: Vec<PostRef> = (0..1_001).map(|n| post(n, format!("v{n}"))).collect();
    let pulled = pull(&insights, &many);
    assert_eq!((stopped(&pulled).code, pulled.samples.len()), (Code::Usage, 0));
    assert_eq!(stage.server.state().violations, Vec::<String>::new());
}

#[test]
fn refusals_of_reports_say_what_they_mean_and_counters_stay() {
    let midnight = Moment::parse("2026-11-22T08:00:00Z").unwrap().0;
    for (inject, code, until) in [
        (Inject::Refuse(Refusal::Reason(403, "quotaExceeded".into())), Code::PlatformLimited, Some(midnight)),
        (
            Inject::Refuse(Refusal::Reason(403, "userRateLimitExceeded".into())),
            Code::PlatformLimited,
            Some(NOW + 60_000_000),
        ),
        (Inject::Refuse(Refusal::Reason(403, "forbidden".into())), Code::PlatformRefused, None),
        (Inject::Refuse(Refusal::Slower(30)), Code::PlatformLimited, Some(NOW + 30_000_000)),
        (Inject::Refuse(Refusal::Broken(503)), Code::PlatformUnavailable, None),
        (Inject::CutAnswer, Code::PlatformUnavailable, None),
        (Inject::CutBefore, Code::PlatformUnavailable, None),
    ] {
        let (stage, insights) = youtube_stage();
        stage.server.state().place("v1", Figures::of(10));
        stage.server.faults().script(REPORT, inject.clone());
        let pulled = pull(&insights, &[post(1, "v1")]);
        assert_eq!((stopped(&pulled).code, stopped(&pulled).not_before_us), (code, until), "{inject:?}");
        assert_eq!(of(&pulled, EngagementSource::YoutubeData).len(), 1);
        assert_eq!(pull(&insights, &[post(1, "v1")]).samples.len(), 2, "it passes");
    }
    // A token that was taken away is renewed; one that was never for figures is not.
    let (stage, insights) = youtube_stage();
    stage.server.state().place("v1", Figures::of(10));
    stage.server.faults().script(REPORT, Inject::Refuse(Refusal::Unauthorised));
    assert_eq!(pull(&insights, &[post(1, "v1")]).samples.len(), 2);
    assert_eq!(stage.server.state().tokens.renewals, 1);
    stage.server.state().tokens.scope = SCOPE.into();
    let pulled = pull(&insights, &[post(1, "v1")]);
    assert_eq!((stopped(&pulled).code, pulled.samples.len()), (Code::PlatformRefused, 1));
    assert!(stopped(&pulled).message.contains("without the right to read the figures"), "{}", stopped(&pulled));
    stage.server.state().tokens.revoked = true;
    assert_eq!(stopped(&pull(&insights, &[post(1, "v1")])).code, Code::PlatformReconnect);
}

fn tiktok_stage() -> (tiktok::Stage, TiktokInsights) {
    let stage = tiktok::Stage::new();
    let insights = TiktokInsights::new(stage.bench.kit(), "main", stage.bench.endpoints.tiktok.clone());
    (stage, insights)
}

#[test]
fn tiktok_tells_the_figures_of_numbers_and_of_publish_ids() {
    let (stage, insights) = tiktok_stage();
    let publication = stage.bench.publication(1, 300_000);
    assert!(matches!(stage.run(&publication), End::Posted(_)));
    let publish_id = stage.server.state().uploads.keys().next().unwrap().clone();
    stage.server.state().figures.insert("7000000001".into(), Figures::of(400));
    stage.server.state().figures.insert("71".into(), Figures { late: true, ..Figures::of(5) });
    let posts = [post(1, publish_id), post(2, "71"), post(3, "72"), post(4, "../x")];
    let pulled = pull(&insights, &posts);
    assert_eq!(pulled.stopped, None);
    assert_eq!(pulled.samples.len(), 1);
    let sample = &pulled.samples[0];
    assert_eq!((sample.schedule_id, sample.post_id.as_str(), sample.views), (id(1), "7000000001", 400));
    assert_eq!((sample.likes, sample.comments, sample.shares), (Some(40), Some(4), Some(8)));
    assert_eq!((sample.source, sample.engaged_views), (EngagementSource::Tiktok, None));
    // The clock has gone on while the post was waited for.
    assert!((NOW..NOW + DAY).contains(&sample.measured_at.0));
    assert_eq!(pulled.not_yet, [id(2)]);
    let missing: Vec<(ScheduleId, Code)> = pulled.missing.iter().map(|m| (m.schedule_id, m.fault.code)).collect();
    assert_eq!(missing, [(id(4), Code::InputCorrupt), (id(3), Code::Unavailable)]);
    assert_eq!(stage.server.state().violations, Vec::<String>::new());
}

#[test]
fn tiktok_is_asked_in_twenties_and_its_refusals_are_told() {
    let (stage, insights) = tiktok_stage();
    let posts: Vec<PostRef> = (100..145).map(|n| post(n, n.to_string())).collect();
    for post in &posts {
        stage.server.state().figures.insert(post.post_id.clone(), Figures::of(100));
    }
    assert_eq!(pull(&insights, &posts).samples.len(), 45);
    for (inject, code, until) in [
        (Inject::Refuse(Refusal::Slower(7)), Code::PlatformLimited, Some(NOW + 7_000_000)),
        (Inject::Refuse(Refusal::Broken(502)), Code::PlatformUnavailable, None),
        (Inject::CutAfter, Code::PlatformUnavailable, None),
    ] {
        stage.server.faults().script(QUERY, Inject::Slow);
        stage.server.faults().script(QUERY, inject);
        let pulled = pull(&insights, &posts);
        assert_eq!(pulled.samples.len(), 20, "the first lot is kept");
        assert_eq!((stopped(&pulled).code, stopped(&pulled).not_before_us), (code, until));
    }
    stage.server.state().tokens.scope = "user.info.basic,video.publish".into();
    let pulled = pull(&insights, &posts);
    assert_eq!((stopped(&pulled).code, pulled.samples.len()), (Code::PlatformRefused, 0));
    assert!(stopped(&pulled).message.contains("without the right to read the figures"), "{}", stopped(&pulled));
    assert_eq!(stage.server.state().violations, Vec::<String>::new());
}

#[test]
fn instagram_tells_the_figures_of_reels() {
    let stage = instagram::Stage::new();
    let insights = InstagramInsights::new(stage.bench.kit(), "main", stage.bench.endpoints.instagram.clone());
    stage.server.state().figures.insert("1790000000000001".into(), Figures::of(300));
    stage.server.state().figures.insert("1790000000000002".into(), Figures { late: true, ..Figures::of(5) });
    let posts =
        [post(1, "1790000000000001"), post(2, "1790000000000002"), post(3, "1790000000000003"), post(4, "1/media")];
    let pulled = pull(&insights, &posts);
    assert_eq!((pulled.stopped.as_ref(), pulled.samples.len()), (None, 1));
    let sample = &pulled.samples[0];
    assert_eq!((sample.views, sample.likes, sample.shares), (300, Some(30), Some(6)));
    assert_eq!((sample.watch_seconds, sample.average_view_percentage), (Some(3_600.0), None));
    assert_eq!(pulled.not_yet, [id(2)]);
    let missing: Vec<(ScheduleId, Code)> = pulled.missing.iter().map(|m| (m.schedule_id, m.fault.code)).collect();
    assert_eq!(missing, [(id(4), Code::InputCorrupt), (id(3), Code::Unavailable)]);

    for (inject, code, until) in [
        (Refusal::Slower(11), Code::PlatformLimited, Some(NOW + 11_000_000)),
        (Refusal::Reason(403, "4".into()), Code::PlatformLimited, Some(NOW + 300_000_000)),
        (Refusal::Broken(500), Code::PlatformUnavailable, None),
        // A metric that they gave up has the code of an unknown object, but not its subcode.
        (Refusal::Reason(400, "100/0".into()), Code::PlatformRefused, None),
        (Refusal::Reason(400, "100/33".into()), Code::Unavailable, None),
    ] {
        stage.server.faults().script("/insights", Inject::Refuse(inject));
        let pulled = pull(&insights, &posts[..1]);
        let fault = pulled.stopped.as_ref().or(pulled.missing.first().map(|m| &m.fault)).unwrap();
        assert_eq!((fault.code, fault.not_before_us), (code, until));
    }
    stage.server.state().insights_granted = false;
    let pulled = pull(&insights, &posts);
    assert!(stopped(&pulled).message.contains("without the right to read the figures"), "{}", stopped(&pulled));
    assert_eq!(stage.server.state().violations, Vec::<String>::new());
}

struct Stopped;
impl Monitor for Stopped {
    fn progress(&self, _fraction: f64) {}
    fn cancelled(&self) -> bool {
        true
    }
}

#[test]
fn who_stops_it_is_obeyed() {
    let (stage, insights) = youtube_stage();
    stage.server.state().place("v1", Figures::of(10));
    let pulled = insights.pull(&[post(1, "v1")], &Stopped);
    assert_eq!((stopped(&pulled).code, pulled.samples.len()), (Code::Cancelled, 0));
}

/// The right to read figures is asked for, and publishing goes on without it.
#[test]
fn consent_asks_for_figures_and_does_not_insist() {
    let (stage, _) = youtube_stage();
    let service = stage.bench.service("youtube");
    let client = Client { id: "client-7".into(), secret: "x".into() };
    let consent = service.consent(&client, "http://127.0.0.1:1/", &OsEntropy).unwrap();
    assert!(consent.url.contains("yt-analytics.readonly"), "{}", consent.url);
    let (access, _) = stage.server.state().tokens.grant();
    let grant = omniva_platforms::oauth::Grant {
        access_token: access,
        refresh_token: None,
        obtained_us: NOW,
        expires_us: NOW + DAY,
        refresh_expires_us: None,
        scopes: vec![SCOPE.into()],
        subject: None,
        ended: None,
    };
    let main = Account::new("youtube", "main");
    stage.bench.accounts().connect(&main, &grant).unwrap();
    assert!(matches!(stage.bench.accounts().state(&main).unwrap(), State::Connected { .. }));
}
