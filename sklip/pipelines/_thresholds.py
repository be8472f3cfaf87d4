"""Decisions by a threshold on the scores of two classes: thresholds of scikit-learn's, and Platt's sigmoid."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from sklip._compat import platt_types, positive_label, response_methods
from sklip._overrides import refuse_overrides
from sklip.arithmetic.rounding import TINY, UNIT, round_down
from sklip.certification import threshold_radii
from sklip.exceptions import NotLipschitzError
from sklip.pipelines._run import Batch, Decision, Run
from sklip.pipelines._scores import Judge, Network, read_network


@dataclass(frozen=True, eq=False)
class Threshold:
    """Two classes by the scores of a network: the second one where ``sign · f`` is above ``offset``.

    ``judge`` decides, rounding included.
    """

    network: Network
    judge: Judge
    sign: float
    offset: float

    def decide(self, batch: Batch, run: Run) -> Decision:
        """Decide by the scores of rows."""
        decision = self.network.decide(batch, run, self.judge)

        def margins_and_gradients(raw, class_indices):
            wanted = class_indices if self.sign > 0 else 1 - class_indices
            margins, gradients = decision.margins_and_gradients(raw, wanted)
            return margins - np.where(class_indices > 0, self.offset, -self.offset), gradients

        return replace(decision, margins_and_gradients=margins_and_gradients)


def read_threshold(estimator, origin, path, reading, nodes, outer) -> Threshold:
    """Read a threshold on the scores of two classes; arguments are those of ``read_network``."""
    check_is_fitted(estimator)
    inner = getattr(estimator, "estimator_", estimator.estimator)
    method = response_methods(estimator)
    method = method if isinstance(method, str) else next((name for name in method if hasattr(inner, name)), None)
    if method != "decision_function":
        raise NotLipschitzError(
            f"{type(estimator).__name__} compares {method} with its threshold. Set response_method='decision_function'."
        )
    if isinstance(estimator, TunedThresholdClassifierCV):
        threshold, positive = estimator.best_threshold_, positive_label(estimator)
    else:
        threshold, positive = estimator.threshold, estimator.pos_label
        threshold = 0.0 if threshold == "auto" else threshold
    network = read_network(inner, origin, path, reading, nodes, outer)
    check_is_fitted(reading.parts[network.number], "classes_")
    classes = reading.parts[network.number].classes_
    if type_of_target(classes) != "binary":
        raise NotLipschitzError(
            f"{type(estimator).__name__} has classes {classes.tolist()}, of which scikit-learn takes none as "
            "the positive one. Use whole numbers, text or booleans as labels."
        )
    # With the first class as the positive one, scikit-learn negates the score, which is exact.
    sign, threshold = -1.0 if positive is not None and positive == classes[0] else 1.0, float(threshold)

    def judge(values, errors, slopes):
        computed = sign * values[:, 0]  # the comparison itself does not round
        gaps = round_down(np.abs(computed - threshold))
        return (computed >= threshold) == (sign > 0), threshold_radii(gaps, errors, slopes.scores, slopes.errors)

    return Threshold(network, judge, 1.0, sign * threshold)


def read_sigmoid(estimator, origin, path, reading, nodes, outer) -> Threshold:
    """Read Platt's sigmoid on the scores of two classes; arguments are those of ``read_network``."""
    check_is_fitted(estimator)
    fitted = estimator.calibrated_classifiers_
    calibrators = [calibrator for part in fitted for calibrator in part.calibrators]
    for part in (*fitted, *calibrators):
        refuse_overrides(part)
    kinds = [type(part) for part in (*fitted, *calibrators)]
    if kinds != platt_types() or len(estimator.classes_) != 2:
        raise NotLipschitzError(
            f"CalibratedClassifierCV with method={estimator.method!r}, {len(fitted)} calibrated classifiers and "
            f"{len(estimator.classes_)} classes does not predict by a threshold on one score. Use method='sigmoid' and "
            "ensemble=False with two classes."
        )
    network = read_network(fitted[0].estimator, origin, path, reading, nodes, outer)
    slope, intercept = float(calibrators[0].a_), float(calibrators[0].b_)
    if 0.0 < abs(slope) < TINY:
        raise NotLipschitzError(f"CalibratedClassifierCV has the slope {slope}, which some threads take for 0.")

    def judge(values, errors, slopes):
        values = values[:, 0]
        computed = -(slope * values + intercept)
        # Three roundings; the probabilities p and 1 − p, of a few ulps each, compare as the sign says from 1e-14 on.
        unsure = 16 * UNIT * (np.abs(slope * values) + abs(intercept)) + 2e-14
        gaps = round_down(round_down(np.abs(computed) - unsure, 2) / abs(slope), 24)
        return computed > 0, threshold_radii(gaps, errors, slopes.scores, slopes.errors)

    return Threshold(network, judge, -np.sign(slope), intercept / abs(slope or 1.0))
