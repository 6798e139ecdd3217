//! Bars baked into the picture: letterbox, pillarbox, or both, in any single tone.
//!
//! A bar is uniform along its lines and across them, keeps its tone and its border over the whole shot, has a partner on
//! the other side, and is cut off straight: most of the line behind its border differs from it. A plain wall has no such
//! border, a dark scene no such constancy.

use omniva_contracts::Rect;
use omniva_contracts::streams::Picture;

/// Largest difference of a pixel from the bar's tone, on any channel, and the mean difference along a line.
/// Compression shifts the tone of the blocks along the border as a whole by up to 5.
const TOLERANCE: u8 = 12;
const MEAN_TOLERANCE: f64 = 7.0;
/// Share of a line's pixels that may differ more (ringing, a stray artefact).
const STRAY: f64 = 0.01;
/// A pixel that differs by more than this belongs to the scene.
const SCENE: u8 = 16;
/// Share of a line right behind the border that must belong to the scene, in at least one picture; and how many lines
/// behind it that is looked for.
const STRAIGHT: f64 = 0.35;
const BEHIND: [usize; 2] = [2, 4];
/// A bar covers at least this share of its dimension; one that covers more than the other figure is a black picture.
const THINNEST: f64 = 0.01;
const THICKEST: f64 = 0.45;
/// Pictures with a scene that it takes, and the share of them whose border must agree, within so many pixels.
const PICTURES: u32 = 4;
const AGREEING: f64 = 0.4;
const WOBBLE: usize = 2;
/// Share of pictures that may show less bar (a credit, the tail of a dissolve).
const EXCEPTIONS: f64 = 0.02;
/// Standard deviation of the tone over time, and difference of tone between partners.
const TONE_OVER_TIME: f64 = 2.5;
const TONE_OF_PARTNERS: f64 = 8.0;
/// The thinner partner has at least this share of the thicker one.
const PARTNERS: f64 = 0.5;
/// Pixels cut off beyond the border, so that no half line of the bar stays.
const INSET: usize = 2;
/// A shot without evidence of its own takes the bars of the rest when they fill this share of the source.
const COMMON: f64 = 0.3;

const TOP: usize = 0;
const BOTTOM: usize = 1;
const LEFT: usize = 2;
const RIGHT: usize = 3;

type Tone = [u8; 3];

/// What one picture shows on its four sides.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    size: (usize, usize),
    sides: [Edge; 4],
}

#[derive(Clone, Copy, Debug, Default)]
struct Edge {
    /// Lines of one tone, counted from the border of the picture; [`Edge::blank`] pictures stop at the limit.
    depth: usize,
    tone: Tone,
    /// Share of the line behind the border that belongs to the scene.
    straight: f64,
    /// One tone up to the limit: nothing to see here.
    blank: bool,
}

impl Look {
    pub fn new(picture: &Picture<'_>) -> Look {
        let (width, height) = (picture.width, picture.height);
        if width < 16 || height < 16 || picture.bgr.len() != width * height * 3 {
            return Look::default();
        }
        let pixel = |x: usize, y: usize| -> Tone {
            let at = (y * width + x) * 3;
            let tone = &picture.bgr[at..at + 3];
            [tone[0], tone[1], tone[2]]
        };
        let top = edge(height, width, |line, i| pixel(i, line));
        let bottom = edge(height, width, |line, i| pixel(i, height - 1 - line));
        // Upright lines are looked at between the bars above and below.
        let first = top.depth;
        let rows = height - top.depth - bottom.depth;
        let left = edge(width, rows, |line, i| pixel(line, first + i));
        let right = edge(width, rows, |line, i| pixel(width - 1 - line, first + i));
        Look { size: (width, height), sides: [top, bottom, left, right] }
    }
}

