//! Holm's correction for several tests (Holm 1979, "A simple sequentially rejective multiple test procedure"). It holds whatever the
//! dependence between the tests, and for that reason does not use it; see [`max_t`](super::max_t) for one that does.

/// The adjusted p-values, in the order given: to reject those at most alpha errs anywhere with probability at most alpha.
///
/// ```
/// use seismograd_analysis::stats::holm;
///
/// assert_eq!(holm::adjust(&[0.25, 0.125, 0.5]), [0.5, 0.375, 0.5]);
/// ```
///
/// # Panics
/// If a number is no probability.
#[track_caller]
pub fn adjust(p: &[f64]) -> Vec<f64> {
    for value in p {
        assert!((0.0..=1.0).contains(value), "Holm's correction: {value} is no p-value");
    }
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|i, j| p[*i].total_cmp(&p[*j]));
    let mut adjusted = vec![0.0; p.len()];
    let mut largest: f64 = 0.0;
    for (rank, i) in order.into_iter().enumerate() {
        // Never below a smaller p's: a hypothesis is rejected only after all those before it.
        largest = largest.max((p.len() - rank) as f64 * p[i]).min(1.0);
        adjusted[i] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::adjust;

    #[test]
    fn none_and_one_are_themselves() {
        assert!(adjust(&[]).is_empty());
        assert_eq!(adjust(&[0.04]), [0.04]);
    }

    #[test]
    fn ties_stay_ties_and_nothing_exceeds_one() {
        assert_eq!(adjust(&[0.5, 0.5, 1.0]), [1.0, 1.0, 1.0]);
    }

    #[test]
    #[should_panic(expected = "1.5 is no p-value")]
    fn what_is_no_probability_panics() {
        adjust(&[1.5]);
    }
}
