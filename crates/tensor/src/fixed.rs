//! Matrices whose products are in fixed point, spread over rayon's threads.
//!
//! Integers are added exactly and runs of terms in their order ([`seismograd_kernels::fixed`]), whatever is computed beside them: the bits depend neither
//! on the pieces nor on the threads. Matrices lie in panels of sixteen columns, so that a thread that computes some columns writes to one place, finds
//! them in its cache when they are packed as factors of the next product, and no rows are a power of two apart.

use crate::{Side, Tensor, parallel};
use seismograd_kernels::elementwise;
use seismograd_kernels::fixed::{Cell, Factor, Place, Square, TOGETHER, copy_to_panel, multiply_add};
use seismograd_kernels::matmul::Matrix;

/// Cells that one task packs.
const CELLS: usize = 8;

/// The rows or the columns of a matrix, as a factor of products.
pub struct Vectors(Factor);

/// A cell, where in a matrix what it needs begins, and how it is packed.
type Packing<'a> = (usize, Cell<'a>, &'a (dyn Fn(&mut Cell<'_>) + Sync));

/// Packs cells in an order of which neighbours are likely to find in one cache what they read.
fn pack(mut cells: Vec<Packing<'_>>) {
    cells.sort_by_key(|(first, ..)| *first);
    parallel::each(cells.chunks_mut(CELLS), |cells| cells.iter_mut().for_each(|(_, cell, pack)| pack(cell)));
}

/// A matrix in panels of sixteen columns, with zeros up to whole groups of rows and columns.
pub struct Panels {
    sizes: [usize; 2],
    elements: Tensor,
}

impl Panels {
    /// A matrix, read plain or transposed, times a number.
    ///
    /// # Panics
    /// When its rank is not 2.
    #[track_caller]
    pub fn scaled(x: &Tensor, side: Side, factor: f32) -> Panels {
        let &[rows, columns] = x.shape() else { panic!("panels: shape {:?}", x.shape()) };
        let matrix = match side {
            Side::Plain => Matrix::new(x.as_slice(), rows, columns),
            Side::Transposed => Matrix::new(x.as_slice(), rows, columns).transposed(),
        };
        let [rows, columns] = matrix.sizes();
        let len = columns.div_ceil(TOGETHER) * panel(rows);
        let mut panels = Panels { sizes: [rows, columns], elements: Tensor::stale(&[len]) };
        parallel::each(panels.elements.as_mut_slice().chunks_mut(panel(rows).max(1)).enumerate(), |(group, to)| {
            copy_to_panel(matrix.columns(group * TOGETHER..columns.min((group + 1) * TOGETHER)), to);
            elementwise::map_in_place(to, move |x| x * factor);
        });
        panels
    }

    /// The matrix in row-major order.
    pub fn to_tensor(&self) -> Tensor {
        let [rows, columns] = self.sizes;
        let (mut matrix, panels) = (Tensor::stale(&self.sizes), self.elements.as_slice());
        let pieces = matrix.as_mut_slice().chunks_mut((TOGETHER * columns).max(1)).enumerate();
        parallel::each(pieces, |(group, to)| {
            for (row, to) in to.chunks_exact_mut(columns).enumerate() {
                let first = (group * TOGETHER + row) * TOGETHER;
                for (to, panel) in to.chunks_mut(TOGETHER).zip(panels.chunks_exact(panel(rows))) {
                    to.copy_from_slice(&panel[first..first + to.len()]);
                }
            }
        });
        matrix
    }

    /// The rows, and the columns.
    pub fn vectors(&self) -> [Vectors; 2] {
        let [rows, columns] = self.sizes;
        let (mut of_rows, mut of_columns) = (Factor::stale(rows, columns), Factor::stale(columns, rows));
        let rows = |cell: &mut Cell<'_>| {
            let first = cell.vectors().start;
            cell.pack(&[], |term| square(self.panel(term / TOGETHER), first));
        };
        let columns = |cell: &mut Cell<'_>| {
            let panel = self.panel(cell.vectors().start / TOGETHER);
            cell.pack(&panel[cell.terms().start..], |term| square(panel, term));
        };
        // A row's terms are columns, and a thread has computed neighbouring ones.
        let mut cells: Vec<Packing<'_>> =
            of_rows.cells().into_iter().map(|cell| (cell.terms().start, cell, &rows as _)).collect();
        cells.extend(of_columns.cells().into_iter().map(|cell| (cell.vectors().start, cell, &columns as _)));
        pack(cells);
        [of_rows, of_columns].map(Vectors)
    }

    fn panel(&self, group: usize) -> Panel<'_> {
        let rows = self.sizes[0].next_multiple_of(TOGETHER);
        &self.elements.as_slice().as_chunks().0[group * rows..][..rows]
    }

    /// `self = keep self + a b^T`, where the factors' vectors are rows.
    ///
    /// # Panics
    /// When the sizes do not fit.
    #[track_caller]
    pub fn keep_and_multiply(&mut self, keep: f32, a: &Vectors, b: &Vectors) {
        let ([m, inner], [n, terms]) = (a.0.sizes(), b.0.sizes());
        let fit = self.sizes == [m, n] && inner == terms;
        assert!(fit, "fixed: {:?} by {:?} to {:?}", [m, inner], [terms, n], self.sizes);
        // One piece a thread, since each reads all of `a`.
        let groups = n.div_ceil(TOGETHER).div_ceil(rayon::current_num_threads()).max(PIECE / TOGETHER);
        let pieces = self.elements.as_mut_slice().chunks_mut((groups * panel(m)).max(1)).enumerate();
        parallel::each(pieces, |(piece, to)| {
            let columns = piece * groups * TOGETHER..n.min((piece + 1) * groups * TOGETHER);
            multiply_add(&a.0, &b.0, Place { rows: 0..m, columns, factor: 1.0, keep }, to);
        });
    }
}

