"""Callbacks that look at a training leave it as it is, and find what Keras' own training would show them."""

import keras
import numpy as np
import pytest

from sklip import HKRClassifier
from tests.processes import run_script

X = np.random.default_rng(0).standard_normal((90, 3)).astype(np.float32)
Y = X[:, 0] * X[:, 1] > 0
SMALL = {"hidden_layer_sizes": (8, 4), "batch_size": 32, "epochs": 2, "random_state": 0}


def fit(**parameters):
    return HKRClassifier(**SMALL | parameters).fit(X, Y)


def bits(classifier):
    return [kernel.tobytes() for kernel in (*classifier.network_.kernels, *classifier.network_.biases)]


_LOAD = """
import sys, keras, sklip.layers
model = keras.models.load_model(sys.argv[1])
print(type(model).__module__.split(".")[0], [round(float(value), 5) for value in model(keras.ops.zeros((2, 3)))[:, 0]])
"""


def test_checkpoints_change_no_bits_and_load_without_the_training(tmp_path):
    weights, network = tmp_path / "a.weights.h5", tmp_path / "a.keras"

    class Scores(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.last = [round(float(value), 5) for value in self.model(keras.ops.zeros((2, 3)))[:, 0]]

    scores = Scores()
    writers = [
        keras.callbacks.ModelCheckpoint(network),
        keras.callbacks.ModelCheckpoint(weights, save_weights_only=True),
        keras.callbacks.BackupAndRestore(str(tmp_path / "backup")),
    ]
    assert bits(fit(callbacks=[*writers, scores])) == bits(fit())
    assert weights.exists()
    assert run_script(_LOAD, network).split(maxsplit=1) == ["keras", f"{scores.last}\n"]


def test_callbacks_are_told_what_keras_tells_them():
    class Told(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.told = dict(self.params)

    told = Told()
    fit(callbacks=[told])
    assert told.told == {"verbose": 0, "epochs": 2, "steps": 1}


def test_a_callback_that_looks_at_the_model_it_is_given_is_let_go_all_the_same():
    class Summary(keras.callbacks.Callback):
        def set_model(self, model):
            super().set_model(model)
            self.parameters = model.count_params()

    summary = Summary()
    fit(callbacks=[summary])
    assert summary.model is None and summary.parameters > 0


@pytest.mark.parametrize("scale", [{"loss_scale_factor": 1024.0}, None], ids=["factor", "wrapper"])
def test_a_scaled_loss_trains_like_any(scale):
    plain = fit(optimizer=keras.optimizers.SGD(0.02))
    optimizer = keras.optimizers.SGD(0.02, **scale or {})
    scaled = fit(optimizer=optimizer if scale else keras.optimizers.LossScaleOptimizer(optimizer))
    np.testing.assert_allclose(scaled.history_["loss"], plain.history_["loss"], rtol=1e-5)


def test_a_moving_average_of_the_weights_is_what_serves():
    averages = []

    class Average(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            averages.extend(variable.numpy() for variable in self.model.optimizer._model_variables_moving_average)

    optimizer = keras.optimizers.SGD(0.02, use_ema=True, ema_momentum=0.9)
    averaged = fit(optimizer=optimizer, callbacks=[Average()])
    np.testing.assert_allclose(averaged.network_.biases[0], averages[1] * averaged.scale_, rtol=1e-6)
    assert bits(averaged) != bits(fit(optimizer=keras.optimizers.SGD(0.02)))


def test_the_global_policy_of_keras_changes_no_bits():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        mixed = fit(optimizer="sgd", jit_compile=False)
    finally:
        keras.config.set_dtype_policy("float32")
    assert bits(mixed) == bits(fit(optimizer="sgd", jit_compile=False))


def test_a_function_for_a_learning_rate_is_followed_whatever_the_schedule():
    @keras.saving.register_keras_serializable(package="tests")
    def rate():
        return 0.02

    given = [keras.optimizers.SGD(rate), keras.optimizers.SGD(0.02)]
    of_function, of_number = (fit(optimizer=optimizer, learning_rate_schedule="constant") for optimizer in given)
    assert bits(of_function) == bits(of_number) == bits(fit(optimizer=given[0]))
