//! The designed picture of a source without one: rounded bars that run with the sound, on a softly lit background.
//!
//! Every bar is a twelfth of a second of sound. Bars travel to the left; what has been heard is drawn in the accent
//! colour, what comes is pale. A line below shows how much of the clip has passed.

use ffmpeg_next::frame;
use omniva_contracts::Fault;
use omniva_contracts::plan::{BrandPlan, Canvas};

use super::paint::Yuv;
use super::pool::{Pool, plane_mut};
use crate::master::RATE;

/// Bars a second.
const BARS: usize = 12;
/// Bars across the canvas width.
const ACROSS: f64 = 45.0;
/// Middle of the bars as a fraction of the height: above the captions' usual place.
const MIDDLE: f64 = 0.40;
/// Loudest and quietest half height of a bar, as fractions of the canvas height and of the distance between bars.
const TALL: f64 = 0.115;
const SHORT: f64 = 0.32;
/// Darkest luma of the background: dark enough for every brand, and still no black picture.
const FLOOR: f64 = 30.0;

/// Loudness of a sound over time, 0..1 a bar.
#[derive(Clone)]
pub(crate) struct Envelope {
    bars: Vec<f32>,
}

impl Envelope {
    /// From interleaved stereo.
    pub fn of(pcm: &[f32]) -> Envelope {
        let window = RATE as usize / BARS * 2;
        let level = |w: &[f32]| {
            let power = w.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / w.len().max(1) as f64;
            10.0 * power.max(1e-12).log10()
        };
        let levels: Vec<f64> = pcm.chunks(window).map(level).collect();
        // Against the clip's own loud passages, so that quiet recordings move as well.
        let mut sorted = levels.clone();
        sorted.sort_by(f64::total_cmp);
        let loud = sorted.get(sorted.len() * 95 / 100).copied().unwrap_or(0.0).max(-60.0);
        let bars = levels.iter().map(|l| ((l - loud + 32.0) / 34.0).clamp(0.0, 1.0).powf(1.4) as f32).collect();
        Envelope { bars }
    }

    fn at(&self, index: i64) -> f64 {
        usize::try_from(index).ok().and_then(|i| self.bars.get(i)).map_or(0.0, |v| f64::from(*v))
    }
}

/// Draws the waveform picture.
pub(crate) struct Waveform {
    background: frame::Video,
    envelope: Envelope,
    accent: Yuv,
    pale: Yuv,
    width: f64,
    height: f64,
    duration: f64,
}

/// A rounded bar in pixels of the canvas.
#[derive(Clone, Copy)]
struct Bar {
    x: f64,
    y: f64,
    radius: f64,
    /// Half height and half width of the straight part.
    up: f64,
    across: f64,
}

impl Waveform {
    pub fn new(
        canvas: &Canvas,
        brand: &BrandPlan,
        pool: &Pool,
        envelope: Envelope,
        duration: f64,
    ) -> Result<Waveform, Fault> {
        let base = Yuv::parse(&brand.background)?;
        let accent = Yuv::parse(&brand.accent)?;
        let white = Yuv::from_rgb([255, 255, 255]);
        let (width, height) = (f64::from(canvas.width), f64::from(canvas.height));
        let mut background = pool.get()?;
        light(&mut background, base, accent);
        Ok(Waveform { background, envelope, accent, pale: white.over(base, 0.38), width, height, duration })
    }

    /// The picture at `time` seconds.
    pub fn draw(&self, time: f64, pool: &Pool) -> Result<frame::Video, Fault> {
        let mut picture = pool.copy(&self.background)?;
        let pitch = self.width / ACROSS;
        let middle = self.height * MIDDLE;
        let now = time * BARS as f64;
        let reach = (ACROSS / 2.0).ceil() as i64 + 1;
        for offset in -reach..=reach {
            let index = now.floor() as i64 + offset;
            // Distance from the present moment, in bars; a bar's own moment is its middle.
            let away = index as f64 + 0.5 - now;
            let x = self.width / 2.0 + away * pitch;
            let edge = (x.min(self.width - x) / (self.width * 0.16)).clamp(0.0, 1.0);
            if edge <= 0.0 {
                continue;
            }
            // A bar rises as its moment comes near, and the present one stands out a little.
            let swell = 0.86 + 0.14 * (-away * away / 6.0).exp();
            let radius = pitch * SHORT;
            let up = self.envelope.at(index) * self.height * TALL * swell;
            let bar = Bar { x, y: middle, radius, up, across: 0.0 };
            let heard = (0.5 - away).clamp(0.0, 1.0);
            draw(&mut picture, &bar, self.pale, edge * (1.0 - heard));
            draw(&mut picture, &bar, self.accent, edge * heard);
        }
        self.progress(&mut picture, time);
        Ok(picture)
    }

