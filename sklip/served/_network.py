"""The served network: a sequence of operations."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from sklip.exceptions import ModelFileError
from sklip.rows import blocks
from sklip.served import _chain as chain
from sklip.served._abs import Abs
from sklip.served._average_pool import AveragePool
from sklip.served._center import Center
from sklip.served._convolution import Convolution
from sklip.served._crop import Crop
from sklip.served._dense import Dense
from sklip.served._depth_to_space import DepthToSpace
from sklip.served._diagonal import Diagonal
from sklip.served._full_sort import FullSort
from sklip.served._graph import Graph
from sklip.served._group_sort import GroupSort
from sklip.served._l2_norm_pool import L2NormPool
from sklip.served._max_min import MaxMin
from sklip.served._max_pool import MaxPool
from sklip.served._operation import CHANGED, Operation
from sklip.served._pad import Pad
from sklip.served._parallel import Parallel
from sklip.served._pictures import arranged
from sklip.served._relu import Relu
from sklip.served._reshape import Reshape
from sklip.served._residual import Residual
from sklip.served._scale import Scale
from sklip.served._shift import Shift
from sklip.served._space_to_depth import SpaceToDepth
from sklip.served._tilted import Tilted

OPERATIONS: tuple[type[Operation], ...] = (
    Center,
    Dense,
    GroupSort,
    FullSort,
    MaxMin,
    Relu,
    Abs,
    Scale,
    Diagonal,
    Reshape,
    Shift,
    SpaceToDepth,
    DepthToSpace,
    Pad,
    Crop,
    L2NormPool,
    AveragePool,
    MaxPool,
    Convolution,
    Parallel,
    Residual,
    Graph,
    Tilted,
)
"""The operations that a network may contain. Others and subclasses are refused: certificates are proven for these."""


@dataclass(frozen=True, eq=False, repr=False)
class ServedNetwork:
    """A sequence of operations in float64: first a Center, last a Dense whose outputs are the scores.

    Parameters
    ----------
    operations : sequence of Operation

    Raises
    ------
    ValueError
        For operations that do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Center, Dense, ServedNetwork
    >>> network = ServedNetwork((Center(np.zeros(2)), Dense(np.array([[0.6], [0.8]]), np.zeros(1))))
    >>> network.scores(np.array([[1.0, 1.0]])).round(6).tolist()
    [[1.4]]
    """

    operations: tuple[Operation, ...]
    _shapes: list[tuple[int, ...]] = field(init=False)
    _values_of_image: int = field(init=False)

    def __post_init__(self):
        operations = tuple(self.operations)
        _check_types(operations)
        if len(operations) < 2 or type(operations[0]) is not Center or type(operations[-1]) is not Dense:
            raise ValueError("A network begins with a Center and ends with a Dense, whose outputs are the scores.")
        shape = operations[0].center.shape
        if len(shape) != 1:
            raise ValueError(f"A network takes rows that are vectors; its centre has shape {shape}.")
        shapes = [shape := operation.output_shape(shape) for operation in operations]
        if len(shape) != 1:
            raise ValueError(f"The scores of a network are a vector per row; they have shape {shape}.")
        vars(self).update(operations=operations, _shapes=shapes, _values_of_image=_values_of_image(shapes))

    def __getstate__(self):
        return {"operations": self.operations}

    def __setstate__(self, state):
        operations = state.get("operations") if isinstance(state, dict) else None
        if not isinstance(operations, list | tuple) or len(state) != 1:
            raise ModelFileError(f"The file holds no network of sklip: it has no operations. {CHANGED}")
        vars(self)["operations"] = operations
        try:
            self.__post_init__()
        except (AttributeError, ValueError) as error:
            raise ModelFileError(f"{error} {CHANGED}") from error

    def __repr__(self):
        sizes = [self.input_shape, *(shape for _, shape in self._weighted())]
        return f"{type(self).__name__}({' → '.join('×'.join(map(str, size)) for size in sizes)})"

    def _weighted(self):
        """The operations that have weights, and the shapes of rows after them; without those that keep each place."""
        pairs = zip(self.operations[1:], self._shapes[1:], strict=True)
        return [(each, shape) for each, shape in pairs if each.arrays and type(each) not in (Center, Diagonal)]

    @property
    def center(self) -> np.ndarray:
        """The vector that is subtracted from each row first, of shape (n_features,)."""
        return self.operations[0].center  # type: ignore[attr-defined]

    @property
    def hidden(self) -> tuple[Operation, ...]:
        """The operations between the subtraction of the centre and the heads."""
        return self.operations[1:-1]

    @property
    def heads(self) -> Dense:
        """The last operation, whose outputs are the scores."""
        return self.operations[-1]  # type: ignore[return-value]

    @property
    def n_features(self) -> int:
        """Number of values per row of the input."""
        return self._shapes[0][0]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of a row: (height, width, channels) for images, whose values are flattened in C order."""
        first = self.hidden[0] if self.hidden else None
        return first.shape if isinstance(first, Reshape) else self._shapes[0]

    @property
    def n_scores(self) -> int:
        """Number of scores per row."""
        return self._shapes[-1][0]

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers of values per row: of the input, and after each operation that has weights."""
        return (self.n_features, *(math.prod(shape) for _, shape in self._weighted()))

    @property
    def block_rows(self) -> int:
        """Number of rows that are served at a time; the values of images take more memory than those of rows."""
        if not self._values_of_image:
            return blocks.BLOCK_ROWS
        return min(blocks.BLOCK_ROWS, max(1, blocks.IMAGE_BYTES // (8 * self._values_of_image)))

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The arrays of all operations, from which everything is proven."""
        return tuple(array for operation in self.operations for array in operation.arrays)

    @property
    def every_operation(self) -> tuple[Operation, ...]:
        """All operations, with those within others."""
        return tuple(_with_inner(self.operations))

    def with_heads(self, heads: Dense) -> "ServedNetwork":
        """Return the network with another last operation."""
        return ServedNetwork((*self.operations[:-1], heads))

    def centered_blocks(self, X: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield slices of rows with the centred rows, in constant memory.

        The subtraction converts rows of another dtype to float64. Each block overwrites the previous one.
        """
        memory = np.empty((min(len(X), self.block_rows), self.n_features))
        for rows in blocks.slices(len(X), self.block_rows):
            block = X[rows]
            with np.errstate(all="ignore"):  # scores show what overflows; not beyond the yield
                centered = np.subtract(block, self.center, out=memory[: rows.stop - rows.start])
            yield rows, centered

    def scored_blocks(self, X: np.ndarray) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Yield slices of rows with the centred rows and their scores.

        The centred rows of each block overwrite the previous ones; the scores do not.
        """
        size = self.block_rows
        buffers = self._buffers(size) if len(X) > size else None
        memory, center = np.empty((min(len(X), size), self.n_features)), self.center
        for rows in blocks.slices(len(X), size):
            block = X[rows]
            # One error state for both: by a call of centered_blocks, a single row takes an eighth longer.
            with np.errstate(all="ignore"):  # scores show what overflows; not beyond the yield
                centered = np.subtract(block, center, out=memory[: rows.stop - rows.start])
                scores = self._scores(centered, buffers)
            yield rows, centered, scores

    def _buffers(self, n_rows):
        """An array for the result of each hidden operation, None if it works in place; two memories alternate."""
        shapes, buffers = self._shapes[1:-1], []
        pair, turn = np.empty((2, n_rows * max(map(math.prod, shapes), default=0))), 0
        for operation, shape in zip(self.hidden, shapes, strict=True):
            in_place = operation.in_place and bool(buffers)  # the rows themselves stay as they are
            buffers.append(None if in_place else arranged(pair[turn, : n_rows * math.prod(shape)], n_rows, shape))
            turn = turn if in_place else 1 - turn
        return buffers

    def centered_scores(self, centered: np.ndarray) -> np.ndarray:
        """Scores of centred rows: the centre is already subtracted.

        Parameters
        ----------
        centered : ndarray of shape (n_rows, n_features), float64

        Returns
        -------
        ndarray of shape (n_rows, n_scores)
        """
        with np.errstate(all="ignore"):
            return self._scores(centered, None)

    def _scores(self, z, buffers):
        """The forward pass of centred rows, which stay unchanged; the caller sets NumPy's error state."""
        if buffers is None:
            return self.heads.forward(chain.forward(self.hidden, z))
        for operation, buffer in zip(self.hidden, buffers, strict=True):
            z = operation.forward(z, z if buffer is None else buffer[: len(z)])
        return self.heads.forward(z)

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Evaluate the network.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            In float64, or in another dtype of ``SERVED_DTYPES``.

        Returns
        -------
        ndarray of shape (n_rows, n_scores)
        """
        result = np.empty((len(X), self.n_scores))
        for rows, _, scores in self.scored_blocks(X):
            result[rows] = scores
        return result


def _check_types(operations):
    """Raise a ValueError unless all operations, those within others included, are known and have their parts."""
    for operation in operations:
        if type(operation) not in OPERATIONS:
            raise ValueError(f"A network is made of operations of sklip.served; got {operations!r}.")
        operation._check()  # an operation from a file may lack attributes
        _check_types(operation.inner)


def _with_inner(operations):
    """Operations, each followed by those within it."""
    for operation in operations:
        yield operation
        yield from _with_inner(operation.inner)


def _values_of_image(shapes):
    """Number of values of an image in the largest layer; 0 if there are no images."""
    return 0 if all(len(shape) == 1 for shape in shapes) else max(map(math.prod, shapes))
