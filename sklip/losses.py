"""Losses of the Kantorovich–Rubinstein duality: pure functions, then their Keras classes.

Targets: one column is a binary problem, the row being of the positive class where
``y_true > 0`` (so −1/+1 and 0/1 both do, and nothing is guessed from the data of a batch).
Several columns are a one-vs-all problem with a head a class: a row belongs to class ``c``
where ``y_true[:, c] > 0``. Sample weights enter every expectation: a weight of 0 is the same
as removing the row.
"""

import keras
import numpy as np
from keras import ops


def _columns(y_true, y_pred, sample_weight):
    """Positive-class mask, scores and weights as (n, C), (n, C) and (n, 1) tensors."""
    scores = ops.convert_to_tensor(y_pred)
    if len(scores.shape) == 1:
        scores = ops.expand_dims(scores, -1)
    targets = ops.reshape(ops.cast(y_true, scores.dtype), ops.shape(scores))
    positive = ops.cast(targets > 0, scores.dtype)
    if sample_weight is None:
        weight = ops.ones_like(scores[:, :1])
    else:
        weight = ops.reshape(ops.cast(sample_weight, scores.dtype), (-1, 1))
    return positive, scores, weight


def _safe_divide(numerator, mass):
    """The quotient, and 0 where there is no mass."""
    return ops.where(mass > 0, numerator / ops.where(mass > 0, mass, 1.0), 0.0)


@keras.saving.register_keras_serializable(package="sklip")
def kr(y_true, y_pred, sample_weight=None, class_proportions=None):
    """Kantorovich–Rubinstein term, ``E[f | +1] − E[f | −1]``, the mean over heads.

    With several heads, head ``c`` compares class ``c`` with all the others. Where one of the
    two has no weight there is nothing to compare, and the head's term is 0.

    Parameters
    ----------
    y_true : tensor of shape (n,), (n, 1) or (n, C)
    y_pred : tensor of the same shape
        Scores f.
    sample_weight : tensor of shape (n,), optional
    class_proportions : sequence of C floats, optional
        Share of the positive class of each head in the whole data set. When given, it stands
        for the batch's own share, so that the batches' terms average to the data set's also
        where a batch lacks a class.

    Returns
    -------
    scalar tensor
        In the units of the scores.
    """
    return _kr(*_columns(y_true, y_pred, sample_weight), class_proportions)


def _kr(positive, scores, weight, class_proportions):
    """:func:`kr` of columns."""
    negative = 1.0 - positive
    if class_proportions is None:
        positive_mass = ops.sum(weight * positive, axis=0)
        negative_mass = ops.sum(weight * negative, axis=0)
    else:
        share = ops.convert_to_tensor(class_proportions, scores.dtype)
        positive_mass = ops.sum(weight) * share
        negative_mass = ops.sum(weight) * (1.0 - share)
    upper = _safe_divide(ops.sum(weight * positive * scores, axis=0), positive_mass)
    lower = _safe_divide(ops.sum(weight * negative * scores, axis=0), negative_mass)
    comparable = ops.logical_and(positive_mass > 0, negative_mass > 0)
    return ops.mean(ops.where(comparable, upper - lower, 0.0))


@keras.saving.register_keras_serializable(package="sklip")
def hinge_margin(y_true, y_pred, sample_weight=None, min_margin=1.0, class_weight=None):
    """Hinge term, ``E[max(0, min_margin − y f)]``, with y the sign of the class.

    With ``C > 1`` heads, a row's hinge is half that of the head of its class plus half the
    mean of the others', so that the one positive head weighs as much as the ``C − 1``
    negative ones.

    Parameters
    ----------
    y_true : tensor of shape (n,), (n, 1) or (n, C)
    y_pred : tensor of the same shape
        Scores f.
    sample_weight : tensor of shape (n,), optional
    min_margin : float, default=1.0
        In the units of the scores.
    class_weight : sequence of floats, optional
        Factor of the hinge of the rows of each class: (negative, positive) for one column,
        one a class otherwise.

    Returns
    -------
    scalar tensor
        In the units of the scores.
    """
    return _hinge_margin(*_columns(y_true, y_pred, sample_weight), min_margin, class_weight)


def _hinge_margin(positive, scores, weight, min_margin, class_weight):
    """:func:`hinge_margin` of columns."""
    cost = ops.relu(min_margin - (2.0 * positive - 1.0) * scores)
    heads = scores.shape[-1]
    if heads > 1:
        cost = 0.5 * cost * (positive + (1.0 - positive) / (heads - 1))
    cost = ops.sum(cost, axis=-1, keepdims=True)
    if class_weight is not None:
        factor = ops.convert_to_tensor(class_weight, scores.dtype)
        if heads == 1:
            cost = cost * (factor[0] + (factor[1] - factor[0]) * positive)
        else:
            cost = cost * ops.sum(factor * positive, axis=-1, keepdims=True)
    return _safe_divide(ops.sum(weight * cost), ops.sum(weight))


