"""Certificates against exact arithmetic: scores, constants, distances of linear functions. Each fault is a sentence."""

import warnings
from fractions import Fraction

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

import sklip
from sklip.certification import certified_radius, scores_and_errors, wasserstein_lower_bound
from sklip.estimators._certified_classifier import CertifiedClassifier
from tests.fuzz import exact
from tests.fuzz.transport import draw_samples, exact_distance
from tests.helpers import kernels_of


def dual_norm_exceeds(gradient, units, norm, bound):
    """Whether a linear function of raw columns changes by more than ``bound`` per unit of displacement."""
    slopes = [abs(slope) * Fraction(unit) for slope, unit in zip(gradient, units, strict=True)]
    if norm == 1:
        return max(slopes) > bound
    if norm == np.inf:
        return sum(slopes) > bound
    return sum(slope * slope for slope in slopes) > bound * bound


def network_faults(network, rows):
    """What is wrong with the error bounds, the constant and the radii of a network, at rows of float64."""
    faults = []
    with np.errstate(all="ignore"):
        computed, errors = scores_and_errors(network, rows)
        radii = certified_radius(network, rows)
    for row, values, error, radius in zip(rows, computed, errors, radii, strict=True):
        if not np.isfinite(values).all():
            continue
        numbers = exact.scores(network, exact.raw(row))
        if np.isfinite(error):
            off = max(abs(Fraction(value) - number[0]) for value, number in zip(values.tolist(), numbers, strict=True))
            if off > Fraction(float(error)):
                faults.append(f"a score is off by {float(off):.3g}, which is more than {error:.3g}, at {row.tolist()}")
        faults += _linear_faults(numbers, values, radius, np.ones(len(row)), 2, linear=len(kernels_of(network)) == 1)
        faults += _constant_faults(numbers, sklip.certification.certificate(network).lipschitz, np.ones(len(row)), 2)
    return faults


def _constant_faults(numbers, bound, units, norm):
    if bound is None or not np.isfinite(bound):
        return []
    bound = Fraction(float(bound))
    if any(dual_norm_exceeds(gradient, units, norm, bound) for _, gradient in numbers):
        return [f"a score is steeper than lipschitz_bound = {float(bound):.17g}"]
    return []


def _linear_faults(numbers, computed, radius, units, norm, *, linear):
    """The exact class must be the computed one and, for linear functions, its exact distance at least the radius."""
    if not radius > 0:
        return []
    code = int(computed[0] > 0) if len(numbers) == 1 else int(np.argmax(computed))
    for lead, gradient in _leads(numbers, code):
        if lead < 0:
            return [f"the exact score is on the other side of the boundary, and the radius is {radius:.3g}"]
        if not linear:
            continue
        if np.isinf(radius):
            if any(slope and unit for slope, unit in zip(gradient, units, strict=True)):
                return ["a radius is infinite, and a linear function has a slope"]
        elif dual_norm_exceeds(gradient, units, norm, lead / Fraction(float(radius))):
            return [f"the exact distance of a linear function is less than the radius, {radius:.17g}"]
    return []


def _leads(numbers, code):
    """By how much the class leads each other one, and the gradient of that."""
    if len(numbers) == 1:
        sign = 1 if code else -1
        return [exact.combined([sign], numbers)]
    return [exact.combined([1, -1], [numbers[code], other]) for rival, other in enumerate(numbers) if rival != code]


def pipeline_faults(case, n_rows=3):
    """What is wrong with the radii and the constant of a pipeline; nothing where its steps have no formula.

    Parameters
    ----------
    case : tests.fuzz.case.Case
        Of a classifier, alone or behind steps.
    """
    if case.tampered:
        return []
    model, steps = case.estimator, []
    while not isinstance(model, CertifiedClassifier):
        if isinstance(model, FrozenEstimator):
            model = model.estimator
        elif isinstance(model, Pipeline):
            steps += [step for _, step in model.steps[:-1]]
            model = model.steps[-1][1]
        else:
            return []
    rows = case.container.readings(case.container.make(case.values))
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            radii = sklip.certified_radius(
                case.estimator,
                case.container.make(case.values),
                norm=case.norm,
                tolerances=case.tolerances,
                step_lipschitz=case.constants,
            )
            scores = case.estimator.decision_function(case.container.make(case.values))
    except Exception:
        return []
    if radii.fixed_columns or len(rows) > 1:
        return []
    units = np.ones(rows[0].shape[1]) if case.tolerances is None else case.tolerances
    faults = []
    for row, radius, score in list(zip(rows[0], radii, scores, strict=True))[:n_rows]:
        numbers = exact.raw(row)
        try:
            for step in steps:
                numbers = exact.through(step, numbers)
        except (exact.Unknown, ZeroDivisionError, OverflowError, ValueError, TypeError):
            return []
        numbers = exact.scores(model.network_, numbers)
        linear = len(kernels_of(model.network_)) == 1 and "clip=True" not in repr(case.estimator)
        faults += _linear_faults(numbers, np.atleast_1d(score), radius, units, case.norm, linear=linear)
        faults += _constant_faults(numbers, radii.lipschitz_bound, units, case.norm)
    return faults


def transport_faults(rng):
    """What is wrong with the lower bound of a Wasserstein distance on the line."""
    points, positive, weights, slope = draw_samples(rng)
    with np.errstate(all="ignore"):
        bound = wasserstein_lower_bound(points * slope, np.zeros(len(points)), positive, weights, slope)
    distance = exact_distance(points, positive, weights)
    if not np.isfinite(bound) or Fraction(bound) > distance:
        return [f"wasserstein_lower_bound is {bound:.17g}, and the distance {float(min(distance, 2**1023)):.17g}"]
    return []
