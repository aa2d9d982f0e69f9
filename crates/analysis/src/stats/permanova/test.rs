//! Sums of squares of a labeling, and the permutation tests over them.
//!
//! A basis vector `q` is constant within a cell, so `q' G q` needs only the sums of `G` between cells: `S[c][d]`, the sum of `G[i][j]` over
//! runs `i` of cell `c` and `j` of cell `d`. A labeling costs half of `n^2` additions and nothing else that grows with the runs.

use super::design::Design;
use super::{RESIDUAL, Squares};
use crate::stats::distance::Distances;
use crate::stats::permutation::{Permutations, TIE};

/// Scalar products of the runs as seen from a center, or of what a model leaves of them: `[n, n]`, row-major, symmetric.
#[derive(Clone)]
pub(super) struct Centered {
    n: usize,
    products: Vec<f64>,
}

impl Centered {
    pub(super) fn new(distances: &Distances) -> Centered {
        Centered { n: distances.len(), products: distances.gower_centered() }
    }

    /// The sum of all squares.
    pub(super) fn total(&self) -> f64 {
        (0..self.n).map(|i| self.products[i * self.n + i]).sum::<f64>().max(0.0)
    }

    /// The sums of squares of the terms if the runs lay in these cells.
    pub(super) fn squares(&self, design: &Design, cells: &[usize]) -> Squares {
        let many = design.counts().len();
        let sums = self.between_cells(cells, many);
        let of = |term: usize| design.basis(term).iter().map(|q| quadratic(q, &sums)).sum::<f64>().max(0.0);
        // The squares within a cell: the scalar product of each run with itself less its share of the cell's mean.
        let diagonal: f64 = (0..self.n).map(|i| self.products[i * self.n + i]).sum();
        let means: f64 =
            (0..many).filter(|c| design.counts()[*c] > 0.0).map(|c| sums[c * many + c] / design.counts()[c]).sum();
        let mut squares = [of(0), of(1), of(2), 0.0];
        squares[RESIDUAL] = (diagonal - means).max(0.0);
        squares
    }

    fn between_cells(&self, cells: &[usize], many: usize) -> Vec<f64> {
        let mut sums = vec![0.0; many * many];
        let mut from = vec![0.0; many];
        for (i, row) in self.products.chunks_exact(self.n).enumerate() {
            // Below the diagonal; its mirror image is the other half.
            from.fill(0.0);
            row[..i].iter().zip(cells).for_each(|(product, cell)| from[*cell] += product);
            for (cell, sum) in from.iter().enumerate() {
                sums[cells[i] * many + cell] += sum;
                sums[cell * many + cells[i]] += sum;
            }
            sums[cells[i] * many + cells[i]] += row[i];
        }
        sums
    }

    /// What an orthonormal basis over cells leaves: `(I - H) G (I - H)`.
    fn without<'a>(&self, basis: impl Iterator<Item = &'a Vec<f64>>, cells: &[usize]) -> Centered {
        let mut left = self.clone();
        for q in basis {
            let q: Vec<f64> = cells.iter().map(|cell| q[*cell]).collect();
            left.project_out(&q);
        }
        left
    }

    /// `(I - q q') G (I - q q')` with a unit vector: `G - q h' - h q' + (q' h) q q'`, where `h = G q`.
    fn project_out(&mut self, q: &[f64]) {
        let n = self.n;
        let h: Vec<f64> =
            self.products.chunks_exact(n).map(|row| row.iter().zip(q).map(|(g, q)| g * q).sum()).collect();
        let twice: f64 = q.iter().zip(&h).map(|(q, h)| q * h).sum();
        for i in 0..n {
            for j in 0..n {
                self.products[i * n + j] += twice * q[i] * q[j] - q[i] * h[j] - h[i] * q[j];
            }
        }
    }
}

fn quadratic(q: &[f64], sums: &[f64]) -> f64 {
    sums.chunks_exact(q.len()).zip(q).map(|(row, own)| own * row.iter().zip(q).map(|(s, q)| s * q).sum::<f64>()).sum()
}

/// What is permuted for one term.
pub(super) struct Shuffled {
    centered: Centered,
    /// What changes places.
    labels: Vec<usize>,
    /// Within which parts.
    strata: Vec<usize>,
    /// The factor whose levels the labels are; otherwise they are cells.
    factor: Option<usize>,
}

impl Shuffled {
    /// The levels of a factor, within the levels of the other.
    pub(super) fn levels(design: &Design, centered: &Centered, factor: usize) -> Shuffled {
        let (labels, strata) = (design.factor(factor).to_vec(), design.factor(1 - factor).to_vec());
        Shuffled { centered: centered.clone(), labels, strata, factor: Some(factor) }
    }

    /// The residuals of the additive model, over all runs. To add the fitted values back would change nothing: they lie in the space
    /// that the interaction and the residual are orthogonal to.
    pub(super) fn residuals(design: &Design, centered: &Centered) -> Shuffled {
        let left = centered.without(design.additive(), design.cells());
        Shuffled {
            centered: left,
            labels: design.cells().to_vec(),
            strata: vec![0; design.cells().len()],
            factor: None,
        }
    }

    /// The cells that labels put the runs in.
    fn cells(&self, design: &Design, labels: &[usize]) -> Vec<usize> {
        match self.factor {
            Some(factor) => {
                labels.iter().zip(&self.strata).map(|(own, other)| design.cell(factor, *own, *other)).collect()
            }
            None => labels.to_vec(),
        }
    }

    /// The term's squares over its and the residual's, and their sum. F is a rising function of this share, which stays finite.
    fn share(&self, design: &Design, term: usize, labels: &[usize]) -> (f64, f64) {
        let squares = self.centered.squares(design, &self.cells(design, labels));
        let sum = squares[term] + squares[RESIDUAL];
        (if sum > 0.0 { squares[term] / sum } else { 0.0 }, sum)
    }
}

/// The permutation p of a term's F.
pub(super) fn p_of(shuffled: &Shuffled, design: &Design, term: usize, permutations: &Permutations) -> f64 {
    let (observed, sum) = shuffled.share(design, term, &shuffled.labels);
    // Rounding is relative to all squares, of which this term and the residual may be a small part.
    let slack = TIE * (shuffled.centered.total() / sum).max(1.0);
    let mut count = 0;
    let walk = permutations.walk(&shuffled.labels, &shuffled.strata, |labels| {
        count += u64::from(shuffled.share(design, term, labels).0 >= observed - slack);
    });
    walk.p(count)
}
