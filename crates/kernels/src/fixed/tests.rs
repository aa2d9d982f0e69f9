//! Fixed point at every level beside sums in `f64`.

use super::pack::Pack;
use super::product::Product;
use super::*;
use crate::level::{Level, PairsKernel, TilesKernel, multiplies_pairs, run_array_tiles, run_pairs_at, run_tiles};
use crate::matmul::Matrix;

/// What multiplies.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// A level, and whether what only some of its processors have is used.
    Pairs(Level, bool),
    /// Tiles in arrays.
    ArrayTiles,
    /// The processor's tiles.
    Tiles,
}

impl Way {
    fn best() -> Way {
        if multiplies_tiles() { Way::Tiles } else { Way::Pairs(Level::current(), multiplies_pairs()) }
    }

    fn form(self) -> Form {
        if matches!(self, Way::Pairs(..)) { Form::Pairs } else { Form::Tiles }
    }

    fn run(self, kernel: impl PairsKernel + TilesKernel) {
        match self {
            Way::Pairs(level, with) => run_pairs_at(level, with, kernel),
            Way::ArrayTiles => run_array_tiles(kernel),
            Way::Tiles => run_tiles(kernel),
        }
    }
}

fn ways() -> impl Iterator<Item = Way> {
    let levels = Level::ALL.into_iter().filter(|level| level.is_available());
    let pairs =
        levels.flat_map(|level| [(level, false), (level, true)]).filter(|(_, with)| multiplies_pairs() || !with);
    let tiles = [Way::ArrayTiles, Way::Tiles].into_iter().take(if multiplies_tiles() { 2 } else { 1 });
    pairs.map(|(level, with)| Way::Pairs(level, with)).chain(tiles)
}

/// Rows of very different lengths, with peaks.
fn values(len: usize, width: usize, seed: u32) -> Vec<f32> {
    let mix =
        |at: usize| (at as u32 ^ seed << 20).wrapping_mul(0x9e37_79b9).rotate_left(13).wrapping_mul(0x85eb_ca6b) >> 8;
    let element = |at: usize| {
        let x = mix(at) as f32 / (1 << 23) as f32 - 1.0;
        x * x * x * 10f32.powi((at / width.max(1) % 5) as i32 - 2)
    };
    (0..len).map(element).collect()
}

/// A matrix in panels.
fn panels(matrix: Matrix<'_>) -> Vec<f32> {
    let [rows, columns] = matrix.sizes();
    let mut panels = vec![f32::NAN; Place { rows: 0..rows, columns: 0..columns, factor: 1.0, keep: 0.0 }.elements()];
    for (at, panel) in panels.chunks_exact_mut((rows.next_multiple_of(TOGETHER) * TOGETHER).max(1)).enumerate() {
        let first = at * TOGETHER;
        copy_to_panel(matrix.columns(first..columns.min(first + TOGETHER)), panel);
    }
    panels
}

/// The rows as vectors of a factor: the first terms of each run from columns of the transpose, the others from rows.
fn factor(way: Way, matrix: Matrix<'_>, columns: usize) -> Factor {
    let [vectors, terms] = matrix.sizes();
    let (plain, turned) = (panels(matrix), panels(matrix.transposed()));
    let (plain, turned) = (plain.as_chunks().0, turned.as_chunks().0);
    let mut factor = Factor::stale_as(way.form(), vectors, terms);
    let [vectors, terms] = [vectors, terms].map(|size| size.next_multiple_of(TOGETHER));
    for mut cell in factor.cells() {
        let group = cell.vectors().start / TOGETHER;
        let rows = &turned[group * terms..][..terms][cell.terms().start..];
        let rows = &rows[..rows.len().min(columns)];
        let square = |term: usize| -> &Square {
            let square = plain[term / TOGETHER * vectors + group * TOGETHER..].first_chunk();
            square.expect("sixteen rows")
        };
        way.run(Pack { rows, square: &square, cell: &mut cell });
    }
    factor
}

/// `to = keep to + factor a b^T` in row-major order.
fn product(way: Way, a: Matrix<'_>, b: Matrix<'_>, [factor_, keep]: [f32; 2], to: &mut [f32]) {
    let (a, b) = (factor(way, a, 32), factor(way, b, RUN));
    let place = Place { rows: 0..a.vectors, columns: 0..b.vectors, factor: factor_, keep };
    let (rows, columns) = (a.vectors, b.vectors);
    let mut panels = panels(Matrix::new(to, rows, columns));
    if a.terms > 0 {
        way.run(Product { a: &a, b: &b, place: place.clone(), to: &mut panels });
    } else {
        multiply_add(&a, &b, place.clone(), &mut panels);
    }
    let whole = place.elements() == rows * columns;
    assert!(whole || panels.iter().filter(|&&x| x == 0.0 || x.is_nan()).count() >= place.elements() - rows * columns);
    for (at, x) in to.iter_mut().enumerate() {
        *x = element(&panels, rows, at / columns, at % columns);
    }
}

/// An element of a matrix in panels.
fn element(panels: &[f32], rows: usize, row: usize, column: usize) -> f32 {
    let panel = rows.next_multiple_of(TOGETHER) * TOGETHER;
    panels[column / TOGETHER * panel + row * TOGETHER + column % TOGETHER]
}

