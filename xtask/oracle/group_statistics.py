"""Statistics of small random cases: scipy where it has the method, else the definition transcribed in numpy.

Transcriptions take another road than the crate: projections of the design matrix instead of sums over cells,
every permutation of the runs instead of the distinct labelings, root-finding by Brent instead of bisection, all
eigenvectors instead of two.

Usage: python group_statistics.py OUTPUT.json
"""

import itertools
import json
import math
import sys
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.optimize import brentq
from scipy.spatial.distance import cdist

SEED = 60


def data(random, shape, tied):
    """Numbers of few digits, so that JSON carries them exactly; small integers where ties are wanted."""
    return random.integers(0, 5, shape).astype(float) if tied else random.normal(size=shape).round(3)


def labels(random, first, second):
    return random.permutation([True] * first + [False] * second)


def energy_of(distances, first, second):
    """mn / (m + n) (2A - B - C), and its coefficient of inhomogeneity."""
    a = distances[np.ix_(first, second)].mean()
    b, c = (distances[np.ix_(group, group)].mean() for group in (first, second))
    energy, m, n = 2 * a - b - c, len(first), len(second)
    return m * n / (m + n) * energy, energy / (2 * a) if a > 0 else 0.0


def energy_case(random, first, second, columns, tied):
    rows, in_first = data(random, (first + second, columns), tied), labels(random, first, second)
    distances = cdist(rows, rows)
    groups = np.flatnonzero(in_first), np.flatnonzero(~in_first)
    value, inhomogeneity = energy_of(distances, *groups)
    test = stats.permutation_test(
        groups, lambda a, b: energy_of(distances, a, b)[0], n_resamples=np.inf, alternative="greater", vectorized=False)
    if columns == 1:
        apart = stats.energy_distance(rows[in_first, 0], rows[~in_first, 0])
        assert abs(first * second / (first + second) * apart**2 - value) < 1e-12
    return dict(rows=rows, in_first=in_first, statistic=value, inhomogeneity=inhomogeneity, p=test.pvalue,
                labelings=math.comb(first + second, first))


def max_t_case(random, first, second, columns, tied):
    """Westfall and Young's step-down maxT by its definition, over every labeling."""
    n = first + second
    rows, in_first = data(random, (n, columns), tied), labels(random, first, second)
    rows[in_first, 0] += 2
    def t(chosen):
        return np.abs(stats.ttest_ind(rows[chosen], rows[~chosen]).statistic)
    observed = t(in_first)
    every = np.array([t(np.isin(np.arange(n), chosen)) for chosen in itertools.combinations(range(n), first)])
    order, slack = np.argsort(-observed, kind="stable"), observed * (1 - 1e-12)
    adjusted, risen = np.zeros(columns), 0.0
    for place, column in enumerate(order):
        risen = max(risen, (every[:, order[place:]].max(axis=1) >= slack[column]).mean())
        adjusted[column] = risen
    return dict(rows=rows, in_first=in_first, statistics=observed, p=(every >= slack).mean(axis=0), adjusted_p=adjusted)


def holm_case(random, count):
    """The adjusted p of rank j: the largest of min(1, (count - i + 1) p_i) over the ranks i up to j."""
    p = (random.random(count) ** 3).round(4)
    ranked = np.sort(p)
    stepped = np.minimum(1, (count - np.arange(count)) * ranked)
    return dict(p=p, adjusted=[stepped[ranked <= value].max() for value in p])


def newcombe_5(theta, m, n, z):
    """Newcombe (2006), method 5: where the score equation crosses zero on both sides of the estimate."""
    k = (m + n) / 2 - 1
    def score(t):
        return (theta - t) ** 2 - z**2 * t * (1 - t) * (1 + k * (1 - t) / (2 - t) + k * t / (1 + t)) / (m * n)
    near, tight = 1e-12, dict(xtol=1e-15, rtol=1e-14)
    return (0.0 if theta == 0 else brentq(score, 0, min(theta, 1 - near), **tight),
            1.0 if theta == 1 else brentq(score, max(theta, near), 1, **tight))


