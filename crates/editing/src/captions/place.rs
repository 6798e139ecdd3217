//! Where captions stand: one height per scene, off the faces, changed as seldom as possible (a shortest path over scenes
//! and heights).

use omniva_contracts::geometry::Rect;
use omniva_contracts::plan::{Layout, Scene};

use super::{Block, Script, Type};
use crate::framing::geometry::{Cell, crop_at};
use crate::timeline::out_of;

/// Heights that are tried, evenly over the safe area.
const BANDS: usize = 13;
/// Cost of a caption on a face (whole page covered), of standing elsewhere than usual, and of a change.
const ON_FACE: f64 = 12.0;
const ELSEWHERE: f64 = 1.0;
const CHANGE: f64 = 0.5;
/// Faces smaller than this share of the canvas's height are part of the background.
const SMALL_FACE: f64 = 0.04;

/// Middle of each block, pixels from the top.
pub(crate) fn anchors(script: &Script, blocks: &[Block], kind: &Type) -> Vec<f64> {
    let h = f64::from(script.height);
    let line = kind.font.line * kind.em;
    let (top, bottom) = (script.config.safe_top * h, (1.0 - script.config.safe_bottom) * h);
    let tallest = blocks.iter().map(|b| b.height).fold(line, f64::max);
    let (lo, hi) = (top + tallest / 2.0, bottom - tallest / 2.0);
    let bands: Vec<f64> = if hi <= lo {
        vec![(top + bottom) / 2.0]
    } else {
        (0..BANDS).map(|i| lo + (hi - lo) * i as f64 / (BANDS - 1) as f64).collect()
    };
    let faces = faces(script);
    let costs: Vec<Vec<f64>> = script
        .scenes
        .iter()
        .map(|scene| {
            let mine: Vec<&Block> = blocks.iter().filter(|b| scene.out.contains(b.out.start)).collect();
            let usual = usual(scene, tallest, h, script).clamp(lo.min(hi), hi.max(lo));
            bands
                .iter()
                .map(|y| {
                    mine.iter().map(|b| cost(b, *y, &faces, script)).sum::<f64>() / mine.len().max(1) as f64
                        + ELSEWHERE * (y - usual).abs() / h
                })
                .collect()
        })
        .collect();
    let chosen = cheapest(&costs);
    blocks
        .iter()
        .map(|b| {
            let scene = script.scenes.iter().position(|s| s.out.contains(b.out.start));
            let band = scene.and_then(|i| chosen.get(i)).copied().unwrap_or(bands.len() - 1);
            bands.get(band).copied().unwrap_or(hi)
        })
        .collect()
}

/// Where captions stand when nothing is in the way.
fn usual(scene: &Scene, page: f64, h: f64, script: &Script) -> f64 {
    match &scene.layout {
        Layout::Split { .. } if script.height >= script.width => h / 2.0,
        Layout::Fit { rect } => {
            let fitted = fitted(rect, script);
            let below = (fitted.y + fitted.h) * h + page * 0.65;
            if below + page / 2.0 <= (1.0 - script.config.safe_bottom) * h { below } else { h }
        }
        Layout::Waveform => h * 0.62,
        _ => h,
    }
}

fn cost(block: &Block, y: f64, faces: &[(f64, Rect)], script: &Script) -> f64 {
    let (w, h) = (f64::from(script.width), f64::from(script.height));
    let page = Rect::new(0.5 - block.width / w / 2.0, (y - block.height / 2.0) / h, block.width / w, block.height / h);
    let covered = |r: &Rect| page.intersect(r).map_or(0.0, |s| s.area() / page.area().max(1e-9));
    let from = faces.partition_point(|f| f.0 < block.out.start);
    let during: Vec<f64> = faces.iter().skip(from).take_while(|f| f.0 < block.out.end).map(|f| covered(&f.1)).collect();
    let mean = during.iter().sum::<f64>() / during.len().max(1) as f64;
    let worst = during.iter().copied().fold(0.0, f64::max);
    let logo = script.logo.map_or(0.0, |l| covered(&l.area).min(0.1) * 10.0);
    ON_FACE * (mean * 0.7 + worst * 0.3) + logo * 2.0
}

