//! How much of the spread between runs goes with each of two factors (PERMANOVA: Anderson 2001, Austral Ecology 26:32-46; McArdle and
//! Anderson 2001, Ecology 82:290-297). Sums of squares come from distances alone, p-values from permutations; nothing is assumed normal.
//!
//! Sums of squares are sequential: the first factor, the second beside the first, the interaction beside both, the residual between the
//! runs of one cell. In a balanced design the order does not matter; elsewhere the notes say that it does. A quantity that the design
//! cannot estimate has no figure and a note that says why.

mod design;
mod test;

use super::distance::Distances;
use super::permutation::Permutations;
use design::Design;
use serde::{Deserialize, Serialize};
use test::{Centered, Shuffled, p_of};

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// The dimension of the term's part of the design.
    pub degrees_of_freedom: usize,
    /// Its sum of squares, in squared units of the distances.
    pub sum_of_squares: f64,
    /// Its share of the total.
    pub r2: Option<f64>,
    /// Its mean square over that of the residual.
    pub pseudo_f: Option<f64>,
    /// The permutation p of that.
    pub p: Option<f64>,
    /// Why a figure is absent, or what must be known to read it.
    pub note: Option<String>,
}

/// The table of two factors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Partition {
    /// The first factor.
    pub first: Term,
    /// The second factor, beside the first.
    pub second: Term,
    /// What the effect of one factor depends on the other's level.
    pub interaction: Term,
    /// Between the runs of one cell.
    pub residual: Term,
    /// All together.
    pub total: Term,
}

impl Partition {
    /// The share of a term that is more than chance, from 0 up: omega squared, which takes out what as many groups of anything would explain.
    pub fn omega_squared(&self, term: &Term) -> Option<f64> {
        term.r2?;
        let error = self.residual.sum_of_squares / self.residual.degrees_of_freedom as f64;
        let beyond = term.sum_of_squares - term.degrees_of_freedom as f64 * error;
        let share = beyond / (self.total.sum_of_squares + error);
        share.is_finite().then_some(share.max(0.0))
    }
}

/// The table of one factor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OneFactor {
    /// The factor.
    pub factor: Term,
    /// Between the runs of one level.
    pub residual: Term,
    /// All together.
    pub total: Term,
}

const ORDER: &str = "the design is not balanced: sequential sums of squares, so the order of the factors matters";
const APPROXIMATE: &str = "p is approximate: residuals of the additive model were permuted (Freedman and Lane 1983)";
const ONE_LEVEL: &str = "not estimable: all runs have one level of this factor";
const ALIASED: &str = "not estimable: the two factors change together (aliased), so their effects cannot be told apart";
const PARTLY_ALIASED: &str = "not estimable: some levels of the two factors change together (aliased)";
const EMPTY_CELL: &str = "not estimable: some combinations of the two factors have no run";
const NO_INTERACTION: &str = "not estimable: an interaction needs two levels of both factors";
const NO_REPLICATE: &str =
    "no F and no p: no combination of the factors has two runs, so there is no residual to compare with";
const SATURATED: &str =
    "not estimable: no combination of the factors has two runs, so the interaction cannot be told from the residual";
const NO_RESIDUAL: &str = "no residual degrees of freedom";
const NO_SPREAD: &str = "no figures: all distances are 0";
const NO_RESIDUAL_SPREAD: &str = "no F: the runs of each combination of the factors are identical";

