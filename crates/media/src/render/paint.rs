//! Colours, filled boxes and the logo, straight on 4:2:0 planes.

use ffmpeg_next::frame;
use omniva_contracts::geometry::Rect;
use omniva_contracts::plan::LogoPlan;
use omniva_contracts::{Code, Fault};

use super::pool::plane_mut;

/// A colour in BT.709, limited range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Yuv(pub [u8; 3]);

impl Yuv {
    pub fn from_rgb(rgb: [u8; 3]) -> Yuv {
        let [r, g, b] = rgb.map(f64::from);
        let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        let limit = |v: f64| v.round().clamp(16.0, 240.0) as u8;
        Yuv([
            (16.0 + y * 219.0 / 255.0).round().clamp(16.0, 235.0) as u8,
            limit(128.0 + (b - y) / 1.8556 * 224.0 / 255.0),
            limit(128.0 + (r - y) / 1.5748 * 224.0 / 255.0),
        ])
    }

    /// `#RRGGBB` (a trailing `AA` is ignored).
    pub fn parse(text: &str) -> Result<Yuv, Fault> {
        let digits = text.strip_prefix('#').unwrap_or_default();
        let value = |i: usize| digits.get(i..i + 2).and_then(|d| u8::from_str_radix(d, 16).ok());
        match (value(0), value(2), value(4), digits.len()) {
            (Some(r), Some(g), Some(b), 6 | 8) => Ok(Yuv::from_rgb([r, g, b])),
            _ => Err(Fault::new(
                Code::ConfigInvalid,
                format!("“{text}” is not a colour"),
                "write colours of the brand kit as #RRGGBB",
            )),
        }
    }

    /// `share` of this colour over the rest of the other.
    pub fn over(self, under: Yuv, share: f64) -> Yuv {
        let mix =
            |i: usize| (f64::from(under.0[i]) + (f64::from(self.0[i]) - f64::from(under.0[i])) * share).round() as u8;
        Yuv([mix(0), mix(1), mix(2)])
    }
}

/// Pixels of the canvas; all four numbers are even, so chroma lines up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cell {
    pub x: usize,
    pub y: usize,
    pub w: usize,
    pub h: usize,
}

impl Cell {
    pub fn whole(width: u32, height: u32) -> Cell {
        Cell { x: 0, y: 0, w: width as usize, h: height as usize }
    }
    pub fn ratio(&self) -> f64 {
        self.w as f64 / self.h.max(1) as f64
    }
    /// The same cell in samples of a plane.
    pub fn in_plane(&self, plane: usize) -> Cell {
        if plane == 0 { *self } else { Cell { x: self.x / 2, y: self.y / 2, w: self.w / 2, h: self.h / 2 } }
    }
}

/// Fills a cell with one colour.
pub(crate) fn fill(picture: &mut frame::Video, cell: Cell, colour: Yuv) {
    for p in 0..3 {
        let c = cell.in_plane(p);
        let target = plane_mut(picture, p);
        for y in c.y..(c.y + c.h).min(target.height) {
            let start = y * target.stride;
            target.data[start + c.x..start + (c.x + c.w).min(target.width)].fill(colour.0[p]);
        }
    }
}

/// A logo at its final size, ready to be drawn on every picture.
pub(crate) struct Logo {
    cell: Cell,
    /// Colour and opacity of each plane, row by row.
    planes: [Vec<(u8, u8)>; 3],
}

impl Logo {
    /// Fits the picture into its area, keeping its shape.
    pub fn load(plan: &LogoPlan, width: u32, height: u32) -> Result<Logo, Fault> {
        let image = still(&plan.file, "the logo")?.to_rgba8();
        let (room_w, room_h) = (plan.area.w * f64::from(width), plan.area.h * f64::from(height));
        let scale = (room_w / f64::from(image.width())).min(room_h / f64::from(image.height()));
        let even = |v: f64| ((v * scale / 2.0).round() as u32 * 2).max(2);
        let (w, h) = (even(f64::from(image.width())).min(width), even(f64::from(image.height())).min(height));
        let cell = place(&plan.area, (w, h), (width, height));
        let small = image::imageops::resize(&premultiplied(&image), w, h, image::imageops::FilterType::CatmullRom);
        Ok(Logo { cell, planes: split(&small, plan.opacity.clamp(0.0, 1.0)) })
    }

