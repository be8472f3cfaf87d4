"""The training that other backends run, a batch at a time, on TensorFlow: what whole epochs in one graph give.

Each epoch is one batch of all rows, as Keras deals batches in another order; and plain descent takes the steps, as
Adam's first ones magnify rounding where a slope is about 0.
"""

import numpy as np
import pytest

from sklip.training import train
from sklip.training.batchwise import BatchModel
from tests.estimator_fixtures import blobs, classifier, mlp, moons

WHOLE = {"batch_size": 90, "optimizer": "sgd"}


@pytest.mark.parametrize(("make", "data"), [(classifier, moons), (mlp, blobs)])
def test_batch_after_batch_is_the_training_of_whole_epochs(make, data, monkeypatch):
    X, y = data()
    settings = {"epsilon": 0.1, "early_stopping": True, "monitor": "certified_accuracy", **WHOLE}
    rows = {"X_val": X[::3], "y_val": y[::3]}
    whole = make(**settings).fit(X, y, **rows)
    monkeypatch.setattr(train, "NetworkModel", BatchModel)
    batchwise = make(**settings).fit(X, y, **rows)
    assert batchwise.history_.keys() == whole.history_.keys()
    # Of the training rows it is that of the weights after an epoch, not before: one epoch ahead.
    ahead, before = batchwise.history_.pop("certified_accuracy"), whole.history_.pop("certified_accuracy")
    np.testing.assert_allclose(ahead[:-1], before[1:])
    for name, values in whole.history_.items():
        np.testing.assert_allclose(batchwise.history_[name], values, rtol=1e-4, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(batchwise.decision_function(X), whole.decision_function(X), rtol=1e-3, atol=1e-4)


def test_a_constant_rate_is_left_to_the_optimizer(monkeypatch):
    model = classifier(learning_rate_schedule="constant", **WHOLE)
    whole = model.fit(*moons()).history_
    monkeypatch.setattr(train, "NetworkModel", BatchModel)
    batchwise = model.fit(*moons()).history_
    np.testing.assert_allclose(batchwise["loss"], whole["loss"], rtol=1e-4)
