//! `omniva auth`: the accounts and keys that publishing needs, in the vault of a data folder.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use omniva_actors::workers::{accounts, services};
use omniva_contracts::config::Endpoints;
use omniva_contracts::engine::{Moment, Target};
use omniva_contracts::ports::{Clock, SystemClock};
use omniva_contracts::{Code, Fault, Monitor, hex};
use omniva_platforms::check_secret;
use omniva_platforms::oauth::{Account, Accounts, Client, Device, Poll, Service, State, authorize, device};
use omniva_vault::{Entropy, OsEntropy, Secret, Secrets};
use serde_json::{Value, json};

use super::remote::show_list;
use crate::cli::{AuthArgs, AuthCommand, Connect};
use crate::engine::{DataFolder, DataVault, open};
use crate::progress::{Quiet, print_line, stop_on_signals};

/// Ids, secrets and keys are short.
const MAX_SECRET: u64 = 4 << 10;
/// What the vault takes of one secret, bytes: a jar of cookies is the largest.
const MAX_KEPT: u64 = 256 << 10;
/// Bytes of a webhook's key that is drawn here.
const KEY: usize = 32;

pub fn run(args: AuthArgs, as_json: bool) -> Result<u8, Fault> {
    let data = DataFolder::find(&args.data)?;
    open::make_folder(&data)?;
    match &args.command {
        AuthCommand::Youtube(connect) => link(&data, "youtube", connect, as_json),
        AuthCommand::Tiktok(connect) => link(&data, "tiktok", connect, as_json),
        AuthCommand::Instagram(connect) => link(&data, "instagram", connect, as_json),
        AuthCommand::Webhook { name, key_file } => webhook(&data, name, key_file.as_deref(), as_json),
        AuthCommand::Secret { name, file } => secret(&data, name, file, as_json),
        AuthCommand::List => list(&data, as_json),
        AuthCommand::Remove { secret } => remove(&data, secret, as_json),
    }?;
    Ok(0)
}

fn link(data: &DataFolder, platform: &'static str, connect: &Connect, as_json: bool) -> Result<(), Fault> {
    Target::parse(&format!("{platform}/{}", connect.account))?;
    let text = connect.config.as_deref().map(super::clip::read_config).transpose()?;
    let name = connect.config.as_ref().map(|path| path.display().to_string());
    let endpoints = Endpoints::load(name.as_deref().zip(text.as_deref()))?;
    let secrets: Arc<dyn Secrets> = Arc::new(DataVault::of(data));
    if let (Some(id), Some(file)) = (&connect.client_id, &connect.client_secret_file) {
        Client { id: id.clone(), secret: read_secret(file)? }.store(&*secrets, platform)?;
    }
    let clock: Arc<dyn Clock + Send + Sync> = Arc::new(SystemClock);
    let (accounts, transport) = accounts(&endpoints, secrets, clock.clone());
    let service = services(&endpoints, &transport, &clock).into_iter().find(|s| s.platform == platform);
    let service = service.ok_or_else(|| Fault::internal(format!("{platform} has no service")))?;
    let account = Account::new(platform, &connect.account);
    let quiet = Quiet(stop_on_signals());
    if connect.device {
        by_code(&service, &accounts, &account, as_json, &quiet)?;
    } else {
        let show = |url: &str| {
            if as_json {
                print_line(&json!({ "event": "consent", "url": url }));
            } else {
                say!("Open this page in a browser on this machine, and agree:\n\n  {url}\n");
            }
        };
        authorize(&service, &accounts, &account, &OsEntropy, &show, &quiet)?;
    }
    let told = json!({ "event": "connected", "account": account.to_string() });
    if as_json {
        print_line(&told);
    } else {
        say!("{account} is connected; publish there with: omniva project create NAME --publish-to {account}");
    }
    Ok(())
}

fn by_code(
    service: &Service,
    accounts: &Accounts,
    account: &Account,
    as_json: bool,
    monitor: &dyn Monitor,
) -> Result<(), Fault> {
    let client = Client::load(accounts.secrets(), service.platform)?;
    let mut code: Device = device(service, &client)?;
    if as_json {
        print_line(&json!({ "event": "code", "url": code.url, "user_code": code.user_code }));
    } else {
        say!("On any machine, open {} and type in: {}", code.url, code.user_code);
    }
    let mut pause = code.pause();
    loop {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        std::thread::sleep(pause);
        match code.poll(service, &client)? {
            Poll::Wait(wait) => pause = wait,
            Poll::Granted(grant) => return accounts.connect(account, &grant),
        }
    }
}

/// The first line of a small file.
fn read_secret(path: &Path) -> Result<String, Fault> {
    let unreadable = |e: std::io::Error| {
        Fault::new(Code::InputUnreadable, format!("{} can't be read", path.display()), "check its name and rights")
            .with_detail(e)
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_SECRET).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text.trim().to_owned())
}

fn webhook(data: &DataFolder, name: &str, key_file: Option<&Path>, as_json: bool) -> Result<(), Fault> {
    Target::parse(&format!("webhook/{name}"))?;
    let vault = DataVault::of(data).made()?;
    let given = key_file.map(read_secret).transpose()?;
    let key = match &given {
        Some(key) => key.clone(),
        None => {
            let mut bytes = [0u8; KEY];
            OsEntropy.fill(&mut bytes)?;
            hex(&bytes)
        }
    };
    vault.put(&format!("webhook/{name}"), &Secret::new(key.clone().into_bytes()))?;
    let shown = given.is_none().then_some(&key);
    if as_json {
        print_line(&json!({ "event": "webhook_key", "webhook": name, "key": shown }));
        return Ok(());
    }
    if let Some(key) = shown {
        say!("{key}");
        remark!("The key is shown this once: give it to the receiver, which checks the signatures with it.");
    }
    say!("next: [engine.publish.webhooks.{name}] url = \"https://…\" in the engine's configuration");
    Ok(())
}

