//! The token endpoint: a code, a refresh token or a long-lived token becomes an access token.

use omniva_contracts::config::Renewal;
use omniva_contracts::{Code, Fault, Silent};
use serde_json::Value;

use super::{Client, Grant, Service};
use crate::call::{Body, Reply, Request, excerpt, query, unreachable};

/// Why there is no token.
pub(super) enum Refusal {
    /// The grant has ended: the owner has to act. Holds the platform's words.
    Ended(String),
    Fault(Box<Fault>),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Refusal::Fault(Box::new(fault))
    }
}

impl Service {
    pub(super) fn exchange(
        &self,
        client: &Client,
        code: &str,
        redirect: &str,
        verifier: Option<&str>,
    ) -> Result<Grant, Refusal> {
        let mut fields = self.client_fields(client);
        fields.extend([("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect)]);
        fields.extend(verifier.map(|v| ("code_verifier", v)));
        let grant = self.token(&self.endpoints.token, &fields, None)?;
        match &self.endpoints.long_lived {
            None => Ok(grant),
            Some(url) => {
                let fields = [
                    ("grant_type", "ig_exchange_token"),
                    ("client_secret", client.secret.as_str()),
                    ("access_token", grant.access_token.as_str()),
                ];
                self.ask_get(url, &fields, Some(&grant))
            }
        }
    }

    /// A newer grant for an older one.
    pub(super) fn renew(&self, client: &Client, old: &Grant) -> Result<Grant, Refusal> {
        match (self.endpoints.renewal, &old.refresh_token, &self.endpoints.refresh) {
            (Renewal::RefreshToken, Some(token), _) => {
                let mut fields = self.client_fields(client);
                fields.extend([("grant_type", "refresh_token"), ("refresh_token", token.as_str())]);
                self.token(&self.endpoints.token, &fields, Some(old))
            }
            (Renewal::LongLived, _, Some(url)) => {
                let fields = [("grant_type", "ig_refresh_token"), ("access_token", old.access_token.as_str())];
                self.ask_get(url, &fields, Some(old))
            }
            _ => Err(Refusal::Ended("there is no refresh token".into())),
        }
    }

    pub(super) fn client_fields<'a>(&'a self, client: &'a Client) -> Vec<(&'a str, &'a str)> {
        vec![(self.endpoints.client_id_name.as_str(), client.id.as_str()), ("client_secret", client.secret.as_str())]
    }

    pub(super) fn post(&self, url: &str, fields: &[(&str, &str)]) -> Result<Reply, Fault> {
        let form = query(fields);
        let request = Request::new("POST", url)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Accept", "application/json")
            .body(Body::Bytes(form.as_bytes()));
        self.transport.send(&request, &Silent).map_err(|trouble| unreachable(self.platform, &trouble))
    }

    pub(super) fn token(&self, url: &str, fields: &[(&str, &str)], old: Option<&Grant>) -> Result<Grant, Refusal> {
        self.grant(&self.post(url, fields)?, old)
    }

    fn ask_get(&self, url: &str, fields: &[(&str, &str)], old: Option<&Grant>) -> Result<Grant, Refusal> {
        let request = Request::new("GET", format!("{url}?{}", query(fields))).header("Accept", "application/json");
        let reply = self.transport.send(&request, &Silent).map_err(|trouble| unreachable(self.platform, &trouble))?;
        self.grant(&reply, old)
    }

    /// Reads a token answer; what it does not repeat is taken from `old`.
    pub(super) fn grant(&self, reply: &Reply, old: Option<&Grant>) -> Result<Grant, Refusal> {
        let now = self.clock.now_us();
        let body = reply.json();
        // Instagram wraps the answer to a code in a list.
        let body = body.pointer("/data/0").unwrap_or(&body);
        let text = |key: &str| {
            body.get(key).and_then(Value::as_str).map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned)
        };
        let Some(access_token) = text("access_token").filter(|_| reply.ok()) else {
            return Err(self.refusal(reply, body));
        };
        let until = |key: &str| {
            let seconds = body.get(key).and_then(Value::as_i64)?;
            Some(now.saturating_add(seconds.clamp(0, 366 * 86_400) * 1_000_000))
        };
        let id = |key: &str| text(key).or_else(|| body.get(key).and_then(Value::as_u64).map(|n| n.to_string()));
        let scopes = text("scope").or_else(|| text("permissions"));
        let scopes = scopes.map(|all| all.split([' ', ',']).filter(|s| !s.is_empty()).map(str::to_owned).collect());
        Ok(Grant {
            access_token,
            // An answer without one means: the old one goes on.
            refresh_token: text("refresh_token").or_else(|| old.and_then(|old| old.refresh_token.clone())),
            obtained_us: now,
            // The short-lived token of Instagram says nothing; it lives an hour.
            expires_us: until("expires_in").unwrap_or(now.saturating_add(3_600_000_000)),
            refresh_expires_us: until("refresh_expires_in").or_else(|| old.and_then(|old| old.refresh_expires_us)),
            scopes: scopes.or_else(|| old.map(|old| old.scopes.clone())).unwrap_or_default(),
            subject: id("open_id").or_else(|| id("user_id")).or_else(|| old.and_then(|old| old.subject.clone())),
            ended: None,
        })
    }

    fn refusal(&self, reply: &Reply, body: &Value) -> Refusal {
        let platform = self.platform;
        let name = body.get("error").and_then(Value::as_str).or_else(|| body.get("error_type").and_then(Value::as_str));
        let said = ["error_description", "error_message"].iter().find_map(|key| body.get(*key).and_then(Value::as_str));
        let said = said.or_else(|| body.pointer("/error/message").and_then(Value::as_str));
        let words = excerpt(&[name, said].into_iter().flatten().collect::<Vec<_>>().join(": "));
        let oauth_code = body.pointer("/error/code").and_then(Value::as_i64);
        if matches!(name, Some("invalid_grant" | "access_token_invalid" | "invalid_token")) || oauth_code == Some(190) {
            return Refusal::Ended(words);
        }
        let now = self.clock.now_us();
        let fault = match reply.status {
            429 => Fault::new(
                Code::PlatformLimited,
                format!("{platform} gives no more tokens for now"),
                "nothing has to be done: it is tried again",
            )
            .not_before(reply.retry_after(now).unwrap_or(now.saturating_add(60_000_000))),
            400..=499 => Fault::new(
                Code::PlatformRefused,
                format!("{platform} refuses our client (HTTP status {})", reply.status),
                format!("check the client's id, secret and redirect address in the console of {platform}"),
            ),
            _ => Fault::new(
                Code::PlatformUnavailable,
                format!("{platform} gave no token (HTTP status {})", reply.status),
                "nothing has to be done: it is tried again",
            ),
        };
        fault.with_detail(words).into()
    }
}