/// Splits the spread between runs by two factors; `first[i]` and `second[i]` are the levels of run `i`, any numbers.
///
/// The p of a main effect comes from permutations within the levels of the other factor: it is exact for the hypothesis that this factor
/// changes nothing at any level of the other (Anderson and ter Braak 2003, Journal of Statistical Computation and Simulation 73:85-113),
/// over all distinct permutations where they are few. The p of the interaction comes from permuting the residuals of the additive model
/// (Freedman and Lane 1983) and is approximate.
///
/// ```
/// use seismograd_analysis::stats::{distance::Distances, permanova, permutation::Permutations};
///
/// // Two factors of two levels, two runs a cell: the first factor shifts by 10, the second by 2.
/// let values = [0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0, 13.0];
/// let distances = Distances::euclidean(&values.map(|x| vec![x]));
/// let table = permanova::partition(&distances, &[0, 0, 0, 0, 1, 1, 1, 1], &[0, 0, 1, 1, 0, 0, 1, 1], &Permutations::default());
/// assert!((table.first.sum_of_squares - 200.0).abs() < 1e-9);
/// assert!((table.second.sum_of_squares - 8.0).abs() < 1e-9);
/// assert!((table.residual.sum_of_squares - 2.0).abs() < 1e-9);
/// ```
///
/// # Panics
/// If the lengths differ or there are no runs.
#[track_caller]
pub fn partition(distances: &Distances, first: &[usize], second: &[usize], permutations: &Permutations) -> Partition {
    assert!(!distances.is_empty(), "PERMANOVA: there are no runs");
    for factor in [first, second] {
        assert!(factor.len() == distances.len(), "PERMANOVA: {} levels for {} runs", factor.len(), distances.len());
    }
    let design = Design::new(first, second);
    let centered = Centered::new(distances);
    let squares = centered.squares(&design, design.cells());
    let table = Table { design: &design, squares: &squares, total: centered.total() };
    Partition {
        first: table.main(0, || Shuffled::levels(&design, &centered, 0), permutations),
        second: table.main(1, || Shuffled::levels(&design, &centered, 1), permutations),
        interaction: table.interaction(|| Shuffled::residuals(&design, &centered), permutations),
        residual: table.residual(),
        total: table.whole(),
    }
}

/// Splits the spread between runs by one factor; `levels[i]` is the level of run `i`, any number. p is exact for the hypothesis that the
/// factor changes nothing, over all distinct permutations where they are few.
///
/// # Panics
/// If the lengths differ or there are no runs.
#[track_caller]
pub fn one_factor(distances: &Distances, levels: &[usize], permutations: &Permutations) -> OneFactor {
    let table = partition(distances, levels, &vec![0; levels.len()], permutations);
    OneFactor { factor: table.first, residual: table.residual, total: table.total }
}

/// Sums of squares of the terms, the last one the residual's.
type Squares = [f64; 4];
/// The residual's place among them.
const RESIDUAL: usize = 3;

/// What the lines of the table are written from.
struct Table<'a> {
    design: &'a Design,
    squares: &'a Squares,
    total: f64,
}

