//! What the small luma pictures say: how much changed, how bright and how sharp a frame is, and its structure, which is
//! what tells a cut from a change of light.

/// Blocks of the structure grid, across and down. Each block is taken relative to its own mean, so that neither bars nor
/// a change of exposure count as structure.
const COLUMNS: usize = 8;
const ROWS: usize = 5;
/// Widest picture that structure is taken from; larger ones are averaged down first.
const WIDEST: usize = 160;
/// Variance per pixel (grey levels squared) that counts as noise: two flat pictures are alike.
const NOISE: f64 = 12.0;
/// Longest run of products that surely fits an `i32`: 255² × 16384 < 2³¹.
const RUN: usize = 16_384;

/// The structure of one picture: every pixel minus the mean of its block.
#[derive(Clone, Debug, Default)]
pub struct Structure {
    residual: Vec<i16>,
    energy: f64,
    /// Mean luma, 0..1.
    pub mean: f64,
}

impl Structure {
    /// `luma` is `width` × `height` bytes; a picture of another length gives an empty structure.
    pub fn new(luma: &[u8], width: usize, height: usize) -> Structure {
        if width == 0 || height == 0 || luma.len() != width * height {
            return Structure::default();
        }
        let factor = width.div_ceil(WIDEST);
        if factor > 1 && width / factor >= COLUMNS && height / factor >= ROWS {
            let small = average(luma, width, factor, height / factor);
            return Structure::of(&small, width / factor, height / factor);
        }
        Structure::of(luma, width, height)
    }

    fn of(luma: &[u8], width: usize, height: usize) -> Structure {
        let mut residual: Vec<i16> = luma.iter().map(|&p| i16::from(p)).collect();
        for block_row in 0..ROWS {
            let rows = block_row * height / ROWS..(block_row + 1) * height / ROWS;
            for block_column in 0..COLUMNS {
                let columns = block_column * width / COLUMNS..(block_column + 1) * width / COLUMNS;
                subtract_mean(&mut residual, width, &rows, &columns);
            }
        }
        let total: u64 = luma.iter().map(|&p| u64::from(p)).sum();
        let energy = dot(&residual, &residual);
        Structure { residual, energy, mean: total as f64 / luma.len() as f64 / 255.0 }
    }

    /// How much of the structure is another one, 0 (the same) to 1 (nothing in common), up to 2 for negatives:
    /// `1 − (2Σxy + c) / (Σxx + Σyy + c)`, the contrast-structure term of SSIM (Wang et al. 2004) over the whole picture.
    pub fn change(&self, other: &Structure) -> f64 {
        if self.residual.len() != other.residual.len() || self.residual.is_empty() {
            return 1.0;
        }
        let c = NOISE * self.residual.len() as f64;
        let change = 1.0 - (2.0 * dot(&self.residual, &other.residual) + c) / (self.energy + other.energy + c);
        // Two flat pictures have no structure to compare: then a different grey is a different picture.
        if self.is_flat() && other.is_flat() && (self.mean - other.mean).abs() > 0.15 { 1.0 } else { change.max(0.0) }
    }

    /// A single tone, as at the bottom of a fade: black, white or any colour.
    pub fn is_flat(&self) -> bool {
        self.energy < 0.5 * NOISE * self.residual.len() as f64
    }

    /// How well this picture is a mixture of two others, as in the middle of a dissolve.
    pub fn mixture(&self, from: &Structure, to: &Structure) -> Option<Mixture> {
        let n = self.residual.len();
        if n == 0 || from.residual.len() != n || to.residual.len() != n {
            return None;
        }
        let cross = dot(&from.residual, &to.residual);
        let (with_from, with_to) = (dot(&self.residual, &from.residual), dot(&self.residual, &to.residual));
        let determinant = from.energy * to.energy - cross * cross;
        if determinant <= 1e-6 * from.energy * to.energy || self.energy < 1.5 * NOISE * n as f64 {
            return None;
        }
        let a = (with_from * to.energy - with_to * cross) / determinant;
        let b = (with_to * from.energy - with_from * cross) / determinant;
        let residual = (self.energy - a * with_from - b * with_to) / self.energy;
        let contrast = self.energy / ((from.energy + to.energy) / 2.0);
        Some(Mixture { from: a, to: b, residual, contrast })
    }
}

