//! Sweeps of rotations, as the iterations for eigenvalues make them: each rotation turns two neighbouring rows, one row above the one before.
//!
//! A sweep's row stays in registers while it climbs. Four sweeps climb together, each behind the one before, so that a row is read and written
//! once for all of them; what an element meets is what it would meet if they climbed one after the other.

use super::Eight;
use crate::level::{Kernel, run};
use crate::vector::{Double, Vector};

/// Rotations of rows `from` and `from + 1`, of `from - 1` and `from`, and so on.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The upper one of the first two rows.
    pub from: usize,
    /// The rotations, in their order.
    pub rotations: Vec<Rotation>,
}

/// A turn of two rows: `(x, y)` becomes `(c x - s y, s x + c y)`.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// `s`.
    pub sine: f64,
    /// `c`.
    pub cosine: f64,
}

/// Eights of columns that are turned together.
pub const EIGHTS: usize = 2;

/// Sweeps that climb together.
const TOGETHER: usize = 4;

/// Some columns of a matrix through all sweeps, in their order.
///
/// # Panics
/// When a sweep's rows do not exist.
pub fn sweep(rows: &mut [[Eight; EIGHTS]], sweeps: &[Sweep]) {
    run(Sweeps { rows, sweeps });
}

struct Sweeps<'a> {
    rows: &'a mut [[Eight; EIGHTS]],
    sweeps: &'a [Sweep],
}

impl Kernel for Sweeps<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Sweeps { rows, mut sweeps } = self;
        // SAFETY: the level is the caller's.
        unsafe {
            while let Some((first, rest)) = sweeps.split_first() {
                let together = sweeps.first_chunk().and_then(|four| Some((four, shared(four)?)));
                let Some((four, (from, len))) = together else {
                    climb::<V::Double, 1>(rows, first.from, [&first.rotations]);
                    sweeps = rest;
                    continue;
                };
                let below: [usize; TOGETHER] = std::array::from_fn(|k| four[k].from - (from + k));
                for k in 0..TOGETHER {
                    climb::<V::Double, 1>(rows, four[k].from, [&four[k].rotations[..below[k]]]);
                }
                let part = |k: usize| &four[k].rotations[below[k]..below[k] + len];
                climb::<V::Double, TOGETHER>(rows, from, std::array::from_fn(part));
                for k in 0..TOGETHER {
                    // Where nothing is left, that row is none.
                    let done = below[k] + len;
                    climb::<V::Double, 1>(rows, four[k].from.wrapping_sub(done), [&four[k].rotations[done..]]);
                }
                sweeps = &sweeps[TOGETHER..];
            }
        }
    }
}

/// The row of the first sweep from which on all climb together, and for how long. What a sweep does below touches no row that one before it has still
/// to turn, and what is left of a sweep above touches none that one behind it has turned.
#[inline(always)]
fn shared(sweeps: &[Sweep; TOGETHER]) -> Option<(usize, usize)> {
    let (mut from, mut to) = (usize::MAX, 0);
    for (behind, sweep) in sweeps.iter().enumerate() {
        from = from.min(sweep.from.checked_sub(behind)?);
        to = to.max((sweep.from + 1).saturating_sub(sweep.rotations.len() + behind));
    }
    (from >= to).then(|| (from, from - to + 1))
}

/// Sweeps of one length, the first one from a row, each of the others from the row below.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn climb<D: Double, const N: usize>(rows: &mut [[Eight; EIGHTS]], from: usize, sweeps: [&[Rotation]; N]) {
    let len = sweeps[0].len();
    if len == 0 {
        return;
    }
    assert!(sweeps.iter().all(|sweep| sweep.len() == len), "sweep: lengths");
    assert!(
        from < rows.len().saturating_sub(N) && len <= from + 1,
        "sweep: {len} rotations up from row {from} of {}",
        rows.len()
    );
    let (rows, sweeps) = (rows.as_mut_ptr(), sweeps.map(|sweep| sweep.as_ptr()));
    // SAFETY: the rows `from + N` and all above it are there, as many rotations of each sweep as are counted to, and the level is the caller's.
    unsafe {
        let mut held = [[D::splat(0.0); EIGHTS]; N];
        for k in 0..N {
            held[k] = load(&*rows.add(from + 1 + k));
        }
        // A sweep takes a row the turn after the one before has left it: so no turn waits for another.
        let mut left = held;
        for at in 0..len + N - 1 {
            for k in (0..N).rev() {
                if at < k || at - k >= len {
                    continue;
                }
                let above = if k == 0 { load(&*rows.add(from - at)) } else { left[k - 1] };
                left[k] = turn(&*sweeps[k].add(at - k), above, &mut held[k]);
            }
            if at + 1 >= N {
                store(left[N - 1], &mut *rows.add(from + 2 * N - 1 - at));
            }
        }
        for k in 0..N {
            store(held[k], &mut *rows.add(from + 1 - len + k));
        }
    }
}

