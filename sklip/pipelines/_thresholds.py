"""Decisions by a threshold on the scores of two classes: thresholds of scikit-learn's, and Platt's sigmoid."""

import numpy as np
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from sklip._compat import platt_types, positive_label, response_methods
from sklip._overrides import refuse_overrides
from sklip.arithmetic.rounding import TINY, UNIT, round_down
from sklip.certification import threshold_radii
from sklip.exceptions import NotLipschitzError
from sklip.pipelines._decision import Decision
from sklip.pipelines._scores import scores_of


def _two_classes(scores, second, gaps, errors, sign, offset):
    """Decision of rows by the side of a threshold: ``sign · f`` above ``offset`` means the second class."""
    radii = np.minimum(threshold_radii(gaps, errors, scores.lipschitz, scores.drift), scores.room)

    def descend(raw, codes):
        margins, gradients = scores.descend(raw, codes if sign > 0 else 1 - codes)
        return margins - np.where(codes > 0, offset, -offset), gradients

    return Decision(scores.classes, second.astype(int), radii, scores.lipschitz, descend)


def thresholded(estimator, point, path, question):
    """A threshold other than 0 on the scores of two classes; the comparison itself does not round."""
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
    scores = scores_of(inner, point, path, question)
    if type_of_target(scores.classes) != "binary":
        raise NotLipschitzError(
            f"{type(estimator).__name__} has classes {scores.classes.tolist()}, of which scikit-learn takes none as "
            "the positive one. Use whole numbers, text or booleans as labels."
        )
    values, errors = scores.of_two_classes()
    # With the first class as the positive one, scikit-learn negates the score, which is exact.
    sign = -1.0 if positive is not None and positive == scores.classes[0] else 1.0
    computed, threshold = sign * values, float(threshold)
    gaps = round_down(np.abs(computed - threshold))
    return _two_classes(scores, (computed >= threshold) == (sign > 0), gaps, errors, 1.0, sign * threshold)


def calibrated(estimator, point, path, question):
    """Platt's sigmoid on the scores of two classes: the class changes where ``a f + b`` does its sign."""
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
    scores = scores_of(fitted[0].estimator, point, path, question)
    slope, intercept = float(calibrators[0].a_), float(calibrators[0].b_)
    if 0.0 < abs(slope) < TINY:
        raise NotLipschitzError(f"CalibratedClassifierCV has the slope {slope}, which some threads take for 0.")
    values, errors = scores.of_two_classes()
    computed = -(slope * values + intercept)
    # Three roundings; and the probabilities p and 1 − p, of a few ulps each, compare as the sign says from 1e-14 on.
    unsure = 16 * UNIT * (np.abs(slope * values) + abs(intercept)) + 2e-14
    with np.errstate(all="ignore"):
        gaps = round_down(round_down(np.abs(computed) - unsure, 2) / abs(slope), 24)
    return _two_classes(scores, computed > 0, gaps, errors, -np.sign(slope), intercept / abs(slope or 1.0))