def cliff_case(random, m, n, confidence, shift, tied):
    first, second = data(random, m, tied) + shift, data(random, n, tied)
    theta = stats.mannwhitneyu(first, second).statistic / (m * n)
    lower, upper = newcombe_5(theta, m, n, stats.norm.isf((1 - confidence) / 2))
    return dict(first=first, second=second, confidence=confidence, value=2 * theta - 1, lower=2 * lower - 1,
                upper=2 * upper - 1)


def ks_case(random, m, n, shift, tied):
    """p in the limit of large samples; beside it scipy's, which takes the distribution for the harmonic sample size."""
    first, second = data(random, m, tied) + shift, data(random, n, tied)
    test = stats.ks_2samp(first, second, method="asymp")
    limit = stats.kstwobign.sf(np.sqrt(m * n / (m + n)) * test.statistic)
    return dict(first=first, second=second, statistic=test.statistic, p=limit, p_of_scipy=test.pvalue)


def binomial_case(successes, trials, confidence):
    ends = stats.binomtest(successes, trials).proportion_ci(confidence, method="exact")
    return dict(successes=successes, trials=trials, confidence=confidence, lower=ends.low, upper=ends.high)


def robust_case(random, count, tied):
    values, probability = data(random, count, tied), round(random.random(), 3)
    return dict(values=values, median=np.median(values), mad=stats.median_abs_deviation(values),
                deviation=stats.median_abs_deviation(values, scale="normal"), probability=probability,
                quantile=np.quantile(values, probability, method="linear"))


def projection(*factors):
    """The hat matrix of the indicators of factors and the constant."""
    columns = [np.ones(len(factors[0]))] if factors else []
    columns += [factor == level for factor in factors for level in np.unique(factor)]
    design = np.array(columns, float).T
    return design @ np.linalg.pinv(design)


def gower(distances):
    n = len(distances)
    center = np.eye(n) - 1 / n
    return -0.5 * center @ distances**2 @ center


class Model:
    """Sequential projections of two factors and their interaction."""

    def __init__(self, first, second):
        n, cell = len(first), first * (second.max() + 1) + second
        constant, both = np.full((n, n), 1 / n), projection(first, second)
        hats = [constant, projection(first), both, projection(cell), np.eye(n)]
        self.additive, self.parts = both, [after - before for before, after in zip(hats, hats[1:])]
        self.freedom = [round(np.trace(part)) for part in self.parts]

    def squares(self, products):
        return [np.sum(part * products) for part in self.parts]

    def f(self, products, term):
        squares = self.squares(products)
        return squares[term] / self.freedom[term] / (squares[3] / self.freedom[3])


def share_at_least(values, observed):
    return float(np.mean(np.array(values) >= observed * (1 - 1e-10)))


def within(strata):
    """Every permutation of the runs that keeps each within its stratum."""
    places = [np.flatnonzero(strata == level) for level in np.unique(strata)]
    for orders in itertools.product(*(itertools.permutations(place) for place in places)):
        order = np.zeros(len(strata), int)
        for place, own in zip(places, orders):
            order[place] = own
        yield order


def permanova_case(random, cells, tests):
    """`cells[i][j]` runs at the levels i and j. Every permutation of the runs is looked at where `tests` are wanted."""
    pairs = [(i, j) for i, row in enumerate(cells) for j, count in enumerate(row) for _ in range(count)]
    first, second = random.permutation(pairs).T
    rows = (random.normal(size=(len(first), 3)) + np.outer(first, [1, 0, 1]) + np.outer(second, [0, 0.5, 0])).round(3)
    products, model = gower(cdist(rows, rows)), Model(first, second)
    squares = model.squares(products)
    case = dict(rows=rows, first=first, second=second, degrees_of_freedom=model.freedom, sums_of_squares=squares,
                pseudo_f=[model.f(products, term) for term in range(3)],
                r2=np.array(squares) / np.trace(products), p=None)
    if tests:
        left = (np.eye(len(first)) - model.additive) @ products @ (np.eye(len(first)) - model.additive)
        orders = [list(within(second)), list(within(first)), list(within(0 * first))]
        tables = [products, products, left]
        case["p"] = [
            share_at_least([model.f(table[np.ix_(order, order)], term) for order in every], model.f(table, term))
            for term, (table, every) in enumerate(zip(tables, orders))]
    return case


