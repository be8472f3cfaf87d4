"""The served network: a small frozen object of float64 arrays, evaluated by NumPy alone.

It is the only truth after ``fit``: predictions, certificates, pickles and exports read it.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from sklip._frozen import frozen
from sklip.activations import activate_in_place, is_activation, required_multiple
from sklip.arithmetic import polar_factor
from sklip.arithmetic.subnormal import without_subnormals
from sklip.exceptions import ModelFileError
from sklip.rows import blocks

__all__ = ["CondensedNetwork", "condense"]


@dataclass(frozen=True, eq=False)
class CondensedNetwork:
    """``f(x) = W_Lᵀ σ(… σ(W₁ᵀ (x − center) + b₁) …) + b_L`` in float64.

    The arrays are copied and cannot be changed afterwards, as certificates are proved of them once. Subnormal numbers
    in them (below 2.3e-308 in size) become 0: some threads would take them for 0 and others would not.

    Biases are in the units of the data: every activation is positively homogeneous, so that
    ``s · g((x − center) / s)`` is the same network with its biases multiplied by ``s``.

    Parameters
    ----------
    center : ndarray of shape (n_features,)
        Subtracted from each row first.
    kernels : tuple of ndarray of shape (n_inputs, n_outputs)
        One a layer, the heads last.
    biases : tuple of ndarray of shape (n_outputs,)
        One a layer, in the units of the data.
    activations : tuple of str
        One a hidden layer; see :func:`sklip.activations.activate`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.network import CondensedNetwork
    >>> network = CondensedNetwork(np.zeros(2), (np.array([[0.6], [0.8]]),), (np.zeros(1),), ())
    >>> network.scores(np.array([[1.0, 1.0]])).round(6).tolist()
    [[1.4]]
    """

    center: np.ndarray
    kernels: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    activations: tuple[str, ...]

    def __post_init__(self):
        # For good, as certificates are proved once; what is checked is what is served.
        object.__setattr__(self, "center", _served(self.center))
        object.__setattr__(self, "kernels", tuple(map(_served, self.kernels)))
        object.__setattr__(self, "biases", tuple(map(_served, self.biases)))
        object.__setattr__(self, "activations", tuple(self.activations))
        self._check()

    def _check(self):
        """Raise for what is not a network: a file may have been edited, and certificates count on what is checked."""
        widths = [self.center.size, *(kernel.shape[-1] if kernel.ndim else 0 for kernel in self.kernels)]
        expected = [(widths[0],), *itertools.pairwise(widths), *((width,) for width in widths[1:])]
        arrays = (self.center, *self.kernels, *self.biases)
        if (
            [array.shape for array in arrays] != expected
            or len(self.activations) != len(self.kernels) - 1
            or 0 in widths
        ):
            raise ValueError(f"The layers of the network do not fit together: {[array.shape for array in arrays]}.")
        if not all(array.dtype == np.float64 and np.isfinite(array).all() for array in arrays):
            raise ValueError("The network holds numbers that are not finite, or not float64.")
        for activation, width in zip(self.activations, widths[1:], strict=False):
            if not is_activation(activation) or width % required_multiple(activation):
                raise ValueError(f"The network has no activation {activation!r} of {width} units.")

    def __setstate__(self, state):
        names = [field.name for field in fields(self)]
        if not isinstance(state, dict) or sorted(state) != sorted(names):
            raise ModelFileError(f"The file holds no network of sklip: what it has is not {', '.join(names)}.")
        if not isinstance(state["activations"], list | tuple):
            raise ModelFileError("The file holds no network of sklip: its activations are not a tuple of names.")
        for name in names[:-1]:
            arrays = [state[name]] if name == "center" else state[name]
            # No subclass: it may have an arithmetic of its own.
            if not isinstance(arrays, list | tuple) or not {type(array) for array in arrays} <= {np.ndarray, np.memmap}:
                told = "its center is not an array" if name == "center" else f"its {name} are not arrays"
                raise ModelFileError(f"The file holds no network of sklip: {told}.")
        vars(self).update(state)
        try:
            self.__post_init__()
        except ValueError as error:
            raise ModelFileError(f"{error} The file was changed since it was written: get the original.") from error

    def centered_blocks(self, X: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield slices of rows with the centred rows: memory stays flat however many there are.

        Rows of another dtype are converted first, as they are subtracted from. Each block takes
        the memory of the one before it.
        """
        units = np.empty((min(len(X), blocks.BLOCK_ROWS), len(self.center)))
        for rows in blocks.row_blocks(len(X)):
            block = X[rows]
            with np.errstate(all="ignore"):  # what overflows is found by its scores; not beyond the yield
                centered = np.subtract(block, self.center, out=units[: rows.stop - rows.start])
            yield rows, centered

    def scored_blocks(self, X: np.ndarray) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Yield slices of rows with the centred rows and their scores.

        The centred rows of each block, not its scores, take the memory of the one before it.
        """
        buffers = self._buffers(blocks.BLOCK_ROWS) if len(X) > blocks.BLOCK_ROWS else None
        memory = np.empty((min(len(X), blocks.BLOCK_ROWS), len(self.center)))
        for rows in blocks.row_blocks(len(X)):
            block = X[rows]
            # One error state for both: by way of centered_blocks, a single row takes an eighth longer.
            with np.errstate(all="ignore"):  # what overflows is found by its scores; not beyond the yield
                units = np.subtract(block, self.center, out=memory[: rows.stop - rows.start])
                scores = self._scores(units, buffers)
            yield rows, units, scores

    def _buffers(self, n_rows):
        """Two arrays of shape (n_rows, width) a hidden layer, which all layers share."""
        widths = [kernel.shape[1] for kernel in self.kernels[:-1]]
        pair = np.empty((2, n_rows * max(widths, default=0)))
        return [tuple(memory[: n_rows * width].reshape(n_rows, width) for memory in pair) for width in widths]

    def centered_scores(self, units: np.ndarray, buffers: list | None = None) -> np.ndarray:
        """Scores of rows that are centred already.

        Parameters
        ----------
        units : ndarray of shape (n_rows, n_features), float64
        buffers : list or None, default=None
            Memory to work in; the scores are the same with it and without.

        Returns
        -------
        ndarray of shape (n_rows, n_scores)
        """
        with np.errstate(all="ignore"):
            return self._scores(units, buffers)

    def _scores(self, units, buffers):
        """The forward pass of centred rows, in whatever error state."""
        for layer, activation in enumerate(self.activations):
            out, spare = (None, None) if buffers is None else (buffer[: len(units)] for buffer in buffers[layer])
            units = np.matmul(units, self.kernels[layer], out=out)
            units += self.biases[layer]
            units = activate_in_place(activation, units, spare)
        scores = units @ self.kernels[-1]
        scores += self.biases[-1]
        return scores

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Evaluate the network.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            Of float64, or another dtype of ``SERVED_DTYPES``.

        Returns
        -------
        ndarray of shape (n_rows, n_scores)
        """
        result = np.empty((len(X), self.kernels[-1].shape[1]))
        for rows, _, scores in self.scored_blocks(X):
            result[rows] = scores
        return result