/// A secret that the operator names in the configuration, or in a creator's source.
fn secret(data: &DataFolder, name: &str, file: &Path, as_json: bool) -> Result<(), Fault> {
    let bytes = read_whole(file)?;
    // An end of line that an editor has added is no part of a key.
    let text = std::str::from_utf8(&bytes).map(str::trim_end).ok().filter(|text| !text.contains('\n'));
    let value = text.map_or_else(|| Secret::new(bytes.clone()), Secret::from);
    check_secret(name, &value)?;
    DataVault::of(data).made()?.put(name, &value)?;
    if as_json {
        print_line(&json!({ "event": "kept", "secret": name }));
        return Ok(());
    }
    say!("{name} is kept in the vault; the file is not needed any more");
    let kind = name.split_once('/').map(|(kind, _)| kind);
    match kind {
        Some(kind @ ("proxy" | "cookies")) => {
            say!("next: omniva creator add … --{kind} {name}, or engine.network.ytdlp.{kind} in the configuration");
        }
        _ => say!("next: name it in the configuration, e.g. engine.drafter.key = {name:?}"),
    }
    Ok(())
}

fn read_whole(path: &Path) -> Result<Vec<u8>, Fault> {
    let unreadable = |e: std::io::Error| {
        Fault::new(Code::InputUnreadable, format!("{} can't be read", path.display()), "check its name and rights")
            .with_detail(e)
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    // One byte more than the vault takes, so that it is the vault that says so.
    file.take(MAX_KEPT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// What the vault holds, by name: never a value.
fn list(data: &DataFolder, as_json: bool) -> Result<(), Fault> {
    let vault = DataVault::of(data).made()?;
    let secrets: Arc<dyn Secrets> = Arc::new(DataVault::of(data));
    let clock: Arc<dyn Clock + Send + Sync> = Arc::new(SystemClock);
    let (accounts, _) = accounts(Endpoints::shipped()?, secrets, clock);
    let mut items: Vec<Value> = Vec::new();
    for entry in vault.list()?.into_iter().filter(|entry| !entry.name.starts_with("session/")) {
        let mut item = json!({ "name": entry.name, "state": "kept", "until": null });
        let account = entry.name.strip_prefix("account/").and_then(|rest| rest.split_once('/'));
        if let Some((platform, name)) = account {
            let (state, until) = match accounts.state(&Account::new(platform, name))? {
                State::Missing => ("missing".to_owned(), None),
                State::Connected { expires_us, .. } => ("connected".to_owned(), Some(Moment(expires_us))),
                State::Reconnect { why } => (format!("reconnect: {why}"), None),
            };
            item = json!({ "name": entry.name, "state": state, "until": until });
        }
        items.push(item);
    }
    show_list(&json!({ "items": items }), &[("SECRET", "name"), ("STATE", "state"), ("TOKEN UNTIL", "until")], as_json);
    Ok(())
}

fn remove(data: &DataFolder, secret: &str, as_json: bool) -> Result<(), Fault> {
    if !DataVault::of(data).remove(secret)? {
        let next = "omniva auth list shows what there is";
        return Err(Fault::new(Code::NotFound, format!("the vault holds no {secret:?}"), next));
    }
    if as_json {
        print_line(&json!({ "event": "removed", "secret": secret }));
    } else {
        say!("{secret} is removed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::DataArgs;

    #[test]
    fn a_secret_is_kept_whole_and_a_key_without_its_end_of_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataFolder::find(&DataArgs { data: Some(folder.path().join("d")) }).expect("named");
        open::make_folder(&data).expect("made");
        let file = folder.path().join("secret");
        let jar = "# Netscape HTTP Cookie File\n.x.org\tTRUE\t/\tTRUE\t0\ta\tPLANTED\n";
        for (name, given, kept) in [("drafter", "PLANTED-key\r\n", "PLANTED-key"), ("cookies/x", jar, jar)] {
            std::fs::write(&file, given).expect("written");
            secret(&data, name, &file, true).expect(name);
            let found = DataVault::of(&data).get(name).expect("opens").expect("there");
            assert_eq!(found.text().expect("text"), kept);
        }
        let sealed = std::fs::read_to_string(data.vault()).expect("there");
        assert!(!sealed.contains("PLANTED"));
        for (name, given) in [("account/youtube/x", "PLANTED"), ("proxy/x", "PLANTED"), ("drafter", " \n")] {
            std::fs::write(&file, given).expect("written");
            let fault = secret(&data, name, &file, true).expect_err(name);
            assert!(!format!("{fault:?}").contains("PLANTED"), "{fault:?}");
        }
        std::fs::write(&file, vec![b'x'; 300 << 10]).expect("written");
        assert_eq!(secret(&data, "big", &file, true).expect_err("too large").code, Code::Usage);
        assert_eq!(DataVault::of(&data).get("drafter").expect("opens").expect("still there").expose(), b"PLANTED-key");
    }
}