/// `lines` lines of `length` pixels each, counted from the border inwards.
fn edge(lines: usize, length: usize, pixel: impl Fn(usize, usize) -> Tone) -> Edge {
    let mut sums = [0u64; 3];
    for i in 0..length {
        for (sum, value) in sums.iter_mut().zip(pixel(0, i)) {
            *sum += u64::from(value);
        }
    }
    let tone = sums.map(|s| ((s + length as u64 / 2) / length.max(1) as u64) as u8);
    let apart = |p: Tone| p.iter().zip(tone).map(|(&a, b)| a.abs_diff(b)).max().unwrap_or(0);
    let limit = (lines as f64 * THICKEST) as usize;
    let allowed = (length as f64 * STRAY) as usize;
    let uniform = |line: usize| {
        let (mut stray, mut sum) = (0, 0u64);
        for i in 0..length {
            let difference = apart(pixel(line, i));
            sum += u64::from(difference);
            stray += usize::from(difference > TOLERANCE);
            if stray > allowed {
                return false;
            }
        }
        sum as f64 <= MEAN_TOLERANCE * length as f64
    };
    let depth = (0..limit).take_while(|&line| uniform(line)).count();
    let blank = depth == limit;
    let scene = |behind: usize| {
        let line = (depth + behind).min(lines - 1);
        (0..length).filter(|&i| apart(pixel(line, i)) > SCENE).count()
    };
    let scene = BEHIND.into_iter().map(scene).max().unwrap_or(0);
    Edge { depth, tone, straight: scene as f64 / length.max(1) as f64, blank }
}

/// Collects the looks of one shot. Its size depends on the picture, not on the number of looks.
#[derive(Default)]
pub struct ShotBars {
    size: (usize, usize),
    sides: [Side; 4],
}

#[derive(Clone, Default)]
struct Side {
    /// Pictures with a scene, by depth.
    depths: Vec<Depth>,
    pictures: u32,
    /// Least depth of all pictures, blank ones included.
    least: Option<usize>,
}

/// The pictures of a shot that have one depth on one side.
#[derive(Clone, Copy, Default)]
struct Depth {
    count: u32,
    /// Straightest border among them.
    straight: f64,
    tone: [f64; 3],
    tone_squares: [f64; 3],
}

/// What is known about the bars of a shot, in pixels of the sampled pictures: top, bottom, left, right.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bars {
    size: (usize, usize),
    /// Pixels to cut off; all 0 when no bars were proven.
    pub cut: [usize; 4],
    /// Depth that no picture of the shot contradicts.
    least: [usize; 4],
}

impl ShotBars {
    pub fn add(&mut self, look: &Look) {
        if look.size == (0, 0) || (self.size != (0, 0) && self.size != look.size) {
            return;
        }
        self.size = look.size;
        for (side, edge) in self.sides.iter_mut().zip(&look.sides) {
            side.add(edge);
        }
    }

    /// The verdict on the shot.
    pub fn finish(&self) -> Bars {
        let (width, height) = self.size;
        let found: Vec<Option<(usize, [f64; 3])>> =
            self.sides.iter().zip([height, height, width, width]).map(|(side, lines)| side.bar(lines)).collect();
        let mut cut = [0; 4];
        for (a, b) in [(TOP, BOTTOM), (LEFT, RIGHT)] {
            if let (Some((depth_a, tone_a)), Some((depth_b, tone_b))) = (found[a], found[b]) {
                let alike = tone_a.iter().zip(tone_b).all(|(x, y)| (x - y).abs() <= TONE_OF_PARTNERS);
                let even = depth_a.min(depth_b) as f64 >= PARTNERS * depth_a.max(depth_b) as f64;
                if alike && even {
                    (cut[a], cut[b]) = (depth_a + INSET, depth_b + INSET);
                }
            }
        }
        let least = std::array::from_fn(|i| self.sides[i].least.unwrap_or(0));
        Bars { size: self.size, cut, least }
    }
}

impl Side {
    fn add(&mut self, edge: &Edge) {
        self.least = Some(self.least.map_or(edge.depth, |least| least.min(edge.depth)));
        if edge.blank {
            return;
        }
        if self.depths.len() <= edge.depth {
            self.depths.resize(edge.depth + 1, Depth::default());
        }
        self.pictures += 1;
        let depth = &mut self.depths[edge.depth];
        depth.count += 1;
        depth.straight = depth.straight.max(edge.straight);
        for (i, value) in edge.tone.map(f64::from).into_iter().enumerate() {
            depth.tone[i] += value;
            depth.tone_squares[i] += value * value;
        }
    }

