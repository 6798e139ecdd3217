//! Picks the thumbnail: the best of a few frames, judged while the clip is rendered, before captions are drawn.
//!
//! Sharpness is the variance of the Laplacian (Pech-Pacheco et al., 2000), brightness the mean luma with a penalty for
//! blown and crushed areas; a frame that differs much from the one before is in motion or in a transition.

use std::path::Path;

use ffmpeg_next::frame;
use image::ExtendedColorType;
use omniva_contracts::Fault;

use crate::render::mux::Temporary;
use crate::render::pool::{Pool, plane};
use crate::render::resize::PlaneRef;

/// JPEG quality, of 100.
const QUALITY: u8 = 90;
/// Seconds around every wished time at which a frame is judged too: eyes may be shut in one of them.
const AROUND: [f64; 3] = [0.0, -0.2, 0.2];
/// Times looked at when nobody wished for any.
const DEFAULTS: u32 = 8;
/// Wished times that are looked at.
const MOST: usize = 16;
/// Every so many pixels and rows are looked at.
const EVERY: usize = 3;

/// Judges frames and keeps the best one; at most two pictures are in memory.
pub(crate) struct Picker {
    /// Frame numbers to judge, rising, with the weight of the wish.
    wanted: Vec<(u64, f64)>,
    best: Option<(f64, u64, frame::Video)>,
    before: Option<(u64, Vec<u8>)>,
}

impl Picker {
    /// `times` are output times, best first.
    pub fn new(times: &[f64], frames: u64, fps: u32) -> Picker {
        let duration = frames as f64 / f64::from(fps.max(1));
        let usable: Vec<f64> = times.iter().copied().filter(|t| (0.0..duration).contains(t)).take(MOST).collect();
        let spread = || (0..DEFAULTS).map(|i| duration * (0.1 + 0.8 * f64::from(i) / f64::from(DEFAULTS - 1)));
        let times = if usable.is_empty() { spread().collect() } else { usable.clone() };
        let mut wanted = Vec::new();
        for (rank, time) in times.iter().enumerate() {
            // Whoever wished knows about faces and smiles: a later wish must be clearly better to win.
            let weight = if usable.is_empty() { 1.0 } else { 0.95f64.powi(rank as i32) };
            for around in AROUND {
                let index = ((time + around) * f64::from(fps)).round();
                if index >= 0.0 && index < frames as f64 {
                    wanted.push((index as u64, if around == 0.0 { weight } else { weight * 0.98 }));
                }
            }
        }
        wanted.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        wanted.dedup_by_key(|w| w.0);
        Picker { wanted, best: None, before: None }
    }

    /// Looks at frame `index`; frames come in order.
    pub fn see(&mut self, index: u64, picture: &frame::Video, pool: &Pool) -> Result<(), Fault> {
        let weight = |index: u64| self.wanted.binary_search_by_key(&index, |w| w.0).ok().map(|i| self.wanted[i].1);
        let (now, next) = (weight(index), weight(index + 1).is_some());
        if now.is_none() && !next {
            return Ok(());
        }
        let small = shrink(plane(picture, 0));
        if let Some(weight) = now {
            let before = self.before.as_ref().filter(|(i, _)| i + 1 == index).map(|(_, s)| s.as_slice());
            let score = weight * judge(&small, plane(picture, 0).width.div_ceil(EVERY), before);
            if self.best.as_ref().is_none_or(|(best, _, _)| score > *best) {
                self.best = Some((score, index, pool.copy(picture)?));
            }
        }
        self.before = next.then_some((index, small));
        Ok(())
    }

    /// Writes the best frame as a JPEG; returns its number. `None` when no frame was seen.
    pub fn save(self, target: &Path) -> Result<Option<u64>, Fault> {
        let Some((_, index, picture)) = self.best else { return Ok(None) };
        let failed = |e: std::io::Error| Fault::writing("the thumbnail", &e);
        let (rgb, width, height) = rgb(&picture);
        let mut jpeg = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
            .encode(&rgb, width, height, ExtendedColorType::Rgb8)
            .map_err(|e| Fault::internal("the thumbnail could not be encoded").with_detail(e))?;
        let file = Temporary::beside(target);
        std::fs::write(file.path(), &jpeg).map_err(failed)?;
        file.keep(target, "the thumbnail")?;
        Ok(Some(index))
    }
}

fn shrink(luma: PlaneRef) -> Vec<u8> {
    let rows = luma.data.chunks(luma.stride.max(1)).take(luma.height).step_by(EVERY);
    rows.flat_map(|row| row.iter().take(luma.width).step_by(EVERY).copied()).collect()
}

