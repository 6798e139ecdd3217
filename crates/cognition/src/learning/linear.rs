//! As much linear algebra as the models need: symmetric positive matrices of a few hundred rows.

/// The lower factor of a symmetric positive matrix, `A = L Lᵀ`.
pub(super) struct Factor {
    rows: Vec<Vec<f64>>,
}

impl Factor {
    /// `at(i, j)` gives the lower half of the matrix. A pivot that rounding made nothing is lifted: the models add noise to
    /// every diagonal, so that this stays a matter of the last digits.
    pub fn new(size: usize, at: impl Fn(usize, usize) -> f64) -> Self {
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(size);
        for i in 0..size {
            let mut row = Vec::with_capacity(i + 1);
            for (j, other) in rows.iter().enumerate() {
                let pivot = other.get(j).copied().unwrap_or(1.0);
                row.push((at(i, j) - dot(&row, other)) / pivot);
            }
            let left = at(i, i) - dot(&row, &row);
            row.push(left.max(1e-12).sqrt());
            rows.push(row);
        }
        Self { rows }
    }

    /// `L⁻¹ b`
    pub fn forward(&self, b: &[f64]) -> Vec<f64> {
        let mut x: Vec<f64> = Vec::with_capacity(b.len());
        for (row, b) in self.rows.iter().zip(b) {
            let pivot = row.last().copied().unwrap_or(1.0);
            x.push((b - dot(&x, row)) / pivot);
        }
        x
    }

    /// `A⁻¹ b`
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = self.forward(b);
        for (i, row) in self.rows.iter().enumerate().rev() {
            let Some((head, tail)) = x.split_at_mut_checked(i) else { continue };
            let (Some(last), Some(pivot)) = (tail.first_mut(), row.last()) else { continue };
            *last /= pivot;
            for (x, l) in head.iter_mut().zip(row) {
                *x -= l * *last;
            }
        }
        x
    }

    /// `L z`
    pub fn spread(&self, z: &[f64]) -> Vec<f64> {
        self.rows.iter().map(|row| dot(row, z)).collect()
    }
}

/// Over the shorter of the two.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_solves_what_it_was_made_of() {
        let a = [[4.0, 2.0, 0.4], [2.0, 5.0, 1.0], [0.4, 1.0, 3.0]];
        let factor = Factor::new(3, |i, j| a[i][j]);
        let x = factor.solve(&[1.0, 2.0, 3.0]);
        for (row, b) in a.iter().zip([1.0, 2.0, 3.0]) {
            assert!((dot(row, &x) - b).abs() < 1e-12);
        }
        let z = [0.3, -1.0, 2.0];
        let back = factor.forward(&factor.spread(&z));
        assert!(back.iter().zip(z).all(|(a, b)| (a - b).abs() < 1e-12));
    }
}
