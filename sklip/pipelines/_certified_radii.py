"""Radii that know what they are about, and turn into plain numbers with every change."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

# All that an array can make of itself: rounded, repeated, reshaped, swapped or copied, it certifies nothing.
_OF_PLAIN_ARRAYS = {name for name in dir(np.ndarray) if name[0] != "_" and callable(getattr(np.ndarray, name))}
_OF_PLAIN_ARRAYS |= {"T", "real", "imag"}


class CertifiedRadii(np.ndarray):
    """Radii of rows: an array of shape (n_rows,), float64, that knows what it is about.

    Slices know it, too; what is computed from radii, and every copy that can be changed, is a plain array. Read-only.

    Parameters
    ----------
    radii : array-like of shape (n_rows,)
    norm : {1, 2, inf}, default=2
        In which displacements are measured.
    fixed_columns : tuple, default=()
        Names (positions, for arrays) of the raw columns that are held fixed: categories, and those of tolerance 0. The
        radius is about the others.
    lipschitz_bound : float or None, default=None
        Proven bound of the change of every score per unit of displacement; None for votes, which have no score.
    missing_columns : tuple, default=()
        Names of the raw columns that had missing values. Each was held fixed in the rows in which it was missing.
    in_tolerances : bool, default=False
        Whether radii are in tolerances of the columns, and not in their units.

    Examples
    --------
    >>> from sklip import CertifiedRadii
    >>> radii = CertifiedRadii([0.5, 0.25], norm=1, fixed_columns=("sex",))
    >>> radii
    CertifiedRadii([0.5 , 0.25], norm=1, fixed_columns=('sex',))
    >>> radii[:1].fixed_columns, (2 * radii).tolist()
    (('sex',), [1.0, 0.5])
    """

    # NumPy may make arrays of this type by itself, of any numbers: they know nothing.
    _facts: dict[str, Any] = {"norm": np.nan, "fixed_columns": (), "lipschitz_bound": None, "missing_columns": (),
                              "in_tolerances": False}  # fmt: skip

    def __new__(
        cls,
        radii: ArrayLike,
        *,
        norm: float = 2.0,
        fixed_columns: tuple = (),
        lipschitz_bound: float | None = None,
        missing_columns: tuple = (),
        in_tolerances: bool = False,
    ) -> "CertifiedRadii":
        numbers = np.array(radii, dtype=np.float64, ndmin=1)
        # In memory that nobody can write to: what is changed certifies nothing.
        made = super().__new__(cls, numbers.shape, np.float64, numbers.tobytes())
        facts = {"norm": float(norm), "fixed_columns": fixed_columns, "lipschitz_bound": lipschitz_bound}
        facts |= {"missing_columns": missing_columns, "in_tolerances": in_tolerances}
        object.__setattr__(made, "_facts", facts)
        return made

    @property
    def norm(self) -> float:
        """The norm in which displacements are measured."""
        return self._facts["norm"]

    @property
    def fixed_columns(self) -> tuple:
        """Names of the raw columns that are held fixed."""
        return self._facts["fixed_columns"]

    @property
    def lipschitz_bound(self) -> float | None:
        """Proven bound of the change of every score per unit of displacement."""
        return self._facts["lipschitz_bound"]

    @property
    def missing_columns(self) -> tuple:
        """Names of the raw columns that had missing values."""
        return self._facts["missing_columns"]

    @property
    def in_tolerances(self) -> bool:
        """Whether radii are in tolerances of the columns."""
        return self._facts["in_tolerances"]

    def __getattribute__(self, name):
        return getattr(np.asarray(self), name) if name in _OF_PLAIN_ARRAYS else super().__getattribute__(name)

    def __setattr__(self, name, value):
        raise AttributeError(f"CertifiedRadii cannot be changed, and {name!r} of them neither. Take np.array(radii).")

    def __getitem__(self, key):
        found = np.asarray(self)[key]
        return CertifiedRadii(found, **self._facts) if isinstance(found, np.ndarray) and found.ndim == 1 else found

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        return getattr(ufunc, method)(*map(_plain, inputs), **{name: _plain(value) for name, value in options.items()})

    def __array_function__(self, function, types, arguments, options):
        return function(*_plain(arguments), **_plain(options))

    def __copy__(self, memo=None):
        return self

    __deepcopy__ = __copy__

    def __reduce__(self):
        return partial(CertifiedRadii, **self._facts), (np.array(self),)

    def __repr__(self):
        held = f", fixed_columns={self.fixed_columns!r}" if self.fixed_columns else ""
        held += f", missing_columns={self.missing_columns!r}" if self.missing_columns else ""
        return f"CertifiedRadii({np.array2string(np.asarray(self), separator=', ')}, norm={self.norm:g}{held})"


def _plain(value: Any) -> Any:
    """Radii as plain arrays, within lists, tuples and dictionaries as well."""
    if isinstance(value, CertifiedRadii):
        return np.asarray(value)
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    if type(value) is dict:
        return {key: _plain(entry) for key, entry in value.items()}
    return value
