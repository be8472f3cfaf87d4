"""GroupSort: ascending within groups."""

from dataclasses import dataclass

import numpy as np

from sklip.served._activation import Activation, ordered_pairs, slopes_of_groups, slopes_of_pairs, sorted_groups


@dataclass(frozen=True)
class GroupSort(Activation):
    """Sort the values of each group in ascending order (Anil, Lucas and Grosse 2019).

    Parameters
    ----------
    n : int
        Values in a group. Value ``i`` of ``width`` belongs to group ``i mod (width / n)``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import GroupSort
    >>> GroupSort(2).forward(np.array([[3.0, 5.0, 1.0, 7.0]])).tolist()
    [[1.0, 5.0, 3.0, 7.0]]
    """

    n: int

    def _check(self):
        if type(self.n) is not int or self.n < 1:
            raise ValueError(f"GroupSort needs a positive number of values in a group; got {self.n!r}.")

    @property
    def in_place(self) -> bool:  # type: ignore[override]
        """False for pairs: their minima would overwrite values that the maxima still need."""
        return self.n != 2

    @property
    def multiple(self) -> int:
        """The number that must divide the width."""
        return self.n

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Sort within groups."""
        return ordered_pairs(z, out, minima_first=True) if self.n == 2 else sorted_groups(z, out, self.n)

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Permute the slopes back."""
        return slopes_of_pairs(z, slopes, minima_first=True) if self.n == 2 else slopes_of_groups(z, slopes, self.n)