/// Rows of sixteen columns.
type Panel<'a> = &'a [[f32; TOGETHER]];

/// The rows of a group.
fn square(panel: Panel<'_>, first: usize) -> &Square {
    panel[first..].first_chunk().expect("whole groups of rows")
}

/// Elements of a panel.
fn panel(rows: usize) -> usize {
    rows.next_multiple_of(TOGETHER) * TOGETHER
}

/// The least columns of a product that one task computes.
const PIECE: usize = 2 * TOGETHER;

/// A symmetric matrix: of each 32 columns the rows down to the last of them, in panels.
pub struct Symmetric {
    side: usize,
    elements: Tensor,
}

impl Symmetric {
    /// The product of a matrix, whose rows are the vectors, with its transpose.
    pub fn gram(vectors: &Vectors) -> Symmetric {
        let [side, _] = vectors.0.sizes();
        let elements = (0..side.div_ceil(PIECE)).map(|piece| place(side, piece).elements()).sum();
        let mut product = Symmetric { side, elements: Tensor::stale(&[elements]) };
        product.keep_and_add_gram(0.0, 1.0, vectors);
        product
    }

    /// `self = keep self + factor x x^T`, where the rows of `x` are the vectors.
    ///
    /// # Panics
    /// When there are not as many vectors as rows.
    #[track_caller]
    pub fn keep_and_add_gram(&mut self, keep: f32, factor: f32, vectors: &Vectors) {
        let side = self.side;
        assert_eq!(vectors.0.sizes()[0], side, "gram: vectors");
        parallel::each(shares(self.pieces_mut()).into_iter(), |share| {
            for (piece, to) in share {
                multiply_add(&vectors.0, &vectors.0, Place { keep, factor, ..place(side, piece) }, to);
            }
        });
    }

    /// The columns, which are the rows too.
    pub fn vectors(&self) -> Vectors {
        let panels = self.panels();
        let column = |cell: &mut Cell<'_>| {
            let (first, terms) = (cell.vectors().start, cell.terms());
            let own = panels[first / TOGETHER];
            // Below what is kept of the vectors' columns, their terms stand in their rows, in the columns of other panels.
            let kept = &own[terms.start.min(own.len())..terms.end.next_multiple_of(TOGETHER).min(own.len())];
            cell.pack(kept, |term| square(panels[term / TOGETHER], first));
        };
        let mut factor = Factor::stale(self.side, self.side);
        pack(factor.cells().into_iter().map(|cell| (cell.vectors().start, cell, &column as _)).collect());
        Vectors(factor)
    }

    /// Each sixteen columns.
    fn panels(&self) -> Vec<Panel<'_>> {
        let (side, mut elements, mut panels) = (self.side, self.elements.as_slice().as_chunks().0, Vec::new());
        for piece in 0..side.div_ceil(PIECE) {
            let Place { rows, columns, .. } = place(side, piece);
            for _ in columns.step_by(TOGETHER) {
                let (own, rest) = elements.split_at(rows.len().next_multiple_of(TOGETHER));
                panels.push(own);
                elements = rest;
            }
        }
        panels
    }

    fn pieces_mut(&mut self) -> Vec<(usize, &mut [f32])> {
        let (side, mut elements, mut pieces) = (self.side, self.elements.as_mut_slice(), Vec::new());
        for piece in 0..side.div_ceil(PIECE) {
            let (own, rest) = elements.split_at_mut(place(side, piece).elements());
            pieces.push((piece, own));
            elements = rest;
        }
        pieces
    }
}

