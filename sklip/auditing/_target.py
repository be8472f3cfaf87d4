"""A whole estimator as the target of an attack: the raw columns that may move, whatever holds the rows."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklip.attacks import Target
from sklip.pipelines.trace import predictions, trace


def estimator_target(
    estimator: BaseEstimator,
    X: ArrayLike,
    *,
    norm: float = 2,
    tolerances: ArrayLike | Mapping | None = None,
    step_lipschitz: Mapping[str, float] | None = None,
) -> Target:
    """What an attacker sees of an estimator; all parameters are those of :func:`sklip.certified_radius`.

    Parameters
    ----------
    estimator : fitted estimator
    X : array-like of shape (n_rows, n_columns)
    norm : {1, 2, inf}, default=2
    tolerances : array-like, mapping or None, default=None
    step_lipschitz : mapping or None, default=None

    Returns
    -------
    sklip.attacks.Target
        With the radii of :func:`sklip.certified_radius`; those of the classifier's own method where nothing but a bare
        classifier is asked about. Floats are tried in the types and byte orders of their columns, integers as float64.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklip import HKRClassifier
    >>> from sklip.auditing import estimator_target
    >>> X, y = make_moons(100, noise=0.05, random_state=0)
    >>> classifier = HKRClassifier(hidden_layer_sizes=(16,), epochs=2, random_state=0).fit(X, y)
    >>> target = estimator_target(classifier, X[:5])
    >>> bool((target.radii == classifier.certified_radius(X[:5])).all())
    True
    """
    options = {"norm": norm, "tolerances": tolerances, "step_lipschitz": step_lipschitz}
    return next(estimator_targets(estimator, X, **options))


def estimator_targets(estimator, X, *, norm, tolerances, step_lipschitz) -> Iterator[Target]:
    """The target of :func:`estimator_target`, one of float64 alone, and one of integers in their own types.

    The last two where the columns make a difference.

    Yields
    ------
    sklip.attacks.Target
    """
    traced = trace(estimator, X, norm=norm, tolerances=tolerances, step_lipschitz=step_lipschitz)
    bare = hasattr(estimator, "certified_radius") and traced.norm == 2 and tolerances is None
    radii = np.asarray(estimator.certified_radius(traced.rows) if bare else traced.decision.radii, dtype=np.float64)
    labels = predictions(estimator, traced.rows)
    movable = traced.columns()
    yield _target(estimator, movable, traced, radii, labels)
    if movable.any_other_floats:
        yield _target(estimator, movable.as_plain_float64(), traced, radii, labels)
    if movable.any_integers:
        yield _target(estimator, traced.columns(whole=True), traced, radii, labels)


def _target(estimator, movable, traced, radii, labels):
    moving, placed, decision = movable.positions, movable.placed, traced.decision

    def descend(inputs, index):
        margins, gradients = decision.descend(placed(inputs, index), decision.class_indices[index])
        # A threshold may be infinite: there is no way there.
        within = np.abs(margins) < 1e150
        moves = within[:, None] & ~movable.missing[index]
        return np.where(within, margins, 0.0), np.where(moves, gradients[:, moving], 0.0)

    def margin(inputs, index):
        return decision.descend(placed(inputs, index), decision.class_indices[index])[0]

    def differences(inputs, index):
        # Through a step of which only the constant is known, a gradient is felt and not computed.
        gradients = np.empty_like(inputs)
        for place in range(inputs.shape[1]):
            step = np.zeros_like(inputs)
            step[:, place] = 1e-6 * np.maximum(np.abs(inputs[:, place]), traced.tolerances[moving[place]])
            gradients[:, place] = (margin(inputs + step, index) - margin(inputs - step, index)) / (2 * step[:, place])
        return margin(inputs, index), gradients

    return Target(
        rows=movable.rows,
        radii=radii,
        tolerances=traced.tolerances[moving],
        norm=traced.norm,
        predict=lambda inputs, index: estimator.predict(placed(inputs, index)),
        descend=differences if traced.is_stated else descend,
        representable=movable.representable,
        labels=labels,
        held=movable.missing,
    )
