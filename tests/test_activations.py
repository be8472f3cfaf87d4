import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sklip.served import GroupSort
from sklip.served import activation as operation_of
from tests.helpers import ACTIVATIONS, as_array

SORTING = ("groupsort2", "groupsort3", "groupsort4", "groupsort12", "fullsort", "maxmin")
EVERY = (*SORTING, "relu", "abs")

numbers = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)
rows = arrays(np.float64, st.tuples(st.integers(1, 5), st.just(12)), elements=numbers)


def _naive(name, row):
    """One row, by the words of the documentation."""
    width = len(row)
    if name == "relu":
        return [max(unit, 0.0) for unit in row]
    if name == "abs":
        return [abs(unit) for unit in row]
    if name == "maxmin":
        pairs = list(zip(row[: width // 2], row[width // 2 :], strict=True))
        return [max(pair) for pair in pairs] + [min(pair) for pair in pairs]
    n_groups = 1 if name == "fullsort" else width // int(name.removeprefix("groupsort"))
    result = np.empty(width)
    for group in range(n_groups):
        members = [unit for unit in range(width) if unit % n_groups == group]
        result[members] = sorted(row[members])
    return result


@pytest.mark.parametrize("name", EVERY)
@given(X=rows)
def test_activate_does_what_its_documentation_says(name, X):
    np.testing.assert_array_equal(operation_of(name).forward(X), [_naive(name, row) for row in X])


@pytest.mark.parametrize("name", EVERY)
@given(X=rows)
def test_activate_equals_the_keras_layer(name, X):
    from sklip.layers import activation_layer

    X = X.astype(np.float32)
    np.testing.assert_array_equal(operation_of(name).forward(X), as_array(activation_layer(name)(X)))


@pytest.mark.parametrize("name", (*SORTING, "abs"))
@given(X=rows)
def test_sorting_and_abs_keep_the_norm(name, X):
    before, after = np.sort(np.abs(X), axis=1), np.sort(np.abs(operation_of(name).forward(X)), axis=1)
    np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("name", EVERY)
@given(X=rows, seed=st.integers(0, 100), distance=st.floats(-8, 3))
def test_activations_are_1_lipschitz(name, X, seed, distance):
    other = X + 10.0**distance * np.random.default_rng(seed).standard_normal(X.shape)
    moved = np.linalg.norm(operation_of(name).forward(other) - operation_of(name).forward(X), axis=1)
    assert (moved <= np.linalg.norm(other - X, axis=1) * (1 + 1e-14)).all()


@pytest.mark.parametrize("name", EVERY)
@given(X=rows, exponent=st.integers(-60, 60))
def test_activations_are_positively_homogeneous_to_the_bit(name, X, exponent):
    factor = 2.0**exponent
    np.testing.assert_array_equal(operation_of(name).forward(factor * X), factor * operation_of(name).forward(X))


@pytest.mark.parametrize("name", EVERY)
def test_activate_leaves_its_input_alone(rng, name):
    X = rng.standard_normal((3, 12))
    before = X.copy()
    operation_of(name).forward(X)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("name", EVERY)
def test_activate_takes_no_rows(name):
    assert operation_of(name).forward(np.empty((0, 12))).shape == (0, 12)


@pytest.mark.parametrize("width", [1, 3])
def test_fullsort_takes_any_width(rng, width):
    X = rng.standard_normal((4, width))
    np.testing.assert_array_equal(operation_of("fullsort").forward(X), np.sort(X, axis=1))


@pytest.mark.parametrize(
    ("name", "multiple"), [("groupsort2", 2), ("groupsort5", 5), ("groupsort1", 1), ("maxmin", 2)]
    + [(name, 1) for name in ("fullsort", "relu", "abs")],
)  # fmt: skip
def test_required_multiple(name, multiple):
    assert operation_of(name).multiple == multiple


def test_names():
    for name in ACTIVATIONS:
        operation_of(name)
    for name in ["groupsort", "groupsort0", "groupsort-2", "groupsort2 ", "GroupSort2", "tanh", "", None, 2, ("relu",)]:
        with pytest.raises(ValueError, match="An activation is"):
            operation_of(name)
    assert operation_of("groupsort12") == GroupSort(12) != operation_of("groupsort6")
