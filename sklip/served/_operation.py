"""The base class of the operations of a served network: frozen arrays, and proven bounds."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from sklip._frozen import frozen
from sklip.arithmetic.rounding import product_above
from sklip.arithmetic.subnormal import without_subnormals
from sklip.exceptions import ModelFileError
from sklip.served._bounds import Bounds
from sklip.served._pictures import empty_rows

CHANGED = "The file was changed since it was written: get the original."


@dataclass(frozen=True, eq=False, repr=False)
class Operation(ABC):
    """One step of a served network, on values of shape (n_rows, …) in float64.

    Arrays are copied and cannot be changed afterwards, as certificates are proven only once. Subnormal numbers in
    them (below 2.3e-308 in size) become 0: some threads treat them as 0 and others do not.

    A subclass is a frozen dataclass in a file with its name. It defines the forward pass, the transposed Jacobian, a
    proven bound of the Lipschitz constant, and bounds of size and rounding error.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Dense
    >>> operation = Dense(np.array([[3.0], [4.0]]), np.zeros(1))
    >>> operation.forward(np.array([[1.0, 1.0]])).tolist(), round(operation.lipschitz(), 6)
    ([[7.0]], 5.0)
    """

    in_place: ClassVar[bool] = False
    """True if ``out`` of ``forward`` may be the input itself."""

    def __post_init__(self):
        for name in self._array_names():
            array = getattr(self, name)
            object.__setattr__(self, name, frozen(without_subnormals(array) if array.dtype == np.float64 else array))
        own = (getattr(self, name) for name in self._array_names())
        if not all(array.dtype == np.float64 and np.isfinite(array).all() for array in own):
            raise ValueError(f"{type(self).__name__} holds numbers that are not finite, or not float64.")
        self._check()

    @classmethod
    def _array_names(cls):
        return [field.name for field in fields(cls) if field.type is np.ndarray]

    def _check(self):  # noqa: B027 most have nothing to check
        """Raise a ValueError if parameters do not fit together: someone may have edited the file."""

    @property
    def inner(self) -> tuple["Operation", ...]:
        """The operations of which this one is made; none for most."""
        return ()

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The arrays from which everything is proven."""
        own = tuple(getattr(self, name) for name in self._array_names())
        return own + tuple(array for operation in self.inner for array in operation.arrays)

    def __repr__(self):
        """Return the name and the shapes of the arrays, for subclasses that hold arrays."""
        return f"{type(self).__name__}({', '.join(str(array.shape) for array in self.arrays)})"

    def __setstate__(self, state):
        names, kind = [field.name for field in fields(self)], type(self).__name__
        if not isinstance(state, dict) or sorted(state) != sorted(names):
            raise ModelFileError(f"The file holds no {kind} of sklip: it must hold {', '.join(names)} only. {CHANGED}")
        for name in self._array_names():
            if type(state[name]) not in (np.ndarray, np.memmap):  # no subclass: it may redefine arithmetic
                raise ModelFileError(f"The file holds no {kind} of sklip: its {name} is not an array. {CHANGED}")
        vars(self).update(state)
        try:
            self.__post_init__()
        except (TypeError, ValueError) as error:
            raise ModelFileError(f"{error} {CHANGED}") from error

    @abstractmethod
    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of a row after the operation.

        Parameters
        ----------
        shape : tuple of int
            Shape of a row before the operation.

        Returns
        -------
        tuple of int

        Raises
        ------
        ValueError
            If the operation does not accept the shape.
        """

    @abstractmethod
    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Compute the operation.

        Parameters
        ----------
        z : ndarray of shape (n_rows, …), float64
            Input. It is not changed, unless it is ``out`` as well.
        out : ndarray or None, default=None
            Memory for the result, in the order of :func:`sklip.served._pictures.empty_rows`. It may be ``z`` itself
            where ``in_place`` allows it. None for a new array.

        Returns
        -------
        ndarray
            The same numbers for any ``out``.
        """

    def _memory(self, z, out):
        """The memory for the result of ``forward``: ``out``, or a new array."""
        return empty_rows(len(z), self.output_shape(z.shape[1:])) if out is None else out

    @abstractmethod
    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Multiply a vector for each row by the transposed Jacobian: one step of a backward pass.

        Parameters
        ----------
        z : ndarray of shape (n_rows, …)
            Input of ``forward``.
        slopes : ndarray
            Derivatives with respect to the output of ``forward``, of its shape.

        Returns
        -------
        ndarray of the shape of ``z``
            Derivatives with respect to ``z``; at a kink, those of one of the linear pieces that meet there.
        """

    @abstractmethod
    def lipschitz(self) -> float:
        """Return an upper bound of the Lipschitz constant in the Euclidean norm, rounded up."""

    def lipschitz_after(self, source: Callable[..., float]) -> float:
        """Return an upper bound of the Lipschitz constant of a map ``T`` followed by the operation.

        Parameters
        ----------
        source : callable
            Function of a matrix ``W`` that returns a bound of the Lipschitz constant of ``Wᵀ T(x)``; for None, that of
            ``T``; a vector stands for a diagonal matrix. With a vector ``l`` as the second argument, a bound of
            ``‖Wᵀ T δ‖ + |l · T δ|``.

        Returns
        -------
        float
        """
        return product_above(source(None), self.lipschitz())

    @abstractmethod
    def carry(self, bounds: Bounds) -> Bounds:
        """Return the bounds of size and rounding error after the operation, given those before it."""

    @abstractmethod
    def rescaled(self, scale: float) -> "Operation":
        """Return the operation ``z ↦ scale · f(z / scale)``: the same operation in other units."""
