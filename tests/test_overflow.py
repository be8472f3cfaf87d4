"""Sums that overflow on the way, and operations after them that make finite numbers of what came out."""

from fractions import Fraction

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler

from sklip import NetworkClassifier, certified_radius
from sklip.arithmetic.rounding import LARGEST, TINY, product_above, round_down, round_up
from sklip.certification import certificate, scores_and_errors, wasserstein_lower_bound
from tests.helpers import exact_scores, network_of, random_network, serving
from tests.test_pipeline_traps import linear


def _column(*values):
    return np.array([values], dtype=float).T


def _network(kernels, biases, activation="relu"):
    return network_of(np.zeros(len(kernels[0])), tuple(kernels), tuple(biases), (activation,) * (len(kernels) - 1))


UNIT = 5e107


def _hides_minus_infinity():
    bias = np.array([-1e-9 * UNIT])
    return _network([_column(-1e200, 5e199, 5e199), np.array([[1e-200]])], [np.zeros(1), bias])


def test_a_hidden_minus_infinity_is_not_certified_as_zero():
    classifier, x = serving(_hides_minus_infinity()), np.array([[3.59, 3.8, 3.8]]) * UNIT
    moved = x - [[0.01 * UNIT, 0.0, 0.0]]
    assert classifier.predict(x) != classifier.predict(moved) or exact_scores(classifier.network_, x[0])[0] > 0
    assert classifier.certified_radius(x) == 0.0
    assert certified_radius(classifier, x) == 0.0
    _, errors = scores_and_errors(classifier.network_, x)
    assert np.isinf(errors).all()


@pytest.mark.parametrize("size", [1e150, 1e154, 1e160])
def test_two_layers_whose_product_overflows_certify_no_more_than_is_true(rng, size):
    """The exact scores of rows within every radius have the sign that is predicted."""
    kernels = [size * rng.standard_normal((3, 4)), size * rng.standard_normal((4, 4)), np.full((4, 1), 1.0 / size)]
    network = _network(kernels, [np.zeros(4), np.zeros(4), np.array([-1e-9 * size])])
    classifier = serving(network)
    for scale in (1.0, 5e7, 1e20, 1e100):
        X = scale * np.abs(rng.standard_normal((40, 3)))
        try:
            radii, predicted = classifier.certified_radius(X), classifier.predict(X)
        except ValueError:  # the scores themselves overflow
            continue
        for row in np.flatnonzero(radii > 0):
            exact = exact_scores(network, X[row])[0]
            assert (exact > 0) == (predicted[row] == 1)
            assert radii[row] <= certificate(network).error.farthest


def test_a_radius_ends_where_something_may_overflow():
    """A large score over a small slope alone would reach beyond the largest number."""
    network = _network([np.array([[1.0]]), np.array([[1e-10]])], [np.zeros(1), np.array([-1e300])])
    proof = certificate(network)
    assert proof.may_overflow
    assert serving(network).certified_radius(np.zeros((1, 1)))[0] <= proof.error.farthest


def test_ordinary_networks_have_nothing_to_check(rng):
    for activation in ("groupsort2", "relu", "fullsort"):
        proof = certificate(random_network(rng, (30, 64, 32, 1), activation))
        assert not proof.may_overflow
        assert proof.error.farthest > 1e300


def test_differences_of_scores_do_not_overflow_into_a_radius():
    network = network_of(np.zeros(1), (np.array([[1e200, -1e200, 0.0]]),), (np.zeros(3),), ())
    x = np.array([[1.7e108]])
    radius = serving(network).certified_radius(x)[0]
    assert radius <= 1.7e108  # at 0 the scores tie


# Means --------------------------------------------------------------------------------------


def test_a_sum_that_overflows_proves_no_distance():
    scores = np.array([1e308, 1e308, 0.0, 0.0])
    positive = np.array([True, True, False, False])
    bound = wasserstein_lower_bound(scores, np.zeros(4), positive, np.ones(4), 1.0)
    assert bound == 0.0  # W1 is 1e308; its sum is not a number
    assert wasserstein_lower_bound(scores / 4, np.zeros(4), positive, np.ones(4), 1.0) <= 2.5e307
    assert wasserstein_lower_bound(scores / 4, np.zeros(4), positive, np.ones(4), 1.0) >= 2.4e307


