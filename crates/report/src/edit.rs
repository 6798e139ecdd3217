//! How a clip was cut out of its source and framed: two strips, and the lists behind them.

use omniva_contracts::plan::{CropKey, CutReason, EditPlan, Layout};

use crate::escape::Short;
use crate::format::{clock, count, finite};
use crate::masthead::wire;
use crate::view::Made;

/// Shapes and lines of one list.
const MOST: usize = 400;

pub fn section(out: &mut String, made: &Made<'_>, extra: Option<f64>) {
    let plan = made.plan;
    out.push_str("<h4>The edit</h4>");
    summary(out, plan, extra);
    out.push_str("<div class=\"strips\">");
    source_strip(out, plan);
    scene_strip(out, plan);
    out.push_str("</div>");
    if let Some(why) = &plan.canvas.fallback {
        put!(
            out,
            "<p class=\"aside\"><b>{} instead of what was asked for.</b> {}</p>",
            plan.canvas.aspect.as_str(),
            Short(why, 600)
        );
    }
    for note in plan.notes.iter().take(20) {
        put!(out, "<p class=\"aside\">{}</p>", Short(note, 600));
    }
    camera(out, made);
    lists(out, made);
}

/// How well the camera keeps the faces, measured on the plan.
fn camera(out: &mut String, made: &Made<'_>) {
    let f = made.framing;
    if f.face_samples > 0 {
        put!(
            out,
            "<p class=\"quiet\">Camera: the face is in the crop in {:.1} % of {}, {:.2} reversals a second. Pauses over 0.6 s make up {:.1} %.</p>",
            finite(f.face_in_crop) * 100.0,
            count(usize::try_from(f.face_samples).unwrap_or(usize::MAX), "sample", "samples"),
            finite(f.reversals_per_second),
            finite(f.long_pause_share) * 100.0
        );
    }
}

fn summary(out: &mut String, plan: &EditPlan, extra: Option<f64>) {
    let (source, out_len) = (plan.source_span.length(), plan.duration());
    let saved = (source - out_len).max(0.0);
    put!(
        out,
        "<p class=\"edit-line\">{:.1} s of source became <b>{:.1} s</b>, {} × {} ({}) at {} fps",
        finite(source),
        finite(out_len),
        plan.canvas.width,
        plan.canvas.height,
        plan.canvas.aspect.as_str(),
        plan.canvas.fps
    );
    if plan.cuts.is_empty() {
        out.push_str("; nothing was cut out");
    } else {
        put!(out, "; {} saved {saved:.1} s", count(plan.cuts.len(), "cut", "cuts"));
        let parts: Vec<String> = [CutReason::Silence, CutReason::Filler, CutReason::Repetition]
            .iter()
            .filter_map(|why| {
                let of: Vec<f64> = plan.cuts.iter().filter(|c| c.why == *why).map(|c| c.source.length()).collect();
                (!of.is_empty()).then(|| format!("{} {:.1} s", reason(*why).1, of.iter().sum::<f64>()))
            })
            .collect();
        put!(out, " ({})", parts.join(", "));
    }
    if let Some(extra) = extra {
        put!(out, "; intro and outro add {extra:.1} s");
    }
    out.push_str(".</p>");
}

fn reason(why: CutReason) -> (&'static str, &'static str) {
    match why {
        CutReason::Silence => ("x-silence", "silence"),
        CutReason::Filler => ("x-filler", "filler words"),
        CutReason::Repetition => ("x-repetition", "repetition"),
    }
}

fn layout(l: &Layout) -> (&'static str, &'static str) {
    match l {
        Layout::Single { keys } if keys.len() > 1 => ("l-single", "one crop, moving"),
        Layout::Single { .. } => ("l-single", "one crop"),
        Layout::Split { .. } => ("l-split", "split"),
        Layout::Fit { .. } => ("l-fit", "whole picture on blur"),
        Layout::Waveform => ("l-waveform", "waveform"),
    }
}

/// The stretch of the source: what was kept, what went and why.
fn source_strip(out: &mut String, plan: &EditPlan) {
    let (from, len) = (plan.source_span.start, plan.source_span.length().max(0.001));
    let x = |t: f64| (finite(t - from) / len * 100.0).clamp(0.0, 100.0);
    put!(
        out,
        "<figure class=\"strip\"><figcaption>Kept of {}–{}</figcaption><svg height=\"18\" aria-hidden=\"true\">",
        clock(plan.source_span.start),
        clock(plan.source_span.end)
    );
    for k in plan.keep.iter().take(MOST) {
        let (a, b) = (x(k.source.start), x(k.source.end));
        put!(out, "<rect class=\"kept\" x=\"{a:.2}%\" width=\"{:.2}%\" height=\"18\"/>", (b - a).max(0.05));
    }
    for c in plan.cuts.iter().take(MOST) {
        let (a, b) = (x(c.source.start), x(c.source.end));
        let (class, name) = reason(c.why);
        put!(
            out,
            "<rect class=\"{class}\" x=\"{a:.2}%\" width=\"{:.2}%\" y=\"3\" height=\"12\"><title>{name}, {:.2} s</title></rect>",
            (b - a).max(0.2),
            c.source.length()
        );
    }
    out.push_str("<line class=\"head\" y1=\"0\" y2=\"18\" visibility=\"hidden\"/></svg></figure>");
}

