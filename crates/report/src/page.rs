//! The whole page: policy, style, content, data, script.

use base64::Engine as _;
use omniva_contracts::Fault;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::escape::{self, Short};
use crate::format::finite;
use crate::view::{Card, View};
use crate::{card, masthead, table, timeline, transcript};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

pub fn write(view: &View<'_>) -> Result<String, Fault> {
    let data = escape::json(&data(view))?;
    let mut out = String::with_capacity(1 << 20);
    out.push_str("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    // Our one script and one style sheet, pictures inside the page, clips beside it: nothing else loads or runs.
    put!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; media-src 'self' file:; base-uri 'none'; form-action 'none'\">",
        hash(SCRIPT),
        hash(STYLE)
    );
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\"><meta name=\"referrer\" content=\"no-referrer\">");
    put!(
        out,
        "<title>{} · Omniva clip report</title><style>{STYLE}</style></head><body>",
        Short(&view.record.source_name, 200)
    );
    out.push_str("<a class=\"skip\" href=\"#main\">Skip to the content</a>");
    masthead::header(&mut out, view);
    navigation(&mut out, view);
    out.push_str("<main id=\"main\">");
    masthead::notices(&mut out, view);
    timeline::section(&mut out, view);
    card::section(&mut out, view);
    table::section(&mut out, view);
    transcript::section(&mut out, view);
    masthead::about(&mut out, view);
    out.push_str("</main>");
    masthead::footer(&mut out, view);
    put!(out, "<script type=\"application/json\" id=\"data\">{data}</script><script>{SCRIPT}</script></body></html>\n");
    Ok(out)
}

/// A source of the policy: the hash of exactly this text.
fn hash(text: &str) -> String {
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text.as_bytes())))
}

fn navigation(out: &mut String, view: &View<'_>) {
    out.push_str("<nav aria-label=\"Sections\"><ul><li><a href=\"#timeline\">Timeline</a></li>");
    for card in &view.cards {
        put!(out, "<li><a href=\"#{}\">Clip {}</a></li>", card.anchor, card.rank);
    }
    out.push_str("<li><a href=\"#candidates\">Candidates</a></li>");
    if !view.timeline().sentences.is_empty() {
        out.push_str("<li><a href=\"#transcript\">Transcript</a></li>");
    }
    out.push_str("<li><a href=\"#run\">How it was made</a></li></ul></nav>");
}

/// What the script needs besides the page itself: how a clip's time maps to the source's.
fn data(view: &View<'_>) -> Value {
    let clips: Vec<Value> = view.cards.iter().filter_map(clip).collect();
    json!({ "duration": view.duration, "clips": clips })
}

fn clip(card: &Card<'_>) -> Option<Value> {
    let plan = card.made.as_ref()?.plan;
    let keep: Vec<Value> =
        plan.keep.iter().map(|k| json!([finite(k.source.start), finite(k.source.end), finite(k.out)])).collect();
    // Intro and outro lengths are only known as a sum, so with both the playhead would be a guess: null turns it off.
    let offset = match (&plan.brand.intro, &plan.brand.outro) {
        (None, _) => Some(0.0),
        (Some(_), None) => card.qc.map(|q| finite(q.duration - plan.duration()).max(0.0)),
        (Some(_), Some(_)) => None,
    };
    Some(json!({
        "clip": card.anchor,
        "rank": card.rank,
        "start": finite(plan.source_span.start),
        "end": finite(plan.source_span.end),
        "offset": offset,
        "keep": keep,
    }))
}
