"""Radii that know what they are about, and turn into plain numbers with every change."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike


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
    _about: tuple[float, tuple, float | None, tuple] = (float("nan"), (), None, ())

    def __new__(
        cls,
        radii: ArrayLike,
        *,
        norm: float = 2.0,
        fixed_columns: tuple = (),
        lipschitz_bound: float | None = None,
        missing_columns: tuple = (),
    ) -> "CertifiedRadii":
        numbers = np.array(radii, dtype=np.float64, ndmin=1)
        # In memory that nobody can write to: what is changed certifies nothing.
        made = super().__new__(cls, numbers.shape, np.float64, numbers.tobytes())
        object.__setattr__(made, "_about", (float(norm), fixed_columns, lipschitz_bound, missing_columns))
        return made

    @property
    def norm(self) -> float:
        """The norm in which displacements are measured."""
        return self._about[0]

    @property
    def fixed_columns(self) -> tuple:
        """Names of the raw columns that are held fixed."""
        return self._about[1]

    @property
    def lipschitz_bound(self) -> float | None:
        """Proven bound of the change of every score per unit of displacement."""
        return self._about[2]

    @property
    def missing_columns(self) -> tuple:
        """Names of the raw columns that had missing values."""
        return self._about[3]

    @property
    def _facts(self):
        names = ("norm", "fixed_columns", "lipschitz_bound", "missing_columns")
        return dict(zip(names, self._about, strict=True))

    def __setattr__(self, name, value):
        raise AttributeError(f"CertifiedRadii cannot be changed, and {name!r} of them neither. Take np.array(radii).")

    def __getitem__(self, key):
        found = np.asarray(self)[key]
        return CertifiedRadii(found, **self._facts) if isinstance(found, np.ndarray) and found.ndim == 1 else found

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        return getattr(ufunc, method)(*map(_plain, inputs), **{name: _plain(value) for name, value in options.items()})

    def __array_function__(self, function, types, arguments, options):
        return function(*_plain(arguments), **_plain(options))

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return _rebuilt, (np.array(self), self._facts)

    def __repr__(self):
        held = f", fixed_columns={self.fixed_columns!r}" if self.fixed_columns else ""
        held += f", missing_columns={self.missing_columns!r}" if self.missing_columns else ""
        return f"CertifiedRadii({np.array2string(np.asarray(self), separator=', ')}, norm={self.norm:g}{held})"


def _rebuilt(radii, facts):
    return CertifiedRadii(radii, **facts)


def _plain(value: Any) -> Any:
    """Radii as plain arrays, within lists, tuples and dictionaries as well."""
    if isinstance(value, CertifiedRadii):
        return np.asarray(value)
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    if type(value) is dict:
        return {key: _plain(entry) for key, entry in value.items()}
    return value


def _of_plain_array(name):
    """A method, or an attribute, of the plain array with the same numbers."""
    if not callable(getattr(np.ndarray, name)):

        def attribute(self) -> np.ndarray:
            return getattr(np.asarray(self), name)

        return property(attribute)

    def method(self, *arguments: Any, **options: Any) -> Any:
        return getattr(np.asarray(self), name)(*arguments, **options)

    method.__name__, method.__doc__ = name, f"Return what ``{name}`` of a plain array with the same numbers returns."
    return method


# All that an array can make of itself: rounded, repeated, reshaped, swapped or copied, it certifies nothing.
for _name in dir(np.ndarray):
    if not _name.startswith("_") and (callable(getattr(np.ndarray, _name)) or _name in ("T", "real", "imag")):
        setattr(CertifiedRadii, _name, _of_plain_array(_name))