def test_a_distance_of_rows_whose_mean_overflows_is_not_the_largest_number():
    network = network_of(np.zeros(1), (np.array([[1e300]]),), (np.zeros(1),), ())
    X, y = np.array([[0.0], [0.0], [1e8], [1e8], [1e8]]), np.array([0, 0, 1, 1, 1])
    classifier = NetworkClassifier(network=network).fit(X, y)
    assert 0.0 <= classifier.kr_distance(X, y) <= 1e8


# Steps --------------------------------------------------------------------------------------


def _in_a_union(step, X):
    return FeatureUnion([("a", step), ("b", "passthrough")]).fit(X)


def _in_columns(step, X):
    return ColumnTransformer([("a", step, [0, 1]), ("b", "passthrough", [0, 1])]).fit(X)


def _with_a_threshold(model):
    threshold = FixedThresholdClassifier(FrozenEstimator(model), threshold=0.0, response_method="decision_function")
    return threshold.fit([[0.0, 0.0], [1.0, 1.0]], [0, 1])


@pytest.mark.parametrize("within", [None, _in_a_union, _in_columns])
@pytest.mark.parametrize("outer", [lambda model: model, FrozenEstimator, _with_a_threshold])
def test_an_imputer_does_not_fill_what_a_step_made_of_an_overflow(within, outer):
    """In float32, the difference of two columns is inf − inf a little farther out, and that is filled."""
    X = np.float32([[1.12e38, 1.12e38], [1e38, 1e38]])
    pca = PCA(2).fit(np.float32([[1, 2], [3, -1], [0, 1]]))
    steps, width = (pca, 2) if within is None else (within(pca, X), 4)
    # As the user may set them; where the union cloned the step, in the clone.
    inner = {_in_a_union: "transformer_list", _in_columns: "transformers_"}
    fitted = pca if within is None else getattr(steps, inner[within])[0][1]
    fitted.components_, fitted.mean_ = np.float32([[3.0, -3.0], [0.0, 0.0]]), np.zeros(2, np.float32)
    imputer = SimpleImputer(strategy="constant", fill_value=-3e38).fit(np.zeros((2, width), np.float32))
    model = outer(make_pipeline(steps, imputer, linear([1.0] + [0.0] * (width - 1), 1e38)))
    far = np.full((1, 2), 1.14e38, np.float32)
    assert np.isnan(fitted.transform(far)).any()
    assert model.predict(far) != model.predict(X[:1])
    assert certified_radius(model, X)[0] < np.linalg.norm(np.float64(far) - X[0])
    assert certified_radius(model, np.float32([[1.0, 1.0]]))[0] > 1e37


@pytest.mark.parametrize("kind", [FeatureUnion, ColumnTransformer])
def test_a_weighted_branch_overflows_in_its_own_precision(kind):
    """6.6 times 1e4 is infinite in float16, and not in float64."""
    X, weights = np.float16([[5.0], [6.0], [1.0]]), {"a": 1e4}
    branch = ("a", "passthrough") if kind is FeatureUnion else ("a", "passthrough", [0])
    model = make_pipeline(kind([branch], transformer_weights=weights).fit(X), linear([1.0], 1.0))
    with pytest.raises(ValueError, match="infinity"):
        model.predict(np.float16([[6.6]]))
    radii = certified_radius(model, X)
    assert (X[:, 0] + radii <= 65504 / 1e4).all()
    assert (radii > 0.3).all()


def test_a_projection_that_is_divided_in_the_end_overflows_before():
    X = np.float32([[1e38, 1e38], [1e38, 0.0]])
    pca = PCA(2, whiten=True).fit(np.float32([[1, 2], [3, -1], [0, 1]]))
    pca.components_, pca.mean_ = np.float32([[2.0, 1.0], [0.0, 0.0]]), np.zeros(2, np.float32)
    pca.explained_variance_ = np.float32([1e38, 1.0])
    model = make_pipeline(pca, linear([1.0, 0.0], 1.0))
    with pytest.raises(ValueError, match=r"infinity|overflow"):
        model.predict(np.float32([[1.6e38, 1.6e38]]))
    assert certified_radius(model, X)[0] < 1e38


