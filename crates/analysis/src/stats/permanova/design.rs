//! Two crossed factors as cells of runs, and orthonormal bases of what each term of the model can explain. Knows no distances.

/// The design of two factors and their interaction.
pub(super) struct Design {
    /// The levels of each run, counted from 0, of both factors.
    factors: [Vec<usize>; 2],
    /// How many levels each factor has.
    levels: [usize; 2],
    /// The cell of each run, `first * levels[1] + second`.
    cells: Vec<usize>,
    /// How many runs each cell has.
    counts: Vec<f64>,
    /// Of the first factor, the second and the interaction: orthonormal vectors, which are constant within a cell and so have an entry
    /// a cell.
    bases: [Vec<Vec<f64>>; 3],
    /// The constant vector: the part of the grand mean.
    constant: Vec<f64>,
}

/// What remains of a vector, relative to its length, that is taken for rounding.
const DEPENDENT: f64 = 1e-9;

impl Design {
    pub(super) fn new(first: &[usize], second: &[usize]) -> Design {
        let (factors, levels) = {
            let ((first, a), (second, b)) = (dense(first), dense(second));
            ([first, second], [a, b])
        };
        let cells: Vec<usize> = factors[0].iter().zip(&factors[1]).map(|(a, b)| a * levels[1] + b).collect();
        let mut counts = vec![0.0; levels[0] * levels[1]];
        cells.iter().for_each(|cell| counts[*cell] += 1.0);
        let mut design = Design { factors, levels, cells, counts, bases: Default::default(), constant: Vec::new() };
        let mut basis = Basis::new(&design.counts);
        design.constant = basis.extend(vec![vec![1.0; design.counts.len()]]).remove(0);
        design.bases = [0, 1, 2].map(|term| basis.extend(design.indicators(term)));
        design
    }

    pub(super) fn levels(&self) -> [usize; 2] {
        self.levels
    }

    /// The level of each run.
    pub(super) fn factor(&self, factor: usize) -> &[usize] {
        &self.factors[factor]
    }

    /// The cell of each run.
    pub(super) fn cells(&self) -> &[usize] {
        &self.cells
    }

    /// The cell of a level of a factor and a level of the other.
    pub(super) fn cell(&self, factor: usize, own: usize, other: usize) -> usize {
        if factor == 0 { own * self.levels[1] + other } else { other * self.levels[1] + own }
    }

    pub(super) fn counts(&self) -> &[f64] {
        &self.counts
    }

    /// The orthonormal basis of a term, an entry a cell.
    pub(super) fn basis(&self, term: usize) -> &[Vec<f64>] {
        &self.bases[term]
    }

    /// The orthonormal basis of the additive model: the grand mean and both factors.
    pub(super) fn additive(&self) -> impl Iterator<Item = &Vec<f64>> {
        std::iter::once(&self.constant).chain(&self.bases[0]).chain(&self.bases[1])
    }

    /// Of the first factor, the second, the interaction and the residual.
    pub(super) fn degrees_of_freedom(&self) -> [usize; 4] {
        let [first, second, interaction] = [0, 1, 2].map(|term| self.bases[term].len());
        [first, second, interaction, self.cells.len() - 1 - first - second - interaction]
    }

    /// How many degrees of freedom a factor has beside the other one.
    pub(super) fn beside_the_other(&self, factor: usize) -> usize {
        let mut basis = Basis::new(&self.counts);
        basis.extend(vec![vec![1.0; self.counts.len()]]);
        basis.extend(self.indicators(1 - factor));
        basis.extend(self.indicators(factor)).len()
    }

    /// Whether the factors are orthogonal: every cell has its share of runs, so that the order of the terms does not matter.
    pub(super) fn is_balanced(&self) -> bool {
        let runs = self.cells.len() as f64;
        let of = |factor: usize, level: usize| self.factors[factor].iter().filter(|l| **l == level).count() as f64;
        (0..self.counts.len()).all(|cell| {
            let (a, b) = (cell / self.levels[1], cell % self.levels[1]);
            self.counts[cell] * runs == of(0, a) * of(1, b)
        })
    }

