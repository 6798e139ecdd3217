//! Accounts on platforms: OAuth 2 (RFC 6749, 7636, 8252, 8628) with what each platform does differently, as data.
//!
//! Invariants: one renewal at a time for each account; a new refresh token is stored before the access token that came with
//! it is used; a token is never replaced by nothing; an account whose grant has ended is in the state *reconnect* and asks
//! the platform for nothing until its owner has connected it again; tokens are shown nowhere.

mod accounts;
mod authorize;
mod device;
mod grant;
mod loopback;
mod token;

pub use accounts::{Account, Accounts, State, Token};
pub use authorize::{Consent, authorize};
pub use device::{Device, Poll, device};
pub use grant::{Client, Grant};
pub use loopback::Loopback;

use std::sync::Arc;

use omniva_contracts::config::OauthEndpoints;
use omniva_contracts::ports::Clock;

use crate::call::Transport;

/// Reads the clock; shared by the threads of an engine.
pub type SharedClock = Arc<dyn Clock + Send + Sync>;

/// One platform's OAuth service.
#[derive(Clone)]
pub struct Service {
    /// `youtube`, `tiktok`, `instagram`
    pub platform: &'static str,
    pub endpoints: OauthEndpoints,
    pub transport: Arc<dyn Transport>,
    pub clock: SharedClock,
}
