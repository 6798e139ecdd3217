//! The head of the page (what was clipped, what came of it) and its foot (how it was made).

use omniva_contracts::Fault;
use serde_json::Value;

use crate::escape::{E, Short};
use crate::format::{bytes, count, finite, language, length, words};
use crate::view::View;

/// Warnings and notes that are shown.
const LINES: usize = 40;

pub fn header(out: &mut String, view: &View<'_>) {
    let r = view.record;
    let delivered = r.clips.len();
    out.push_str("<header class=\"masthead\"><p class=\"kicker\"><span class=\"mark\" aria-hidden=\"true\"></span>Omniva · clip report</p>");
    put!(out, "<h1 dir=\"auto\">{}</h1>", Short(&r.source_name, 300));
    let (clips, from) = (count(delivered, "clip", "clips"), length(view.duration));
    let verdict = match (r.dry_run, delivered, r.failures.len()) {
        (true, _, _) => format!("{} planned from {from}, nothing rendered", count(view.cards.len(), "clip", "clips")),
        (false, 0, 0) => format!("No clip from {from}"),
        (false, _, 0) => format!("{clips} ready to post from {from}"),
        (false, 0, f) => format!("No clip from {from}: {f} could not be delivered"),
        (false, _, f) => format!("{clips} ready to post from {from}; {f} could not be delivered"),
    };
    put!(out, "<p class=\"standfirst\">{verdict}.</p>");
    facts(out, view);
    out.push_str("</header>");
}

fn facts(out: &mut String, view: &View<'_>) {
    let d = &view.record.decisions;
    let m = &d.media;
    out.push_str("<dl class=\"facts\">");
    let mut fact = |name: &str, value: &str, note: &str| {
        put!(out, "<div><dt>{name}</dt><dd>{}<small>{}</small></dd></div>", E(value), E(note));
    };
    fact("Source", &length(m.duration), &format!("{} · {}", bytes(m.bytes), m.container.demuxer()));
    match &m.video {
        Some(v) => {
            fact("Picture", &format!("{} × {}", v.width, v.height), &format!("{} at {} fps", v.codec, trim(v.fps)))
        }
        None => fact("Picture", "none", "sound only"),
    }
    match &m.audio {
        Some(a) => fact(
            "Sound",
            channels(a.channels),
            &format!("{} at {} kHz", a.codec, trim(f64::from(a.sample_rate) / 1000.0)),
        ),
        None => fact("Sound", "none", "picture only"),
    }
    match &d.language {
        Some(l) => fact(
            "Language",
            language(&l.code).unwrap_or(&l.code),
            &format!("{:.0} % sure", finite(l.confidence) * 100.0),
        ),
        None => fact("Language", "unknown", "no speech recognised"),
    }
    let voices = d.timeline.turns.iter().map(|t| t.speaker).collect::<std::collections::BTreeSet<_>>().len();
    fact("Voices", &voices.to_string(), &count(d.timeline.topics.len(), "topic", "topics"));
    fact("Candidates", &d.choice.candidates.len().to_string(), &format!("{} chosen", d.choice.chosen.len()));
    let memory = view.record.measured.peak_memory_bytes;
    let note = if memory > 0 { format!("{} of memory", bytes(memory)) } else { String::new() };
    fact("Run", &length(view.record.measured.wall_seconds), &note);
    out.push_str("</dl>");
}

fn trim(v: f64) -> String {
    let text = format!("{:.3}", finite(v));
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn channels(n: u32) -> &'static str {
    match n {
        1 => "mono",
        2 => "stereo",
        _ => "surround",
    }
}

/// Dry run, nothing chosen, failures, warnings, notes: what must be seen before anything else.
pub fn notices(out: &mut String, view: &View<'_>) {
    let r = view.record;
    let choice = &r.decisions.choice;
    let mut inner = String::new();
    if r.dry_run {
        inner.push_str("<div class=\"notice info\"><h2>Dry run</h2><p>Everything was decided and nothing was rendered. Run the same command without <code>--dry-run</code> to get the clips; the finished stages are kept.</p></div>");
    }
    if let Some(why) = &choice.why_none {
        put!(
            inner,
            "<div class=\"notice grave\"><h2>Why there is no clip</h2><p class=\"big\" dir=\"auto\">{}</p></div>",
            Short(why, 2000)
        );
    } else if view.cards.is_empty() {
        inner.push_str("<div class=\"notice grave\"><h2>There is no clip</h2><p>No candidate was chosen; the table below gives the reason for each.</p></div>");
    }
    if !r.failures.is_empty() {
        put!(
            inner,
            "<div class=\"notice grave\"><h2>{} could not be delivered</h2><ul class=\"faults\">",
            count(r.failures.len(), "clip", "clips")
        );
        for f in r.failures.iter().take(LINES) {
            inner.push_str("<li>");
            if let Some(card) = view.card_of(&f.candidate) {
                put!(inner, "<a href=\"#{}\">Clip {}</a> ", card.anchor, f.rank);
            }
            fault(&mut inner, &f.fault);
            inner.push_str("</li>");
        }
        inner.push_str("</ul></div>");
    }
    lines(&mut inner, "Warnings", &r.decisions.warnings, "warn");
    lines(&mut inner, "Notes of the council", &choice.notes, "info");
    if !inner.is_empty() {
        put!(out, "<section class=\"notices\" aria-label=\"Notices\">{inner}</section>");
    }
}

