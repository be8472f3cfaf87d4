"""Bounds of the differences between computed scores and those of exact arithmetic."""

from dataclasses import dataclass

import numpy as np

from sklip.arithmetic.rounding import round_down
from sklip.served import Bounds, ServedNetwork


@dataclass(frozen=True)
class ErrorBound:
    """``|fl(f_c(x)) − f_c(x)| ≤ slope · t + intercept`` for every class and every ``x`` with ``t ≤ farthest``.

    ``t`` is any upper bound of both ``‖x − center‖`` and ``‖fl(x − center)‖``. Up to ``farthest`` nothing overflows: no
    score, no difference of two scores, no hidden value and no partial sum. Beyond, ReLU may turn a hidden value of −∞
    into 0, so that a finite score proves nothing. ``size · t + constant`` bounds the absolute value of every score.

    Examples
    --------
    >>> from sklip.certification import ErrorBound
    >>> bound = ErrorBound(slope=1e-15, intercept=1e-16, farthest=1e300, size=1.0, constant=0.5)
    >>> bound.slope * 2.0 + bound.intercept < 1e-14  # of rows at a distance of 2 from the centre
    True
    """

    slope: float
    intercept: float
    farthest: float
    size: float
    constant: float


def error_bound(network: ServedNetwork) -> ErrorBound:
    """Bound the rounding errors of a network's scores for all inputs.

    Each operation carries bounds of size and of rounding (:meth:`sklip.served.Operation.carry`). Those of a dense
    operation are, with ``Lₗ ≥ ‖Wₗ‖₂``::

        errorₗ ≤ Lₗ errorₗ₋₁ + γₙ₊₂ (‖Wₗ‖_F normₗ₋₁ + ‖bₗ‖) + flushed subnormals
        normₗ  ≤ Lₗ normₗ₋₁ + ‖bₗ‖ + the same rounding

    Activations change neither. The bounds start from ``norm₀ = t`` and ``error₀ = u t`` after the centre is subtracted.
    Both recursions are affine in ``t``, so their four coefficients are computed once per network. So is the ``t`` up to
    which no partial sum overflows: each is at most ``‖Wₗ‖_F normₗ₋₁ + ‖bₗ‖`` plus its roundings.

    Parameters
    ----------
    network : sklip.served.ServedNetwork

    Returns
    -------
    ErrorBound

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> from sklip.certification import error_bound
    >>> bound = error_bound(network)
    >>> 0 < bound.slope < 1e-14, 0 <= bound.intercept < 1e-14
    (True, True)
    """
    with np.errstate(all="ignore"):
        bounds = Bounds.after_center((network.n_features,))
        for operation in network.hidden:
            bounds = operation.carry(bounds)
        bounds = network.heads.carry_single(bounds)
        farthest = round_down(bounds.farthest, 16)
    slope, intercept, size, constant = (float(v) if np.isfinite(v) else np.inf for v in (*bounds.error, *bounds.norm))
    return ErrorBound(slope, intercept, float(farthest) if np.isfinite(farthest) else 0.0, size, constant)
