"""Losses of the Kantorovich–Rubinstein duality with one head a class: each class against all the others."""

from collections.abc import Sequence

import keras

from sklip.losses._kantorovich import HKR, HingeMargin


@keras.saving.register_keras_serializable(package="sklip")
class MulticlassHinge(HingeMargin):
    """Hinge of one head a class, ``E[½ max(0, min_margin − f_y) + ½ mean_{j≠y} max(0, min_margin + f_j)]``.

    What :class:`HingeMargin` computes of several columns; a single column is an error.

    Parameters
    ----------
    min_margin : float, default=1.0
        In the units of the scores.
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

    heads = "several"

    def __init__(
        self, min_margin: float = 1.0, class_weight: Sequence[float] | None = None, name: str = "multiclass_hinge"
    ):
        super().__init__(min_margin, class_weight, name)


@keras.saving.register_keras_serializable(package="sklip")
class MulticlassHKR(HKR):
    """HKR of one head a class, ``−mean_c (E[f_c | c] − E[f_c | not c]) + alpha · hinge``.

    The hinge is that of :class:`MulticlassHinge`. What :class:`HKR` computes of several columns;
    a single column is an error.

    Parameters
    ----------
    alpha : float, default=10.0
        Weight of the hinge.
    min_margin : float, default=1.0
        In the units of the scores.
    class_weight : sequence of float or None, default=None
        Factor of the hinge of the rows of each class.
    class_proportions : sequence of float or None, default=None
        Of :func:`sklip.losses.kr`.
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

    heads = "several"

    def __init__(
        self,
        alpha: float = 10.0,
        min_margin: float = 1.0,
        class_weight: Sequence[float] | None = None,
        class_proportions: Sequence[float] | None = None,
        name: str = "multiclass_hkr",
    ):
        super().__init__(alpha, min_margin, class_weight, class_proportions, name)
