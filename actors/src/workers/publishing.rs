//! Which publisher serves a target, and what all of them share: secrets, accounts, the way to the platforms, and the
//! records of uploads that are under way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use omniva_assets::write_atomic;
use omniva_contracts::config::{Endpoints, WebhookAddress};
use omniva_contracts::engine::{Platform, Target, UploadJobId};
use omniva_contracts::ports::Clock;
use omniva_contracts::{Code, Fault};
use omniva_platforms::oauth::{Accounts, Service};
use omniva_platforms::{
    HttpTransport, Insights, InstagramInsights, InstagramPublisher, Kit, Meter, Net, Progress, Publisher,
    TiktokInsights, TiktokPublisher, Transport, Unmetered, WebhookPublisher, WebhookTarget, YoutubeInsights,
    YoutubePublisher,
};
use omniva_vault::Secrets;
use serde_json::Value;

/// A record is some hundred bytes.
const MAX_RECORD: u64 = 1 << 20;

/// The accounts of an engine, one service for each platform.
pub fn accounts(
    endpoints: &Endpoints,
    secrets: Arc<dyn Secrets>,
    clock: Arc<dyn Clock + Send + Sync>,
) -> (Arc<Accounts>, Arc<dyn Transport>) {
    let transport: Arc<dyn Transport> = Arc::new(HttpTransport::new(&endpoints.http));
    let services = services(endpoints, &transport, &clock);
    (Arc::new(Accounts::new(services, secrets)), transport)
}

/// The OAuth services of all platforms.
pub fn services(
    endpoints: &Endpoints,
    transport: &Arc<dyn Transport>,
    clock: &Arc<dyn Clock + Send + Sync>,
) -> Vec<Service> {
    let oauth = [
        ("youtube", &endpoints.youtube.oauth),
        ("tiktok", &endpoints.tiktok.oauth),
        ("instagram", &endpoints.instagram.oauth),
    ];
    let service = |(platform, endpoints): (&'static str, &omniva_contracts::config::OauthEndpoints)| Service {
        platform,
        endpoints: endpoints.clone(),
        transport: transport.clone(),
        clock: clock.clone(),
    };
    oauth.into_iter().map(service).collect()
}

/// What uploads to platforms need.
pub struct Publishing {
    endpoints: Endpoints,
    webhooks: BTreeMap<String, WebhookAddress>,
    kit: Kit,
    records: PathBuf,
    net: Arc<Net>,
}

impl Publishing {
    /// `net`: what webhooks are sent through; a server on this machine or network has to stand in its list. `records`: the folder where uploads under way are remembered; as safe as the database beside it.
    pub fn new(
        endpoints: Endpoints,
        webhooks: BTreeMap<String, WebhookAddress>,
        secrets: Arc<dyn Secrets>,
        records: PathBuf,
        clock: Arc<dyn Clock + Send + Sync>,
        net: Arc<Net>,
    ) -> Self {
        let (accounts, transport) = accounts(&endpoints, secrets, clock.clone());
        let progress = Arc::new(Records { folder: records.clone() });
        let kit = Kit { transport, accounts, progress, clock, meter: Arc::new(Unmetered) };
        Self { kit, endpoints, webhooks, records, net }
    }

    /// The folder of the records: a part of each backup.
    pub fn records(&self) -> &Path {
        &self.records
    }

