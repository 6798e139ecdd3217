use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Barrier;

use omniva_contracts::config::{HttpLimits, Pkce};
use omniva_contracts::{Code, Fault, Silent};
use omniva_emulators::google::{ANALYTICS_SCOPE, SCOPE};
use omniva_emulators::oauth::{CLIENT_ID, CLIENT_SECRET};
use omniva_emulators::{Inject, Refusal};
use omniva_platforms::oauth::*;
use omniva_platforms::{HttpTransport, Request, Transport};
use omniva_vault::{OsEntropy, Secrets};

use super::youtube::Stage;

fn account() -> Account {
    Account::new("youtube", "second")
}

fn get(url: &str) -> omniva_platforms::Reply {
    let limits = HttpLimits { connect_seconds: 5.0, stall_seconds: 5.0, answer_seconds: 5.0 };
    HttpTransport::new(&limits).send(&Request::new("GET", url), &Silent).unwrap()
}

/// An owner whose browser goes where it is sent.
fn agree(url: &str) {
    let page = get(url);
    assert_eq!(page.status, 302, "{}", String::from_utf8_lossy(&page.body));
    let back = page.header("location").unwrap().to_owned();
    std::thread::spawn(move || get(&back));
}

#[test]
fn an_owner_agrees_in_the_browser() {
    let stage = Stage::new();
    let accounts = stage.bench.accounts();
    assert_eq!(accounts.state(&account()).unwrap(), State::Missing);
    assert_eq!(accounts.access(&account()).unwrap_err().code, Code::PlatformReconnect);
    let service = stage.bench.service("youtube");
    authorize(&service, &accounts, &account(), &OsEntropy, &agree, &Silent).unwrap();
    let State::Connected { scopes, .. } = accounts.state(&account()).unwrap() else { panic!("not connected") };
    assert_eq!(scopes, [SCOPE, ANALYTICS_SCOPE], "what publishing needs, and the right to read figures");
    let token = accounts.access(&account()).unwrap();
    assert!(stage.server.state().tokens.good(Some(token.expose())));
    assert!(!format!("{token:?}").contains("PLANTED"));
    assert_eq!(stage.server.state().violations, Vec::<String>::new());
}

#[test]
fn a_consent_without_what_publishing_needs_is_not_kept() {
    let stage = Stage::new();
    stage.server.state().tokens.scope = "openid".into();
    let (service, accounts) = (stage.bench.service("youtube"), stage.bench.accounts());
    let fault = authorize(&service, &accounts, &account(), &OsEntropy, &agree, &Silent).unwrap_err();
    assert_eq!(fault.code, Code::PlatformRefused);
    assert!(fault.message.contains(SCOPE), "{fault}");
    assert_eq!(accounts.state(&account()).unwrap(), State::Missing);
}

#[test]
fn strangers_at_the_loopback_are_sent_away() {
    let stage = Stage::new();
    let service = stage.bench.service("youtube");
    let client = Client { id: CLIENT_ID.into(), secret: CLIENT_SECRET.into() };
    let loopback = Loopback::bind().unwrap();
    let redirect = loopback.redirect();
    let consent = service.consent(&client, &redirect, &OsEntropy).unwrap();
    let state = consent.url.split("&state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let port: u16 = redirect.trim_start_matches("http://127.0.0.1:").split('/').next().unwrap().parse().unwrap();
    let thread = std::thread::spawn(move || {
        for bad in [
            format!("{redirect}?code=x&state=wrong"),
            format!("{redirect}?code=x"),
            redirect.replace("callback", "other") + &format!("?code=x&state={state}"),
        ] {
            assert_eq!(get(&bad).status, 404, "{bad}");
        }
        let mut raw = TcpStream::connect(("127.0.0.1", port)).unwrap();
        raw.write_all(format!("POST /callback?code=x&state={state} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
        let _ = raw.read_to_end(&mut Vec::new());
        get(&format!("{redirect}?error=access_denied&state={state}")).status
    });
    let fault = loopback.wait(&consent, &Silent).unwrap_err();
    assert_eq!((fault.code, fault.detail.as_str()), (Code::PlatformRefused, "access_denied"));
    assert_eq!(thread.join().unwrap(), 200);
}

#[test]
fn a_code_is_only_good_with_its_verifier() {
    let stage = Stage::new();
    let service = stage.bench.service("youtube");
    let client = Client { id: CLIENT_ID.into(), secret: CLIENT_SECRET.into() };
    let ours = service.consent(&client, "http://127.0.0.1:9/callback", &OsEntropy).unwrap();
    let other = service.consent(&client, "http://127.0.0.1:9/callback", &OsEntropy).unwrap();
    assert_ne!(ours.url, other.url);
    let code = |url: &str| {
        let location = get(url).header("location").unwrap().to_owned();
        location.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned()
    };
    let stolen = code(&ours.url);
    assert_eq!(service.redeem(&client, &other, &stolen).unwrap_err().code, Code::PlatformReconnect);
    service.redeem(&client, &ours, &code(&ours.url)).unwrap();
    let wrong = Client { id: CLIENT_ID.into(), secret: "no".into() };
    let fault = service.redeem(&wrong, &ours, &code(&ours.url)).unwrap_err();
    assert_eq!(fault.code, Code::PlatformRefused);
    assert_eq!(service.endpoints.pkce, Pkce::S256);
}

#[test]
fn many_at_once_make_one_renewal() {
    let stage = Stage::new();
    let accounts = stage.bench.accounts();
    let main = Account::new("youtube", "main");
    stage.bench.clock.forward(3_590.0);
    let barrier = Barrier::new(8);
    std::thread::scope(|scope| {
        let ask = || {
            barrier.wait();
            accounts.access(&main).unwrap()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        let tokens: Vec<Token> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        assert!(tokens.windows(2).all(|pair| pair[0] == pair[1]));
    });
    assert_eq!(stage.server.state().tokens.renewals, 1);
    // And of all those whose token was refused, one renews.
    let stale = accounts.access(&main).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| accounts.renew(&main, &stale).unwrap());
        }
    });
    assert_eq!(stage.server.state().tokens.renewals, 2);
}