/// Higher is better. Everything is relative: only frames of one clip are compared.
fn judge(luma: &[u8], width: usize, before: Option<&[u8]>) -> f64 {
    let height = luma.len() / width.max(1);
    if width < 3 || height < 3 {
        return 0.0;
    }
    let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
    // The middle counts: people are there, and what is blurred behind them does not make a frame unsharp.
    for y in (height / 8).max(1)..(height * 7 / 8).min(height - 1) {
        let (up, row, down) =
            (&luma[(y - 1) * width..y * width], &luma[y * width..(y + 1) * width], &luma[(y + 1) * width..]);
        for x in (width / 8).max(1)..(width * 7 / 8).min(width - 1) {
            let around = i32::from(row[x - 1]) + i32::from(row[x + 1]) + i32::from(up[x]) + i32::from(down[x]);
            let v = f64::from(4 * i32::from(row[x]) - around);
            sum += v;
            squares += v * v;
            count += 1.0;
        }
    }
    let sharpness = (squares / count - (sum / count) * (sum / count)).max(0.0);
    let total = luma.len() as f64;
    let mean = luma.iter().map(|v| f64::from(*v)).sum::<f64>() / total;
    let share = |test: fn(u8) -> bool| luma.iter().filter(|v| test(**v)).count() as f64 / total;
    let light = 1.0 - ((mean - 130.0) / 130.0).abs().min(1.0) * 0.6;
    let lost = (share(|v| v > 232) + share(|v| v < 20)).min(1.0);
    let calm = before.map_or(1.0, |b| {
        let moved = luma.iter().zip(b).map(|(x, y)| f64::from(x.abs_diff(*y))).sum::<f64>() / total;
        1.0 / (1.0 + moved / 12.0)
    });
    (1.0 + sharpness).ln() * light * (1.0 - 0.7 * lost) * calm
}

/// BT.709 limited range to RGB; returns pixels, width and height.
fn rgb(picture: &frame::Video) -> (Vec<u8>, u32, u32) {
    let (y, u, v) = (plane(picture, 0), plane(picture, 1), plane(picture, 2));
    let mut out = Vec::with_capacity(y.width * y.height * 3);
    for row in 0..y.height {
        let luma = &y.data[row * y.stride..row * y.stride + y.width];
        let blue = &u.data[row / 2 * u.stride..row / 2 * u.stride + u.width];
        let red = &v.data[row / 2 * v.stride..row / 2 * v.stride + v.width];
        for (x, l) in luma.iter().enumerate() {
            // 16-bit fixed point.
            let l = (i32::from(*l) - 16) * 76_309;
            let (cb, cr) = (i32::from(blue[x / 2]) - 128, i32::from(red[x / 2]) - 128);
            let level = |v: i32| ((v + 32_768) >> 16).clamp(0, 255) as u8;
            out.extend([level(l + 117_489 * cr), level(l - 13_975 * cb - 34_925 * cr), level(l + 138_438 * cb)]);
        }
    }
    (out, y.width as u32, y.height as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const W: usize = 90;
    const H: usize = 120;

    fn picture(f: impl Fn(usize, usize) -> u8) -> Vec<u8> {
        (0..W * H).map(|i| f(i % W, i / W)).collect()
    }

    #[test]
    fn sharp_calm_and_well_lit_frames_win() {
        let sharp = picture(|x, y| if (x / 4 + y / 4) % 2 == 0 { 90 } else { 170 });
        let soft = picture(|x, y| (130.0 + 40.0 * ((x + y) as f64 / 6.0).sin()) as u8);
        let dark = picture(|x, y| if (x / 4 + y / 4) % 2 == 0 { 17 } else { 40 });
        let blown = picture(|x, y| if (x / 4 + y / 4) % 2 == 0 { 200 } else { 254 });
        let best = judge(&sharp, W, None);
        for worse in [&soft, &dark, &blown] {
            assert!(best > judge(worse, W, None));
        }
        assert!(best > judge(&sharp, W, Some(&soft)));
    }

    #[test]
    fn wished_times_outside_the_clip_are_left_out() {
        let picker = Picker::new(&[-3.0, 99.0, 2.0], 300, 30);
        assert_eq!(picker.wanted.iter().map(|w| w.0).collect::<Vec<_>>(), [54, 60, 66]);
        assert!(Picker::new(&[], 300, 30).wanted.len() >= 8);
        assert!(Picker::new(&[0.0], 1, 30).wanted.iter().all(|w| w.0 == 0));
    }
}
