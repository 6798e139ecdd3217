use omniva_contracts::wire::PrivacyStatus;
use omniva_contracts::{Code, Silent};
use omniva_emulators::tiktok::Tiktok;
use omniva_emulators::{Inject, Refusal, Server};
use omniva_platforms::oauth::{Account, authorize};
use omniva_platforms::{HttpTransport, Publication, Publisher, Receipt, Request, TiktokPublisher, Transport};
use omniva_vault::{OsEntropy, Secrets};

use super::bench::*;

const PUT: &str = "PUT /video/";
const INIT: &str = "video/init";
const STATUS: &str = "status/fetch";

pub struct Stage {
    pub server: Server<Tiktok>,
    pub bench: Bench,
}

impl Stage {
    pub fn new() -> Self {
        let server = Server::start(Tiktok::new);
        let bench = Bench::new(&server.base());
        server.state().min_chunk = 200_000;
        let (access, refresh) = server.state().tokens.grant();
        bench.connect("tiktok", &access, Some(&refresh), Some("open-1"));
        Self { server, bench }
    }
    pub fn publisher(&self) -> Box<dyn Publisher> {
        Box::new(TiktokPublisher::new(self.bench.kit(), "main", self.bench.endpoints.tiktok.clone()))
    }
    pub fn run(&self, publication: &Publication) -> End {
        self.bench.run(&|| self.publisher(), publication)
    }
    pub fn posts(&self, publication: &Publication) -> usize {
        let tiktok = self.server.state();
        assert_eq!(tiktok.violations, Vec::<String>::new());
        tiktok.posts(&format!("{}\n", publication.post.title))
    }
}

