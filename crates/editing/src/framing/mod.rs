//! What part of the picture is shown (reference, Clipfarm Pipeline §2.4.2). A clip falls into runs of one shot each; a run
//! gets a layout, a layout its crops, and every shot border is a hard cut.

pub(crate) mod camera;
pub(crate) mod geometry;
mod layout;
pub(crate) mod metrics;
pub(crate) mod persons;
mod scenes;
mod speaker;

use omniva_contracts::analysis::Analysis;
use omniva_contracts::config::{EditConfig, LayoutChoice};
use omniva_contracts::geometry::{Rect, Span};
use omniva_contracts::plan::{Keep, Layout, Scene};

use crate::timeline::{Piece, shot_starts, tidy};
use geometry::Cell;
use persons::Person;
use scenes::Work;

/// Changes of direction per second that still look calm (the product's limit is 0.13).
const CALM: f64 = 0.12;
/// Widest dead zone, fraction of the crop's width: beyond it a face would touch the edge.
const WIDEST_ZONE: f64 = 0.3;
/// Share of face samples that must lie in the crop.
const KEPT: f64 = 0.98;
/// A face wider than this share of the crop is not framed but cut.
const WIDEST_FACE: f64 = 0.85;

/// What framing needs to know of the clip.
pub(crate) struct Stage<'a> {
    pub analysis: &'a Analysis,
    pub keep: &'a [Keep],
    pub edit: &'a EditConfig,
    pub layout: LayoutChoice,
    /// Pixels of the canvas.
    pub width: u32,
    pub height: u32,
    pub fps: u32,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Framed {
    pub scenes: Vec<Scene>,
    pub notes: Vec<String>,
    /// Why a crop of this shape does not hold its subject, if one does not.
    pub trouble: Option<String>,
    /// Share of face samples inside a crop.
    pub held: f64,
}

/// A stretch of the output within one shot.
pub(crate) struct Run {
    pub pieces: Vec<Piece>,
    pub out: Span,
    /// Picture inside baked-in bars.
    pub bounds: Rect,
    pub motion: f64,
    pub persons: Vec<Person>,
}

/// Frames the clip.
pub(crate) fn frame(stage: &Stage) -> Framed {
    let out = whole(stage.keep);
    let Some(video) = &stage.analysis.media.video else {
        let why = "the source has no picture".to_owned();
        return Framed { scenes: vec![Scene { out, layout: Layout::Waveform, why }], held: 1.0, ..Default::default() };
    };
    let picture = (f64::from(video.width.max(1)), f64::from(video.height.max(1)));
    let runs = runs(stage.analysis, stage.keep, stage.fps);
    let mut work: Vec<Work> = Vec::new();
    let mut notes = Vec::new();
    for (i, run) in runs.iter().enumerate() {
        for part in layout::parts(run, stage, picture, &mut notes) {
            work.extend(scenes::prepare(run, i, part, stage, picture));
        }
    }
    calm(&mut work, &runs, stage, out.length());
    let mut scenes: Vec<Scene> = work.iter().map(|w| w.scene(&runs, stage)).collect();
    let mut loosened = false;
    for (w, scene) in work.iter_mut().zip(&scenes) {
        let lost = metrics::held(std::slice::from_ref(scene), &runs).share() < KEPT;
        loosened |= lost && w.loosen();
    }
    if loosened {
        calm(&mut work, &runs, stage, out.length());
        scenes = work.iter().map(|w| w.scene(&runs, stage)).collect();
    }
    let held = metrics::held(&scenes, &runs);
    let wide = work.iter().any(|w| w.widest_face() > WIDEST_FACE);
    let lost = held.share() < KEPT;
    let trouble = if wide {
        Some("a face is too wide for the crop".to_owned())
    } else if lost {
        Some(format!("the camera keeps the subject in the crop in only {:.0} % of the time", held.share() * 100.0))
    } else {
        None
    };
    notes.dedup();
    Framed { scenes, notes, trouble, held: held.share() }
}

