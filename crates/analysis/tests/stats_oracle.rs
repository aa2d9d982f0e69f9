//! Every statistic against scipy, or against its definition transcribed in numpy (see `fixtures/README.md`).

use seismograd_analysis::stats::distance::Distances;
use seismograd_analysis::stats::permutation::Permutations;
use seismograd_analysis::stats::{binomial, cliff, energy, holm, ks, max_t, mds, permanova, robust};
use serde::Deserialize;

/// Both sides compute in f64 and the fixture keeps 13 digits; sums of tens of terms lose two or three more.
const CLOSE: f64 = 1e-10;
/// Every labeling of a fixture is enumerated.
const ALL: Permutations = Permutations { limit: 1_000_000, draws: 0, seed: 0 };

#[derive(Deserialize)]
struct Oracle {
    energy: Vec<Energy>,
    max_t: Vec<MaxT>,
    holm: Vec<Holm>,
    cliff: Vec<Cliff>,
    ks: Vec<KolmogorovSmirnov>,
    binomial: Vec<Binomial>,
    robust: Vec<Robust>,
    permanova: Vec<TwoFactors>,
    one_factor: Vec<OneFactor>,
    mds: Vec<Mds>,
}

#[derive(Deserialize)]
struct Energy {
    rows: Vec<Vec<f64>>,
    in_first: Vec<bool>,
    statistic: f64,
    inhomogeneity: f64,
    p: f64,
    labelings: u64,
}

#[derive(Deserialize)]
struct MaxT {
    rows: Vec<Vec<f64>>,
    in_first: Vec<bool>,
    statistics: Vec<f64>,
    p: Vec<f64>,
    adjusted_p: Vec<f64>,
}

#[derive(Deserialize)]
struct Holm {
    p: Vec<f64>,
    adjusted: Vec<f64>,
}

#[derive(Deserialize)]
struct Cliff {
    first: Vec<f64>,
    second: Vec<f64>,
    confidence: f64,
    value: f64,
    lower: f64,
    upper: f64,
}

#[derive(Deserialize)]
struct KolmogorovSmirnov {
    first: Vec<f64>,
    second: Vec<f64>,
    statistic: f64,
    p: f64,
    p_of_scipy: f64,
}

#[derive(Deserialize)]
struct Binomial {
    successes: u64,
    trials: u64,
    confidence: f64,
    lower: f64,
    upper: f64,
}

#[derive(Deserialize)]
struct Robust {
    values: Vec<f64>,
    median: f64,
    mad: f64,
    deviation: f64,
    probability: f64,
    quantile: f64,
}

#[derive(Deserialize)]
struct TwoFactors {
    rows: Vec<Vec<f64>>,
    first: Vec<usize>,
    second: Vec<usize>,
    degrees_of_freedom: [usize; 4],
    sums_of_squares: [f64; 4],
    pseudo_f: [f64; 3],
    r2: [f64; 4],
    p: Option<[f64; 3]>,
}

#[derive(Deserialize)]
struct OneFactor {
    rows: Vec<Vec<f64>>,
    levels: Vec<usize>,
    pseudo_f: f64,
    p: f64,
}

#[derive(Deserialize)]
struct Mds {
    rows: Vec<Vec<f64>>,
    points: Vec<[f64; 2]>,
    explained: f64,
}

fn oracle() -> Oracle {
    serde_json::from_str(include_str!("fixtures/group_statistics.json")).unwrap()
}

/// Equal up to rounding, relative to 1 or to the expected value if that is larger.
#[track_caller]
fn close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= CLOSE * expected.abs().max(1.0), "{what}: {found} is not {expected}");
}

#[test]
fn energy_test() {
    for case in oracle().energy {
        let distances = Distances::euclidean(&case.rows);
        let test = energy::test(&distances, &case.in_first, &ALL);
        close(test.statistic, case.statistic, "statistic");
        close(energy::inhomogeneity(&distances, &case.in_first), case.inhomogeneity, "inhomogeneity");
        close(test.p, case.p, "p");
        assert_eq!((test.labelings, test.exact, test.standard_error), (case.labelings, true, None));
    }
}