def test_float16_is_certified_close_to_where_it_overflows(rng):
    """A bound for all columns together would end radii long before."""
    X = rng.uniform(-1, 1, (40, 30)).astype(np.float16)
    X[:, 0] = np.float16(3e4)
    scaler = MaxAbsScaler().fit(np.ones((2, 30)))
    w = np.zeros(30)
    w[0] = 1.0
    radii = certified_radius(make_pipeline(scaler, linear(w, 3.0)), X)
    assert (radii > 2.5e4).all()
    assert (3e4 + radii < 65504).all()


@pytest.mark.parametrize("scaler", [MinMaxScaler(clip=True), MaxAbsScaler(clip=True)])
def test_a_clip_does_not_certify_rows_that_it_made_finite(scaler):
    X = np.array([[1.0, 1.0], [0.0, 0.5]])
    model = make_pipeline(scaler.fit(X), linear([1.0, 0.3], -0.2))
    with sklearn.config_context(assume_finite=True):
        radii = certified_radius(model, np.array([[np.inf, 1.0], [0.9, 1.0]]))
    assert radii[0] == 0.0 < radii[1]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("kind", [StandardScaler, MaxAbsScaler, PCA])
def test_no_step_overflows_within_a_radius(dtype, kind):
    largest = float(np.finfo(dtype).max)
    computed = float(np.finfo(np.float64 if (kind, dtype) == (PCA, np.float16) else dtype).max)  # it converts float16
    X = (np.array([[0.9, 0.1], [0.2, 0.6], [1e-3, 2e-3]]) * largest).astype(dtype)
    step = kind().fit(np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.0]]))
    model = make_pipeline(step, linear([1e-9, 1e-9] if kind is PCA else [1.0, 1.0], 0.5))
    try:
        radii = certified_radius(model, X)
    except ValueError as error:
        assert "overflow" in str(error) or "infinity" in str(error)
        return
    for row, radius in zip(X, radii, strict=True):
        assert np.abs(row.astype(float)).max() + radius <= computed


def test_sparse_rows_near_the_largest_number_have_no_radius_across_it():
    X = sparse.csr_array(np.array([[3e38, 0.0]], np.float32))
    model = make_pipeline(MaxAbsScaler().fit(X), linear([1.0, 1.0], 0.5))
    model.steps[0][1].scale_ = np.float32([1.0, 1.0])
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        certified_radius(model, X)


@pytest.mark.parametrize("norm", [1, 2, np.inf])
def test_constants_that_are_no_numbers_leave_no_radius(norm):
    """Two scalers of 1e-200 and one of 1e200: the product is inf · 0 on the way."""
    scalers = []
    for scale in (1e-200, 1e-200, 1e200):
        scaler = MaxAbsScaler().fit(np.eye(2))
        scaler.scale_ = np.full(2, scale)
        scalers.append(scaler)
    model = make_pipeline(*scalers, linear([1.0, 1.0], 1e-3))
    radii = certified_radius(model, np.array([[0.0, 0.0], [1e-210, 0.0]]), norm=norm)
    assert (radii == 0.0).all()
    assert radii.lipschitz_bound == np.inf or radii.lipschitz_bound > 1e199


# Directed rounding --------------------------------------------------------------------------


def test_rounding_down_makes_no_infinite_lower_bound():
    assert round_down(np.inf) == LARGEST
    assert round_down(LARGEST) < LARGEST
    assert np.isnan(round_down(np.nan))
    assert round_down(np.float64(3 * TINY)) == 0.0  # what is lost may be all of it
    assert round_down(np.float64(1.0)) < 1.0 < round_up(np.float64(1.0))


def test_bounds_are_zero_or_normal():
    assert product_above(1e-200, 1e-200) >= TINY
    assert product_above(0.0, np.inf) == 0.0
    assert Fraction(product_above(1.1, 1.3)) >= Fraction(1.1) * Fraction(1.3)
    assert round_up(np.float64(0.0)) >= TINY
