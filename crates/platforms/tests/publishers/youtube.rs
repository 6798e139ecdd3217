use std::sync::Arc;

use omniva_contracts::engine::Moment;
use omniva_contracts::wire::PrivacyStatus;
use omniva_contracts::{Code, Silent};
use omniva_emulators::google::Google;
use omniva_emulators::oauth::{CLIENT_ID, CLIENT_SECRET};
use omniva_emulators::{Inject, Refusal, Server};
use omniva_platforms::oauth::{Account, Client, Grant};
use omniva_platforms::{Kit, Publication, Publisher, YoutubePublisher};
use omniva_vault::{Key, Keyring, OsEntropy, Secrets, Vault};

use super::bench::*;

const PUT: &str = "PUT /upload/youtube/v3/videos";
const OPEN: &str = "POST /upload/youtube/v3/videos";

pub struct Stage {
    pub server: Server<Google>,
    pub bench: Bench,
}

impl Stage {
    pub fn new() -> Self {
        let server = Server::start(|base| Google::new(base, 1));
        let bench = Bench::new(&server.base());
        let (access, refresh) = server.state().tokens.grant();
        bench.connect("youtube", &access, Some(&refresh), None);
        Self { server, bench }
    }
    pub fn publisher(&self) -> Box<dyn Publisher> {
        Box::new(YoutubePublisher::new(self.bench.kit(), "main", self.bench.endpoints.youtube.clone()))
    }
    pub fn run(&self, publication: &Publication) -> End {
        self.bench.run(&|| self.publisher(), publication)
    }
    fn script(&self, faults: &[(&str, Inject)]) {
        for (at, inject) in faults {
            self.server.faults().script(at, inject.clone());
        }
    }
    /// Posts of an upload, after a look at what no client may do.
    pub fn posts(&self, publication: &Publication) -> usize {
        let google = self.server.state();
        assert_eq!(google.violations, Vec::<String>::new());
        google.tagged(&format!("omniva-{}", publication.upload_job_id.0.simple()))
    }
}

