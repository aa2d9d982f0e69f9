//! What must hold for any data: the names of the groups, the order of the runs, the origin and the unit do not matter; intervals hold
//! their estimates; sums of squares add up.

use proptest::prelude::*;
use seismograd_analysis::stats::distance::Distances;
use seismograd_analysis::stats::permutation::Permutations;
use seismograd_analysis::stats::{binomial, cliff, energy, holm, ks, max_t, mds, permanova, robust};

const ALL: Permutations = Permutations { limit: 1_000_000, draws: 0, seed: 0 };

/// Rows of three columns on a coarse grid, so that ties occur and an integer shift or a factor of two is exact.
fn rows(n: usize) -> impl Strategy<Value = Vec<Vec<f64>>> {
    prop::collection::vec(prop::collection::vec((-20i32..20).prop_map(|x| f64::from(x) / 4.0), 3), n)
}

/// Rows with labels of two groups, neither empty.
fn labeled() -> impl Strategy<Value = (Vec<Vec<f64>>, Vec<bool>)> {
    (1usize..5, 1usize..6)
        .prop_flat_map(|(m, n)| (rows(m + n), Just([vec![true; m], vec![false; n]].concat()).prop_shuffle()))
}

/// As [`labeled`], with an order to rearrange the runs in.
fn rearranged() -> impl Strategy<Value = (Vec<Vec<f64>>, Vec<bool>, Vec<usize>)> {
    labeled().prop_flat_map(|(rows, in_first)| {
        let order: Vec<usize> = (0..rows.len()).collect();
        (Just(rows), Just(in_first), Just(order).prop_shuffle())
    })
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((-12i32..12).prop_map(f64::from), 1..12)
}

fn pick<T: Clone>(from: &[T], order: &[usize]) -> Vec<T> {
    order.iter().map(|i| from[*i].clone()).collect()
}

fn mapped(rows: &[Vec<f64>], change: impl Fn(f64) -> f64) -> Vec<Vec<f64>> {
    rows.iter().map(|row| row.iter().map(|x| change(*x)).collect()).collect()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-10 * a.abs().max(1.0)
}

/// The statistic, p and adjusted p of every column, and those of the energy test first.
fn figures(rows: &[Vec<f64>], in_first: &[bool]) -> Vec<[f64; 3]> {
    let test = energy::test(&Distances::euclidean(rows), in_first, &ALL);
    let columns = max_t::test(rows, in_first, &ALL);
    let columns = columns.iter().map(|c| [c.statistic.min(1e6), c.p, c.adjusted_p]);
    std::iter::once([test.statistic, test.p, test.least_p]).chain(columns).collect()
}

fn same(a: &[[f64; 3]], b: &[[f64; 3]]) -> bool {
    a.iter().flatten().zip(b.iter().flatten()).all(|(x, y)| close(*x, *y))
}