/// The scalar product of two rows, and how far off it may be: by the module's bound, and for each run by the roundings of `f32`.
fn expected(a: &[f32], b: &[f32]) -> (f64, f64) {
    let norm = |x: &[f32]| x.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    let (mut sum, mut bound) = (0.0, 0.0);
    let runs = a.len().div_ceil(RUN) as f64;
    for (a, b) in a.chunks(RUN).zip(b.chunks(RUN)) {
        sum += a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
        let relative = (a.len() as f64).sqrt() / f64::from(NORM) * 1.001 + (runs + 4.0) * f64::from(f32::EPSILON);
        bound += relative * norm(a) * norm(b);
    }
    (sum, bound)
}

#[test]
fn every_level_stays_within_the_bound_and_has_the_same_bits() {
    let sizes = [0, 1, 15, 16, 17, 31, 32, 33, 53, 8, 64];
    let terms = [0, 1, 2, 15, 17, 31, 255, 256, 257, 300, 512, 521];
    for (at, &m) in sizes.iter().enumerate() {
        for (n, k) in [(sizes[(at + 3) % 11], terms[at]), (sizes[(at + 5) % 11], terms[(at + 6) % 12])] {
            let (a, b, before) = (values(m * k, k, 1), values(n * k, k, 2), values(m * n, n, 3));
            let (rows, columns) = (Matrix::new(&a, m, k), Matrix::new(&b, n, k));
            let mut bits = Vec::new();
            for way in ways() {
                let mut to = before.clone();
                product(way, rows, columns, [-0.5, 3.0], &mut to);
                for (at, &x) in to.iter().enumerate() {
                    let (sum, bound) = expected(&a[at / n * k..][..k], &b[at % n * k..][..k]);
                    let (kept, x) = (3.0 * f64::from(before[at]), f64::from(x));
                    let bound = 0.5 * bound + 4.0 * f64::from(f32::EPSILON) * kept.abs();
                    assert!((x - (kept - 0.5 * sum)).abs() <= bound, "{way:?}: {m} {k} {n}: {x} for {kept} {sum}");
                }
                bits.push(to.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
            }
            assert!(bits.windows(2).all(|pair| pair[0] == pair[1]), "{m} {k} {n}: levels differ");
        }
    }
}

#[test]
fn columns_are_packed_as_rows() {
    for (vectors, terms) in [(40, 37), (17, 300), (16, 513), (3, 1)] {
        let x = values(vectors * terms, terms, 4);
        for way in ways() {
            let [columns, both, rows] =
                [RUN, 48, 0].map(|columns| factor(way, Matrix::new(&x, vectors, terms), columns));
            let bits = |factor: &Factor| {
                [&factor.integers, &factor.units].map(|part| part.iter().map(|x| x.to_bits()).collect::<Vec<_>>())
            };
            for other in [&both, &rows] {
                assert!(bits(&columns) == bits(other), "{way:?} {vectors} {terms}");
            }
        }
    }
}

#[test]
fn the_largest_sums_are_exact() {
    // One term has all of the norm; all terms are alike; half of them cancel the others.
    let mut peak = vec![0.0; RUN];
    peak[100] = -3e5;
    let alike = vec![1.0; RUN];
    let cancelling: Vec<f32> = (0..RUN).map(|at| if at % 2 == 0 { 7.0 } else { -7.0 }).collect();
    for (a, b) in [(&peak, &peak), (&alike, &alike), (&cancelling, &cancelling), (&alike, &cancelling)] {
        for way in ways() {
            let mut to = [f32::NAN];
            product(way, Matrix::new(a, 1, RUN), Matrix::new(b, 1, RUN), [1.0, 0.0], &mut to);
            let (sum, bound) = expected(a, b);
            assert!((f64::from(to[0]) - sum).abs() <= bound, "{way:?}: {} for {sum}", to[0]);
        }
    }
}

#[test]
fn a_part_of_a_product_has_the_bits_of_the_whole() {
    let (a, b) = (values(70 * 300, 300, 5), values(90 * 300, 300, 6));
    let [a, b] = [(&a, 70), (&b, 90)].map(|(x, vectors)| factor(Way::best(), Matrix::new(x, vectors, 300), 0));
    let place = |rows: Range<usize>, columns: Range<usize>| Place { rows, columns, factor: 1.0, keep: 0.0 };
    let (of_whole, of_part) = (place(0..70, 0..90), place(16..37, 32..90));
    let (mut whole, mut part) = (vec![0.0; of_whole.elements()], vec![0.0; of_part.elements()]);
    multiply_add(&a, &b, of_whole, &mut whole);
    multiply_add(&a, &b, of_part, &mut part);
    for at in 0..21 * 58 {
        let [row, column] = [at / 58, at % 58];
        assert_eq!(element(&part, 21, row, column), element(&whole, 70, 16 + row, 32 + column));
    }
}

#[test]
fn what_is_not_finite_stays_so_and_what_is_tiny_becomes_zero() {
    for (x, expect) in [(f32::NAN, f32::NAN), (f32::INFINITY, f32::NAN), (1e30, f32::NAN), (1e-20, 0.0), (0.0, 0.0)] {
        for way in ways() {
            let (a, b, mut to) = ([x, 0.0, 0.0], [1.0, 2.0, 3.0], [0.0]);
            product(way, Matrix::new(&a, 1, 3), Matrix::new(&b, 1, 3), [1.0, 1.0], &mut to);
            assert!(to[0] == expect || to[0].is_nan() && expect.is_nan(), "{way:?}: {x} gives {}", to[0]);
        }
    }
}