@keras.saving.register_keras_serializable(package="sklip")
def hkr(y_true, y_pred, sample_weight=None, alpha=10.0, min_margin=1.0, class_weight=None, class_proportions=None):
    """Hinge-regularised KR loss, ``−kr + alpha · hinge_margin`` (Serrurier et al., CVPR 2021).

    Parameters
    ----------
    y_true : tensor of shape (n,), (n, 1) or (n, C)
    y_pred : tensor of the same shape
        Scores f.
    sample_weight : tensor of shape (n,), optional
    alpha : float, default=10.0
        Weight of the hinge.
    min_margin, class_weight : float, sequence
        Of :func:`hinge_margin`.
    class_proportions : sequence
        Of :func:`kr`.

    Returns
    -------
    scalar tensor
    """
    return -kr(y_true, y_pred, sample_weight, class_proportions) + alpha * hinge_margin(
        y_true, y_pred, sample_weight, min_margin, class_weight
    )


class _ExpectationLoss(keras.losses.Loss):
    """A Keras loss of a whole batch, into whose expectations the sample weights enter."""

    term_names = ("loss",)

    def __call__(self, y_true, y_pred, sample_weight=None):
        return self.terms(y_true, y_pred, sample_weight)["loss"]

    def call(self, y_true, y_pred):
        """Return the loss without sample weights."""
        return self(y_true, y_pred)

    def terms(self, y_true, y_pred, sample_weight=None):
        """Return the loss, as ``"loss"``, and the terms it is made of, by name."""
        raise NotImplementedError

    def get_config(self):
        """Return what rebuilds the loss."""
        names = ("alpha", "min_margin", "class_weight", "class_proportions")
        return {"name": self.name, **{name: vars(self)[name] for name in names if name in vars(self)}}


def _plain(values):
    """A sequence of numbers as a tuple of floats that JSON can hold, None as it is."""
    return None if values is None else tuple(float(value) for value in np.ravel(values))


@keras.saving.register_keras_serializable(package="sklip")
class KR(_ExpectationLoss):
    """Kantorovich–Rubinstein loss, ``−(E[f | +1] − E[f | −1])``.

    Over 1-Lipschitz f its minimum is minus the Wasserstein-1 distance of the two classes.
    To watch the distance itself, pass the function :func:`sklip.losses.kr` as a metric.

    Parameters
    ----------
    class_proportions : sequence of float or None, default=None
        Of :func:`sklip.losses.kr`.
    name : str, default="kr"
        Name of the loss.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import KR
    >>> float(KR()(np.array([1, 1, -1]), np.array([2.0, 1.0, -1.0])))
    -2.5
    """

    term_names = ("loss", "kr")

    def __init__(self, class_proportions=None, name="kr"):
        super().__init__(name=name)
        self.class_proportions = _plain(class_proportions)

    def terms(self, y_true, y_pred, sample_weight=None):
        """Return ``loss`` and ``kr``."""
        value = kr(y_true, y_pred, sample_weight, self.class_proportions)
        return {"loss": -value, "kr": value}


@keras.saving.register_keras_serializable(package="sklip")
class HingeMargin(_ExpectationLoss):
    """Hinge loss with a margin, ``E[max(0, min_margin − y f)]``.

    Parameters
    ----------
    min_margin : float, default=1.0
        In the units of the scores.
    class_weight : sequence of float or None, default=None
        Of :func:`sklip.losses.hinge_margin`.
    name : str, default="hinge_margin"
        Name of the loss.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import HingeMargin
    >>> float(HingeMargin(min_margin=1.0)(np.array([1, -1]), np.array([0.5, -2.0])))
    0.25
    """

    term_names = ("loss", "hinge")

    def __init__(self, min_margin=1.0, class_weight=None, name="hinge_margin"):
        super().__init__(name=name)
        self.min_margin = min_margin
        self.class_weight = _plain(class_weight)

    def terms(self, y_true, y_pred, sample_weight=None):
        """Return ``loss`` and ``hinge``."""
        value = hinge_margin(y_true, y_pred, sample_weight, self.min_margin, self.class_weight)
        return {"loss": value, "hinge": value}


@keras.saving.register_keras_serializable(package="sklip")
class HKR(_ExpectationLoss):
    """Hinge-regularised KR loss, ``−(E[f | +1] − E[f | −1]) + alpha · E[max(0, min_margin − y f)]``.

    Parameters
    ----------
    alpha : float, default=10.0
        Weight of the hinge.
    min_margin : float, default=1.0
        In the units of the scores.
    class_weight : sequence of float or None, default=None
        Of :func:`sklip.losses.hinge_margin`; the KR term compares two means and has no class
        mass to weigh.
    class_proportions : sequence of float or None, default=None
        Of :func:`sklip.losses.kr`.
    name : str, default="hkr"
        Name of the loss.

    References
    ----------
    .. [1] Serrurier et al., "Achieving robustness in classification using optimal transport
       with hinge regularization", CVPR 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.losses import HKR
    >>> float(HKR(alpha=10.0, min_margin=1.0)(np.array([1, -1]), np.array([0.5, -2.0])))
    0.0
    """

    term_names = ("loss", "kr", "hinge")

    def __init__(self, alpha=10.0, min_margin=1.0, class_weight=None, class_proportions=None, name="hkr"):
        super().__init__(name=name)
        self.alpha = alpha
        self.min_margin = min_margin
        self.class_weight = _plain(class_weight)
        self.class_proportions = _plain(class_proportions)

    def terms(self, y_true, y_pred, sample_weight=None):
        """Return ``loss``, ``kr`` and ``hinge``."""
        columns = _columns(y_true, y_pred, sample_weight)
        distance = _kr(*columns, self.class_proportions)
        hinge = _hinge_margin(*columns, self.min_margin, self.class_weight)
        return {"loss": -distance + self.alpha * hinge, "kr": distance, "hinge": hinge}
