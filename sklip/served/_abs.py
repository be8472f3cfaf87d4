"""Abs: the absolute values."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sklip.served._activation import Activation


@dataclass(frozen=True)
class Abs(Activation):
    """The absolute values of the first entries of the last axis, or of all.

    Parameters
    ----------
    share : float, default=1.0
        Share of entries: absolute values are taken of the first ``round(share * width)`` ones. The others stay.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Abs
    >>> Abs().forward(np.array([[-3.0, -1.0]])).tolist()
    [[3.0, 1.0]]
    >>> Abs(0.5).forward(np.array([[-3.0, -1.0]])).tolist()
    [[3.0, -1.0]]
    """

    share: float = 1.0
    in_place: ClassVar[bool] = True

    def _check(self):
        if type(self.share) is not float or not 0.0 <= self.share <= 1.0:
            raise ValueError(f"The share of Abs must be a float from 0 to 1; got {self.share!r}.")

    def _count(self, z):
        return round(self.share * z.shape[-1])

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return the absolute values, and the other values."""
        if self.share == 1.0:
            return np.abs(z, out=out)
        result, count = np.empty_like(z) if out is None else out, self._count(z)
        np.abs(z[..., :count], out=result[..., :count])
        if result is not z:
            np.copyto(result[..., count:], z[..., count:])
        return result

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Negate the slopes of negative values of which the absolute value is taken."""
        result, count = np.array(slopes), self._count(z)
        folded = result[..., :count]
        np.negative(folded, out=folded, where=z[..., :count] < 0)
        return result