/// Message, code and next step.
pub fn fault(out: &mut String, f: &Fault) {
    put!(
        out,
        "<span class=\"message\">{}</span> <code>{}</code> <span class=\"next\"><b>Next step:</b> {}</span>",
        Short(&f.message, 1000),
        f.code.as_str(),
        Short(&f.next_step, 600)
    );
    if !f.detail.is_empty() {
        put!(out, "<details><summary>Detail</summary><pre tabindex=\"0\">{}</pre></details>", Short(&f.detail, 4000));
    }
}

fn lines(out: &mut String, title: &str, lines: &[String], class: &str) {
    if lines.is_empty() {
        return;
    }
    put!(out, "<div class=\"notice {class}\"><h2>{title}</h2><ul>");
    for l in lines.iter().take(LINES) {
        put!(out, "<li>{}</li>", Short(l, 800));
    }
    if lines.len() > LINES {
        put!(out, "<li>… and {} more in run.json</li>", lines.len() - LINES);
    }
    out.push_str("</ul></div>");
}

/// Models, stages, configuration.
pub fn about(out: &mut String, view: &View<'_>) {
    let r = view.record;
    let d = &r.decisions;
    out.push_str("<section id=\"run\" aria-labelledby=\"h-run\"><div class=\"section-head\"><h2 id=\"h-run\">How it was made</h2></div><div class=\"columns\">");
    out.push_str("<div><h3>Models</h3><div class=\"table-wrap\" role=\"region\" aria-label=\"Models\" tabindex=\"0\"><table class=\"plain\"><thead><tr><th scope=\"col\">Used for</th><th scope=\"col\">Model</th><th scope=\"col\">SHA-256</th></tr></thead><tbody>");
    for m in d.models.iter().take(LINES) {
        put!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td><code title=\"{}\">{}</code></td></tr>",
            Short(&words(&m.role), 60),
            Short(&m.name, 80),
            Short(&m.sha256, 64),
            Short(&m.sha256, 12)
        );
    }
    out.push_str("</tbody></table></div></div><div><h3>Stages</h3><table class=\"plain\"><thead><tr><th scope=\"col\">Stage</th><th scope=\"col\" class=\"num\">Time</th></tr></thead><tbody>");
    for s in r.measured.stages.iter().take(200) {
        let time = if s.from_cache { "kept from an earlier run".to_owned() } else { length(s.wall_seconds) };
        put!(out, "<tr><th scope=\"row\">{}</th><td class=\"num\">{time}</td></tr>", Short(&s.stage, 120));
    }
    out.push_str("</tbody></table></div></div>");
    out.push_str("<dl class=\"small\">");
    if !d.media.repairs.is_empty() {
        let names: Vec<String> = d.media.repairs.iter().map(wire).collect();
        put!(out, "<div><dt>Repaired on ingest</dt><dd>{}</dd></div>", E(&names.join(", ")));
    }
    put!(out, "<div><dt>Source, SHA-256</dt><dd><code>{}</code></dd></div>", Short(&d.media.sha256, 64));
    put!(out, "<div><dt>Configuration, SHA-256</dt><dd><code>{}</code></dd></div>", Short(&d.config_sha256, 64));
    out.push_str("</dl></section>");
}

pub fn footer(out: &mut String, view: &View<'_>) {
    let r = view.record;
    put!(
        out,
        "<footer><p>Omniva {} · finished {} · all figures stand in <a href=\"./run.json\">run.json</a> (schema {}).</p></footer>",
        Short(&r.omniva_version, 40),
        Short(&r.measured.finished_at, 40),
        Short(&r.schema_version, 20)
    );
}

/// Wire name of a unit-like value, as words.
pub fn wire(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => words(&name),
        _ => String::new(),
    }
}