fn posted(end: End) -> Receipt {
    match end {
        End::Posted(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_post_goes_out_in_pieces_and_gets_its_number() {
    let stage = Stage::new();
    let publication = stage.bench.publication(1, 700_123);
    let receipt = posted(stage.run(&publication));
    assert_eq!(stage.posts(&publication), 1);
    let post = receipt.post.clone().unwrap();
    assert_eq!(post.id, "7000000001");
    assert_eq!(post.url.as_deref(), Some("https://www.tiktok.com/@creator/video/7000000001"));
    let whole = std::fs::read(stage.bench.root.path().join("1.mp4")).unwrap();
    let upload = stage.server.state().uploads.values().next().unwrap().clone();
    assert!(upload.bytes == whole);
    assert!(upload.title.ends_with("#talk #twowords"), "{}", upload.title);
    stage.publisher().verify(&receipt, &Silent).unwrap();
    assert_eq!(stage.publisher().find(publication.upload_job_id).unwrap(), Some(receipt));
}

#[test]
fn a_post_that_was_begun_twice_is_counted_twice_and_looks_cost_nothing() {
    let stage = Stage::new();
    stage.server.faults().script(INIT, Inject::CutAfter);
    let publication = stage.bench.publication(1, 300_000);
    posted(stage.run(&publication));
    assert_eq!(stage.bench.spent.take(), ["tiktok_post", "tiktok_post"]);
}

#[test]
fn whatever_breaks_it_is_posted_once() {
    use Inject::*;
    let broken = |status| Refuse(Refusal::Broken(status));
    let cases: Vec<(&str, Vec<(&str, Inject)>)> = vec![
        ("lost publish id", vec![(INIT, CutAfter)]),
        ("lost last answer", vec![(PUT, Slow), (PUT, Slow), (PUT, CutAfter)]),
        ("lost middle answer", vec![(PUT, Slow), (PUT, CutAfter)]),
        ("cut in a piece", vec![(PUT, CutBody(0.4)), (PUT, Slow), (PUT, CutBody(0.7))]),
        ("address gone before the last piece", vec![(PUT, Slow), (PUT, Refuse(Refusal::Gone(403)))]),
        (
            "server errors",
            vec![("creator_info", broken(500)), (INIT, broken(503)), (PUT, broken(502)), (STATUS, broken(504))],
        ),
        ("too fast", vec![(INIT, Refuse(Refusal::Slower(5))), (STATUS, Refuse(Refusal::Slower(5)))]),
        ("token taken away", vec![(INIT, Refuse(Refusal::Unauthorised)), (STATUS, Refuse(Refusal::Unauthorised))]),
        ("status lost", vec![(STATUS, CutAnswer), (STATUS, CutBefore)]),
    ];
    for (n, (name, faults)) in cases.into_iter().enumerate() {
        let stage = Stage::new();
        let publication = stage.bench.publication(n as u128, 700_000);
        faults.into_iter().for_each(|(at, inject)| stage.server.faults().script(at, inject));
        posted(stage.run(&publication));
        assert_eq!(stage.posts(&publication), 1, "{name}");
        assert_eq!(stage.server.faults().waiting(), 0, "{name}: not all faults were met");
    }
}

#[test]
fn when_the_last_piece_is_in_doubt_nothing_is_begun_anew() {
    let stage = Stage::new();
    for inject in [Inject::Slow, Inject::Slow, Inject::CutBefore, Inject::Refuse(Refusal::Gone(404))] {
        stage.server.faults().script(PUT, inject);
    }
    let publication = stage.bench.publication(1, 700_000);
    for _ in 0..2 {
        assert!(matches!(stage.run(&publication), End::Unconfirmed));
        assert_eq!((stage.posts(&publication), stage.server.state().uploads.len()), (0, 1));
    }
}

#[test]
fn refusals_and_failures_say_what_they_mean() {
    let day = NOW + 86_400_000_000;
    for (status, reason, code, until) in [
        (403, "spam_risk_too_many_posts", Code::PlatformLimited, Some(day)),
        (403, "reached_active_user_cap", Code::PlatformLimited, Some(day)),
        (403, "spam_risk_user_banned_from_posting", Code::PlatformRefused, None),
        (403, "unaudited_client_can_only_post_to_private_accounts", Code::PlatformRefused, None),
        (401, "scope_not_authorized", Code::PlatformRefused, None),
        (429, "rate_limit_exceeded", Code::PlatformLimited, Some(NOW + 60_000_000)),
        (500, "internal_error", Code::PlatformUnavailable, None),
    ] {
        let stage = Stage::new();
        stage.server.faults().script(INIT, Inject::Refuse(Refusal::Reason(status, reason.into())));
        let publication = stage.bench.publication(1, 300_000);
        let fault = stage.bench.once(&*stage.publisher(), &publication).unwrap_err();
        assert_eq!((fault.code, fault.not_before_us), (code, until), "{reason}: {fault:?}");
    }
    // What failed for good is not tried again; what may pass is.
    let stage = Stage::new();
    stage.server.state().fails = Some("frame_rate_check_failed");
    let publication = stage.bench.publication(1, 300_000);
    let End::Refused(fault) = stage.run(&publication) else { panic!("not refused") };
    assert!(fault.code == Code::PlatformRefused && fault.message.contains("frame_rate"), "{fault:?}");
    let stage = Stage::new();
    stage.server.state().fails = Some("internal");
    posted(stage.run(&publication));
    assert_eq!((stage.posts(&publication), stage.server.state().uploads.len()), (1, 2));
    let stage = Stage::new();
    stage.server.state().fails = Some("auth_removed");
    let End::Refused(fault) = stage.run(&publication) else { panic!("not refused") };
    assert_eq!(fault.code, Code::PlatformReconnect);
    assert_eq!(stage.publisher().authorise().unwrap_err().code, Code::PlatformReconnect);
}

#[test]
fn a_post_is_never_more_open_than_it_was_asked_to_be() {
    let stage = Stage::new();
    stage.server.state().privacy = vec!["FOLLOWER_OF_CREATOR", "SELF_ONLY"];
    let mut publication = stage.bench.publication(1, 300_000);
    for privacy in [PrivacyStatus::Public, PrivacyStatus::Unlisted] {
        publication.post.privacy = privacy;
        let fault = stage.bench.once(&*stage.publisher(), &publication).unwrap_err();
        assert_eq!(fault.code, Code::PlatformRefused);
    }
    publication.post.privacy = PrivacyStatus::Private;
    let receipt = posted(stage.run(&publication));
    assert_eq!(receipt.post.as_ref().unwrap().privacy.as_deref(), Some("SELF_ONLY"));
    // It has no number: its publish id stands for it.
    stage.publisher().verify(&receipt, &Silent).unwrap();
}

#[test]
fn the_refresh_token_rotates_and_the_new_one_is_kept() {
    let stage = Stage::new();
    let service = stage.bench.service("tiktok");
    let accounts = stage.bench.accounts();
    let account = Account::new("tiktok", "second");
    let http = HttpTransport::new(&stage.bench.endpoints.http);
    let agree = |url: &str| {
        let page = http.send(&Request::new("GET", url), &Silent).unwrap();
        let back = page.header("location").unwrap().to_owned();
        let http = HttpTransport::new(&stage.bench.endpoints.http);
        std::thread::spawn(move || http.send(&Request::new("GET", back), &Silent).map(|reply| reply.status).ok());
    };
    authorize(&service, &accounts, &account, &OsEntropy, &agree, &Silent).unwrap();
    let kept = || {
        let secret = stage.bench.disk.get("account/tiktok/second").unwrap().unwrap();
        serde_json::from_slice::<serde_json::Value>(secret.expose()).unwrap()["refresh_token"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let first = kept();
    stage.bench.clock.forward(3_600.0);
    accounts.access(&account).unwrap();
    let second = kept();
    assert_ne!(first, second);
    stage.bench.clock.forward(3_600.0);
    accounts.access(&account).unwrap();
    assert_ne!(second, kept());
    assert_eq!(stage.server.state().violations, Vec::<String>::new());
}

/// A movie header that says so, and as many bytes as are wanted.
fn lasting(stage: &Stage, seconds: u32) -> Publication {
    let mut publication = stage.bench.publication(1, 300_000);
    let header = [&[0u8; 12][..], &1_000u32.to_be_bytes(), &(seconds * 1_000).to_be_bytes(), &[0; 80]].concat();
    let boxed = |kind: &[u8], body: &[u8]| [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat();
    let movie = [boxed(b"moov", &boxed(b"mvhd", &header)), boxed(b"mdat", &[7; 300_000])].concat();
    let omniva_platforms::Content::File { path, sha256 } = &mut publication.files[0].content else { panic!("a file") };
    std::fs::write(&*path, &movie).unwrap();
    *sha256 = omniva_contracts::hex(&<sha2::Sha256 as sha2::Digest>::digest(&movie));
    publication.files[0].bytes = movie.len() as u64;
    publication
}

#[test]
fn what_is_too_long_for_the_account_is_refused_before_a_byte_is_sent() {
    let stage = Stage::new();
    stage.server.state().max_seconds = 60;
    let fault = stage.bench.once(&*stage.publisher(), &lasting(&stage, 61)).unwrap_err();
    assert_eq!(fault.code, Code::PlatformRefused);
    assert!(fault.message.contains("61.0 s") && fault.message.contains("60 s"), "{fault}");
    assert_eq!(stage.server.state().uploads.len(), 0);
    let publication = lasting(&stage, 60);
    posted(stage.run(&publication));
    assert_eq!(stage.posts(&publication), 1);
}

#[test]
fn who_can_see_a_post_is_read_back() {
    let stage = Stage::new();
    stage.server.state().leaks = true;
    let mut publication = stage.bench.publication(1, 300_000);
    publication.post.privacy = PrivacyStatus::Private;
    let post = posted(stage.run(&publication)).post.unwrap();
    assert_eq!(post.privacy.as_deref(), Some("PUBLIC_TO_EVERYONE"));
    assert!(post.notes[0].contains("should be SELF_ONLY"), "{:?}", post.notes);
    let stage = Stage::new();
    publication.post.privacy = PrivacyStatus::Public;
    let post = posted(stage.run(&publication)).post.unwrap();
    assert_eq!((post.privacy.as_deref(), post.notes.len()), (Some("PUBLIC_TO_EVERYONE"), 0));
}