#[test]
fn a_renewal_keeps_the_refresh_token_and_survives_what_passes() {
    let stage = Stage::new();
    let accounts = stage.bench.accounts();
    let main = Account::new("youtube", "main");
    let kept = |name: &str| stage.bench.disk.get(name).unwrap().unwrap().text().unwrap().to_owned();
    let refresh = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["refresh_token"].clone();
    let before = refresh(&kept("account/youtube/main"));
    assert!(before.is_string());
    for (n, inject, code) in [
        (1, Inject::CutBefore, Code::PlatformUnavailable),
        (2, Inject::CutAfter, Code::PlatformUnavailable),
        (3, Inject::Refuse(Refusal::Broken(503)), Code::PlatformUnavailable),
        (4, Inject::Refuse(Refusal::Slower(30)), Code::PlatformLimited),
    ] {
        stage.bench.clock.forward(3_700.0);
        stage.server.faults().script("/token", inject);
        assert_eq!(accounts.access(&main).unwrap_err().code, code, "{n}");
        accounts.access(&main).unwrap();
        // Google sends no refresh token with a renewal: the stored one stays.
        assert_eq!(refresh(&kept("account/youtube/main")), before);
    }
    stage.server.state().tokens.revoked = true;
    stage.bench.clock.forward(3_700.0);
    let fault = accounts.access(&main).unwrap_err();
    assert_eq!(fault.code, Code::PlatformReconnect);
    assert!(matches!(accounts.state(&main).unwrap(), State::Reconnect { .. }));
    assert_eq!(refresh(&kept("account/youtube/main")), before, "the grant itself is kept for a look");
}

#[test]
fn a_machine_without_a_browser_uses_the_device_flow() {
    let stage = Stage::new();
    let service = stage.bench.service("youtube");
    let client = Client { id: CLIENT_ID.into(), secret: CLIENT_SECRET.into() };
    stage.server.state().tokens.device_pending = vec!["slow_down", "authorization_pending"];
    let mut asked = device(&service, &client).unwrap();
    assert_eq!((asked.user_code.as_str(), asked.pause().as_secs()), ("GQVQ-JKEC", 5));
    let waits = |poll: Result<Poll, Fault>| match poll {
        Ok(Poll::Wait(pause)) => pause.as_secs(),
        _ => panic!("not waiting"),
    };
    assert_eq!(waits(asked.poll(&service, &client)), 5);
    assert_eq!(waits(asked.poll(&service, &client)), 10);
    let Ok(Poll::Granted(grant)) = asked.poll(&service, &client) else { panic!("not granted") };
    stage.bench.accounts().connect(&account(), &grant).unwrap();
    service.revoke(&client, &grant).unwrap();
    assert!(stage.server.state().tokens.revoked);
    stage.server.state().tokens.device_pending = vec!["access_denied"];
    let mut asked = device(&service, &client).unwrap();
    assert_eq!(asked.poll(&service, &client).err().unwrap().code, Code::PlatformRefused);
    stage.bench.clock.forward(1_801.0);
    assert_eq!(asked.poll(&service, &client).err().unwrap().code, Code::WaitedTooLong);
    assert_eq!(device(&stage.bench.service("tiktok"), &client).err().unwrap().code, Code::Usage);
}

/// The owner connects an account anew while the engine is told that the older grant has ended: the new one stays.
#[test]
fn a_grant_that_came_meanwhile_is_not_ended_by_the_older_one() {
    let stage = Stage::new();
    let main = Account::new("youtube", "main");
    let kept = stage.bench.disk.get("account/youtube/main").unwrap().unwrap();
    stage.bench.clock.forward(3_700.0);
    stage.server.state().tokens.revoked = true;
    let (access, refresh) = stage.server.state().tokens.grant();
    let meanwhile = Meanwhile {
        http: HttpTransport::new(&stage.bench.endpoints.http),
        disk: stage.bench.disk.clone(),
        put: serde_json::json!({
            "access_token": access, "refresh_token": refresh, "obtained_us": 1, "expires_us": 9_000_000_000_000_000i64,
        }),
    };
    let service = Service { transport: std::sync::Arc::new(meanwhile), ..stage.bench.service("youtube") };
    let accounts = Accounts::new(vec![service], stage.bench.disk.clone());
    assert_eq!(accounts.access(&main).unwrap().expose(), access);
    assert_ne!(stage.bench.disk.get("account/youtube/main").unwrap().unwrap(), kept);
    assert!(matches!(accounts.state(&main).unwrap(), State::Connected { .. }));
}

/// Another process writes the vault while a request is under way.
struct Meanwhile {
    http: HttpTransport,
    disk: std::sync::Arc<super::bench::Disk>,
    put: serde_json::Value,
}
impl Transport for Meanwhile {
    fn send(
        &self,
        request: &Request,
        monitor: &dyn omniva_contracts::Monitor,
    ) -> Result<omniva_platforms::Reply, omniva_platforms::Trouble> {
        let reply = self.http.send(request, monitor);
        self.disk.put("account/youtube/main", &self.put.to_string().into()).unwrap();
        reply
    }
}
