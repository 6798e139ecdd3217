//! One sentence for each kind of packet. What a packet does not say is left out of the sentence; kinds that are not
//! known here are shown in the chain and never narrated.

use omniva_contracts::engine::{EntityRef, Packet, shown_target};
use serde_json::Value;

use super::facts::Body;
use super::learning;

/// Characters of foreign text (titles, reasons) in one sentence.
const QUOTED: usize = 240;

/// On one line, without control characters, cut where it gets long.
pub(super) fn plain(text: &str) -> String {
    let mut out: String = String::new();
    for (count, c) in text.chars().map(|c| if c.is_control() { ' ' } else { c }).enumerate() {
        if count == QUOTED {
            out.push('…');
            break;
        }
        out.push(c);
    }
    out.trim().trim_end_matches('.').to_owned()
}

pub(super) fn name(entity: &EntityRef) -> String {
    format!("{}/{}", entity.entity_type.as_str(), entity.entity_id)
}

/// `: text`, or nothing.
fn after(text: Option<&str>) -> String {
    text.map(|text| format!(": {}", plain(text))).unwrap_or_default()
}

/// ` (code)`, or nothing.
fn coded(body: Body<'_>) -> String {
    body.text("code").map(|code| format!(" ({})", plain(code))).unwrap_or_default()
}

fn to(body: Body<'_>) -> String {
    body.text("target").map(|target| format!(" to {}", plain(shown_target(target)))).unwrap_or_default()
}

fn joined(parts: impl IntoIterator<Item = Option<String>>) -> String {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
}

/// Kinds that the story of a job tells together, and rulings: see there.
pub(super) fn told_elsewhere(kind: &str) -> bool {
    kind.starts_with("job.") || kind == "deliberation.ruled"
}

pub(super) fn sentence(packet: &Packet) -> Option<String> {
    let kind = packet.draft.kind.as_str();
    let text = match kind.split_once('.')?.0 {
        "source" | "post" | "video" | "analysis" => source(kind, packet)?,
        "clip" => clip(kind, Body::of(packet))?,
        "upload" | "schedule" => publishing(kind, packet)?,
        "project" | "creator" | "queue" | "engine" | "maintenance" | "zenith" => running(kind, packet)?,
        "engagement" => learning::engagement(kind, Body::of(packet), &plain(&packet.draft.source))?,
        "learning" => learning::learning(kind, Body::of(packet))?,
        _ => other(kind, packet)?,
    };
    Some(format!("{text}."))
}

fn source(kind: &str, packet: &Packet) -> Option<String> {
    let body = Body::of(packet);
    let found = |key: &str, what: &str| body.count(key).map(|n| format!("{n} {what}"));
    Some(match kind {
        "source.scanned" => {
            let skipped = body.list("skipped").len();
            let skipped = (skipped > 0).then(|| format!("{skipped} skipped"));
            format!("The creator's source was looked through{}", joined([found("found", "new items"), skipped]))
        }
        "post.captured" => {
            let item = body.text("platform_post_id").map(|id| format!(" {}", plain(id))).unwrap_or_default();
            let url = body.text("url").map(|url| format!(" from {}", plain(url))).unwrap_or_default();
            format!("The item{item} was fetched{url}")
        }
        "video.normalised" => {
            let title = body.text("title").map(|title| format!(" “{}”", plain(title))).unwrap_or_default();
            let seconds = body.number("duration_seconds").map(|s| format!("{s:.1} s"));
            let checksum = body.text("checksum").map(|sum| format!("SHA-256 {}", short(sum)));
            format!("The video{title} was taken in{}", joined([seconds, body.text("resolution").map(plain), checksum]))
        }
        "video.duplicate" => {
            let of = body.text("duplicate_of").map(|id| format!(" as video {}", plain(id))).unwrap_or_default();
            format!("The item has the same content{of}, so it was not taken in again")
        }
        "video.rejected" => format!("The video was not taken{}{}", coded(body), after(body.text("why"))),
        "video.quarantined" => format!("The video was set aside{}{}", coded(body), after(body.text("why"))),
        "analysis.made" => {
            let scores = [("virality_score", "virality"), ("relevance_score", "relevance")]
                .map(|(key, what)| body.number(key).map(|x| format!("{what} {x:.2}")));
            let [virality, relevance] = scores;
            let counts = [found("candidates", "candidates looked at"), found("chosen", "chosen"), virality, relevance];
            let why = body.text("why_none").map(|why| format!("; {}", plain(why))).unwrap_or_default();
            format!("The video was analysed{}{why}", joined(counts))
        }
        _ => return None,
    })
}

