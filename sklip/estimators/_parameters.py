"""The parameters of a training that sklip's classifiers share, and what must hold between them."""

from numbers import Integral, Real

import numpy as np

from sklip.estimators import _validation as validation
from sklip.estimators._parameter_checks import (
    check_activation,
    check_callbacks,
    check_hidden_layer_sizes,
    check_optimizer,
)
from sklip.served import Activation, ServedNetwork, activation


class TrainingParameters:
    """Part of every sklip classifier that trains."""

    classes_: np.ndarray
    n_features_in_: int
    network_: ServedNetwork

    _parameter_constraints = {
        "hidden_layer_sizes": ["array-like", validation.Interval(Integral, 1, None, closed="left")],
        "activation": [str],
        "optimizer": "no_validation",
        "learning_rate": [validation.Interval(Real, 0, 1e9, closed="right")],
        "learning_rate_schedule": [validation.StrOptions({"cosine", "constant"})],
        "batch_size": [validation.Interval(Integral, 1, None, closed="left")],
        "epochs": [validation.Interval(Integral, 1, None, closed="left")],
        "dropout": [validation.Interval(Real, 0, 1, closed="left")],
        "class_weight": [validation.StrOptions({"balanced"}), dict, None],
        "early_stopping": ["boolean"],
        "validation_fraction": [validation.Interval(Real, 0, 1, closed="neither"), None],
        "monitor": [validation.StrOptions({"loss", "accuracy", "certified_accuracy"})],
        "epsilon": [validation.Interval(Real, 0, 1e18, closed="both"), None],
        "n_iter_no_change": [validation.Interval(Integral, 1, None, closed="left")],
        "tol": [validation.Interval(Real, 0, None, closed="left")],
        "callbacks": ["array-like", None],
        "jit_compile": [validation.StrOptions({"auto"}), "boolean"],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        hidden_layer_sizes,
        activation,
        optimizer,
        learning_rate,
        learning_rate_schedule,
        batch_size,
        epochs,
        dropout,
        class_weight,
        early_stopping,
        monitor,
        epsilon,
        validation_fraction,
        n_iter_no_change,
        tol,
        callbacks,
        jit_compile,
        warm_start,
        random_state,
        verbose,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.batch_size = batch_size
        self.epochs = epochs
        self.dropout = dropout
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.monitor = monitor
        self.epsilon = epsilon
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.callbacks = callbacks
        self.jit_compile = jit_compile
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self):
        """Check the parameters; return them with Python's numbers, which is what training computes with."""
        given = validation.check_parameters(self)
        check_activation(self.activation)
        check_hidden_layer_sizes(self.hidden_layer_sizes, self.activation)
        check_optimizer(self.optimizer)
        check_callbacks(self.callbacks)
        if self.monitor == "certified_accuracy" and self.epsilon is None:
            raise ValueError(
                "monitor='certified_accuracy' needs the 'epsilon' parameter, the radius at which to certify, in the "
                "units of the data."
            )
        return given

    def _check_same_problem(self, classes):
        if not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"warm_start needs the classes of the last fit, {self.classes_.tolist()}; got {classes.tolist()}. Set "
                "warm_start=False."
            )
        widths = (self.n_features_in_, *self._widths(), 1 if len(classes) == 2 else len(classes))
        trained, wanted = self.network_.widths, activation(self.activation)
        others = [each for each in self.network_.operations if isinstance(each, Activation) and each != wanted]
        if widths != trained or others:
            raise ValueError(
                f"partial_fit and warm_start need the features, hidden_layer_sizes and activation of the last fit: it "
                f"trained a network of {trained} units and would now train one of {widths} with {self.activation!r}. "
                "Use fit, with warm_start=False."
            )

    def _widths(self):
        return check_hidden_layer_sizes(self.hidden_layer_sizes, self.activation)
