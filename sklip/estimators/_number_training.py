"""NumberTraining: training on targets that are numbers, with a constant that is stated or chosen."""

from copy import copy
from typing import Any

import numpy as np
from sklearn.utils import check_array, check_random_state, column_or_1d

from sklip.estimators._rows import Targets, TrainingRows, checked_held_out_rows, training_inputs
from sklip.estimators._trained_estimator import TrainedEstimator
from sklip.served import Dense
from sklip.training.batches import plan_batches
from sklip.training.regression_objective import RegressionObjective

# Constants that "auto" tries first, in standard deviations of the target over scale_.
_CANDIDATES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_WORSE_IN_TURN = 2  # candidates after which the search ends
_FEW_ROWS = 2000  # up to which the cost of a candidate is the mean of three folds, and not that of one split
_FOLDS, _HELD_OUT = 3, 0.25
# Of lipschitz · scale_, whose square must not overflow, and of targets divided by it, which are float32.
_LARGEST_UNIT, _LARGEST_TARGET = 1e150, 1e15


class NumberTraining(TrainedEstimator):
    """Base of the estimators that train on numbers. A subclass defines the loss (``_loss_of_training``).

    The network is 1-Lipschitz in training; what is served is ``lipschitz_`` times the network, plus ``target_center_``.
    Its targets are divided by ``lipschitz_ · scale_``: so all constants share one compiled network.
    """

    n_outputs_: int
    lipschitz_: Any
    lipschitz_path_: dict[str, np.ndarray]
    target_center_: Any
    _target_spread: np.ndarray

    @property
    def _n_scores(self):
        return self.n_outputs_

    def _check_targets(self, y, n_rows, name="y"):
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name=name, ensure_min_samples=1)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if len(y) != n_rows:
            raise ValueError(f"Found input variables with inconsistent numbers of samples: [{n_rows}, {len(y)}]")
        if np.abs(y).max(initial=0.0) > 1e150:
            raise ValueError(f"{name} has values beyond 1e150 in size. Give it in a larger unit.")
        return y.reshape(n_rows, -1)

    def _encode_targets(self, y, weights):
        if self.warm_start and hasattr(self, "network_") and y.shape[1] != self.n_outputs_:
            raise ValueError(
                f"warm_start needs the {self.n_outputs_} targets of the last fit; got {y.shape[1]}. Set "
                "warm_start=False."
            )
        self.n_outputs_ = y.shape[1]
        return Targets(y, np.zeros(len(y), np.intp), weights)

    def _held_out_rows(self, X_val, y_val, sample_weight_val, shape):
        found = checked_held_out_rows(self, X_val, y_val, sample_weight_val, shape)
        if found is None:
            return None
        X_val, weights = found
        y_val = self._check_targets(y_val, len(X_val), "y_val")
        if y_val.shape[1] != self.n_outputs_:
            raise ValueError(f"y_val has {y_val.shape[1]} targets, but y has {self.n_outputs_}.")
        return TrainingRows(X_val, Targets(y_val, np.zeros(len(y_val), np.intp), weights), shape)

    def _hold_out(self, given, rows):
        if len(rows.X) < 2:
            raise ValueError("early_stopping needs at least two rows, to hold out some. Set early_stopping=False.")
        from sklearn.model_selection import train_test_split  # serving does not need it

        count = int(np.clip(round(given.validation_fraction * len(rows.X)), 1, len(rows.X) - 1))
        seed = check_random_state(given.random_state).randint(2**31 - 1)
        kept, watched = train_test_split(np.arange(len(rows.X)), test_size=count, random_state=seed)
        return rows.take(np.sort(kept)), rows.take(np.sort(watched))

    def _plan(self, given, targets):
        return plan_batches(targets.groups, targets.weights, 1, given.batch_size, False)

    def _begin(self, given, rows, more_will_come=False):
        if len(rows.X) < 2:
            raise ValueError(f"{type(self).__name__} needs at least two rows that differ; got n_samples=1.")
        super()._begin(given, rows, more_will_come)
        weights = rows.targets.weights / rows.targets.weights.sum()
        values = rows.targets.values
        # The mean of equal numbers may be off by its rounding.
        center = np.clip(weights @ values, values.min(axis=0), values.max(axis=0))
        spread = _root_mean_square(values - center, weights)
        # Of a target that is constant, any unit will do.
        self._target_spread = np.where(spread > 1e-12 * np.abs(center), spread, 1.0)
        self._target_center = center
        self.target_center_ = float(center[0]) if self.n_outputs_ == 1 else center.copy()
        if isinstance(given.lipschitz, str):
            self._choose_constants(given, rows)
        else:
            self._set_constants(self._stated_constants(given.lipschitz, values))
            self.lipschitz_path_ = {}

    def _stated_constants(self, constants, values):
        """A constant for each target; raise a ValueError for those with which no float can train."""
        if constants.size not in (1, self.n_outputs_):
            raise ValueError(
                f"The 'lipschitz' parameter must be a number, or one for each target; got {constants.size} numbers "
                f"for {self.n_outputs_} targets."
            )
        constants = np.broadcast_to(constants, self.n_outputs_)
        with np.errstate(all="ignore"):
            units = constants * self.scale_
            targets = np.abs(values - self._target_center).max(axis=0) / units
        if not (units <= _LARGEST_UNIT).all():
            raise ValueError("The 'lipschitz' parameter is so large that predictions may overflow. State a lower one.")
        if not (targets <= _LARGEST_TARGET).all():
            raise ValueError(
                "The 'lipschitz' parameter is so small that no training can reach the targets. State it in the units "
                "of y, per unit that a row moves."
            )
        return constants

    def _set_constants(self, constants):
        self._constants = np.array(constants, np.float64)
        self.lipschitz_ = float(constants[0]) if self.n_outputs_ == 1 else self._constants.copy()

    def _choose_constants(self, given, rows):
        """Try constants on held-out rows, from small to large, and take that of the least cost."""
        quiet = copy(given)
        quiet.verbose, quiet.early_stopping, quiet.callbacks = 0, False, []
        splits, unit = self._splits(len(rows.X)), self._target_spread / self.scale_
        costs: dict[float, float] = {}

        def cost_of(candidate):
            if candidate not in costs:
                self._set_constants(candidate * unit)
                costs[candidate] = float(np.mean([self._cost(quiet, rows, *split) for split in splits]))
            return costs[candidate]

        best, worse = _CANDIDATES[0], 0
        for candidate in _CANDIDATES[1:]:
            if cost_of(candidate) < cost_of(best):
                best, worse = candidate, 0
            elif (worse := worse + 1) == _WORSE_IN_TURN:
                break
        for candidate in (best / np.sqrt(2.0), best * np.sqrt(2.0)):  # half a step to each side
            cost_of(candidate)
        tried = np.array(sorted(costs))
        constants = tried[:, None] * unit
        self.lipschitz_path_ = {
            "lipschitz": constants[:, 0] if self.n_outputs_ == 1 else constants,
            "cost": np.array([costs[candidate] for candidate in tried]),
        }
        self._set_constants(min(tried, key=costs.__getitem__) * unit)

    def _splits(self, n_rows):
        """Pairs of positions of training rows and of held-out rows."""
        if n_rows < 4:
            return [(np.arange(n_rows), np.arange(n_rows))]
        from sklearn.model_selection import KFold, ShuffleSplit

        kind = KFold(_FOLDS, shuffle=True, random_state=self._state.seed)
        if n_rows > _FEW_ROWS:
            kind = ShuffleSplit(1, test_size=_HELD_OUT, random_state=self._state.seed)
        return [(np.sort(kept), np.sort(watched)) for kept, watched in kind.split(np.arange(n_rows))]

    def _cost(self, given, rows, kept, watched):
        """The cost of held-out rows after a training on the others, in standard deviations of the targets."""
        part, held_out = rows.take(kept), rows.take(watched)
        units = self.center_, self.scale_, self._units, given.columns.order
        inputs, _ = training_inputs(part.X, *units, read_all=False)
        measured, _ = training_inputs(held_out.X, *units, read_all=True)
        weights = held_out.targets.weights.astype(np.float32)
        task = self._task(given, inputs, part, (measured, self._target_values(held_out.targets), weights))
        cost = given.engine.train(task).history["val_loss"][-1]
        ratio = float(np.mean(self._constants * self.scale_ / self._target_spread))
        return cost * ratio ** (2 if self._is_squared(given) else 1)

    def _target_values(self, targets):
        return ((targets.values - self._target_center) / (self._constants * self.scale_)).astype(np.float32)

    def _measured(self, given, targets, plan):
        units = self._constants * self.scale_
        # The unit of several targets is that of their mean, if their constants differ.
        loss = self._loss_of_training(given, float(units.mean()))
        return RegressionObjective(loss, self.scale_, float(units.mean()), self._is_squared(given))

    def _served(self, network):
        kernel, bias = network.heads.kernel, network.heads.bias
        return network.with_heads(Dense(kernel * self._constants, bias * self._constants + self._target_center))

    def _is_squared(self, given):
        return given.loss in ("squared_error", "huber")


def _root_mean_square(values, weights):
    """Of each column; no square overflows or underflows."""
    exponents = np.frexp(np.abs(values).max(axis=0))[1]
    return np.ldexp(np.sqrt(weights @ np.square(np.ldexp(values, -exponents))), exponents)