def _served(array):
    """An array as a network holds it: one that cannot change, without subnormal numbers."""
    return frozen(without_subnormals(array) if array.dtype == np.float64 else array)


def condense(
    kernels: list[np.ndarray],
    biases: list[np.ndarray],
    activation: str,
    center: np.ndarray,
    scale: float,
) -> CondensedNetwork:
    """Freeze trained weights: kernels made orthonormal, heads of norm 1, biases in data units.

    Parameters
    ----------
    kernels : list of ndarray of shape (n_inputs, n_outputs)
        One a layer, the heads last; any dtype.
    biases : list of ndarray of shape (n_outputs,)
        In the units in which the network was trained.
    activation : str
        Of every hidden layer.
    center : ndarray of shape (n_features,)
    scale : float
        The network was trained on ``(x − center) / scale``.

    Returns
    -------
    CondensedNetwork

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.network import condense
    >>> kernels, biases = [np.diag([1.1, 0.9]), np.array([[3.0], [4.0]])], [np.zeros(2), np.ones(1)]
    >>> network = condense(kernels, biases, "groupsort2", np.zeros(2), scale=2.0)
    >>> network.kernels[1].round(6).tolist(), network.biases[1].tolist()
    ([[0.6], [0.8]], [2.0])
    """
    *hidden, heads = kernels
    heads = np.asarray(heads, dtype=np.float64)
    norms = np.linalg.norm(heads, axis=0)
    return CondensedNetwork(
        center=np.array(center, dtype=np.float64),
        kernels=(*map(polar_factor, hidden), heads / np.where(norms > 0, norms, 1.0)),
        biases=tuple(np.asarray(bias, dtype=np.float64) * scale for bias in biases),
        activations=(activation,) * len(hidden),
    )