fn short(sum: &str) -> String {
    sum.chars().take(12).collect()
}

pub(super) fn span(body: Body<'_>) -> String {
    match (body.number("start_time"), body.number("end_time")) {
        (Some(start), Some(end)) => format!(" from {start:.1} s to {end:.1} s"),
        _ => String::new(),
    }
}

fn clip(kind: &str, body: Body<'_>) -> Option<String> {
    let reason = body.text("reason").or_else(|| body.text("why"));
    let moved = |what: &str| {
        let fault = body.0.get("fault").filter(|fault| fault.is_object()).map(Body);
        let fault = fault.map(|f| format!("{}{}", coded(f), after(f.text("message")))).unwrap_or_default();
        format!("The clip {what}{fault}")
    };
    Some(match kind {
        "clip.chosen" => {
            let sure = body.number("confidence").map(|c| format!(" with confidence {c:.2}")).unwrap_or_default();
            format!("The candidate{} was chosen{sure}{}", span(body), after(reason))
        }
        "clip.rejected" if body.number("start_time").is_some() => {
            format!("The candidate{} was not chosen{}{}", span(body), coded(body), after(reason))
        }
        "clip.rejected" => format!("The clip was rejected{}{}", coded(body), after(reason)),
        "clip.quarantined" => format!("The clip was set aside{}{}", coded(body), after(reason)),
        "clip.editing" => moved("went into editing"),
        "clip.rendered" => {
            let measured = [
                body.number("seconds").map(|s| format!("{s:.1} s long")),
                body.text("encoder").map(|e| format!("encoder {}", plain(e))),
                body.number("wall_seconds").map(|s| format!("{s:.1} s of work")),
                body.text("sha256").map(|sum| format!("SHA-256 {}", short(sum))),
            ];
            format!("The clip was rendered and passed every check{}", joined(measured))
        }
        "clip.refused" => {
            let names = body.list("failed_checks").iter().map(|check| Body(check).text("name").map(plain));
            format!("The render did not pass its checks{}", joined(names))
        }
        "clip.failed" => moved("failed"),
        "clip.scheduled" => moved("waits for its time"),
        "clip.uploading" => moved("is being published"),
        "clip.released" => moved("was given back"),
        "clip.published" => format!("The clip was published{}", to(body)),
        _ => return None,
    })
}

fn publishing(kind: &str, packet: &Packet) -> Option<String> {
    let body = Body::of(packet);
    let time = |key: &str| body.text(key).map(|time| format!(" {}", plain(time))).unwrap_or_default();
    Some(match kind {
        "upload.ordered" | "upload.requested" => {
            let who = if kind == "upload.ordered" { "Zenith".to_owned() } else { plain(&packet.draft.source) };
            let title = body.text("title").map(|title| format!(" as “{}”", plain(title))).unwrap_or_default();
            format!("{who} ordered the upload{}{title}", to(body))
        }
        "upload.blocked" => {
            format!("The upload{} was not ordered: its file could not be made{}", to(body), after(body.text("why")))
        }
        "upload.ended" => {
            let status = body.text("status").map(|status| format!(" as {}", plain(status))).unwrap_or_default();
            format!("The upload{} ended{status}", to(body))
        }
        "upload.no_channel" => format!("The clip goes nowhere{}", after(body.text("why"))),
        "schedule.recommended" => {
            format!("The scheduler recommended{}{}", time("recommended_time"), after(body.text("why")))
        }
        "schedule.unplaced" => {
            let next = body.text("proposal").map(|next| format!("; Horizon proposes: {}", plain(next)));
            format!("No time was found{}{}{}", coded(body), after(body.text("why")), next.unwrap_or_default())
        }
        "schedule.missed" => {
            let policy = body.text("policy").map(|policy| format!(" (policy: {})", plain(policy)));
            format!("The slot{} passed before the upload began{}", time("was"), policy.unwrap_or_default())
        }
        "schedule.moved" => {
            let who = plain(&packet.draft.source);
            format!("{who} moved it from{} to{}{}", time("from"), time("to"), after(body.text("why")))
        }
        "schedule.locked" => format!("{} locked its time{}", plain(&packet.draft.source), after(body.text("reason"))),
        "schedule.unlocked" => {
            format!("{} unlocked its time{}", plain(&packet.draft.source), after(body.text("reason")))
        }
        "schedule.recalculated" => {
            format!("{} had the calendar planned anew{}", plain(&packet.draft.source), after(body.text("reason")))
        }
        "schedule.slot_refused" => format!("The slot{} was refused{}", time("slot"), coded(body)),
        "schedule.confirmed" => format!("Its time is final:{}", time("time")),
        "schedule.cancelled" => format!("The schedule was cancelled{}{}", coded(body), after(body.text("why"))),
        "schedule.recalculation_requested" => {
            format!("{} asked for new times{}", plain(&packet.draft.source), after(body.text("reason")))
        }
        _ => return None,
    })
}

