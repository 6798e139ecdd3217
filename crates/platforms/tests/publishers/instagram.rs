use omniva_contracts::wire::PrivacyStatus;
use omniva_contracts::{Code, Silent};
use omniva_emulators::instagram::{Instagram, USER};
use omniva_emulators::oauth::{CLIENT_ID, CLIENT_SECRET};
use omniva_emulators::{Inject, Refusal, Server};
use omniva_platforms::oauth::{Account, Client, State};
use omniva_platforms::{InstagramPublisher, Publication, Publisher, Receipt};
use omniva_vault::OsEntropy;

use super::bench::*;

const FILL: &str = "POST /ig-api-upload";
const PUBLISH: &str = "media_publish";

pub struct Stage {
    pub server: Server<Instagram>,
    pub bench: Bench,
}

impl Stage {
    pub fn new() -> Self {
        let server = Server::start(|_| Instagram::new());
        let bench = Bench::new(&server.base());
        let access = server.state().grant();
        bench.connect("instagram", &access, None, Some(USER));
        Self { server, bench }
    }
    pub fn publisher(&self) -> Box<dyn Publisher> {
        Box::new(InstagramPublisher::new(self.bench.kit(), "main", self.bench.endpoints.instagram.clone()))
    }
    pub fn run(&self, publication: &Publication) -> End {
        self.bench.run(&|| self.publisher(), publication)
    }
    pub fn posts(&self, publication: &Publication) -> usize {
        let instagram = self.server.state();
        assert_eq!(instagram.violations, Vec::<String>::new());
        instagram.posted(&format!("{}\n", publication.post.title))
    }
}