    pub fn draw(&self, picture: &mut frame::Video) {
        for (p, pixels) in self.planes.iter().enumerate() {
            let c = self.cell.in_plane(p);
            let target = plane_mut(picture, p);
            for (row, pixels) in pixels.chunks_exact(c.w.max(1)).enumerate().take(target.height.saturating_sub(c.y)) {
                let start = (c.y + row) * target.stride + c.x;
                for (under, (colour, opacity)) in target.data[start..start + c.w].iter_mut().zip(pixels) {
                    let (u, c, a) = (u32::from(*under), u32::from(*colour), u32::from(*opacity));
                    *under = ((u * (255 - a) + c * a + 127) / 255) as u8;
                }
            }
        }
    }
}

/// Centres a `size` in its area, on even pixels inside the canvas.
fn place(area: &Rect, size: (u32, u32), canvas: (u32, u32)) -> Cell {
    let (cx, cy) = area.center();
    let at = |centre: f64, size: u32, canvas: u32| {
        let start = centre * f64::from(canvas) - f64::from(size) / 2.0;
        (start / 2.0).round().clamp(0.0, f64::from((canvas - size) / 2)) as usize * 2
    };
    Cell { x: at(cx, size.0, canvas.0), y: at(cy, size.1, canvas.1), w: size.0 as usize, h: size.1 as usize }
}

/// Without this, the colour of invisible pixels would bleed into the edges when scaling.
fn premultiplied(image: &image::RgbaImage) -> image::Rgba32FImage {
    image::Rgba32FImage::from_fn(image.width(), image.height(), |x, y| {
        let p = image.get_pixel(x, y).0.map(|v| f32::from(v) / 255.0);
        image::Rgba([p[0] * p[3], p[1] * p[3], p[2] * p[3], p[3]])
    })
}

fn split(image: &image::Rgba32FImage, opacity: f64) -> [Vec<(u8, u8)>; 3] {
    let sample = |x0: u32, y0: u32, size: u32| {
        let mut sum = [0.0f32; 4];
        for y in y0..y0 + size {
            for x in x0..x0 + size {
                for (s, v) in sum.iter_mut().zip(image.get_pixel(x, y).0) {
                    *s += v;
                }
            }
        }
        let alpha = sum[3].max(1e-6);
        let rgb = [sum[0], sum[1], sum[2]].map(|v| (v / alpha * 255.0).round().clamp(0.0, 255.0) as u8);
        let share = f64::from(sum[3] / (size * size) as f32) * opacity;
        (Yuv::from_rgb(rgb), (share * 255.0).round().clamp(0.0, 255.0) as u8)
    };
    let mut planes = [const { Vec::new() }; 3];
    for y in 0..image.height() {
        for x in 0..image.width() {
            let (colour, a) = sample(x, y, 1);
            planes[0].push((colour.0[0], a));
            if x % 2 == 0 && y % 2 == 0 {
                let (colour, a) = sample(x, y, 2);
                planes[1].push((colour.0[1], a));
                planes[2].push((colour.0[2], a));
            }
        }
    }
    planes
}

/// Reads a PNG or JPEG of the brand kit; what it is decides its content, not its name.
pub(crate) fn still(path: &std::path::Path, what: &str) -> Result<image::DynamicImage, Fault> {
    let unreadable = |e: &dyn std::fmt::Display| {
        Fault::new(
            Code::ConfigInvalid,
            format!("{what} can't be read"),
            "check the brand kit: give the path of an existing PNG or JPEG file",
        )
        .with_detail(e)
    };
    let mut reader =
        image::ImageReader::open(path).and_then(|r| r.with_guessed_format()).map_err(|e| unreadable(&e))?;
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(16_384);
    limits.max_image_height = Some(16_384);
    reader.limits(limits);
    reader.decode().map_err(|e| unreadable(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_match_the_standard() {
        assert_eq!(Yuv::from_rgb([255, 255, 255]), Yuv([235, 128, 128]));
        assert_eq!(Yuv::from_rgb([0, 0, 0]), Yuv([16, 128, 128]));
        // BT.709 colour bars at full level: red is 63, 102, 240.
        assert_eq!(Yuv::parse("#FF0000").unwrap(), Yuv([63, 102, 240]));
        for bad in ["", "#12", "red", "#GG0000", "#1234567", "#é1234"] {
            assert_eq!(Yuv::parse(bad).unwrap_err().code, Code::ConfigInvalid, "{bad}");
        }
    }

    #[test]
    fn a_logo_stays_on_the_canvas_on_even_pixels() {
        let cell = place(&Rect::new(0.9, 0.95, 0.2, 0.2), (216, 100), (1080, 1920));
        assert!(cell.x + cell.w <= 1080 && cell.y + cell.h <= 1920);
        assert!(cell.x.is_multiple_of(2) && cell.y.is_multiple_of(2));
    }
}
