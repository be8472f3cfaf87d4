"""No row inside a certified radius is predicted otherwise, whatever the estimator, the rows and the file.

``benchmarks/bench_fuzz.py`` draws more of them.
"""

import importlib
import sys
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from sklip import NetworkClassifier
from sklip.certification import operator_norm_bound, spectral_norm_bound
from tests.fuzz.balls import strictly_inside
from tests.fuzz.case import Case, draw_case
from tests.fuzz.containers import Container, draw_container
from tests.fuzz.draws import generator_of
from tests.fuzz.hunt import certificates, hunt
from tests.fuzz.judge import network_faults, pipeline_faults, transport_faults
from tests.fuzz.magnitudes import draw_values
from tests.fuzz.networks import draw_network
from tests.helpers import REPOSITORY, network_of, random_network

SEED, BLOCKS, CASES = 0, 10, 25


@pytest.fixture(scope="module")
def benchmark():
    sys.path.insert(0, str(REPOSITORY / "benchmarks"))
    yield importlib.import_module("bench_fuzz")
    sys.path.remove(str(REPOSITORY / "benchmarks"))


def plain_rows():
    """Rows of float64 in an array."""
    limits = (float(np.finfo(float).smallest_normal), float(np.finfo(float).max))
    return Container("array", np.array, lambda rows: [rows], np.array, limits)


def linear_case(seed=0, n_scores=1, norm=2):
    """Rows of a linear network, whose certificate is the distance itself up to rounding."""
    rng = generator_of(seed, 0)
    values = rng.standard_normal((20, 3))
    classifier = NetworkClassifier(network=random_network(rng, (3, n_scores))).serve()
    return Case(seed, 0, "alone", classifier, plain_rows(), values, "none", norm, None, {}, rng=rng)


# Pairs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", range(BLOCKS))
def test_no_row_inside_a_radius_is_predicted_otherwise(benchmark, block):
    cases = [benchmark.run(SEED, number) for number in range(block * CASES, (block + 1) * CASES)]
    inside = [
        f"{case['estimator']}, {case['rows']}, {case['file']}: {case['broken'][0]}" for case in cases if case["broken"]
    ]
    assert not inside, "\n".join(inside)
    assert not [(case["number"], case["faults"]) for case in cases if case["faults"]]
    assert not [case["number"] for case in cases if case.get("altered")]
    # The cases are worth it: most are answered, by many pairs each.
    answered = [case for case in cases if "not built" not in case and case["refused"] is None]
    assert len(answered) > CASES / 2
    assert sum(case["pairs"] for case in cases) > 200 * len(answered)
    assert max(case.get("tightest", 0.0) for case in cases) > 0.99


def test_cases_follow_from_the_seed_and_their_number(tmp_path):
    first, again = (hunt(draw_case(SEED, 3, tmp_path)) for _ in range(2))
    assert first.pairs == again.pairs > 0
    assert (first.certified, first.tightest) == (again.certified, again.tightest)
    assert not np.array_equal(draw_case(SEED, 3, tmp_path).values, draw_case(SEED + 1, 3, tmp_path).values)


def test_cases_are_of_every_kind(tmp_path):
    kinds, containers, files = Counter(), Counter(), Counter()
    for number in range(300):
        try:
            case = draw_case(SEED, number, tmp_path)
        except Exception:
            continue
        kinds[case.kind] += 1
        containers[case.container.name.split()[0]] += 1
        files[case.file] += 1
    assert set(kinds) == {"alone", "vote", "threshold", "calibrated", "search", "frozen"}
    assert {"C", "Fortran", "strided", "read-only", "mapped", "list", "pandas", "polars", "csr_matrix"} <= set(
        containers
    )
    assert {"none", "pickle", "joblib", "mapped r", "mapped c", "skops", "rewritten"} <= set(files)
    assert sum(kinds.values()) > 280


# The hunt can fail ------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", [1, 2, np.inf])
@pytest.mark.parametrize("n_scores", [1, 3])
def test_radii_that_are_too_long_by_a_billionth_are_caught(norm, n_scores):
    def longer(case, rows):
        radii, fixed = certificates(case, rows)
        return np.asarray(radii) * (1 + 1e-9), fixed

    assert not hunt(linear_case(n_scores=n_scores, norm=norm)).broken
    found = [hunt(linear_case(seed, n_scores, norm), certify=longer).broken for seed in range(4)]
    assert sum(map(bool, found)) >= 3


def test_doubled_radii_of_deep_networks_are_caught():
    def doubled(case, rows):
        radii, fixed = certificates(case, rows)
        return 2 * np.asarray(radii), fixed

    case = linear_case()
    network = random_network(case.rng, (3, 4, 4, 1))
    case.estimator = NetworkClassifier(network=network).serve()
    assert not hunt(case).broken
    assert hunt(case, certify=doubled).broken


def test_pairs_that_are_found_say_how_to_see_them_again():
    case = linear_case()
    pair = hunt(case, certify=lambda case, rows: (np.full(len(rows), 100.0), [])).broken[0]
    labels = case.estimator.predict(np.array([pair.row, pair.other]))
    assert tuple(map(str, labels)) == pair.labels
    assert np.linalg.norm(np.subtract(pair.row, pair.other)) < pair.radius
    assert (pair.seed, pair.number) == (0, 0)


