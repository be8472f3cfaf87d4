"""Callbacks and optimizers of Keras find in a training what Keras' own would show them; looking changes nothing."""

import keras
import numpy as np
import pytest

from sklip import HKRClassifier
from tests.helpers import biases_of, load_elsewhere

X = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32)
Y = X[:, 0] * X[:, 1] > 0


def fit(rate=0.02, callbacks=None, schedule="constant", **of_optimizer):
    return HKRClassifier(
        hidden_layer_sizes=(4,),
        epochs=2,
        random_state=0,
        optimizer=keras.optimizers.SGD(rate, **of_optimizer),
        learning_rate_schedule=schedule,
        callbacks=callbacks,
    ).fit(X, Y)


def bits(classifier):
    return [kernel.tobytes() for kernel in classifier.network_.arrays]


@pytest.fixture(scope="module")
def plain():
    return fit()


class _Looking(keras.callbacks.Callback):
    """Notes what it is told, and the scores of the network as it is."""

    def set_model(self, model):
        super().set_model(model)
        self.size = model.count_params()

    def on_epoch_end(self, epoch, logs=None):
        self.told = dict(self.params)
        self.scores = np.asarray(self.model(keras.ops.ones((2, 3))))


@pytest.mark.slow
def test_checkpoints_change_no_bits_and_load_where_the_layers_are_known(tmp_path, plain):
    looking = _Looking()
    writers = [
        keras.callbacks.ModelCheckpoint(tmp_path / "a.keras"),
        keras.callbacks.ModelCheckpoint(tmp_path / "a.weights.h5", save_weights_only=True),
        keras.callbacks.BackupAndRestore(str(tmp_path / "backup")),
    ]
    assert bits(fit(callbacks=[*writers, looking])) == bits(plain)
    assert (tmp_path / "a.weights.h5").exists()
    scores, *_ = load_elsewhere(tmp_path / "a.keras", np.ones((2, 3), np.float32), tmp_path)
    np.testing.assert_allclose(scores, looking.scores, rtol=0, atol=1e-5)


def test_a_callback_is_told_what_keras_tells_it_and_is_never_without_a_model(plain):
    looking = _Looking()
    assert bits(fit(callbacks=[looking])) == bits(plain)
    assert looking.told == {"verbose": 0, "epochs": 2, "steps": 1}
    assert looking.size == 3 * 4 + 4 + 4 + 1 and looking.model is None


def test_a_scaled_loss_trains_like_any(plain):
    scaled = fit(loss_scale_factor=1024.0)
    np.testing.assert_allclose(scaled.history_["loss"], plain.history_["loss"], rtol=1e-5)


def test_a_moving_average_of_the_weights_is_what_serves(plain):
    class Average(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.of_bias = self.model.optimizer._model_variables_moving_average[1].numpy()

    average = Average()
    averaged = fit(callbacks=[average], use_ema=True, ema_momentum=0.9)
    np.testing.assert_allclose(biases_of(averaged.network_)[0], average.of_bias * averaged.scale_, rtol=1e-6)
    assert averaged.history_ == plain.history_


def test_a_function_for_a_learning_rate_is_followed_whatever_the_schedule(plain):
    @keras.saving.register_keras_serializable(package="tests")
    def rate():
        return 0.02

    assert bits(fit(rate, schedule="cosine")) == bits(plain)
