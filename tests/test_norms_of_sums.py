"""Bounds of a network after a matrix, plus a linear function: never below what is attained, and close to it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklip.arithmetic.norms_of_sums import diagonal_norm_bound, sum_norm_bound

NORMS = [1, 2, np.inf]


def attained(matrix, linear, norm, steps=200, starts=20):
    """The largest ``‖B δ‖ + |ℓ · δ|`` that a search in the ball finds: its maximum is convex, so it is at the edge."""
    rng = np.random.default_rng(0)
    best = 0.0
    for _ in range(starts):
        delta = rng.standard_normal(matrix.shape[1])
        for _ in range(steps):
            image = matrix @ delta
            length = np.linalg.norm(image)
            slope = (matrix.T @ image / length if length > 0 else 0.0) + np.copysign(1.0, linear @ delta) * linear
            if norm == 2:
                delta = slope / max(np.linalg.norm(slope), 1e-300)
            elif norm == np.inf:
                delta = np.where(slope < 0, -1.0, 1.0)
            else:
                delta = np.eye(len(slope))[np.abs(slope).argmax()] * np.sign(slope[np.abs(slope).argmax()] or 1.0)
            best = max(best, np.linalg.norm(matrix @ delta) + abs(linear @ delta))
    return best


def problem(seed, m, d, decades):
    rng = np.random.default_rng(seed)
    sizes = 10.0 ** rng.uniform(-decades, decades, d)
    linear = rng.standard_normal(d) * (rng.random(d) < 0.6)
    return rng.standard_normal((m, d)) * sizes, linear * sizes


@pytest.mark.parametrize("norm", NORMS)
@given(seed=st.integers(0, 10**6), m=st.integers(1, 6), d=st.integers(1, 6), decades=st.sampled_from([0.0, 2.0]))
def test_bounds_are_above_what_a_search_attains(norm, seed, m, d, decades):
    matrix, linear = problem(seed, m, d, decades)
    found = attained(matrix, linear, norm, steps=20, starts=5)
    assert found <= sum_norm_bound(matrix, linear, norm) * (1 + 1e-14)
    assert found <= sum_norm_bound(matrix + 1e-3, linear, norm, 1e-3 * np.sqrt(m * d) * 1.001) * (1 + 1e-14)


@pytest.mark.parametrize("seed", range(20))
def test_bounds_in_the_euclidean_norm_and_in_l1_are_attained(seed):
    matrix, linear = problem(seed, 4, 5, 0.5)
    for norm in (1, 2):
        assert sum_norm_bound(matrix, linear, norm) <= attained(matrix, linear, norm) * (1 + 1e-4)
    diagonal = np.abs(matrix[0]) * np.array([1, 1, 0, 1, 1])
    for norm in NORMS:
        found = attained(np.diag(diagonal), linear, norm)
        assert found * (1 - 1e-12) <= diagonal_norm_bound(diagonal, norm, linear) <= found * (1 + 1e-4)


@given(seed=st.integers(0, 10**6), d=st.integers(1, 8), norm=st.sampled_from(NORMS))
def test_a_diagonal_has_the_bound_of_its_matrix(seed, d, norm):
    entries, linear = problem(seed, 1, d, 1.0)
    entries = np.abs(entries[0])
    of_matrix = sum_norm_bound(np.diag(entries), linear, norm)
    assert diagonal_norm_bound(entries, norm, linear) == pytest.approx(of_matrix, rel=1e-6)
    assert diagonal_norm_bound(entries, norm) <= diagonal_norm_bound(entries, norm, linear)


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e-150, 1e-100, 1e-78, 1e78, 1e100, 1e150, 1e300])
@pytest.mark.parametrize("norm", NORMS)
def test_units_do_not_matter(size, norm):
    matrix, linear = np.array([[1.0, 0.3], [0.2, 0.5]]), np.array([0.7, 0.2])
    with np.errstate(over="raise", invalid="raise"):
        scaled = sum_norm_bound(matrix * size, linear * size, norm)
        of_diagonal = diagonal_norm_bound(matrix[0] * size, norm, linear * size)
    assert attained(matrix, linear, norm) * (1 - 1e-14) <= scaled / size
    assert scaled / size == pytest.approx(sum_norm_bound(matrix, linear, norm), rel=1e-6)
    assert attained(np.diag(matrix[0]), linear, norm) * (1 - 1e-14) <= of_diagonal / size
    assert of_diagonal / size == pytest.approx(diagonal_norm_bound(matrix[0], norm, linear), rel=1e-6)


def test_budgets_of_fronts_come_out_at_1():
    for count in (1, 3, 30):
        rng = np.random.default_rng(count)
        rows = rng.standard_normal((count, 40))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        for aligned in (rows, np.tile(rows[:1], (count, 1))):
            size = np.sqrt(1 / (8 * count))
            matrix = np.vstack([size * aligned, np.sqrt(0.5) * np.eye(40)]).T
            linear = np.concatenate([np.full(count, size), np.zeros(40)])
            assert sum_norm_bound(matrix, linear, 2) <= 1 + 1e-12
        assert sum_norm_bound(matrix, linear, 2) == pytest.approx(1.0, abs=1e-6)  # it is needed for aligned rows


@pytest.mark.parametrize("norm", NORMS)
def test_numbers_that_overflow_and_zeros(norm):
    assert sum_norm_bound(np.full((2, 2), 1e200), np.array([1e200, 0.0]), norm) >= 1e200
    assert sum_norm_bound(np.full((2, 2), np.inf), np.ones(2), norm) == np.inf
    assert sum_norm_bound(np.zeros((2, 2)), np.zeros(2), norm) < 1e-300
    assert diagonal_norm_bound(np.array([1e200, 1.0]), norm, np.array([1e200, 0.0])) >= 2e200
    assert diagonal_norm_bound(np.zeros(3), norm, np.zeros(3)) < 1e-300
