"""Inverses of transformed targets that are known to be monotone: bands behind them, rounding included."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from sklip.arithmetic.rounding import LARGEST, TINY
from sklip.pipelines._refusals import refuse, refuse_shadows

_FUNCTIONS = (None, np.exp, np.expm1)
# Scalers, and the parameter without which they do not scale.
_SCALERS: dict[type, str | None] = {
    StandardScaler: "with_std",
    RobustScaler: "with_scaling",
    MinMaxScaler: None,
    MaxAbsScaler: None,
}
# NumPy's exp and expm1 are off by up to 4 units in the last place, at the end of a band and at a prediction alike.
_ROUNDING = 16 * 2.0**-52


@dataclass(frozen=True)
class Inverse:
    """The inverse that a TransformedTargetRegressor applies to predictions.

    Attributes
    ----------
    estimator : TransformedTargetRegressor
    increases : bool
        Whether it is known to grow with its input; else it is monotone, up or down.
    lost : ndarray or float
        The most that it loses, for each target, if subnormal numbers are flushed on the way.
    least : float
        It computes no number below.
    """

    estimator: TransformedTargetRegressor
    increases: bool
    lost: np.ndarray | float = 8 * TINY
    least: float = -np.inf

    def band(self, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bands of shape (n_rows, n_targets) behind the inverse.

        The inverse computes the ends itself. A sum, a product and a quotient that are rounded correctly are as monotone
        as the exact ones. So nothing but functions of several roundings, and flushed numbers, widen the band.
        """
        with np.errstate(all="ignore"):
            ends = lower - 4 * TINY, upper + 4 * TINY
            low, high = (self._computed(end) for end in ends)
            is_known = [np.isfinite(end) for end in ends]
            if not self.increases:
                low, high = np.minimum(low, high), np.maximum(low, high)  # NaN of either one
                is_known = [is_known[0] & is_known[1]] * 2
            low = np.minimum(low, LARGEST)
            high = np.maximum(high, -LARGEST)
            low, high = low - (np.abs(low) * _ROUNDING + self.lost), high + (np.abs(high) * _ROUNDING + self.lost)
            low = np.where(is_known[0] & ~np.isnan(low), np.maximum(low, self.least), self.least)
            return low, np.where(is_known[1] & ~np.isnan(high), high, np.inf)

    def _computed(self, values):
        """What the inverse computes of finite values, in arrays of the shape in which it gets predictions."""
        given = np.where(np.isfinite(values), values, 0.0)
        found = np.asarray(self.estimator.transformer_.inverse_transform(given), dtype=np.float64)
        found = found[:, None] if found.ndim == 1 else found
        if found.shape != values.shape:
            refuse(self.estimator, f"makes targets of shape {found.shape} of predictions of shape {values.shape}")
        return found


def inverse_of(estimator: TransformedTargetRegressor, *, on_word: bool) -> Inverse:
    """The inverse of a fitted TransformedTargetRegressor, if it is known to be monotone.

    Parameters
    ----------
    estimator : TransformedTargetRegressor
    on_word : bool
        Whether the user says that it is.

    Raises
    ------
    NotLipschitzError
        For any other, by its name.
    """
    transformer = estimator.transformer_
    refuse_shadows(transformer, "transformer")
    known = _KNOWN.get(type(transformer), _nothing)(estimator, transformer)
    if known is not None:
        return known
    if on_word:
        return Inverse(estimator, increases=False)
    refuse(
        estimator,
        f"predicts through the inverse of {_name(transformer)}, which sklip does not know to be monotone. It knows "
        "inverse_func=numpy.exp and numpy.expm1, and StandardScaler, MinMaxScaler, RobustScaler and MaxAbsScaler as "
        "transformer. If each target always grows, or always falls, with its own prediction, say so: "
        "monotone_inverse=True",
    )


def _nothing(estimator, transformer):
    return None


def _of_function(estimator, transformer):
    """NumPy's exp and expm1, and no function at all."""
    function = transformer.inverse_func
    if transformer.inv_kw_args or not any(function is known for known in _FUNCTIONS):
        return None
    return Inverse(estimator, increases=True, least=0.0 if function is np.exp else -np.inf)


def _of_scaler(estimator, transformer):
    """A scaler whose factors are above 0."""
    switch = _SCALERS[type(transformer)]
    scales = switch is None or getattr(transformer, switch)
    scale = np.asarray(transformer.scale_ if scales else 1.0, dtype=np.float64)
    if not (np.isfinite(scale) & (scale >= TINY)).all():
        return None
    with np.errstate(over="ignore"):
        return Inverse(estimator, increases=True, lost=8 * TINY * (1.0 + 1.0 / scale))


_KNOWN: dict[type, Callable] = {FunctionTransformer: _of_function, **dict.fromkeys(_SCALERS, _of_scaler)}


def _name(transformer):
    """Name of a transformer for people; of a FunctionTransformer, with its inverse function."""
    if type(transformer) is not FunctionTransformer:
        return type(transformer).__name__
    function = transformer.inverse_func
    return f"FunctionTransformer with inverse_func={getattr(function, '__name__', repr(function))}"
