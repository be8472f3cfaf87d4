"""Audit: attack every certificate, and report the result."""

import warnings
from collections.abc import Mapping
from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from sklip._labels import known_labels
from sklip._progress_bar import progress_bar
from sklip.attacks import attack
from sklip.auditing._notes import question_notes
from sklip.auditing._result import AuditResult
from sklip.auditing._target import estimator_targets
from sklip.exceptions import BrokenCertificateWarning


def audit(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike | None = None,
    *,
    norm: float | None = None,
    tolerances: ArrayLike | Mapping | None = None,
    step_lipschitz: Mapping[str, float] | None = None,
    restarts: int = 3,
    n_steps: int = 20,
    random_state: int | np.random.RandomState | None = None,
    verbose: bool = True,
) -> AuditResult:
    """Attack the certificate of each row, inside its radius and beyond it.

    All labels come from ``estimator.predict``. The labels of the rows come from a call with an unchanged copy of X,
    and each success is confirmed by another call. The dtypes of the columns of X can hold every input that is tried,
    in their byte order; integer columns are tried as float64 and in their own types. Exact arithmetic decides whether
    an input lies inside a radius. The attacks are: projections of the row on the linearised boundaries to the nearest
    classes; projected gradient ascents with restarts, inside the radius and as far as the best success, from random
    points and from points on the way to rows of X with other predictions; and random directions. All of them take the
    steps that are steepest in the norm. Each ray is tried at the radius, with steps of one unit in the last place, and
    successes are moved to the boundary by bisection.

    Parameters
    ----------
    estimator : fitted estimator
        Any estimator that :func:`sklip.certified_radius` takes.
    X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
        Rows, in the units and dtypes in which they are predicted. The columns of images are their values, in C order.
    y : array-like of shape (n_rows,), default=None
        True labels. If they are given, the median tightness counts only rows that are predicted correctly.
    norm : {1, 2, inf} or None, default=None
        Norm of the displacements. None as in :func:`sklip.certified_radius`: that of the training, and 2 behind the
        steps of a pipeline, except in a :class:`sklip.CertifiedPipeline`.
    tolerances : array-like of shape (n_features,) or of an image, or mapping, default=None
        Tolerances, as in :func:`sklip.certified_radius`: the displacement of column ``j`` counts as
        ``delta_j / tolerance_j``, and 0 holds the column fixed. None for those of the training, or else for the units
        of the columns.
    step_lipschitz : dict of str to float, default=None
        Lipschitz constants of pipeline steps, as in :func:`sklip.certified_radius`.
    restarts : int, default=3
        Number of gradient ascents, and of random directions, per row.
    n_steps : int, default=20
        Number of steps of each ascent. ``restarts=1, n_steps=3`` costs about a fifth of the default.
    random_state : int, RandomState instance or None, default=None
        Seed of the random directions and starting points. An int gives the same result in every call.
    verbose : bool, default=True
        Show the progress of an audit that takes more than 3 seconds.

    Returns
    -------
    AuditResult
        The bracket [certified radius, smallest successful attack] of each row, and summaries.

    Raises
    ------
    ValueError
        If the estimator does not take the rows, if there is not one label per row, or if a count is below 1;
        for a norm, tolerances and constants as :func:`sklip.certified_radius`.
    sklip.exceptions.NotLipschitzError
        If the estimator, or a step, has no certificate.

    Warns
    -----
    sklip.exceptions.BrokenCertificateWarning
        If an input strictly inside a radius has another prediction. This must never happen: it means that the
        certificate is wrong.

    See Also
    --------
    sklip.certified_radius : Computes the radii that are attacked.

    Notes
    -----
    An attack that finds nothing proves nothing. The certificate is the proof, and the audit is a test of it.

    How close radius and attack are depends on the question. They are closest in the norm and the tolerances for
    which the classifier was trained, with all columns free to move. The proof bounds the slope of the network in all
    directions by one number. Columns that are held fixed, tolerances that are not proportional to the standard
    deviations of the columns, and other norms restrict the attack, but they hardly change the bound. The text of the
    result says if columns are held fixed, or if radii are in raw units and the columns have very different scales.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklip import HKRClassifier, audit
    >>> X, y = make_moons(200, noise=0.05, random_state=0)
    >>> classifier = HKRClassifier(hidden_layer_sizes=(32, 16), random_state=0).fit(X, y)
    >>> result = audit(classifier, X, y, random_state=0)
    >>> int(result.broken.sum())
    0
    >>> bool((result.radius <= result.attack).all())
    True
    """
    began = perf_counter()
    _check_counts(restarts=restarts, n_steps=n_steps)
    options = {"norm": norm, "tolerances": tolerances, "step_lipschitz": step_lipschitz}
    targets = list(estimator_targets(estimator, X, **options))
    target, n_rows = targets[0], len(targets[0].rows)
    predicted = np.asarray(target.labels)
    correct = None if y is None else known_labels(y, n_rows, estimator.classes_)
    seed = check_random_state(random_state).randint(2**31 - 1)
    shown = {"desc": "audit", "unit": "row", "delay": 3, "disable": None if verbose else True}
    with progress_bar(total=n_rows * len(targets), **shown) as progress:
        found = [
            attack(each, restarts=restarts, n_steps=n_steps, random_state=seed, progress=progress.update)
            for each in targets
        ]
    distance, nearest = _nearest(found)
    in_units = tolerances is None and bool((target.tolerances == 1.0).all())
    result = AuditResult(
        radius=target.radii,
        attack=distance,
        predicted=predicted,
        correct=None if correct is None else predicted == correct,
        broken=np.logical_or.reduce([one.inside for one in found]),
        inputs=np.where(target.held, np.nan, nearest),  # type: ignore[arg-type]
        norm=target.norm,
        n_points=sum(one.n_points for one in found),
        seconds=perf_counter() - began,
        notes=question_notes(target.rows, estimator, in_units),
    )
    if result.broken.any():
        warnings.warn(f"A certificate is broken.\n{result}", BrokenCertificateWarning, stacklevel=2)
    return result


def _nearest(found):
    """Distances and inputs of the nearest success of several attacks."""
    distance, inputs = found[0].distance, found[0].inputs
    for other in found[1:]:
        nearer = other.distance < distance
        distance, inputs = np.where(nearer, other.distance, distance), np.where(nearer[:, None], other.inputs, inputs)
    return distance, inputs


def _check_counts(**counts):
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
            raise ValueError(f"{name} must be an integer, 1 or more; got {count!r}.")