    /// `meter` is told of every call that counts against a limit of the platform.
    ///
    /// # Errors
    /// `config_invalid` for a webhook that the configuration does not name, `usage` for the folder.
    pub fn publisher(&self, target: &Target, meter: Arc<dyn Meter>) -> Result<Box<dyn Publisher>, Fault> {
        let kit = Kit { meter, ..self.kit.clone() };
        Ok(match target {
            Target::Account { platform: Platform::Youtube, name } => {
                Box::new(YoutubePublisher::new(kit, name, self.endpoints.youtube.clone()))
            }
            Target::Account { platform: Platform::Tiktok, name } => {
                Box::new(TiktokPublisher::new(kit, name, self.endpoints.tiktok.clone()))
            }
            Target::Account { platform: Platform::Instagram, name } => {
                Box::new(InstagramPublisher::new(kit, name, self.endpoints.instagram.clone()))
            }
            Target::Webhook { name } => {
                let address = self.webhooks.get(name).ok_or_else(|| unknown_webhook(name))?;
                let (url, files_base) = (address.url.clone(), address.files_base.clone());
                let kit = Kit { transport: Arc::new(self.net.transport(&self.endpoints.http)), ..kit };
                let target = WebhookTarget { name: name.clone(), url, files_base };
                Box::new(WebhookPublisher::new(kit, target, self.net.clone())?)
            }
            other => return Err(Fault::new(Code::Usage, format!("{other} is no platform"), "publish to the folder")),
        })
    }
}

impl Publishing {
    /// Where the figures of posts on an account can be read; a folder and a webhook have none.
    pub fn insights(&self, target: &Target) -> Option<Box<dyn Insights>> {
        let kit = self.kit.clone();
        Some(match target {
            Target::Account { platform: Platform::Youtube, name } => {
                Box::new(YoutubeInsights::new(kit, name, self.endpoints.youtube.clone()))
            }
            Target::Account { platform: Platform::Tiktok, name } => {
                Box::new(TiktokInsights::new(kit, name, self.endpoints.tiktok.clone()))
            }
            Target::Account { platform: Platform::Instagram, name } => {
                Box::new(InstagramInsights::new(kit, name, self.endpoints.instagram.clone()))
            }
            _ => return None,
        })
    }
}

fn unknown_webhook(name: &str) -> Fault {
    Fault::new(
        Code::ConfigInvalid,
        format!("the configuration names no webhook {name}"),
        format!("add [engine.publish.webhooks.{name}] with its url, and start the engine again"),
    )
}

/// One small file for each upload, replaced whole and on the disk before `save` returns.
struct Records {
    folder: PathBuf,
}

impl Records {
    fn path(&self, id: UploadJobId) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }
}

impl Progress for Records {
    fn load(&self, id: UploadJobId) -> Result<Option<Value>, Fault> {
        let path = self.path(id);
        let unreadable = |why: &dyn std::fmt::Display| {
            Fault::new(
                Code::Unconfirmed,
                format!("the record of upload {id} can't be read, so that nobody knows what was sent"),
                "look on the platform whether the clip is there; then cancel the job, or make a new upload",
            )
            .with_detail(why)
        };
        match std::fs::metadata(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(unreadable(&e)),
            Ok(about) if about.len() > MAX_RECORD => return Err(unreadable(&"it is larger than any record")),
            Ok(_) => {}
        }
        let bytes = std::fs::read(&path).map_err(|e| unreadable(&e))?;
        serde_json::from_slice(&bytes).map(Some).map_err(|e| unreadable(&e))
    }

    fn save(&self, id: UploadJobId, record: &Value) -> Result<(), Fault> {
        let bytes =
            serde_json::to_vec(record).map_err(|e| Fault::internal("a record can't be written").with_detail(e))?;
        std::fs::create_dir_all(&self.folder).map_err(|e| Fault::writing("the records of uploads", &e))?;
        write_atomic(&self.path(id), &bytes)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn records_are_kept_and_a_broken_one_is_never_taken_for_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let records = Records { folder: folder.path().join("uploads") };
        let id = UploadJobId(uuid::Uuid::from_u128(7));
        assert_eq!(records.load(id).expect("nothing yet"), None);
        records.save(id, &json!({ "at": 1 })).expect("kept");
        records.save(id, &json!({ "at": 2 })).expect("replaced");
        assert_eq!(records.load(id).expect("reads"), Some(json!({ "at": 2 })));
        std::fs::write(records.path(id), "{").expect("broken");
        assert_eq!(records.load(id).expect_err("is told").code, Code::Unconfirmed);
    }
}
