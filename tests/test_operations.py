"""One contract for every operation of a served network: a new operation is one line here."""

import copy
import dataclasses
import io
import itertools
import pickle
from dataclasses import replace
from fractions import Fraction
from functools import partial

import joblib
import numpy as np
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st

import sklip
from sklip import ModelFileError
from sklip.arithmetic import polar_factor
from sklip.arithmetic.norms_of_sums import sum_norm_bound
from sklip.certification import certified_radius, scores_and_errors, spectral_norm_bound
from sklip.served import (
    OPERATIONS,
    Activation,
    AveragePool,
    Center,
    Convolution,
    Crop,
    Dense,
    DepthToSpace,
    Diagonal,
    Graph,
    GroupSort,
    L2NormPool,
    Pad,
    Parallel,
    Pool,
    Reshape,
    Residual,
    Scale,
    Selection,
    ServedNetwork,
    Shift,
    SpaceToDepth,
    Tilted,
    activation,
)
from tests import operation_contracts as contracts
from tests.composite_examples import COMPOSITES
from tests.flushing import CAN_FLUSH
from tests.operation_contracts import Example
from tests.oracle import networks
from tests.oracle.boundary import nearest_change
from tests.picture_examples import PICTURES


def center(values):
    operation = Center(np.array(values))
    return Example(operation, operation.center.shape, (networks.center(operation.center),))


def dense(kernel, bias=None):
    kernel = np.array(kernel, dtype=np.float64)
    operation = Dense(kernel, np.zeros(kernel.shape[1]) if bias is None else np.array(bias))
    return Example(operation, (len(kernel),), (networks.linear(operation.kernel, operation.bias),))


def of_name(name, width):
    return Example(activation(name), (width,), tuple(networks.activation(name, width)))


def scale(factor, width=3):
    operation = Scale(factor)
    return Example(operation, (width,), (networks.scale(operation.factor, width),))


def diagonal(factors):
    operation = Diagonal(np.array(factors))
    offsets = [Fraction(0)] * operation.factors.size
    step = networks.diagonal([Fraction(factor) for factor in operation.factors.ravel().tolist()], offsets)
    return Example(operation, operation.factors.shape, (step,))


def normal(*shape):
    return np.random.default_rng(1).standard_normal(shape)


EXAMPLES = {
    "Center": center([0.1, -2.0, 1e5]),
    "Center of 1e150": center([1e150, 1.0]),
    "Center, subnormal": center([1e-310, 1.0]),
    "Dense": dense(normal(3, 4), normal(4)),
    "Dense, one output": dense(normal(5, 1), normal(1)),
    "Dense, one input": dense(normal(1, 3), normal(3)),
    "Dense, orthonormal": dense(polar_factor(normal(4, 3)), 1e-3 * normal(3)),
    "Dense, orthonormal, wide": dense(polar_factor(normal(3, 4)), normal(4)),
    "Dense, nearly orthonormal": dense(polar_factor(normal(4, 4)) + 1e-11 * normal(4, 4)),
    "Dense, a little too long": dense((1 + 1e-10) * polar_factor(normal(4, 2))),
    "Dense of 1e150": dense(1e150 * normal(3, 3), 1e150 * normal(3)),
    "Dense of 1e-150": dense(1e-150 * normal(3, 3)),
    "Dense of 1e300": dense(1e300 * normal(2, 2)),
    "Dense of unlike sizes": dense(normal(3, 3) * [1e150, 1.0, 1e-150], normal(3) * [1e-150, 1.0, 1e150]),
    "Dense, cancelling": dense([[1.0, 1.0], [-1.0, -1.0 - 2.0**-52], [2.0**-60, 0.0]], [0.0, 2.0**-52]),
    "Dense, equal columns": dense([[0.1, 0.1], [0.3, 0.3]], [0.7, -0.1]),
    "Dense, long": dense(np.full((24, 2), 0.1), [1 / 3, -4.0]),
    "Dense of zeros": dense(np.zeros((2, 2)), [1.0, 0.0]),
    "Dense, smallest numbers": dense([[1e-310, 2.0**-1022], [1.0, -(2.0**-1022)]], [0.0, 2.0**-1022]),
    "GroupSort(1)": of_name("groupsort1", 3),
    "GroupSort(2)": of_name("groupsort2", 4),
    "GroupSort(3)": of_name("groupsort3", 6),
    "GroupSort(4)": of_name("groupsort4", 4),
    "FullSort": of_name("fullsort", 4),
    "FullSort, one value": of_name("fullsort", 1),
    "MaxMin": of_name("maxmin", 4),
    "Relu": of_name("relu", 3),
    "Abs": of_name("abs", 3),
    "Scale": scale(1 / 3),
    "Scale, negative": scale(-3.0),
    "Scale of 1e150": scale(1e150),
    "Scale of 1e-150": scale(1e-150),
    "Scale of 0": scale(0.0),
    "Scale, subnormal": scale(1e-310),
    "Diagonal": diagonal([1 / 3, -3.0, 0.0]),
    "Diagonal of one number": diagonal([0.7]),
    "Diagonal of unlike sizes": diagonal([1e150, 1.0, 1e-150]),
    "Diagonal of zeros": diagonal([0.0, 0.0]),
    "Diagonal, subnormal": diagonal([1e-310, 1.0]),
    "Diagonal of a picture": diagonal(normal(2, 2, 3)),
    **PICTURES,
    **COMPOSITES,
}
every = pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
ORDINARY = {name: each for name, each in EXAMPLES.items() if name not in ("Dense of 1e300", "Dense, smallest numbers")}
ONE_EACH = {type(example.operation): example for example in reversed(EXAMPLES.values())}
one_each = pytest.mark.parametrize("example", ONE_EACH.values(), ids=lambda e: type(e.operation).__name__)
THREADS = [False, pytest.param(True, marks=pytest.mark.skipif(not CAN_FLUSH, reason="x86-64 under Linux"))]


