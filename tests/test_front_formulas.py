"""The front: budgets of its weights, the map that they make, and its Keras layer in files."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sklip
from sklip.arithmetic.norms_of_sums import diagonal_norm_bound, sum_norm_bound
from sklip.front_formulas import FIXED_BUDGET, Front
from sklip.served import Diagonal
from tests.helpers import as_array

NORMS = [1, 2, np.inf]


@st.composite
def fronts(draw):
    """Fronts of a few columns, with weights that are nowhere near their budgets."""
    n_movable, n_fixed = draw(st.integers(1, 5)), draw(st.integers(0, 3))
    directions = draw(st.lists(st.sampled_from([-1, 0, 1]), min_size=n_movable + n_fixed, max_size=n_movable + n_fixed))
    front = Front(draw(st.sampled_from(NORMS)), n_movable, n_fixed, tuple(directions) if any(directions) else ())
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    return front, [10.0 * rng.standard_normal(shape) for shape in front.shapes]


def matrix_of(operation):
    return np.diag(operation.factors) if isinstance(operation, Diagonal) else operation.kernel


@given(fronts())
def test_the_map_and_its_linear_function_are_1_lipschitz_in_the_norm(given):
    front, weights = given
    operation = front.operation(front.on_budget(weights))
    matrix, directed = matrix_of(operation), front.directed > 0
    movable = matrix[: front.n_movable]
    linear = np.linalg.norm(movable, axis=1) * directed
    assert sum_norm_bound(movable.T, linear, front.norm) <= 1 + 1e-12
    if isinstance(operation, Diagonal):
        assert diagonal_norm_bound(operation.factors, front.norm, linear) <= 1 + 1e-12
    assert np.linalg.norm(matrix[front.n_movable :]) <= FIXED_BUDGET * (1 + 1e-12)


@given(fronts())
def test_weights_within_their_budgets_stay_as_they_are(given):
    front, weights = given
    once = front.on_budget(weights)
    for first, second in zip(once, front.on_budget(once), strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-12)
    for start, again in zip(front.start(), front.on_budget(front.start()), strict=True):
        np.testing.assert_allclose(start, again, rtol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_without_fixed_columns_and_directions_the_budget_is_spent(norm):
    front = Front(norm, 6)
    assert front.is_needed == (norm != 2)
    kernel = matrix_of(front.operation(front.start()))
    sizes = {1: np.linalg.norm(kernel, axis=1), 2: np.diag(kernel), np.inf: [np.linalg.norm(kernel)]}[norm]
    np.testing.assert_allclose(sizes, 1.0, rtol=1e-12)


def test_zeros_stay_zeros():
    front = Front(np.inf, 3, 1, (1, 0, 0, 1))
    weights = front.on_budget([np.zeros(3), np.zeros((1, 3))])
    assert not any(weight.any() for weight in weights)


# The layer of Keras --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "front",
    [Front(np.inf, 4), Front(1, 3, 1), Front(2, 3, 1, (0, 1, 0, -1)), Front(np.inf, 4, 0, (1, 0, 0, -1))],
    ids=["inf", "fixed", "both", "directions"],
)
def test_a_model_that_a_callback_saved_is_loaded_and_read(front, tmp_path, rng):
    keras = pytest.importorskip("keras")
    from sklip.architectures import MLP
    from sklip.training.architecture import build_network, served_operations
    from sklip.training.saving import SavedAsItIs
    from sklip.training.task import Architecture

    network = build_network(Architecture((4,), 1, MLP(hidden_layer_sizes=(8,)), front=front), SavedAsItIs)
    for weight, start in zip(network.front.constrained_kernels, front.start(), strict=True):
        weight.assign(start + 0.3 * rng.standard_normal(start.shape))
    network.front.end_training()
    rows = rng.standard_normal((10, 4)).astype(np.float32)
    expected = as_array(network(rows))
    network.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(as_array(loaded(rows)), expected, atol=1e-6)
    read = sklip.from_keras(loaded)
    np.testing.assert_allclose(read.decision_function(rows), expected[:, 0], atol=1e-5)
    first = served_operations(network)[0]
    np.testing.assert_allclose(matrix_of(first), matrix_of(front.operation(front.on_budget(
        [as_array(weight) for weight in network.front.constrained_kernels]))), rtol=1e-12)  # fmt: skip
