"""LipschitzClassifier: a classifier that trains the network that it serves."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from sklip.estimators import _validation as validation
from sklip.estimators._certified_classifier import CertifiedClassifier
from sklip.estimators._class_costs import balanced_costs
from sklip.estimators._keyword_arguments import refuses_unknown_keywords
from sklip.estimators._rows import class_targets, labels_and_weights
from sklip.estimators._trained_estimator import TrainedEstimator


class LipschitzClassifier(TrainedEstimator, CertifiedClassifier):
    """Base of the classifiers that train a 1-Lipschitz network.

    A subclass adds its parameters and ``_objective_of_fit``.
    """

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
        with self._training() as given:
            self._fit(given, X, y, sample_weight, (X_val, y_val, sample_weight_val))
        return self

    @refuses_unknown_keywords
    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
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
        with self._training() as given:
            if given.early_stopping:
                raise ValueError("partial_fit does not stop early: set early_stopping=False, or use fit.")
            first = not hasattr(self, "network_")
            rows = self._rows(X, y, sample_weight, reset=first, classes=self._classes_of_all_calls(classes, first))
            if first:
                self._begin(rows, more_will_come=True)
            else:
                self._check_same_network(given)
            given.epochs, given.learning_rate_schedule = 1, "constant"
            history = self._train(given, rows)
            past = {} if first else self.history_
            missing = [np.nan] * len(past.get("loss", []))
            self.history_ = {
                name: past.get(name, missing) + history.get(name, [np.nan]) for name in {**past, **history}
            }
            self.n_iter_ = len(self.history_["loss"])
        return self

    def _classes_of_all_calls(self, classes, first):
        """The sorted classes of all calls of ``partial_fit``."""
        if first and classes is None:
            raise ValueError("The first call of partial_fit needs classes, all labels that will ever be seen.")
        if classes is None:
            return self.classes_
        classes = np.unique(validation.check_labels(classes, None, "classes"))
        if not first and not np.array_equal(classes, self.classes_):
            raise ValueError(f"classes is {classes.tolist()}, but earlier calls had {self.classes_.tolist()}.")
        return classes

    def _check_parameters(self):
        given = super()._check_parameters()
        if given.monitor == "certified_accuracy" and given.epsilon is None:
            raise ValueError(
                "monitor='certified_accuracy' needs the 'epsilon' parameter, the radius at which to certify, in the "
                "units of the data."
            )
        return given

    def _encode_targets(self, y, weights, classes=None):
        """What is trained on, of labels; sets ``classes_``, to those of ``y`` unless they are given."""
        classes = np.unique(y) if classes is None else classes
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs rows of at least two classes in y; got one class: "
                f"{classes.tolist()[0]!r} (rows with sample_weight 0 do not count). If they are a part of more rows, "
                "shuffle those first, or take a larger part."
            )
        validation.check_class_weight(self.class_weight, classes)
        advice = "Name every class that will ever be seen in the first call."
        class_indices = validation.encode_labels(y, classes, advice=advice)
        if self.warm_start and hasattr(self, "network_") and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"warm_start needs the classes of the last fit, {self.classes_.tolist()}; got {classes.tolist()}. Set "
                "warm_start=False."
            )
        self.classes_ = classes
        return class_targets(class_indices, weights, len(classes))

    def loss_terms(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> dict[str, float | np.ndarray]:
        """The terms of the loss, and their parts by class, on the served network.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows, in the units of ``fit``.
        y : array-like of shape (n_rows,)
            Their labels, all of them among ``classes_``.
        sample_weight : array-like of shape (n_rows,), default=None
            Their weights in the expectations.

        Returns
        -------
        dict of str to float or ndarray of shape (n_classes,)
            ``"loss"``, then its terms by name: ``"kr"`` and ``"hinge"``, or ``"cross_entropy"`` (in nats),
            with the ``class_weight`` of ``fit`` (``"balanced"``: over these rows), in the units of the data. A name
            that ends in ``_per_class`` holds the mean over the rows of each class of ``classes_``,
            without ``class_weight``; nan for a class without rows.

        Raises
        ------
        ValueError
            For rows that ``fit`` would not take, and for labels that it has not seen.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        rows, classes = self._inference_rows(X).as_float64(), np.arange(len(self.classes_))
        class_indices, weights = labels_and_weights(rows, y, sample_weight, self.classes_)
        own, weight = self._heads.own(class_indices).astype(np.float64), weights[:, None]
        scores = self.network_.scores(rows)
        with np.errstate(under="ignore"):
            factors = self._class_factors
            if factors is None:
                factors = balanced_costs(np.bincount(class_indices, weights, len(classes)) / weights.sum())
            terms = self._objective.terms(own, scores, weight, factors)
            parts = [
                self._objective.class_terms(own[of], scores[of], weight[of]) if weights[of].any() else {}
                for of in classes[:, None] == class_indices
            ]
        names = next(filter(None, parts))
        return {
            **{name: float(value) for name, value in terms.items()},
            **{f"{name}_per_class": np.array([float(part.get(name, np.nan)) for part in parts]) for name in names},
        }
