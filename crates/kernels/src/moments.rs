//! Sums of powers, from which a trace's moments follow: in `f64`, and in an order that depends on nothing but the elements' number.
//!
//! Element `i` goes to lane `i % 16`, and the lanes are added at the end, in a fixed tree. So the elements may come in pieces, as long as all but
//! the last are whole multiples of 16.

use crate::level::{Kernel, run};
use crate::vector::{LANES, Vector};

/// Sums over elements, their extremes, and the number of zeros among them.
#[derive(Clone, Debug)]
pub struct Sums {
    powers: [[f64; LANES]; 3],
    min: [f32; LANES],
    max: [f32; LANES],
    zeros: [u32; LANES],
    len: usize,
}

impl Default for Sums {
    fn default() -> Sums {
        Sums {
            powers: [[0.0; LANES]; 3],
            min: [f32::INFINITY; LANES],
            max: [f32::NEG_INFINITY; LANES],
            zeros: [0; LANES],
            len: 0,
        }
    }
}

impl Sums {
    /// Adds elements.
    ///
    /// # Panics
    /// When those before were no multiple of 16.
    pub fn add(&mut self, x: &[f32]) {
        assert!(self.len.is_multiple_of(LANES), "sums: {} elements before others", self.len);
        self.len += x.len();
        run(AddSums { sums: self, x });
    }

    /// The elements added.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The sums of the elements, of their squares and of their absolute values.
    pub fn powers(&self) -> [f64; 3] {
        self.powers.map(tree)
    }

    /// The least element that is a number.
    pub fn min(&self) -> f32 {
        self.min.iter().copied().fold(f32::INFINITY, f32::min)
    }

    /// The greatest element that is a number.
    pub fn max(&self) -> f32 {
        self.max.iter().copied().fold(f32::NEG_INFINITY, f32::max)
    }

    /// How many elements are zero, of either sign.
    pub fn zeros(&self) -> usize {
        self.zeros.iter().map(|&zeros| zeros as usize).sum()
    }
}

/// Sums of the second, third and fourth power of the elements' distances from a centre.
#[derive(Clone, Debug)]
pub struct CentralSums {
    centre: f64,
    powers: [[f64; LANES]; 3],
    len: usize,
}

impl CentralSums {
    /// No element yet.
    pub fn around(centre: f64) -> CentralSums {
        CentralSums { centre, powers: [[0.0; LANES]; 3], len: 0 }
    }

    /// Adds elements.
    ///
    /// # Panics
    /// When those before were no multiple of 16.
    pub fn add(&mut self, x: &[f32]) {
        assert!(self.len.is_multiple_of(LANES), "sums: {} elements before others", self.len);
        self.len += x.len();
        run(AddCentral { sums: self, x });
    }

    /// The sums of the powers.
    pub fn powers(&self) -> [f64; 3] {
        self.powers.map(tree)
    }
}

/// The sum of the lanes: halves of 8, of 4, of 2, then the last pair.
fn tree(mut lanes: [f64; LANES]) -> f64 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

struct AddSums<'a> {
    sums: &'a mut Sums,
    x: &'a [f32],
}

impl Kernel for AddSums<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // On the stack, so that the compiler keeps the lanes in registers.
        let Sums { mut powers, mut min, mut max, mut zeros, len } = self.sums.clone();
        let mut add = |lane: usize, x: f32| {
            let wide = f64::from(x);
            powers[0][lane] += wide;
            powers[1][lane] += wide * wide;
            powers[2][lane] += wide.abs();
            min[lane] = if x < min[lane] { x } else { min[lane] };
            max[lane] = if x > max[lane] { x } else { max[lane] };
            zeros[lane] += u32::from(x == 0.0);
        };
        let (whole, rest) = self.x.as_chunks::<LANES>();
        for chunk in whole {
            for lane in 0..LANES {
                add(lane, chunk[lane]);
            }
        }
        for (lane, &x) in rest.iter().enumerate() {
            add(lane, x);
        }
        *self.sums = Sums { powers, min, max, zeros, len };
    }
}

struct AddCentral<'a> {
    sums: &'a mut CentralSums,
    x: &'a [f32],
}

impl Kernel for AddCentral<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let CentralSums { centre, mut powers, len } = *self.sums;
        let (whole, rest) = self.x.as_chunks::<LANES>();
        for chunk in whole {
            for lane in 0..LANES {
                let d = f64::from(chunk[lane]) - centre;
                let square = d * d;
                powers[0][lane] += square;
                powers[1][lane] += square * d;
                powers[2][lane] += square * square;
            }
        }
        for (lane, &x) in rest.iter().enumerate() {
            let d = f64::from(x) - centre;
            let square = d * d;
            powers[0][lane] += square;
            powers[1][lane] += square * d;
            powers[2][lane] += square * square;
        }
        *self.sums = CentralSums { centre, powers, len };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pieces: &[&[f32]]) -> (Sums, CentralSums) {
        let (mut sums, mut central) = (Sums::default(), CentralSums::around(0.5));
        for piece in pieces {
            sums.add(piece);
            central.add(piece);
        }
        (sums, central)
    }

    #[test]
    fn worked_by_hand() {
        let (sums, central) = of(&[&[1.5, -0.5, 0.0, -0.0]]);
        assert_eq!(sums.powers(), [1.0, 2.5, 2.0]);
        assert_eq!((sums.len(), sums.zeros(), sums.min(), sums.max()), (4, 2, -0.5, 1.5));
        assert_eq!(central.powers(), [1.0 + 1.0 + 0.25 + 0.25, 1.0 - 1.0 - 0.125 - 0.125, 1.0 + 1.0 + 0.0625 + 0.0625]);
    }

    #[test]
    fn pieces_change_no_bit() {
        let x: Vec<f32> = (0..1000).map(|at| ((at * 7919 % 1009) as f32 - 300.0) / 7.0).collect();
        let (whole, cut) = (of(&[&x]), of(&[&x[..16], &x[16..480], &x[480..]]));
        assert_eq!(whole.0.powers().map(f64::to_bits), cut.0.powers().map(f64::to_bits));
        assert_eq!(whole.1.powers().map(f64::to_bits), cut.1.powers().map(f64::to_bits));
        assert_eq!((whole.0.min(), whole.0.max(), whole.0.zeros()), (cut.0.min(), cut.0.max(), cut.0.zeros()));
    }
}
