"""Estimators and files that predict in another way than their class does are refused by functions and methods."""

import io
import pickle

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import VotingClassifier
from sklearn.feature_selection import SelectorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model._base import LinearClassifierMixin
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

import sklip
from sklip import HKRClassifier, LipschitzMLP, NetworkClassifier, NotLipschitzError, certified_radius
from sklip._overrides import override, shadow
from sklip.estimators._certified_classifier import CertifiedClassifier
from sklip.exceptions import ModelFileError
from sklip.metrics import certified_accuracy
from sklip.served import Dense, ServedNetwork
from tests.helpers import network_of, random_network, serving
from tests.test_pipeline_traps import linear


class Own(HKRClassifier):
    """A subclass that predicts as sklip does, and has more parameters and methods."""

    def __init__(self, *, more=1, alpha=10.0):
        super().__init__(alpha=alpha)
        self.more = more

    def fit(self, X, y):
        return super().fit(X, y)

    def explain(self):
        return "as sklip does"


class Contrary(HKRClassifier):
    def predict(self, X):
        return 1 - super().predict(X)


class Shifted(LipschitzMLP):
    def _finite(self, scores, rows):
        return super()._finite(scores, rows) + 1.0


class _Mixin:
    def decision_function(self, X):
        return -super().decision_function(X)


class Mixed(_Mixin, HKRClassifier):
    pass


class Changing(HKRClassifier):
    @property
    def network_(self):
        return random_network(np.random.default_rng(), (2, 4, 1))


class Skipping(Pipeline):
    def _iter(self, *arguments, **options):
        return iter(())


def _served(kind):
    classifier = kind()
    if kind is not Changing:
        classifier.network_ = linear([1.0, 0.5], 0.1).network_
    classifier.classes_, classifier.n_features_in_ = np.arange(2), 2
    return classifier


@pytest.mark.parametrize("kind", [Contrary, Shifted, Mixed, Changing])
def test_subclasses_that_predict_in_their_own_way_have_no_radius(rng, kind):
    classifier, X = _served(kind), rng.standard_normal((10, 2))
    y = classifier.predict(X)
    named = override(classifier, CertifiedClassifier)
    for ask in (
        classifier.certified_radius,
        lambda X: certified_radius(classifier, X),
        lambda X: certified_radius(make_pipeline(StandardScaler().fit(X), classifier), X),
        lambda X: certified_accuracy(0.1)(classifier, X, y),
        lambda X: sklip.audit(classifier, X, verbose=False),
    ):
        with pytest.raises(NotLipschitzError, match=f"{kind.__name__} defines '{named}' itself"):
            ask(X)


def test_subclasses_that_only_add_are_certified(rng):
    classifier, X = _served(Own), rng.standard_normal((10, 2))
    assert (classifier.certified_radius(X) == linear([1.0, 0.5], 0.1).certified_radius(X)).all()
    np.testing.assert_allclose(certified_radius(classifier, X), classifier.certified_radius(X), rtol=1e-12)


def test_a_pipeline_that_walks_in_its_own_way_is_refused(rng):
    X = rng.standard_normal((10, 2))
    pipeline = Skipping([("scale", StandardScaler().fit(5 * X)), ("net", linear([1.0, 0.5], 0.1))])
    with pytest.raises(NotLipschitzError, match="Skipping defines '_iter' itself"):
        certified_radius(pipeline, X)


@pytest.mark.parametrize("name", ["predict", "_labels", "_finite", "decision_function", "_inference_rows"])
def test_attributes_that_hide_methods_are_found(rng, name):
    classifier, X = _served(HKRClassifier), rng.standard_normal((10, 2))
    setattr(classifier, name, getattr(classifier, name))
    for ask in (classifier.certified_radius, lambda X: certified_radius(classifier, X)):
        with pytest.raises(NotLipschitzError, match=f"defines '{name}' itself"):
            ask(X)


@pytest.mark.parametrize(
    "outer",
    [
        lambda inner: make_pipeline(inner),
        FrozenEstimator,
        lambda inner: FixedThresholdClassifier(inner, response_method="decision_function"),
        lambda inner: VotingClassifier([("a", inner)]),
        lambda inner: CalibratedClassifierCV(inner, ensemble=False),
    ],
)
def test_attributes_of_what_is_around_are_found(rng, outer):
    X = rng.standard_normal((20, 2))
    estimator = outer(_Quick())
    estimator = estimator if isinstance(estimator, FrozenEstimator) else estimator.fit(X, (X[:, 0] > 0).astype(int))
    if isinstance(estimator, FrozenEstimator):
        estimator.estimator.fit(X, (X[:, 0] > 0).astype(int))
    certified_radius(estimator, X)
    vars(estimator)["predict"] = lambda X: np.zeros(len(X), int)
    with pytest.raises(NotLipschitzError, match="defines 'predict' itself"):
        certified_radius(estimator, X)


