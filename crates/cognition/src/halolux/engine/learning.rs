//! What posts achieved and what was learnt from it, in words.

use serde_json::Value;

use super::facts::Body;
use super::words::plain;

/// Changes of a step that are told; the packet names more.
const CHANGES: usize = 3;

pub(super) fn engagement(kind: &str, body: Body<'_>, who: &str) -> Option<String> {
    let channel = body.text("channel").map(plain).unwrap_or_default();
    let count = |key: &str| body.count(key).unwrap_or_default();
    let mut text = match kind {
        "engagement.measured" => {
            format!(
                "The figures of {} posts on {channel} were asked for: {} points came back",
                count("asked"),
                count("samples")
            )
        }
        "engagement.imported" => {
            let strangers = match count("strangers") {
                0 => String::new(),
                n => format!(", {n} rows were of posts that are not ours"),
            };
            format!("{who} imported {} points of posts on {channel}{strangers}", count("samples"))
        }
        "engagement.requested" => format!("{who} asked for the figures of all posts"),
        _ => return None,
    };
    for (key, what) in [("not_yet", "have none yet"), ("missing", "have none any more")] {
        if count(key) > 0 {
            text.push_str(&format!(", {} posts {what}", count(key)));
        }
    }
    if let Some(why) = body.text("why") {
        text.push_str(&format!("; it stopped: {}", plain(why)));
    }
    Some(text)
}

pub(super) fn learning(kind: &str, body: Body<'_>) -> Option<String> {
    Some(match kind {
        "learning.step" => step(body),
        "learning.alarm" => format!("The audience has changed: {}", body.text("words").map(plain)?),
        "learning.refused" => {
            let channel = body.text("channel").map(plain).unwrap_or_default();
            format!("Nothing could be learnt of {channel}: {}", body.text("why").map(plain).unwrap_or_default())
        }
        _ => return None,
    })
}

fn step(body: Body<'_>) -> String {
    let said: Vec<String> = body.list("narrative").iter().filter_map(Value::as_str).map(plain).collect();
    let (before, after) = (body.count("version_before").unwrap_or(0), body.count("version_after").unwrap_or(0));
    let version = match after == before {
        true => format!("Version {after} stays"),
        false => format!("Version {before} became {after}"),
    };
    let changes = body.list("changes");
    let named: Vec<String> = changes.iter().take(CHANGES).filter_map(|change| changed(Body(change))).collect();
    let named = if named.is_empty() { String::new() } else { format!(": {}", named.join("; ")) };
    let said = if said.is_empty() { String::new() } else { format!("{}. ", said.join(". ")) };
    format!("{said}{version}{named}")
}

fn changed(body: Body<'_>) -> Option<String> {
    let (what, before, after) = (body.text("what")?, body.number("before")?, body.number("after")?);
    let held = match (body.text("bound"), body.number("wanted")) {
        (Some(bound), Some(wanted)) if !bound.is_empty() => format!(" (wanted {wanted:.2}, held by {})", plain(bound)),
        _ => String::new(),
    };
    Some(format!("{} from {before:.2} to {after:.2}{held}", plain(what)))
}