@pytest.mark.parametrize("norm", [1, 2, np.inf])
def test_balls_are_open_and_exact(norm):
    before, units = np.zeros((1, 2)), np.array([2.0, 0.0])
    radius = np.array([0.1])
    at = np.array([[2 * 0.1, 0.0]])
    inner = np.array([[np.nextafter(0.2, 0), 0.0]])
    assert not strictly_inside(before, at, radius, norm=norm, units=units)[0]
    assert strictly_inside(before, inner, radius, norm=norm, units=units)[0]
    assert not strictly_inside(before, np.array([[inner[0, 0], 1e-300]]), radius, norm=norm, units=units)[0]
    assert strictly_inside(before, np.array([[1e308, 0.0]]), np.array([np.inf]), norm=norm, units=units)[0]
    tiny = np.array([[5e-324, 0.0]])
    assert strictly_inside(before, tiny, np.array([5e-324]), norm=norm, units=units)[0]


# Exact arithmetic -------------------------------------------------------------------------------


@pytest.mark.parametrize("block", range(4))
def test_scores_constants_and_linear_distances_of_networks(block):
    faults, refused = {}, 0
    for number in range(300 * block, 300 * (block + 1)):
        rng = generator_of(1, number)
        rows = draw_values(rng, 3, int(rng.integers(1, 6)), plain_rows())
        try:
            network = draw_network(rng, rows)
        except ValueError:  # weights that no network may have
            refused += 1
            continue
        found = network_faults(network, rows)
        if found:
            faults[number] = found[0]
    assert not faults
    assert refused < 60


@pytest.mark.parametrize("block", range(4))
def test_constants_and_linear_distances_of_pipelines(block, tmp_path):
    faults = {}
    for number in range(1000 + 30 * block, 1000 + 30 * (block + 1)):
        try:
            case = draw_case(SEED, number, tmp_path)
        except Exception:
            continue
        found = pipeline_faults(case)
        if found:
            faults[number] = found[0]
    assert not faults


def test_lower_bounds_of_wasserstein_distances():
    faults = {number: found for number in range(1500) if (found := transport_faults(generator_of(2, number)))}
    assert not faults


@pytest.mark.parametrize("number", range(20))
def test_norms_of_matrices_are_bounded_from_above(number):
    mpmath = pytest.importorskip("mpmath")
    rng = generator_of(3, number)
    matrix = draw_network(rng, draw_values(rng, 5, int(rng.integers(1, 6)), plain_rows())).operations[1].kernel
    with mpmath.workdps(80):
        exact = max(mpmath.svd_r(mpmath.matrix(matrix.tolist()), compute_uv=False))
        assert mpmath.mpf(spectral_norm_bound(matrix)) >= exact * (1 - mpmath.mpf(10) ** -70)
        assert mpmath.mpf(operator_norm_bound(matrix, np.inf, 0.0)) >= exact * (1 - mpmath.mpf(10) ** -70)
        longest = max(mpmath.norm(mpmath.matrix(column.tolist())) for column in matrix.T)
        assert mpmath.mpf(operator_norm_bound(matrix, 1, 0.0)) >= longest * (1 - mpmath.mpf(10) ** -70)


def test_exact_arithmetic_can_find_faults(monkeypatch):
    from tests.fuzz import judge

    rng = generator_of(4, 0)
    network, rows = random_network(rng, (3, 4, 1)), rng.standard_normal((5, 3))
    linear = network_of(network.center, (np.ones((3, 1)),), (np.zeros(1),), ())
    assert not network_faults(network, rows)
    assert not network_faults(linear, rows)
    scores_and_errors, certified_radius = judge.scores_and_errors, judge.certified_radius
    monkeypatch.setattr(judge, "certified_radius", lambda *rows: certified_radius(*rows) * (1 + 1e-9))
    assert "exact distance" in network_faults(linear, rows)[0]
    monkeypatch.setattr(judge, "scores_and_errors", lambda *rows: (scores_and_errors(*rows)[0], np.zeros(5)))
    assert "is off by" in network_faults(network, rows)[0]
    assert judge.dual_norm_exceeds((Fraction(3), Fraction(4)), (1.0, 1.0), 2, Fraction(4999, 1000))
    assert not judge.dual_norm_exceeds((Fraction(3), Fraction(4)), (1.0, 1.0), 2, Fraction(5))


def test_containers_hold_the_values_that_they_are_given(tmp_path):
    seen = Counter()
    for number in range(400):
        rng = generator_of(5, number)
        width = int(rng.integers(1, 6))
        container = draw_container(rng, width, tmp_path)
        values = draw_values(rng, 6, width, container)
        wide = container.readings(container.wide(values))[0]
        np.testing.assert_array_equal(wide, values)
        held = container.readings(container.make(values))[0]
        assert held.shape == values.shape
        assert np.isfinite(held).all()
        if container.integer:
            np.testing.assert_array_equal(held, values)
        seen[container.name] += 1
    assert len(seen) > 150
