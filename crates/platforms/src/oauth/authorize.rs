//! Authorisation code with PKCE and a redirect to this machine (RFC 8252).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use omniva_contracts::config::Pkce;
use omniva_contracts::{Fault, Monitor, hex};
use omniva_vault::Entropy;
use sha2::{Digest, Sha256};

use super::token::Refusal;
use super::{Account, Client, Grant, Loopback, Service};
use crate::call::query;

/// What the owner of an account has to agree to.
pub struct Consent {
    /// The page to open in a browser.
    pub url: String,
    pub(super) state: String,
    verifier: Option<String>,
    redirect: String,
}

impl Service {
    /// Draws state and verifier for one consent.
    ///
    /// # Errors
    /// `internal` without random numbers.
    pub fn consent(&self, client: &Client, redirect: &str, entropy: &dyn Entropy) -> Result<Consent, Fault> {
        let word = || -> Result<String, Fault> {
            let mut bytes = [0u8; 32];
            entropy.fill(&mut bytes)?;
            Ok(URL_SAFE_NO_PAD.encode(bytes))
        };
        let state = word()?;
        let verifier = if self.endpoints.pkce == Pkce::None { None } else { Some(word()?) };
        let challenge = verifier.as_deref().map(|verifier| challenge(self.endpoints.pkce, verifier));
        let asked = &self.endpoints;
        let scopes = [&asked.scopes[..], &asked.insight_scopes, &asked.optional_scopes].concat();
        let scope = scopes.join(&self.endpoints.scope_separator);
        let mut fields = vec![
            (self.endpoints.client_id_name.as_str(), client.id.as_str()),
            ("response_type", "code"),
            ("redirect_uri", redirect),
            ("scope", scope.as_str()),
            ("state", state.as_str()),
        ];
        if let Some(challenge) = &challenge {
            fields.extend([("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")]);
        }
        fields.extend(self.endpoints.extra.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let url = format!("{}?{}", self.endpoints.authorize, query(&fields));
        Ok(Consent { url, state, verifier, redirect: redirect.to_owned() })
    }

    /// Redeems the code that came back.
    ///
    /// # Errors
    /// `platform_refused`, `platform_unavailable`, `platform_limited`, `platform_reconnect` when the code was refused.
    pub fn redeem(&self, client: &Client, consent: &Consent, code: &str) -> Result<Grant, Fault> {
        let grant = self.exchange(client, code, &consent.redirect, consent.verifier.as_deref());
        grant.map_err(|refusal| match refusal {
            Refusal::Fault(fault) => *fault,
            Refusal::Ended(why) => Fault::new(
                omniva_contracts::Code::PlatformReconnect,
                format!("{} did not take the code of the consent page", self.platform),
                "start again, and agree within a few minutes",
            )
            .with_detail(why),
        })
    }
}

/// The whole way: shows the page (`show` gets its address), waits for the browser to come back, and keeps the grant.
///
/// # Errors
/// Those of the loopback, of the token endpoint and of the vault.
pub fn authorize(
    service: &Service,
    accounts: &super::Accounts,
    account: &Account,
    entropy: &dyn Entropy,
    show: &dyn Fn(&str),
    monitor: &dyn Monitor,
) -> Result<(), Fault> {
    let client = Client::load(accounts.secrets(), service.platform)?;
    let loopback = Loopback::bind()?;
    let consent = service.consent(&client, &loopback.redirect(), entropy)?;
    show(&consent.url);
    let code = loopback.wait(&consent, monitor)?;
    let grant = service.redeem(&client, &consent, &code)?;
    accounts.connect(account, &grant)
}

fn challenge(kind: Pkce, verifier: &str) -> String {
    let hash = Sha256::digest(verifier.as_bytes());
    match kind {
        Pkce::S256Hex => hex(&hash),
        Pkce::S256 | Pkce::None => URL_SAFE_NO_PAD.encode(hash),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_of_the_rfc() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"; // RFC 7636, appendix B
        assert_eq!(challenge(Pkce::S256, verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_eq!(challenge(Pkce::S256Hex, verifier).len(), 64);
    }
}
