//! The source from its first second to its last: what was heard and seen, and every candidate as a bar.

use omniva_contracts::choice::{Candidate, Module, Verdict};

use crate::escape::Short;
use crate::format::{clock, count, length, module};
use crate::lanes::pack;
use crate::tracks::Plot;
use crate::view::{View, kind};

/// Smallest width of a bar as a share of the axis, so that it can be seen and hit.
const MIN_BAR: f64 = 0.004;

/// Room that a chosen bar and its number take, as a share of the axis.
const NUMBERED: f64 = 0.02;

const MODULES: [Module; 9] = [
    Module::Eclipse,
    Module::Stardust,
    Module::Paradox,
    Module::Lattice,
    Module::Horizon,
    Module::Pantheon,
    Module::Chorus,
    Module::Halolux,
    Module::Zenith,
];

pub fn section(out: &mut String, view: &View<'_>) {
    let t = view.timeline();
    let mut plot = Plot::new(view.duration);
    plot.axis();
    let sound_top = plot.y;
    plot.waveform(t.waveform.step, &t.waveform.values);
    plot.strip("Speech", 18, "speech", t.speech.iter().map(|s| (s.start, s.end)));
    plot.voices(t.turns.iter().map(|t| (t.start, t.end, t.speaker)));
    plot.topics(&t.topics);
    let shots: Vec<(f64, f64)> = t.shots.iter().map(|s| (s.start, s.end)).collect();
    plot.shots(&shots);
    plot.strip("Faces", 18, "face", t.faces.iter().map(|s| (s.start, s.end)));
    plot.peaks(&t.peaks);
    plot.gap(10);
    let mut bars = String::new();
    candidates(&mut plot, &mut bars, view);
    plot.gap(4);
    let height = plot.y;

    out.push_str("<section id=\"timeline\" aria-labelledby=\"h-timeline\"><div class=\"section-head\"><h2 id=\"h-timeline\">The source, second by second</h2>");
    put!(
        out,
        "<p class=\"lede\">{} of source, {} examined, {} weighed. Each bar is a candidate: the chosen stand first and are numbered, the rejected are grouped by the module that turned them down.</p></div>",
        length(view.duration),
        count(usize::try_from(view.record.decisions.choice.windows_scanned).unwrap_or(usize::MAX), "window", "windows"),
        count(view.record.decisions.choice.candidates.len(), "candidate", "candidates")
    );
    filters(out, view, "tl", "timeline");
    out.push_str("<figure class=\"timeline\"><div class=\"frame\">");
    put!(out, "<svg class=\"gutter\" width=\"92\" height=\"{height}\" aria-hidden=\"true\">{}</svg>", plot.gutter);
    out.push_str("<div class=\"scroll\" id=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Timeline of the source, scrolls sideways\">");
    put!(
        out,
        "<svg class=\"plot\" id=\"plot\" height=\"{height}\" role=\"group\" aria-label=\"Timeline with {}\">",
        count(view.listed.len(), "candidate", "candidates")
    );
    for c in view.listed.iter().filter(|c| c.chosen()) {
        put!(
            out,
            "<rect class=\"band\" x=\"{:.3}%\" width=\"{:.3}%\" y=\"{sound_top}\" height=\"{}\"/>",
            plot.x(c.span.start),
            plot.w(c.span.start, c.span.end),
            height - sound_top
        );
    }
    out.push_str(&plot.svg);
    put!(out, "<g id=\"bars\" role=\"list\" aria-label=\"Candidates\">{bars}</g>");
    out.push_str("<line id=\"cross\" class=\"cross\" y1=\"0\" y2=\"100%\" visibility=\"hidden\"/><g id=\"head\" visibility=\"hidden\"><line class=\"head\" y1=\"0\" y2=\"100%\"/></g></svg></div></div>");
    out.push_str("<figcaption><span id=\"readout\" class=\"readout\">Speech, voices, topics, hard cuts, faces and loud moments as they were found.</span><span class=\"zoom js\" hidden role=\"group\" aria-label=\"Zoom of the timeline\"><button type=\"button\" id=\"zoom-out\" aria-label=\"Zoom out\">−</button><output id=\"zoom-level\">1×</output><button type=\"button\" id=\"zoom-in\" aria-label=\"Zoom in\">+</button></span></figcaption></figure>");
    if view.listed.is_empty() {
        out.push_str("<p class=\"quiet\">There was nothing to weigh: no candidate was found.</p>");
    } else {
        out.push_str("<div class=\"inspector js\" id=\"inspector\" hidden role=\"region\" aria-label=\"Selected candidate\"><p class=\"quiet\">Point at a bar, or focus the bars and move with the arrow keys, to read why that candidate was chosen or rejected.</p></div>");
    }
    if view.unlisted > 0 {
        put!(
            out,
            "<p class=\"quiet\">Shown are the chosen and the {} best; {} more stand in run.json.</p>",
            view.listed.len(),
            view.unlisted
        );
    }
    out.push_str("</section>");
}