/// The finished clip: its scenes, coloured by layout.
fn scene_strip(out: &mut String, plan: &EditPlan) {
    let len = plan.duration().max(0.001);
    put!(
        out,
        "<figure class=\"strip\"><figcaption>Framing, {}; the line is the camera’s way from left (above) to right (below)</figcaption><svg height=\"34\" aria-hidden=\"true\">",
        count(plan.scenes.len(), "scene", "scenes")
    );
    for s in plan.scenes.iter().take(MOST) {
        let a = (finite(s.out.start) / len * 100.0).clamp(0.0, 100.0);
        let b = (finite(s.out.end) / len * 100.0).clamp(a, 100.0);
        let (class, name) = layout(&s.layout);
        put!(
            out,
            "<svg x=\"{a:.2}%\" width=\"{:.2}%\" height=\"34\"><rect class=\"{class}\" width=\"100%\" height=\"34\"><title>{name}: {}</title></rect><text x=\"6\" y=\"14\">{name}</text>",
            (b - a - 0.2).max(0.1),
            Short(&s.why, 200)
        );
        if let Layout::Single { keys } = &s.layout {
            path(out, keys, s.out.start, s.out.length());
        }
        out.push_str("</svg>");
    }
    out.push_str("</svg></figure>");
}

/// The centre of the crop from left (top of the strip) to right (bottom), so that moves of the camera can be seen.
fn path(out: &mut String, keys: &[CropKey], from: f64, len: f64) {
    if keys.len() < 2 {
        return;
    }
    out.push_str("<svg class=\"path\" height=\"34\" viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\"><path d=\"");
    for (i, k) in keys.iter().take(MOST).enumerate() {
        let x = (finite(k.out - from) / len.max(0.001) * 1000.0).clamp(0.0, 1000.0);
        let y = 6.0 + finite(k.rect.center().0).clamp(0.0, 1.0) * 88.0;
        put!(out, "{}{x:.1} {y:.1}", if i == 0 { 'M' } else { 'L' });
    }
    out.push_str("\"/></svg>");
}

fn lists(out: &mut String, made: &Made<'_>) {
    let plan = made.plan;
    if !plan.cuts.is_empty() {
        put!(
            out,
            "<details><summary>{}</summary><table class=\"plain\"><thead><tr><th scope=\"col\">At</th><th scope=\"col\" class=\"num\">Seconds</th><th scope=\"col\">Why</th><th scope=\"col\">Words</th></tr></thead><tbody>",
            count(plan.cuts.len(), "cut", "cuts")
        );
        for c in plan.cuts.iter().take(MOST) {
            let (class, name) = reason(c.why);
            put!(
                out,
                "<tr><th scope=\"row\">{}</th><td class=\"num\">{:.2}</td><td><i class=\"{class}\"></i>{name}</td><td>{}</td></tr>",
                clock(c.source.start),
                c.source.length(),
                Short(&c.text, 120)
            );
        }
        out.push_str("</tbody></table></details>");
    }
    put!(
        out,
        "<details><summary>{}</summary><table class=\"plain\"><thead><tr><th scope=\"col\">In the clip</th><th scope=\"col\">Layout</th><th scope=\"col\">Why</th></tr></thead><tbody>",
        count(plan.scenes.len(), "scene", "scenes")
    );
    for s in plan.scenes.iter().take(MOST) {
        let (class, name) = layout(&s.layout);
        put!(
            out,
            "<tr><th scope=\"row\">{}–{}</th><td><i class=\"{class}\"></i>{name}</td><td>{}</td></tr>",
            clock(s.out.start),
            clock(s.out.end),
            Short(&s.why, 300)
        );
    }
    out.push_str("</tbody></table></details>");
    put!(
        out,
        "<details><summary>{}</summary><ol class=\"operations\">",
        count(made.job.operations.len(), "operation", "operations")
    );
    for op in made.job.operations.iter().take(MOST) {
        put!(out, "<li>{}</li>", Short(op, 500));
    }
    out.push_str("</ol></details>");
    if !made.job.ffmpeg_commands.is_empty() {
        out.push_str("<details><summary>The same as ffmpeg commands</summary>");
        for c in made.job.ffmpeg_commands.iter().take(8) {
            put!(out, "<pre tabindex=\"0\">{}</pre>", Short(c, 12_000));
        }
        out.push_str("</details>");
    }
    sound(out, plan);
}

fn sound(out: &mut String, plan: &EditPlan) {
    let a = &plan.audio;
    let mut steps = Vec::new();
    if a.denoise {
        steps.push("noise reduced".to_owned());
    }
    if a.deess {
        steps.push("sibilants softened".to_owned());
    }
    if a.compress_ratio > 1.0 {
        steps.push(format!("compressed {}:1", finite(a.compress_ratio)));
    }
    steps.push(format!("mastered to {} LUFS, at most {} dBTP", finite(a.target_lufs), finite(a.ceiling_dbtp)));
    let captions = plan.captions.as_ref().map_or_else(
        || "no captions".to_owned(),
        |c| format!("captions in style {} ({})", c.style.name, count(c.pages.len(), "page", "pages")),
    );
    put!(
        out,
        "<p class=\"quiet\">Sound: {}. Text: {}. Encoder asked for: {}, {} crf {}.</p>",
        Short(&steps.join(", "), 400),
        Short(&captions, 200),
        wire(&plan.encode.encoder),
        Short(&plan.encode.preset, 40),
        plan.encode.crf
    );
}
