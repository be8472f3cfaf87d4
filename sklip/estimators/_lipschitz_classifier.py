"""LipschitzClassifier: a classifier that trains its network and then serves it."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from sklip.estimators import _validation as validation
from sklip.estimators._certified_classifier import CertifiedClassifier
from sklip.estimators._class_costs import balanced_costs
from sklip.estimators._class_training import ClassTraining
from sklip.estimators._keyword_arguments import refuses_unknown_keywords
from sklip.estimators._rows import class_targets, labels_and_weights


class LipschitzClassifier(ClassTraining, CertifiedClassifier):
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
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Training rows, in any units.
        y : array-like of shape (n_rows,)
            Class labels: numbers, text or booleans.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows in every expectation of the loss, and in ``center_`` and
            ``scale_``. A weight of 0 is the same as leaving out the row.
        X_val : array-like of shape (n_held_out, n_features) or that of images, default=None
            Held-out rows, in the units of ``X``, on which early stopping measures progress; ``history_``
            also records the loss on them. A pipeline transforms them only with
            ``transform_input=["X_val"]``.
        y_val : array-like of shape (n_held_out,), default=None
            Labels of the held-out rows, all of them among those of ``y``.
        sample_weight_val : array-like of shape (n_held_out,), default=None
            Weights of the held-out rows.

        Returns
        -------
        self
            The fitted classifier.

        Raises
        ------
        ValueError, TypeError
            If parameters or data cannot be used; the classifier is left as it was.
        sklip.exceptions.TrainingDivergedError
            If training ends with weights that are not finite; the classifier is left as it was.
        RuntimeError
            If training with Keras is impossible: in the forked copy of a process that has trained; within
            ``tf.function``, ``tf.Graph`` or the scope of ``tf.distribute``; if the backend of Keras is neither
            TensorFlow nor JAX.
        ModuleNotFoundError
            If Keras or its backend, TensorFlow or JAX, is not installed, and the parameters need it.

        Warns
        -----
        sklip.exceptions.UnlikeScalesWarning, UnlikeHeldOutRowsWarning
            If rows are probably not in the right units.
        sklip.exceptions.UnattainableMarginWarning, SaturatedTemperatureWarning
            If a parameter is probably not in the units of the data.
        sklearn.exceptions.ConvergenceWarning
            If the epochs ran out before early stopping ended the training, at a constant learning rate.
        sklip.exceptions.TrainingInterruptedWarning
            After Ctrl-C, or a KeyboardInterrupt of a callback: the training ends after the current epoch, and the
            classifier keeps what it has learned. During the first epoch, and after a second Ctrl-C, the
            KeyboardInterrupt is raised instead, and the classifier is left as it was.
        """
        with self._training() as given:
            self._fit(given, X, y, sample_weight, (X_val, y_val, sample_weight_val))
        return self

    @refuses_unknown_keywords
    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Continue training for one epoch over these rows, at the constant learning rate.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows. Unless ``fit`` was called before, the rows of the first call determine ``center_``
            and ``scale_`` for all later calls.
        y : array-like of shape (n_rows,)
            Labels of the rows; classes may be missing.
        classes : array-like of shape (n_classes,), default=None
            Labels of all calls; required in the first call.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows.

        Returns
        -------
        self
            The fitted classifier.

        Raises
        ------
        ValueError, TypeError
            If parameters or data cannot be used; the classifier is left as it was.
        RuntimeError, ModuleNotFoundError
            As in ``fit``.

        Warns
        -----
        sklip.exceptions.UnlikeScalesWarning
            At the first call, if rows are probably not in the right units.
        sklip.exceptions.TrainingInterruptedWarning
            After a KeyboardInterrupt that a callback raised at the end of the epoch; the classifier keeps the epoch.
        """
        with self._training() as given:
            first = not hasattr(self, "network_")
            self._fit_one_epoch(given, X, y, sample_weight, first, classes=self._classes_of_all_calls(classes, first))
        return self

    def _classes_of_all_calls(self, classes, first):
        """The sorted classes of all calls of ``partial_fit``."""
        if first and classes is None:
            raise ValueError("The first call of partial_fit needs classes: the labels of all calls.")
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
        """Make the training targets from labels; set ``classes_`` to the given classes, or to those of ``y``."""
        classes = np.unique(y) if classes is None else classes
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs rows of at least two classes in y; got one class: "
                f"{classes.tolist()[0]!r} (rows with sample_weight 0 do not count). If the rows are a part of a larger "
                "table, shuffle the table first, or take a larger part."
            )
        validation.check_class_weight(self.class_weight, classes)
        advice = "Name the classes of all calls in the first call."
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
        """Terms of the loss of the served network, and their values for each class.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``.
        y : array-like of shape (n_rows,)
            Labels of the rows, all of them among ``classes_``.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows in the expectations.

        Returns
        -------
        dict of str to float or ndarray of shape (n_classes,)
            ``"loss"``, then its terms by name: ``"kr"`` and ``"hinge"``, or ``"cross_entropy"`` (in nats).
            They are in the units of the data and include the ``class_weight`` of ``fit``; ``"balanced"``
            balances these rows. A name that ends in ``_per_class`` holds the mean over the rows of each
            class of ``classes_``, without ``class_weight``; nan for a class without rows.

        Raises
        ------
        ValueError
            If ``fit`` would not take the rows, or if it has not seen a label.
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
