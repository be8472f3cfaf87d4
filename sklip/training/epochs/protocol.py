"""What the loop of a training asks of that which runs its epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, Self

if TYPE_CHECKING:
    import keras
    import numpy as np

    from sklip.training.objective import Objective
    from sklip.training.task import Arrays


class Epochs(Protocol):
    """A way to train a Keras network an epoch at a time.

    The loop makes it from a compiled network, places the rows of a training, runs its epochs, and releases the
    rows. Between these calls the network has its current weights, and its optimizer its current variables: the loop and
    its callbacks may read and set both. As a context manager it releases the rows in the end.

    All ways give the same numbers, but for rounding: the order of the batches, the learning rates and the steps are
    those of the loop.

    Parameters
    ----------
    network : keras.Model
        Of ``network_class``, compiled; its optimizer is built.
    objective : sklip.training.objective.Objective
        Of the kind of all later ones.
    validates : bool
        Whether there will be rows that were held out.
    sets_rates : bool
        Whether :meth:`run` will be given learning rates.

    Attributes
    ----------
    network_class : type
        Class of the network, a subclass of the functional ``keras.Model``.
    reusable : bool
        Whether the same object can run later trainings, of objectives that differ in their ``numbers`` alone.
    always_compiles : bool
        Whether a step that XLA does not compile is too slow for any training.
    network : keras.Model
        The network that is trained.
    """

    network_class: ClassVar[type]
    reusable: ClassVar[bool]
    always_compiles: ClassVar[bool]
    network: keras.Model

    def __init__(self, network: keras.Model, objective: Objective, *, validates: bool, sets_rates: bool): ...

    def place(self, rows: Arrays, held_out: Arrays | None, objective: Objective) -> None:
        """Put the rows of a training where its steps find them.

        Parameters
        ----------
        rows, held_out : tuple of (inputs, targets, weights), float32 ndarrays
            Of shapes (n, d), (n, n_scores) and (n,). The inputs of ``rows`` may be UnreadRows: the memory that
            they take is not to grow with their number. ``held_out`` is None if there are none.
        objective : sklip.training.objective.Objective
        """

    def run(self, order: np.ndarray, rates: np.ndarray | None) -> dict[str, float]:
        """Train an epoch, end it by the ``end_epoch`` of the constrained layers, and measure the held-out rows.

        Parameters
        ----------
        order : ndarray of shape (steps, batch), int32
            Row numbers of the batches.
        rates : ndarray of shape (steps,), float32, or None
            Learning rate of each step; None leaves it to the optimizer.

        Returns
        -------
        dict of str to float
            By the names of the objective: the mean over the batches of each term, of the weights before the step of the
            batch. Then, with ``val_`` before the name, the terms of all held-out rows, of the weights after the epoch.
        """

    def release(self) -> None:
        """Release the rows, and whatever else this training has taken; no more epochs of it follow."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