def one_factor_case(random, sizes):
    levels = random.permutation([level for level, size in enumerate(sizes) for _ in range(size)])
    rows = (random.normal(size=(len(levels), 2)) + 0.8 * levels[:, None]).round(3)
    products, hat, n = gower(cdist(rows, rows)), projection(levels), len(levels)
    def f(order):
        between = np.sum(hat * products[np.ix_(order, order)])
        return between / (len(sizes) - 1) / ((np.trace(products) - between) / (n - len(sizes)))
    observed = f(np.arange(n))
    p = share_at_least([f(order) for order in within(0 * levels)], observed)
    return dict(rows=rows, levels=levels, pseudo_f=observed, p=p)


def mds_case(random, n, columns):
    rows = (random.normal(size=(n, columns)) * np.geomspace(3, 0.3, columns)).round(3)
    values, vectors = np.linalg.eigh(gower(cdist(rows, rows)))
    values[values < 1e-12 * values.max()] = 0
    points = vectors[:, [-1, -2]] * np.sqrt(values[[-1, -2]])
    points *= np.sign(points[np.abs(points).argmax(axis=0), [0, 1]])
    return dict(rows=rows, points=points, explained=values[-2:].sum() / values.sum())


def cases():
    random = np.random.default_rng(SEED)
    sizes = [(2, 3), (2, 2), (3, 4), (5, 5), (6, 3), (4, 4)]
    both = [(*size, tied) for size in sizes for tied in (False, True)]
    return {
        "energy": [energy_case(random, m, n, columns, tied) for m, n, tied in both for columns in (1, 4)],
        "max_t": [max_t_case(random, m, n, 6, False) for m, n in sizes],
        "holm": [holm_case(random, count) for count in (1, 2, 4, 4, 9)],
        "cliff": [cliff_case(random, m, n, confidence, shift, tied) for m, n, tied in both
                  for confidence, shift in [(0.95, 0.0), (0.95, 1.0), (0.99, 9.0), (0.9, -9.0)]],
        "ks": [ks_case(random, m, n, shift, tied) for m, n in [(1, 3), (8, 5), (40, 60), (300, 300), (250, 400)]
               for shift in (0.0, 0.1, 0.5) for tied in (False, True)],
        "binomial": [binomial_case(k, n, confidence) for n in (1, 2, 7, 40, 1000)
                     for k in sorted({0, 1, n // 3, n // 2, n - 1, n}) for confidence in (0.9, 0.95, 0.99)],
        "robust": [robust_case(random, count, tied) for count in (1, 2, 3, 8, 15) for tied in (False, True)],
        "permanova": [permanova_case(random, cells, tests) for cells, tests in [
            ([[2, 2], [2, 2]], True), ([[2, 1], [1, 3]], True), ([[1, 2], [2, 1], [1, 1]], True),
            ([[5] * 4] * 2, False), ([[3] * 3] * 3, False), ([[2, 4, 3], [5, 1, 2]], False)]],
        "one_factor": [one_factor_case(random, sizes) for sizes in [(3, 3), (2, 4), (2, 2, 3), (2, 2, 2, 2)]],
        "mds": [mds_case(random, n, columns) for n, columns in [(2, 1), (3, 2), (5, 3), (12, 6), (13, 6), (40, 10)]],
    }


def plain(value):
    """Lists and numbers; a figure keeps 13 digits, so that another processor's rounding rarely shows."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(part) for part in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    return float(f"{value:.13g}") if isinstance(value, float) else value


def main(output):
    lines = []
    for name, every in cases().items():
        print(f"  {name}: {len(every)} cases")
        lines.append(f'"{name}": [\n' + ",\n".join(json.dumps(plain(case)) for case in every) + "\n]")
    Path(output).write_text("{\n" + ",\n".join(lines) + "\n}\n")


main(sys.argv[1])
