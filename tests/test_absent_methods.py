"""Methods and arguments that are not there: the error says what to use."""

from inspect import signature

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import get_scorer, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklip import HKRClassifier, LipschitzMLP, NetworkClassifier, WassersteinEstimator
from tests.estimator_fixtures import classifier, fitted, moons
from tests.helpers import network_of


@pytest.mark.parametrize("method", ["predict_proba", "predict_log_proba"])
@pytest.mark.parametrize(
    "owner", [classifier, lambda: fitted()[0], lambda: HKRClassifier], ids=["new", "fitted", "class"]
)
def test_there_are_no_probabilities_and_the_error_says_what_to_use(owner, method):
    assert not hasattr(owner(), method)
    with pytest.raises(
        AttributeError, match=f"^HKRClassifier has no {method}: .*LipschitzMLP, .*CalibratedClassifierCV"
    ):
        getattr(owner(), method)


def test_tools_of_scikit_learn_see_that_there_are_no_probabilities():
    (model, X, y), says = fitted(), "HKRClassifier has no predict_proba"
    with pytest.raises(AttributeError) as raised:
        make_pipeline(StandardScaler(), model).predict_proba(X)
    assert says in str(raised.value.__cause__)
    vote = VotingClassifier([("one", FrozenEstimator(model))], voting="soft").fit(X, y)
    with pytest.raises(AttributeError, match=says):
        vote.predict(X)
    assert CalibratedClassifierCV(FrozenEstimator(model)).fit(X, y).predict_proba(X).shape == (80, 2)
    assert get_scorer("roc_auc")(model, X, y) == roc_auc_score(y, model.decision_function(X))


def test_a_subclass_may_have_probabilities():
    class WithProbabilities(HKRClassifier):
        def predict_proba(self, X):
            return "probabilities"

    assert WithProbabilities().predict_proba(None) == "probabilities"


NETWORK = network_of(np.zeros(2), (np.ones((2, 1)),), (np.zeros(1),), ())

UNKNOWN = [
    (HKRClassifier(), "fit", "validation_data", "Give the held-out rows as X_val, and their labels as y_val"),
    (LipschitzMLP(), "fit", "eval_set", "Give the held-out rows as X_val"),
    (LipschitzMLP(), "fit", "validation_split", "Set the parameters early_stopping=True and validation_fraction"),
    (HKRClassifier(), "fit", "epochs", r"It is a parameter of the estimator: HKRClassifier\(epochs=...\)"),
    (HKRClassifier(), "fit", "sample_weights", r"Did you mean 'sample_weight'\?"),
    (HKRClassifier(), "fit", "x_val", r"Did you mean 'X_val'\?"),
    (HKRClassifier(), "fit", "shuffle", "It takes X, y, sample_weight, X_val, y_val, sample_weight_val"),
    (HKRClassifier(), "partial_fit", "class", r"Did you mean 'classes'\?"),
    (HKRClassifier(), "partial_fit", "validation_data", "It takes X, y, classes, sample_weight"),
    (WassersteinEstimator(), "fit", "batch_size", r"It is a parameter .*: WassersteinEstimator\(batch_size=...\)"),
    (NetworkClassifier(network=NETWORK), "fit", "validation_data", "It takes X, y, sample_weight"),
]


@pytest.mark.parametrize("model, method, name, says", UNKNOWN)
def test_an_unknown_argument_is_refused_with_its_name_here(model, method, name, says):
    with pytest.raises(TypeError, match=rf"^{type(model).__name__}.{method} has no argument '{name}'\. {says}"):
        getattr(model, method)(*moons(), **{name: None})


def test_it_is_refused_in_a_pipeline_too():
    with pytest.raises(TypeError, match=r"HKRClassifier.fit has no argument 'validation_data'. Give .* X_val"):
        make_pipeline(StandardScaler(), classifier()).fit(*moons(), hkrclassifier__validation_data=moons())


def test_the_signature_is_that_of_the_method():
    assert list(signature(HKRClassifier().fit).parameters)[:4] == ["X", "y", "sample_weight", "X_val"]
    assert HKRClassifier.fit.__doc__.startswith("Train the network")