/// What operators and the engine itself do with projects, sources and queues.
fn running(kind: &str, packet: &Packet) -> Option<String> {
    let body = Body::of(packet);
    let who = plain(&packet.draft.source);
    let why = after(body.text("reason").or_else(|| body.text("why")));
    Some(match kind {
        "project.created" => format!("{who} made the project{}", after(body.text("name"))),
        "project.started" => format!("{who} started the project{why}"),
        "project.stopped" => format!("{who} stopped the project{why}"),
        "project.updated" => format!("{who} changed the project's settings{why}"),
        "creator.added" => format!("{who} added the creator{}", after(body.text("username"))),
        "creator.updated" => format!("{who} changed the creator{why}"),
        "creator.removed" => format!("{who} removed the creator{why}"),
        "queue.paused" => format!("{who} paused the queue{why}"),
        "queue.resumed" => format!("{who} resumed the queue{why}"),
        "queue.drained" => format!("{who} had the queue run out{why}"),
        "queue.scaled" => format!("{who} gave the queue another limit{why}"),
        "queue.released" => format!("{who} released the queue{why}"),
        "engine.started" => "The engine started".to_owned(),
        "engine.stopped" => "The engine stopped".to_owned(),
        "maintenance.done" => {
            let removed = body.count("removed_files").map(|n| format!("{n} files removed"));
            format!("Maintenance was done{}", joined([body.text("task").map(plain), removed]))
        }
        "zenith.reflected" => format!("Zenith looked back on its last cycle{}", after(body.text("summary"))),
        _ => return None,
    })
}

fn other(kind: &str, packet: &Packet) -> Option<String> {
    let body = Body::of(packet);
    let who = plain(&packet.draft.source);
    let order = || {
        body.0.get("order").and_then(|o| Body(o).text("order").map(plain)).map(|o| format!(" {o}")).unwrap_or_default()
    };
    Some(match kind {
        "edit.requested" => format!("{who} ordered an edit of the clip"),
        "scrape.requested" => format!("{who} ordered a look at the source"),
        "override.imposed" => {
            let approve = body.0.get("approve").and_then(Value::as_bool);
            let what = match approve {
                Some(true) => "imposed a yes",
                Some(false) => "imposed a no",
                None => "imposed a decision",
            };
            format!("{who} {what}{}", after(body.text("reason")))
        }
        "recovery.ordered" => {
            let delay = body.number("delay_seconds").map(|s| format!(" after {s:.0} s")).unwrap_or_default();
            format!("Another round was ordered{delay}{}", after(body.text("why")))
        }
        "recovery.declined" => format!("No other round was given{}{}", coded(body), after(body.text("why"))),
        "directive.issued" => format!("An order was given:{}{}", order(), after(body.text("why"))),
        "directive.dispatched" => format!("The order{} was carried out", order()),
        "api.answered" => {
            let parts = [body.text("method").map(plain), body.text("path").map(plain)];
            let what: Vec<String> = parts.into_iter().flatten().collect();
            format!("{who} asked the engine: {}", what.join(" "))
        }
        _ => return None,
    })
}

/// For the chain: the sentence, or what can be said of a kind that is not known.
pub(super) fn summary(packet: &Packet) -> String {
    sentence(packet).unwrap_or_else(|| format!("{} about {}", plain(&packet.draft.kind), name(&packet.draft.entity)))
}
