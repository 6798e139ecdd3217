//! The picture's part of the graph: one branch for each stretch with one kept part and one scene.

use std::fmt::Write;

use omniva_contracts::geometry::{Rect, Span};
use omniva_contracts::plan::{CropKey, EditPlan, Layout, Scene};

use super::waveform;
use crate::framing::geometry::{Cell, crop_at};

/// A stretch of the output within one kept part and one scene, in frames.
struct Branch<'a> {
    scene: &'a Scene,
    out: Span,
    /// Frames after the start of the source span.
    from: i64,
    to: i64,
}

pub(super) fn graph(plan: &EditPlan) -> String {
    let mut out = if waveform(plan) { wave(plan) } else { branches_graph(plan) };
    let mut last = "joined";
    if let Some(logo) = &plan.brand.logo {
        let (w, h) = (f64::from(plan.canvas.width), f64::from(plan.canvas.height));
        let (lw, lh) = ((logo.area.w * w).round(), (logo.area.h * h).round());
        let _ = write!(
            out,
            "[1:v]scale={lw}:{lh}:force_original_aspect_ratio=decrease,format=rgba,colorchannelmixer=aa={:.3}[logo];\
             [joined][logo]overlay=x={:.0}+({lw}-w)/2:y={:.0}+({lh}-h)/2[branded];",
            logo.opacity,
            logo.area.x * w,
            logo.area.y * h
        );
        last = "branded";
    }
    let ass = if plan.captions.is_some() { "ass=captions.ass:fontsdir=fonts," } else { "" };
    let _ = write!(out, "[{last}]{ass}format=yuv420p[v]");
    out
}

fn wave(plan: &EditPlan) -> String {
    let (w, h, fps) = (plan.canvas.width, plan.canvas.height, plan.canvas.fps);
    let color = |c: &str| c.trim_start_matches('#').chars().take(6).collect::<String>();
    format!(
        "color=0x{}:s={w}x{h}:r={fps}:d={:.6}[base];[wave]showwaves=s={w}x{}:mode=cline:colors=0x{}:r={fps}[lines];\
         [base][lines]overlay=y=(H-h)*0.4:shortest=1[joined];",
        color(&plan.brand.background),
        plan.duration(),
        h / 4,
        color(&plan.brand.accent)
    )
}

fn branches_graph(plan: &EditPlan) -> String {
    let branches = branches(plan);
    let n = branches.len();
    let mut out = format!("[0:v]fps={}:start_time=0,setsar=1,split={n}", plan.canvas.fps);
    (0..n).for_each(|i| out += &format!("[p{i}]"));
    out.push(';');
    for (i, b) in branches.iter().enumerate() {
        let _ = write!(out, "[p{i}]trim=start_frame={}:end_frame={},setpts=PTS-STARTPTS", b.from, b.to);
        out += &layout(b, i, plan);
    }
    (0..n).for_each(|i| out += &format!("[c{i}]"));
    let _ = write!(out, "concat=n={n}:v=1:a=0[joined];");
    out
}

fn branches(plan: &EditPlan) -> Vec<Branch<'_>> {
    let fps = f64::from(plan.canvas.fps.max(1));
    let mut found = Vec::new();
    for keep in &plan.keep {
        let shown = Span::new(keep.out, keep.out + keep.source.length());
        for scene in &plan.scenes {
            let Some(out) = scene.out.intersect(&shown) else { continue };
            let first = ((keep.source.start - plan.source_span.start) * fps).round() as i64;
            let frame = |t: f64| first + ((t - keep.out) * fps).round() as i64;
            let (from, to) = (frame(out.start), frame(out.end));
            if to > from {
                found.push(Branch { scene, out, from, to });
            }
        }
    }
    found
}