fn posted(end: End) -> omniva_platforms::Receipt {
    match end {
        End::Posted(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_video_is_posted_with_all_that_belongs_to_it() {
    let stage = Stage::new();
    let mut publication = stage.bench.publication(1, 700_000);
    publication.post.playlist = Some("PL-1".into());
    let publisher = stage.publisher();
    publisher.authorise().unwrap();
    assert_eq!(publisher.find(publication.upload_job_id).unwrap(), None);
    let receipt = stage.bench.once(&*publisher, &publication).unwrap();
    assert_eq!(stage.posts(&publication), 1);
    let post = receipt.post.clone().unwrap();
    assert_eq!((post.privacy.as_deref(), post.notes.as_slice()), (Some("public"), &[][..]));
    assert_eq!(publisher.find(publication.upload_job_id).unwrap(), Some(receipt.clone()));
    {
        let mut google = stage.server.state();
        let video = &google.videos[0];
        assert_eq!((video.bytes, video.id.as_str()), (700_000, post.id.as_str()));
        assert_eq!(video.cover.as_deref(), Some(&b"\xff\xd8\xff picture"[..]));
        assert_eq!(video.resource["snippet"]["title"], "Clip 1 ‹best› of");
        assert_eq!(google.playlist, [("PL-1".to_owned(), post.id.clone())]);
        google.videos[0].processing = "processing";
    }
    assert_eq!(publisher.verify(&receipt, &Silent).unwrap_err().code, Code::PlatformPending);
    stage.server.state().videos[0].processing = "succeeded";
    publisher.verify(&receipt, &Silent).unwrap();
    // Asked again, as after a restart: nothing is sent.
    assert_eq!(stage.bench.once(&*stage.publisher(), &publication).unwrap(), receipt);
    assert_eq!(stage.posts(&publication), 1);
}

#[test]
fn every_call_that_the_quota_counts_is_told_also_when_it_was_refused_or_lost() {
    let count = |all: &[&str], action: &str| all.iter().filter(|a| **a == action).count();
    let stage = Stage::new();
    let mut publication = stage.bench.publication(1, 700_000);
    publication.post.playlist = Some("PL-1".into());
    posted(stage.run(&publication));
    let all = stage.bench.spent.take();
    for (action, times) in [("youtube_insert", 1), ("youtube_thumbnail", 1), ("youtube_write", 1)] {
        assert_eq!(count(&all, action), times, "{all:?}");
    }
    assert!(count(&all, "youtube_list") >= 2, "the playlist, and the video read back: {all:?}");
    // Asked again, as after a restart: nothing is called.
    posted(stage.run(&publication));
    assert!(stage.bench.spent.take().is_empty());
    for (inject, inserts) in [
        (Inject::Refuse(Refusal::Broken(500)), 1),
        (Inject::CutAfter, 1),
        // Made with a token that had ended, and once more with a new one: nobody's call, and one.
        (Inject::Refuse(Refusal::Unauthorised), 1),
    ] {
        let stage = Stage::new();
        stage.script(&[(OPEN, inject.clone())]);
        let _ = stage.bench.once(&*stage.publisher(), &stage.bench.publication(2, 1_000));
        assert_eq!(count(&stage.bench.spent.take(), "youtube_insert"), inserts, "{inject:?}");
    }
}

#[test]
fn whatever_breaks_it_is_posted_once() {
    use Inject::*;
    let gone = |status| Refuse(Refusal::Gone(status));
    let broken = |status| Refuse(Refusal::Broken(status));
    // The first PUT asks what the session has; three with bytes follow.
    let cases: Vec<(&str, Vec<(&str, Inject)>)> = vec![
        ("lost session answer", vec![(OPEN, CutAfter)]),
        ("cut before anything", vec![(OPEN, CutBefore), (PUT, CutBefore)]),
        ("lost final answer", vec![(PUT, Slow), (PUT, Slow), (PUT, Slow), (PUT, CutAfter)]),
        ("lost final answer, twice", vec![(PUT, Slow), (PUT, Slow), (PUT, Slow), (PUT, CutAfter), (PUT, CutAfter)]),
        ("final answer breaks off", vec![(PUT, Slow), (PUT, Slow), (PUT, Slow), (PUT, CutAnswer)]),
        ("cut in a chunk", vec![(PUT, Slow), (PUT, CutBody(0.5)), (PUT, CutBody(0.9))]),
        ("session gone at once", vec![(PUT, gone(404))]),
        ("session gone in the middle", vec![(PUT, Slow), (PUT, Slow), (PUT, gone(410))]),
        ("server errors", vec![(OPEN, broken(503)), (PUT, broken(500)), (PUT, broken(502)), (PUT, broken(504))]),
        ("too fast", vec![(OPEN, Refuse(Refusal::Slower(7))), (PUT, Refuse(Refusal::Slower(9)))]),
        ("token taken away", vec![(OPEN, Refuse(Refusal::Unauthorised)), (PUT, Refuse(Refusal::Unauthorised))]),
        (
            "cover and lists",
            vec![("thumbnails", CutAfter), ("thumbnails", broken(503)), ("GET /youtube/v3/videos", CutAnswer)],
        ),
        ("playlist answer lost", vec![("POST /youtube/v3/playlistItems", CutAfter)]),
    ];
    for (n, (name, faults)) in cases.into_iter().enumerate() {
        let stage = Stage::new();
        let mut publication = stage.bench.publication(n as u128, 700_000);
        publication.post.playlist = Some("PL".into());
        stage.script(&faults);
        let receipt = posted(stage.run(&publication));
        assert_eq!(stage.posts(&publication), 1, "{name}");
        assert_eq!(stage.server.faults().waiting(), 0, "{name}: not all faults were met");
        assert_eq!(receipt.post.unwrap().notes, Vec::<String>::new(), "{name}");
        let google = stage.server.state();
        assert_eq!((google.videos.len(), google.playlist.len()), (1, 1), "{name}");
    }
}

#[test]
fn what_a_session_forgets_is_sent_again() {
    let stage = Stage::new();
    stage.server.state().forgets = 0.6;
    let publication = stage.bench.publication(1, 3_000_000);
    posted(stage.run(&publication));
    assert_eq!(stage.posts(&publication), 1);
    let whole = std::fs::read(stage.bench.root.path().join("1.mp4")).unwrap();
    use sha2::Digest as _;
    assert_eq!(stage.server.state().videos[0].sha256[..], sha2::Sha256::digest(whole)[..]);
}

#[test]
fn a_session_that_dies_with_its_last_answer_is_cured_by_the_tag() {
    use Inject::*;
    // The last bytes arrive, their answer is lost, and the session is gone: the video shows up some calls later.
    let faults = [(PUT, Slow), (PUT, Slow), (PUT, Slow), (PUT, CutAfter), (PUT, Refuse(Refusal::Gone(404)))];
    let stage = Stage::new();
    stage.server.state().hide = 3;
    stage.script(&faults);
    let publication = stage.bench.publication(1, 700_000);
    let receipt = posted(stage.run(&publication));
    assert_eq!(stage.posts(&publication), 1);
    assert_eq!(receipt.post.unwrap().id, stage.server.state().videos[0].id);

    // The same, but the bytes never arrived: nobody knows, so nothing is sent again, however often it is asked.
    let stage = Stage::new();
    let faults = [(PUT, Slow), (PUT, Slow), (PUT, Slow), (PUT, CutBefore), (PUT, Refuse(Refusal::Gone(404)))];
    stage.script(&faults);
    for _ in 0..3 {
        assert!(matches!(stage.run(&publication_of(&stage)), End::Unconfirmed));
        assert_eq!(stage.posts(&publication), 0);
    }
}

fn publication_of(stage: &Stage) -> Publication {
    stage.bench.publication(1, 700_000)
}

#[test]
fn refusals_say_what_they_mean_and_when_it_goes_on() {
    let midnight = Moment::parse("2026-11-22T08:00:00Z").unwrap().0;
    for (status, reason, code, until) in [
        (403, "quotaExceeded", Code::PlatformLimited, Some(midnight)),
        (403, "dailyLimitExceeded", Code::PlatformLimited, Some(midnight)),
        (400, "uploadLimitExceeded", Code::PlatformLimited, Some(NOW + 86_400_000_000)),
        (403, "rateLimitExceeded", Code::PlatformLimited, Some(NOW + 60_000_000)),
        (403, "userRateLimitExceeded", Code::PlatformLimited, Some(NOW + 60_000_000)),
        (429, "uploadRateLimitExceeded", Code::PlatformLimited, Some(NOW + 60_000_000)),
        (403, "forbidden", Code::PlatformRefused, None),
        (403, "insufficientPermissions", Code::PlatformRefused, None),
        (403, "forbiddenPrivacySetting", Code::PlatformRefused, None),
        (401, "youtubeSignupRequired", Code::PlatformRefused, None),
        (400, "invalidTitle", Code::PlatformRefused, None),
        (500, "internalError", Code::PlatformUnavailable, None),
    ] {
        let stage = Stage::new();
        stage.script(&[(OPEN, Inject::Refuse(Refusal::Reason(status, reason.into())))]);
        let publication = publication_of(&stage);
        let fault = stage.bench.once(&*stage.publisher(), &publication).unwrap_err();
        assert_eq!((fault.code, fault.not_before_us), (code, until), "{reason}: {fault:?}");
        assert!(!fault.next_step.is_empty() && fault.detail.contains(reason), "{fault:?}");
        // And the same upload goes through once the reason is gone.
        posted(stage.run(&publication));
        assert_eq!(stage.posts(&publication), 1);
    }
}

#[test]
fn what_the_platform_does_later_is_told() {
    let stage = Stage::new();
    stage.server.state().refuses_duplicates = true;
    let first = publication_of(&stage);
    posted(stage.run(&first));
    let mut second = publication_of(&stage);
    second.upload_job_id = stage.bench.publication(2, 10).upload_job_id;
    let receipt = posted(stage.run(&second));
    let fault = stage.publisher().verify(&receipt, &Silent).unwrap_err();
    assert_eq!(fault.code, Code::PlatformRefused);
    assert!(fault.message.contains("duplicate"), "{fault}");
    stage.server.state().videos[1].upload_status = "failed";
    stage.server.state().videos[1].reason = None;
    assert!(stage.publisher().verify(&receipt, &Silent).unwrap_err().message.contains("can't process"));
    stage.server.state().videos.clear();
    assert!(stage.publisher().verify(&receipt, &Silent).unwrap_err().message.contains("not on YouTube"));
}

#[test]
fn privacy_is_read_back_and_a_date_is_kept() {
    let stage = Stage::new();
    let mut publication = publication_of(&stage);
    publication.post.publish_at = Some(Moment(NOW + 7_200_000_000));
    let receipt = posted(stage.run(&publication));
    let post = receipt.post.unwrap();
    assert_eq!((post.privacy.as_deref(), post.publish_at), (Some("private"), publication.post.publish_at));
    assert!(post.notes.is_empty(), "{post:?}");
    publication = stage.bench.publication(2, 300_000);
    publication.post.privacy = PrivacyStatus::Unlisted;
    let post = posted(stage.run(&publication)).post.unwrap();
    assert_eq!(post.privacy.as_deref(), Some("unlisted"));
}

#[test]
fn a_file_that_changed_is_not_sent_and_another_one_is_another_upload() {
    let stage = Stage::new();
    let publication = publication_of(&stage);
    std::fs::write(stage.bench.root.path().join("1.mp4"), vec![7; 700_000]).unwrap();
    assert_eq!(stage.bench.once(&*stage.publisher(), &publication).unwrap_err().code, Code::InputCorrupt);
    let publication = publication_of(&stage);
    stage.script(&[(PUT, Inject::Slow), (PUT, Inject::Slow), (PUT, Inject::Refuse(Refusal::Broken(503)))]);
    assert_eq!(stage.bench.once(&*stage.publisher(), &publication).unwrap_err().code, Code::PlatformUnavailable);
    let other = stage.bench.publication(1, 600_000);
    assert_eq!(stage.bench.once(&*stage.publisher(), &other).unwrap_err().code, Code::OutputExists);
    assert_eq!(stage.posts(&publication), 0);
    posted(stage.run(&publication_of(&stage)));
}

#[test]
fn a_revoked_grant_stops_the_account_and_says_so() {
    let stage = Stage::new();
    stage.server.state().tokens.revoked = true;
    let publication = publication_of(&stage);
    let fault = stage.bench.once(&*stage.publisher(), &publication).unwrap_err();
    assert_eq!(fault.code, Code::PlatformReconnect);
    assert!(fault.message.contains("youtube/main") && fault.next_step.contains("omniva auth youtube"), "{fault:?}");
    // The platform is not asked again.
    stage.server.state().tokens.revoked = false;
    assert_eq!(stage.publisher().authorise().unwrap_err().code, Code::PlatformReconnect);
    let (access, refresh) = stage.server.state().tokens.grant();
    stage.bench.connect("youtube", &access, Some(&refresh), None);
    posted(stage.run(&publication));
    assert_eq!(stage.posts(&publication), 1);
}

/// The whole way with the vault itself, stopped in the middle: no byte of the disk and no record holds a token, the client's
/// secret or the address of the session.
#[test]
fn no_byte_on_the_disk_holds_a_secret() {
    let stage = Stage::new();
    let folder = tempfile::tempdir().unwrap();
    let key = Key::create_file(&stage.bench.root.path().join("key"), &OsEntropy).unwrap();
    let vault = Vault::open(&folder.path().join("vault.json"), Keyring::of(key), Arc::new(OsEntropy)).unwrap();
    let vault = Arc::new(vault);
    Client { id: CLIENT_ID.into(), secret: CLIENT_SECRET.into() }.store(&*vault, "youtube").unwrap();
    let accounts = stage.bench.accounts_in(vault.clone());
    let (access_token, refresh) = stage.server.state().tokens.grant();
    let (obtained_us, expires_us) = (NOW, NOW + 1);
    let (scopes, subject, ended) = (Vec::new(), None, None);
    let refresh_token = Some(refresh);
    let grant = Grant {
        access_token,
        refresh_token,
        obtained_us,
        expires_us,
        refresh_expires_us: None,
        scopes,
        subject,
        ended,
    };
    accounts.connect(&Account::new("youtube", "main"), &grant).unwrap();
    let kit = Kit { accounts, ..stage.bench.kit() };
    let publisher = YoutubePublisher::new(kit, "main", stage.bench.endpoints.youtube.clone());
    let publication = publication_of(&stage);
    let clean = |when: &str| {
        let files =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        let mut bytes: Vec<u8> = files.flatten().collect();
        bytes.extend(format!("{:?}", stage.bench.disk.records.lock().unwrap()).bytes());
        assert!(bytes.len() > 500, "{when}: nothing was written");
        for secret in ["PLANTED", "c4n4ry"] {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "{when}: {secret}");
        }
    };
    stage.script(&[(PUT, Inject::Slow), (PUT, Inject::Slow), (PUT, Inject::Refuse(Refusal::Broken(503)))]);
    assert_eq!(stage.bench.once(&publisher, &publication).unwrap_err().code, Code::PlatformUnavailable);
    let session = vault.get(&format!("session/youtube/{}", publication.upload_job_id)).unwrap().unwrap();
    assert!(session.text().unwrap().contains("PLANTED-session"), "the canary is where it should be");
    clean("in the middle");
    stage.bench.once(&publisher, &publication).unwrap();
    assert_eq!(stage.posts(&publication), 1);
    assert_eq!(vault.list().unwrap().len(), 2, "the session is forgotten");
    clean("at the end");
}

const CAPTIONS: &str = "POST /upload/youtube/v3/captions";

#[test]
fn captions_follow_the_video_and_never_undo_it() {
    use Inject::*;
    for (name, faults, notes, units) in [
        ("at once", vec![], 0, 400),
        ("lost answer", vec![(CAPTIONS, CutAfter)], 0, 800),
        ("cut", vec![(CAPTIONS, CutBody(0.5)), (CAPTIONS, Refuse(Refusal::Broken(503)))], 0, 400),
        ("token taken away", vec![(CAPTIONS, Refuse(Refusal::Unauthorised))], 0, 400),
        ("quota", vec![(CAPTIONS, Refuse(Refusal::Reason(403, "quotaExceeded".into())))], 1, 0),
        ("refused", vec![(CAPTIONS, Refuse(Refusal::Reason(400, "contentRequired".into())))], 1, 0),
    ] {
        let stage = Stage::new();
        stage.script(&faults);
        let publication = stage.bench.with_captions(stage.bench.publication(1, 300_000));
        let post = posted(stage.run(&publication)).post.unwrap();
        assert_eq!((stage.posts(&publication), post.notes.len()), (1, notes), "{name}: {:?}", post.notes);
        assert!(post.notes.iter().all(|note| note.starts_with("the captions were not added: ")), "{name}");
        let google = stage.server.state();
        assert_eq!((google.captions.len(), google.units), (1 - notes, units), "{name}");
        assert!(
            google.captions.iter().all(|c| c.video == post.id && c.language == "en" && c.bytes.ends_with(b"Words\n"))
        );
    }
    // A connection that holds less than it could is told of.
    let stage = Stage::new();
    stage.server.state().may_caption = false;
    let publication = stage.bench.with_captions(stage.bench.publication(1, 300_000));
    let post = posted(stage.run(&publication)).post.unwrap();
    assert!(post.notes[0].contains("without the right to add captions"), "{:?}", post.notes);
    // Nobody knows the language: there is nothing to send.
    let stage = Stage::new();
    let mut publication = stage.bench.with_captions(stage.bench.publication(1, 300_000));
    publication.post.language = None;
    let post = posted(stage.run(&publication)).post.unwrap();
    assert_eq!((post.notes.len(), stage.server.state().units), (1, 0));
}
