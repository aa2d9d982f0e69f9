//! Loops over `f64` that dense linear algebra is made of: reflections, rotations, products with a vector. Matrices are in row-major order, their
//! rows padded with zeros to whole [`Eight`]s.
//!
//! Several rows are computed together, each as if it were alone: a sum has eight parts, one a lane, whatever the registers hold, so the bits are the
//! same at every level.

mod sweep;

use crate::level::{Kernel, run};
pub use crate::vector::Eight;
use crate::vector::{Double, Vector};
pub use sweep::{EIGHTS, Rotation, Sweep, sweep};

/// Rows that are computed together: they share what is read of the other factor, hide each other's latency and stay in a first-level cache.
const TOGETHER: usize = 8;

/// Householder's reflection `H = 1 - 2 v v'` of what is at `first` and behind it.
#[derive(Clone, Debug)]
pub struct Reflector {
    /// The first of the eights that change.
    pub first: usize,
    /// The unit vector `v`, with zeros around it; zeros alone for no reflection.
    pub direction: Vec<Eight>,
}

/// `sum x[i] y[i]`.
///
/// # Panics
/// When the lengths differ.
pub fn dot(x: &[Eight], y: &[Eight]) -> f64 {
    let mut sum = 0.0;
    products(x, x.len(), 0, y, std::slice::from_mut(&mut sum));
    sum
}

/// `sums[i]` = the product of row `i`, from eight `first` on, with a vector.
///
/// # Panics
/// When there are fewer rows than sums, or the vector is not as long as what is left of a row.
pub fn products(rows: &[Eight], width: usize, first: usize, vector: &[Eight], sums: &mut [f64]) {
    assert!(rows.len() >= width * sums.len() && first + vector.len() == width, "products: sizes");
    run(Products { rows, width, first, vector, sums });
}

struct Products<'a> {
    rows: &'a [Eight],
    width: usize,
    first: usize,
    vector: &'a [Eight],
    sums: &'a mut [f64],
}

impl Kernel for Products<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Products { rows, width, first, vector, sums } = self;
        let row = |at: usize| &rows[at * width + first..][..vector.len()];
        let (tiles, rest) = sums.as_chunks_mut::<TOGETHER>();
        let alone = tiles.len() * TOGETHER;
        // SAFETY: the level is the caller's.
        unsafe {
            for (at, sums) in tiles.iter_mut().enumerate() {
                *sums = dots::<V::Double, TOGETHER>(std::array::from_fn(|r| row(at * TOGETHER + r)), vector);
            }
            for (at, sum) in rest.iter_mut().enumerate() {
                [*sum] = dots::<V::Double, 1>([row(alone + at)], vector);
            }
        }
    }
}

/// The products of some rows with a vector.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn dots<D: Double, const R: usize>(rows: [&[Eight]; R], vector: &[Eight]) -> [f64; R] {
    assert!(rows.iter().all(|row| row.len() == vector.len()));
    let mut sums = [0.0; R];
    // SAFETY: the level is the caller's.
    unsafe {
        let mut parts = [D::splat(0.0); R];
        for (at, v) in vector.iter().enumerate() {
            let v = D::load(v);
            for r in 0..R {
                parts[r] = D::load(&rows[r][at]).mul_add(v, parts[r]);
            }
        }
        for r in 0..R {
            let mut lanes = [0.0; 8];
            parts[r].store(&mut lanes);
            let [a, b, c, d, e, f, g, h] = lanes;
            sums[r] = ((a + e) + (c + g)) + ((b + f) + (d + h));
        }
    }
    sums
}

/// `y += factor x`.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn add_scaled<D: Double>(y: &mut [Eight], factor: f64, x: &[Eight]) {
    // SAFETY: the level is the caller's.
    unsafe {
        let factor = D::splat(factor);
        for (y, x) in y.iter_mut().zip(x) {
            D::load(x).mul_add(factor, D::load(y)).store(y);
        }
    }
}

/// Each row through all reflectors, in their order.
///
/// # Panics
/// When a reflector reaches beyond a row.
pub fn reflect(rows: &mut [Eight], width: usize, reflectors: &[&Reflector]) {
    run(Reflect { rows, width, reflectors });
}

struct Reflect<'a> {
    rows: &'a mut [Eight],
    width: usize,
    reflectors: &'a [&'a Reflector],
}

impl Kernel for Reflect<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Reflect { rows, width, reflectors } = self;
        for tile in rows.chunks_mut((TOGETHER * width).max(1)) {
            let whole = tile.len() == TOGETHER * width;
            for reflector in reflectors {
                // SAFETY: the level is the caller's.
                unsafe {
                    if whole {
                        reflect_rows::<V::Double, TOGETHER>(tile, width, reflector);
                    } else {
                        for row in tile.chunks_exact_mut(width) {
                            reflect_rows::<V::Double, 1>(row, width, reflector);
                        }
                    }
                }
            }
        }
    }
}

