"""Losses of the Kantorovich–Rubinstein duality with one head per class: each class against all the others."""

from dataclasses import dataclass

import keras

from sklip.losses._kantorovich import HKR, HingeMargin


@keras.saving.register_keras_serializable(package="sklip")
@dataclass(eq=False, repr=False)
class MulticlassHinge(HingeMargin):
    """Hinge of one head per class, ``E[½ max(0, min_margin − f_y) + ½ mean_{j≠y} max(0, min_margin + f_j)]``.

    :class:`HingeMargin` computes the same for several columns. A single column is an error.

    Parameters
    ----------
    min_margin : float, default=1.0
        Margin, in the units of the scores.
    class_weight : sequence of float or None, default=None
        Factor of the hinge of the rows of each class.
    name : str, default="multiclass_hinge"
        Name of the loss.

    Notes
    -----
    deel-lip's ``MulticlassHinge(m)`` is ``2 (C − 1) / C`` times this loss with ``min_margin = m / 2``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import MulticlassHinge
    >>> float(MulticlassHinge(min_margin=1.0)(np.array([[1, 0, 0]]), np.array([[0.5, -2.0, -0.5]])))
    0.375
    """

    name: str = "multiclass_hinge"

    heads = "several"


@keras.saving.register_keras_serializable(package="sklip")
@dataclass(eq=False, repr=False)
class MulticlassHKR(HKR):
    """HKR of one head per class, ``−mean_c (E[f_c | c] − E[f_c | not c]) + alpha · hinge``.

    The hinge is that of :class:`MulticlassHinge`. :class:`HKR` computes the same for several columns.
    A single column is an error.

    Parameters
    ----------
    alpha : float, default=10.0
        Weight of the hinge.
    min_margin : float, default=1.0
        Margin, in the units of the scores.
    class_weight : sequence of float or None, default=None
        Factor of the hinge of the rows of each class.
    class_proportions : sequence of float or None, default=None
        Share of the positive class of each head; see :func:`sklip.losses.kr`.
    name : str, default="multiclass_hkr"
        Name of the loss.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import MulticlassHKR
    >>> y, f = np.eye(2), np.array([[2.0, -1.0], [-2.0, 3.0]])
    >>> float(MulticlassHKR(alpha=10.0, min_margin=1.0)(y, f))
    -4.0
    """

    name: str = "multiclass_hkr"

    heads = "several"
