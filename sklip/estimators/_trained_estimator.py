"""TrainedEstimator: the recipe of ``fit`` for all estimators that train a network."""

from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklip.architectures import MLP
from sklip.certification import norm_bound, proven_directions, steepest_slopes
from sklip.estimators import _advice as advice
from sklip.estimators import _validation as validation
from sklip.estimators._network_estimator import NetworkEstimator
from sklip.estimators._parameter_checks import check_parameters_of_training
from sklip.estimators._portable import PortableParameters
from sklip.estimators._rows import TrainingRows, checked_rows, row_shape, training_inputs
from sklip.estimators._trained_question import (
    TrainingColumns,
    directions_of_fit,
    in_units_of_data,
    question_of_fit,
)
from sklip.estimators._units import center_and_scale, column_units
from sklip.rows.images import check_image_shape
from sklip.rows.tolerances import norm_of
from sklip.served import Activation, Center, ServedNetwork, Tilted, activation
from sklip.training.engines import engine_of
from sklip.training.state import TrainingState
from sklip.training.task import Architecture, Schedule, TrainingTask


class TrainedEstimator(PortableParameters, NetworkEstimator):
    """Base of the estimators that train a network.

    A subclass defines the training targets (``_encode_targets``), the number of scores (``_n_scores``), rows that are
    held out (``_held_out_rows``, ``_hold_out``), the batches (``_plan``) and the objective (``_measured``). It may
    check more parameters, change what is served (``_served``), and warn at the end of a fit (``_advise``).
    """

    _state: TrainingState
    _n_scores: int
    backend: str

    # Values that a fit uses for the parameters that an estimator does not have.
    _fixed_parameters: dict[str, Any] = {}

    @property
    def feature_weights_(self) -> np.ndarray:
        """How much each column counts, of shape (n_features_in_,); only of networks that were trained for ``norm=inf``.

        A change of column ``j`` by one tolerance, or one unit without tolerances, moves a score by at most
        ``feature_weights_[j]``. The squares of all weights add up to the square of the constant, which is 1 for
        classifiers, unless there are monotonic constraints. The weight of a fixed column, whose tolerance is 0, is 0.
        Of several targets, the one with the largest constant counts.
        """
        check_is_fitted(self, "network_")
        if self.norm_ != np.inf or not hasattr(self, "scale_"):
            raise AttributeError(
                f"This {type(self).__name__} has no feature_weights_: only networks that are trained for norm=inf have "
                "a factor for each column."
            )
        first, *others = self.network_.hidden
        if isinstance(first, Tilted):
            slopes = steepest_slopes(first.steps) + np.abs(first.slopes)
        else:
            slopes = steepest_slopes([first, *others])
        slopes = slopes * np.max(norm_bound(self.network_.heads.kernel, axis=0))
        return slopes * (1.0 if self.tolerances_ is None else self.tolerances_)

    @contextmanager
    def _training(self):
        """Check the parameters and yield them, with Python's numbers; an error leaves the estimator as it was."""
        engine_of(self.backend).check_surroundings()
        # A number that underflows may become 0; NumPy's error state, which the user sets, must not make it an error.
        with validation.unchanged_on_error(self), np.errstate(under="ignore"):
            yield self._check_parameters()

    def _fit(self, given, X, y, sample_weight, held_out=(None, None, None)):
        """Read the rows, train, and return the rows of the training."""
        continues = given.warm_start and hasattr(self, "network_")
        rows = self._rows(given, X, y, sample_weight, continues=continues)
        watched = self._held_out_rows(*held_out, rows.shape)
        if watched is not None:
            advice.advise_on_held_out_rows(rows.X, watched.X, given.columns.question.tolerances)
        elif given.early_stopping and given.validation_fraction is not None:
            rows, watched = self._hold_out(given, rows)
        if continues:
            self._check_same_network(given, rows.shape)
        else:
            self._begin(given, rows)
        # A warm start keeps the weights, and starts the optimizer and its schedule from the beginning.
        self._state = replace(self._state, optimizer_variables=[])
        self.history_ = self._train(given, rows, watched)
        self.n_iter_ = len(self.history_["loss"])
        self._advise(given, rows)
        return rows

    def _fit_one_epoch(self, given, X, y, sample_weight, first, **known):
        """Train on rows for one epoch at the constant learning rate; ``first`` says whether nothing is trained yet."""
        if given.early_stopping:
            raise ValueError("partial_fit does not stop early: set early_stopping=False, or use fit.")
        rows = self._rows(given, X, y, sample_weight, continues=not first, reset=first, **known)
        if first:
            self._begin(given, rows, more_will_come=True)
        else:
            self._check_same_network(given, rows.shape)
        given.epochs, given.learning_rate_schedule = 1, "constant"
        history = self._train(given, rows)
        past = {} if first else self.history_
        missing = [np.nan] * len(past.get("loss", []))
        self.history_ = {name: past.get(name, missing) + history.get(name, [np.nan]) for name in {**past, **history}}
        self.n_iter_ = len(self.history_["loss"])

    def _check_parameters(self):
        """Check the parameters; return them with Python's numbers, with which training computes."""
        given = validation.check_parameters(self)
        vars(given).update(self._fixed_parameters)
        given.callbacks = [] if given.callbacks is None else list(given.callbacks)
        check_parameters_of_training(given)
        given.engine = engine_of(given.backend)
        given.engine.check_parameters(given)
        given.norm = norm_of(given.norm)
        return given

    def _rows(self, given, X, y, sample_weight, *, continues, reset=True, **known):
        """Validated rows with their targets; ``continues`` says whether the training of a network goes on."""
        X = validation.container_of_training_rows(X)
        shape = row_shape(X, given.input_shape)
        if not reset:
            check_image_shape(shape, self.network_.input_shape, f"this {type(self).__name__}")
        X, y, weights = checked_rows(self, X, y, sample_weight, reset=reset)
        if shape is None and continues and self.network_.n_features == X.shape[1]:
            shape = self.network_.input_shape
        shape = shape or X.shape[1:]
        if given.augmentation is not None and len(shape) == 1:
            raise ValueError(
                f"The 'augmentation' parameter changes images, but X has rows of {shape[0]} values. Give X in the "
                "shape (n_rows, height, width, channels), or set the 'input_shape' parameter to (height, width, "
                "channels)."
            )
        given.engine.check_shape(shape)
        question = question_of_fit(given, shape, getattr(self, "feature_names_in_", None))
        rows = TrainingRows(X, self._encode_targets(y, weights, **known), shape)
        given.columns = TrainingColumns(question, directions_of_fit(given, self, shape, self._n_scores))
        self._check_columns(given.columns)
        return rows

    def _check_columns(self, columns):
        """Raise a ValueError if the estimator cannot train for such a question."""

    def _check_same_network(self, given, shape):
        """Raise a ValueError if training cannot continue from the weights of the last fit."""
        if shape != self.network_.input_shape:
            raise ValueError(
                "partial_fit and warm_start need the features of the last fit, rows of the shape "
                f"{self.network_.input_shape}; got {shape}. Use fit, with warm_start=False."
            )
        directions = proven_directions(self.network_)
        if given.columns.question.key != self._question.key or (given.columns.directions != directions).any():
            raise ValueError(
                "partial_fit and warm_start need the norm, the tolerances and the monotonic_cst of the last fit, for "
                "which its network was trained. Use fit, with warm_start=False."
            )
        if given.model is not None:
            return  # the training compares the shapes of the weights
        widths = (self.n_features_in_, *given.hidden_layer_sizes, self._n_scores)
        trained, wanted = self._trained_widths(given.columns.front), activation(given.activation)
        operations = self.network_.every_operation
        others = [each for each in operations if isinstance(each, Activation) and each != wanted]
        if widths != trained or others:
            raise ValueError(
                f"partial_fit and warm_start need the features, hidden_layer_sizes and activation of the last fit: it "
                f"trained a network of {trained} units and would now train one of {widths} with {given.activation!r}. "
                "Use fit, with warm_start=False."
            )

    def _trained_widths(self, front):
        """The number of columns, and the widths of the dense layers, of the last training."""
        dense = self._state.weights[len(front.shapes) if front is not None else 0 :]
        return self.n_features_in_, *(len(bias) for bias in dense[1::2])

    def _begin(self, given, rows, more_will_come=False):
        """Set what stays the same in all further training of a network: question, centre, scale, units and seed."""
        question = given.columns.question
        self.norm_, self.tolerances_ = question.norm, question.tolerances
        self.center_, self.scale_ = center_and_scale(rows.X, rows.targets.weights, question)
        if self.scale_ == 0.0:
            if not more_will_come:
                where = "" if question.fixed is None else " in the columns that may change"
                raise ValueError(
                    f"All rows of X are equal{where}: there is nothing to learn from. Check the columns of X."
                )
            self.scale_ = 1.0
        self._units = column_units(rows.X, rows.targets.weights, self.center_, self.scale_, question)
        self._farthest = 0.0
        if len(rows.shape) == 1:
            names = getattr(self, "feature_names_in_", None)
            advice.advise_on_scales(rows.X, names, self.scale_, question)
        else:  # whose values have one unit
            advice.advise_on_channels(rows.shape)
        self._state = TrainingState([], "", [], 0, int(check_random_state(self.random_state).randint(2**31 - 1)))

    def _train(self, given, rows, watched=None):
        """Train, set ``network_``, and return the history in the units of the data."""
        units = self.center_, self.scale_, self._units, given.columns.order
        inputs, distance = training_inputs(rows.X, *units, read_all=False)
        if watched is not None:
            held_out, _ = training_inputs(watched.X, *units, read_all=True)
            watched = held_out, self._target_values(watched.targets), watched.targets.weights.astype(np.float32)
        task = self._task(given, inputs, rows, watched)
        training = given.engine.train(task)
        if training.interrupted:
            advice.advise_on_interrupt(len(training.history["loss"]), given.epochs)
        # A schedule that ends at 0 plans for the given epochs, so training that still improves at their end is normal.
        elif given.learning_rate_schedule == "constant" and training.was_improving:
            advice.advise_on_end(given.n_iter_no_change, given.epochs)
        self._farthest = max(getattr(self, "_farthest", np.inf), distance)
        self._state = training.state
        operations = in_units_of_data(training.operations, self.scale_, self._units, given.columns)
        self.network_ = self._served(ServedNetwork((Center(self.center_), *operations)))
        factors = task.objective.factors
        return {
            name: [value * factors[name.removeprefix("val_")] for value in values]
            for name, values in training.history.items()
        }

    def _task(self, given, inputs, rows, watched):
        """The task for ``train``, in the units of the training."""
        targets, model = rows.targets, given.model
        if model is None:
            model = MLP(hidden_layer_sizes=given.hidden_layer_sizes, activation=given.activation, dropout=given.dropout)
        plan = self._plan(given, targets)
        # Repeated rows have smaller weights, so that each class keeps its share of every expectation.
        weights = (targets.weights * plan.class_factor[targets.groups]).astype(np.float32)
        schedule = Schedule(
            epochs=given.epochs,
            optimizer=given.optimizer,
            learning_rate=given.learning_rate,
            decay=given.learning_rate_schedule,
            callbacks=given.callbacks,
            jit_compile=given.jit_compile,
            matmul_precision=given.matmul_precision,
            n_devices=given.n_devices,
            verbose=int(given.verbose),
        )
        if given.early_stopping:
            schedule = replace(schedule, patience=given.n_iter_no_change, monitor=given.monitor, tolerance=given.tol)
        return TrainingTask(
            Architecture(rows.shape, self._n_scores, model, given.augmentation, given.columns.front),
            schedule,
            plan,
            (inputs, self._target_values(targets), weights),
            self._measured(given, targets, plan),
            self._state,
            watched,
            self.center_,
        )

    def _check_targets(self, y, n_rows):
        """Return validated targets of rows."""
        return validation.check_labels(y, n_rows)

    def _target_values(self, targets):
        """Targets in the units of the training, float32."""
        return targets.values

    def _served(self, network):
        """The network that is served, of a trained one in the units of the rows."""
        return network

    def _advise(self, given, rows):
        """Warn if the user probably did not intend such a fit."""
