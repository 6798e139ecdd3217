//! Device flow (RFC 8628): for machines without a browser. Google allows few scopes here; `youtube` is one of them.

use std::time::Duration;

use omniva_contracts::{Code, Fault};
use serde_json::Value;

use super::token::Refusal;
use super::{Client, Grant, Service};
use crate::call::excerpt;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What the owner types in on another machine, and what we ask with meanwhile.
pub struct Device {
    pub user_code: String,
    pub url: String,
    device_code: String,
    pause: Duration,
    expires_us: i64,
}

pub enum Poll {
    /// Ask again after this time.
    Wait(Duration),
    Granted(Box<Grant>),
}

/// Asks for a code.
///
/// # Errors
/// `usage` when the platform has no device flow, `platform_refused`, `platform_unavailable`.
pub fn device(service: &Service, client: &Client) -> Result<Device, Fault> {
    let url = service.endpoints.device.as_deref().ok_or_else(|| {
        let next = format!("use the browser: omniva auth {}", service.platform);
        Fault::new(Code::Usage, format!("{} has no device flow", service.platform), next)
    })?;
    let scope = service.endpoints.device_scopes.join(&service.endpoints.scope_separator);
    let reply =
        service.post(url, &[(service.endpoints.client_id_name.as_str(), client.id.as_str()), ("scope", &scope)])?;
    let body = reply.json();
    let text = |key: &str| body.get(key).and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned);
    let page = text("verification_url").or_else(|| text("verification_uri"));
    let (Some(user_code), Some(device_code), Some(url), true) =
        (text("user_code"), text("device_code"), page, reply.ok())
    else {
        let fault = Fault::new(
            Code::PlatformRefused,
            format!("{} gives no device code (HTTP status {})", service.platform, reply.status),
            "check the client: its type must be \"TVs and limited input devices\"",
        );
        return Err(fault.with_detail(excerpt(text("error").as_deref().unwrap_or_default())));
    };
    let seconds = |key: &str, or: i64| body.get(key).and_then(Value::as_i64).unwrap_or(or).clamp(1, 3_600);
    Ok(Device {
        user_code,
        url,
        device_code,
        pause: Duration::from_secs(seconds("interval", 5).unsigned_abs()),
        expires_us: service.clock.now_us().saturating_add(seconds("expires_in", 1_800) * 1_000_000),
    })
}

impl Device {
    /// How long to wait before the first question.
    pub fn pause(&self) -> Duration {
        self.pause
    }

    /// Whether the owner has agreed.
    ///
    /// # Errors
    /// `waited_too_long`, `platform_refused` when the owner said no; any other final answer of the platform.
    pub fn poll(&mut self, service: &Service, client: &Client) -> Result<Poll, Fault> {
        if service.clock.now_us() >= self.expires_us {
            return Err(expired());
        }
        let mut fields = service.client_fields(client);
        fields.extend([("grant_type", GRANT), ("device_code", self.device_code.as_str())]);
        let reply = service.post(&service.endpoints.token, &fields)?;
        match reply.json().get("error").and_then(Value::as_str) {
            Some("authorization_pending") => return Ok(Poll::Wait(self.pause)),
            Some("slow_down") => {
                self.pause += Duration::from_secs(5);
                return Ok(Poll::Wait(self.pause));
            }
            Some("expired_token") => return Err(expired()),
            Some("access_denied") => {
                let next = "start again, and agree";
                return Err(Fault::new(Code::PlatformRefused, "the owner of the account did not agree", next));
            }
            _ => {}
        }
        match service.grant(&reply, None) {
            Ok(grant) => Ok(Poll::Granted(Box::new(grant))),
            Err(Refusal::Fault(fault)) => Err(*fault),
            Err(Refusal::Ended(why)) => Err(expired().with_detail(why)),
        }
    }
}

fn expired() -> Fault {
    Fault::new(Code::WaitedTooLong, "the code ran out before anybody agreed", "start again")
}

impl Service {
    /// Tells the platform that a grant is not needed any more.
    ///
    /// # Errors
    /// `usage` when it has no such address, `platform_unavailable`, `platform_refused`.
    pub fn revoke(&self, client: &Client, grant: &Grant) -> Result<(), Fault> {
        let url = self.endpoints.revoke.as_deref().ok_or_else(|| {
            let next = format!("remove omniva from the account's list of apps on {}", self.platform);
            Fault::new(Code::Usage, format!("{} revokes no tokens by itself", self.platform), next)
        })?;
        let token = grant.refresh_token.as_deref().unwrap_or(&grant.access_token);
        let mut fields = self.client_fields(client);
        fields.push(("token", token));
        let reply = self.post(url, &fields)?;
        // A token that they do not know any more is revoked.
        if reply.ok() || reply.status == 400 {
            return Ok(());
        }
        Err(Fault::new(
            Code::PlatformUnavailable,
            format!("{} did not revoke the token (HTTP status {})", self.platform, reply.status),
            "try again, or remove omniva from the account's list of apps",
        ))
    }
}