/// Shortest path: one band per scene. Ties go to the lower band.
fn cheapest(costs: &[Vec<f64>]) -> Vec<usize> {
    let mut table: Vec<Vec<(f64, usize)>> = Vec::new();
    for row in costs {
        let next = row
            .iter()
            .enumerate()
            .map(|(b, own)| {
                let before = table.last().and_then(|last: &Vec<(f64, usize)>| {
                    last.iter()
                        .enumerate()
                        .map(|(a, (c, _))| (c + if a == b { 0.0 } else { CHANGE }, a))
                        .min_by(|x, y| x.0.total_cmp(&y.0).then(y.1.cmp(&x.1)))
                });
                before.map_or((*own, 0), |(c, a)| (c + own, a))
            })
            .collect();
        table.push(next);
    }
    let mut chosen = vec![0; costs.len()];
    let end = table.last().and_then(|last| {
        last.iter().enumerate().min_by(|x, y| x.1.0.total_cmp(&y.1.0).then(y.0.cmp(&x.0))).map(|(i, _)| i)
    });
    let mut band = end.unwrap_or(0);
    for i in (0..table.len()).rev() {
        chosen[i] = band;
        band = table[i].get(band).map_or(0, |c| c.1);
    }
    chosen
}

/// Faces on the canvas (fractions) with the output time of each sample, in order of time.
fn faces(script: &Script) -> Vec<(f64, Rect)> {
    let mut found = Vec::new();
    for keep in script.keep {
        for track in &script.analysis.seen.faces {
            let span = track.span();
            if span.end < keep.source.start || span.start > keep.source.end {
                continue;
            }
            for s in track.samples.iter().filter(|s| s.time >= keep.source.start && s.time < keep.source.end) {
                let Some(out) = out_of(script.keep, s.time) else { continue };
                let scene = script.scenes.iter().find(|x| x.out.contains(out));
                let shown = scene.map(|x| on_canvas(&x.layout, out, &s.rect, script)).unwrap_or_default();
                found.extend(shown.into_iter().filter(|r| r.h >= SMALL_FACE).map(|r| (out, r)));
            }
        }
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.x.total_cmp(&b.1.x)).then(a.1.y.total_cmp(&b.1.y)));
    found
}

/// Where a face of the source lies on the canvas; twice when both halves of a split show it.
fn on_canvas(layout: &Layout, out: f64, face: &Rect, script: &Script) -> Vec<Rect> {
    let through = |crop: Option<Rect>, area: Rect| {
        let crop = crop?;
        let seen = crop.intersect(face)?;
        let x = area.x + (seen.x - crop.x) / crop.w * area.w;
        let y = area.y + (seen.y - crop.y) / crop.h * area.h;
        Some(Rect::new(x, y, seen.w / crop.w * area.w, seen.h / crop.h * area.h))
    };
    match layout {
        Layout::Single { keys } => through(crop_at(keys, out), Rect::FULL).into_iter().collect(),
        Layout::Split { first, second } => {
            let (a, b) = Cell::halves(script.width, script.height);
            let upper = through(crop_at(first, out), a.area);
            upper.into_iter().chain(through(crop_at(second, out), b.area)).collect()
        }
        Layout::Fit { rect } => through(Some(*rect), fitted(rect, script)).into_iter().collect(),
        Layout::Waveform => Vec::new(),
    }
}

/// Where a fitted picture stands on the canvas.
fn fitted(rect: &Rect, script: &Script) -> Rect {
    let picture =
        script.analysis.media.video.as_ref().map_or((16.0, 9.0), |v| (f64::from(v.width), f64::from(v.height)));
    let shape = rect.w * picture.0 / (rect.h * picture.1).max(1e-9);
    let canvas = f64::from(script.width) / f64::from(script.height);
    let (w, h) = if shape > canvas { (1.0, canvas / shape) } else { (shape / canvas, 1.0) };
    Rect::new((1.0 - w) / 2.0, (1.0 - h) / 2.0, w, h)
}
