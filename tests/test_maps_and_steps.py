"""The exact map of a pipeline, beside rational arithmetic; and how far the computed one may be from it."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mpmath import mp
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.feature_selection import (
    RFE,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from sklip import NotLipschitzError
from sklip.pipelines._maps import LipschitzMap, Stage, conversion_error
from sklip.pipelines._read import Origin, Reading, read_steps
from sklip.pipelines._rounding import precision
from sklip.pipelines._run import Plan, Run
from sklip.pipelines._steps import _READERS

MP = mp.clone()
MP.dps = 50

TIGHT = 1 + 1e-9

NORMS = pytest.mark.parametrize("norm", [1, 2, np.inf])


# Exact arithmetic -------------------------------------------------------------------------------


def fractions(array):
    """An array of floats as rows of fractions."""
    array = array.toarray() if sparse.issparse(array) else np.asarray(array)
    return [[Fraction(float(entry)) for entry in row] for row in np.atleast_2d(array)]


def product(a, b):
    """The product of two lists of rows of fractions."""
    columns = list(zip(*b, strict=True))
    return [[sum((x * y for x, y in zip(row, column, strict=True)), Fraction(0)) for column in columns] for row in a]


def square(row):
    return sum((entry**2 for entry in row), Fraction(0))


def exact_norm(rows, norm):
    """``max ‖B δ‖₂`` over ``‖δ‖ ≤ 1``, to 50 digits."""
    entries = [[MP.mpf(entry.numerator) / entry.denominator for entry in row] for row in rows]
    columns = list(zip(*entries, strict=True))
    if norm == 1:
        return max(MP.sqrt(MP.fsum(entry**2 for entry in column)) for column in columns)
    if norm == 2:
        matrix = MP.matrix(entries if len(entries) <= len(columns) else [list(column) for column in columns])
        return MP.sqrt(max(MP.eigsy(matrix * matrix.T, eigvals_only=True)))
    corners = itertools.product([1, -1], repeat=len(columns) - 1)
    images = (MP.matrix(entries) * MP.matrix([1, *corner]) for corner in corners)
    return max(MP.sqrt(MP.fsum(entry**2 for entry in image)) for image in images)


# Maps -------------------------------------------------------------------------------------------

numbers = st.floats(-100, 100, allow_subnormal=False).map(lambda x: x if abs(x) > 1e-4 else 0.0)
powers = st.integers(-12, 12)


@st.composite
def chains(draw, most=3):
    """Matrices that fit behind each other, ill-scaled, with exact zeros."""
    widths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=most + 1))
    scales = [10.0 ** draw(powers) for _ in widths[1:]]
    return [
        scale * draw(arrays(np.float64, (after, before), elements=numbers))
        for (before, after), scale in zip(itertools.pairwise(widths), scales, strict=True)
    ]


def _map(matrices):
    whole = LipschitzMap.selection(np.arange(matrices[0].shape[1]), matrices[0].shape[1])
    for matrix in matrices:
        whole = whole.then(Stage.of(matrix))
    return whole


def _exact(matrices):
    whole = fractions(matrices[0])
    for matrix in matrices[1:]:
        whole = product(fractions(matrix), whole)
    return whole


def _assert_holds_the_exact_matrix(stage, exact):
    """Entry by entry, with the rounding that it admits."""
    matrix, size = fractions(stage.matrix), fractions(stage.size)
    unit = Fraction(2) ** -53
    slack = stage.roundings * unit / (1 - stage.roundings * unit)
    for rows in zip(matrix, size, exact, strict=True):
        for computed, bound, true in zip(*rows, strict=True):
            assert abs(computed - true) <= slack * bound + Fraction(stage.underflow)


@NORMS
@given(matrices=chains())
def test_matrices_behind_each_other_are_multiplied(norm, matrices):
    exact, whole = _exact(matrices), _map(matrices)
    assert len(whole.stages) == 1
    assert whole.width == len(exact)
    _assert_holds_the_exact_matrix(whole.stages[0], exact)
    bound, least = whole.norm(norm, np.ones(matrices[0].shape[1])), exact_norm(exact, norm)
    assert bound >= least
    # Tight but for cancellation, which rounding may hide.
    size = float(np.linalg.norm(whole.stages[0].size.toarray()))
    assert bound <= least * (TIGHT if norm != np.inf else 2.0) + 1e-13 * size + 1e-150


@NORMS
@given(data=st.data(), matrices=chains(2))
def test_scales_and_kernels_are_part_of_the_product(norm, data, matrices):
    width, after = matrices[0].shape[1], matrices[-1].shape[0]
    scale = data.draw(arrays(np.float64, width, elements=st.sampled_from([0.0, 1e-20, 0.1, 1.0, 3.0, 1e20])))
    kernel = data.draw(arrays(np.float64, (after, 3), elements=numbers))
    exact = product(fractions(kernel.T), product(_exact(matrices), fractions(np.diag(scale))))
    assert _map(matrices).norm(norm, scale, kernel) >= exact_norm(exact, norm)


@NORMS
@given(left=chains(2), right=chains(2), data=st.data())
def test_maps_side_by_side_are_stacked(norm, left, right, data):
    width = min(left[0].shape[1], right[0].shape[1])
    left[0], right[0] = left[0][:, :width], right[0][:, :width]
    both = LipschitzMap.side_by_side([_map(left), _map(right)], width)
    exact = [*_exact(left), *_exact(right)]
    _assert_holds_the_exact_matrix(both.stages[0], exact)
    assert both.norm(norm, np.ones(width)) >= exact_norm(exact, norm)
    before = data.draw(arrays(np.float64, (width, 3), elements=numbers))
    behind = _map([before]).then_map(both)
    assert behind.norm(norm, np.ones(3)) >= exact_norm(product(exact, fractions(before)), norm)
    np.testing.assert_allclose(both.slopes().toarray(), both.stages[0].matrix.toarray())


def _clip(values):
    return np.clip(values, -1.0, 1.0)


@pytest.mark.parametrize("seed", range(20))
def test_functions_between_matrices_never_stretch_more_than_the_norm(seed):
    """Clips, stated constants and identities of unlike depth side by side, against pairs of points."""
    rng = np.random.default_rng(seed)
    a, b, c = (rng.standard_normal(shape) for shape in [(3, 2), (3, 3), (2, 2)])
    first = _map([a]).then_bounded(1.0, 3).then(Stage.of(b)).then_bounded(2.5, 3)
    second = _map([c])
    whole = LipschitzMap.side_by_side([first, second, LipschitzMap.selection([1], 2)], 2).then_bounded(1.0, 6)
    assert whole.width == 6

    def compute(x):
        inner = 2.5 * np.sin(_clip(x @ a.T) @ b.T)
        return _clip(np.concatenate([inner, x @ c.T, x[:, [1]]], axis=1))

    kernel = rng.standard_normal((6, 2))
    x = rng.standard_normal((2000, 2))
    y = x + rng.standard_normal((2000, 2)) * 10.0 ** rng.uniform(-3, 0, (2000, 1))
    for norm in (1, 2, np.inf):
        distance = np.linalg.norm(x - y, ord=norm, axis=1)
        moved = np.linalg.norm(compute(x) - compute(y), axis=1)
        assert (moved <= whole.norm(norm, np.ones(2)) * distance + 1e-12).all()
        moved = np.linalg.norm((compute(x) - compute(y)) @ kernel, axis=1)
        assert (moved <= whole.norm(norm, np.ones(2), kernel) * distance + 1e-12).all()


def test_a_clip_is_not_multiplied_through():
    """Beyond the clip the passed column moves alone; the product of the matrices would be 0."""
    clipped = LipschitzMap.selection([0], 1).then_bounded(1.0, 1)
    both = LipschitzMap.side_by_side([LipschitzMap.selection([0], 1), clipped], 1)
    kernel = np.array([[1.0], [-1.0]]) / np.sqrt(2)
    assert kernel.T @ both.slopes().toarray() == pytest.approx(0.0)
    slope = 1 / np.sqrt(2)  # of (x − clip(x)) / √2 beyond the limits
    assert both.norm(2, np.ones(1), kernel) >= slope
    # Without the clip it is one matrix, and nothing moves.
    plain = LipschitzMap.side_by_side([LipschitzMap.selection([0], 1)] * 2, 1)
    assert plain.norm(2, np.ones(1), kernel) < 1e-14


def test_a_function_of_constant_zero_stops_all_movement():
    still = LipschitzMap.selection([0, 1], 2).then_bounded(0.0, 3).then(Stage.of(np.ones((2, 3))))
    assert still.norm(2, np.ones(2)) < 1e-150


@NORMS
def test_cancellation_leaves_no_less_than_rounding_hides(norm):
    """0.1 + 0.2 − 0.3 is not 0, nor is its norm."""
    first, second = np.array([[1.0], [2.0], [3.0]]), np.array([[0.1, 0.1, -0.1]])
    exact = product(fractions(second), fractions(first))
    assert _map([first, second]).norm(norm, np.ones(1)) >= abs(exact[0][0])
    thirds = np.array([[1 / 3, 2 / 3, -1.0]])
    exact = product(fractions(thirds), fractions(first / 3))
    assert _map([first / 3]).norm(norm, np.ones(1), thirds.T) >= abs(exact[0][0])


@NORMS
@pytest.mark.parametrize("last", ["clip", "nothing"])
def test_cancellation_before_a_clip_leaves_no_less_either(norm, last):
    """Two weighted copies, and a projection that takes one from the other: what is left is a single entry."""
    first, second = np.array([[0.1], [0.3]]), np.array([[3.0, -1.0]])
    exact = abs(product(fractions(second), fractions(first))[0][0])
    assert 0 < exact < 1e-16
    whole = _map([first, second])
    whole = whole.then_bounded(1.0, 1) if last == "clip" else whole
    assert exact <= whole.norm(norm, np.ones(1), np.ones((1, 1))) < 1e-14
    assert exact <= whole.norm(norm, np.ones(1)) < 1e-14


@NORMS
@pytest.mark.parametrize("sizes", [(1e-200, 1e-200), (1e-200, 1e-200, 1e200), (1e-200, 1e-200, 1e200, 1e200)])
def test_products_that_underflow_are_not_lost(norm, sizes):
    matrices = [size * np.array([[1.0, 2.0], [3.0, 4.0]]) for size in sizes]
    exact, whole = _exact(matrices), _map(matrices)
    _assert_holds_the_exact_matrix(whole.stages[0], exact)
    assert whole.norm(norm, np.ones(2)) >= exact_norm(exact, norm)
    diagonal = _map([size * np.eye(2) for size in sizes])
    with np.errstate(all="ignore"):
        assert diagonal.norm(norm, np.ones(2)) >= MP.fprod(map(MP.mpf, sizes))


@NORMS
def test_scales_and_kernels_that_underflow_are_not_lost(norm):
    matrix = 1e-200 * np.array([[1.0, 2.0], [3.0, 4.0]])
    whole, scale, kernel = _map([matrix]), np.array([1e-200, 1e-150]), 1e-100 * np.ones((2, 1))
    exact = product(fractions(matrix), fractions(np.diag(scale)))
    assert whole.norm(norm, scale) >= exact_norm(exact, norm)
    assert whole.norm(norm, scale, kernel) >= exact_norm(product(fractions(kernel.T), exact), norm)
    assert _map([1e-200 * np.eye(2)]).norm(norm, scale) >= 1e-200 * MP.mpf("1e-150") * (1 - MP.mpf("1e-15"))


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
def test_the_loose_norm_is_no_less_than_the_norm(rng, size):
    matrix = size * rng.standard_normal((3, 5))
    assert Stage.of(matrix).loose_norm() >= exact_norm(fractions(matrix), 2)
    assert _map([matrix, np.eye(3)]).stages[0].loose_norm() >= exact_norm(fractions(matrix), 2)


@NORMS
def test_wide_maps_of_single_columns_are_cheap(norm):
    """No dense matrix of a million columns by a million."""
    width = 1_000_000
    whole = LipschitzMap.selection(np.arange(width), width)
    expected = {1: 3.0, 2: 3.0, np.inf: 3.0 * np.sqrt(width)}[norm]
    assert expected <= whole.norm(norm, np.full(width, 3.0)) <= TIGHT * expected


# Steps ------------------------------------------------------------------------------------------


def exact_rows(step, rows):
    """What a fitted transformer means, in fractions: from its parameters, as scikit-learn documents them."""
    if isinstance(step, str) or type(step) is FunctionTransformer or type(step) is SimpleImputer:
        return rows
    if isinstance(step, Pipeline):
        for _, inner in step.steps:
            rows = exact_rows(inner, rows)
        return rows
    if isinstance(step, FeatureUnion):
        weights = step.transformer_weights or {}
        parts = [_times(exact_rows(inner, rows), weights.get(name)) for name, inner in step.transformer_list]
        return [list(itertools.chain(*row)) for row in zip(*parts, strict=True)]
    if isinstance(step, ColumnTransformer):
        weights = step.transformer_weights or {}
        parts = []
        for name, inner, _ in step.transformers_:
            columns = step._transformer_to_input_indices[name]
            if not (isinstance(inner, str) and inner == "drop") and len(columns):
                taken = [[row[column] for column in columns] for row in rows]
                parts.append(_times(exact_rows(inner, taken), weights.get(name)))
        return [list(itertools.chain(*row)) for row in zip(*parts, strict=True)]
    if hasattr(step, "get_support"):
        return [[row[column] for column in step.get_support(indices=True)] for row in rows]
    if hasattr(step, "components_"):
        return _exact_components(step, rows)
    n = len(rows[0])
    zeros, ones = [Fraction(0)] * n, [Fraction(1)] * n
    if type(step) is MinMaxScaler:
        factors, shifts = fractions(step.scale_)[0], fractions(step.min_)[0]
        low, high = map(Fraction, step.feature_range)
        rows = [[x * factor + shift for x, factor, shift in zip(row, factors, shifts, strict=True)] for row in rows]
        return [[min(max(x, low), high) for x in row] for row in rows] if step.clip else rows
    if type(step) is MaxAbsScaler:
        centers, scales = zeros, fractions(step.scale_)[0]
    elif type(step) is StandardScaler:
        centers = fractions(step.mean_)[0] if step.with_mean else zeros
        scales = fractions(step.scale_)[0] if step.with_std else ones
    else:
        assert type(step) is RobustScaler
        centers = fractions(step.center_)[0] if step.with_centering else zeros
        scales = fractions(step.scale_)[0] if step.with_scaling else ones
    rows = [[(x - center) / scale for x, center, scale in zip(row, centers, scales, strict=True)] for row in rows]
    clips = getattr(step, "clip", False)
    return [[min(max(x, Fraction(-1)), Fraction(1)) for x in row] for row in rows] if clips else rows


def _exact_components(step, rows):
    centers = fractions(step.mean_)[0] if hasattr(step, "mean_") else [Fraction(0)] * len(rows[0])
    centred = [[x - center for x, center in zip(row, centers, strict=True)] for row in rows]
    images = product(centred, [list(column) for column in zip(*fractions(step.components_), strict=True)])
    if not getattr(step, "whiten", False):
        return images
    deviations = np.sqrt(step.explained_variance_)
    deviations = fractions(np.maximum(deviations, np.finfo(deviations.dtype).eps))[0]
    return [[x / deviation for x, deviation in zip(row, deviations, strict=True)] for row in images]


def _times(rows, weight):
    return rows if weight is None else [[Fraction(weight) * x for x in row] for row in rows]


def _read(step, X):
    """The nodes of a transformer, where its columns come from, and a run of a plan of it alone."""
    reading = Reading({})
    nodes, origin = read_steps([("step", step)], Origin.of(X), "", reading)
    plan = Plan(None, frozenset(reading.encoded), frozenset())
    return nodes, origin, Run.of(plan, tuple(reading.parts), 2, np.ones(X.shape[1]))


def _traced(step, X):
    nodes, _, run = _read(step, X)
    return run.through(nodes, run.begin(X))


def _dense(X):
    return X.toarray() if sparse.issparse(X) else np.asarray(X)


def assert_error_is_bounded(step, X, moved=()):
    """At every row of ``X``; and at rows that moved there by as much more as ``error_lipschitz`` says."""
    point = _traced(step, X)
    outputs, exact = _dense(point.values), exact_rows(step, fractions(X))
    known = np.isfinite(np.float64(outputs)).all(axis=1) & np.isfinite(point.error)  # predict refuses what overflows
    computed = fractions(np.where(known[:, None], outputs, 0))
    assert point.place.width == len(exact[0])
    assert point.error.shape == (X.shape[0],)
    assert not np.isnan(point.error).any()
    for seen, true, error, certain in zip(computed, exact, point.error.tolist(), known, strict=True):
        if certain:
            assert square([a - b for a, b in zip(seen, true, strict=True)]) <= Fraction(error) ** 2
    steepness = Fraction(point.place.map.norm(2, np.ones(X.shape[1])))
    for there in moved:
        outputs = _dense(step.transform(there))
        finite = np.isfinite(np.float64(outputs)).all(axis=1)
        seen_there, exact_there = fractions(np.where(finite[:, None], outputs, 0)), exact_rows(step, fractions(there))
        for row, (before, after) in enumerate(zip(fractions(X), fractions(there), strict=True)):
            way = square([a - b for a, b in zip(after, before, strict=True)])
            image = square([a - b for a, b in zip(exact_there[row], exact[row], strict=True)])
            assert image <= steepness**2 * way
            if finite[row] and known[row] and np.isfinite(point.place.error_lipschitz):
                off = square([a - b for a, b in zip(seen_there[row], exact_there[row], strict=True)])
                length = MP.sqrt(MP.mpf(way.numerator) / way.denominator) * (1 + MP.mpf("1e-40"))
                allowed = MP.mpf(float(point.error[row])) + MP.mpf(point.place.error_lipschitz) * length
                assert MP.mpf(off.numerator) / off.denominator <= allowed**2 * (1 + MP.mpf("1e-40"))
    return point


STEPS = {
    "standard": StandardScaler(),
    "standard, mean": StandardScaler(with_std=False),
    "standard, std": StandardScaler(with_mean=False),
    "standard, neither": StandardScaler(with_mean=False, with_std=False),
    "min-max": MinMaxScaler(),
    "min-max, range": MinMaxScaler((-3.0, 0.1)),
    "min-max, clip": MinMaxScaler((0.1, 0.7), clip=True),
    "max-abs": MaxAbsScaler(),
    "max-abs, clip": MaxAbsScaler(clip=True),
    "robust": RobustScaler(),
    "robust, unit variance": RobustScaler(unit_variance=True, quantile_range=(10, 90)),
    "robust, centre": RobustScaler(with_scaling=False),
    "robust, scale": RobustScaler(with_centering=False),
    "PCA": PCA(2),
    "PCA, all": PCA(),
    "PCA, whitened": PCA(3, whiten=True),
    "incremental PCA": IncrementalPCA(2),
    "incremental PCA, whitened": IncrementalPCA(2, whiten=True),
    "truncated SVD": TruncatedSVD(2, random_state=0),
    "imputer": SimpleImputer(),
    "identity": FunctionTransformer(),
    "weights": FeatureUnion(
        [("a", StandardScaler()), ("b", "passthrough"), ("c", MinMaxScaler(clip=True))],
        transformer_weights={"a": 0.1, "b": -3, "c": np.float64(1 / 3)},
    ),
    "columns": ColumnTransformer(
        [
            ("a", make_pipeline(StandardScaler(), PCA(1)), [2, 0]),
            ("b", RobustScaler(), slice(1, 3)),
            ("d", "drop", [0]),
        ],
        remainder="passthrough",
        transformer_weights={"a": 0.3},
    ),
    "nested": make_pipeline(
        MinMaxScaler(clip=True), make_union(PCA(2, whiten=True), make_pipeline(MaxAbsScaler(), "passthrough")), PCA(3)
    ),
}

FAMILIES = {
    "unit": lambda rng: rng.standard_normal((30, 4)),
    "offset": lambda rng: 1e8 + rng.standard_normal((30, 4)),
    "small": lambda rng: 1e-30 * rng.standard_normal((30, 4)),
    "large": lambda rng: 1e15 * (1 + rng.standard_normal((30, 4))),
    "unlike": lambda rng: rng.standard_normal((30, 4)) * [1e-30, 1.0, 1e8, 1e15] + [0.0, 1e5, -1e9, 0.0],
    "duplicated": lambda rng: np.repeat(rng.standard_normal((30, 2)), 2, axis=1),
    "constant": lambda rng: np.insert(rng.standard_normal((30, 3)), 2, 7.0, axis=1),
}


def test_every_step_that_can_be_read_is_tested():
    tested = {type(step) for step in STEPS.values()}
    assert set(_READERS) <= tested


@pytest.fixture
def quiet():
    """scikit-learn divides by variances of 0 and overflows squares, and says so."""
    with np.errstate(all="ignore"):
        yield


FLOATS = ("float16", "float32", "float64")

COMBINATIONS = [
    *[(family, dtype, dtype) for family in FAMILIES for dtype in ("float32", "float64")],
    *[(family, "float16", "float16") for family in ("unit", "duplicated", "constant")],
    *[("unit", dtype, fitted_on) for dtype, fitted_on in itertools.permutations(FLOATS, 2)],
    *[("offset", dtype, fitted_on) for dtype, fitted_on in itertools.permutations(FLOATS[1:], 2)],
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family, dtype, fitted_on", COMBINATIONS)
@pytest.mark.parametrize("name", STEPS)
def test_the_error_of_a_step_is_bounded(rng, quiet, name, family, dtype, fitted_on):
    training = FAMILIES[family](rng)
    if "float16" in (dtype, fitted_on):
        training = training * [0.01, 1.0, 30.0, 100.0] + [0.0, 1.0, 300.0, -1000.0]
    step = clone(STEPS[name]).fit(training.astype(fitted_on))
    X = (training[:4] + 0.3 * rng.standard_normal((4, 4)) * np.abs(training[:4])).astype(dtype)
    there = (X + training.std(axis=0) * rng.standard_normal((4, 4))).astype(dtype)
    point = assert_error_is_bounded(step, X, [there, there.astype(np.float64), np.nextafter(X, there)])
    if name in ("imputer", "identity"):
        assert (point.error == conversion_error(X)).all()  # of float32 in threads that flush, 1e-38
    elif family == "unit" and dtype == fitted_on:
        # Of use as well: not many times what rounding of values of this size can be.
        unit = {"float16": 2.0**-11, "float32": 2.0**-24, "float64": 2.0**-53}[dtype]
        assert (point.error <= (1e5 if dtype == "float16" else 1e3) * unit).all()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", STEPS)
def test_the_error_at_subnormal_and_zero_values_is_bounded(rng, quiet, name, dtype):
    step = clone(STEPS[name]).fit((5 + rng.standard_normal((30, 4))).astype(dtype))
    smallest = np.finfo(dtype).smallest_subnormal
    X = np.array([[0, 1, 2, 3], [-7, 0, 100, -1], [0, 0, 0, 0]], dtype=dtype) * smallest
    assert X.dtype == dtype
    assert_error_is_bounded(step, X, [X[::-1], X + dtype(1)])


_fitted = {}


def _shared(name):
    if name not in _fitted:
        _fitted[name] = STEPS[name].fit(np.random.default_rng(5).standard_normal((40, 4)) * [1, 10, 0.01, 3] + 2)
    return _fitted[name]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["standard", "min-max, clip", "robust", "PCA, whitened", "weights", "nested"])
@given(data=st.data())
def test_the_error_of_any_rows_is_bounded(name, data):
    dtype = data.draw(st.sampled_from([np.float16, np.float32, np.float64]))
    width = {np.float16: 16, np.float32: 32, np.float64: 64}[dtype]
    largest = {16: 1e3, 32: 2.0**60, 64: 2.0**60}[width]
    rows = arrays(dtype, (2, 4), elements=st.floats(-largest, largest, width=width))
    X, there = data.draw(rows), data.draw(rows)
    with np.errstate(all="ignore"):
        assert_error_is_bounded(_shared(name), X, [there])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "step",
    [MaxAbsScaler(), MaxAbsScaler(clip=True), StandardScaler(with_mean=False), RobustScaler(with_centering=False),
     TruncatedSVD(2, random_state=0), PCA(2, svd_solver="arpack", random_state=0), SimpleImputer(), VarianceThreshold(),
     make_union(TruncatedSVD(2, random_state=0), MaxAbsScaler())],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("kind", ["csr", "csc"])
def test_the_error_of_a_step_on_sparse_rows_is_bounded(rng, step, kind, dtype):
    X = sparse.random_array((40, 6), density=0.5, rng=rng, format=kind, dtype=np.float64)
    X = (X * np.array([1, 10, 100, 1e-3, 5, 1e4])).asformat(kind).astype(dtype)
    step.fit(X)
    there = (X[:5] * 1.3).asformat(kind).astype(dtype)
    assert_error_is_bounded(step, X[:5], [there])


@pytest.mark.parametrize("scale", [1e-250, 1e-200, 1e200, 1e250])
@pytest.mark.parametrize("step", [RobustScaler(), RobustScaler(with_centering=False), MinMaxScaler()], ids=str)
def test_the_error_in_extreme_units_is_bounded(rng, quiet, step, scale):
    """The squares of the entries of the matrix over- or underflow."""
    X = 3 + rng.standard_normal((20, 3))
    step.fit(X)
    step.scale_ = step.scale_ * scale if type(step) is RobustScaler else step.scale_ / scale
    if getattr(step, "center_", None) is not None:
        step.center_ = step.center_ * scale
    X = scale * X
    point = assert_error_is_bounded(step, X[:5], [X[5:10]])
    assert ((point.error > 1e-16) & (point.error < 1e-13)).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_constants_of_steps_fitted_in_low_precision_are_those_of_the_stored_parameters(rng, dtype):
    """1 / scale in float32 is off by more than float64 rounding."""
    X = (rng.standard_normal((50, 1)) * 3).astype(dtype)
    for step in (MaxAbsScaler(), RobustScaler(), StandardScaler(), MinMaxScaler()):
        step.fit(X)
        bound = _traced(step, X).place.map.norm(2, np.ones(1))
        factor = fractions(step.scale_)[0][0]
        exact = factor if type(step) is MinMaxScaler else 1 / factor
        assert exact <= Fraction(bound) <= exact * Fraction(TIGHT)


def test_float16_products_that_overflow_before_a_clip_certify_nothing_wrong(quiet):
    """The product is infinite, the exact image within the limits: the clip hides the overflow."""
    step = MinMaxScaler((0, 20000), clip=True).fit(np.array([[3.0], [3.5]]))
    X = np.array([[3.1], [3.3]], dtype=np.float16)
    assert step.scale_ * X.max() > 65504
    assert_error_is_bounded(step, X, [X[::-1], X + np.float16(0.1)])


def test_centres_below_the_smallest_normal_number_cost_no_certificate(rng):
    """Rows that are centred already have means near 0, which float16 does not hold."""
    X = rng.standard_normal((40, 3)).astype(np.float16)
    X = np.concatenate([X, -X])
    step = StandardScaler().fit(X - np.float64(1e-7))
    assert 0 < np.abs(step.mean_).max() < 2.0**-14
    assert (assert_error_is_bounded(step, X[:4], [X[4:8]]).error < 0.1).all()


def test_scales_that_a_precision_does_not_hold_certify_nothing(rng, quiet):
    X = rng.standard_normal((30, 2))
    step = StandardScaler().fit(X * [1.0, 1e-6])
    assert np.isinf(_traced(step, X.astype(np.float16)).error).all()
    assert np.isfinite(_traced(step, X.astype(np.float32)).error).all()


SELECTORS = [
    VarianceThreshold(0.1),
    SelectKBest(k=2),
    SelectPercentile(percentile=50),
    SelectFpr(alpha=0.9),
    SelectFdr(alpha=0.9),
    SelectFwe(alpha=0.9),
    GenericUnivariateSelect(mode="k_best", param=1),
    SelectFromModel(LogisticRegression(), max_features=2, threshold=-np.inf),
    RFE(LogisticRegression(), n_features_to_select=2),
    SequentialFeatureSelector(LogisticRegression(), n_features_to_select=2, cv=2),
]


@pytest.mark.parametrize("selector", SELECTORS, ids=lambda selector: type(selector).__name__)
def test_selectors_are_exact(rng, selector):
    X = rng.standard_normal((60, 4)) * [1.0, 0.01, 2.0, 1.0]
    selector.fit(X, X[:, 0] + X[:, 2] > 0)
    X = 1e15 * X[:5]
    point = assert_error_is_bounded(selector, X, [X[::-1]])
    assert not point.error.any()
    assert point.place.error_lipschitz == 0
    np.testing.assert_array_equal(_read(selector, X)[1].sources, selector.get_support(indices=True))
    np.testing.assert_array_equal(point.place.map.slopes().toarray(), np.eye(4)[selector.get_support(indices=True)])


class _TimesTen(VarianceThreshold):
    """A selector that does more than to select."""

    def transform(self, X):
        return 10 * super().transform(X)


class _TimesTenInside(VarianceThreshold):
    def _transform(self, X):
        return 10 * X


class _LoudScaler(StandardScaler):
    def transform(self, X):
        return 10 * super().transform(X)


@pytest.mark.parametrize("step", [_TimesTen(), _TimesTenInside(), _LoudScaler()], ids=lambda s: type(s).__name__)
def test_subclasses_that_compute_something_else_are_refused(rng, step):
    X = rng.standard_normal((20, 3))
    with pytest.raises(NotLipschitzError, match=f"'step' \\({type(step).__name__}\\)"):
        _traced(step.fit(X), X)


def test_a_step_that_computes_something_else_is_found_out(rng, monkeypatch):
    """As another version of scikit-learn might."""
    X, transform = rng.standard_normal((20, 3)), StandardScaler.transform
    scaler = StandardScaler().fit(X)
    monkeypatch.setattr(StandardScaler, "transform", lambda self, X: 1.001 * transform(self, X))
    with pytest.raises(NotLipschitzError, match="does not compute what sklip expects"):
        _traced(scaler, X)
    monkeypatch.setattr(StandardScaler, "transform", lambda self, X: transform(self, X)[:, :2])
    with pytest.raises(NotLipschitzError, match="does not return the columns"):
        _traced(scaler, X)


@pytest.mark.filterwarnings("ignore:Skipping features")
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("add_indicator", [False, True])
@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent"])
def test_imputers_hand_complete_rows_on(rng, keep, add_indicator, strategy):
    X = rng.standard_normal((20, 4))
    training = X.copy()
    training[:, 1], training[3, 2] = np.nan, np.nan
    imputer = SimpleImputer(strategy=strategy, keep_empty_features=keep, add_indicator=add_indicator).fit(training)
    point = _traced(imputer, X)
    assert point.place.width == 3 + keep + 2 * add_indicator
    assert not point.error.any()
    kept = [0, 1, 2, 3] if keep else [0, 2, 3]
    np.testing.assert_array_equal(_read(imputer, X)[1].sources, [*kept, *[-1] * (2 * add_indicator)])
    gap = X.copy()
    gap[3, 2] = np.nan
    filled = _traced(imputer, gap)
    assert not filled.error.any()
    np.testing.assert_array_equal(_read(imputer, gap)[1].sources, _read(imputer, X)[1].sources)


# Precisions -------------------------------------------------------------------------------------


def test_precisions_are_the_coarsest_of_all_columns():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    for name in ("float16", "float32", "float64"):
        assert precision(np.zeros(2, dtype=name)) == name
        assert precision(np.zeros(2), np.zeros(1, dtype=name)) == name
    for name in ("int8", "int64", "uint16", "bool", "object", "<U3"):
        assert precision(np.zeros(2, dtype=name)) == "float64"
    frame = pandas.DataFrame({"a": [1.0], "b": [2], "c": ["x"]})
    assert precision(frame) == "float64"
    assert precision(frame.assign(d=np.float32([1]))) == "float32"
    assert precision(frame.assign(d=pandas.array([1.0], dtype="Float32"))) == "float32"
    assert precision(polars.DataFrame({"a": [1.0], "b": ["x"]})) == "float64"
    assert precision(polars.DataFrame({"a": [1.0]}, schema={"a": polars.Float32})) == "float32"
    assert precision(sparse.csr_array(np.ones((2, 2), dtype=np.float32))) == "float32"
    assert precision(None, 3.0, np.float32(3.0)) == "float32"
    assert precision() == "float64"