/// What is kept of a symmetric matrix in a piece.
fn place(side: usize, piece: usize) -> Place {
    let columns = piece * PIECE..side.min((piece + 1) * PIECE);
    Place { rows: 0..columns.end, columns, factor: 1.0, keep: 0.0 }
}

/// Pieces of a symmetric matrix that follow each other, in tasks of about as much work.
const SHARES: usize = 8;

/// Pieces, each of which is as much longer than the one before, in [`SHARES`] of about the same length. They stay in their order: a thread that computes
/// the first half of them finds most of what it packs next in its cache.
fn shares<T>(pieces: Vec<T>) -> Vec<Vec<T>> {
    let all = pieces.len() * (pieces.len() + 1);
    let mut shares: Vec<Vec<T>> = (0..SHARES).map(|_| Vec::new()).collect();
    for (at, piece) in pieces.into_iter().enumerate() {
        // By the work before its middle.
        shares[(at + 1) * (at + 1) * SHARES / (all + 1)].push(piece);
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{gram, matmul};

    fn wave(shape: [usize; 2], seed: usize) -> Tensor {
        let element = |at: usize| ((at * 7919 + seed * 104_729) % 1009) as f32 / 500.3 - 1.0;
        Tensor::new(&shape, (0..shape[0] * shape[1]).map(element).collect())
    }

    /// Whether two tensors differ by less than a thousandth of the second's root mean square.
    fn is_near(x: &Tensor, y: &Tensor) -> bool {
        x.shape() == y.shape() && (x - y).norm() <= 1e-3 * y.norm()
    }

    fn rows(x: &Tensor) -> Vectors {
        let [rows, _] = Panels::scaled(x, Side::Plain, 1.0).vectors();
        rows
    }

    /// All elements, by the product of the columns with the identity's.
    fn whole(symmetric: &Symmetric) -> Tensor {
        let side = symmetric.side;
        let identity = (0..side * side).map(|at| f32::from(u8::from(at / side == at % side))).collect();
        let identity = Tensor::new(&[side, side], identity);
        let mut whole = Panels::scaled(&Tensor::zeros(&[side, side]), Side::Plain, 1.0);
        whole.keep_and_multiply(0.0, &symmetric.vectors(), &rows(&identity));
        whole.to_tensor()
    }

    #[test]
    fn panels_are_read_back() {
        for (rows, columns) in [(1, 1), (0, 3), (3, 0), (17, 15), (16, 33), (40, 100)] {
            let x = wave([rows, columns], 5);
            assert!(Panels::scaled(&x, Side::Plain, 2.0).to_tensor() == &x * 2.0, "{rows} {columns}");
            let turned = Panels::scaled(&x, Side::Transposed, 1.0).to_tensor();
            assert!(turned == x.transpose(&[1, 0]), "{rows} {columns}");
        }
    }

    #[test]
    fn products_are_near_those_in_floats() {
        for (m, k, n) in [(1, 1, 1), (0, 3, 2), (5, 0, 3), (3, 40, 17), (64, 300, 65), (130, 71, 33)] {
            let (a, b, before) = (wave([m, k], 1), wave([n, k], 2), wave([m, n], 3));
            let expect = &(&before * 0.5) + &matmul(&a, Side::Plain, &b, Side::Transposed);
            let [_, columns] = Panels::scaled(&b, Side::Transposed, 1.0).vectors();
            for b in [rows(&b), columns] {
                let mut product = Panels::scaled(&before, Side::Plain, 1.0);
                product.keep_and_multiply(0.5, &rows(&a), &b);
                assert!(is_near(&product.to_tensor(), &expect), "{m} {k} {n}");
            }
        }
    }

    #[test]
    fn symmetric_products_are_near_those_in_floats() {
        for (m, k) in [(1, 1), (0, 3), (3, 0), (15, 20), (64, 300), (65, 33), (300, 7)] {
            let x = wave([m, k], 4);
            let mut product = Symmetric::gram(&rows(&x));
            let expect = gram(&x, Side::Plain);
            assert!(is_near(&whole(&product), &expect), "{m} {k}");
            let vectors = product.vectors();
            product.keep_and_add_gram(-2.0, 0.5, &vectors);
            let expect = &(&expect * -2.0) + &(&gram(&expect, Side::Plain) * 0.5);
            assert!(is_near(&whole(&product), &expect), "{m} {k}");
        }
    }

    #[test]
    #[should_panic(expected = "fixed: [2, 3] by [4, 5] to [2, 5]")]
    fn shapes_that_do_not_fit_are_named() {
        let (a, b) = (rows(&wave([2, 3], 0)), rows(&wave([5, 4], 0)));
        Panels::scaled(&Tensor::zeros(&[2, 5]), Side::Plain, 1.0).keep_and_multiply(1.0, &a, &b);
    }
}
