"""Pipelines of imbalanced-learn: samplers act in fit alone, and what predicts is certified."""

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import Pipeline, make_pipeline
from imblearn.under_sampling import RandomUnderSampler
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline as plain_pipeline
from sklearn.preprocessing import StandardScaler

from sklip import HKRClassifier, NotLipschitzError, audit, certified_radius
from sklip.metrics import certified_accuracy
from sklip.plotting import CertifiedRadiusDisplay
from tests.pipeline_fixtures import Quick, assert_withstands


@pytest.fixture
def rare(rng):
    X = rng.standard_normal((120, 3)) * [1.0, 10.0, 0.1]
    y = (X[:, 0] > 0.8).astype(int)
    return X, y


@pytest.mark.parametrize(
    "steps",
    [
        lambda: [StandardScaler(), SMOTE(random_state=0)],
        lambda: [RandomUnderSampler(random_state=0), StandardScaler()],
        lambda: [SMOTE(random_state=0), "passthrough", StandardScaler(), RandomOverSampler(random_state=0)],
    ],
)
def test_samplers_take_no_part_in_predictions_and_certificates(rare, steps):
    X, y = rare
    model = make_pipeline(*steps(), Quick(random_state=0)).fit(X, y)
    radii = certified_radius(model, X)
    scaler = next(step for _, step in model.steps if hasattr(step, "transform"))
    twin = plain_pipeline(scaler, model.steps[-1][1])
    np.testing.assert_array_equal(radii, certified_radius(twin, X))
    np.testing.assert_array_equal(model.predict(X), twin.predict(X))
    assert_withstands(model, X)
    assert not audit(model, X, restarts=1, n_steps=3, random_state=0, verbose=False).broken.any()
    np.testing.assert_array_equal(CertifiedRadiusDisplay.from_estimator(model, X, y).radius, radii)
    assert certified_accuracy(0.1)(model, X, y) == certified_accuracy(0.1)(twin, X, y)
    assert certified_accuracy(0.1, norm="inf")(model, X, y) == certified_accuracy(0.1, norm="inf")(twin, X, y)


def test_searches_score_them(rare):
    """Scores were not-a-number, and the choice arbitrary."""
    X, y = rare
    model = make_pipeline(StandardScaler(), SMOTE(random_state=0), HKRClassifier(hidden_layer_sizes=(8,), epochs=2,
                          random_state=0))  # fmt: skip
    search = GridSearchCV(model, {"hkrclassifier__alpha": [1.0, 100.0]}, scoring=certified_accuracy(0.2), cv=2)
    search.fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert (certified_radius(search, X) > 0).any()


class Skipping(Pipeline):
    def _iter(self, *arguments, **options):
        return iter(())


def test_a_subclass_that_walks_in_its_own_way_is_refused(rare):
    X, y = rare
    model = make_pipeline(StandardScaler(), Quick(random_state=0)).fit(X, y)
    for ask in (certified_radius, lambda model, X: certified_accuracy(0.1)(model, X, y)):
        with pytest.raises(NotLipschitzError, match="Skipping"):
            ask(Skipping(model.steps), X)