proptest! {
    // A failing case is printed; it becomes a test of its own, not a file.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn neither_the_groups_names_nor_the_order_of_runs_nor_the_origin_matter((rows, in_first, order) in rearranged()) {
        let as_given = figures(&rows, &in_first);
        let swapped: Vec<bool> = in_first.iter().map(|first| !first).collect();
        prop_assert!(same(&as_given, &figures(&rows, &swapped)));
        prop_assert!(same(&as_given, &figures(&pick(&rows, &order), &pick(&in_first, &order))));
        prop_assert!(same(&as_given, &figures(&mapped(&rows, |x| x + 1000.0), &in_first)));
    }

    #[test]
    fn the_unit_scales_the_statistic_and_no_p((rows, in_first) in labeled()) {
        let (small, large) = (figures(&rows, &in_first), figures(&mapped(&rows, |x| 3.0 * x), &in_first));
        prop_assert!(close(3.0 * small[0][0], large[0][0]));
        for (a, b) in small.iter().zip(&large) {
            prop_assert!(close(a[1], b[1]) && close(a[2], b[2]));
        }
    }

    #[test]
    fn a_p_lies_between_the_least_and_one((rows, in_first) in labeled()) {
        let distances = Distances::euclidean(&rows);
        for permutations in [ALL, Permutations { limit: 0, draws: 19, seed: 5 }] {
            let test = energy::test(&distances, &in_first, &permutations);
            prop_assert!(test.p >= test.least_p && test.p <= 1.0, "{test:?}");
            prop_assert_eq!(test.standard_error.is_none(), test.exact);
            for column in max_t::test(&rows, &in_first, &permutations) {
                prop_assert!(column.p >= test.least_p && column.p <= column.adjusted_p && column.adjusted_p <= 1.0);
            }
        }
        prop_assert!((0.0..=1.0).contains(&energy::inhomogeneity(&distances, &in_first)));
    }

    /// Exactness, on data with ties: among all labelings of one data set, at most a share a has p at most a.
    #[test]
    fn over_all_labelings_p_is_at_most_a_with_a_share_of_at_most_a(rows in rows(7), m in 1usize..4) {
        let distances = Distances::euclidean(&rows);
        let labelings: Vec<Vec<bool>> = (0u32..1 << 7)
            .filter(|mask| mask.count_ones() as usize == m)
            .map(|mask| (0..7).map(|i| mask >> i & 1 == 1).collect())
            .collect();
        let all = labelings.len() as f64;
        let of_energy: Vec<f64> = labelings.iter().map(|l| energy::test(&distances, l, &ALL).p).collect();
        let least_of_columns: Vec<f64> = labelings
            .iter()
            .map(|l| max_t::test(&rows, l, &ALL).iter().map(|c| c.adjusted_p).fold(1.0, f64::min))
            .collect();
        // The least adjusted p of all features is itself a p: that is what the adjustment promises.
        for ps in [of_energy, least_of_columns] {
            for a in &ps {
                let share = ps.iter().filter(|p| *p <= a).count() as f64 / all;
                prop_assert!(share <= a + 1e-12, "{share} of the labelings have p at most {a}");
            }
        }
    }

    #[test]
    fn cliffs_interval_holds_the_estimate_and_never_collapses(a in values(), b in values(), confidence in 0.5f64..0.999) {
        let delta = cliff::delta(&a, &b, confidence);
        prop_assert!(-1.0 <= delta.lower && delta.lower <= delta.value, "{delta:?}");
        prop_assert!(delta.value <= delta.upper && delta.upper <= 1.0, "{delta:?}");
        prop_assert!(delta.upper - delta.lower > 0.01, "{delta:?}");
        let wider = cliff::delta(&a, &b, (1.0 + confidence) / 2.0);
        prop_assert!(wider.lower <= delta.lower && delta.upper <= wider.upper);
    }

    #[test]
    fn cliffs_delta_changes_sign_with_the_groups_and_sees_order_only(a in values(), b in values()) {
        let (delta, swapped) = (cliff::delta(&a, &b, 0.95), cliff::delta(&b, &a, 0.95));
        prop_assert_eq!([delta.value, delta.lower, delta.upper], [-swapped.value, -swapped.upper, -swapped.lower]);
        let cubes = |values: &[f64]| values.iter().map(|x| x * x * x).collect::<Vec<_>>();
        prop_assert_eq!(cliff::delta(&cubes(&a), &cubes(&b), 0.95), delta);
    }

    #[test]
    fn kolmogorov_smirnov_is_symmetric_and_sees_order_only(a in values(), b in values()) {
        let test = ks::two_sample(&a, &b);
        prop_assert_eq!(&test, &ks::two_sample(&b, &a));
        let negated = |values: &[f64]| values.iter().map(|x| -x * x * x).collect::<Vec<_>>();
        prop_assert!(close(ks::two_sample(&negated(&a), &negated(&b)).statistic, test.statistic));
        prop_assert!((0.0..=1.0).contains(&test.statistic) && (0.0..=1.0).contains(&test.p));
    }

    #[test]
    fn clopper_and_pearsons_interval_holds_the_share((k, n) in (1u64..200).prop_flat_map(|n| (0..=n, Just(n)))) {
        let (lower, upper) = binomial::interval(k, n, 0.95);
        let share = k as f64 / n as f64;
        prop_assert!(0.0 <= lower && lower <= share && share <= upper && upper <= 1.0 && upper - lower > 0.0);
        let (mirrored_lower, mirrored_upper) = binomial::interval(n - k, n, 0.95);
        prop_assert!(close(mirrored_lower, 1.0 - upper) && close(mirrored_upper, 1.0 - lower));
    }

    #[test]
    fn holm_keeps_the_order_and_stays_between_p_and_bonferroni(p in prop::collection::vec(0.0f64..1.0, 1..8)) {
        let adjusted = holm::adjust(&p);
        for (i, a) in adjusted.iter().enumerate() {
            prop_assert!(p[i] <= *a && *a <= (p[i] * p.len() as f64).min(1.0));
            prop_assert!((0..p.len()).all(|j| p[i] > p[j] || *a <= adjusted[j]));
        }
    }

    #[test]
    fn permanovas_squares_add_up_and_its_figures_ignore_the_order_of_runs(
        (rows, levels, order) in (4usize..10).prop_flat_map(|n| (
            rows(n),
            prop::collection::vec((0usize..3, 0usize..2), n),
            Just((0..n).collect::<Vec<_>>()).prop_shuffle(),
        )),
    ) {
        let (first, second): (Vec<_>, Vec<_>) = levels.into_iter().unzip();
        let permutations = Permutations { limit: 10_000, draws: 9, seed: 1 };
        let table = permanova::partition(&Distances::euclidean(&rows), &first, &second, &permutations);
        let terms = [&table.first, &table.second, &table.interaction, &table.residual];
        prop_assert!(close(terms.iter().map(|t| t.sum_of_squares).sum(), table.total.sum_of_squares));
        prop_assert_eq!(terms.iter().map(|t| t.degrees_of_freedom).sum::<usize>(), rows.len() - 1);
        for term in terms {
            prop_assert!(term.sum_of_squares >= 0.0 && term.sum_of_squares.is_finite());
            prop_assert!([term.r2, term.p].into_iter().flatten().all(|x| (0.0..=1.0).contains(&x)), "{term:?}");
            prop_assert!(term.pseudo_f.is_none_or(|f| f >= 0.0 && f.is_finite()), "{term:?}");
        }
        for term in [&table.first, &table.second, &table.interaction] {
            let complete = term.r2.is_some() && term.pseudo_f.is_some() && term.p.is_some();
            prop_assert!(complete || term.note.is_some(), "an absent figure has no note: {term:?}");
        }
        let other = permanova::partition(
            &Distances::euclidean(&pick(&rows, &order)), &pick(&first, &order), &pick(&second, &order), &permutations);
        prop_assert!(close(table.interaction.sum_of_squares, other.interaction.sum_of_squares));
        prop_assert!(close(table.residual.sum_of_squares, other.residual.sum_of_squares));
        prop_assert_eq!(table.first.note, other.first.note);
    }

    /// The plane is a projection: no distance grows, and the runs stay centered.
    #[test]
    fn a_map_stretches_nothing(rows in (1usize..20).prop_flat_map(rows)) {
        let (distances, map) = (Distances::euclidean(&rows), mds::classical(&Distances::euclidean(&rows)));
        prop_assert!((0.0..=1.0).contains(&map.explained));
        for k in [0, 1] {
            prop_assert!(map.points.iter().map(|p| p[k]).sum::<f64>().abs() < 1e-7);
        }
        for (i, a) in map.points.iter().enumerate() {
            for (j, b) in map.points.iter().enumerate() {
                let apart = ((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)).sqrt();
                prop_assert!(apart <= distances.get(i, j) + 1e-6, "{i}, {j}: {apart} of {}", distances.get(i, j));
            }
        }
    }

    #[test]
    fn scaled_columns_have_median_zero_and_forget_their_unit(rows in (1usize..12).prop_flat_map(rows)) {
        let (scaled, scalings) = robust::scale_columns(&rows);
        let kept = scalings.iter().flatten().count();
        prop_assert!(scaled.iter().all(|row| row.len() == kept));
        for j in 0..kept {
            let column: Vec<f64> = scaled.iter().map(|row| row[j]).collect();
            prop_assert!(robust::median(&column).abs() < 1e-12);
        }
        let (again, _) = robust::scale_columns(&mapped(&rows, |x| 8.0 * x + 5.0));
        prop_assert!(scaled.iter().flatten().zip(again.iter().flatten()).all(|(a, b)| close(*a, *b)));
    }
}