fn posted(end: End) -> Receipt {
    match end {
        End::Posted(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reel_is_made_filled_and_published() {
    let stage = Stage::new();
    let publication = stage.bench.publication(1, 400_000);
    let publisher = stage.publisher();
    publisher.authorise().unwrap();
    let fault = stage.bench.once(&*publisher, &publication).unwrap_err();
    assert_eq!((fault.code, fault.not_before_us), (Code::PlatformPending, Some(NOW + 60_000_000)), "once a minute");
    let receipt = posted(stage.run(&publication));
    let post = receipt.post.clone().unwrap();
    assert_eq!((stage.posts(&publication), post.notes.len()), (1, 0));
    assert_eq!(post.url.unwrap(), format!("https://www.instagram.com/reel/{}/", post.id));
    let whole = std::fs::read(stage.bench.root.path().join("1.mp4")).unwrap();
    assert!(stage.server.state().containers.values().next().unwrap().bytes == whole);
    publisher.verify(&receipt, &Silent).unwrap();
    stage.server.state().posts.clear();
    assert_eq!(publisher.verify(&receipt, &Silent).unwrap_err().code, Code::PlatformRefused);
}

#[test]
fn a_container_that_was_lost_is_spent() {
    let stage = Stage::new();
    stage.server.faults().script("/media", Inject::CutAfter);
    let publication = stage.bench.publication(1, 300_000);
    posted(stage.run(&publication));
    let all = stage.bench.spent.take();
    let count = |action: &str| all.iter().filter(|a| **a == action).count();
    assert_eq!((count("instagram_container"), count("instagram_post")), (2, 1), "{all:?}");
}

#[test]
fn whatever_breaks_it_is_posted_once() {
    use Inject::*;
    let broken = |status| Refuse(Refusal::Broken(status));
    let cases: Vec<(&str, Vec<(&str, Inject)>)> = vec![
        ("lost container", vec![("/media", CutAfter)]),
        ("cut in the bytes", vec![(FILL, CutBody(0.5)), (FILL, CutBefore)]),
        ("lost answer to the bytes", vec![(FILL, CutAfter)]),
        ("lost answer to publishing", vec![(PUBLISH, CutAfter)]),
        ("publishing breaks off", vec![(PUBLISH, CutAnswer)]),
        ("publishing does not arrive", vec![(PUBLISH, CutBefore), (PUBLISH, broken(500))]),
        ("not ready", vec![(PUBLISH, Refuse(Refusal::Reason(400, "9007/2207027".into())))]),
        ("container forgotten", vec![(FILL, Refuse(Refusal::Gone(404)))]),
        ("too fast", vec![("/media", Refuse(Refusal::Slower(5))), (PUBLISH, Refuse(Refusal::Slower(5)))]),
    ];
    for (n, (name, faults)) in cases.into_iter().enumerate() {
        let stage = Stage::new();
        let publication = stage.bench.publication(n as u128, 300_000);
        faults.into_iter().for_each(|(at, inject)| stage.server.faults().script(at, inject));
        let receipt = posted(stage.run(&publication));
        assert_eq!(stage.posts(&publication), 1, "{name}");
        assert_eq!(stage.server.faults().waiting(), 0, "{name}: not all faults were met");
        assert_eq!(receipt.post.unwrap().id, stage.server.state().posts[0].0, "{name}");
    }
}

#[test]
fn a_container_that_vanished_while_it_was_published_is_not_made_again() {
    let stage = Stage::new();
    let publication = stage.bench.publication(1, 300_000);
    stage.server.faults().script(PUBLISH, Inject::CutBefore);
    stage.server.state().works = 0;
    assert_eq!(stage.bench.once(&*stage.publisher(), &publication).unwrap_err().code, Code::PlatformUnavailable);
    stage.server.state().containers.clear();
    for _ in 0..2 {
        assert!(matches!(stage.run(&publication), End::Unconfirmed));
        assert!(stage.server.state().containers.is_empty());
    }
    // The post shows up after all: it is found by its text.
    let caption = format!("{}\n{}\n#talk #twowords", publication.post.title, publication.post.description);
    stage.server.state().posts.push(("179".into(), caption));
    assert_eq!(posted(stage.run(&publication)).post.unwrap().id, "179");
}

#[test]
fn refusals_limits_and_broken_videos_say_what_they_mean() {
    for (status, codes, code) in [
        (400, "25/2207050", Code::PlatformRefused),
        (400, "0/2207051", Code::PlatformRefused),
        (400, "352/2207026", Code::PlatformRefused),
        (400, "-1/2207032", Code::PlatformUnavailable),
        (400, "-2/2207003", Code::PlatformUnavailable),
        (403, "9/2207042", Code::PlatformLimited),
        (400, "613/0", Code::PlatformLimited),
        (400, "4/0", Code::PlatformLimited),
    ] {
        let stage = Stage::new();
        stage.server.faults().script("/media", Inject::Refuse(Refusal::Reason(status, codes.into())));
        let fault = stage.bench.once(&*stage.publisher(), &stage.bench.publication(1, 1_000)).unwrap_err();
        assert_eq!(fault.code, code, "{codes}: {fault:?}");
        assert_eq!(fault.not_before_us.is_some(), code == Code::PlatformLimited, "{codes}");
    }
    let stage = Stage::new();
    stage.server.state().quota = 0;
    let publication = stage.bench.publication(1, 1_000);
    let fault = stage.bench.once(&*stage.publisher(), &publication).unwrap_err();
    assert_eq!((fault.code, fault.not_before_us), (Code::PlatformLimited, Some(NOW + 3_600_000_000)));
    assert!(stage.server.state().containers.is_empty(), "no container is spent for nothing");
    let stage = Stage::new();
    stage.server.state().fails = Some("2207026");
    let End::Refused(fault) = stage.run(&publication) else { panic!("not refused") };
    assert_eq!(fault.code, Code::PlatformRefused);
    let mut private = publication.clone();
    private.post.privacy = PrivacyStatus::Private;
    private.upload_job_id = stage.bench.publication(2, 10).upload_job_id;
    assert_eq!(stage.bench.once(&*stage.publisher(), &private).unwrap_err().code, Code::PlatformRefused);
}

#[test]
fn an_old_container_is_replaced() {
    let stage = Stage::new();
    let publication = stage.bench.publication(1, 1_000);
    stage.server.state().works = 1;
    assert_eq!(stage.bench.once(&*stage.publisher(), &publication).unwrap_err().code, Code::PlatformPending);
    stage.server.state().containers.values_mut().for_each(|container| container.expired = true);
    posted(stage.run(&publication));
    assert_eq!((stage.posts(&publication), stage.server.state().containers.len()), (1, 2));
}

#[test]
fn tokens_live_long_and_renew_themselves() {
    let stage = Stage::new();
    let service = stage.bench.service("instagram");
    let accounts = stage.bench.accounts();
    let client = Client { id: CLIENT_ID.into(), secret: CLIENT_SECRET.into() };
    let consent = service.consent(&client, "http://127.0.0.1:9/callback", &OsEntropy).unwrap();
    assert!(!consent.url.contains("code_challenge"), "Instagram knows no PKCE");
    let grant = service.redeem(&client, &consent, "PLANTED-ig-code").unwrap();
    assert_eq!(grant.subject.as_deref(), Some(USER));
    let account = Account::new("instagram", "second");
    accounts.connect(&account, &grant).unwrap();
    let State::Connected { expires_us, .. } = accounts.state(&account).unwrap() else { panic!("not connected") };
    assert_eq!(expires_us, NOW + 5_184_000 * 1_000_000);
    let first = accounts.access(&account).unwrap();
    stage.bench.clock.forward(40.0 * 86_400.0);
    assert_eq!(accounts.access(&account).unwrap(), first);
    stage.bench.clock.forward(11.0 * 86_400.0);
    let second = accounts.access(&account).unwrap();
    assert_ne!(second, first);
    assert_eq!(second.subject.as_deref(), Some(USER), "renewing says nothing of the id");
    // Taken away: nothing renews it but its owner.
    stage.server.state().tokens.clear();
    let fault = stage.bench.once(&*stage.publisher(), &stage.bench.publication(1, 100)).unwrap_err();
    assert_eq!(fault.code, Code::PlatformReconnect);
    assert!(fault.message.contains("instagram/main"), "{fault}");
}
