"""From calls with operations to the operations of a network: a chain, with graphs where values branch."""

from collections.abc import Iterable

from sklip.served import Graph, Join, Operation


class Assembly:
    """Operations and joins, added one after the other; each value has a number, 0 for the input.

    Attributes
    ----------
    nodes : list of (Operation or Join, tuple of int)
        As in :class:`sklip.served.Graph`.
    """

    def __init__(self):
        self.nodes: list[tuple[Operation | Join, tuple[int, ...]]] = []

    def add(self, part: Operation | Join, *inputs: int) -> int:
        """Append an operation or a join of values; return the number of its result."""
        self.nodes.append((part, inputs))
        return len(self.nodes)

    def chain(self, steps: Iterable[Operation], value: int) -> int:
        """Append operations one after the other; return the number of the last result."""
        for step in steps:
            value = self.add(step, value)
        return value

    def constants(self) -> list[float]:
        """Return a proven Lipschitz constant of each value, that of the input first."""
        return Graph(tuple(self.nodes)).constants() if self.nodes else [1.0]

    def operations(self, output: int) -> list[Operation]:
        """Return the operations from the input to a value.

        Where a single value is all that later nodes read, the chain is cut, so that only branches become a graph.
        """
        needed = self._ancestors(output)
        last_use = {place: number for number in needed for place in self.nodes[number][1]}
        operations, segment, live = [], [], {0}
        for number in needed:
            segment.append(number)
            live = {value for value in live | {number + 1} if last_use.get(value, -1) > number or value == output}
            if live == {number + 1}:
                operations.append(self._segment(segment))
                segment = []
        return operations

    def _ancestors(self, output):
        """Numbers of the nodes on which a value depends, in their order."""
        needed, stack = set(), [output]
        while stack:
            value = stack.pop()
            if value and value - 1 not in needed:
                needed.add(value - 1)
                stack.extend(self.nodes[value - 1][1])
        return sorted(needed)

    def _segment(self, numbers):
        """One operation for nodes that read one value from before."""
        part, _ = self.nodes[numbers[0]]
        if len(numbers) == 1 and isinstance(part, Operation):
            return part
        places = {number + 1: place for place, number in enumerate(numbers, 1)}
        return Graph(
            tuple((self.nodes[number][0], tuple(places.get(value, 0) for value in self.nodes[number][1]))
                  for number in numbers)
        )  # fmt: skip