#[test]
fn max_t_test() {
    for case in oracle().max_t {
        for (k, found) in max_t::test(&case.rows, &case.in_first, &ALL).iter().enumerate() {
            close(found.statistic, case.statistics[k], "t");
            close(found.p, case.p[k], "p");
            close(found.adjusted_p, case.adjusted_p[k], "adjusted p");
        }
    }
}

#[test]
fn holms_correction() {
    for case in oracle().holm {
        for (found, expected) in holm::adjust(&case.p).iter().zip(case.adjusted) {
            close(*found, expected, "adjusted p");
        }
    }
}

#[test]
fn cliffs_delta() {
    for case in oracle().cliff {
        let found = cliff::delta(&case.first, &case.second, case.confidence);
        close(found.value, case.value, "delta");
        close(found.lower, case.lower, "lower end");
        close(found.upper, case.upper, "upper end");
    }
}

#[test]
fn kolmogorov_smirnov_test() {
    for case in oracle().ks {
        let found = ks::two_sample(&case.first, &case.second);
        close(found.statistic, case.statistic, "statistic");
        close(found.p, case.p, "p in the limit");
        // scipy takes the distribution for a finite sample: with 100 and more a side the two differ by a few hundredths.
        if case.first.len() >= 100 {
            assert!((found.p - case.p_of_scipy).abs() < 0.05, "{} is far from scipy's {}", found.p, case.p_of_scipy);
        }
    }
}

#[test]
fn clopper_and_pearsons_interval() {
    for case in oracle().binomial {
        let (lower, upper) = binomial::interval(case.successes, case.trials, case.confidence);
        close(lower, case.lower, "lower end");
        close(upper, case.upper, "upper end");
    }
}

#[test]
fn robust_summaries() {
    for case in oracle().robust {
        close(robust::median(&case.values), case.median, "median");
        close(robust::mad(&case.values), case.mad, "median absolute deviation");
        close(robust::quantile(&case.values, case.probability), case.quantile, "quantile");
        if let Some(scaling) = robust::Scaling::of(&case.values).filter(|_| case.mad > 0.0) {
            close(scaling.scale, case.deviation, "scale");
        }
    }
}

#[test]
fn permanova_of_two_factors() {
    for case in oracle().permanova {
        // Where the oracle has no p, none is computed that could be compared.
        let permutations = if case.p.is_some() { ALL } else { Permutations { limit: 0, draws: 1, seed: 0 } };
        let table = permanova::partition(&Distances::euclidean(&case.rows), &case.first, &case.second, &permutations);
        for (k, term) in [&table.first, &table.second, &table.interaction, &table.residual].into_iter().enumerate() {
            assert_eq!(term.degrees_of_freedom, case.degrees_of_freedom[k], "{term:?}");
            close(term.sum_of_squares, case.sums_of_squares[k], "sum of squares");
            close(term.r2.unwrap(), case.r2[k], "R2");
            if k < 3 {
                close(term.pseudo_f.unwrap(), case.pseudo_f[k], "pseudo-F");
            }
            if let Some(p) = case.p.filter(|_| k < 3) {
                close(term.p.unwrap(), p[k], "p");
            }
        }
        close(table.total.sum_of_squares, case.sums_of_squares.iter().sum(), "total");
    }
}

#[test]
fn permanova_of_one_factor() {
    for case in oracle().one_factor {
        let table = permanova::one_factor(&Distances::euclidean(&case.rows), &case.levels, &ALL);
        close(table.factor.pseudo_f.unwrap(), case.pseudo_f, "pseudo-F");
        close(table.factor.p.unwrap(), case.p, "p");
        assert_eq!(table.factor.note, None);
    }
}

#[test]
fn classical_scaling() {
    for case in oracle().mds {
        let map = mds::classical(&Distances::euclidean(&case.rows));
        close(map.explained, case.explained, "share explained");
        for (found, expected) in map.points.iter().flatten().zip(case.points.iter().flatten()) {
            close(*found, *expected, "coordinate");
        }
    }
}