def test_attributes_of_steps_are_found(rng):
    X = rng.standard_normal((20, 2))
    scaler = StandardScaler().fit(X)
    scaler.transform = lambda X: X
    with pytest.raises(NotLipschitzError, match=r"'standardscaler'.*hides its method 'transform'"):
        certified_radius(make_pipeline(scaler, linear([1.0, 0.5], 0.1)), X)


class ContrarySearch(GridSearchCV):
    def predict(self, X):
        return 1 - super().predict(X)


def test_scorers_refuse_what_functions_refuse(rng):
    X = rng.standard_normal((20, 2))
    y = (X[:, 0] > 0).astype(int)
    search = ContrarySearch(_Quick(), {"alpha": [1.0]}, cv=2, scoring="accuracy").fit(X, y)
    frozen = FrozenEstimator(linear([1.0, 0.5], 0.1))
    frozen.predict = lambda X: np.zeros(len(X), int)
    for estimator in (search, frozen):
        for scorer in (certified_accuracy(0.0), certified_accuracy(0.0, norm=2)):
            with pytest.raises(NotLipschitzError, match="defines 'predict' itself"):
                scorer(estimator, X, y)
    GridSearchCV(_Quick(), {"alpha": [1.0, 2.0]}, cv=2, scoring=certified_accuracy(0.1), error_score="raise").fit(X, y)


class OfScikitLearn(LinearClassifierMixin, NetworkClassifier):
    """scikit-learn's own ``predict`` comes first."""


def test_methods_of_other_classes_of_scikit_learn_are_overrides():
    classifier = OfScikitLearn(network=linear([1.0], 0.0).network_).serve()
    classifier.coef_, classifier.intercept_ = np.ones((1, 1)), np.array([-2.0])
    for ask in (classifier.certified_radius, lambda X: certified_radius(classifier, X)):
        with pytest.raises(NotLipschitzError, match=r"defines '(decision_function|predict)' itself"):
            ask(np.array([[3.0]]))


def test_what_calibrates_is_looked_at(rng):
    X = rng.standard_normal((30, 2))
    y = (X[:, 0] > 0).astype(int)

    def calibrated():
        return CalibratedClassifierCV(_Quick(), ensemble=False).fit(X, y)

    assert (certified_radius(calibrated(), X) > 0).any()
    model = calibrated()
    model.calibrated_classifiers_[0].calibrators[0].predict = lambda T: np.full(len(T), 0.1)
    with pytest.raises(NotLipschitzError, match="_SigmoidCalibration defines 'predict' itself"):
        certified_radius(model, X)
    model = calibrated()
    model.calibrated_classifiers_[0].predict_proba = lambda X: np.tile([0.9, 0.1], (len(X), 1))
    with pytest.raises(NotLipschitzError, match="_CalibratedClassifier defines 'predict_proba' itself"):
        certified_radius(model, X)
    model = CalibratedClassifierCV(_Quick(), ensemble=False, method="isotonic").fit(X, y)
    model.method = "sigmoid"
    with pytest.raises(NotLipschitzError, match="does not predict by a threshold on one score"):
        certified_radius(model, X)


def test_columns_that_were_assigned_after_the_fit_are_followed(rng):
    X = rng.standard_normal((40, 3)) * [1.0, 100.0, 1.0]
    steps = ColumnTransformer([("s", StandardScaler(), [0]), ("r", "passthrough", [2])]).fit(X)
    steps.transformers_ = [("s", StandardScaler().fit(X[:, [1]]), [1]), *steps.transformers_[1:]]
    model = make_pipeline(steps, linear([1.0, 0.0], 0.0))
    radii = certified_radius(model, X, tolerances=[0.0, 1.0, 0.0])
    np.testing.assert_allclose(radii, np.abs(X[:, 1] - X[:, 1].mean()), rtol=1e-6)


