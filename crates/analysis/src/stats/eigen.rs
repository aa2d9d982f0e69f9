//! The leading eigenpairs of a symmetric matrix, for [`mds`](super::mds). No general solver: only two pairs, and those of the largest
//! eigenvalues.

/// How many vectors are iterated for the sake of the leading two: the error falls by the ratio of the eigenvalue after the last of them to
/// the second one, each time.
const BLOCK: usize = 12;
/// An eigenpair whose residual is below this share of the largest eigenvalue is exact enough to draw.
const CLOSE: f64 = 1e-13;
/// Beyond so many iterations the second eigenvalue and the thirteenth are equal for all purposes, and any of their vectors serves.
const MOST_ITERATIONS: usize = 2_000;

/// The two eigenpairs (or one, of one) of the largest eigenvalues of a symmetric matrix without substantial negative ones: orthogonal
/// iteration on a block with Rayleigh and Ritz's projection (Golub and Van Loan, "Matrix computations", section 8.2.4).
///
/// With at most [`BLOCK`] rows the block is the whole space, and the first projection is already exact.
pub(super) fn leading_pairs(matrix: &[f64], n: usize) -> Vec<(f64, Vec<f64>)> {
    let mut block = start(n);
    for _ in 0..MOST_ITERATIONS {
        orthonormalize(&mut block);
        let images: Vec<Vec<f64>> = block.iter().map(|v| multiply(matrix, v)).collect();
        let projected = images.iter().flat_map(|image| block.iter().map(move |v| dot(image, v))).collect();
        let (values, rotation) = jacobi(projected, block.len());
        let ritz: Vec<Vec<f64>> = rotation.iter().map(|weights| combine(&block, weights)).collect();
        let ritz_images: Vec<Vec<f64>> = rotation.iter().map(|weights| combine(&images, weights)).collect();
        let residual = |k: usize| {
            let gaps = ritz_images[k].iter().zip(&ritz[k]).map(|(image, v)| image - values[k] * v);
            gaps.map(|gap| gap * gap).sum::<f64>().sqrt()
        };
        let wanted = values.len().min(2);
        if block.len() == n || (0..wanted).all(|k| residual(k) <= CLOSE * n as f64 * values[0]) {
            block = ritz;
            return clean(values, block, wanted);
        }
        block = ritz_images;
    }
    orthonormalize(&mut block);
    let value = |v: &Vec<f64>| dot(&multiply(matrix, v), v);
    clean(block.iter().map(value).collect(), block, 2)
}

/// The first pairs, with an eigenvalue that is only rounding set to zero.
fn clean(values: Vec<f64>, vectors: Vec<Vec<f64>>, wanted: usize) -> Vec<(f64, Vec<f64>)> {
    let floor = 1e-12 * values[0];
    values.into_iter().map(|value| if value > floor { value } else { 0.0 }).zip(vectors).take(wanted).collect()
}

/// Vectors with something of every direction: unit vectors where the block is the whole space, else incommensurable waves.
fn start(n: usize) -> Vec<Vec<f64>> {
    let entry = |k: usize, i: usize| match n <= BLOCK {
        true => f64::from(u8::from(i == k)),
        false => libm::sin((k + 1) as f64 * (i * i + 1) as f64 + 0.5),
    };
    (0..n.min(BLOCK)).map(|k| (0..n).map(|i| entry(k, i)).collect()).collect()
}

/// Gram and Schmidt, twice, since once is not enough for vectors that are nearly dependent. A vector with nothing of its own becomes the
/// first unit vector that is free.
fn orthonormalize(block: &mut [Vec<f64>]) {
    for k in 0..block.len() {
        let (before, rest) = block.split_at_mut(k);
        let own = &mut rest[0];
        let mut unit = 0;
        loop {
            let length = dot(own, own).sqrt();
            for v in [&before, &before].into_iter().flat_map(|vectors| vectors.iter()) {
                let shared = dot(own, v);
                own.iter_mut().zip(v).for_each(|(x, y)| *x -= shared * y);
            }
            let left = dot(own, own).sqrt();
            if left > 1e-10 * length {
                own.iter_mut().for_each(|x| *x /= left);
                break;
            }
            own.fill(0.0);
            own[unit] = 1.0;
            unit += 1;
        }
    }
}

