use std::sync::Arc;

use omniva_contracts::config::{Endpoints, EngineConfig};
use omniva_contracts::{Code, Silent};
use omniva_emulators::webhook::Receiver;
use omniva_emulators::{Inject, Refusal, Server};
use omniva_platforms::{
    Content, Kit, Net, Publication, PublishFile, Publisher, Request, Transport, WebhookPublisher, WebhookTarget,
    signature,
};
use omniva_vault::Secrets;

use super::bench::*;

const KEY: &str = "PLANTED-webhook-key";

pub struct Stage {
    pub server: Server<Receiver>,
    pub bench: Bench,
}

impl Stage {
    pub fn new() -> Self {
        let server = Server::start(|_| Receiver::new(KEY.as_bytes(), NOW / 1_000_000));
        // The receiver's clock stands still while ours runs on through the pauses.
        server.state().window = 100_000_000;
        let bench = Bench::new(&server.base());
        bench.disk.put("webhook/hook", &KEY.into()).unwrap();
        Self { server, bench }
    }
    pub fn publisher(&self) -> Box<dyn Publisher> {
        Box::new(WebhookPublisher::new(self.bench.kit(), self.target(), self.net(true)).unwrap())
    }
    /// A way out on which the receiver's own address is allowed, or not.
    fn net(&self, allowed: bool) -> Arc<Net> {
        let mut limits = EngineConfig::load(None).unwrap().network;
        limits.allow.extend(allowed.then(|| self.server.base().replace("http://", "")));
        Arc::new(Net::new(&limits, 1 << 30).unwrap())
    }
    fn target(&self) -> WebhookTarget {
        let url = format!("{}/hooks/clips", self.server.base());
        WebhookTarget { name: "hook".into(), url, files_base: Some("https://files.example.org/".into()) }
    }
    pub fn run(&self, publication: &Publication) -> End {
        self.bench.run(&|| self.publisher(), publication)
    }
    pub fn posts(&self, publication: &Publication) -> usize {
        let receiver = self.server.state();
        assert_eq!(receiver.violations, Vec::<String>::new());
        usize::from(receiver.taken.contains_key(&publication.upload_job_id.to_string()))
    }
}

fn publication(stage: &Stage) -> Publication {
    let mut publication = stage.bench.publication(1, 1_000);
    let text = "1\n00:00 --> 00:01\nhello";
    publication.files.push(PublishFile { name: "1 a.srt".into(), content: Content::Text(text.into()), bytes: 24 });
    publication
}

