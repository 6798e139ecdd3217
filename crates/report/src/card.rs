//! One chosen clip: player, words, scores, council, edit, quality control, files.

use omniva_contracts::choice::Verdict;
use omniva_contracts::qc::QcReport;

use crate::escape::{Short, address};
use crate::format::{bytes, clock, count, finite, words};
use crate::masthead::fault;
use crate::view::{Card, View};
use crate::{council, edit, scores};

pub fn section(out: &mut String, view: &View<'_>) {
    if view.cards.is_empty() {
        return;
    }
    let title = if view.record.dry_run { "The planned clips" } else { "The clips" };
    put!(
        out,
        "<section id=\"clips\" aria-labelledby=\"h-clips\"><div class=\"section-head\"><h2 id=\"h-clips\">{title}</h2></div>"
    );
    for card in &view.cards {
        one(out, view, card);
    }
    out.push_str("</section>");
}

fn one(out: &mut String, view: &View<'_>, card: &Card<'_>) {
    let anchor = &card.anchor;
    put!(out, "<article class=\"clip\" id=\"{anchor}\" aria-labelledby=\"t-{anchor}\"><div class=\"stage\">");
    player(out, view, card);
    files(out, card);
    out.push_str("</div><div class=\"story\">");
    head(out, view, card);
    if let Some(f) = card.failure {
        out.push_str("<div class=\"notice grave\"><p>");
        fault_inline(out, &f.fault);
        out.push_str("</p></div>");
    }
    words_of(out, card);
    why(out, card);
    if let Some(c) = card.candidate {
        out.push_str("<h4>Scores, and what they are made of</h4>");
        scores::both(out, c);
        out.push_str("<h4>What the council said</h4>");
        council::plot(out, c);
        scores::ranking(out, c);
    }
    if let Some(made) = &card.made {
        let extra = card.qc.map(|q| q.duration - made.plan.duration()).filter(|e| *e > 0.25 && has_bookends(card));
        edit::section(out, made, extra);
    }
    quality(out, card);
    more(out, card);
    out.push_str("</div></article>");
}

fn has_bookends(card: &Card<'_>) -> bool {
    card.made.as_ref().is_some_and(|m| m.plan.brand.intro.is_some() || m.plan.brand.outro.is_some())
}

fn fault_inline(out: &mut String, f: &omniva_contracts::Fault) {
    // `details` may not stand inside a paragraph: the technical detail is given in the notices above.
    let plain = omniva_contracts::Fault { detail: String::new(), ..f.clone() };
    fault(out, &plain);
}

fn player(out: &mut String, view: &View<'_>, card: &Card<'_>) {
    let shape = card.made.as_ref().map_or((9, 16), |m| m.plan.canvas.aspect.size());
    let rank = card.rank;
    if let Some(src) = card.files.and_then(|f| address(&f.video)) {
        put!(
            out,
            "<video controls preload=\"metadata\" playsinline width=\"{}\" height=\"{}\" aria-label=\"Clip {rank}, captions are part of the picture\" data-clip=\"{}\"",
            shape.0,
            shape.1,
            card.anchor
        );
        if let Some(t) = &card.thumbnail {
            put!(out, " poster=\"{t}\"");
        }
        put!(out, "><source src=\"{src}\" type=\"video/mp4\"><a href=\"{src}\">Download clip {rank}</a></video>");
        return;
    }
    let state = if card.failure.is_some() {
        "not delivered"
    } else if view.record.dry_run {
        "dry run: not rendered"
    } else {
        "no file"
    };
    put!(
        out,
        "<svg class=\"no-video\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"Clip {rank}, {state}\"><rect width=\"100%\" height=\"100%\"/><text class=\"numeral\" x=\"50%\" y=\"50%\">{rank}</text><text class=\"state\" x=\"50%\" y=\"60%\">{state}</text></svg>",
        shape.0,
        shape.1
    );
}

fn head(out: &mut String, view: &View<'_>, card: &Card<'_>) {
    put!(out, "<p class=\"kicker\"><span class=\"rank\">{}</span>", card.rank);
    let span = card.candidate.map(|c| c.span).or(card.made.as_ref().map(|m| m.plan.source_span));
    if let Some(span) = span {
        put!(out, "{}–{} of the source", clock(span.start), clock(span.end));
    }
    if let Some(m) = &card.made {
        put!(out, " · {:.1} s", finite(m.plan.duration()));
    }
    match view.row(card.id) {
        Some(row) => put!(out, " · <a href=\"#c{row}\">candidate {}</a>", Short(card.id, 40)),
        None => put!(out, " · candidate {}", Short(card.id, 40)),
    }
    if let Some(q) = card.qc {
        let (class, text) =
            if q.passed() { ("ok", "passed quality control") } else { ("bad", "failed quality control") };
        put!(out, " · <span class=\"{class}\">{text}</span>");
    }
    out.push_str("</p>");
    match card.title() {
        Some(title) => put!(out, "<h3 id=\"t-{}\" dir=\"auto\">{}</h3>", card.anchor, Short(title, 300)),
        None => put!(out, "<h3 id=\"t-{}\">Clip {}</h3>", card.anchor, card.rank),
    }
}

