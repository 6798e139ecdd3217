//! Puts one source picture into the canvas the way a scene says.

use ffmpeg_next::frame;
use omniva_contracts::Fault;
use omniva_contracts::geometry::Rect;
use omniva_contracts::plan::{BrandPlan, Canvas, Layout, Scene};

use super::backdrop::Backdrop;
use super::paint::{Cell, Logo, Yuv, fill};
use super::pool::{Pool, plane, plane_mut};
use super::resize::{Axis, PlaneMut, Scratch, Siting, Stretch, resize};
use super::timeline::{cover, inside, rect_at};

/// Pixels between the halves of a split picture.
const DIVIDER: usize = 6;

/// What decides how a composed picture looks, given its source picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shot {
    Single(Rect),
    Split(Rect, Rect),
    Fit(Rect),
}

impl Shot {
    /// `None` for layouts without a source picture.
    pub fn at(layout: &Layout, out: f64) -> Option<Shot> {
        Some(match layout {
            Layout::Single { keys } => Shot::Single(rect_at(keys, out)),
            Layout::Split { first, second } => Shot::Split(rect_at(first, out), rect_at(second, out)),
            Layout::Fit { rect } => Shot::Fit(inside(*rect)),
            Layout::Waveform => return None,
        })
    }
}

/// The camera moves when the picture does: while a picture of the source is shown again, to fill a higher frame rate, its
/// crop stays too. A crop that crept on over a standing picture would only blur the repeat, and cost as much as a new one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Held {
    /// Number of the picture.
    serial: u64,
    /// Output times at which its scene and it first showed, seconds.
    scene: f64,
    since: f64,
    pub shot: Shot,
}

/// Pictures of the source that show longer than this are too slow for the camera to wait for them, seconds.
const SLOW: f64 = 0.05;

impl Held {
    /// `None` for layouts without a source picture.
    pub fn begin(serial: u64, scene: &Scene, out: f64) -> Option<Held> {
        Some(Held { serial, scene: scene.out.start, since: out, shot: Shot::at(&scene.layout, out)? })
    }

    /// Whether picture `serial` of the source, `length` seconds long, keeps this crop at the output time `out`.
    pub fn lasts(&self, serial: u64, length: f64, scene: &Scene, out: f64) -> bool {
        let same = self.serial == serial && self.scene == scene.out.start;
        same && length <= SLOW && out - self.since < length
    }
}

/// Filters of one cell, kept while the crop stands still.
#[derive(Default)]
pub(crate) struct Slot {
    key: Option<([f64; 4], Cell, (u32, u32))>,
    across: [Axis; 2],
    down: [Axis; 2],
    scratch: Scratch,
}

impl Slot {
    /// Scales `rect` of the source into a cell of the canvas.
    pub fn draw(&mut self, source: &frame::Video, rect: Rect, target: &mut frame::Video, cell: Cell) {
        let size = (source.width(), source.height());
        let key = ([rect.x, rect.y, rect.w, rect.h], cell, size);
        if self.key.as_ref() != Some(&key) {
            self.prepare(rect, cell, size);
            self.key = Some(key);
        }
        for p in 0..3 {
            let c = cell.in_plane(p);
            let all = plane_mut(target, p);
            let start = c.y * all.stride + c.x;
            let part = PlaneMut { data: &mut all.data[start..], stride: all.stride, width: c.w, height: c.h };
            let kind = usize::from(p > 0);
            resize(plane(source, p), part, &self.across[kind], &self.down[kind], &mut self.scratch);
        }
    }

    fn prepare(&mut self, rect: Rect, cell: Cell, (width, height): (u32, u32)) {
        let (w, h) = (f64::from(width), f64::from(height));
        let (x, y) =
            (Stretch { start: rect.x * w, length: rect.w * w }, Stretch { start: rect.y * h, length: rect.h * h });
        let (w, h) = (width as usize, height as usize);
        self.across = [
            Axis::new(x, cell.w, cell.w, w, Siting::LUMA),
            Axis::new(x, cell.w, cell.w / 2, w.div_ceil(2), Siting::CHROMA_X),
        ];
        self.down = [
            Axis::new(y, cell.h, cell.h, h, Siting::LUMA),
            Axis::new(y, cell.h, cell.h / 2, h.div_ceil(2), Siting::CHROMA_Y),
        ];
    }
}

/// Composes pictures for one canvas.
pub(crate) struct Composer {
    pub pool: Pool,
    canvas: Cell,
    slots: [Slot; 2],
    backdrop: Backdrop,
    logo: Option<Logo>,
    divider: Yuv,
}

impl Composer {
    pub fn new(canvas: &Canvas, brand: &BrandPlan) -> Result<Composer, Fault> {
        let (width, height) = (canvas.width, canvas.height);
        Ok(Composer {
            pool: Pool::new(width, height)?,
            canvas: Cell::whole(width, height),
            slots: Default::default(),
            backdrop: Backdrop::default(),
            logo: brand.logo.as_ref().map(|plan| Logo::load(plan, width, height)).transpose()?,
            divider: Yuv::parse(&brand.accent)?,
        })
    }

