//! Loops over elements that do not depend on each other.
//!
//! They are plain loops, compiled under each level's instructions and vectorised by the compiler, which may not reorder or fuse what a closure says:
//! so they give the same bits at every level, provided that the closure calls no function of the platform's library.

use crate::level::{Kernel, run};
use crate::vector::{LANES, Vector};

/// `y[i] = f(x[i])`.
///
/// # Panics
/// When the lengths differ.
pub fn map(x: &[f32], y: &mut [f32], f: impl Fn(f32) -> f32) {
    assert_eq!(x.len(), y.len(), "map: lengths");
    at_level(move || {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = f(x);
        }
    });
}

/// `x[i] = f(x[i])`.
pub fn map_in_place(x: &mut [f32], f: impl Fn(f32) -> f32) {
    // Moved, as in the other loops: if it lay outside of this one's own, what `f` holds would be read again after every write.
    at_level(move || {
        for x in x {
            *x = f(*x);
        }
    });
}

/// `z[i] = f(x[i], y[i])`.
///
/// # Panics
/// When the lengths differ.
pub fn zip(x: &[f32], y: &[f32], z: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    assert!(x.len() == y.len() && y.len() == z.len(), "zip: lengths");
    at_level(move || {
        for ((z, &x), &y) in z.iter_mut().zip(x).zip(y) {
            *z = f(x, y);
        }
    });
}

/// `x[i] = f(x[i], y[i])`.
///
/// # Panics
/// When the lengths differ.
pub fn zip_in_place(x: &mut [f32], y: &[f32], f: impl Fn(f32, f32) -> f32) {
    assert_eq!(x.len(), y.len(), "zip: lengths");
    at_level(move || {
        for (x, &y) in x.iter_mut().zip(y) {
            *x = f(*x, y);
        }
    });
}

/// An optimizer's update: `(parameter[i], slots[..][i]) = f(before[i], gradient[i], slots[..][i])`, where the parameter itself is what it was `before` if nothing
/// else is.
///
/// # Panics
/// When the lengths differ.
pub fn update<const N: usize>(
    parameter: &mut [f32],
    before: Option<&[f32]>,
    gradient: &[f32],
    slots: [&mut [f32]; N],
    f: impl Fn(f32, f32, [f32; N]) -> (f32, [f32; N]),
) {
    let len = parameter.len();
    let fit = gradient.len() == len && before.is_none_or(|before| before.len() == len);
    assert!(fit && slots.iter().all(|slot| slot.len() == len), "update: lengths");
    run(Update { parameter, before, gradient, slots, f });
}

struct Update<'a, const N: usize, F> {
    parameter: &'a mut [f32],
    before: Option<&'a [f32]>,
    gradient: &'a [f32],
    slots: [&'a mut [f32]; N],
    f: F,
}

// Not an `at_level`: the compiler would leave so large a closure a function of its own, outside the level.
impl<const N: usize, F: Fn(f32, f32, [f32; N]) -> (f32, [f32; N])> Kernel for Update<'_, N, F> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Update { parameter, before, gradient, slots, f } = self;
        let (parameter, last_parameter) = parameter.as_chunks_mut();
        let before = before.map(|before| before.as_chunks());
        let (gradient, last_gradient) = gradient.as_chunks();
        let mut slots = slots.map(|slot| slot.as_chunks_mut());
        // The elements that fill no block are one that is padded with zeros. It has its turn in the same loop: so large a body is compiled once.
        let (mut p, g) = (padded(before.map_or(&*last_parameter, |(_, last)| last)), padded(last_gradient));
        let mut s = slots.each_ref().map(|(_, last)| padded(last));
        let blocks = parameter.len();
        let ahead = (AHEAD / (2 + N)).next_multiple_of(BLOCK);
        for at in 0..blocks + usize::from(!last_parameter.is_empty()) {
            let whole = at < blocks;
            let parameter = if whole { &mut parameter[at] } else { &mut p };
            let before = before.filter(|_| whole).map(|(before, _)| &before[at]);
            let gradient = if whole { &gradient[at] } else { &g };
            let mut rest = s.each_mut().into_iter();
            let slots = slots.each_mut().map(|(slot, _)| match (whole, rest.next()) {
                (false, Some(rest)) => rest,
                _ => &mut slot[at],
            });
            // SAFETY: the level is the caller's.
            unsafe {
                prefetch_after::<V>(before.unwrap_or(parameter).as_ptr(), ahead);
                prefetch_after::<V>(gradient.as_ptr(), ahead);
                slots.iter().for_each(|slot| prefetch_after::<V>(slot.as_ptr(), ahead));
            }
            if let Some(before) = before {
                *parameter = *before;
            }
            update_block(parameter, gradient, slots, &f);
        }
        last_parameter.copy_from_slice(&p[..last_parameter.len()]);
        for ((_, last), s) in slots.into_iter().zip(&s) {
            last.copy_from_slice(&s[..last.len()]);
        }
    }
}