def test_branches_that_are_not_joined_as_they_are_have_no_certificate(rng, monkeypatch):
    X = rng.standard_normal((10, 2))
    union = FeatureUnion([("a", StandardScaler()), ("b", "passthrough")]).fit(X)
    model = make_pipeline(union, linear([1.0, 0.0, 0.5, 0.0], 0.0))
    assert (certified_radius(model, X) > 0).all()
    monkeypatch.setattr(FeatureUnion, "transform", lambda self, X: np.concatenate([X, X], axis=1))
    with pytest.raises(NotLipschitzError, match="does not return what its transformers return"):
        certified_radius(model, X)


class TwoFaced(SelectorMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def _get_support_mask(self):
        return np.array([False, True])

    def get_support(self, indices=False):
        return np.array([0]) if indices else self._get_support_mask()


def test_selectors_are_read_as_their_transform_reads_them():
    model = make_pipeline(TwoFaced().fit(None), linear([1.0], 0.0))
    assert certified_radius(model, np.array([[1.0, 9.0]]), tolerances=[1.0, 0.0])[0] > 1e15
    assert certified_radius(model, np.array([[1.0, 9.0]]), tolerances=[0.0, 1.0])[0] == pytest.approx(9.0)


def test_attributes_of_other_kinds_of_projection_are_not_read():
    svd = TruncatedSVD(1).fit(np.eye(2) + 0.1)
    svd.whiten, svd.explained_variance_ = True, np.array([1e-6])
    twin = TruncatedSVD(1).fit(np.eye(2) + 0.1)
    twin.components_ = svd.components_
    X = np.array([[1.0, 2.0]])
    expected = certified_radius(make_pipeline(twin, linear([1.0], 0.1)), X)
    np.testing.assert_array_equal(certified_radius(make_pipeline(svd, linear([1.0], 0.1)), X), expected)


@pytest.mark.parametrize("kind", [RobustScaler, MaxAbsScaler, MinMaxScaler, StandardScaler])
def test_scales_that_were_set_to_a_number_are_read(rng, kind):
    X = rng.standard_normal((20, 2))
    scaler = kind().fit(X)
    scaler.scale_ = 2.0
    model = make_pipeline(scaler, linear([1.0, 0.5], 0.1))
    try:
        model.predict(X)
    except AttributeError:  # it needs an array, and says so by Python's words
        return
    assert (certified_radius(model, X) > 0).any()


class _Quick(HKRClassifier):
    def fit(self, X, y):
        self.network_, self.classes_, self.n_features_in_ = linear([1.0, 0.5], 0.1).network_, np.unique(y), X.shape[1]
        return self


# Networks and classes -----------------------------------------------------------------------


def _of_two_scores():
    """Predictions read the sign of the first score, the radius their difference: 44 at 11, and 9 differs."""
    return network_of(np.zeros(1), (np.array([[1.0, -3.0]]),), (np.array([-10.0, 0.0]),), ())


class Forged(ServedNetwork):
    def scores(self, X):
        return -super().scores(X)


def _assigned(**attributes):
    classifier = linear([1.0], -10.0)
    vars(classifier).update(attributes)
    return classifier


@pytest.mark.parametrize(
    "attributes, message",
    [
        ({"network_": _of_two_scores()}, "do not fit its network, which has 2 scores"),
        ({"classes_": np.arange(3)}, "do not fit its network, which has 1 score \\("),
        ({"classes_": [0, 1]}, "do not fit its network"),
        (
            {"network_": Forged(_of_two_scores().operations)},
            "it has a Forged where its network",
        ),
        ({"network_": None}, "it has a NoneType where its network should be"),
    ],
)
def test_networks_that_do_not_fit_their_classes_serve_nothing(attributes, message):
    classifier, X = _assigned(**attributes), np.array([[11.0]])
    for ask in (
        classifier.predict,
        classifier.decision_function,
        classifier.certified_radius,
        classifier.gradient,
        lambda X: certified_radius(classifier, X),
    ):
        with pytest.raises(ValueError, match=message):
            ask(X)


@pytest.mark.parametrize("attributes", [{"network_": _of_two_scores()}, {"network_": Forged(
    _of_two_scores().operations)}])  # fmt: skip
def test_such_files_do_not_load(attributes):
    with pytest.raises(ModelFileError, match="its network"):
        pickle.loads(pickle.dumps(_assigned(**attributes)))
    file = io.BytesIO()
    joblib.dump(_assigned(**attributes), file)
    with pytest.raises(ModelFileError, match="its network"):
        sklip.load(io.BytesIO(file.getvalue()))
    if type(attributes["network_"]) is ServedNetwork:
        stored = skops.io.dumps(_assigned(**attributes))
        with pytest.raises(ModelFileError, match="its network"):
            skops.io.loads(stored, trusted=sklip.TRUSTED_TYPES)


@pytest.mark.parametrize(
    "classes, message",
    [
        (np.array([1, 0]), "not sorted, or not distinct"),
        (np.array([1, 1]), "not sorted, or not distinct"),
        (np.array([0.0, np.nan]), "are not labels"),
        (np.array([0.0, 0.5]), "are not labels"),
        (np.array(["a", None], dtype=object), "are not labels"),
    ],
)
def test_classes_that_no_fit_has_do_not_load(classes, message):
    with pytest.raises(ModelFileError, match=message):
        pickle.loads(pickle.dumps(_assigned(classes_=classes)))


@pytest.mark.parametrize("name", ["predict", "_labels", "transform", "certified_radius"])
def test_files_with_attributes_that_hide_methods_do_not_load(name):
    hidden = {name: "predict_proba"}
    if name == "transform":  # a classifier has no such method: it hides nothing
        assert pickle.loads(pickle.dumps(_assigned(**hidden))).transform == "predict_proba"
        return
    with pytest.raises(ModelFileError, match=f"attributes that hide the methods {name}"):
        pickle.loads(pickle.dumps(_assigned(**hidden)))
    stored = skops.io.dumps(_assigned(**hidden))
    with pytest.raises(ModelFileError, match=f"attributes that hide the methods {name}"):
        skops.io.loads(stored, trusted=sklip.TRUSTED_TYPES)


@pytest.mark.parametrize("farthest", [-1.0, np.nan, "far", None, True])
def test_files_with_a_wrong_distance_of_training_rows_do_not_load(farthest):
    with pytest.raises(ModelFileError, match="as the distance of a training row"):
        pickle.loads(pickle.dumps(_assigned(_farthest=farthest)))


@pytest.mark.parametrize("activation", [None, "relu", 3, np.abs, Dense(np.eye(3), np.zeros(3))])
def test_files_with_wrong_activations_do_not_load(rng, activation):
    classifier = serving(random_network(rng, (2, 4, 1)))
    center, first, _, heads = classifier.network_.operations
    object.__setattr__(classifier.network_, "operations", (center, first, activation, heads))
    with pytest.raises(ModelFileError, match=r"made of operations|takes 3 values"):
        pickle.loads(pickle.dumps(classifier))


@pytest.mark.parametrize("positive", [0.5, 1.5])
def test_thresholds_on_classes_of_which_none_is_positive_are_refused(positive):
    """scikit-learn takes such labels for a regression's, and turns no sign around."""
    classifier, X = _assigned(classes_=np.array([0.5, 1.5])), np.array([[8.0], [12.0], [10.5]])
    threshold = FixedThresholdClassifier(
        FrozenEstimator(classifier), threshold=1.0, pos_label=positive, response_method="decision_function"
    )
    threshold.estimator_ = threshold.estimator
    with pytest.raises(NotLipschitzError, match="Use whole numbers, text or booleans as labels"):
        certified_radius(threshold, X)


@pytest.mark.parametrize("positive", [0.0, 1.0])
def test_thresholds_on_whole_floats_hold(positive):
    classifier, X = _assigned(classes_=np.array([0.0, 1.0])), np.array([[8.0], [12.0], [10.5]])
    threshold = FixedThresholdClassifier(
        FrozenEstimator(classifier), threshold=1.0, pos_label=positive, response_method="decision_function"
    )
    threshold.estimator_ = threshold.estimator
    radii = certified_radius(threshold, X)
    for row, radius in zip(X, radii, strict=True):
        for way in (-1, 1):
            moved = row + way * radius * (1 - 1e-12)
            assert threshold.predict([moved]) == threshold.predict([row])
        assert len(set(np.ravel([threshold.predict([row + way * radius * 1.001]) for way in (-1, 1)]))) == 2


def test_whatever_is_no_method_hides_nothing():
    class Plain(BaseEstimator):
        value = 3

        def method(self):
            return 1

    plain = Plain()
    plain.value = 4
    assert shadow(plain) is None
    plain.method = 2
    assert shadow(plain) == "method"