    /// The picture without logo and captions.
    pub fn compose(&mut self, source: &frame::Video, shot: Shot) -> Result<frame::Video, Fault> {
        let mut picture = self.pool.get()?;
        let (w, h) = (f64::from(source.width()), f64::from(source.height()));
        match shot {
            Shot::Single(rect) => {
                let rect = inside(cover(rect, w, h, self.canvas.ratio()));
                self.slots[0].draw(source, rect, &mut picture, self.canvas);
            }
            Shot::Split(first, second) => {
                let (cells, line) = halves(self.canvas);
                for ((slot, rect), cell) in self.slots.iter_mut().zip([first, second]).zip(cells) {
                    slot.draw(source, inside(cover(rect, w, h, cell.ratio())), &mut picture, cell);
                }
                fill(&mut picture, line, self.divider);
            }
            Shot::Fit(rect) => self.fit(source, rect, &mut picture),
        }
        Ok(picture)
    }

    /// Shape of the canvas.
    pub fn ratio(&self) -> f64 {
        self.canvas.ratio()
    }

    /// Draws the logo.
    pub fn sign(&self, picture: &mut frame::Video) {
        if let Some(logo) = &self.logo {
            logo.draw(picture);
        }
    }

    /// The whole of `rect` on a blurred copy of itself.
    pub fn fit(&mut self, source: &frame::Video, rect: Rect, picture: &mut frame::Video) {
        let (w, h) = (f64::from(source.width()) * rect.w, f64::from(source.height()) * rect.h);
        let inner = fitted(self.canvas, w / h.max(1e-9));
        self.slots[0].draw(source, rect, picture, inner);
        self.backdrop.draw(source, rect, picture, self.canvas, inner);
    }
}

/// Largest cell of the shape `ratio` in the middle of the canvas.
fn fitted(canvas: Cell, ratio: f64) -> Cell {
    let (cw, ch) = (canvas.w as f64, canvas.h as f64);
    let (w, h) = if ratio > canvas.ratio() { (cw, cw / ratio) } else { (ch * ratio, ch) };
    let even = |v: f64, most: usize| ((v / 2.0).round() as usize * 2).clamp(2, most);
    let (w, h) = (even(w, canvas.w), even(h, canvas.h));
    Cell { x: (canvas.w - w) / 4 * 2, y: (canvas.h - h) / 4 * 2, w, h }
}

/// Two halves and the line between them: above each other, side by side on a wide canvas.
fn halves(c: Cell) -> ([Cell; 2], Cell) {
    let half = |v: usize| v.div_ceil(4) * 2;
    if c.w > c.h {
        let left = half(c.w);
        let line = Cell { x: (left - DIVIDER / 2) & !1, y: 0, w: DIVIDER, h: c.h };
        ([Cell { w: left, ..c }, Cell { x: left, w: c.w - left, ..c }], line)
    } else {
        let top = half(c.h);
        let line = Cell { x: 0, y: (top - DIVIDER / 2) & !1, w: c.w, h: DIVIDER };
        ([Cell { h: top, ..c }, Cell { y: top, h: c.h - top, ..c }], line)
    }
}

#[cfg(test)]
mod tests {
    use omniva_contracts::plan::CropKey;

    use super::*;

    #[test]
    fn a_repeated_picture_keeps_its_crop_and_a_slow_one_does_not() {
        let whole = super::super::testing::plan(4.0, 30).scenes[0].clone();
        let keys =
            vec![CropKey { out: 0.0, rect: Rect::FULL }, CropKey { out: 4.0, rect: Rect::new(0.1, 0.1, 0.8, 0.8) }];
        let scene = Scene { layout: Layout::Single { keys }, ..whole };
        let held = Held::begin(7, &scene, 1.0).expect("a picture");
        assert_eq!(Some(held.shot), Shot::at(&scene.layout, 1.0));
        assert!(held.lasts(7, 0.04, &scene, 1.0 + 1.0 / 30.0), "a source of 25 frames a second in 30");
        assert!(!held.lasts(8, 0.04, &scene, 1.0 + 1.0 / 30.0), "the next picture");
        assert!(!held.lasts(7, 0.04, &scene, 1.05), "the source ended and its last picture stands");
        assert!(!held.lasts(7, 0.1, &scene, 1.0 + 1.0 / 30.0), "ten frames a second");
        let other = Scene { out: omniva_contracts::Span::new(1.0, 4.0), ..scene.clone() };
        assert!(!held.lasts(7, 0.04, &other, 1.01), "another scene");
        assert_eq!(Held::begin(7, &Scene { layout: Layout::Waveform, ..scene }, 1.0), None);
    }

    #[test]
    fn cells_are_even_and_cover_the_canvas() {
        for (w, h) in [(1080, 1920), (1080, 1080), (1080, 1350), (1920, 1080)] {
            let ([a, b], line) = halves(Cell::whole(w, h));
            for v in [a, b, line].iter().flat_map(|c| [c.x, c.y, c.w, c.h]) {
                assert_eq!(v % 2, 0);
            }
            assert_eq!(a.w * a.h + b.w * b.h, (w * h) as usize);
            for ratio in [0.1, 0.5625, 1.0, 1.7778, 2.4, 9.0] {
                let inner = fitted(Cell::whole(w, h), ratio);
                assert!(inner.x + inner.w <= w as usize && inner.y + inner.h <= h as usize);
                assert!([inner.x, inner.y, inner.w, inner.h].iter().all(|v| v % 2 == 0));
            }
        }
    }
}
