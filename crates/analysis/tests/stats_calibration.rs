//! Error rates in simulation: tests reject a true hypothesis no more often than they say, intervals cover as often as they say, and the
//! tests that are to find a difference find it.
//!
//! Seeds are fixed. A bound is four binomial standard deviations from the nominal rate: a correct method fails it once in 30,000 times.

use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};
use seismograd_analysis::stats::distance::Distances;
use seismograd_analysis::stats::permutation::Permutations;
use seismograd_analysis::stats::{cliff, energy, ks, max_t, permanova};

struct Normals(ChaCha8Rng);

impl Normals {
    fn new(seed: u64) -> Self {
        Normals(ChaCha8Rng::seed_from_u64(seed))
    }

    fn uniform(&mut self) -> f64 {
        // The upper 53 bits, plus half a step: never 0.
        ((self.0.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Box and Muller.
    fn draw(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(self.uniform())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }

    fn rows(&mut self, n: usize, columns: usize) -> Vec<Vec<f64>> {
        (0..n).map(|_| (0..columns).map(|_| self.draw()).collect()).collect()
    }
}

fn share(hits: usize, trials: usize) -> f64 {
    hits as f64 / trials as f64
}

fn four_deviations(rate: f64, trials: usize) -> f64 {
    4.0 * (rate * (1.0 - rate) / trials as f64).sqrt()
}

#[track_caller]
fn assert_at_most(what: &str, hits: usize, trials: usize, nominal: f64) {
    let found = share(hits, trials);
    assert!(found <= nominal + four_deviations(nominal, trials), "{what}: {found}, nominal {nominal}");
}

#[track_caller]
fn assert_about(what: &str, hits: usize, trials: usize, nominal: f64) {
    assert_at_most(what, hits, trials, nominal);
    let found = share(hits, trials);
    assert!(found >= nominal - four_deviations(nominal, trials), "{what}: {found}, nominal {nominal}");
}

fn first_half(n: usize) -> Vec<bool> {
    (0..n).map(|i| i < n / 2).collect()
}

/// Continuous data have no ties: every multiple of 2/252 is reached with its own probability.
#[test]
fn under_the_null_the_exact_p_is_uniform_on_its_grid() {
    let mut normals = Normals::new(1);
    let (trials, in_first) = (1500, first_half(10));
    let ps: Vec<f64> = (0..trials)
        .map(|_| energy::test(&Distances::euclidean(&normals.rows(10, 3)), &in_first, &Permutations::default()).p)
        .collect();
    for step in [1, 6, 12, 31, 63, 100] {
        let a = f64::from(2 * step) / 252.0;
        assert_about("p at most a", ps.iter().filter(|p| **p <= a + 1e-12).count(), trials, a);
    }
}

#[test]
fn under_the_null_the_random_p_is_uniform_on_its_grid() {
    let mut normals = Normals::new(2);
    let (trials, in_first) = (1500, first_half(24));
    let test = |seed: usize, rows: Vec<Vec<f64>>| {
        let permutations = Permutations { limit: 0, draws: 99, seed: seed as u64 };
        energy::test(&Distances::euclidean(&rows), &in_first, &permutations).p
    };
    let ps: Vec<f64> = (0..trials).map(|trial| test(trial, normals.rows(24, 2))).collect();
    for a in [0.01, 0.05, 0.1, 0.25, 0.5] {
        assert_about("p at most a", ps.iter().filter(|p| **p <= a + 1e-12).count(), trials, a);
    }
}

/// Ten features that share a part. With none different, any rejection is an error.
#[test]
fn max_t_errs_anywhere_no_more_often_than_it_says() {
    let mut normals = Normals::new(3);
    let (trials, in_first) = (1000, first_half(10));
    let errs = (0..trials).filter(|_| {
        let mut rows = normals.rows(10, 10);
        for row in &mut rows {
            let shared = 2.0 * row[0];
            row.iter_mut().skip(1).for_each(|x| *x += shared);
        }
        max_t::test(&rows, &in_first, &Permutations::default()).iter().any(|column| column.adjusted_p <= 12.0 / 252.0)
    });
    assert_about("errors in any feature", errs.count(), trials, 12.0 / 252.0);
}

/// Also where some features do differ: those that do not are rejected rarely (strong control), the others mostly.
#[test]
fn max_t_finds_what_differs_and_spares_the_rest() {
    let mut normals = Normals::new(4);
    let (trials, in_first) = (500, first_half(12));
    let (mut errs, mut found) = (0, 0);
    for _ in 0..trials {
        let mut rows = normals.rows(12, 6);
        rows.iter_mut().take(6).for_each(|row| row[2] += 4.0);
        let columns = max_t::test(&rows, &in_first, &Permutations::default());
        found += usize::from(columns[2].adjusted_p <= 0.05);
        errs += usize::from((0..6).any(|k| k != 2 && columns[k].adjusted_p <= 0.05));
    }
    assert_at_most("errors beside the true difference", errs, trials, 0.05);
    assert!(share(found, trials) > 0.95, "{found} of {trials}");
}

/// Three means and a spread: the energy test sees both kinds of difference.
#[test]
fn the_energy_test_finds_shifts_and_spreads() {
    let mut normals = Normals::new(5);
    let in_first = first_half(18);
    let mut power = |change: &dyn Fn(f64) -> f64| {
        let rejects = (0..60).filter(|_| {
            let mut rows = normals.rows(18, 3);
            rows.iter_mut().take(9).flatten().for_each(|x| *x = change(*x));
            energy::test(&Distances::euclidean(&rows), &in_first, &Permutations::default()).p <= 0.05
        });
        share(rejects.count(), 60)
    };
    let (shift, spread) = (power(&|x| x + 1.5), power(&|x| 5.0 * x));
    assert!(shift > 0.9 && spread > 0.9, "power {shift} against a shift, {spread} against a spread");
}

/// The true delta of unit normals that are `shift` apart is `2 Phi(shift / sqrt 2) - 1 = erf(shift / 2)`. Newcombe's method 5 covers near
/// its nominal rate, and rather above it where groups are small and far apart.
#[test]
fn cliffs_interval_covers() {
    let mut normals = Normals::new(6);
    for (m, n, shift) in [(5, 5, 0.0), (5, 5, 1.5), (8, 4, 1.0), (20, 20, 0.5), (5, 5, 3.0)] {
        let (trials, truth) = (2000, libm::erf(shift / 2.0));
        let covers = (0..trials).filter(|_| {
            let first: Vec<f64> = (0..m).map(|_| normals.draw() + shift).collect();
            let second: Vec<f64> = (0..n).map(|_| normals.draw()).collect();
            let delta = cliff::delta(&first, &second, 0.95);
            delta.lower <= truth && truth <= delta.upper
        });
        let coverage = share(covers.count(), trials);
        assert!(coverage > 0.92, "{m} and {n} values {shift} apart: {coverage}");
    }
}

#[test]
fn kolmogorov_smirnov_holds_for_independent_samples_and_fails_for_dependent_ones() {
    let mut normals = Normals::new(7);
    let trials = 600;
    // Each value keeps a share of the one before.
    let mut rejections = |kept: f64| {
        let mut series = || {
            let mut value = 0.0;
            let fresh = (1.0 - kept * kept).sqrt();
            let step = |_| {
                value = kept * value + fresh * normals.draw();
                value
            };
            (0..200).map(step).collect::<Vec<f64>>()
        };
        (0..trials).filter(|_| ks::two_sample(&series(), &series()).p <= 0.05).count()
    };
    assert_at_most("independent", rejections(0.0), trials, 0.05);
    let dependent = share(rejections(0.9), trials);
    assert!(dependent > 0.3, "the fallacy shows: {dependent}");
}

/// Both factors act additively; the interaction and, with the first factor's effect removed, the first factor are null.
#[test]
fn permanova_holds_its_level_beside_other_effects() {
    let mut normals = Normals::new(8);
    let (trials, mut main, mut interaction, mut found) = (500, 0, 0, 0);
    let first: Vec<usize> = (0..24).map(|i| i % 2).collect();
    let second: Vec<usize> = (0..24).map(|i| i / 2 % 3).collect();
    for trial in 0..trials {
        let permutations = Permutations { limit: 0, draws: 99, seed: trial as u64 };
        let mut rows = normals.rows(24, 2);
        rows.iter_mut().zip(&second).for_each(|(row, level)| row[0] += 3.0 * *level as f64);
        let null = permanova::partition(&Distances::euclidean(&rows), &first, &second, &permutations);
        main += usize::from(null.first.p.unwrap() <= 0.05);
        found += usize::from(null.second.p.unwrap() <= 0.05);
        rows.iter_mut().zip(&first).for_each(|(row, level)| row[1] += 2.0 * *level as f64);
        let additive = permanova::partition(&Distances::euclidean(&rows), &first, &second, &permutations);
        interaction += usize::from(additive.interaction.p.unwrap() <= 0.05);
    }
    assert_about("the null main effect", main, trials, 0.05);
    // Freedman and Lane's p is approximate.
    assert_about("the null interaction", interaction, trials, 0.05);
    assert_eq!(found, trials);
}
