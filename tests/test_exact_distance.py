"""Radii against the exact distance to the decision boundary, which branch and bound finds in rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklip
from sklip import NetworkClassifier
from sklip.arithmetic import polar_factor
from sklip.certification import certificate, certified_radius
from tests.oracle import networks
from tests.oracle.boundary import nearest_change
from tests.oracle.tiny import Tiny, tiny_networks

NORMS = (1, 2, np.inf)
EXAMPLES = max(60, settings().max_examples)


def distance(nearest, norm):
    """The distance of the nearest point as a float."""
    return np.inf if nearest is None else float(nearest.size) ** (0.5 if norm == 2 else 1.0)


def tiny(kernels, biases, between=(), center=None):
    """A network from nested lists."""
    kernels = tuple(np.array(kernel, dtype=float) for kernel in kernels)
    center = np.zeros(len(kernels[0])) if center is None else np.array(center, dtype=float)
    return Tiny(center, kernels, tuple(np.array(bias, dtype=float) for bias in biases), between)


def served(network):
    return NetworkClassifier(network=network).serve()


# The oracle -------------------------------------------------------------------------------------

BY_HAND = [
    # One score 3 x + 4 y − 5 at the origin: the line is at 1; only y moves; a unit of y counts double.
    (tiny([[[3], [4]]], [[-5]]), (0, 0), 2, None, 1),
    (tiny([[[3], [4]]], [[-5]]), (0, 0), 1, None, Fraction(5, 4)),
    (tiny([[[3], [4]]], [[-5]]), (0, 0), np.inf, None, Fraction(5, 7)),
    (tiny([[[3], [4]]], [[-5]]), (0, 0), 2, (0.0, 1.0), Fraction(25, 16)),
    (tiny([[[3], [4]]], [[-5]]), (0, 0), 1, (1.0, 2.0), Fraction(5, 8)),
    # |x − 1| − 1/4: at 3/4 and at 5/4.
    (tiny([[[1]], [[1]]], [[0], [-0.25]], (("abs",),), [1]), (0.0,), 2, None, Fraction(9, 16)),
    # max(x, y) at (−1, −2): its boundary is two half-lines. At (1, 1), both must fall: the corner.
    (tiny([np.eye(2), [[0], [1]]], [[0, 0], [0]], (("groupsort2",),)), (-1, -2), 2, None, 1),
    (tiny([np.eye(2), [[0], [1]]], [[0, 0], [0]], (("groupsort2",),)), (1, 1), 2, None, 2),
    (tiny([np.eye(2), [[0], [1]]], [[0, 0], [0]], (("groupsort2",),)), (1, 1), 1, None, 2),
    (tiny([np.eye(2), [[0], [1]]], [[0, 0], [0]], (("groupsort2",),)), (1, 1), np.inf, None, 1),
    # The middle of x, y, z from (1, 2, 3): two of them must fall to 0.
    (tiny([np.eye(3), [[0], [1], [0]]], [[0, 0, 0], [0]], (("fullsort",),)), (1, 2, 3), 2, None, 5),
    (tiny([np.eye(3), [[0], [1], [0]]], [[0, 0, 0], [0]], (("groupsort3",),)), (1, 2, 3), 1, None, 3),
    (tiny([np.eye(3), [[0], [1], [0]]], [[0, 0, 0], [0]], (("fullsort",),)), (1, 2, 3), np.inf, None, 2),
    # |x| + |y| − 2 inside the square: half its diagonal, or its side's distance.
    (tiny([np.eye(2), [[1], [1]]], [[0, 0], [-2]], (("abs",),)), (0, 0), 2, None, 2),
    (tiny([np.eye(2), [[1], [1]]], [[0, 0], [-2]], (("abs",),)), (0, 0), 1, None, 2),
    (tiny([np.eye(2), [[1], [1]]], [[0, 0], [-2]], (("abs",),)), (0, 0), np.inf, None, 1),
    # relu(x) + relu(y) never falls below −1/2 + 1.
    (tiny([np.eye(2), [[1], [1]]], [[0, 0], [0.5]], (("relu",),)), (3, 4), 2, None, None),
    # Three scores: x, y, and 1 twice.
    (tiny([[[1, 0, 0, 0], [0, 1, 0, 0]]], [[0, 0, 1, 1]]), (4, 1), 2, None, Fraction(9, 2)),
    (tiny([[[1, 0, 0, 0], [0, 1, 0, 0]]], [[0, 0, 1, 1]]), (4, 1), 1, None, 3),
    (tiny([[[1, 0, 0, 0], [0, 1, 0, 0]]], [[0, 0, 1, 1]]), (0, 0), 2, None, 0),
]  # fmt: skip


@pytest.mark.parametrize(("made", "row", "norm", "tolerances", "expected"), BY_HAND)
def test_the_oracle_finds_distances_that_are_known(made, row, norm, tolerances, expected):
    found = nearest_change(made.steps, row, norm, tolerances)
    assert found == expected if expected is None else found.size == expected


@pytest.mark.parametrize("norm", NORMS)
@given(made=tiny_networks(), seed=st.integers(0, 2**32 - 1))
def test_the_oracle_finds_a_point_of_the_boundary_and_none_is_nearer(norm, made, seed):
    assume(made.is_small)
    row, rng = made.rows[0], np.random.default_rng(seed)
    nearest = nearest_change(made.steps, row, norm)
    inside = 3.0
    if nearest is not None:
        scores = networks.scores(made.steps, nearest.point)
        assert scores[0] == 0 if len(scores) == 1 else sorted(scores)[-1] == sorted(scores)[-2]
        moved = [abs(there - Fraction(here)) for there, here in zip(nearest.point, row.tolist(), strict=True)]
        assert nearest.size == {1: sum(moved), 2: sum(m * m for m in moved), np.inf: max(moved)}[norm]
        inside = distance(nearest, norm) * (1 - 1e-12)
    directions = rng.standard_normal((200, len(row)))
    lengths = rng.uniform(0, 1, (200, 1)) ** 0.3 * inside
    others = row + directions / np.linalg.norm(directions, ord=norm, axis=1, keepdims=True) * lengths
    scores, others = made.network.scores(others), others.tolist()
    clear = np.abs(scores[:, 0]) if scores.shape[1] == 1 else np.diff(np.sort(scores, axis=1)[:, -2:])[:, 0]
    # Where two scores are nearest to a tie, rational arithmetic decides.
    for place in np.argsort(clear)[:10]:
        assert decided(made.steps, others[place]) == decided(made.steps, row)


def decided(steps, row):
    scores = networks.scores(steps, map(Fraction, row))
    return scores[0] > 0 if len(scores) == 1 else scores.index(max(scores))


# Radii ------------------------------------------------------------------------------------------


def assert_below(made, steps, model, row, norm, tolerances=None):
    """A radius is at most the exact distance, in rational arithmetic; both are returned, as floats."""
    radius = float(sklip.certified_radius(model, row[None], norm=norm, tolerances=tolerances)[0])
    nearest = nearest_change(steps, row, norm, tolerances)
    assert nearest is None or nearest.is_beyond(radius, norm), (radius, distance(nearest, norm))
    return radius, distance(nearest, norm)


@settings(max_examples=EXAMPLES)
@given(made=tiny_networks())
def test_no_radius_of_a_network_reaches_beyond_its_boundary(made):
    assume(made.is_small)
    for row, radius in zip(made.rows, certified_radius(made.network, made.rows), strict=True):
        nearest = nearest_change(made.steps, row)
        assert nearest is None or nearest.is_beyond(float(radius), 2), (radius, distance(nearest, 2))


@pytest.mark.parametrize("norm", NORMS)
@settings(max_examples=EXAMPLES)
@given(made=tiny_networks(n_scores=(1, 3)), data=st.data())
def test_no_radius_in_tolerances_reaches_beyond_the_boundary(norm, made, data):
    assume(made.is_small)
    tolerances = data.draw(st.sampled_from([None, [1e-3, 0.0, 2.0], [0.3, 0.7, 0.0]]))
    tolerances = tolerances and tolerances[: len(made.center)]
    assert_below(made, made.steps, served(made.network), made.rows[0], norm, tolerances)


@pytest.mark.parametrize("norm", NORMS)
@settings(max_examples=EXAMPLES)
@given(made=tiny_networks(n_scores=(1, 3)), seed=st.integers(0, 2**32 - 1))
def test_no_radius_before_a_scaler_reaches_beyond_the_boundary_in_raw_units(norm, made, seed):
    assume(made.is_small)
    scaler, raw = scaled(made, seed)
    model = make_pipeline(scaler, served(made.network))
    assert_below(made, [networks.standardised(scaler), *made.steps], model, raw[0], norm)


def scaled(made, seed):
    """A scaler of columns of unlike units, and raw rows that it takes for those of the network."""
    rng, width = np.random.default_rng(seed), len(made.center)
    units = 10.0 ** rng.uniform(-3, 3, width)
    scaler = StandardScaler().fit(units * (rng.standard_normal((20, width)) + 10.0 * rng.standard_normal(width)))
    return scaler, scaler.inverse_transform(made.rows)


SIZES = {"1e150, then 1e-150": (1e150, 1e-150), "1e-150, then 1e150": (1e-150, 1e150), "1e100": (1e100, 1.0)}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("norm", NORMS)
def test_no_radius_of_kernels_of_unlike_sizes_reaches_beyond_the_boundary(norm, sizes, rng):
    certified = 0
    for name in ("groupsort2", "maxmin", "relu", "abs"):
        kernels = sizes[0] * rng.standard_normal((2, 4)), sizes[1] * rng.standard_normal((4, 1))
        biases = sizes[0] * rng.standard_normal(4), sizes[0] * sizes[1] * rng.standard_normal(1)
        made = Tiny(np.zeros(2), kernels, biases, ((name,),), rng.standard_normal((2, 2)))
        certified += assert_below(made, made.steps, served(made.network), made.rows[0], norm)[0] > 0
    assert certified


def test_no_radius_of_a_network_of_many_regions_reaches_beyond_its_boundary(rng):
    kernels = tuple(polar_factor(rng.standard_normal(shape)) for shape in [(2, 4), (4, 4), (4, 3)])
    biases = tuple(rng.standard_normal(width) for width in (4, 4, 3))
    made = Tiny(np.zeros(2), kernels, biases, (("groupsort4",), ("fullsort", "abs")), rng.standard_normal((3, 2)))
    for row in made.rows:
        assert assert_below(made, made.steps, served(made.network), row, 2)[0] > 0


# Radii are close where they can be ---------------------------------------------------------------


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("behind", [False, True], ids=["alone", "behind a scaler"])
@given(made=tiny_networks(depths=(0,), n_scores=(1, 3), kinds=("normal", "small", "large")))
def test_the_radius_of_a_linear_network_is_the_distance(norm, behind, made):
    """Up to rounding, which counts where the row lies next to the boundary, as seen from the centre."""
    scaler, raw = scaled(made, 0)
    model, steps, row = served(made.network), made.steps, made.rows[0]
    if behind:
        model, steps, row = make_pipeline(scaler, model), [networks.standardised(scaler), *steps], raw[0]
    radius, exact = assert_below(made, steps, model, row, norm)
    assume(exact < np.inf)
    assert radius >= exact * (1 - 1e-9) - 1e-9 * np.linalg.norm(row)


@pytest.mark.parametrize(
    ("name", "width"), [("groupsort2", 2), ("groupsort3", 3), ("fullsort", 3), ("maxmin", 2), ("abs", 2)]
)
def test_some_radii_of_orthonormal_networks_are_the_distance(name, width):
    ratios = []
    for seed in range(6):
        made = orthonormal(seed, name, width)
        ratios += [np.divide(*assert_below(made, made.steps, served(made.network), row, 2)) for row in made.rows]
    assert max(ratios) > 1 - 1e-9


def orthonormal(seed, name, width, n_scores=1):
    """A network whose every gradient has norm 1: one hidden layer, as wide as the input."""
    rng = np.random.default_rng(seed)
    heads = rng.standard_normal((width, n_scores))
    kernels = polar_factor(rng.standard_normal((width, width))), heads / np.linalg.norm(heads, axis=0)
    biases = 0.3 * rng.standard_normal(width), 0.3 * rng.standard_normal(n_scores)
    return Tiny(rng.standard_normal(width), kernels, biases, ((name,),), rng.standard_normal((2, width)))


# The comparison can fail -------------------------------------------------------------------------


def grown(made, layer, factor=1.01):
    """The network with one kernel larger."""
    kernels = list(made.kernels)
    kernels[layer] = factor * kernels[layer]
    return Tiny(made.center, tuple(kernels), made.biases, made.between, made.rows)


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("n_scores", [1, 3])
@pytest.mark.parametrize("name", ["groupsort2", "fullsort", "maxmin", "abs"])
def test_a_kernel_that_grew_behind_the_certificate_is_caught(name, n_scores, layer):
    caught = 0
    for seed in range(6):
        known = orthonormal(seed, name, 2, n_scores)
        made = grown(known, layer)
        radii = certificate(known.network).radii(made.network.scores(made.rows), made.rows - made.center)
        found = [nearest_change(made.steps, row) for row in made.rows]
        assert all(
            nearest is None or nearest.is_beyond(float(radius), 2)
            for nearest, radius in zip(found, certified_radius(made.network, made.rows), strict=True)
        )
        caught += sum(
            nearest is not None and not nearest.is_beyond(float(radius), 2)
            for nearest, radius in zip(found, radii, strict=True)
        )
    assert caught


@pytest.mark.parametrize("norm", NORMS)
def test_a_radius_that_is_too_long_by_a_billionth_is_caught(norm, rng):
    made = Tiny(np.zeros(3), (rng.standard_normal((3, 1)),), (np.zeros(1),), (), rng.standard_normal((1, 3)))
    radius, _ = assert_below(made, made.steps, served(made.network), made.rows[0], norm)
    assert not nearest_change(made.steps, made.rows[0], norm).is_beyond(radius * (1 + 1e-9), norm)
