"""Graph: operations and joins whose values branch and meet again."""

from dataclasses import dataclass

import numpy as np

from sklip.arithmetic.rounding import product_above
from sklip.served._add import Add
from sklip.served._bounds import Bounds
from sklip.served._chain import Steps
from sklip.served._concatenate import Concatenate
from sklip.served._join import Join
from sklip.served._operation import Operation

JOINS: tuple[type[Join], ...] = (Add, Concatenate)
"""The joins that a graph may contain."""

Node = tuple[Operation | Join, tuple[int, ...]]
"""An operation with the number of its input, or a join with those of its inputs."""


@dataclass(frozen=True, eq=False, repr=False)
class Graph(Operation):
    """Operations and joins in an order in which each comes after its inputs.

    Value 0 is the input, value ``i + 1`` the result of node ``i``, and the last value the output. Constants, norms and
    errors are composed along the graph: those of an operation are multiplied, a sum adds them, and a concatenation
    takes the root of the sum of the squares.

    Parameters
    ----------
    nodes : tuple of (Operation or Join, tuple of int)
        Each operation with the number of the value that it takes, each join with the numbers of its values.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.served import Abs, Add, Graph, Scale
    >>> graph = Graph(((Abs(), (0,)), (Scale(0.5), (1,)), (Scale(0.5), (0,)), (Add(), (2, 3))))
    >>> graph.forward(np.array([[-2.0, 2.0]])).tolist(), round(graph.lipschitz(), 9)
    ([[0.0, 2.0]], 1.0)
    """

    nodes: tuple[Node, ...]

    def _check(self):
        if type(self.nodes) is not tuple or not self.nodes:
            raise ValueError(f"Graph needs nodes; got {self.nodes!r}.")
        for number, node in enumerate(self.nodes):
            if type(node) is not tuple or len(node) != 2 or type(node[1]) is not tuple:
                raise ValueError(f"A node of a Graph is an operation with the numbers of its inputs; got {node!r}.")
            part, inputs = node
            n_allowed = 1 if isinstance(part, Operation) else len(inputs) if type(part) in JOINS else 0
            earlier = all(type(place) is int and 0 <= place <= number for place in inputs)
            if len(inputs) != n_allowed or not inputs or not earlier:
                raise ValueError(f"The node {node!r} of a Graph does not follow its inputs, or is none.")

    @property
    def inner(self) -> Steps:
        """The operations of the graph."""
        return tuple(part for part, _ in self.nodes if isinstance(part, Operation))

    def __repr__(self):
        return f"Graph({list(self.nodes)})"

    def _fold(self, first, of_operation, of_join):
        """The values of all nodes, after that of the input."""
        values = [first]
        for part, places in self.nodes:
            given = [values[place] for place in places]
            values.append(of_operation(part, *given) if isinstance(part, Operation) else of_join(part, given))
        return values

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the last value."""
        shapes = self._fold(shape, lambda part, one: part.output_shape(one), lambda part, many: part.output_shape(many))
        return shapes[-1]

    def _values(self, z):
        return self._fold(z, lambda part, one: part.forward(one), lambda part, many: part.forward(many))

    def forward(self, z: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Compute the nodes in their order."""
        result = self._values(z)[-1]
        if out is not None:
            out[...] = result
            return out
        return result.copy() if np.may_share_memory(result, z) else result

    def vjp(self, z: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Take the slopes backwards; those of a value that branches are added."""
        values = self._values(z)
        of_values: list = [None] * len(values)
        of_values[-1] = slopes
        for number, (part, places) in reversed(list(enumerate(self.nodes))):
            own = of_values[number + 1]
            if own is None:  # nothing reads the value
                continue
            given = [values[place] for place in places]
            parts = [part.vjp(given[0], own)] if isinstance(part, Operation) else part.vjp(given, own)
            for place, share in zip(places, parts, strict=True):
                of_values[place] = share if of_values[place] is None else of_values[place] + share
        return np.zeros_like(z) if of_values[0] is None else of_values[0]

    def lipschitz(self) -> float:
        """Return the constant of the last value."""
        return self.constants()[-1]

    def constants(self) -> list[float]:
        """Return a bound of the Lipschitz constant of each value, that of the input first."""
        return self._fold(
            1.0, lambda part, one: product_above(one, part.lipschitz()), lambda part, many: part.lipschitz(many)
        )

    def carry(self, bounds: Bounds) -> Bounds:
        """Return the bounds of the last value; nothing overflows only if no value of the graph does."""
        every = self._fold(bounds, lambda part, one: part.carry(one), lambda part, many: part.carry(many))
        last = every[-1]
        return Bounds(last.norm, last.error, np.minimum.reduce([each.farthest for each in every]), last.shape)

    def rescaled(self, scale: float) -> "Graph":
        """Return the graph with all of its operations rescaled; joins are the same in all units."""
        return Graph(
            tuple((part.rescaled(scale) if isinstance(part, Operation) else part, at) for part, at in self.nodes)
        )
