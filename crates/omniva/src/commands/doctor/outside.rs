//! What sources and publishers need: yt-dlp, the vault with its accounts and secrets, the model that drafts texts. Nothing of
//! it is needed for clips from folders into folders, so that what is missing is told without being a failure.

use std::path::Path;
use std::sync::Arc;

use omniva_actors::workers::{Net, accounts};
use omniva_contracts::config::{Endpoints, EngineConfig};
use omniva_contracts::engine::{SourceSpec, secret_name};
use omniva_contracts::ports::{Clock, SystemClock};
use omniva_contracts::{Code, Fault, Silent};
use omniva_platforms::oauth::{Account, State};
use omniva_platforms::ytdlp;
use omniva_vault::Secrets;

use super::{Checks, Grade};
use crate::engine::{DataFolder, DataVault};

pub fn check(checks: &mut Checks, data: &DataFolder, config: Option<&Path>) -> Result<(), Fault> {
    let text = config.map(super::super::clip::read_config).transpose()?;
    let name = config.map(|path| path.display().to_string());
    let overlay = name.as_deref().zip(text.as_deref());
    let engine = EngineConfig::load(overlay)?;
    let endpoints = Endpoints::load(overlay)?;
    // Nothing is fetched.
    let net = Arc::new(Net::new(&engine.network, 0)?);
    program(checks, &net);
    let open = vault(checks, data, &endpoints);
    drafter(checks, &engine, &net);
    if open {
        named(checks, &engine, &DataVault::of(data));
    }
    Ok(())
}

fn program(checks: &mut Checks, net: &Arc<Net>) {
    let config = &net.config().ytdlp;
    match ytdlp(net, &Silent) {
        Ok(found) => {
            checks.add("python for yt-dlp", true, Grade::Ok, format!("{} ({})", found.python, config.python), "");
            let told = format!("{}, hashes verified, runs in its sandbox", found.version);
            checks.add("yt-dlp", true, Grade::Ok, told, "");
        }
        // Nobody wants it, or it is not there: channels and handles can't be followed, all else can.
        Err(fault) if fault.code == Code::ToolMissing && !fault.message.contains("not the pinned") => {
            let next = format!("for channels and handles: {}", fault.next_step);
            checks.add("yt-dlp", false, Grade::Warning, fault.message, &next);
        }
        Err(fault) => checks.fault("yt-dlp", &fault),
    }
}

/// Whether it opens.
fn vault(checks: &mut Checks, data: &DataFolder, endpoints: &Endpoints) -> bool {
    let vault = match DataVault::of(data).there() {
        Ok(Some(vault)) => vault,
        Ok(None) => {
            checks.add("vault", true, Grade::Ok, "none yet: the first omniva auth makes it", "");
            return true;
        }
        Err(fault) => {
            checks.fault("vault", &fault);
            return false;
        }
    };
    let entries = match vault.list() {
        Ok(entries) => entries,
        Err(fault) => {
            checks.fault("vault", &fault);
            return false;
        }
    };
    checks.add("vault", true, Grade::Ok, format!("opens with its key; secrets in it: {}", entries.len()), "");
    let clock: Arc<dyn Clock + Send + Sync> = Arc::new(SystemClock);
    let (accounts, _) = accounts(endpoints, Arc::new(DataVault::of(data)), clock);
    for entry in &entries {
        let Some((platform, name)) = entry.name.strip_prefix("account/").and_then(|rest| rest.split_once('/')) else {
            continue;
        };
        let what = format!("account {platform}/{name}");
        match accounts.state(&Account::new(platform, name)) {
            Ok(State::Connected { .. }) => checks.add(&what, true, Grade::Ok, "connected", ""),
            Ok(State::Missing) => {}
            Ok(State::Reconnect { why }) => {
                let next = format!("connect it again: omniva auth {platform} --account {name}");
                checks.add(&what, false, Grade::Warning, format!("has to be connected again: {why}"), &next);
            }
            Err(fault) => checks.fault(&what, &fault),
        }
    }
    true
}

