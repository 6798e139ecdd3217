//! What an account has granted, as it is kept in the vault.

use std::fmt;

use omniva_contracts::{Code, Fault};
use omniva_vault::{Secret, Secrets};
use serde::{Deserialize, Serialize};

/// The registration of our program with a platform.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    pub id: String,
    pub secret: String,
}

impl Client {
    fn name(platform: &str) -> String {
        format!("client/{platform}")
    }

    /// # Errors
    /// `config_invalid` when there is none, and those of the vault.
    pub fn load(secrets: &dyn Secrets, platform: &str) -> Result<Self, Fault> {
        let kept = secrets.get(&Self::name(platform))?;
        kept.and_then(|secret| serde_json::from_slice(secret.expose()).ok()).ok_or_else(|| {
            Fault::new(
                Code::ConfigInvalid,
                format!("the vault holds no client of {platform}"),
                format!(
                    "register a client with {platform}, then store its id and secret: omniva auth {platform} --client"
                ),
            )
        })
    }

    /// # Errors
    /// `usage` when id or secret are empty, and those of the vault.
    pub fn store(&self, secrets: &dyn Secrets, platform: &str) -> Result<(), Fault> {
        if self.id.trim().is_empty() || self.secret.trim().is_empty() {
            return Err(Fault::new(Code::Usage, "the client's id or secret is empty", "give both"));
        }
        secrets.put(&Self::name(platform), &sealed(self)?)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client(…)")
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    pub access_token: String,
    #[serde(default)]
    pub refresh_token: Option<String>,
    /// Microseconds since the epoch, as are all times here.
    pub obtained_us: i64,
    pub expires_us: i64,
    #[serde(default)]
    pub refresh_expires_us: Option<i64>,
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The platform's id of the account, where it tells one.
    #[serde(default)]
    pub subject: Option<String>,
    /// Why the account has to be connected again.
    #[serde(default)]
    pub ended: Option<String>,
}

impl Grant {
    pub(crate) fn name(platform: &str, account: &str) -> String {
        format!("account/{platform}/{account}")
    }

    pub(crate) fn load(secrets: &dyn Secrets, name: &str) -> Result<Option<Self>, Fault> {
        let Some(secret) = secrets.get(name)? else { return Ok(None) };
        serde_json::from_slice(secret.expose()).map(Some).map_err(|_| {
            let next = "connect the account again";
            Fault::new(Code::VaultCorrupt, format!("the vault's {name} is no grant of an account"), next)
        })
    }

    pub(crate) fn store(&self, secrets: &dyn Secrets, name: &str) -> Result<(), Fault> {
        secrets.put(name, &sealed(self)?)
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = omniva_contracts::engine::Moment(self.expires_us);
        write!(f, "Grant(until {until}, {} scopes, ended {:?})", self.scopes.len(), self.ended)
    }
}

fn sealed(value: &impl Serialize) -> Result<Secret, Fault> {
    let bytes = serde_json::to_vec(value).map_err(|_| Fault::internal("a grant can't be written as JSON"))?;
    Ok(Secret::new(bytes))
}