/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn reflect_rows<D: Double, const R: usize>(rows: &mut [Eight], width: usize, reflector: &Reflector) {
    let Reflector { first, direction } = reflector;
    let part = |r: usize| r * width + first..r * width + first + direction.len();
    // SAFETY: the level is the caller's.
    unsafe {
        let sums = dots::<D, R>(std::array::from_fn(|r| &rows[part(r)]), direction);
        for r in 0..R {
            add_scaled::<D>(&mut rows[part(r)], -2.0 * sums[r], direction);
        }
    }
}

/// `y[i] += factors[0] x[0][i] + factors[1] x[1][i] + ...`, term by term.
///
/// # Panics
/// When the numbers of factors and terms differ, or a term is shorter than `y`.
pub fn add_terms(y: &mut [Eight], factors: &[f64], terms: &[&[Eight]]) {
    run(AddTerms { y, factors, terms });
}

struct AddTerms<'a> {
    y: &'a mut [Eight],
    factors: &'a [f64],
    terms: &'a [&'a [Eight]],
}

impl Kernel for AddTerms<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let AddTerms { y, factors, terms } = self;
        assert!(factors.len() == terms.len() && terms.iter().all(|term| term.len() >= y.len()), "add_terms: sizes");
        let whole = y.len() - y.len() % TOGETHER;
        // SAFETY: the level is the caller's.
        unsafe {
            for at in (0..whole).step_by(TOGETHER) {
                add_terms_from::<V::Double, TOGETHER>(y, at, factors, terms);
            }
            for at in whole..y.len() {
                add_terms_from::<V::Double, 1>(y, at, factors, terms);
            }
        }
    }
}

/// The eights from `at` on, in registers while all terms are added.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn add_terms_from<D: Double, const E: usize>(y: &mut [Eight], at: usize, factors: &[f64], terms: &[&[Eight]]) {
    let y = &mut y[at..at + E];
    // SAFETY: the level is the caller's.
    unsafe {
        let mut sums = [D::splat(0.0); E];
        for e in 0..E {
            sums[e] = D::load(&y[e]);
        }
        for (&factor, term) in factors.iter().zip(terms) {
            let (factor, term) = (D::splat(factor), &term[at..at + E]);
            for e in 0..E {
                sums[e] = D::load(&term[e]).mul_add(factor, sums[e]);
            }
        }
        for e in 0..E {
            sums[e].store(&mut y[e]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(len: usize, seed: usize) -> Vec<Eight> {
        (0..len)
            .map(|at| std::array::from_fn(|lane| (((8 * at + lane) * 7919 + seed * 31) % 1009) as f64 / 500.0 - 1.0))
            .collect()
    }

    #[test]
    fn sums_are_those_of_the_definition_and_of_a_row_alone() {
        for len in [1, 2, 7, 64] {
            let (rows, v) = (wave(7 * (len + 2), 1), wave(len, 2));
            let mut sums = [0.0; 7];
            products(&rows, len + 2, 2, &v, &mut sums);
            for (row, sum) in rows.chunks_exact(len + 2).zip(sums) {
                let expect: f64 = row[2..].as_flattened().iter().zip(v.as_flattened()).map(|(x, y)| x * y).sum();
                assert!((sum - expect).abs() <= 1e-13 * len as f64);
                assert_eq!(sum, dot(&row[2..], &v));
            }
        }
    }

    #[test]
    fn a_reflection_twice_is_none_and_no_matter_beside_what() {
        let mut direction = wave(5, 3);
        let length = dot(&direction, &direction).sqrt();
        direction.as_flattened_mut().iter_mut().for_each(|x| *x /= length);
        let reflector = Reflector { first: 2, direction };
        let rows = wave(6 * 7, 4);
        let mut turned = rows.clone();
        reflect(&mut turned, 7, &[&reflector]);
        for (row, turned) in rows.chunks_exact(7).zip(turned.chunks_exact(7)) {
            let mut alone = row.to_vec();
            reflect(&mut alone, 7, &[&reflector]);
            assert!(alone == turned && alone != row);
            reflect(&mut alone, 7, &[&reflector]);
            assert!(alone.as_flattened().iter().zip(row.as_flattened()).all(|(x, y)| (x - y).abs() < 1e-14));
        }
    }

    #[test]
    fn terms_are_added_in_their_order() {
        let mut y = [[1.0; 8], [2.0; 8]];
        add_terms(&mut y, &[2.0, -1.0], &[&[[1.0; 8], [10.0; 8]], &[[5.0; 8], [0.5; 8]]]);
        assert_eq!(y, [[-2.0; 8], [21.5; 8]]);
    }
}
