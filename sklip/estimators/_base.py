"""The recipe of ``fit`` that sklip's classifiers share."""

from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from sklip.estimators import _advice as advice
from sklip.estimators import _validation as validation
from sklip.estimators._inference import CertifiedClassifier
from sklip.estimators._keyword_arguments import refuses_unknown_keywords
from sklip.estimators._numpy_numbers import python_number
from sklip.estimators._parameters import TrainingParameters
from sklip.estimators._portable import PortableParameters
from sklip.estimators._rows import balanced_factors, held_out_rows, hold_out, training_arrays, training_rows
from sklip.estimators._units import center_and_scale
from sklip.served import Center, ServedNetwork
from sklip.training import runtime
from sklip.training.batches import plan_batches
from sklip.training.state import TrainingState


class LipschitzClassifier(PortableParameters, TrainingParameters, CertifiedClassifier):
    """Base of the classifiers that train a 1-Lipschitz network.

    A subclass adds its parameters and ``_objective_of_fit``.
    """

    _state: TrainingState

    @refuses_unknown_keywords
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train the network and prove its Lipschitz bound.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Training rows, in the user's own units.
        y : array-like of shape (n_rows,)
            Class labels: numbers, text or booleans.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows in every expectation of the loss, and in ``center_`` and
            ``scale_``; 0 is the same as leaving the row out.
        X_val : array-like of shape (n_held_out, n_features), default=None
            Rows on which ``history_`` records the loss as well, and which early stopping
            watches, in the units of ``X``: a pipeline transforms them with ``transform_input=["X_val"]`` alone.
        y_val : array-like of shape (n_held_out,), default=None
            Their labels, all of them among those of ``y``.
        sample_weight_val : array-like of shape (n_held_out,), default=None
            Their weights.

        Returns
        -------
        self
            The fitted classifier.

        Raises
        ------
        ValueError, TypeError
            For parameters or data that cannot be used; the classifier is left as it was.
        sklip.exceptions.TrainingDivergedError
            When weights are not finite in the end; the classifier is left as it was.
        RuntimeError
            Where nothing can train: in the forked copy of a process that has trained, within ``tf.function``,
            ``tf.Graph`` or the scope of ``tf.distribute``, on another backend of Keras than TensorFlow and JAX.
        ModuleNotFoundError
            When Keras or its backend, TensorFlow or JAX, is not installed.

        Warns
        -----
        sklip.exceptions.UnlikeScalesWarning, UnlikeHeldOutRowsWarning
            Where rows are unlikely to be in the right units.
        sklip.exceptions.UnattainableMarginWarning, SaturatedTemperatureWarning
            Where a parameter is unlikely to be in the units of the data.
        sklearn.exceptions.ConvergenceWarning
            When early stopping ran out of epochs at a constant learning rate.
        sklip.exceptions.TrainingInterruptedWarning
            After Ctrl-C, or a KeyboardInterrupt of a callback: the training ends with the epoch that runs, and the
            classifier keeps what it has learned. Within the first epoch, and at a second Ctrl-C, the
            KeyboardInterrupt is raised, and the classifier is left as it was.
        """
        runtime.check_surroundings()
        # What underflows is as good as 0, whatever the user's error state says.
        with validation.unchanged_on_error(self), np.errstate(under="ignore"):
            given = self._check_parameters()
            rows, classes = training_rows(self, X, y, sample_weight)
            held_out = held_out_rows(self, X_val, y_val, sample_weight_val, classes)
            advice.advise_on_held_out_rows(rows, held_out)
            if held_out is None and given.early_stopping and given.validation_fraction is not None:
                rows, held_out = hold_out(rows, classes, given.validation_fraction, given.random_state)
            if self.warm_start and hasattr(self, "network_"):
                self._check_same_problem(classes)
            else:
                self._begin(rows, classes)
            # A warm start keeps the weights and starts the optimizer and its schedule afresh.
            self._state = replace(self._state, optimizer_variables=[])
            history = self._train(
                given, rows, held_out, given.epochs, given.learning_rate_schedule, given.early_stopping
            )
            self.history_, self.n_iter_ = history, len(history["loss"])
            advice.advise_on_margin(python_number(self._given_margin()), rows, len(classes), self.scale_)
            advice.advise_on_temperature(python_number(self._given_temperature()), self.network_, rows, self.scale_)
        return self

    @refuses_unknown_keywords
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Go on training for one epoch over these rows, at the constant learning rate.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows; those of the first call, if ``fit`` did not come before it, determine
            ``center_`` and ``scale_`` for good.
        y : array-like of shape (n_rows,)
            Their labels; not every class need be there.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever be seen; required in the first call.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows.

        Returns
        -------
        self
            The fitted classifier.

        Raises
        ------
        ValueError, TypeError
            For parameters or data that cannot be used; the classifier is left as it was.
        RuntimeError, ModuleNotFoundError
            As ``fit``.

        Warns
        -----
        sklip.exceptions.UnlikeScalesWarning
            At the first call, where rows are unlikely to be in the right units.
        sklip.exceptions.TrainingInterruptedWarning
            After a KeyboardInterrupt that a callback raised at the end of the epoch; the classifier keeps it.
        """
        runtime.check_surroundings()
        with validation.unchanged_on_error(self), np.errstate(under="ignore"):
            given = self._check_parameters()
            if given.early_stopping:
                raise ValueError("partial_fit does not stop early: set early_stopping=False, or use fit.")
            first = not hasattr(self, "network_")
            if first and classes is None:
                raise ValueError("The first call of partial_fit needs classes, all labels that will ever be seen.")
            if classes is not None:
                classes = np.unique(validation.check_labels(classes, None, "classes"))
            if not first:
                if classes is not None and not np.array_equal(classes, self.classes_):
                    raise ValueError(f"classes is {classes.tolist()}, but earlier calls had {self.classes_.tolist()}.")
                classes = self.classes_
            rows, _ = training_rows(self, X, y, sample_weight, classes=classes, reset=first)
            if not first:
                self._check_same_problem(classes)
            else:
                self._begin(rows, classes, streaming=True)
            history = self._train(given, rows, None, 1, "constant", False)
            past = {} if first else self.history_
            missing = [np.nan] * len(past.get("loss", []))
            self.history_ = {
                name: past.get(name, missing) + history.get(name, [np.nan]) for name in {**past, **history}
            }
            self.n_iter_ = len(self.history_["loss"])
        return self

    def _begin(self, rows, classes, streaming=False):
        """Set what stays for all the training of a network: classes, units, seed."""
        self.classes_ = classes
        self.center_, self.scale_ = center_and_scale(rows.X, rows.weights)
        if self.scale_ == 0.0:
            if not streaming:
                raise ValueError("All rows of X are equal: there is nothing to learn from. Check the columns of X.")
            self.scale_ = 1.0
        self._farthest = 0.0
        advice.advise_on_scales(rows, getattr(self, "feature_names_in_", None), self.scale_)
        self._state = TrainingState([], "", [], 0, int(check_random_state(self.random_state).randint(2**31 - 1)))

    def _train(self, given, rows, held_out, epochs, decay, early_stopping):
        """Train with the given parameters, condense, and return the history in the units of the data."""
        self._objective = self._objective_of_fit()
        units = len(self.classes_), self.center_, self.scale_
        inputs, targets, _, distance = training_arrays(rows, *units, whole=False)
        held_out = None if held_out is None else training_arrays(held_out, *units, whole=True)[:3]
        runtime.prepare_training()
        from sklip.training.architecture import Architecture
        from sklip.training.loop import train
        from sklip.training.objective import Objective
        from sklip.training.task import Schedule, TrainingTask

        n_classes = len(self.classes_)
        plan = plan_batches(rows.codes, rows.weights, n_classes, given.batch_size, self.class_weight == "balanced")
        shares = np.bincount(rows.codes, rows.weights, n_classes) / rows.weights.sum()
        factors = self._class_costs(shares)
        self._class_factors = None if self.class_weight == "balanced" else factors
        proportions = None if plan.holds_every_class else (shares[1:] if n_classes == 2 else shares)
        loss = self._objective.keras_loss(self.scale_, factors, proportions)
        objective = Objective(loss, None if given.epsilon is None else given.epsilon / self.scale_, self.scale_)
        task = TrainingTask(
            Architecture(
                n_features=self.n_features_in_,
                hidden_layer_sizes=self._widths(),
                n_scores=1 if n_classes == 2 else n_classes,
                activation=self.activation,
                dropout=given.dropout,
            ),
            Schedule(
                epochs=epochs,
                optimizer=self.optimizer,
                learning_rate=given.learning_rate,
                decay=decay,
                patience=given.n_iter_no_change if early_stopping else None,
                monitor=self.monitor,
                tolerance=given.tol,
                callbacks=list(self.callbacks or []),
                jit_compile=given.jit_compile,
                verbose=int(given.verbose),
            ),
            plan,
            # Repeated rows weigh less, so that each class keeps its share of every expectation.
            (inputs, targets, (rows.weights * plan.class_factor[rows.codes]).astype(np.float32)),
            objective,
            self._state,
            held_out,
        )
        training = train(task)
        if training.interrupted:
            advice.advise_on_interrupt(len(training.history["loss"]), epochs)
        # Under a schedule that ends at 0 the epochs are a plan, and their end is none too soon.
        elif early_stopping and decay == "constant" and training.was_improving:
            advice.advise_on_end(given.n_iter_no_change, epochs)
        self._farthest = max(getattr(self, "_farthest", np.inf), distance)
        self._state = training.state
        operations = (operation.rescaled(self.scale_) for operation in training.operations)
        self.network_ = ServedNetwork((Center(self.center_), *operations))
        return {
            name: [value * objective.units[name.removeprefix("val_")] for value in values]
            for name, values in training.history.items()
        }

    def _given_margin(self):
        """The margin of the hinge that is trained with, as the user gave it; None where there is none."""
        return None

    def _given_temperature(self):
        """The temperature of the loss that is trained with, as the user gave it; None where there is none."""
        return None

    def _class_costs(self, shares):
        """Factor of the loss of the rows of each class, of shape (n_classes,)."""
        if self.class_weight == "balanced":
            return balanced_factors(shares)
        costs = self.class_weight or {}
        return np.array([float(costs.get(label, 1.0)) for label in self.classes_])
