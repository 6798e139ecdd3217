//! Tokens as the platforms give them: codes once, refresh tokens that may rotate, access tokens that may be taken away.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::http::{Answer, Request};

pub const CLIENT_ID: &str = "client-7";
pub const CLIENT_SECRET: &str = "PLANTED-client-secret-c4n4ry";

/// How the hash of a verifier is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Challenge {
    Base64,
    Hex,
}

pub struct Tokens {
    prefix: &'static str,
    /// `client_id`, or TikTok's `client_key`.
    id_field: &'static str,
    challenge: Challenge,
    /// A refresh gives a new refresh token, and the old one ends.
    rotates: bool,
    made: u64,
    access: BTreeSet<String>,
    refresh: BTreeSet<String>,
    codes: BTreeMap<String, (String, String)>,
    /// Everything that was granted is taken back.
    pub revoked: bool,
    pub renewals: u64,
    pub scope: String,
    /// Seconds that an access token lives.
    pub expires_in: i64,
    /// Answers of the device flow that are still to come before it is granted.
    pub device_pending: Vec<&'static str>,
}

impl Tokens {
    pub fn new(prefix: &'static str, id_field: &'static str, challenge: Challenge, rotates: bool, scope: &str) -> Self {
        Self {
            prefix,
            id_field,
            challenge,
            rotates,
            made: 0,
            access: BTreeSet::new(),
            refresh: BTreeSet::new(),
            codes: BTreeMap::new(),
            revoked: false,
            renewals: 0,
            scope: scope.to_owned(),
            expires_in: 3_600,
            device_pending: Vec::new(),
        }
    }

    /// An access token and a refresh token, as if an owner had agreed.
    pub fn grant(&mut self) -> (String, String) {
        (self.make_access(), self.make_refresh())
    }
    pub fn good(&self, access: Option<&str>) -> bool {
        !self.revoked && access.is_some_and(|token| self.access.contains(token))
    }
    pub fn take_away(&mut self, access: Option<&str>) {
        if let Some(token) = access {
            self.access.remove(token);
        }
    }

    fn make_access(&mut self) -> String {
        self.made += 1;
        let token = format!("PLANTED-{}-access-{}", self.prefix, self.made);
        self.access.insert(token.clone());
        token
    }
    fn make_refresh(&mut self) -> String {
        self.made += 1;
        let token = format!("PLANTED-{}-refresh-{}", self.prefix, self.made);
        self.refresh.insert(token.clone());
        token
    }

    /// The consent page, where the owner agrees at once: gives where the browser goes.
    pub fn consent(&mut self, query: &[(String, String)]) -> Result<String, String> {
        let field =
            |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, v)| v.clone()).ok_or(format!("no {name}"));
        if field(self.id_field)? != CLIENT_ID || field("response_type")? != "code" {
            return Err("client or response type".into());
        }
        if field("code_challenge_method")? != "S256" || field("scope")?.is_empty() {
            return Err("no challenge, or no scope".into());
        }
        let (redirect, state) = (field("redirect_uri")?, field("state")?);
        if !redirect.starts_with("http://127.0.0.1:") || state.len() < 32 {
            return Err("redirect or state".into());
        }
        self.made += 1;
        let code = format!("PLANTED-code-{}", self.made);
        self.codes.insert(code.clone(), (field("code_challenge")?, redirect.clone()));
        Ok(format!("{redirect}?code={code}&state={state}"))
    }

    /// The token endpoint.
    pub fn token(&mut self, request: &Request) -> Answer {
        let form = request.form();
        let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
        let no = |status: u16, error: &str| {
            Answer::json(status, &json!({ "error": error, "error_description": "emulated" }))
        };
        if request.header("content-type") != Some("application/x-www-form-urlencoded") {
            return no(400, "invalid_request");
        }
        if field(self.id_field) != CLIENT_ID || field("client_secret") != CLIENT_SECRET {
            return no(401, "invalid_client");
        }
        match field("grant_type") {
            "authorization_code" => {
                let Some((challenge, redirect)) = self.codes.remove(field("code")) else {
                    return no(400, "invalid_grant");
                };
                if redirect != field("redirect_uri") || self.hash(field("code_verifier")) != challenge {
                    return no(400, "invalid_grant");
                }
                let (access, refresh) = self.grant();
                self.answer(&access, Some(&refresh))
            }
            "refresh_token" => {
                if self.revoked || !self.refresh.contains(field("refresh_token")) {
                    return no(400, "invalid_grant");
                }
                self.renewals += 1;
                let access = self.make_access();
                if !self.rotates {
                    return self.answer(&access, None);
                }
                // The old one goes on for a while, as a lost answer would otherwise lock everybody out.
                let refresh = self.make_refresh();
                self.answer(&access, Some(&refresh))
            }
            "urn:ietf:params:oauth:grant-type:device_code" if field("device_code") == "PLANTED-device" => {
                match self.device_pending.pop() {
                    Some("authorization_pending") => no(428, "authorization_pending"),
                    Some(error) => no(403, error),
                    None => {
                        let (access, refresh) = self.grant();
                        self.answer(&access, Some(&refresh))
                    }
                }
            }
            _ => no(400, "unsupported_grant_type"),
        }
    }

    fn answer(&self, access: &str, refresh: Option<&str>) -> Answer {
        let mut body: Value = json!({
            "access_token": access, "expires_in": self.expires_in, "scope": self.scope, "token_type": "Bearer",
        });
        if let Some(refresh) = refresh {
            body["refresh_token"] = json!(refresh);
        }
        Answer::json(200, &body)
    }

    fn hash(&self, verifier: &str) -> String {
        let hash = Sha256::digest(verifier.as_bytes());
        match self.challenge {
            Challenge::Base64 => URL_SAFE_NO_PAD.encode(hash),
            Challenge::Hex => hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}