fn layout(b: &Branch, i: usize, plan: &EditPlan) -> String {
    let (w, h) = (plan.canvas.width, plan.canvas.height);
    match &b.scene.layout {
        Layout::Single { keys } => format!(",{}[c{i}];", crop(keys, b, &Cell::whole(w, h), plan)),
        Layout::Split { first, second } => {
            let (one, two) = Cell::halves(w, h);
            let stack = if w > h { "hstack" } else { "vstack" };
            format!(
                ",split[x{i}][y{i}];[x{i}]{}[f{i}];[y{i}]{}[g{i}];[f{i}][g{i}]{stack}[c{i}];",
                crop(first, b, &one, plan),
                crop(second, b, &two, plan)
            )
        }
        Layout::Fit { rect } => {
            let cut = fixed(rect);
            format!(
                ",{cut},split[x{i}][y{i}];[x{i}]scale={w}:{h}:force_original_aspect_ratio=increase,crop={w}:{h},\
                 gblur=sigma=24,eq=brightness=-0.12[f{i}];[y{i}]scale={w}:{h}:force_original_aspect_ratio=decrease[g{i}];\
                 [f{i}][g{i}]overlay=(W-w)/2:(H-h)/2,setsar=1[c{i}];"
            )
        }
        // Such plans have one scene, which is drawn from the sound.
        Layout::Waveform => format!(",scale={w}:{h},setsar=1[c{i}];"),
    }
}

fn fixed(r: &Rect) -> String {
    format!("crop=iw*{:.6}:ih*{:.6}:iw*{:.6}:ih*{:.6}", r.w, r.h, r.x, r.y)
}

fn crop(keys: &[CropKey], b: &Branch, cell: &Cell, plan: &EditPlan) -> String {
    let (w, h) = (cell.w, cell.h);
    let scale = format!("scale={w}:{h}:flags=bicubic,setsar=1");
    let (Some(from), Some(to)) = (crop_at(keys, b.out.start), crop_at(keys, b.out.end)) else {
        return scale;
    };
    if (from.w - to.w).abs() > 1e-6 && to.w > 0.0 && from.w > 0.0 {
        return zoom(&from, &to, b, cell, plan);
    }
    let x = path(keys, b, |r| r.x);
    let y = path(keys, b, |r| r.y);
    format!("crop=iw*{:.6}:ih*{:.6}:'iw*({x})':'ih*({y})',{scale}", from.w, from.h)
}

/// A coordinate as a sum of ramps over the branch's own time.
fn path(keys: &[CropKey], b: &Branch, of: impl Fn(&Rect) -> f64) -> String {
    let start = crop_at(keys, b.out.start).map_or(0.0, |r| of(&r));
    let mut text = format!("{start:.6}");
    for pair in keys.windows(2) {
        let Some(part) = Span::new(pair[0].out, pair[1].out).intersect(&b.out) else { continue };
        let slope = (of(&pair[1].rect) - of(&pair[0].rect)) / (pair[1].out - pair[0].out);
        if slope.abs() > 1e-9 {
            let (at, length) = (part.start - b.out.start, part.length());
            let _ = write!(text, "{slope:+.8}*clip(t-{at:.6},0,{length:.6})");
        }
    }
    text
}

/// The larger of the two crops, then `zoompan` inside it.
fn zoom(from: &Rect, to: &Rect, b: &Branch, cell: &Cell, plan: &EditPlan) -> String {
    let outer = if from.w >= to.w { from } else { to };
    let frames = (b.to - b.from).max(1);
    // Zoom factors relative to the outer crop, and where the inner crop lies in it.
    let (z0, z1) = (outer.w / from.w, outer.w / to.w);
    let place = |r: &Rect| ((r.x - outer.x) / outer.w, (r.y - outer.y) / outer.h);
    let ((x0, y0), (x1, y1)) = (place(from), place(to));
    let ramp = |a: f64, z: f64| format!("{a:.6}{:+.8}*on", (z - a) / frames as f64);
    format!(
        "{},zoompan=z='{}':x='iw*({})':y='ih*({})':d=1:s={}x{}:fps={},setsar=1",
        fixed(outer),
        ramp(z0, z1),
        ramp(x0, x1),
        ramp(y0, y1),
        cell.w,
        cell.h,
        plan.canvas.fps
    )
}
