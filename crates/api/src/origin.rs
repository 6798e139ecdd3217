//! What browsers may do: requests that change something, and sockets, only from the API's own pages; names that resolve
//! to this machine do not make another site its own (DNS rebinding).

use omniva_actors::office::Refusal;
use warp::http::HeaderMap;

use crate::config::ApiConfig;

/// `Host` without its port; brackets of IPv6 stay.
fn name_of(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.find(']')) {
        Some(end) => host.get(..end + 2).unwrap_or(host),
        None => host.split(':').next().unwrap_or(host),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|v| v.to_str().unwrap_or("\u{fffd}"))
}

/// Errors: `HOST_REFUSED`.
pub fn host(headers: &HeaderMap, config: &ApiConfig) -> Result<(), Refusal> {
    let name = name_of(text(headers, "host").unwrap_or_default()).to_ascii_lowercase();
    let loopback = matches!(name.as_str(), "localhost" | "127.0.0.1" | "[::1]");
    let known = config.hosts.iter().any(|h| h.eq_ignore_ascii_case(&name));
    let anything = !config.bind.ip().is_loopback() && config.hosts.is_empty() && !name.is_empty();
    let own = name == config.bind.ip().to_string();
    if loopback || known || anything || own {
        return Ok(());
    }
    Err(Refusal::new(
        403,
        "HOST_REFUSED",
        "this server does not go by that name: use its address, or add the name to its hosts",
    ))
}

/// For changes and sockets. Programs other than browsers send neither header.
///
/// Errors: `ORIGIN_REFUSED`.
pub fn origin(headers: &HeaderMap, config: &ApiConfig) -> Result<(), Refusal> {
    let refused = || Refusal::new(403, "ORIGIN_REFUSED", "a page of another site may not do this");
    if headers.get_all("origin").iter().count() > 1 {
        return Err(refused());
    }
    let Some(origin) = text(headers, "origin") else {
        return match text(headers, "sec-fetch-site") {
            None | Some("same-origin" | "none") => Ok(()),
            Some(_) => Err(refused()),
        };
    };
    let host = text(headers, "host").unwrap_or_default();
    let own =
        ["http://", "https://"].iter().any(|s| origin.strip_prefix(s).is_some_and(|o| !o.is_empty() && o == host));
    if own || config.origins.iter().any(|o| o == origin) { Ok(()) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (n.parse().expect("name"), v.parse().expect("value"))).collect()
    }

    #[test]
    fn names_of_other_sites_are_refused_on_loopback() {
        let config = ApiConfig::new(([127, 0, 0, 1], 8420).into());
        for good in ["localhost", "LOCALHOST:8420", "127.0.0.1:9", "[::1]:8420"] {
            assert!(host(&headers(&[("host", good)]), &config).is_ok(), "{good}");
        }
        for bad in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", ""] {
            assert_eq!(host(&headers(&[("host", bad)]), &config).expect_err("refused").code, "HOST_REFUSED", "{bad}");
        }
        assert!(host(&headers(&[]), &config).is_err());
        let named = ApiConfig { hosts: vec!["clips.example".into()], ..config };
        assert!(host(&headers(&[("host", "clips.example:443")]), &named).is_ok());
    }

    #[test]
    fn only_own_pages_change_things() {
        let mut config = ApiConfig::new(([127, 0, 0, 1], 8420).into());
        config.origins.push("https://panel.example".into());
        let check = |pairs: &[(&'static str, &str)]| {
            let mut all = vec![("host", "localhost:8420")];
            all.extend_from_slice(pairs);
            origin(&headers(&all), &config).is_ok()
        };
        assert!(check(&[]));
        assert!(check(&[("origin", "http://localhost:8420")]));
        assert!(check(&[("origin", "https://panel.example")]));
        assert!(check(&[("sec-fetch-site", "same-origin")]));
        for bad in
            ["null", "http://localhost", "http://localhost:84200", "https://panel.example.evil", "http://", "file://"]
        {
            assert!(!check(&[("origin", bad)]), "{bad}");
        }
        assert!(!check(&[("sec-fetch-site", "cross-site")]));
        assert!(!check(&[("sec-fetch-site", "same-site")]));
        assert!(!check(&[("origin", "http://localhost:8420"), ("origin", "http://evil.example")]));
    }
}