/// Lanes: the chosen, then one band for each module that rejected something.
fn candidates(plot: &mut Plot, bars: &mut String, view: &View<'_>) {
    let rows: Vec<(usize, &Candidate)> = view.listed.iter().enumerate().map(|(i, c)| (i, *c)).collect();
    let chosen: Vec<(usize, &Candidate)> = rows.iter().filter(|(_, c)| c.chosen()).copied().collect();
    if !chosen.is_empty() {
        band(plot, bars, view, &chosen, "Chosen", 24);
    }
    let height = if rows.len() > 150 { 8 } else { 11 };
    for m in MODULES {
        let lost: Vec<(usize, &Candidate)> = rows
            .iter()
            .filter(|(_, c)| matches!(c.verdict, Verdict::Rejected { by, .. } if by == m))
            .copied()
            .collect();
        if !lost.is_empty() {
            let (name, _) = module(m);
            plot.gap(8);
            band(plot, bars, view, &lost, &format!("{name} · {}", lost.len()), height);
        }
    }
}

fn band(
    plot: &mut Plot,
    bars: &mut String,
    view: &View<'_>,
    members: &[(usize, &Candidate)],
    label: &str,
    height: u32,
) {
    let least = view.duration * MIN_BAR;
    let spans: Vec<(f64, f64)> =
        members.iter().map(|(_, c)| (c.span.start, c.span.end.max(c.span.start + least))).collect();
    // Neighbours that share less than a pixel still fit into one lane.
    let tolerance = view.duration / 1000.0;
    let room: Vec<(f64, f64)> = members
        .iter()
        .zip(&spans)
        .map(
            |((_, c), &(start, end))| {
                if c.chosen() { (start, end.max(start + view.duration * NUMBERED)) } else { (start, end) }
            },
        )
        .collect();
    let (lanes, n) = pack(&room, -tolerance);
    let top = plot.track(label, height * u32::try_from(n).unwrap_or(1).max(1));
    for (((row, c), lane), (start, end)) in members.iter().zip(&lanes).zip(&spans) {
        let y = top + height * u32::try_from(*lane).unwrap_or(0);
        let (x, w) = (plot.x(*start), plot.w(*start, *end).max(MIN_BAR * 100.0));
        let (target, words) = match &c.verdict {
            Verdict::Chosen { rank, .. } => {
                let own = view.card_of(&c.id).map(|card| card.anchor.clone());
                (own.unwrap_or_else(|| format!("c{row}")), format!("chosen as number {rank}"))
            }
            Verdict::Rejected { by, code, .. } => {
                (format!("c{row}"), format!("rejected by {}, {}", module(*by).0, code))
            }
        };
        put!(
            bars,
            "<g role=\"listitem\"><a href=\"#{target}\" class=\"bar {}\" data-row=\"{row}\" aria-label=\"{}, {} to {}, {}\"><svg x=\"{x:.3}%\" width=\"{w:.3}%\" y=\"{y}\" height=\"{height}\"><rect y=\"1\" width=\"100%\" height=\"{}\" rx=\"2\"/>",
            kind(c),
            Short(&c.id, 40),
            clock(c.span.start),
            clock(c.span.end),
            Short(&words, 120),
            height - 2
        );
        match &c.verdict {
            Verdict::Chosen { rank, .. } if w >= NUMBERED * 100.0 => {
                put!(bars, "<text class=\"on-bar\" x=\"6\" y=\"{}\">{rank}</text></svg>", height / 2 + 5);
            }
            // Too narrow for its number, which then stands right of it.
            Verdict::Chosen { rank, .. } => {
                put!(
                    bars,
                    "</svg><text class=\"by-bar\" x=\"{:.3}%\" dx=\"3\" y=\"{}\">{rank}</text>",
                    x + w,
                    y + height / 2 + 5
                );
            }
            Verdict::Rejected { .. } => bars.push_str("</svg>"),
        }
        bars.push_str("</a></g>");
    }
}

/// The controls that narrow timeline and table alike; shown only where the script runs.
pub fn filters(out: &mut String, view: &View<'_>, prefix: &str, place: &str) {
    put!(
        out,
        "<form class=\"filters js\" hidden aria-label=\"Filter the {place}\" id=\"{prefix}-filters\"><fieldset><legend class=\"sr\">Show</legend>"
    );
    let mut chip = |class: &str, name: &str, n: usize| {
        put!(
            out,
            "<label class=\"chip {class}\"><input type=\"checkbox\" name=\"{class}\" checked><span class=\"swatch\"></span>{name} <b>{n}</b></label>"
        );
    };
    let chosen = view.listed.iter().filter(|c| c.chosen()).count();
    if chosen > 0 {
        chip("m-chosen", "Chosen", chosen);
    }
    for m in MODULES {
        let (name, class) = module(m);
        let n = view.listed.iter().filter(|c| kind(c) == class).count();
        if n > 0 {
            chip(class, name, n);
        }
    }
    put!(
        out,
        "</fieldset><label class=\"search\"><span class=\"sr\">Search in words, tags and reasons</span><input type=\"search\" name=\"q\" placeholder=\"Search words, tags, reasons\" autocomplete=\"off\"></label><output class=\"shown\"></output></form>"
    );
}