fn words_of(out: &mut String, card: &Card<'_>) {
    let Some(m) = &card.made else { return };
    if !m.draft.description.trim().is_empty() {
        put!(out, "<p class=\"description\" dir=\"auto\">{}</p>", Short(m.draft.description.trim(), 5500));
    }
    scores::tags(out, "Keywords", &m.draft.keywords);
}

fn why(out: &mut String, card: &Card<'_>) {
    if let Some(Verdict::Chosen { reason, .. }) = card.candidate.map(|c| &c.verdict) {
        put!(out, "<p class=\"why\"><b>Why this one.</b> It {}.</p>", Short(reason.trim_end_matches('.'), 1200));
    }
}

fn files(out: &mut String, card: &Card<'_>) {
    if let Some(f) = card.files {
        out.push_str("<ul class=\"files\" aria-label=\"Files\">");
        let optional = [("SRT", &f.srt), ("VTT", &f.vtt), ("ASS", &f.ass)];
        let fixed = [("MP4", &f.video), ("JPG", &f.thumbnail), ("JSON", &f.record)];
        let all = fixed.into_iter().chain(optional.into_iter().filter_map(|(n, f)| Some((n, f.as_ref()?))));
        for (name, file) in all {
            if let Some(href) = address(file) {
                put!(out, "<li><a href=\"{href}\" title=\"{}\">{name}</a></li>", Short(file, 200));
            }
        }
        out.push_str("</ul>");
    }
    let Some(m) = card.measured else { return };
    put!(out, "<dl class=\"small\"><div><dt>Encoder</dt><dd>{}", Short(&m.encoder, 60));
    if !m.encoder_note.is_empty() {
        put!(out, " <small>{}</small>", Short(&m.encoder_note, 300));
    }
    out.push_str("</dd></div>");
    if let Some(q) = card.qc {
        put!(
            out,
            "<div><dt>Loudness</dt><dd>{:.1} → {:.1} LUFS</dd></div>",
            finite(m.loudness_before),
            finite(q.integrated_lufs)
        );
        put!(out, "<div><dt>File</dt><dd>{}</dd></div>", bytes(q.bytes));
    }
    let time = if m.from_cache {
        "kept from an earlier run".to_owned()
    } else {
        format!("{:.1} s ({:.1} s of CPU)", finite(m.wall_seconds), finite(m.cpu_seconds))
    };
    put!(out, "<div><dt>Rendered in</dt><dd>{time}</dd></div></dl>");
}

fn quality(out: &mut String, card: &Card<'_>) {
    let Some(q) = card.qc else { return };
    let failed = q.failed().count();
    let state = if failed == 0 {
        format!("{} passed", count(q.checks.len(), "check", "checks"))
    } else {
        format!("{failed} of {} failed", count(q.checks.len(), "check", "checks"))
    };
    out.push_str("<h4>Quality control</h4><ul class=\"marks\" aria-label=\"Checks\">");
    for c in q.checks.iter().take(60) {
        put!(out, "<li class=\"{}\">{}</li>", if c.passed { "ok" } else { "bad" }, Short(&words(&c.name), 60));
    }
    put!(out, "</ul><details class=\"qc\"{}><summary>{state}</summary>", if failed > 0 { " open" } else { "" });
    checks(out, q);
    for r in q.repairs.iter().take(10) {
        put!(out, "<p class=\"aside\"><b>Repaired once.</b> {}</p>", Short(r, 400));
    }
    put!(
        out,
        "<p class=\"quiet\">{} frames, {:.3} s, SHA-256 <code>{}</code></p></details>",
        q.frames,
        finite(q.duration),
        Short(&q.sha256, 64)
    );
}

fn checks(out: &mut String, q: &QcReport) {
    out.push_str("<table class=\"plain checks\"><thead><tr><th scope=\"col\">Check</th><th scope=\"col\">Measured</th><th scope=\"col\">Must be</th><th scope=\"col\">Result</th></tr></thead><tbody>");
    for c in q.checks.iter().take(60) {
        let (class, text) = if c.passed { ("ok", "pass") } else { ("bad", "fail") };
        put!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td><span class=\"{class}\">{text}</span></td></tr>",
            Short(&words(&c.name), 60),
            Short(&c.measured, 200),
            Short(&c.limit, 200)
        );
    }
    out.push_str("</tbody></table>");
}

fn more(out: &mut String, card: &Card<'_>) {
    let Some(m) = &card.made else { return };
    if !m.transcript.trim().is_empty() {
        put!(
            out,
            "<details><summary>Transcript of the clip</summary><p class=\"transcript\" dir=\"auto\">{}</p></details>",
            Short(m.transcript.trim(), 12_000)
        );
    }
    if !m.draft.style_deltas.is_empty() {
        out.push_str("<details><summary>How the words were written</summary><dl class=\"deltas\">");
        for d in m.draft.style_deltas.iter().take(20) {
            put!(
                out,
                "<div><dt>{}: {}</dt><dd><del dir=\"auto\">{}</del><ins dir=\"auto\">{}</ins></dd></div>",
                Short(&d.field, 40),
                Short(&d.why, 200),
                Short(&d.before, 600),
                Short(&d.after, 600)
            );
        }
        out.push_str("</dl></details>");
    }
}