def test_every_operation_has_an_example():
    assert set(ONE_EACH) == set(OPERATIONS)


# Numbers ----------------------------------------------------------------------------------------


@every
def test_forward_is_what_the_operation_means(example, rng):
    for row in contracts.rows_for(example, rng):
        contracts.assert_forward_is_exact(example, row)


@every
def test_vjp_is_the_transposed_jacobian(example, rng):
    rows = contracts.rows_for(example, rng)
    n_outputs = len(example.exact(rows[0].tolist()))
    for row in rows:
        contracts.assert_vjp_is_the_transposed_jacobian(example, row, rng.standard_normal(n_outputs))


@every
@given(seed=st.integers(0, 2**32 - 1))
def test_vjp_is_the_exact_difference_away_from_kinks(example, seed):
    rng = np.random.default_rng(seed)
    row, direction = rng.standard_normal((2, example.width))
    slopes = rng.standard_normal(len(example.exact(row.tolist())))
    contracts.assert_vjp_is_the_exact_difference(example, row, slopes, direction)


@every
def test_buffers_change_nothing(example, rng):
    contracts.assert_buffers_change_nothing(example, contracts.rows_for(example, rng))
    contracts.assert_buffers_change_nothing(example, np.empty((0, example.width)))


@every
def test_order_in_memory_changes_nothing(example, rng):
    for n_rows in (3, 1 + 5000 // example.width):  # large arrays may be worked on in another way
        rows = rng.standard_normal((n_rows, example.width))
        slopes = rng.standard_normal(example.forward(rows).shape)
        contracts.assert_order_in_memory_changes_nothing(example, rows, slopes)


@every
def test_a_row_amid_many_others_is_the_same(example, rng):
    """Large arrays may be worked on in parts, or in other ways."""
    rows = rng.standard_normal((1 + 40000 // example.width, example.width))
    together, alone = example.forward(rows), np.concatenate([example.forward(row[None]) for row in rows[-50:]])
    np.testing.assert_allclose(together[-50:], alone, rtol=1e-12, atol=1e-12 * np.abs(alone).max())
    if isinstance(example.operation, Selection):
        assert (together[-50:] == alone).all()
        assert (together[:50] == example.forward(rows[:50])).all()


@pytest.mark.parametrize("example", ORDINARY.values(), ids=ORDINARY)
@pytest.mark.parametrize("factor", [0.5, 4.0, 2.0**-40, 2.0**60])
def test_rescaled_is_the_same_in_other_units(example, factor, rng):
    contracts.assert_rescaled_is_the_same_in_other_units(example, rng.standard_normal((5, example.width)), factor)


# Bounds -----------------------------------------------------------------------------------------


@every
def test_lipschitz_is_proven_and_close(example, rng):
    contracts.assert_lipschitz_is_proven_and_close(example, contracts.rows_for(example, rng))


@every
def test_lipschitz_after_a_map_is_proven(example, rng):
    """Rows in other units, which are powers of two."""
    matrix = np.diag(2.0 ** np.arange(example.width))

    def source(kernel, linear=None):
        kernel = np.eye(example.width) if kernel is None else np.diag(kernel) if kernel.ndim == 1 else kernel
        if linear is None:
            return spectral_norm_bound(matrix @ kernel)
        return sum_norm_bound((matrix @ kernel).T, matrix @ linear, 2)

    if type(example.operation) is Dense and len(example.shape) > 1:
        return  # it multiplies a part of the row only
    rows = contracts.rows_for(example, rng)[:8]
    contracts.assert_lipschitz_after_a_map_is_proven(example, rows, source, matrix)


@pytest.mark.parametrize("flushed", THREADS, ids=["subnormal numbers kept", "subnormal numbers flushed"])
@every
def test_carry_is_at_least_the_exact_error(example, flushed, rng):
    rows, claimed = contracts.rows_for(example, rng), 0
    for row in rows:
        for change in changes(example, row, rng):
            claimed += contracts.assert_carry_is_at_least_the_exact_error(example, row, change, flushed)
    assert claimed > 2 * len(rows)


def changes(example, row, rng):
    """How far the exact row lies from the computed one: not at all, by a rounding, by a thousandth in the worst way."""
    yield np.zeros(example.width)
    size = np.abs(row).max()
    yield 2.0**-53 * size * rng.standard_normal(example.width)
    slopes = np.array(example.jacobians(row.tolist())[0], dtype=float)
    yield 1e-3 * size * np.linalg.svd(slopes / (np.abs(slopes).max() or 1.0))[2][0]


@every
def test_nothing_overflows_up_to_the_farthest(example, rng):
    row = rng.standard_normal(example.width)
    slopes = np.array(example.jacobians(row.tolist())[0], dtype=float)
    worst = np.linalg.svd(slopes / (np.abs(slopes).max() or 1.0))[2]
    contracts.assert_nothing_overflows_up_to_the_farthest(
        example, [row, *worst, *-worst, *np.eye(example.width), np.ones(example.width)]
    )


# What may be given, and files --------------------------------------------------------------------


@every
def test_shapes_that_do_not_fit_are_refused(example):
    operation, shape = example.operation, example.shape
    assert operation.output_shape(shape) == operation.forward(np.ones((2, *shape))).shape[1:]
    for other in misfits(example):
        with pytest.raises(ValueError, match=r"takes|needs"):
            operation.output_shape(other)


def misfits(example):
    """Shapes of rows that the operation does not take."""
    operation, shape = example.operation, example.shape
    if isinstance(operation, Scale):
        return []
    if isinstance(operation, Activation):
        return [(), (0,)] + [(operation.multiple + 1,)] * (operation.multiple > 1)
    if isinstance(operation, Center | Dense | Diagonal | Tilted):
        return [(*shape[:-1], shape[-1] + 1), ()] + [(1, *shape)] * (not isinstance(operation, Dense))
    if isinstance(operation, Parallel | Residual):
        return [(*shape[:-1], shape[-1] + 3), ()]
    if isinstance(operation, Graph):
        return [()]
    if isinstance(operation, Reshape):
        return [(example.width + 1,), (2, example.width), ()]
    return [(), (example.width,), shape[:2], (1, *shape), *(tuple(each) for each in too_small(operation, shape))]


def too_small(operation, shape):
    """Pictures that are too small, or not of the right size."""
    height, width, channels = shape
    match operation:
        case Shift(padding="valid"):
            yield 1, 1, channels
        case Shift():
            yield height, width, len(operation.offsets) - 1
        case SpaceToDepth():
            yield height, width * operation.width + 1, channels
            yield 0, width, channels
        case DepthToSpace():
            yield height, width, channels + 1
            yield height, width, 0
        case Pad(circular=True) if operation.top + operation.bottom > 0:
            yield operation.top + operation.bottom - 1, width, channels
        case Crop():
            yield operation.top + operation.bottom, width, channels
        case Pool():
            yield operation.height - 1, width, channels
            yield height, operation.width - 1, channels
        case Convolution():
            yield height, width, channels + 1
            if operation.padding == "valid":
                yield operation.kernel.shape[0] - 1, width, channels


@every
def test_arrays_are_copies_that_nobody_can_change(example):
    for array in example.operation.arrays:
        assert array.dtype == np.float64
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True
    for field in dataclasses.fields(example.operation):
        with pytest.raises(AttributeError):
            setattr(example.operation, field.name, 1)


def through_joblib(operation):
    file = io.BytesIO()
    joblib.dump(operation, file)
    file.seek(0)
    return joblib.load(file)


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda operation: pickle.loads(pickle.dumps(operation)),
    "joblib": through_joblib,
    "skops": lambda operation: skops.io.loads(skops.io.dumps(operation), trusted=sklip.TRUSTED_TYPES),
}


@every
@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_copies_and_files_hold_the_same_operation(example, copied, rng):
    operation, twin = example.operation, copied(example.operation)
    rows = rng.standard_normal((4, *example.shape))
    assert type(twin) is type(operation)
    assert twin.forward(rows).tobytes() == operation.forward(rows).tobytes()
    assert [array.tobytes() for array in twin.arrays] == [array.tobytes() for array in operation.arrays]
    assert not any(array.flags.writeable for array in twin.arrays)


class _Strange(np.ndarray):
    pass


def tampered(operation):
    """States that no file of this operation holds."""
    state = dict(vars(operation))
    yield {**state, "other": 1}
    yield [1]
    for name, part in state.items():
        yield {key: each for key, each in state.items() if key != name}
        wrong = [None, "2", np.nan, -1, [2], np.inf, np.float64(2), np.int64(2)] + [True] * (type(part) is not bool)
        if isinstance(part, np.ndarray):
            bad = part.copy()
            bad.flat[0] = np.nan
            wrong += [bad, part.astype(np.float32), part.astype(object), part[..., :0], part.view(_Strange)]
            wrong += [part.tolist(), part.astype(complex)] + [part[None]] * (
                not isinstance(operation, Center | Diagonal)
            )
        if isinstance(part, tuple):
            wrong += [()] * (not isinstance(operation, Residual))  # without steps, K is the identity
            wrong += [list(part), (*part[1:], None), (*part[1:], True), (*part[1:], 1.0), (*part[1:], np.int64(1))]
            wrong += [(*part[1:], (0, True)), (*part[1:], (0,)), (*part[1:], [0, 0]), (*part[1:], (0, 1.0))]
        yield from ({**state, name: each} for each in wrong)


@one_each
def test_tampered_files_are_refused(example):
    operation = example.operation
    for state in tampered(operation):
        with pytest.raises(ModelFileError):
            object.__new__(type(operation)).__setstate__(state)
    whole = object.__new__(type(operation))
    whole.__setstate__(dict(vars(operation)))
    assert repr(whole) == repr(operation)


def amid_others(example, operation):
    """An operation between the two that every network has."""
    n_outputs = len(example.exact([0.0] * example.width))
    flat, shaped = Reshape((n_outputs,)), Reshape(example.shape)
    return Center(np.zeros(example.width)), shaped, operation, flat, Dense(np.ones((n_outputs, 1)), np.zeros(1))


@one_each
def test_a_network_refuses_subclasses(example):
    """They may compute something else than what is proven."""
    ServedNetwork(amid_others(example, example.operation))
    with pytest.raises(ValueError, match="operations of sklip"):
        ServedNetwork(amid_others(example, faulty(example).operation))


WITH_PARTS = [
    pytest.param(example, id=kind.__name__)
    for kind, example in ONE_EACH.items()
    if any(field.default is dataclasses.MISSING for field in dataclasses.fields(kind))
]


@pytest.mark.parametrize("example", WITH_PARTS)
def test_a_file_of_a_network_with_an_operation_without_its_parts_is_refused(example):
    empty = object.__new__(type(example.operation))
    with pytest.raises(ModelFileError):
        object.__new__(ServedNetwork).__setstate__({"operations": amid_others(example, empty)})


# Overflow inside a network -----------------------------------------------------------------------


ACTIVATIONS = ("relu", "abs", "groupsort2", "maxmin", "fullsort")
SIGNS = sorted(set(itertools.permutations((-1.0, -1.0, 1.0, 1.0))))


def cancelling(name, signs):
    """A hidden sum of two numbers minus two others; the score is 3e-308 times it, minus 0.1. As served, and exact."""
    kernel, bias = np.array(signs)[:, None] * np.ones((1, 2)), np.zeros(2)
    first, heads = Center(np.zeros(4)), Dense(np.array([[0.0], [3e-308]]), np.array([-0.1]))
    steps = [networks.center(first.center), networks.linear(kernel, bias), *networks.activation(name, 2)]
    network = ServedNetwork((first, Dense(kernel, bias), activation(name), heads))
    return network, [*steps, networks.linear(heads.kernel, heads.bias)]


def large_rows(signs):
    """Rows with a positive score; in the first two, some part of the hidden sum overflows, whatever the order."""
    return np.array([1.6e308, 1.2e308, 1e306, 1e200, 1.0])[:, None] * np.where(np.array(signs) < 0, 1.0, 1.1)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("signs", SIGNS)
def test_sums_that_overflow_on_the_way_certify_nothing(name, signs):
    network, steps = cancelling(name, signs)
    X = large_rows(signs)
    radii, errors = certified_radius(network, X), scores_and_errors(network, X)[1]
    assert (radii[:2] == 0).all()
    assert (errors[:2] == np.inf).all()
    for row, radius in zip(X, radii, strict=True):
        nearest = nearest_change(steps, row)
        assert nearest is None or nearest.is_beyond(float(radius), 2)


def test_an_infinite_hidden_value_does_become_a_finite_wrong_score():
    """So that the test above can fail: ReLU makes 0 of −∞."""
    wrong = 0
    for signs in SIGNS:
        network, steps = cancelling("relu", signs)
        X = large_rows(signs)
        for rows in (X[:1], np.tile(X[:1], (5, 1))):  # which are summed in different orders
            score, exact = network.scores(rows)[0, 0], networks.scores(steps, map(Fraction, X[0].tolist()))[0]
            wrong += np.isfinite(score) and (score > 0) != (exact > 0)
    assert wrong


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_no_radius_reaches_to_where_something_overflows(name):
    """The row is ordinary and its score far from 0; rows that are far away overflow."""
    kernel = 1e200 * np.array([[1.0, 1.0], [-1.0, 1.0]])
    heads = Dense(np.array([[1e-205], [1e-205]]), np.array([1e100]))
    network = ServedNetwork((Center(np.zeros(2)), Dense(kernel, np.zeros(2)), activation(name), heads))
    (radius,) = certified_radius(network, np.array([[1.0, 2.0]]))
    assert 0 < radius < 1e108


# The contract can fail ---------------------------------------------------------------------------


def faulty(example, **methods):
    """The example with another operation: a subclass with one method that is wrong."""
    operation = object.__new__(type("Faulty", (type(example.operation),), methods))
    vars(operation).update(vars(example.operation))
    return replace(example, operation=operation)


def _with(part, factor):
    """A ``carry`` with a part of its bounds multiplied."""

    def carry(self, bounds):
        after = super(type(self), self).carry(bounds)
        return replace(after, **{part: getattr(after, part) * factor})

    return carry


DENSE, RELU, SORT = EXAMPLES["Dense, orthonormal"], EXAMPLES["Relu"], EXAMPLES["GroupSort(2)"]
SHIFT, BLOCKS = EXAMPLES["Shift"], EXAMPLES["SpaceToDepth, unlike sides"]
AVERAGE, NORM, CONVOLUTION = EXAMPLES["AveragePool"], EXAMPLES["L2NormPool"], EXAMPLES["Convolution"]


def _in_place_sort(self, z, out=None):
    result = z if out is None else out
    result[:] = GroupSort.forward(self, z)
    return result


def _columns_first(self, z, out=None):
    n_rows, n_columns, size = self.output_shape(z.shape[1:])
    windows = z.reshape(len(z), n_rows, self.height, n_columns, self.width, z.shape[3])
    return windows.transpose(0, 1, 3, 5, 2, 4).reshape(len(z), n_rows, n_columns, size)


def _to_all_that_are_largest(self, z, slopes):
    largest = z == np.kron(self.forward(z), np.ones((1, self.height, self.width, 1)))[:, : z.shape[1], : z.shape[2]]
    return largest * np.kron(slopes, np.ones((1, self.height, self.width, 1)))


def _from_the_other_side(self, z, out=None):
    """All zeros of Keras but one are before the picture."""
    flipped = Convolution(self.kernel[::-1, ::-1], self.bias, self.strides, self.padding)
    return flipped.forward(z[:, ::-1, ::-1])[:, ::-1, ::-1]


def _exact_difference(example, rng):
    row, direction = rng.standard_normal((2, example.width))
    slopes = rng.standard_normal(len(example.exact(row.tolist())))
    contracts.assert_vjp_is_the_exact_difference(example, row, slopes, direction)


FAULTS = {
    "a product too large": (
        test_forward_is_what_the_operation_means,
        faulty(DENSE, forward=lambda self, z, out=None: Dense.forward(self, z) * (1 + 1e-14)),
    ),
    "small numbers lost": (
        test_forward_is_what_the_operation_means,
        faulty(RELU, forward=lambda self, z, out=None: np.where(z > 1e-300, z, 0.0)),
    ),
    "sorted too much": (
        test_forward_is_what_the_operation_means,
        faulty(SORT, forward=lambda self, z, out=None: np.sort(z, axis=-1)),
    ),
    "slopes too large": (
        test_vjp_is_the_transposed_jacobian,
        faulty(DENSE, vjp=lambda self, z, slopes: Dense.vjp(self, z, slopes) * (1 + 1e-14)),
    ),
    "slopes that changed too little": (
        _exact_difference,
        faulty(DENSE, vjp=lambda self, z, slopes: Dense.vjp(self, z, slopes) * (1 - 1e-12)),
    ),
    "slopes of negative values": (
        test_vjp_is_the_transposed_jacobian,
        faulty(RELU, vjp=lambda self, z, slopes: slopes),
    ),
    "slopes between two pieces": (
        test_vjp_is_the_transposed_jacobian,
        faulty(RELU, vjp=lambda self, z, slopes: np.where(z > 0, 1.0, np.where(z == 0, 0.5, 0.0)) * slopes),
    ),
    "slopes in their order": (
        test_vjp_is_the_transposed_jacobian,
        faulty(SORT, vjp=lambda self, z, slopes: slopes),
    ),
    "pixels from the other side": (
        test_forward_is_what_the_operation_means,
        faulty(SHIFT, forward=lambda self, z, out=None: self.transposed().forward(z)),
    ),
    "the other side in place of zeros": (
        test_forward_is_what_the_operation_means,
        faulty(SHIFT, forward=lambda self, z, out=None: Shift(self.offsets, "circular").forward(z)),
    ),
    "zeros in other memory alone": (
        test_buffers_change_nothing,
        faulty(
            SHIFT,
            forward=lambda self, z, out=None: Shift(self.offsets, "circular" if out is None else "same").forward(
                z, out
            ),
        ),
    ),
    "slopes moved the same way": (
        test_vjp_is_the_transposed_jacobian,
        faulty(SHIFT, vjp=lambda self, z, slopes: self.forward(slopes)),
    ),
    "channels before pixels": (test_forward_is_what_the_operation_means, faulty(BLOCKS, forward=_columns_first)),
    "slopes for every largest value": (
        test_vjp_is_the_transposed_jacobian,
        faulty(EXAMPLES["MaxPool, lines"], vjp=_to_all_that_are_largest),
    ),
    "a mean": (
        test_forward_is_what_the_operation_means,
        faulty(AVERAGE, forward=lambda self, z, out=None: AveragePool.forward(self, z) / 2),
    ),
    "a norm too large": (
        test_forward_is_what_the_operation_means,
        faulty(NORM, forward=lambda self, z, out=None: L2NormPool.forward(self, z) * (1 + 1e-14)),
    ),
    "the slopes of the squares": (
        test_vjp_is_the_transposed_jacobian,
        faulty(NORM, vjp=lambda self, z, slopes: L2NormPool.vjp(self, z, slopes * self.forward(z))),
    ),
    "slopes of norms that are too small": (
        _exact_difference,
        faulty(NORM, vjp=lambda self, z, slopes: L2NormPool.vjp(self, z, slopes) * (1 - 1e-12)),
    ),
    "zeros on the wrong sides": (
        test_forward_is_what_the_operation_means,
        faulty(CONVOLUTION, forward=_from_the_other_side),
    ),
    "slopes for one copy": (
        test_vjp_is_the_transposed_jacobian,
        faulty(EXAMPLES["Pad, circular"], vjp=lambda self, z, slopes: slopes[:, 1:-1, 1:-1]),
    ),
    "compared values overwritten": (test_buffers_change_nothing, faulty(SORT, in_place=True)),
    "the input overwritten": (test_buffers_change_nothing, faulty(SORT, forward=_in_place_sort)),
    "a bias in the old units": (
        partial(test_rescaled_is_the_same_in_other_units, factor=4.0),
        faulty(EXAMPLES["Dense"], rescaled=lambda self, scale: self),
    ),
    "a bound of the map alone": (
        test_lipschitz_after_a_map_is_proven,
        faulty(EXAMPLES["Scale, negative"], lipschitz_after=lambda self, source: source(None)),
    ),
    "a bound that is none": (
        test_lipschitz_after_a_map_is_proven,
        faulty(EXAMPLES["Dense"], lipschitz_after=lambda self, source: source(self.kernel) * (1 - 1e-9)),
    ),
}


@pytest.mark.parametrize(("contract", "wrong"), FAULTS.values(), ids=FAULTS)
def test_faulty_numbers_are_caught(contract, wrong, rng):
    with pytest.raises(AssertionError):
        contract(wrong, rng=rng)


TIGHT = (
    *("Dense", "Dense, orthonormal", "Dense of 1e150", "Relu", "Scale of 1e-150", "Center", "Dense of pixels"),
    *(
        "Shift, circular",
        "Pad, circular",
        "MaxPool, one pixel",
        "AveragePool, long",
        "L2NormPool, long",
        "Convolution of pixels",
    ),
)


@pytest.mark.parametrize("name", TIGHT)
def test_faulty_bounds_are_caught(name, rng):
    example = EXAMPLES[name]
    bound = example.operation.lipschitz()
    for factor in (1 - 1e-12, 1 + 1e-8):
        wrong = faulty(example, lipschitz=lambda self, factor=factor: bound * factor)
        with pytest.raises(AssertionError):
            test_lipschitz_is_proven_and_close(wrong, rng)
    with pytest.raises(AssertionError):
        test_carry_is_at_least_the_exact_error(faulty(example, carry=_with("error", 0.999)), False, rng)
    with pytest.raises(AssertionError):
        test_carry_is_at_least_the_exact_error(faulty(example, carry=_with("norm", 0.999)), False, rng)
    with pytest.raises(AssertionError):
        factor = 2.0**20 if isinstance(example.operation, L2NormPool) else 64.0  # squares have much room
        test_nothing_overflows_up_to_the_farthest(faulty(example, carry=_with("farthest", factor)), rng)


OF_ROUNDING = ("Dense", "Dense, cancelling", "Scale", "Center", "Dense of pixels", "Center of a picture")
OF_ROUNDING += ("AveragePool", "L2NormPool", "Convolution of pixels", "Convolution, orthonormal")


@pytest.mark.parametrize("name", OF_ROUNDING)
def test_a_carry_without_its_own_rounding_is_caught(name, rng):
    example = EXAMPLES[name]

    def carry(self, bounds):
        after = super(type(self), self).carry(bounds)
        return replace(after, error=self.lipschitz() * bounds.error)

    with pytest.raises(AssertionError):
        test_carry_is_at_least_the_exact_error(faulty(example, carry=carry), False, rng)


@pytest.mark.skipif(not CAN_FLUSH, reason="x86-64 under Linux")
def test_a_carry_that_forgets_flushed_numbers_is_caught(rng):
    """At the smallest numbers, all of the error is what the thread flushes."""

    def carry(self, bounds):
        after = super(type(self), self).carry(bounds)
        return replace(after, error=np.maximum(self.lipschitz() * bounds.error + 1e-15 * bounds.norm, 0.0))

    with pytest.raises(AssertionError):
        test_carry_is_at_least_the_exact_error(faulty(EXAMPLES["Dense"], carry=carry), True, rng)


def test_a_carry_that_forgets_squares_that_underflow_is_caught(rng):
    """In every thread: the norm of numbers below 1e-162 is computed as 0."""

    def carry(self, bounds):
        after = super(type(self), self).carry(bounds)
        return replace(after, error=bounds.error + 1e-15 * bounds.norm)

    with pytest.raises(AssertionError):
        test_carry_is_at_least_the_exact_error(faulty(NORM, carry=carry), False, rng)
