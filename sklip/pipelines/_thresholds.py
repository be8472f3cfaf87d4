"""Decisions by a threshold on the scores of two classes: thresholds of scikit-learn's, and Platt's sigmoid."""

import numpy as np
from sklearn.calibration import _CalibratedClassifier, _SigmoidCalibration
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from sklip._overrides import refuse_overrides
from sklip.arithmetic.rounding import TINY, UNIT, round_down
from sklip.certification import threshold_radii
from sklip.exceptions import NotLipschitzError
from sklip.pipelines._decision import Decision
from sklip.pipelines._plan import Sigmoid, Threshold
from sklip.pipelines._scores import Scores, read_network


def read_threshold(estimator, origin, path, reading, steps, outer) -> Threshold:
    """Read a threshold on the scores of two classes; arguments are those of ``read_network``."""
    check_is_fitted(estimator)
    inner = getattr(estimator, "estimator_", estimator.estimator)
    method = estimator._get_response_method()
    method = method if isinstance(method, str) else next((name for name in method if hasattr(inner, name)), None)
    if method != "decision_function":
        raise NotLipschitzError(
            f"{type(estimator).__name__} compares {method} with its threshold. Set response_method='decision_function'."
        )
    if isinstance(estimator, TunedThresholdClassifierCV):
        threshold, positive = estimator.best_threshold_, estimator._curve_scorer._get_pos_label()
    else:
        threshold, positive = estimator.threshold, estimator.pos_label
        threshold = 0.0 if threshold == "auto" else threshold
    network = read_network(inner, origin, path, reading, steps, outer)
    check_is_fitted(reading.parts[network.number], "network_")
    classes = reading.parts[network.number].classes_
    if type_of_target(classes) != "binary":
        raise NotLipschitzError(
            f"{type(estimator).__name__} has classes {classes.tolist()}, of which scikit-learn takes none as "
            "the positive one. Use whole numbers, text or booleans as labels."
        )
    # With the first class as the positive one, scikit-learn negates the score, which is exact.
    return Threshold(network, float(threshold), -1.0 if positive is not None and positive == classes[0] else 1.0)


def by_threshold(node: Threshold, scores: Scores) -> Decision:
    """Decide by a threshold other than 0; the comparison itself does not round."""
    values, errors = scores.of_two_classes()
    computed = node.sign * values
    second = (computed >= node.threshold) == (node.sign > 0)
    gaps = round_down(np.abs(computed - node.threshold))
    return _two_classes(scores, second, gaps, errors, 1.0, node.sign * node.threshold)


def read_sigmoid(estimator, origin, path, reading, steps, outer) -> Sigmoid:
    """Read Platt's sigmoid on the scores of two classes; arguments are those of ``read_network``."""
    check_is_fitted(estimator)
    fitted = estimator.calibrated_classifiers_
    calibrators = [calibrator for part in fitted for calibrator in part.calibrators]
    for part in (*fitted, *calibrators):
        refuse_overrides(part)
    kinds = [type(part) for part in (*fitted, *calibrators)]
    if kinds != [_CalibratedClassifier, _SigmoidCalibration] or len(estimator.classes_) != 2:
        raise NotLipschitzError(
            f"CalibratedClassifierCV with method={estimator.method!r}, {len(fitted)} calibrated classifiers and "
            f"{len(estimator.classes_)} classes does not predict by a threshold on one score. Use method='sigmoid' and "
            "ensemble=False with two classes."
        )
    network = read_network(fitted[0].estimator, origin, path, reading, steps, outer)
    slope, intercept = float(calibrators[0].a_), float(calibrators[0].b_)
    if 0.0 < abs(slope) < TINY:
        raise NotLipschitzError(f"CalibratedClassifierCV has the slope {slope}, which some threads take for 0.")
    return Sigmoid(network, slope, intercept)


def by_sigmoid(node: Sigmoid, scores: Scores) -> Decision:
    """Decide where ``slope · f + intercept`` does its sign."""
    slope, intercept = node.slope, node.intercept
    values, errors = scores.of_two_classes()
    computed = -(slope * values + intercept)
    # Three roundings; and the probabilities p and 1 − p, of a few ulps each, compare as the sign says from 1e-14 on.
    unsure = 16 * UNIT * (np.abs(slope * values) + abs(intercept)) + 2e-14
    with np.errstate(all="ignore"):
        gaps = round_down(round_down(np.abs(computed) - unsure, 2) / abs(slope), 24)
    return _two_classes(scores, computed > 0, gaps, errors, -np.sign(slope), intercept / abs(slope or 1.0))


def _two_classes(scores, second, gaps, errors, sign, offset):
    """Decision of rows by the side of a threshold: ``sign · f`` above ``offset`` means the second class."""
    radii = np.minimum(threshold_radii(gaps, errors, scores.lipschitz, scores.error_lipschitz), scores.room)

    def descend(raw, class_indices):
        margins, gradients = scores.descend(raw, class_indices if sign > 0 else 1 - class_indices)
        return margins - np.where(class_indices > 0, offset, -offset), gradients

    return Decision.of(scores, second.astype(int), radii, descend)