    pub(super) fn has_empty_cell(&self) -> bool {
        self.counts.contains(&0.0)
    }

    /// The indicators of the levels of a factor, or of the cells.
    fn indicators(&self, term: usize) -> Vec<Vec<f64>> {
        let place = |cell: usize| match term {
            0 => cell / self.levels[1],
            1 => cell % self.levels[1],
            _ => cell,
        };
        let many = [self.levels[0], self.levels[1], self.counts.len()][term];
        let indicator = |k| (0..self.counts.len()).map(|cell| f64::from(u8::from(place(cell) == k))).collect();
        (0..many).map(indicator).collect()
    }
}

/// Levels counted from 0 in ascending order, and how many there are.
fn dense(levels: &[usize]) -> (Vec<usize>, usize) {
    let mut names = levels.to_vec();
    names.sort_unstable();
    names.dedup();
    let place = |level: &usize| names.binary_search(level).expect("every level is among the names");
    (levels.iter().map(place).collect(), names.len())
}

/// A growing orthonormal basis of vectors over cells, a cell counting as often as it has runs.
struct Basis<'a> {
    counts: &'a [f64],
    vectors: Vec<Vec<f64>>,
}

impl<'a> Basis<'a> {
    fn new(counts: &'a [f64]) -> Self {
        Basis { counts, vectors: Vec::new() }
    }

    /// Adds what is new in these vectors, and returns it (Gram and Schmidt, twice against rounding).
    fn extend(&mut self, vectors: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
        let before = self.vectors.len();
        for mut vector in vectors {
            let length = self.dot(&vector, &vector).sqrt();
            for _ in 0..2 {
                for known in &self.vectors {
                    let shared = self.dot(&vector, known);
                    vector.iter_mut().zip(known).for_each(|(x, y)| *x -= shared * y);
                }
            }
            let left = self.dot(&vector, &vector).sqrt();
            if left > DEPENDENT * length {
                vector.iter_mut().for_each(|x| *x /= left);
                self.vectors.push(vector);
            }
        }
        self.vectors[before..].to_vec()
    }

    fn dot(&self, a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).zip(self.counts).map(|((x, y), count)| count * x * y).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(first: &[usize], second: &[usize], freedom: [usize; 4], beside: [usize; 2], balanced: bool, empty: bool) {
        let design = Design::new(first, second);
        assert_eq!(design.degrees_of_freedom(), freedom);
        assert_eq!([0, 1].map(|factor| design.beside_the_other(factor)), beside);
        assert_eq!((design.is_balanced(), design.has_empty_cell()), (balanced, empty));
    }

    #[test]
    fn designs_are_counted() {
        // Balanced, two runs a cell; the names of levels do not matter.
        check(&[5, 5, 5, 5, 9, 9, 9, 9], &[0, 0, 1, 1, 0, 0, 1, 1], [1, 1, 1, 4], [1, 1], true, false);
        // Proportional, not equal, counts.
        check(&[0, 0, 0, 1, 1, 1], &[0, 1, 1, 0, 1, 1], [1, 1, 1, 2], [1, 1], true, false);
        // Aliased.
        check(&[0, 0, 1, 1], &[3, 3, 4, 4], [1, 0, 0, 2], [0, 0], false, true);
        // An empty cell.
        check(&[0, 0, 1, 1], &[0, 1, 0, 0], [1, 1, 0, 1], [1, 1], false, true);
        // One level.
        check(&[0, 0, 1, 1], &[0; 4], [1, 0, 0, 2], [1, 0], true, false);
        // The second nested in the first.
        check(&[0, 0, 1, 1], &[0, 1, 2, 3], [1, 2, 0, 0], [0, 2], false, true);
    }
}
