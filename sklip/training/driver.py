"""SciKeras' wrapper, reduced to what sklip needs of it: compile, fit, callbacks, history."""

from scikeras.wrappers import BaseWrapper


class _Identity:
    """A SciKeras encoder that hands on what it is given."""

    def fit(self, _):
        return self

    def transform(self, data):
        return data


class KerasDriver(BaseWrapper):
    """Build, compile and fit a Keras network on batches that sklip has prepared.

    SciKeras routes the parameters of the optimizer and the callbacks and keeps the history.
    Its own validation, encoders and seeding expect the rows themselves; they are handed an
    iterable of batches here and leave it as it is.
    """

    @property
    def target_encoder(self):
        """Leave targets as they are."""
        return _Identity()

    @property
    def feature_encoder(self):
        """Leave the batches as they are."""
        return _Identity()

    def _validate_data(self, X=None, y=None, reset=False, y_numeric=False):
        return X, y

    def _check_model_compatibility(self, y):
        """Accept any network: sklip builds it for its targets."""

    def fit_network(self, plan, rates, state):
        """Build the network and train it on the batches of a plan.

        Parameters
        ----------
        plan : sklip.training.batches.BatchPlan
        rates : ndarray of shape (epochs, steps) or None
            Learning rates, when each step sets its own.
        state : sklip.training.state.TrainingState
        """
        self.initialize(None)
        arguments = self.model_.fit_epochs_arguments(plan, rates, state.seed, state.epochs, self.epochs)
        self._fit_callbacks = [*arguments.pop("callbacks"), *self._fit_callbacks]
        self._fit_keras_model(
            arguments.pop("x"),
            None,
            sample_weight=None,
            warm_start=False,
            epochs=self.epochs,
            initial_epoch=0,
            shuffle=False,
            **arguments,
        )