/// Elements of an update that are computed together: few enough for the next block's reads to begin meanwhile, so that memory is never idle.
const BLOCK: usize = 64;

/// Elements that are asked for ahead of what is computed, of all tensors of an update together: a quarter of a first-level cache. Of two tensors that is a page
/// each, where the processor's own foresight ends; more would push out what the next blocks need.
const AHEAD: usize = 2048;

/// Asks for the block that is read so many elements after this one.
///
/// # Safety
/// The level's instructions must be available.
#[inline(always)]
unsafe fn prefetch_after<V: Vector>(block: *const f32, ahead: usize) {
    for line in (0..BLOCK).step_by(LANES) {
        // SAFETY: the level is the caller's.
        unsafe { V::prefetch(block.wrapping_add(ahead + line)) };
    }
}

/// One block, on copies: the compiler cannot know that the slices do not overlap, but of arrays of its own it does.
#[inline(always)]
fn update_block<const N: usize>(
    parameter: &mut [f32; BLOCK],
    gradient: &[f32; BLOCK],
    slots: [&mut [f32; BLOCK]; N],
    f: impl Fn(f32, f32, [f32; N]) -> (f32, [f32; N]),
) {
    let (mut p, g, mut s) = (*parameter, *gradient, slots.each_ref().map(|slot| **slot));
    for at in 0..BLOCK {
        let (new, state) = f(p[at], g[at], std::array::from_fn(|slot| s[slot][at]));
        p[at] = new;
        for slot in 0..N {
            s[slot][at] = state[slot];
        }
    }
    *parameter = p;
    for (slot, s) in slots.into_iter().zip(s) {
        *slot = s;
    }
}

#[inline(always)]
fn padded(last: &[f32]) -> [f32; BLOCK] {
    let mut block = [0.0; BLOCK];
    block[..last.len()].copy_from_slice(last);
    block
}

/// Whether no element is infinite or a NaN.
pub fn all_finite(x: &[f32]) -> bool {
    let mut finite = true;
    at_level(|| {
        // A whole block is looked at before anything is decided, so that the compiler can vectorise it.
        finite = x.chunks(1024).all(|block| !block.iter().fold(false, |bad, x| bad | !x.is_finite()));
    });
    finite
}

/// Calls a loop that names no vector, compiled under the current level's instructions.
pub(crate) fn at_level(body: impl FnOnce()) {
    run(Loop(body));
}

/// A loop that names no vector.
struct Loop<F>(F);

impl<F: FnOnce()> Kernel for Loop<F> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        (self.0)();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_found_anywhere() {
        for at in [0, 7, 1023, 1024, 2999] {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut x = vec![f32::MAX; 3000];
                assert!(all_finite(&x));
                x[at] = bad;
                assert!(!all_finite(&x), "{bad} at {at}");
            }
        }
    }

    #[test]
    fn every_loop_does_what_its_closure_says() {
        for len in [0, 1, 15, 16, 17, 1000] {
            let x: Vec<f32> = (0..len).map(|at| at as f32 - 3.0).collect();
            let mut y = vec![0.0; len];
            map(&x, &mut y, |x| 2.0 * x);
            assert!(x.iter().zip(&y).all(|(x, y)| *y == 2.0 * x));
            map_in_place(&mut y, |y| y + 1.0);
            let mut z = vec![0.0; len];
            zip(&x, &y, &mut z, |x, y| x * y);
            assert!(x.iter().zip(&z).all(|(x, z)| *z == x * (2.0 * x + 1.0)));
            zip_in_place(&mut z, &x, |z, x| z - x);
            assert!(x.iter().zip(&z).all(|(x, z)| *z == x * (2.0 * x + 1.0) - x));
            let (mut m, mut v) = (x.clone(), y.clone());
            update(&mut z, None, &x, [&mut m, &mut v], |p, g, [m, v]| (p + g, [m + 1.0, v - 1.0]));
            assert!(x.iter().zip(&m).all(|(x, m)| *m == x + 1.0));
            assert!(y.iter().zip(&v).all(|(y, v)| *v == y - 1.0));
            assert!(x.iter().zip(&z).all(|(x, z)| *z == x * (2.0 * x + 1.0)));
        }
    }
}
