"""ClassTraining: training on classes, whose batches hold rows of every class."""

from typing import Any

import numpy as np

from sklip._heads import Heads
from sklip.estimators._class_costs import class_costs
from sklip.estimators._rows import held_out_rows, hold_out
from sklip.estimators._trained_estimator import TrainedEstimator
from sklip.training.batches import plan_batches
from sklip.training.objective import Objective


class ClassTraining(TrainedEstimator):
    """Base of the estimators that train on rows of classes. A subclass defines the loss (``_objective_of_fit``)."""

    classes_: np.ndarray
    _objective: Any
    _class_factors: np.ndarray | None

    @property
    def _n_scores(self):
        return Heads(len(self.classes_)).n_scores

    def _held_out_rows(self, X_val, y_val, sample_weight_val, shape):
        return held_out_rows(self, X_val, y_val, sample_weight_val, shape)

    def _hold_out(self, given, rows):
        return hold_out(rows, self.classes_, given.validation_fraction, given.random_state)

    def _plan(self, given, targets):
        balanced = given.class_weight == "balanced"
        return plan_batches(targets.groups, targets.weights, len(self.classes_), given.batch_size, balanced)

    def _measured(self, given, targets, plan):
        """The objective of the training, in its units."""
        self._objective = self._objective_of_fit(given)
        heads = Heads(len(self.classes_))
        shares = np.bincount(targets.groups, targets.weights, heads.n_classes) / targets.weights.sum()
        factors = class_costs(given.class_weight, self.classes_, shares)
        self._class_factors = None if given.class_weight == "balanced" else factors
        proportions = None if plan.holds_every_class else shares[heads.classes]
        loss = self._objective.loss_of_training(given.engine.losses(), self.scale_, factors, proportions)
        return Objective(loss, None if given.epsilon is None else given.epsilon / self.scale_, self.scale_)
