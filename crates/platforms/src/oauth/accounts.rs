//! Tokens of accounts: handed out while they live, renewed by one task at a time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use omniva_contracts::config::Renewal;
use omniva_contracts::{Code, Fault};
use omniva_vault::Secrets;

use super::token::Refusal;
use super::{Client, Grant, Service};

/// A long-lived token must be this old before it can renew itself, microseconds.
const LONG_LIVED_AGE: i64 = 86_400_000_000;

/// `platform` and the name that the operator gave the account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    pub platform: String,
    pub name: String,
}

impl Account {
    pub fn new(platform: &str, name: &str) -> Self {
        Self { platform: platform.into(), name: name.into() }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.platform, self.name)
    }
}

/// What may be said about an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Missing,
    Connected { expires_us: i64, scopes: Vec<String> },
    Reconnect { why: String },
}

/// An access token, to be sent to its platform and shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    text: String,
    /// The platform's id of the account, where it told one.
    pub subject: Option<String>,
}

impl Token {
    pub fn expose(&self) -> &str {
        &self.text
    }
    fn of(grant: &Grant) -> Self {
        Self { text: grant.access_token.clone(), subject: grant.subject.clone() }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// One for the whole engine: the renewals of an account meet here.
pub struct Accounts {
    services: BTreeMap<&'static str, Service>,
    secrets: Arc<dyn Secrets>,
    flights: Mutex<BTreeMap<Account, Arc<Mutex<()>>>>,
}

impl Accounts {
    pub fn new(services: Vec<Service>, secrets: Arc<dyn Secrets>) -> Self {
        let services = services.into_iter().map(|service| (service.platform, service)).collect();
        Self { services, secrets, flights: Mutex::default() }
    }

    pub fn secrets(&self) -> &dyn Secrets {
        &*self.secrets
    }

    /// Keeps what an owner has granted just now.
    ///
    /// # Errors
    /// `platform_refused` when a scope is missing that publishing needs, and those of the vault.
    pub fn connect(&self, account: &Account, grant: &Grant) -> Result<(), Fault> {
        let needed = &self.service(account)?.endpoints.scopes;
        let missing: Vec<&str> = needed
            .iter()
            .filter(|s| !grant.scopes.is_empty() && !grant.scopes.contains(s))
            .map(String::as_str)
            .collect();
        if !missing.is_empty() {
            return Err(Fault::new(
                Code::PlatformRefused,
                format!("{account} was connected without the right to: {}", missing.join(", ")),
                "connect it again and tick every box of the consent page",
            ));
        }
        let flight = self.flight(account);
        let _alone = flight.lock().unwrap_or_else(PoisonError::into_inner);
        grant.store(&*self.secrets, &name(account))
    }

    /// # Errors
    /// Those of the vault.
    pub fn state(&self, account: &Account) -> Result<State, Fault> {
        Ok(match Grant::load(&*self.secrets, &name(account))? {
            None => State::Missing,
            Some(Grant { ended: Some(why), .. }) => State::Reconnect { why },
            Some(grant) => State::Connected { expires_us: grant.expires_us, scopes: grant.scopes },
        })
    }

    /// A token that lives long enough to be used.
    ///
    /// # Errors
    /// `platform_reconnect` naming the account, `platform_unavailable`, `platform_limited`, `platform_refused`,
    /// `config_invalid` without a client, and those of the vault.
    pub fn access(&self, account: &Account) -> Result<Token, Fault> {
        let grant = self.grant(account)?;
        if self.fresh(account, &grant)? {
            Ok(Token::of(&grant))
        } else {
            self.renew_unless(account, |g| self.fresh(account, g))
        }
    }

    /// Another token than `stale`, which the platform has refused.
    ///
    /// # Errors
    /// As for [`Accounts::access`].
    pub fn renew(&self, account: &Account, stale: &Token) -> Result<Token, Fault> {
        self.renew_unless(account, |grant| Ok(grant.access_token != stale.text))
    }

    /// Stops the account: its grant has ended. Gives the fault that says so.
    pub fn end(&self, account: &Account, why: &str) -> Fault {
        let stored = self
            .grant(account)
            .and_then(|grant| Grant { ended: Some(why.to_owned()), ..grant }.store(&*self.secrets, &name(account)));
        match stored {
            Ok(()) => reconnect(account, why),
            // What hinders us is told; the next attempt finds the grant ended again.
            Err(fault) => fault,
        }
    }

    /// The first in renews; who waited takes what it got.
    fn renew_unless(&self, account: &Account, done: impl Fn(&Grant) -> Result<bool, Fault>) -> Result<Token, Fault> {
        let flight = self.flight(account);
        let _alone = flight.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.grant(account)?;
        if done(&old)? {
            return Ok(Token::of(&old));
        }
        let service = self.service(account)?;
        let client = Client::load(&*self.secrets, service.platform)?;
        let renewed = service.renew(&client, &old);
        // The owner may have connected the account anew meanwhile, in another process: that grant goes before.
        let now = self.grant(account)?;
        if now != old {
            return Ok(Token::of(&now));
        }
        match renewed {
            Ok(new) => {
                // Before use: the old refresh token may be worth nothing by now.
                new.store(&*self.secrets, &name(account))?;
                Ok(Token::of(&new))
            }
            Err(Refusal::Ended(why)) => Err(self.end(account, &why)),
            Err(Refusal::Fault(fault)) => Err(*fault),
        }
    }

    fn fresh(&self, account: &Account, grant: &Grant) -> Result<bool, Fault> {
        let service = self.service(account)?;
        let now = service.clock.now_us();
        let skew = i64::try_from(service.endpoints.skew().as_micros()).unwrap_or(i64::MAX);
        let young = service.endpoints.renewal == Renewal::LongLived
            && grant.expires_us > now
            && now.saturating_sub(grant.obtained_us) < LONG_LIVED_AGE;
        Ok(young || grant.expires_us.saturating_sub(skew) > now)
    }

    fn grant(&self, account: &Account) -> Result<Grant, Fault> {
        let grant = Grant::load(&*self.secrets, &name(account))?;
        let Some(grant) = grant else { return Err(reconnect(account, "it was never connected")) };
        match &grant.ended {
            Some(why) => Err(reconnect(account, why)),
            None => Ok(grant),
        }
    }

    fn service(&self, account: &Account) -> Result<&Service, Fault> {
        self.services.get(account.platform.as_str()).ok_or_else(|| {
            let next = "use youtube, tiktok or instagram";
            Fault::new(Code::Usage, format!("{:?} is no platform with accounts", account.platform), next)
        })
    }

    fn flight(&self, account: &Account) -> Arc<Mutex<()>> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        flights.entry(account.clone()).or_default().clone()
    }
}

fn name(account: &Account) -> String {
    Grant::name(&account.platform, &account.name)
}

fn reconnect(account: &Account, why: &str) -> Fault {
    Fault::new(
        Code::PlatformReconnect,
        format!("the account {account} has to be connected again"),
        format!("omniva auth {} --account {}; its uploads wait until then", account.platform, account.name),
    )
    .with_detail(why)
}
