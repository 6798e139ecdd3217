//! Secrets that a source is asked with, by name: what the vault holds for `secret:NAME`, and what an operator may put there.

use omniva_contracts::engine::secret_name;
use omniva_contracts::{Code, Fault};
use omniva_vault::Secret;

use crate::net::Net;
use crate::ytdlp::{check_jar, check_proxy};

/// Beginnings of names that the engine gives to secrets of its own, with what keeps them.
const OWN: [(&str, &str); 4] = [
    ("account/", "omniva auth youtube, tiktok or instagram"),
    ("client/", "omniva auth youtube, tiktok or instagram"),
    ("session/", "the engine alone"),
    ("webhook/", "omniva auth webhook"),
];

/// A secret, with the name that faults may show.
pub(crate) struct Named {
    pub name: String,
    pub value: Secret,
}

/// What the vault holds for `secret:NAME`.
///
/// # Errors
/// `config_invalid` when there is none, or the text names none; those of the vault.
pub(crate) fn named(net: &Net, reference: &str) -> Result<Named, Fault> {
    let name = secret_name(reference).ok_or_else(|| {
        Fault::new(Code::ConfigInvalid, "a proxy or cookies are not named as a secret", "write secret:NAME")
    })?;
    let found = net.secrets().map_or(Ok(None), |secrets| secrets.get(name))?;
    let value = found.ok_or_else(|| {
        Fault::new(
            Code::ConfigInvalid,
            format!("the vault holds no secret {name}, which a source is to be asked with"),
            format!("omniva auth secret {name} --file FILE"),
        )
    })?;
    Ok(Named { name: name.to_owned(), value })
}

/// Whether an operator may keep `value` under `name`. `proxy/…` and `cookies/…` are read as what they say they are, so that a
/// mistake is told when it is made.
///
/// # Errors
/// `usage` for a name that is none or belongs to the engine; `config_invalid`, `auth_failed` for a proxy or cookies that
/// can't be used. No fault repeats anything of the value.
pub fn check_secret(name: &str, value: &Secret) -> Result<(), Fault> {
    if !omniva_contracts::engine::is_secret_name(name) {
        let next = "up to 100 letters, digits, - _ . and /, e.g. proxy/home";
        return Err(Fault::new(Code::Usage, format!("{name:?} can't be the name of a secret"), next));
    }
    if let Some((own, keeper)) = OWN.iter().find(|(own, _)| name.starts_with(own)) {
        let message = format!("secrets under {own} are kept by {keeper}");
        return Err(Fault::new(Code::Usage, message, "use that, or choose another name"));
    }
    match name.split_once('/') {
        Some(("proxy", _)) => check_proxy(name, value),
        Some(("cookies", _)) => check_jar(name, value.expose()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_engine_are_its_own_and_mistakes_are_told_without_the_value() {
        let jar = "# Netscape HTTP Cookie File\n.x.org\tTRUE\t/\tTRUE\t0\tsession\thunter2\n";
        for (name, value) in [
            ("drafter", "sk-hunter2"),
            ("proxy/home", "http://u:hunter2@10.0.0.1:3128\n"),
            ("proxy/socks", "socks5://[fd00::1]:1080"),
            ("cookies/youtube", jar),
        ] {
            check_secret(name, &value.into()).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        }
        for (name, value, code) in [
            ("a b", "x", Code::Usage),
            ("account/youtube/main", "x", Code::Usage),
            ("webhook/cms", "x", Code::Usage),
            ("proxy/x", "ftp://u:hunter2@x:1", Code::ConfigInvalid),
            ("proxy/x", "hunter2", Code::ConfigInvalid),
            ("cookies/x", "session=hunter2", Code::AuthFailed),
            ("cookies/x", "# Netscape HTTP Cookie File\n.x.org\tTRUE\t/\thunter2\n", Code::AuthFailed),
        ] {
            let fault = check_secret(name, &value.into()).unwrap_err();
            assert_eq!(fault.code, code, "{name}: {fault:?}");
            assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
        }
    }
}
