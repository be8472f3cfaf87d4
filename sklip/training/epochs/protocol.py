"""The interface of the classes that run the epochs of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras
    import numpy as np

    from sklip.training.objective import Objective
    from sklip.training.task import Arrays


class Epochs(Protocol):
    """A way to train a Keras network one epoch at a time.

    The loop creates it from a compiled network, places the rows of a training, runs its epochs, and releases the
    rows. Between these calls the network has its current weights, and its optimizer its current variables: the loop and
    its callbacks may read and set both. As a context manager it releases the rows in the end.

    All implementations return the same numbers up to rounding: the loop sets the order of the batches, the learning
    rates and the steps.

    Parameters
    ----------
    network : keras.Model
        Compiled network of class ``network_class``, with a built optimizer.
    objective : sklip.training.objective.Objective
        An objective of the same kind as all later ones.
    validates : bool
        Whether there will be held-out rows.
    sets_rates : bool
        Whether :meth:`run` will get learning rates.
    devices : sequence, default=()
        Some of :meth:`visible_devices`, among which the rows of a batch are divided. The terms of the loss and its
        gradient are those of the whole batch. If there are none, the backend chooses one device.

    Attributes
    ----------
    network_class : type
        Class of the network, a subclass of the functional ``keras.Model``.
    reusable : bool
        Whether the same object can run later trainings whose objectives differ only in their ``numbers``.
    always_compiles : bool
        Whether XLA always compiles the steps, as they are too slow without it.
    compiles_for_several_devices : bool
        Whether XLA can compile the steps if there are ``devices``.
    network : keras.Model
        The network that is trained.
    """

    network_class: ClassVar[type]
    reusable: ClassVar[bool]
    always_compiles: ClassVar[bool]
    compiles_for_several_devices: ClassVar[bool]
    network: keras.Model

    def __init__(
        self,
        network: keras.Model,
        objective: Objective,
        *,
        validates: bool,
        sets_rates: bool,
        devices: Sequence[Any] = (),
    ): ...

    @staticmethod
    def visible_devices() -> Sequence[Any]:
        """Return the devices that the backend can use: accelerators, or CPUs if there are none."""

    def place(self, rows: Arrays, held_out: Arrays | None, objective: Objective) -> None:
        """Store the rows of a training for its steps.

        Parameters
        ----------
        rows, held_out : tuple of (inputs, targets, weights), float32 ndarrays
            The shapes are (n, d), (n, n_scores) and (n,). The inputs of ``rows`` may be UnreadRows, whose
            memory must not grow with their number. ``held_out`` is None if there are none; the memory for the
            values that a network on images computes from them must not grow with their number.
        objective : sklip.training.objective.Objective
        """

    def run(self, order: np.ndarray, rates: np.ndarray | None) -> dict[str, float]:
        """Train an epoch, call ``end_epoch`` of the constrained layers, and measure the held-out rows.

        Parameters
        ----------
        order : ndarray of shape (steps, batch), int32
            Row numbers of the batches.
        rates : ndarray of shape (steps,), float32, or None
            Learning rate of each step; None to use that of the optimizer.

        Returns
        -------
        dict of str to float
            For each name of the objective, the mean of the term over the batches, each with the weights before its
            step. With ``val_`` before the name, the term of all held-out rows, with the weights after the epoch.
        """

    def release(self) -> None:
        """Release the rows and everything else of this training, after its last epoch."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