    fn progress(&self, picture: &mut frame::Video, time: f64) {
        let (left, right) = (self.width * 0.14, self.width * 0.86);
        let y = self.height * MIDDLE + self.height * TALL + self.width * 0.075;
        let radius = self.width * 0.0035;
        let part = (time / self.duration.max(1e-3)).clamp(0.0, 1.0);
        let line = |to: f64| Bar { x: (left + to) / 2.0, y, radius, up: 0.0, across: (to - left) / 2.0 };
        draw(picture, &line(right), self.pale, 0.55);
        let head = left + (right - left) * part;
        draw(picture, &line(head), self.accent, 1.0);
        draw(picture, &Bar { x: head, y, radius: radius * 2.6, up: 0.0, across: 0.0 }, self.accent, 1.0);
    }
}

/// Paints the background: the base colour, lit by the accent from behind the bars and falling off towards the edges.
/// Ordered dither hides the steps that so soft a gradient would show in eight bits.
fn light(picture: &mut frame::Video, base: Yuv, accent: Yuv) {
    const DITHER: [[f64; 4]; 4] = [[0., 8., 2., 10.], [12., 4., 14., 6.], [3., 11., 1., 9.], [15., 7., 13., 5.]];
    for p in 0..3 {
        let target = plane_mut(picture, p);
        let (w, h) = (target.width as f64, target.height as f64);
        let floor = if p == 0 { f64::from(base.0[0]).max(FLOOR) } else { f64::from(base.0[p]) };
        let glow = f64::from(accent.0[p]) - floor;
        for (y, row) in target.data.chunks_mut(target.stride).take(target.height).enumerate() {
            let v = (y as f64 / h - MIDDLE) * h / w.min(h);
            let fall = 1.0 - 0.10 * (y as f64 / h);
            for (x, out) in row.iter_mut().take(target.width).enumerate() {
                let u = (x as f64 / w - 0.5) * w / w.min(h);
                let near = (-(u * u * 2.2 + v * v * 3.2)).exp();
                let shade = if p == 0 { FLOOR + (floor - FLOOR) * fall } else { floor };
                let value = shade + glow * 0.16 * near;
                *out = (value + DITHER[y % 4][x % 4] / 16.0).floor().clamp(1.0, 254.0) as u8;
            }
        }
    }
}

/// Blends a rounded bar into the picture with smooth edges.
fn draw(picture: &mut frame::Video, bar: &Bar, colour: Yuv, opacity: f64) {
    if opacity <= 0.004 {
        return;
    }
    for p in 0..3 {
        let scale = if p == 0 { 1.0 } else { 0.5 };
        let target = plane_mut(picture, p);
        let (cx, cy, r) = (bar.x * scale, bar.y * scale, bar.radius * scale);
        let (up, across) = (bar.up * scale, bar.across * scale);
        let span = |centre: f64, reach: f64, size: usize| {
            let from = (centre - reach - 1.0).floor().clamp(0.0, size as f64) as usize;
            let to = (centre + reach + 1.0).ceil().clamp(0.0, size as f64) as usize;
            from..to
        };
        let columns = span(cx, across + r, target.width);
        for y in span(cy, up + r, target.height) {
            let dy = ((y as f64 + 0.5 - cy).abs() - up).max(0.0);
            let row = &mut target.data[y * target.stride..y * target.stride + target.width];
            for x in columns.clone() {
                let dx = ((x as f64 + 0.5 - cx).abs() - across).max(0.0);
                let cover = (r + 0.5 - (dx * dx + dy * dy).sqrt()).clamp(0.0, 1.0) * opacity;
                if cover > 0.0 {
                    let under = f64::from(row[x]);
                    row[x] = (under + (f64::from(colour.0[p]) - under) * cover + 0.5) as u8;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::pool::plane;
    use crate::render::testing::plan;

    fn waveform(pcm: &[f32]) -> (Pool, Waveform) {
        let plan = plan(4.0, 30);
        let pool = Pool::new(1080, 1920).unwrap();
        let waveform = Waveform::new(&plan.canvas, &plan.brand, &pool, Envelope::of(pcm), 4.0).unwrap();
        (pool, waveform)
    }

    /// Samples of the left half's centre column band that are far brighter than the background.
    fn lit(picture: &frame::Video) -> usize {
        plane(picture, 0).data.iter().filter(|v| **v > 110).count()
    }

    #[test]
    fn loud_passages_make_taller_bars() {
        let pcm: Vec<f32> = (0..4 * RATE as usize)
            .flat_map(|n| {
                let loud = if n < 2 * RATE as usize { 0.005 } else { 0.5 };
                let v = (n as f32 * 0.05).sin() * loud;
                [v, v]
            })
            .collect();
        let (pool, waveform) = waveform(&pcm);
        let quiet = lit(&waveform.draw(0.3, &pool).unwrap());
        let loud = lit(&waveform.draw(3.7, &pool).unwrap());
        assert!(loud > 2 * quiet, "{loud} against {quiet}");
    }

    #[test]
    fn the_background_is_never_black() {
        let (pool, waveform) = waveform(&[0.0; 9600]);
        let picture = waveform.draw(0.0, &pool).unwrap();
        let luma = plane(&picture, 0);
        for row in luma.data.chunks(luma.stride) {
            assert!(row.iter().take(luma.width).all(|v| *v > 24));
        }
    }
}