/// Turns a row and the one below it, which becomes what the upper one is then; returns what the lower one is.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn turn<D: Double>(rotation: &Rotation, above: [D; EIGHTS], held: &mut [D; EIGHTS]) -> [D; EIGHTS] {
    let &Rotation { sine, cosine } = rotation;
    let mut below = above;
    // SAFETY: the level is the caller's.
    unsafe {
        let [sine, cosine, minus] = [D::splat(sine), D::splat(cosine), D::splat(-sine)];
        for part in 0..EIGHTS {
            let (x, y) = (above[part], held[part]);
            below[part] = y.mul_add(cosine, x.mul(sine));
            held[part] = y.mul_add(minus, x.mul(cosine));
        }
    }
    below
}

/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn load<D: Double>(row: &[Eight; EIGHTS]) -> [D; EIGHTS] {
    // SAFETY: the level is the caller's.
    unsafe { [D::load(&row[0]), D::load(&row[1])] }
}

/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn store<D: Double>(held: [D; EIGHTS], row: &mut [Eight; EIGHTS]) {
    for part in 0..EIGHTS {
        // SAFETY: the level is the caller's.
        unsafe { held[part].store(&mut row[part]) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "sweep: 1 rotations up from row")]
    fn a_row_that_no_count_reaches_is_refused() {
        let sweeps = [0, 1, 2, 3]
            .map(|k| Sweep { from: usize::MAX - 3 + k, rotations: vec![Rotation { sine: 0.0, cosine: 1.0 }] });
        sweep(&mut [[[0.0; 8]; EIGHTS]; 1], &sweeps);
    }

    /// Sweeps from a row up to another.
    fn sweeps(ends: &[(usize, usize)]) -> Vec<Sweep> {
        let rotation = |row: usize| Rotation { sine: (row as f64).sin(), cosine: (row as f64).cos() };
        let sweep = |&(from, to): &(usize, usize)| Sweep { from, rotations: (to..=from).rev().map(rotation).collect() };
        ends.iter().map(sweep).collect()
    }

    #[test]
    fn rotations_are_those_of_the_definition() {
        let mut rows = [1.0, 2.0, 3.0].map(|x| [[x; 8]; EIGHTS]);
        let quarter = Rotation { sine: 1.0, cosine: 0.0 };
        let [one, two] = [1, 2].map(|len| Sweep { from: len - 1, rotations: vec![quarter; len] });
        sweep(&mut rows, std::slice::from_ref(&one));
        assert_eq!(rows.map(|row| row[1][7]), [-2.0, 1.0, 3.0]);
        sweep(&mut rows, &[two, one]);
        assert_eq!(rows.map(|row| row[0][2]), [2.0, 3.0, 1.0]);
    }

    #[test]
    fn sweeps_together_are_those_one_by_one() {
        let row = |row: usize| [1.0, 2.0].map(|x: f64| [(x + row as f64).sin(); 8]);
        let rows: Vec<[Eight; EIGHTS]> = (0..12).map(row).collect();
        for ends in [
            &[(10, 0), (10, 0), (10, 1), (10, 1), (10, 1), (10, 2)][..],
            &[(10, 0), (7, 0), (9, 2), (10, 0)],
            &[(4, 1), (10, 3), (8, 3), (5, 0)],
            &[(10, 3), (8, 3), (10, 5), (4, 4)],
            &[(3, 0), (10, 0), (2, 1), (10, 9), (0, 0), (0, 0)],
            &[(5, 5), (7, 4), (3, 3), (4, 4), (10, 7), (6, 2)],
            &[(10, 0), (10, 1), (10, 2), (10, 3)],
            &[(3, 3), (4, 3), (5, 3), (6, 6)],
            &[(0, 0), (0, 0), (0, 0), (0, 0)],
            &[],
        ] {
            let sweeps = sweeps(ends);
            let (mut together, mut alone) = (rows.clone(), rows.clone());
            sweep(&mut together, &sweeps);
            sweeps.chunks(1).for_each(|one| sweep(&mut alone, one));
            assert_eq!(together, alone, "{ends:?}");
        }
    }
}