/// Widens dead zones, the most restless run first, until the whole clip is calm.
fn calm(work: &mut [Work], runs: &[Run], stage: &Stage, seconds: f64) {
    let allowed = (CALM * seconds).floor() as usize;
    for w in work.iter_mut() {
        w.solve(runs, stage, 1.0);
    }
    let widest = WIDEST_ZONE / stage.edit.dead_zone.max(0.01);
    let mut scale = vec![1.0_f64; work.len()];
    loop {
        let restless = metrics::reversals_by_scene(&work.iter().map(Work::layout).collect::<Vec<_>>());
        if restless.iter().sum::<usize>() <= allowed {
            return;
        }
        let next = (0..work.len())
            .filter(|i| restless[*i] > 0 && scale[*i] < widest * 1.5)
            .max_by(|a, b| restless[*a].cmp(&restless[*b]).then(scale[*b].total_cmp(&scale[*a])).then(b.cmp(a)));
        let Some(i) = next else { return };
        scale[i] *= 1.4;
        if scale[i] >= widest * 1.5 {
            work[i].freeze(runs);
        } else {
            work[i].solve(runs, stage, scale[i].min(widest));
        }
    }
}

pub(crate) fn whole(keep: &[Keep]) -> Span {
    Span::new(0.0, keep.last().map_or(0.0, |k| tidy(k.out + k.source.length())))
}

/// Splits the kept parts at shot borders and groups what is left by shot.
pub(crate) fn runs(analysis: &Analysis, keep: &[Keep], fps: u32) -> Vec<Run> {
    let mut runs: Vec<(Option<usize>, Run)> = Vec::new();
    for piece in pieces(analysis, keep, f64::from(fps)) {
        match runs.last_mut() {
            Some((shot, run)) if *shot == piece.shot => {
                run.out.end = piece.out.end;
                run.pieces.push(piece);
            }
            _ => {
                let shot = piece.shot.and_then(|i| analysis.seen.shots.get(i));
                let bounds = bounds(analysis, piece.shot);
                let motion = shot.map_or(1.0, |s| s.motion);
                let run = Run { pieces: vec![piece], out: piece.out, bounds, motion, persons: Vec::new() };
                runs.push((piece.shot, run));
            }
        }
    }
    let mut runs: Vec<Run> = runs.into_iter().map(|(_, run)| run).collect();
    for run in &mut runs {
        run.persons = persons::persons(&analysis.seen, &run.pieces, &run.bounds);
    }
    runs
}

/// Shot borders are not moved to the canvas's frames: which picture belongs to which shot is decided by the source's frames
/// when the plan is performed. A rest of a shot shorter than half a frame shows nothing and joins its neighbour.
fn pieces(analysis: &Analysis, keep: &[Keep], fps: f64) -> Vec<Piece> {
    let shots = shot_starts(analysis);
    let mut pieces: Vec<Piece> = Vec::new();
    for k in keep {
        let end = tidy(k.out + k.source.length());
        let first = shots.partition_point(|s| *s <= k.source.start + 0.5 / fps);
        let (mut from, mut shot) = (k.out, first.checked_sub(1));
        let cut = |from: f64, to: f64, shot| {
            let source = Span::new(k.source.start + (from - k.out), k.source.start + (to - k.out));
            Piece { source, out: Span::new(from, to), shot }
        };
        for (i, start) in shots.iter().enumerate().skip(first) {
            let at = tidy(k.out + (start - k.source.start));
            if at > end - 0.5 / fps {
                break;
            }
            if at > from {
                pieces.push(cut(from, at, shot));
            }
            (from, shot) = (at.max(from), Some(i));
        }
        pieces.push(cut(from, end, shot));
    }
    pieces
}

/// The picture inside baked-in bars of a shot.
fn bounds(analysis: &Analysis, shot: Option<usize>) -> Rect {
    let found = shot.and_then(|i| analysis.seen.inside_bars.get(i).copied().flatten());
    found
        .or(analysis.media.inside_bars)
        .and_then(|r| r.intersect(&Rect::FULL))
        .filter(|r| r.w > 0.1 && r.h > 0.1)
        .unwrap_or(Rect::FULL)
}

/// The cell of a single crop.
pub(crate) fn single_cell(stage: &Stage) -> Cell {
    Cell::whole(stage.width, stage.height)
}

#[cfg(test)]
mod tests;