/// `picture ≈ from × A + to × B`, least squares, and the share of its energy that this does not explain.
#[derive(Clone, Copy, Debug)]
pub struct Mixture {
    pub from: f64,
    pub to: f64,
    pub residual: f64,
    /// Energy of the picture over the mean of the two.
    pub contrast: f64,
}

fn subtract_mean(picture: &mut [i16], width: usize, rows: &std::ops::Range<usize>, columns: &std::ops::Range<usize>) {
    let count = (rows.len() * columns.len()) as i64;
    if count == 0 {
        return;
    }
    let mut sum = 0i64;
    for line in picture.chunks_exact(width).skip(rows.start).take(rows.len()) {
        sum += line[columns.clone()].iter().map(|&p| i64::from(p)).sum::<i64>();
    }
    let mean = ((sum + count / 2) / count) as i16;
    for line in picture.chunks_exact_mut(width).skip(rows.start).take(rows.len()) {
        line[columns.clone()].iter_mut().for_each(|p| *p -= mean);
    }
}

fn dot(a: &[i16], b: &[i16]) -> f64 {
    let run = |(a, b): (&[i16], &[i16])| a.iter().zip(b).map(|(&x, &y)| i32::from(x) * i32::from(y)).sum::<i32>();
    a.chunks(RUN).zip(b.chunks(RUN)).map(|pair| f64::from(run(pair))).sum()
}

/// Averages `factor` × `factor` squares.
fn average(luma: &[u8], width: usize, factor: usize, rows: usize) -> Vec<u8> {
    let columns = width / factor;
    let mut out = Vec::with_capacity(columns * rows);
    let mut sums = vec![0u32; columns];
    for band in luma.chunks_exact(width * factor).take(rows) {
        sums.fill(0);
        for line in band.chunks_exact(width) {
            for (sum, square) in sums.iter_mut().zip(line.chunks_exact(factor)) {
                *sum += square.iter().map(|&p| u32::from(p)).sum::<u32>();
            }
        }
        let area = (factor * factor) as u32;
        out.extend(sums.iter().map(|&s| ((s + area / 2) / area) as u8));
    }
    out
}

/// Mean absolute difference, 0..1; 0 when the sizes differ.
pub fn difference(a: &[u8], b: &[u8]) -> f64 {
    if a.len() != b.len() || a.is_empty() {
        return 0.0;
    }
    let sum: u64 = a.chunks(4096).zip(b.chunks(4096)).map(|(a, b)| u64::from(absolute(a, b))).sum();
    sum as f64 / a.len() as f64 / 255.0
}

fn absolute(a: &[u8], b: &[u8]) -> u32 {
    a.iter().zip(b).map(|(&x, &y)| u32::from(x.abs_diff(y))).sum()
}

/// Largest difference of one pixel, 255 when the sizes differ.
pub fn largest_difference(a: &[u8], b: &[u8]) -> u8 {
    if a.len() != b.len() {
        return u8::MAX;
    }
    a.iter().zip(b).map(|(&x, &y)| x.abs_diff(y)).max().unwrap_or(0)
}

/// Variance of the Laplacian (4 neighbours), grey levels squared: the usual measure of focus (Pech-Pacheco et al. 2000).
pub fn sharpness(luma: &[u8], width: usize, height: usize) -> f64 {
    if width < 3 || height < 3 || luma.len() != width * height {
        return 0.0;
    }
    let (mut sum, mut squares) = (0i64, 0i64);
    for y in 1..height - 1 {
        let row = |y: usize| &luma[y * width..(y + 1) * width];
        let (above, line, below) = (row(y - 1), row(y), row(y + 1));
        for ((neighbours, &up), &down) in line.windows(3).zip(&above[1..]).zip(&below[1..]) {
            let &[left, centre, right] = neighbours else { continue };
            let value = 4 * i32::from(centre) - i32::from(left) - i32::from(right) - i32::from(up) - i32::from(down);
            sum += i64::from(value);
            squares += i64::from(value * value);
        }
    }
    let n = ((width - 2) * (height - 2)) as f64;
    let mean = sum as f64 / n;
    (squares as f64 / n - mean * mean).max(0.0)
}
