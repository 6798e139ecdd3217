//! Every candidate with its verdict and the reason for it.

use omniva_contracts::choice::{Candidate, Verdict};

use crate::escape::Short;
use crate::format::{clock, finite, module};
use crate::timeline::filters;
use crate::view::{View, kind};
use crate::{council, scores};

/// Heading, key that the script sorts by (`data-…` of the row), whether it is a number.
const COLUMNS: [(&str, &str, bool); 8] = [
    ("Candidate", "start", false),
    ("Opens with", "text", false),
    ("Length", "length", true),
    ("Virality", "virality", true),
    ("Relevance", "relevance", true),
    ("Rank score", "score", true),
    ("Verdict", "verdict", false),
    ("Reason", "text", false),
];

pub fn section(out: &mut String, view: &View<'_>) {
    out.push_str("<section id=\"candidates\" aria-labelledby=\"h-candidates\"><div class=\"section-head\"><h2 id=\"h-candidates\">Every candidate, and why</h2>");
    if view.listed.is_empty() {
        out.push_str("<p class=\"lede\">No candidate was found in this source.</p></div></section>");
        return;
    }
    out.push_str("<p class=\"lede\">Nothing is dropped without a reason. Open a row for its scores and the council’s votes.</p></div>");
    filters(out, view, "tb", "table");
    out.push_str("<div class=\"table-wrap\"><table class=\"candidates\" id=\"table\"><caption class=\"sr\">All candidates in order of time</caption><thead><tr>");
    for (name, key, number) in COLUMNS {
        let class = if number { " class=\"num\"" } else { "" };
        if key == "text" {
            put!(out, "<th scope=\"col\">{name}</th>");
        } else {
            put!(out, "<th scope=\"col\" data-key=\"{key}\"{class}>{name}</th>");
        }
    }
    out.push_str("</tr></thead><tbody>");
    for (row, c) in view.listed.iter().enumerate() {
        line(out, view, row, c);
    }
    out.push_str("</tbody></table></div><p class=\"quiet js\" id=\"no-match\" hidden>No candidate matches the filter.</p></section>");
}

fn line(out: &mut String, view: &View<'_>, row: usize, c: &Candidate) {
    let (name, verdict_key) = match &c.verdict {
        Verdict::Chosen { rank, .. } => ("Chosen", format!("0-{rank:04}")),
        Verdict::Rejected { by, code, .. } => {
            let name = module(*by).0;
            (name, format!("1-{name}-{code}"))
        }
    };
    put!(
        out,
        "<tr id=\"c{row}\" class=\"{}\" data-row=\"{row}\" data-start=\"{:.3}\" data-length=\"{:.3}\" data-virality=\"{:.6}\" data-relevance=\"{:.6}\" data-score=\"{:.6}\" data-verdict=\"{}\">",
        kind(c),
        finite(c.span.start),
        c.span.length(),
        finite(c.scores.virality),
        finite(c.scores.relevance),
        finite(c.rank_score),
        Short(&verdict_key, 80)
    );
    put!(
        out,
        "<th scope=\"row\"><span class=\"id\">{}</span><span class=\"at\">{}–{}</span></th>",
        Short(&c.id, 40),
        clock(c.span.start),
        clock(c.span.end)
    );
    let opening = if c.opening.trim().is_empty() { "(no speech)" } else { c.opening.as_str() };
    put!(
        out,
        "<td class=\"opens\"><details><summary dir=\"auto\">{}</summary><div class=\"more\">",
        Short(opening, 200)
    );
    scores::both(out, c);
    council::list(out, c);
    scores::ranking(out, c);
    scores::tags(out, "Tags", &c.tags);
    put!(out, "</div></details></td><td class=\"num\" data-label=\"Length\">{:.1} s</td>", c.span.length());
    for (label, value) in
        [("Virality", c.scores.virality), ("Relevance", c.scores.relevance), ("Rank score", c.rank_score)]
    {
        put!(out, "<td class=\"num\" data-label=\"{label}\">");
        scores::mini(out, value);
        out.push_str("</td>");
    }
    put!(out, "<td class=\"verdict\"><span class=\"badge {}\"><span class=\"swatch\"></span>{name}</span>", kind(c));
    match &c.verdict {
        Verdict::Chosen { rank, .. } => put!(out, "<span class=\"code\">number {rank}</span>"),
        Verdict::Rejected { code, .. } => {
            out.push_str("<span class=\"code\">");
            scores::code(out, code);
            out.push_str("</span>");
        }
    }
    out.push_str("</td><td class=\"reason\">");
    reason(out, view, c);
    out.push_str("</td></tr>");
}

/// The reason in words, with a link to the candidate that it lost to or to its own clip.
pub fn reason(out: &mut String, view: &View<'_>, c: &Candidate) {
    match &c.verdict {
        Verdict::Chosen { rank, reason } => {
            put!(out, "{}.", Short(reason.trim_end_matches('.'), 600));
            if let Some(card) = view.card_of(&c.id) {
                put!(out, " <a href=\"#{}\">See clip {rank}</a>", card.anchor);
            }
        }
        Verdict::Rejected { reason, because_of, .. } => {
            put!(out, "{}.", Short(reason.trim_end_matches('.'), 600));
            if let Some((row, id)) = because_of.as_deref().and_then(|id| Some((view.row(id)?, id))) {
                put!(out, " <a href=\"#c{row}\">See {}</a>", Short(id, 40));
            }
        }
    }
}
