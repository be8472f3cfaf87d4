"""Cross-entropy from scores, with a temperature and a margin."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
from keras import ops

from sklip._tensors import Tensor
from sklip.loss_formulas import cross_entropy_cost
from sklip.losses._base import MeanCostLoss


@dataclass(eq=False, repr=False)
class _TauCrossentropy(MeanCostLoss):
    """Cross-entropy divided by its temperature: the derivative with respect to a score is at most 1."""

    tau: float = 1.0
    margin_offset: float = 0.0
    class_weight: Sequence[float] | None = None
    name: str = "tau_crossentropy"

    term_names = ("loss", "cross_entropy")
    unitless_terms = ("cross_entropy",)
    heads = "several"

    def cost(self, positive: Tensor, scores: Tensor) -> Tensor:
        """Return the cross-entropy of each row, in nats."""
        return cross_entropy_cost(ops, positive, scores, self.tau, self.margin_offset)

    def terms(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> dict[str, Tensor]:
        """Return ``loss``, in the units of the scores, and ``cross_entropy``, in nats."""
        value = super().terms(y_true, y_pred, sample_weight)["cross_entropy"]
        return {"loss": value / self.tau, "cross_entropy": value}


@keras.saving.register_keras_serializable(package="sklip")
@dataclass(eq=False, repr=False)
class TauBinaryCrossentropy(_TauCrossentropy):
    """Binary cross-entropy of scores, ``E[log(1 + exp(−tau (y f − margin_offset)))] / tau``, y = ±1.

    It is computed from the scores, never from a probability. A large ``tau`` favours accuracy, and a
    small one favours large margins [1]_.

    Parameters
    ----------
    tau : float, default=1.0
        Temperature: the factor of the scores.
    margin_offset : float, default=0.0
        Amount by which the score of the true class is lowered first, in the units of the scores.
    class_weight : sequence of 2 floats or None, default=None
        Factor of the cost of the rows of the negative and of the positive class.
    name : str, default="tau_binary_crossentropy"
        Name of the loss.

    References
    ----------
    .. [1] Béthune et al., "Pay attention to your loss: understanding misconceptions about
       1-Lipschitz neural networks", NeurIPS 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import TauBinaryCrossentropy
    >>> round(float(TauBinaryCrossentropy(tau=2.0)(np.array([1, 0]), np.array([0.0, 0.0]))), 6)
    0.346574
    """

    name: str = "tau_binary_crossentropy"

    heads = "one"


@keras.saving.register_keras_serializable(package="sklip")
@dataclass(eq=False, repr=False)
class TauCategoricalCrossentropy(_TauCrossentropy):
    """Cross-entropy of one head per class, ``E[log(1 + Σ_{j≠y} exp(tau (f_j − f_y + margin_offset)))] / tau``.

    It is the cross-entropy of the softmax of ``tau · f``, where the score of the true class is lowered by
    ``margin_offset`` [1]_. Targets are one-hot, 0/1 or −1/+1.

    Parameters
    ----------
    tau : float, default=1.0
        Temperature: the factor of the scores.
    margin_offset : float, default=0.0
        Amount by which the score of the true class is lowered first, in the units of the scores.
    class_weight : sequence of C floats or None, default=None
        Factor of the cost of the rows of each class.
    name : str, default="tau_categorical_crossentropy"
        Name of the loss.

    References
    ----------
    .. [1] Prach and Lampert, "Almost-orthogonal layers for efficient general-purpose
       Lipschitz networks", ECCV 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import TauCategoricalCrossentropy
    >>> loss = TauCategoricalCrossentropy(tau=2.0)
    >>> round(float(loss(np.array([[1, 0, 0]]), np.zeros((1, 3)))), 6)
    0.549306
    """

    name: str = "tau_categorical_crossentropy"


@keras.saving.register_keras_serializable(package="sklip")
@dataclass(eq=False, repr=False)
class TauSparseCategoricalCrossentropy(_TauCrossentropy):
    """Cross-entropy, ``E[log(1 + Σ_{j≠y} exp(tau (f_j − f_y + margin_offset)))] / tau``, of class numbers y.

    It is :class:`TauCategoricalCrossentropy` for targets that are the numbers of the classes, from 0.

    Parameters
    ----------
    tau : float, default=1.0
        Temperature: the factor of the scores.
    margin_offset : float, default=0.0
        Amount by which the score of the true class is lowered first, in the units of the scores.
    class_weight : sequence of C floats or None, default=None
        Factor of the cost of the rows of each class.
    name : str, default="tau_sparse_categorical_crossentropy"
        Name of the loss.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import TauSparseCategoricalCrossentropy
    >>> loss = TauSparseCategoricalCrossentropy(tau=2.0)
    >>> round(float(loss(np.array([0]), np.zeros((1, 3)))), 6)
    0.549306
    """

    name: str = "tau_sparse_categorical_crossentropy"

    def terms(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> dict[str, Tensor]:
        """Return ``loss``, in the units of the scores, and ``cross_entropy``, in nats."""
        scores = ops.convert_to_tensor(y_pred)
        numbers = ops.reshape(ops.cast(y_true, "int32"), (-1,))
        return super().terms(ops.one_hot(numbers, scores.shape[-1], dtype=scores.dtype), scores, sample_weight)
