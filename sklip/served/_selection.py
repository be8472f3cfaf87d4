"""Operations that only select, move, swap or negate values."""

from dataclasses import dataclass, replace

from sklip.served._bounds import Bounds
from sklip.served._operation import Operation


@dataclass(frozen=True)
class Selection(Operation):
    """An operation whose outputs are inputs, inputs with another sign, or 0, and no input reaches two outputs at once.

    It is 1-Lipschitz, positively homogeneous and exact in floating point, so it carries bounds without a change, but
    for the number of values. A subclass defines ``output_shape``, ``forward`` and ``vjp``.

    Examples
    --------
    >>> from sklip.served import Relu
    >>> Relu().lipschitz()
    1.0
    """

    def lipschitz(self) -> float:
        """Return 1."""
        return 1.0

    def carry(self, bounds: Bounds) -> Bounds:
        """Return the same bounds: no value grows, and none is rounded."""
        return replace(bounds, shape=self.output_shape(bounds.shape))

    def rescaled(self, scale: float) -> "Selection":
        """Return the operation itself."""
        return self