fn drafter(checks: &mut Checks, engine: &EngineConfig, net: &Net) {
    let drafter = &engine.drafter;
    if !drafter.is_on() {
        checks.add("model that drafts texts", true, Grade::Ok, "none: texts are written by rules", "");
        return;
    }
    match net.check(&SourceSpec::Url { url: drafter.url.clone() }) {
        Ok(()) => checks.add("model that drafts texts", true, Grade::Ok, &drafter.model, ""),
        Err(fault) => checks.fault("model that drafts texts", &fault),
    }
}

/// Secrets that the configuration names.
fn named(checks: &mut Checks, engine: &EngineConfig, secrets: &dyn Secrets) {
    let ytdlp = &engine.network.ytdlp;
    let mut names: Vec<&str> =
        ytdlp.proxy.values().chain(ytdlp.cookies.values()).filter_map(|n| secret_name(n)).collect();
    if engine.drafter.is_on() && !engine.drafter.key.is_empty() {
        names.push(&engine.drafter.key);
    }
    let webhooks: Vec<String> = engine.publish.webhooks.keys().map(|name| format!("webhook/{name}")).collect();
    names.extend(webhooks.iter().map(String::as_str));
    names.sort_unstable();
    names.dedup();
    for name in names {
        let what = format!("secret {name}");
        let next = match name.strip_prefix("webhook/") {
            Some(hook) => format!("omniva auth webhook {hook}"),
            None => format!("omniva auth secret {name} --file FILE"),
        };
        match secrets.get(name) {
            Ok(found) => {
                let told = if found.is_some() { "there" } else { "the configuration names it, the vault lacks it" };
                checks.add(&what, found.is_some(), Grade::Failed, told, &next);
            }
            Err(fault) => checks.fault(&what, &fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use omniva_vault::Secret;

    use super::*;
    use crate::cli::DataArgs;

    fn checked(data: &DataFolder, config: Option<&Path>) -> Vec<(String, Grade, String)> {
        let mut checks = Checks::default();
        check(&mut checks, data, config).expect("checked");
        checks.0.into_iter().map(|c| (c.name, c.grade, format!("{} | {}", c.found, c.next_step))).collect()
    }

    fn of<'a>(all: &'a [(String, Grade, String)], name: &str) -> &'a (String, Grade, String) {
        all.iter().find(|check| check.0 == name).unwrap_or_else(|| panic!("{name} is not checked"))
    }

    #[test]
    fn what_is_missing_is_told_with_its_command_and_no_value() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = DataFolder::find(&DataArgs { data: Some(folder.path().to_owned()) }).expect("named");
        let all = checked(&data, None);
        assert!(of(&all, "vault").1 == Grade::Ok && of(&all, "vault").2.contains("none yet"));
        assert!(of(&all, "model that drafts texts").2.contains("by rules"));
        assert!(all.iter().any(|check| check.0 == "yt-dlp"));

        DataVault::of(&data).put("proxy/home", &Secret::from("http://PLANTED:1")).expect("kept");
        let config = folder.path().join("mine.toml");
        let text = "[engine.network.ytdlp]\nproxy = { youtube = \"secret:proxy/home\" }\n\
                    cookies = { youtube = \"secret:cookies/gone\" }\n\
                    [engine.drafter]\nurl = \"https://10.0.0.9/v1\"\nmodel = \"m\"\nkey = \"drafter\"\n\
                    [engine.publish.webhooks.cms]\nurl = \"https://example.org/x\"\n";
        std::fs::write(&config, text).expect("written");
        let all = checked(&data, Some(&config));
        assert!(of(&all, "vault").2.contains("secrets in it: 1"));
        assert_eq!(of(&all, "secret proxy/home").1, Grade::Ok);
        for (name, next) in [
            ("secret cookies/gone", "omniva auth secret cookies/gone --file"),
            ("secret drafter", "omniva auth secret drafter --file"),
            ("secret webhook/cms", "omniva auth webhook cms"),
            ("model that drafts texts", "engine.network.allow"),
        ] {
            let found = of(&all, name);
            assert!(found.1 == Grade::Failed && found.2.contains(next), "{found:?}");
        }
        assert!(all.iter().all(|check| !check.2.contains("PLANTED")));
        std::fs::write(data.vault_key(), "no key").expect("written");
        let all = checked(&data, Some(&config));
        assert_eq!(of(&all, "vault").1, Grade::Failed);
        assert!(!all.iter().any(|check| check.0.starts_with("secret ")), "one fault, told once");
    }
}