#[test]
fn a_signed_message_says_it_all() {
    let stage = Stage::new();
    stage.server.state().window = 300;
    let publication = publication(&stage);
    let End::Posted(receipt) = stage.run(&publication) else { panic!("not posted") };
    assert_eq!((stage.posts(&publication), receipt.place.as_str()), (1, "webhook/hook"));
    let receiver = stage.server.state();
    let body: serde_json::Value = serde_json::from_slice(receiver.taken.values().next().unwrap()).unwrap();
    assert_eq!(body["title"], publication.post.title);
    assert_eq!(body["files"][0]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(body["files"][2]["url"], "https://files.example.org/1%20a.srt");
    assert_eq!(body["files"][2]["text"], "1\n00:00 --> 00:01\nhello");
    assert!(!body.to_string().contains(stage.bench.root.path().to_str().unwrap()), "no path of this machine");
}

#[test]
fn the_signature_is_that_of_the_books() {
    // HMAC-SHA256 with the key "key" over "1.x", by hand.
    let ours = signature(b"key", 1, b"x").unwrap();
    assert_eq!(ours.len(), 67);
    assert_ne!(ours, signature(b"key", 2, b"x").unwrap());
    assert_ne!(ours, signature(b"kez", 1, b"x").unwrap());
    assert_ne!(ours, signature(b"key", 1, b"y").unwrap());
}

#[test]
fn a_lost_answer_makes_a_second_message_with_the_same_id() {
    let stage = Stage::new();
    for inject in [
        Inject::CutAfter,
        Inject::CutBody(0.5),
        Inject::Refuse(Refusal::Broken(503)),
        Inject::Refuse(Refusal::Slower(9)),
        Inject::CutAnswer,
    ] {
        stage.server.faults().script("POST", inject);
    }
    let publication = publication(&stage);
    assert!(matches!(stage.run(&publication), End::Posted(_)));
    assert_eq!((stage.posts(&publication), stage.server.state().again), (1, 2));
    assert!(matches!(stage.run(&publication), End::Posted(_)));
    assert_eq!(stage.server.state().again, 2, "done is done");
}

#[test]
fn wrong_keys_old_signatures_and_bad_addresses_are_told() {
    let stage = Stage::new();
    stage.server.state().key = b"another".to_vec();
    let publication = publication(&stage);
    let fault = stage.bench.once(&*stage.publisher(), &publication).unwrap_err();
    assert!(fault.code == Code::PlatformRefused && fault.next_step.contains("same key"), "{fault:?}");
    stage.server.state().key = KEY.as_bytes().to_vec();
    stage.server.state().window = 300;
    stage.server.state().now += 301;
    assert_eq!(stage.bench.once(&*stage.publisher(), &publication).unwrap_err().code, Code::PlatformRefused);
    assert_eq!((stage.posts(&publication), stage.server.state().refused), (0, 2));
    for (status, code) in [(302, Code::PlatformRefused), (404, Code::PlatformRefused), (500, Code::PlatformUnavailable)]
    {
        stage.server.faults().script("POST", Inject::Refuse(Refusal::Reason(status, String::new())));
        assert_eq!(stage.bench.once(&*stage.publisher(), &publication).unwrap_err().code, code, "{status}");
    }
    stage.bench.disk.remove("webhook/hook").unwrap();
    assert_eq!(stage.publisher().authorise().unwrap_err().code, Code::ConfigInvalid);
    for url in ["http://example.org/hook", "ftp://127.0.0.1/", "https://user:word@example.org/"] {
        let target = WebhookTarget { url: url.into(), ..stage.target() };
        let made = WebhookPublisher::new(stage.bench.kit(), target, stage.net(true));
        assert_eq!(made.err().unwrap().code, Code::ConfigInvalid, "{url}");
    }
}

#[test]
fn an_address_inside_is_asked_only_when_it_is_allowed() {
    let stage = Stage::new();
    let publication = publication(&stage);
    let limits = Endpoints::shipped().unwrap().http.clone();
    let publisher = |allowed: bool, url: String| {
        let net = stage.net(allowed);
        let kit = Kit { transport: Arc::new(net.transport(&limits)), ..stage.bench.kit() };
        WebhookPublisher::new(kit, WebhookTarget { url, ..stage.target() }, net).unwrap()
    };
    for url in [
        stage.target().url,
        "https://10.0.0.1/hook".into(),
        "https://169.254.169.254/latest".into(),
        "https://[::1]/hook".into(),
        "https://cms.internal/hook".into(),
        "https://example.org:9443/hook".into(),
    ] {
        let publisher = publisher(false, url.clone());
        for fault in [publisher.authorise().unwrap_err(), publisher.publish(&publication, &Silent).unwrap_err()] {
            assert_eq!(fault.code, Code::AddressRefused, "{url}: {fault:?}");
            assert!(fault.next_step.contains("engine.network.allow"), "{fault:?}");
        }
    }
    assert_eq!(stage.posts(&publication), 0);
    publisher(true, stage.target().url).publish(&publication, &Silent).unwrap();
    assert_eq!(stage.posts(&publication), 1);
    // What the guard did not see is not dialled, whoever asks.
    let request = Request::new("POST", stage.target().url);
    let trouble = stage.net(false).transport(&limits).send(&request, &Silent).err().unwrap();
    assert!(trouble.unsent && trouble.what.contains("may not be asked"), "{trouble:?}");
}