    /// Depth and tone of the bar, if this side has one; `lines` is the size of the picture in that direction.
    fn bar(&self, lines: usize) -> Option<(usize, [f64; 3])> {
        if self.pictures < PICTURES {
            return None;
        }
        let exceptions = (f64::from(self.pictures) * EXCEPTIONS) as u32;
        let mut below = 0;
        let least = self.depths.iter().position(|depth| {
            below += depth.count;
            below > exceptions
        })?;
        if (least as f64) < (lines as f64 * THINNEST).max(3.0) {
            return None;
        }
        let near = &self.depths[least..(least + WOBBLE + 1).min(self.depths.len())];
        let mut all = Depth::default();
        for depth in near {
            all.count += depth.count;
            all.straight = all.straight.max(depth.straight);
            for i in 0..3 {
                all.tone[i] += depth.tone[i];
                all.tone_squares[i] += depth.tone_squares[i];
            }
        }
        let agree = f64::from(all.count) >= AGREEING * f64::from(self.pictures);
        if !agree || all.straight < STRAIGHT || !all.tone_is_constant() {
            return None;
        }
        // The commonest depth; ringing sometimes hides the last line of a bar. The first of equals.
        let commonest = (0..near.len()).rev().max_by_key(|&i| near[i].count)?;
        Some((least + commonest, all.mean_tone()))
    }
}

impl Depth {
    fn mean_tone(&self) -> [f64; 3] {
        self.tone.map(|sum| sum / f64::from(self.count.max(1)))
    }

    fn tone_is_constant(&self) -> bool {
        let n = f64::from(self.count.max(1));
        self.mean_tone()
            .iter()
            .zip(self.tone_squares)
            .all(|(mean, squares)| squares / n - mean * mean <= TONE_OVER_TIME * TONE_OVER_TIME)
    }
}

impl Bars {
    fn any(&self) -> bool {
        self.cut != [0; 4]
    }

    fn rect(&self) -> Option<Rect> {
        let (width, height) = (self.size.0 as f64, self.size.1 as f64);
        if !self.any() || width <= 0.0 || height <= 0.0 {
            return None;
        }
        let [top, bottom, left, right] = self.cut.map(|c| c as f64);
        let round = |v: f64| (v * 1e5).round() / 1e5;
        let rect = Rect::new(
            round(left / width),
            round(top / height),
            round((width - left - right) / width),
            round((height - top - bottom) / height),
        );
        (rect.w > 0.0 && rect.h > 0.0).then_some(rect)
    }
}

/// The picture inside the bars for every shot; `shots` gives each shot's length in seconds and its verdict. Shots too dark
/// or too short to tell take the bars that most of the source has, unless something in them contradicts.
pub fn inside(shots: &[(f64, Bars)]) -> Vec<Option<Rect>> {
    let total: f64 = shots.iter().map(|(length, _)| length).sum();
    let length_with = |bars: &Bars| -> f64 {
        shots.iter().filter(|(_, other)| other.any() && other.cut == bars.cut).map(|(length, _)| length).sum()
    };
    let mut common: Option<(f64, Bars)> = None;
    for (_, bars) in shots.iter().filter(|(_, bars)| bars.any()) {
        if common.is_some_and(|(_, known)| known.cut == bars.cut) {
            continue;
        }
        let length = length_with(bars);
        if length >= COMMON * total && common.is_none_or(|(most, _)| length > most) {
            common = Some((length, *bars));
        }
    }
    shots
        .iter()
        .map(|(_, bars)| {
            let fits = |common: &Bars| {
                bars.size == common.size && bars.least.iter().zip(common.cut).all(|(&least, cut)| least + INSET >= cut)
            };
            match common {
                Some((_, common)) if !bars.any() && fits(&common) => common.rect(),
                _ => bars.rect(),
            }
        })
        .collect()
}

#[cfg(test)]
#[path = "bars_tests.rs"]
mod tests;
