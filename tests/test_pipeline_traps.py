"""Pipelines built to break a certificate: copies of columns, limits of clips, weights, subclasses, edits in place."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import wasserstein_distance
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler

from sklip import HKRClassifier, NetworkClassifier, NotLipschitzError, audit, certified_radius
from sklip.served import Center, Dense
from tests.helpers import network_of, random_network, serving


def linear(weights, bias):
    """A classifier whose score is ``weights · x + bias``."""
    weights = np.float64(weights)[:, None]
    return serving(network_of(np.zeros(len(weights)), (weights,), (np.float64([bias]),), ()))


def assert_same_in_float64(model, X):
    """Rows of float32 are predicted as the float64 rows at no distance from them, where they have a radius."""
    certified = certified_radius(model, X) > 0
    np.testing.assert_array_equal(model.predict(X)[certified], model.predict(X.astype(np.float64))[certified])


def test_a_column_taken_many_times_is_as_many_times_wrong(rng):
    X = (1e4 + rng.random((1000, 1))).astype(np.float32)
    scaler = MinMaxScaler().fit(X)
    copies = ColumnTransformer([("a", "passthrough", [0] * 10_000)]).fit(scaler.transform(X))
    coarse, fine = (scaler.transform(X.astype(dtype))[:, 0] for dtype in (np.float32, np.float64))
    row = int(np.abs(coarse - fine).argmax())
    middle = 100 * (0.999 * fine[row] + 0.001 * coarse[row])
    model = Pipeline([("s", scaler), ("c", copies), ("f", linear(np.full(10_000, 0.01), -middle))])
    assert model.predict(X[[row]]) != model.predict(X[[row]].astype(np.float64))
    assert certified_radius(model, X[[row]]) == 0
    assert_same_in_float64(model, X)


@pytest.mark.parametrize("limits", [(0.1, 0.9), (1e6 + 0.03448, 1e6 + 1.2)])
def test_the_limits_of_a_clip_are_rounded_as_the_rows_are(limits):
    scaler = MinMaxScaler(limits, clip=True).fit([[limits[0]], [limits[1]]])
    X = np.array([[limits[0] - 1.0]], np.float32)
    coarse, fine = (float(scaler.transform(X.astype(dtype))[0, 0]) for dtype in (np.float32, np.float64))
    assert coarse != fine
    model = Pipeline([("s", scaler), ("f", linear([1.0], -(0.05 * coarse + 0.95 * fine)))])
    assert model.predict(X) != model.predict(X.astype(np.float64))
    assert certified_radius(model, X) == 0


@pytest.mark.parametrize("entry", [np.float16(0.3), np.float32(0.3), np.int8(100)])
def test_objects_are_not_weighted(entry):
    X = np.array([[entry]], dtype=object)
    model = make_pipeline(FeatureUnion([("p", "passthrough")], transformer_weights={"p": 0.3}), linear([1.0], 0.1))
    with pytest.raises(NotLipschitzError, match="objects"):
        certified_radius(model, X)


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.uint64])
def test_integers_are_weighted_by_floats_only(dtype):
    X = np.array([[100]], dtype=dtype)
    for weight, fails in [(3, True), (3.0, False), (1, False)]:
        union = FeatureUnion([("p", "passthrough")], transformer_weights={"p": weight})
        model = make_pipeline(union, linear([1.0], 0.5))
        if fails:
            with pytest.raises(NotLipschitzError, match="wrap around"):
                certified_radius(model, X)
        else:
            assert certified_radius(model, X) > 0


class _Rounds(NetworkClassifier):
    def predict(self, X):
        return super().predict(np.round(X))


class _RoundsFirst(Pipeline):
    def predict(self, X):
        return super().predict(np.round(X))


class _Searches(GridSearchCV):
    def predict(self, X):
        return self.best_estimator_.predict(-X)


def test_a_subclass_with_a_predict_of_its_own_is_refused(rng):
    X = rng.standard_normal((5, 2))
    network = linear([1.0, 1.0], 0.1).network_
    search = _Searches(HKRClassifier(), {})
    search.best_estimator_ = serving(network)
    for model in (serving(network, _Rounds), _RoundsFirst([("f", serving(network))]), search):
        with pytest.raises(NotLipschitzError):
            certified_radius(model, X)

    class Named(NetworkClassifier):
        """A subclass that predicts as its parent does is its parent."""

    np.testing.assert_array_equal(certified_radius(serving(network, Named), X) > 0, True)


def test_an_estimator_that_predicts_otherwise_is_refused(monkeypatch):
    classifier = linear([1.0, 1.0], 0.1)
    monkeypatch.setattr(type(classifier), "predict", lambda self, X: np.ones(len(X), dtype=int))
    with pytest.raises(NotLipschitzError, match="does not predict what sklip expects"):
        certified_radius(classifier, -np.ones((3, 2)))


def test_weights_cannot_be_changed_in_place(rng):
    network = random_network(rng, (3, 4, 1))
    for array in network.arrays:
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.setflags(write=True)


def test_weights_that_are_replaced_are_certified_anew():
    classifier = linear([1.0], 0.0)
    X, y = np.array([[0.0], [1.0]]), [0, 1]
    assert classifier.certified_radius(X)[1] == pytest.approx(1.0)
    vars(classifier.network_.heads)["kernel"] = np.array([[10.0]])
    vars(classifier.network_.heads)["bias"] = np.array([-5.0])
    assert classifier.certified_radius(X)[1] == pytest.approx(0.5)
    vars(classifier.network_)["operations"] = (Center(np.zeros(1)), Dense(np.array([[5.0]]), np.array([-4.0])))
    assert classifier.certified_radius(X)[1] == pytest.approx(0.2)
    assert classifier.kr_distance(X, y) <= wasserstein_distance([0.0], [1.0])


# Answers that were errors -------------------------------------------------------------------

QUICK = {"restarts": 1, "n_steps": 3, "random_state": 0, "verbose": False}


def test_nullable_frames_are_attacked_as_they_are(rng):
    X = rng.standard_normal((60, 3)) * [1, 100, 0.01] + [0, 1e3, 5]
    frame = pd.DataFrame(X, columns=list("abc")).astype("Float32")
    steps = [SimpleImputer().fit(frame)]
    steps.append(StandardScaler().fit(steps[0].transform(frame)))
    model = make_pipeline(*steps, serving(random_network(rng, (3, 8, 1))))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not audit(model, frame, **QUICK).broken.any()


@pytest.mark.parametrize("form", [sparse.coo_array, sparse.csr_array, sparse.csc_array])
def test_sparse_rows_are_attacked(rng, form):
    X = rng.standard_normal((20, 3))
    scaler = FunctionTransformer(lambda rows: rows.toarray(), accept_sparse=True)
    model = make_pipeline(scaler, serving(random_network(rng, (3, 8, 1))))
    result = audit(model, form(X), step_lipschitz={"functiontransformer": 1.0}, **QUICK)
    assert not result.broken.any() and np.isfinite(result.attack).any()


def test_where_nothing_may_move_the_radius_is_infinite_and_there_is_nothing_to_attack():
    frame = pd.DataFrame({"a": ["x", "y", "x"]})
    encoder = ColumnTransformer([("a", OneHotEncoder(sparse_output=False), ["a"])]).fit(frame)
    scaler = StandardScaler().fit(encoder.transform(frame))
    for steps in ([encoder], [encoder, scaler]):
        model = make_pipeline(*steps, linear([1.0, -1.0], 0.5))
        assert np.isinf(certified_radius(model, frame)).all()
    with pytest.raises(ValueError, match="No column may move"):
        audit(model, frame, **QUICK)


@pytest.mark.parametrize("threshold", [np.inf, -np.inf])
def test_an_infinite_threshold_is_never_crossed(rng, threshold):
    classifier = linear([1.0, 1.0], 0.1)
    model = FixedThresholdClassifier(classifier, threshold=threshold, response_method="decision_function")
    model.estimator_ = classifier
    result = audit(model, rng.standard_normal((5, 2)), **QUICK)
    assert np.isinf(result.attack).all() and not result.broken.any()


def test_lists_of_text_and_numbers(rng):
    rows = [["x", 1.0], ["y", 2.0], ["x", 3.5]]
    encoder = ColumnTransformer(
        [("a", OneHotEncoder(sparse_output=False), [0]), ("b", "passthrough", [1])], sparse_threshold=0
    ).fit(np.array(rows, dtype=object))
    model = make_pipeline(encoder, linear([1.0, -1.0, 1.0], -2.6))
    radii = certified_radius(model, rows)
    assert radii.fixed_columns == (0,)
    assert (radii > 0).all()
    assert not audit(model, rows, **QUICK).broken.any()


def test_an_imputer_fitted_on_an_empty_float16_column(rng):
    X = np.float16(rng.standard_normal((6, 2)))
    empty = X.copy()
    empty[:, 0] = np.nan
    model = make_pipeline(SimpleImputer().fit(empty), linear([1.0], 0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert (certified_radius(model, X) > 0).all()


def test_an_encoder_in_a_union_in_a_column_transformer_holds_its_columns():
    frame = pd.DataFrame({"a": ["x", "y", "x"], "b": [1.0, 2.0, 3.0]})
    union = FeatureUnion([("codes", OneHotEncoder(sparse_output=False))])
    columns = ColumnTransformer([("u", union, ["a"]), ("b", "passthrough", ["b"])]).fit(frame)
    radii = certified_radius(make_pipeline(columns, linear([1.0, -1.0, 1.0], 0.1)), frame)
    assert radii.fixed_columns == ("a",)


def test_a_constant_may_be_stated_for_an_inner_pipeline(rng):
    X = rng.standard_normal((5, 2))
    inner = Pipeline([("sin", FunctionTransformer(np.sin)), ("scale", StandardScaler())]).fit(X)
    model = Pipeline([("inner", inner), ("f", linear([1.0, 1.0], 0.1))])
    assert (certified_radius(model, X, step_lipschitz={"inner": 5.0}) > 0).any()


def test_votes_whose_members_changed_are_refused(rng):
    classifier = linear([1.0], 0.1)
    vote = VotingClassifier([("a", classifier), ("b", classifier)])
    vote.estimators_, vote.classes_ = [classifier, classifier], np.arange(2)
    vote.set_params(b="drop")
    with pytest.raises(NotLipschitzError, match="Fit it again"):
        certified_radius(vote, [[1.0]])


def test_what_is_no_estimator_is_refused():
    with pytest.raises(TypeError, match="got the class HKRClassifier"):
        certified_radius(HKRClassifier, [[1.0]])
    with pytest.raises(ValueError, match="norm must be"):
        certified_radius(linear([1.0], 0.1), [[1.0]], norm=True)
    with pytest.raises(NotLipschitzError):
        certified_radius(Pipeline([("s", StandardScaler().fit([[0.0], [1.0]])), ("p", "passthrough")]), [[1.0]])


def test_labels_that_the_estimator_does_not_know_are_refused():
    with pytest.raises(ValueError, match=r"labels that the estimator does not know: \['a', 'b'\]; it knows \["):
        audit(linear([1.0], 0.1), [[1.0], [2.0]], ["a", "b"], **QUICK)


def test_radii_are_read_only():
    radii = certified_radius(linear([1.0], 0.1), [[1.0], [2.0]])
    with pytest.raises(ValueError, match="read-only"):
        radii[0] = 9.0
    with pytest.raises(ValueError, match="read-only"):
        radii *= 2
