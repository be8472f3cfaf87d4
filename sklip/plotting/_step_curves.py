"""Step functions of certified accuracy, and the check that an audit belongs to them."""

import numpy as np

from sklip.auditing import AuditResult


def check_audit(audit, y_pred, radius):
    """Raise a TypeError or ValueError if an audit is not of these predictions and radii."""
    if not isinstance(audit, AuditResult):
        raise TypeError(f"audit must be what sklip.audit returns; got {type(audit).__name__}.")
    y_pred, radius = np.asarray(y_pred), np.asarray(radius, dtype=np.float64)
    if len(audit.radius) != len(radius):
        raise ValueError(f"audit is of {len(audit.radius)} rows, and there are {len(radius)}. Audit the rows shown.")
    # The radii of one estimator differ with the size of the batch, as its sums are rounded differently.
    tolerance = 1e-9 * radius[np.isfinite(radius)].max(initial=0.0)
    if not (np.allclose(audit.radius, radius, rtol=1e-6, atol=tolerance) and np.array_equal(audit.predicted, y_pred)):
        raise ValueError(
            "audit has other predictions or radii: it is of other rows, of another estimator, or of another norm or "
            "scale. Audit the same rows with the same norm and tolerances."
        )


def up_to(epsilons, accuracies, end):
    """Continue a step function up to an end if it does not fall to 0."""
    if accuracies[-1] == 0.0:
        return epsilons, accuracies
    return np.append(epsilons, end), np.append(accuracies, accuracies[-1])


def values_at(distances, epsilons, accuracies):
    """Return the values of a step function at distances of 0 or more."""
    return accuracies[np.searchsorted(epsilons, distances, side="right") - 1]
