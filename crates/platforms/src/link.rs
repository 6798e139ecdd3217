//! Calls in the name of an account: the token is added, and renewed once when the platform refuses it.

use std::sync::Arc;

use omniva_contracts::{Code, Fault, Monitor};

use crate::call::{Reply, Request, Transport, Trouble, unreachable};
use crate::oauth::{Account, Accounts, SharedClock, Token};
use crate::progress::Progress;

/// Is told of every call that a platform counts against a limit.
pub trait Meter: Send + Sync {
    /// `action` as `config/platforms.toml` names it; the call was made at `at_us`, and may have arrived.
    fn spent(&self, action: &'static str, at_us: i64);
}

/// Counts nothing.
pub struct Unmetered;

impl Meter for Unmetered {
    fn spent(&self, _action: &'static str, _at_us: i64) {}
}

/// What all publishers to platforms need.
#[derive(Clone)]
pub struct Kit {
    pub transport: Arc<dyn Transport>,
    pub accounts: Arc<Accounts>,
    pub progress: Arc<dyn Progress>,
    pub clock: SharedClock,
    pub meter: Arc<dyn Meter>,
}

/// Why a call has no answer.
pub(crate) enum Failed {
    /// Whether it arrived is unknown.
    Trouble(Trouble),
    Fault(Fault),
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Failed::Fault(fault)
    }
}

impl Failed {
    /// For calls that may be made twice.
    pub fn fault(self, platform: &str) -> Fault {
        match self {
            Failed::Trouble(trouble) => unreachable(platform, &trouble),
            Failed::Fault(fault) => fault,
        }
    }
}

pub(crate) struct Link {
    pub kit: Kit,
    pub account: Account,
    /// Whether an answer says that the token is worth nothing (any more).
    pub refused: fn(&Reply) -> bool,
}

impl Link {
    pub fn now(&self) -> i64 {
        self.kit.clock.now_us()
    }

    /// The moment `seconds` from now.
    pub fn after(&self, seconds: f64) -> i64 {
        self.now().saturating_add((seconds * 1e6) as i64)
    }

    pub fn send<'a>(&self, monitor: &dyn Monitor, build: &dyn Fn(&Token) -> Request<'a>) -> Result<Reply, Failed> {
        let accounts = &self.kit.accounts;
        let token = accounts.access(&self.account)?;
        let reply = self.once(&build(&token), monitor)?;
        if !(self.refused)(&reply) {
            return Ok(reply);
        }
        let token = accounts.renew(&self.account, &token)?;
        let reply = self.once(&build(&token), monitor)?;
        if !(self.refused)(&reply) {
            return Ok(reply);
        }
        // A grant that has ended says so when it is renewed; this is something else, and may pass.
        let fault = Fault::new(
            Code::PlatformUnavailable,
            format!("{} refuses a token that it has just given for {}", self.account.platform, self.account),
            "nothing has to be done: it is tried again; connect the account again if it stays like this",
        );
        Err(fault.into())
    }

    pub fn once(&self, request: &Request, monitor: &dyn Monitor) -> Result<Reply, Failed> {
        if monitor.cancelled() {
            return Err(Fault::cancelled().into());
        }
        let at = self.now();
        let answer = self.kit.transport.send(request, monitor);
        // A refused token is nobody's call; of what may have arrived it is assumed.
        let counts = match &answer {
            Ok(reply) => !(self.refused)(reply),
            Err(trouble) => !trouble.unsent,
        };
        if let Some(action) = request.action.filter(|_| counts) {
            self.kit.meter.spent(action, at);
        }
        answer.map_err(Failed::Trouble)
    }
}

/// `platform_pending` until a moment.
pub(crate) fn pending(message: impl Into<String>, until_us: i64) -> Fault {
    Fault::new(Code::PlatformPending, message, "nothing has to be done: it is asked again").not_before(until_us)
}
