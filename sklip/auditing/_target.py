"""An estimator as the target of an attack: the raw columns that may move, in any container of rows."""

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
    norm: float | None = None,
    tolerances: ArrayLike | Mapping | None = None,
    step_lipschitz: Mapping[str, float] | None = None,
) -> Target:
    """Make the target of an attack on an estimator; the parameters are those of :func:`sklip.certified_radius`.

    Parameters
    ----------
    estimator : fitted estimator
        Any estimator that :func:`sklip.certified_radius` takes.
    X : array-like of shape (n_rows, n_columns) or (n_rows, height, width, channels)
        Rows, in the units and dtypes in which they are predicted.
    norm : {1, 2, inf} or None, default=None
        Norm of the displacements; None for that of the training.
    tolerances : array-like, mapping or None, default=None
        Tolerances of the columns.
    step_lipschitz : mapping or None, default=None
        Lipschitz constants of pipeline steps.

    Returns
    -------
    sklip.attacks.Target
        Its radii are those of :func:`sklip.certified_radius`; for a classifier without a pipeline, in the question for
        which it was trained, those of its method. Floats are tried in the types and byte orders of their
        columns, integers as float64.

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
    """Yield the target of :func:`estimator_target`, one with all floats as float64, and one with typed integers.

    The last two are left out if the dtypes of the columns make no difference.

    Yields
    ------
    sklip.attacks.Target
    """
    traced = trace(estimator, X, norm=norm, tolerances=tolerances, step_lipschitz=step_lipschitz)
    bare = hasattr(estimator, "certified_radius") and traced.is_trained
    radii = np.asarray(estimator.certified_radius(traced.rows) if bare else traced.decision.radii, dtype=np.float64)
    labels = predictions(estimator, traced.rows)
    movable = traced.columns()
    yield _target(estimator, movable, traced, radii, labels)
    if movable.any_other_floats:
        yield _target(estimator, movable.as_plain_float64(), traced, radii, labels)
    if movable.any_integers:
        yield _target(estimator, traced.columns(keep_integers=True), traced, radii, labels)


def _target(estimator, movable, traced, radii, labels):
    moving, placed, decision = movable.positions, movable.placed, traced.decision

    def raw_margins(inputs, index, rivals=None):
        return decision.margins_and_gradients(placed(inputs, index), decision.class_indices[index], rivals)

    def margins_and_gradients(inputs, index, rivals=None):
        margins, gradients = raw_margins(inputs, index, rivals)
        # A threshold may be infinite: no input reaches it.
        within = np.abs(margins) < 1e150
        moves = within[:, None] & ~movable.missing[index]
        return np.where(within, margins, 0.0), np.where(moves, gradients[:, moving], 0.0)

    def margins_and_differences(inputs, index, rivals=None):
        # If only the Lipschitz constant of a step is known, its gradient is estimated by differences.
        gradients = np.empty_like(inputs)
        for place in range(inputs.shape[1]):
            step = np.zeros_like(inputs)
            step[:, place] = 1e-6 * np.maximum(np.abs(inputs[:, place]), traced.tolerances[moving[place]])
            above, below = (raw_margins(inputs + way * step, index, rivals)[0] for way in (1.0, -1.0))
            gradients[:, place] = (above - below) / (2 * step[:, place])
        return raw_margins(inputs, index, rivals)[0], gradients

    return Target(
        rows=movable.rows,
        radii=radii,
        tolerances=traced.tolerances[moving],
        norm=traced.norm,
        predict=lambda inputs, index: estimator.predict(placed(inputs, index)),
        margins_and_gradients=margins_and_differences if traced.is_stated else margins_and_gradients,
        representable=movable.representable,
        labels=labels,
        held=movable.missing,
        n_classes=len(decision.classes),
    )