/// The eigenvalues of a small symmetric matrix, falling, and their eigenvectors, by Jacobi's cyclic rotations (Golub and Van Loan, section
/// 8.5).
fn jacobi(mut a: Vec<f64>, n: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut vectors: Vec<Vec<f64>> = (0..n).map(|k| (0..n).map(|i| f64::from(u8::from(i == k))).collect()).collect();
    let size = dot(&a, &a).sqrt();
    // Convergence is quadratic: ten sweeps are plenty for matrices of this size.
    for _ in 0..30 {
        let off: f64 = (0..n * n).filter(|k| k / n != k % n).map(|k| a[k] * a[k]).sum();
        if off.sqrt() <= 1e-16 * size {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut vectors, n, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|i, j| a[j * n + j].total_cmp(&a[i * n + i]));
    (order.iter().map(|k| a[k * n + k]).collect(), order.iter().map(|k| vectors[*k].clone()).collect())
}

/// Makes the entry `(p, q)` zero.
fn rotate(a: &mut [f64], vectors: &mut [Vec<f64>], n: usize, p: usize, q: usize) {
    let off = a[p * n + q];
    if off == 0.0 {
        return;
    }
    let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * off);
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    let turn = |x: f64, y: f64| (c * x - s * y, s * x + c * y);
    for i in 0..n {
        (a[i * n + p], a[i * n + q]) = turn(a[i * n + p], a[i * n + q]);
    }
    for i in 0..n {
        (a[p * n + i], a[q * n + i]) = turn(a[p * n + i], a[q * n + i]);
    }
    let (before, from_q) = vectors.split_at_mut(q);
    for (x, y) in before[p].iter_mut().zip(&mut from_q[0]) {
        (*x, *y) = turn(*x, *y);
    }
}

fn multiply(matrix: &[f64], v: &[f64]) -> Vec<f64> {
    matrix.chunks_exact(v.len()).map(|row| dot(row, v)).collect()
}

fn combine(vectors: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    (0..vectors[0].len()).map(|i| vectors.iter().zip(weights).map(|(v, w)| w * v[i]).sum()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [[2, 1], [1, 2]] has the eigenvalues 3 and 1.
    #[test]
    fn two_by_two_by_hand() {
        let (values, vectors) = jacobi(vec![2.0, 1.0, 1.0, 2.0], 2);
        assert!((values[0] - 3.0).abs() < 1e-15 && (values[1] - 1.0).abs() < 1e-15, "{values:?}");
        assert!((vectors[0][0] - vectors[0][1]).abs() < 1e-15 && (vectors[1][0] + vectors[1][1]).abs() < 1e-15);
    }

    /// A matrix made of known pairs, larger than the block, gives them back.
    #[test]
    fn known_pairs_are_found() {
        let n = 40;
        let mut basis: Vec<Vec<f64>> =
            (0..n).map(|k| (0..n).map(|i| libm::cos((i * k + i + k) as f64)).collect()).collect();
        orthonormalize(&mut basis);
        let matrix: Vec<f64> = (0..n * n)
            .map(|e| (0..n).map(|k| basis[k][e / n] * basis[k][e % n] * 100.0 / (k + 1) as f64).sum())
            .collect();
        for (k, (value, vector)) in leading_pairs(&matrix, n).iter().enumerate() {
            assert!((value - 100.0 / (k + 1) as f64).abs() < 1e-10, "{value}");
            assert!((dot(vector, &basis[k]).abs() - 1.0).abs() < 1e-12);
        }
    }
}
