"""The front of a network that is trained for a question; see :mod:`sklip.front_formulas` for the formulas."""

from typing import Any

import keras
import numpy as np
from keras import ops

from sklip import manifold, served
from sklip._tensors import Tensor
from sklip.front_formulas import FIXED_BUDGET, Front
from sklip.layers._constraints import SharedBudget, UnitRows, WithinBall
from sklip.layers.constrained import ConstrainedLayer


@keras.saving.register_keras_serializable(package="sklip")
class FrontLayer(ConstrainedLayer):
    """The map before the model. ``fit`` builds it; it is no layer for models of the user.

    Parameters
    ----------
    plan : sklip.front_formulas.Front or dict
        The front, or its attributes.
    **kwargs : dict
        Arguments of ``keras.layers.Layer``.
    """

    def __init__(self, plan: Front | dict[str, Any], **kwargs):
        super().__init__(**kwargs)
        if isinstance(plan, dict):
            plan = Front(**{**plan, "norm": float(plan["norm"]), "directions": tuple(plan["directions"])})
        self.plan = plan

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        plan = {**vars(self.plan), "norm": str(self.plan.norm), "directions": list(self.plan.directions)}
        names = ("norm", "n_movable", "n_fixed", "directions")
        return super().get_config() | {"plan": {name: plan[name] for name in names}}

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights."""
        plan = self.plan
        shapes = plan.parts(plan.shapes)
        of_sizes = SharedBudget(plan.directed) if plan.directions else UnitRows()
        constraints = {"sizes": of_sizes, "turned": UnitRows(), "fixed": WithinBall(FIXED_BUDGET)}
        self._own = [
            self.add_weight(name=name, shape=shape, initializer="zeros", constraint=constraint)
            for (name, constraint), shape in zip(constraints.items(), shapes, strict=True)
            if shape is not None
        ]
        self._set(plan.start())
        super().build(input_shape)

    def _set(self, arrays):
        for weight, array in zip(self._own, arrays, strict=True):
            weight.assign(array.astype(np.float32))

    @property
    def constrained_kernels(self) -> list[keras.Variable]:
        """All weights."""
        return list(self._own)

    def call(self, inputs: Tensor) -> Tensor:
        """Map rows, whose movable columns come first."""
        plan = self.plan
        sizes, turned, fixed = self._parts()
        movable = inputs[:, : plan.n_movable] if plan.n_fixed else inputs
        if sizes is not None:
            movable = movable * sizes
        elif (plan.factors != 1.0).any():
            movable = movable * plan.factors.astype(np.float32)
        if turned is not None:
            every = len(plan.turned) == plan.n_movable
            of_turned = movable if every else ops.take(movable, plan.turned, axis=1)
            # A copy, as TensorFlow's custom gradients refuse variables.
            turned = ops.matmul(of_turned, manifold.on_unit_rows(ops.copy(turned)))
            movable = turned if every else movable * plan.straight + turned
        return movable if fixed is None else movable + ops.matmul(inputs[:, plan.n_movable :], fixed)

    def _parts(self):
        """Sizes, unit vectors and the kernel of the fixed columns; None for those that there are not."""
        sizes, turned, fixed = self.plan.parts(self._own)
        if sizes is not None and not self.plan.directions:
            sizes = manifold.on_unit_rows(ops.copy(sizes))
        elif sizes is not None:
            # The division is by 1; its gradient is that along the surface of the budget.
            sizes = manifold.shared_budget(ops.convert_to_tensor(sizes), self.plan.directed)
        return sizes, turned, fixed

    def slopes(self) -> Tensor:
        """What is added to the score per unit of each column: its direction times the norm of its row of the map."""
        plan = self.plan
        sizes, _, fixed = self._parts()
        slopes = plan.factors.astype(np.float32) if sizes is None else ops.abs(sizes)
        if fixed is not None:
            squares = ops.sum(ops.square(ops.convert_to_tensor(fixed)), axis=1)
            # A root has no slope at 0, where the kernel starts.
            of_fixed = ops.where(squares > 0, ops.sqrt(ops.where(squares > 0, squares, 1.0)), 0.0)
            slopes = ops.concatenate([slopes, of_fixed])
        return slopes * plan.signs

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the rows that the model gets."""
        return *input_shape[:-1], self.plan.n_movable

    def retract(self) -> None:
        """Bring the weights back within their budgets."""
        self.end_training()

    def end_training(self) -> None:
        """Bring the weights within their budgets, as closely as float32 allows."""
        self._set(self.plan.on_budget([np.asarray(weight) for weight in self._own]))

    def draw(self, rng: np.random.Generator) -> None:
        """Set the weights to what they are before the first step: nothing is random."""
        self._set(self.plan.start())

    def operation(self, *, on_manifold: bool = True) -> served.Operation:
        """The map as a served operation; with ``on_manifold``, its weights are within their budgets in float64."""
        weights = [np.asarray(weight, dtype=np.float64) for weight in self._own]
        return self.plan.operation(self.plan.on_budget(weights) if on_manifold else weights)


@keras.saving.register_keras_serializable(package="sklip")
class Tilt(keras.layers.Layer):
    """What a front adds to the score so that it moves with the directions: the rows times the slopes of the front.

    Parameters
    ----------
    front : FrontLayer
    **kwargs : dict
        Arguments of ``keras.layers.Layer``.
    """

    def __init__(self, front: FrontLayer | dict[str, Any], **kwargs):
        super().__init__(**kwargs)
        self.front = keras.saving.deserialize_keras_object(front) if isinstance(front, dict) else front

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which Keras rebuilds the layer."""
        return super().get_config() | {"front": keras.saving.serialize_keras_object(self.front)}

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Build the front, in a model that was loaded."""
        if not self.front.built:
            self.front.build(input_shape)
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Multiply rows by the slopes."""
        return ops.matmul(inputs, self.front.slopes()[:, None])

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of a score."""
        return *input_shape[:-1], 1
