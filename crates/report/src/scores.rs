//! Scores and their parts as stacked bars: one segment a feature, as wide as the points it brings.

use omniva_contracts::choice::{Candidate, ScorePart};

use crate::escape::{E, Short};
use crate::format::{finite, words};

/// Features in the order of their colours; others share the last.
const FEATURES: [&str; 12] = [
    "hook",
    "payoff",
    "stands_alone",
    "keywords",
    "emotion",
    "energy",
    "clarity",
    "density",
    "novelty",
    "pace",
    "faces",
    "boundaries",
];

fn color(feature: &str) -> usize {
    FEATURES.iter().position(|f| *f == feature).unwrap_or(FEATURES.len())
}

/// The two scores of a candidate, each as figure, bar and list.
pub fn both(out: &mut String, c: &Candidate) {
    out.push_str("<div class=\"scores\">");
    one(out, "Virality", c.scores.virality, &c.scores.virality_parts);
    one(out, "Relevance", c.scores.relevance, &c.scores.relevance_parts);
    out.push_str("</div>");
}

fn one(out: &mut String, name: &str, score: f64, parts: &[ScorePart]) {
    let mut parts: Vec<&ScorePart> = parts.iter().take(24).collect();
    parts.sort_by(|a, b| b.points.total_cmp(&a.points).then_with(|| a.feature.cmp(&b.feature)));
    put!(out, "<div class=\"score\"><p class=\"score-head\"><span>{name}</span> <b>{:.2}</b></p>", finite(score));
    out.push_str(
        "<svg class=\"stack\" height=\"14\" aria-hidden=\"true\"><rect class=\"empty\" width=\"100%\" height=\"14\"/>",
    );
    let mut x = 0.0;
    for p in &parts {
        let w = finite(p.points).clamp(0.0, 1.0) * 100.0;
        put!(
            out,
            "<rect class=\"f{}\" x=\"{x:.2}%\" width=\"{:.2}%\" height=\"14\"/>",
            color(&p.feature),
            (w - 0.25).max(0.05)
        );
        x += w;
    }
    out.push_str("</svg><ul class=\"parts\">");
    for p in &parts {
        put!(
            out,
            "<li title=\"value {:.2} × weight {:.2}\"><i class=\"f{}\"></i>{} <b>{:.2}</b></li>",
            finite(p.value),
            finite(p.weight),
            color(&p.feature),
            Short(&words(&p.feature), 40),
            finite(p.points)
        );
    }
    out.push_str("</ul></div>");
}

/// A value 0..1 as a figure over a thin bar.
pub fn mini(out: &mut String, value: f64) {
    let v = finite(value);
    put!(
        out,
        "{v:.2}<svg class=\"mini\" height=\"3\" aria-hidden=\"true\"><rect width=\"{:.0}%\" height=\"3\"/></svg>",
        v.clamp(0.0, 1.0) * 100.0
    );
}

/// The line of figures below the scores: how the council and the balancing moved it.
pub fn ranking(out: &mut String, c: &Candidate) {
    put!(
        out,
        "<dl class=\"figures\"><div><dt>Consensus</dt><dd>{:.2}</dd></div><div><dt>Dissent</dt><dd>{:.2}</dd></div><div><dt>Topic balance</dt><dd>{:.2}</dd></div><div><dt>Mix</dt><dd>{:+.2}</dd></div><div><dt>Rank score</dt><dd>{:.3}</dd></div></dl>",
        finite(c.consensus),
        finite(c.dissent),
        finite(c.lattice_priority),
        finite(c.horizon_bias),
        finite(c.rank_score)
    );
}

/// Tags or keywords as a list.
pub fn tags(out: &mut String, label: &str, tags: &[String]) {
    if tags.is_empty() {
        return;
    }
    put!(out, "<ul class=\"tags\" aria-label=\"{label}\">");
    for tag in tags.iter().take(20) {
        put!(out, "<li>{}</li>", Short(tag, 60));
    }
    out.push_str("</ul>");
}

/// `code` as words, for a chip.
pub fn code(out: &mut String, code: &str) {
    let text = words(code);
    put!(out, "{}", E(&text));
}
