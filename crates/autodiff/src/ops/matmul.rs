//! Matrix product over the last two axes.

use crate::graph::{Backward, Context, Graph, Var};
use seismograd_tensor::{Side, Tensor, matmul};

struct Rule {
    sides: [Side; 2],
}

impl Graph {
    /// `a b` over the last two axes: `[.., m, k] x [.., k, n]` to `[.., m, n]`.
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[track_caller]
    pub fn matmul(&mut self, a: Var, b: Var) -> Var {
        self.matmul_sides(a, Side::Plain, b, Side::Plain)
    }

    /// `a b` over the last two axes, each factor read plain or transposed; a transposed factor is not copied.
    ///
    /// # Panics
    /// When the shapes do not fit.
    #[track_caller]
    pub fn matmul_sides(&mut self, a: Var, a_side: Side, b: Var, b_side: Side) -> Var {
        let product = matmul(self.value(a), a_side, self.value(b), b_side);
        self.push(product, &[a, b], Rule { sides: [a_side, b_side] })
    }
}

impl Backward for Rule {
    // With C = A B: dA = U B^T and dB = A^T U, each transposed where the factor was read transposed.
    fn backward(&self, context: &Context<'_>, upstream: Tensor) -> Vec<Option<Tensor>> {
        let (a, b, [a_side, b_side]) = (context.input(0), context.input(1), self.sides);
        let a_contribution = context.when_needed(0, || match a_side {
            Side::Plain => matmul(&upstream, Side::Plain, b, b_side.flipped()),
            Side::Transposed => matmul(b, b_side, &upstream, Side::Transposed),
        });
        let b_contribution = context.when_needed(1, || match b_side {
            Side::Plain => matmul(a, a_side.flipped(), &upstream, Side::Plain),
            Side::Transposed => matmul(&upstream, Side::Transposed, a, a_side),
        });
        vec![a_contribution, b_contribution]
    }
}

#[cfg(test)]
pub(super) fn check() {
    use crate::check::{Case, operation, values};
    use ndarray::{Array2, ArrayD, Axis, Ix2};
    use proptest::prelude::*;

    /// The product of matrix `at` of two batches of matrices.
    fn product(x: &[ArrayD<f64>], sides: [Side; 2], at: usize) -> Array2<f64> {
        let [a, b] = [0, 1].map(|factor| {
            let matrix = x[factor].index_axis(Axis(0), at).into_dimensionality::<Ix2>().expect("rank 3");
            if sides[factor] == Side::Transposed { matrix.reversed_axes() } else { matrix }
        });
        Array2::from_shape_fn((a.nrows(), b.ncols()), |(row, column)| {
            a.row(row).iter().zip(b.column(column)).map(|(a, b)| a * b).sum()
        })
    }

    let side = || prop::sample::select(vec![Side::Plain, Side::Transposed]);
    operation(([1..3usize, 1..5, 1..5, 1..5], side(), side(), any::<u32>()), |([batch, m, k, n], a_side, b_side, seed)| {
        let shape = |side, rows, columns| if side == Side::Plain { [batch, rows, columns] } else { [batch, columns, rows] };
        Case::new(
            vec![values(&shape(a_side, m, k), seed), values(&shape(b_side, k, n), !seed)],
            move |g, x| g.matmul_sides(x[0], a_side, x[1], b_side),
            move |x| {
                let products: Vec<_> = (0..batch).map(|at| product(x, [a_side, b_side], at)).collect();
                let views: Vec<_> = products.iter().map(|product| product.view()).collect();
                ndarray::stack(Axis(0), &views).expect("products of one shape").into_dyn()
            },
        )
    });
}
