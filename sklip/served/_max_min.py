"""MaxMin: the maxima of pairs, then their minima."""

from dataclasses import dataclass

import numpy as np

from sklip.served._activation import Activation, ordered_pairs, slopes_of_pairs


@dataclass(frozen=True)
class MaxMin(Activation):
    """The maxima of the pairs ``(i, i + width / 2)``, then their minima.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import MaxMin
    >>> MaxMin().forward(np.array([[3.0, 5.0, 1.0, 7.0]])).tolist()
    [[3.0, 7.0, 1.0, 5.0]]
    """

    @property
    def multiple(self) -> int:
        """The number that must divide the width."""
        return 2

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Compare the two halves."""
        return ordered_pairs(z, out, minima_first=False)

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Permute the slopes back."""
        return slopes_of_pairs(z, slopes, minima_first=False)
