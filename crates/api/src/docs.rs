//! The interface for people: one page without anything from elsewhere.

use std::fmt::Write as _;
use std::sync::LazyLock;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::openapi::{common_errors, document, operation_id};
use crate::route::{Access, Answer, Route, routes};

const STYLE: &str = "
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--accent:#0a6}
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:0 auto;padding:1rem}
h1{margin-bottom:0}nav{columns:2;margin:1rem 0}nav a,h3 a{color:inherit}
section{border-top:1px solid var(--line);padding:.5rem 0 1rem}
code,pre{font:13px/1.45 ui-monospace,monospace}pre{background:var(--soft);padding:.6rem;overflow:auto;border-radius:4px}
.m{display:inline-block;min-width:4.2rem;font-weight:700;color:var(--accent)}
table{border-collapse:collapse}td{padding:.15rem .8rem .15rem 0;vertical-align:top}
.r{float:right;opacity:.7}
";

/// The page and its content security policy, which allows exactly its one style sheet.
pub fn page() -> (&'static str, &'static str) {
    static PAGE: LazyLock<(String, String)> = LazyLock::new(|| (build(), csp()));
    (&PAGE.0, &PAGE.1)
}

fn csp() -> String {
    format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        base64(&Sha256::digest(STYLE.as_bytes()))
    )
}

fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sign = |n: u32| SIGNS.get((n & 63) as usize).copied().map_or('=', char::from);
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |n: usize| u32::from(chunk.get(n).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        out.push(sign(word >> 18));
        out.push(sign(word >> 12));
        out.push(if chunk.len() > 1 { sign(word >> 6) } else { '=' });
        out.push(if chunk.len() > 2 { sign(word) } else { '=' });
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn build() -> String {
    let mut out = String::from("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    out.push_str(
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>omniva API</title><style>",
    );
    out.push_str(STYLE);
    out.push_str("</style></head><body><h1>omniva API</h1>");
    let about = document().pointer("/info/description").and_then(Value::as_str).unwrap_or_default();
    // Writing to a String can't fail.
    let _ = write!(
        out,
        "<p>{}</p><p>As a document for programs: <a href=\"/v1/openapi.json\">openapi.json</a></p>",
        marked(about)
    );
    out.push_str("<nav aria-label=\"Routes\">");
    for route in routes() {
        let _ = write!(
            out,
            "<div><a href=\"#{}\">{} {}</a></div>",
            operation_id(route),
            route.method.as_str(),
            escaped(route.path)
        );
    }
    out.push_str("</nav><main>");
    let mut group = "";
    for route in routes() {
        if route.group != group {
            group = route.group;
            let _ = write!(out, "<h2>{}</h2>", escaped(group));
        }
        section(&mut out, route);
    }
    out.push_str("</main></body></html>");
    out
}

/// Back-ticks become code.
fn marked(text: &str) -> String {
    let mut out = String::new();
    for (n, part) in text.split('`').enumerate() {
        let part = escaped(part);
        out.push_str(&if n % 2 == 1 { format!("<code>{part}</code>") } else { part });
    }
    out
}

fn section(out: &mut String, route: &Route) {
    let who = match route.access {
        Access::Open => "anyone".to_owned(),
        Access::From(role) => format!("{} and above", role.as_str()),
    };
    let _ = write!(
        out,
        "<section id=\"{}\"><h3><span class=\"r\">{who}</span><span class=\"m\">{}</span><code>{}</code></h3><p>{}</p>",
        operation_id(route),
        route.method.as_str(),
        escaped(route.path),
        marked(route.summary)
    );
    if !route.query.is_empty() {
        out.push_str("<table><tbody>");
        for p in route.query {
            let _ = write!(out, "<tr><td><code>{}</code></td><td>{}</td></tr>", p.name, marked(p.about));
        }
        out.push_str("</tbody></table>");
    }
    if let Some(body) = &route.body {
        let optional = if route.body_optional { " (may be left out)" } else { "" };
        let _ = write!(out, "<p>Body{optional}</p><pre>{}</pre>", pretty(body.example));
    }
    match &route.answer {
        Answer::Data(shape) => {
            let _ = write!(out, "<p>{} with <code>data</code></p><pre>{}</pre>", route.status, pretty(shape.example));
        }
        Answer::Raw(kind) => {
            let _ = write!(out, "<p>{} as <code>{}</code></p>", route.status, escaped(kind));
        }
        Answer::Socket => {
            out.push_str("<p>A WebSocket. Messages are JSON: <code>hello</code> once, then <code>packet</code> with <code>id</code> and <code>packet</code>.</p>");
        }
    }
    let common = common_errors(route);
    let codes: Vec<String> = route
        .errors
        .iter()
        .filter(|own| !common.contains(own))
        .map(|(status, code)| format!("{status} <code>{code}</code>"))
        .collect();
    if !codes.is_empty() {
        let _ = write!(out, "<p>Errors of its own: {}</p>", codes.join(", "));
    }
    out.push_str("</section>");
}

fn pretty(example: &str) -> String {
    let value: Value = serde_json::from_str(example).unwrap_or_default();
    escaped(&serde_json::to_string_pretty(&value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_known() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn the_page_names_every_route_and_loads_nothing() {
        let (page, csp) = page();
        for route in routes() {
            assert!(page.contains(&format!("id=\"{}\"", operation_id(route))), "{}", route.path);
        }
        for bad in ["<script", "src=", "http://", "@import", "url("] {
            assert!(!page.contains(bad), "{bad}");
        }
        assert!(csp.starts_with("default-src 'none'"));
    }
}