impl Table<'_> {
    fn main(&self, term: usize, shuffled: impl Fn() -> Shuffled, permutations: &Permutations) -> Term {
        match self.main_obstacle(term) {
            Some(note) => self.without_figures(term, note),
            None => {
                let note = (!self.design.is_balanced() && self.design.levels().iter().all(|l| *l > 1)).then_some(ORDER);
                self.with_figures(term, note, shuffled, permutations)
            }
        }
    }

    fn main_obstacle(&self, term: usize) -> Option<&'static str> {
        let levels = self.design.levels()[term];
        match self.design.beside_the_other(term) {
            _ if levels < 2 => Some(ONE_LEVEL),
            0 => Some(ALIASED),
            free if free < levels - 1 => Some(PARTLY_ALIASED),
            _ => None,
        }
    }

    fn interaction(&self, shuffled: impl Fn() -> Shuffled, permutations: &Permutations) -> Term {
        let note = if self.design.levels().iter().any(|levels| *levels < 2) {
            NO_INTERACTION
        } else if self.design.has_empty_cell() {
            EMPTY_CELL
        } else if self.design.degrees_of_freedom()[RESIDUAL] == 0 {
            SATURATED
        } else {
            return self.with_figures(2, Some(APPROXIMATE), shuffled, permutations);
        };
        self.without_figures(2, note)
    }

    fn residual(&self) -> Term {
        let absent = (self.design.degrees_of_freedom()[RESIDUAL] == 0).then_some(NO_RESIDUAL);
        let note = absent.or((self.total <= 0.0).then_some(NO_SPREAD));
        Term {
            r2: self.r2(RESIDUAL).filter(|_| absent.is_none()),
            note: note.map(str::to_owned),
            ..self.bare(RESIDUAL)
        }
    }

    fn whole(&self) -> Term {
        let spread = self.total > 0.0;
        Term {
            degrees_of_freedom: self.design.degrees_of_freedom().iter().sum(),
            sum_of_squares: self.total,
            r2: spread.then_some(1.0),
            pseudo_f: None,
            p: None,
            note: (!spread).then(|| NO_SPREAD.to_owned()),
        }
    }

    fn with_figures(
        &self,
        term: usize,
        note: Option<&str>,
        shuffled: impl Fn() -> Shuffled,
        permutations: &Permutations,
    ) -> Term {
        let f = self.pseudo_f(term);
        let complaint = self.complaint();
        let testable = self.total > 0.0 && self.design.degrees_of_freedom()[RESIDUAL] > 0;
        let p = testable.then(|| p_of(&shuffled(), self.design, term, permutations));
        // A remark on how p was found has no place beside no p.
        let notes: Vec<&str> = complaint.into_iter().chain(note.filter(|note| p.is_some() || *note == ORDER)).collect();
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        Term { r2: self.r2(term), pseudo_f: f, p, note, ..self.bare(term) }
    }

    /// What keeps every term from its F.
    fn complaint(&self) -> Option<&'static str> {
        if self.total <= 0.0 {
            Some(NO_SPREAD)
        } else if self.design.degrees_of_freedom()[RESIDUAL] == 0 {
            Some(NO_REPLICATE)
        } else {
            (!self.residual_spreads()).then_some(NO_RESIDUAL_SPREAD)
        }
    }

    fn residual_spreads(&self) -> bool {
        self.squares[RESIDUAL] > 1e-12 * self.total
    }

    fn without_figures(&self, term: usize, note: &str) -> Term {
        Term { note: Some(note.to_owned()), ..self.bare(term) }
    }

    fn bare(&self, term: usize) -> Term {
        Term {
            degrees_of_freedom: self.design.degrees_of_freedom()[term],
            sum_of_squares: self.squares[term],
            r2: None,
            pseudo_f: None,
            p: None,
            note: None,
        }
    }

    fn r2(&self, term: usize) -> Option<f64> {
        (self.total > 0.0).then(|| (self.squares[term] / self.total).clamp(0.0, 1.0))
    }

    fn pseudo_f(&self, term: usize) -> Option<f64> {
        let freedom = self.design.degrees_of_freedom().map(|d| d as f64);
        let estimable = self.total > 0.0 && freedom[RESIDUAL] > 0.0 && self.residual_spreads();
        estimable.then(|| (self.squares[term] / freedom[term]) / (self.squares[RESIDUAL] / freedom[RESIDUAL]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERMUTATIONS: Permutations = Permutations { limit: 10_000, draws: 99, seed: 0 };

    fn table(values: &[f64], first: &[usize], second: &[usize]) -> Partition {
        let rows: Vec<Vec<f64>> = values.iter().map(|x| vec![*x]).collect();
        partition(&Distances::euclidean(&rows), first, second, &PERMUTATIONS)
    }

    /// Whether a term has R2, F and p, and its note.
    #[track_caller]
    fn check(term: &Term, figures: [bool; 3], note: Option<&str>) {
        assert_eq!([term.r2.is_some(), term.pseudo_f.is_some(), term.p.is_some()], figures, "{term:?}");
        assert_eq!(term.note.as_deref(), note);
    }

    const ALL: [bool; 3] = [true; 3];
    const NONE: [bool; 3] = [false; 3];
    const VALUES: [f64; 8] = [0.0, 1.5, 2.0, 3.0, 10.0, 11.0, 12.5, 13.0];

    #[test]
    fn a_balanced_design_has_every_figure() {
        let found = table(&VALUES, &[0, 0, 0, 0, 1, 1, 1, 1], &[0, 0, 1, 1, 0, 0, 1, 1]);
        check(&found.first, ALL, None);
        check(&found.second, ALL, None);
        check(&found.interaction, ALL, Some(APPROXIMATE));
        check(&found.residual, [true, false, false], None);
        check(&found.total, [true, false, false], None);
        // Only the labels as they are and all swapped, of the 6 * 6 within the second factor's levels.
        assert_eq!(found.first.p, Some(2.0 / 36.0));
    }

    #[test]
    fn factors_that_change_together_have_no_figures() {
        let found = table(&VALUES, &[0, 0, 0, 0, 1, 1, 1, 1], &[5, 5, 5, 5, 8, 8, 8, 8]);
        check(&found.first, NONE, Some(ALIASED));
        check(&found.second, NONE, Some(ALIASED));
        check(&found.interaction, NONE, Some(EMPTY_CELL));
    }

    #[test]
    fn factors_that_change_together_at_some_levels_have_no_figures() {
        let found = table(&VALUES, &[0, 0, 0, 0, 1, 1, 2, 2], &[0, 0, 1, 1, 2, 2, 2, 2]);
        check(&found.first, NONE, Some(PARTLY_ALIASED));
        check(&found.second, NONE, Some(PARTLY_ALIASED));
    }

    #[test]
    fn one_level_is_no_factor() {
        let found = table(&VALUES, &[0, 0, 0, 0, 1, 1, 1, 1], &[3; 8]);
        check(&found.first, ALL, None);
        check(&found.second, NONE, Some(ONE_LEVEL));
        check(&found.interaction, NONE, Some(NO_INTERACTION));
    }

    #[test]
    fn an_empty_cell_takes_the_interaction_and_the_balance() {
        let found = table(&VALUES, &[0, 0, 0, 0, 1, 1, 1, 1], &[0, 0, 1, 1, 0, 0, 0, 0]);
        check(&found.first, ALL, Some(ORDER));
        check(&found.second, ALL, Some(ORDER));
        check(&found.interaction, NONE, Some(EMPTY_CELL));
    }

    #[test]
    fn one_run_a_cell_leaves_shares_only() {
        let found = table(&VALUES[2..6], &[0, 0, 1, 1], &[0, 1, 0, 1]);
        check(&found.first, [true, false, false], Some(NO_REPLICATE));
        check(&found.interaction, NONE, Some(SATURATED));
        check(&found.residual, NONE, Some(NO_RESIDUAL));
    }

    #[test]
    fn identical_replicates_have_p_but_no_f() {
        let found =
            table(&[1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 9.0, 9.0], &[0, 0, 0, 0, 1, 1, 1, 1], &[0, 0, 1, 1, 0, 0, 1, 1]);
        check(&found.first, [true, false, true], Some(NO_RESIDUAL_SPREAD));
    }

    #[test]
    fn runs_without_any_spread_have_no_figures() {
        let found = table(&[1.0; 8], &[0, 0, 0, 0, 1, 1, 1, 1], &[0, 0, 1, 1, 0, 0, 1, 1]);
        for term in [&found.first, &found.second, &found.interaction, &found.residual, &found.total] {
            check(term, NONE, Some(NO_SPREAD));
        }
    }

    #[test]
    fn one_run_is_no_trouble() {
        let found = table(&[1.0], &[0], &[0]);
        check(&found.first, NONE, Some(ONE_LEVEL));
        assert_eq!(found.total.degrees_of_freedom, 0);
    }

    #[test]
    #[should_panic(expected = "1 levels for 2 runs")]
    fn lengths_that_differ_panic() {
        table(&[1.0, 2.0], &[0], &[0, 1]);
    }
}
