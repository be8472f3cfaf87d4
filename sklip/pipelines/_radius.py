"""The public question: how far the raw columns may move before the estimator predicts another class."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklip.estimators._distance_ratio import FarRows
from sklip.pipelines._certified_radii import CertifiedRadii
from sklip.pipelines.trace import trace
from sklip.rows.missing import missing_entries

Norm = Literal[1, 2, "l1", "l2", "inf"] | float


def certified_radius(
    estimator: BaseEstimator,
    X: ArrayLike,
    *,
    norm: Norm | None = None,
    tolerances: ArrayLike | Mapping | None = None,
    step_lipschitz: Mapping[str, float] | None = None,
) -> CertifiedRadii:
    """Distance that each row may move, in the units of its raw columns, without a change of ``predict``.

    Works on what is really deployed: a pipeline with its scalers, a search, a tuned threshold, a vote. Affine steps
    are multiplied into the first layer of the network, so that the bound is the norm of the product and not a product
    of norms; their rounding is part of the certificate.

    Parameters
    ----------
    estimator : fitted estimator
        :class:`sklip.CertifiedPipeline`, :class:`sklip.HKRClassifier`, :class:`sklip.LipschitzMLP`, or one of these

        - at the end of a ``Pipeline`` of ``StandardScaler``, ``MinMaxScaler``, ``MaxAbsScaler``, ``RobustScaler``,
          ``PCA``, ``IncrementalPCA``, ``TruncatedSVD``, ``VarianceThreshold``, ``SelectKBest``, every other selector,
          ``SimpleImputer``, ``ColumnTransformer``, ``FeatureUnion``, pipelines of these,
          ``"passthrough"`` and ``FunctionTransformer()``;
        - in a search (its best estimator) or a ``FrozenEstimator``;
        - in a ``FixedThresholdClassifier`` or ``TunedThresholdClassifierCV`` on ``decision_function``, or a
          ``CalibratedClassifierCV`` of two classes with ``method="sigmoid"`` and ``ensemble=False``;
        - as the members of a ``VotingClassifier`` with ``voting="hard"``: the radius in which the majority holds.
    X : array-like, DataFrame or sparse matrix of shape (n_rows, n_columns) or (n_rows, height, width, channels)
        Rows, as for ``estimator.predict``. The columns of images are their values, in C order.
    norm : {1, 2, inf, "l1", "l2", "inf"} or None, default=None
        In which displacements are measured: the sum of the changes of all columns, their Euclidean length, the
        largest. None: the norm for which the classifier was trained, if it gets the columns of ``X`` as they are, or
        the ``CertifiedPipeline`` around it does; 2 behind the steps of other pipelines, whose raw columns are not those
        of the training.
    tolerances : float, array-like of shape (n_columns,) or of an image, mapping or None, default=None
        A tolerance for each column: a displacement of column ``j`` counts as ``(x′_j − x_j) / tolerances_j``, so that
        the radius is in tolerances. 0 holds a column fixed; a mapping from names to tolerances holds those fixed that
        it does not name; one number is the tolerance of every column that may move, and 1.0 means the unit of each.
        None: the tolerances of the training, on the same condition as for ``norm``; else every column in its own
        unit.
    step_lipschitz : mapping of str to float or None, default=None
        Lipschitz constants of steps that sklip does not know, by their names (``"step"``, ``"step__inner"``): for the
        Euclidean norms of the step's input and output, its rounding included. The certificate is as true as they are.

    Returns
    -------
    CertifiedRadii of shape (n_rows,), float64
        Rounded down. Every row strictly inside, of the dtypes of ``X`` or of float64, is predicted as the row is.
        (Integers beyond 2⁵³ and longer floats are rounded to float64 first: it is then that row.)
        Columns that an encoder in a ``ColumnTransformer`` takes are held fixed (``fixed_columns``); radii are infinite
        where no other column is left. A missing value that a ``SimpleImputer`` fills is held fixed in its row
        (``missing_columns`` names the columns); in front of a step of a stated constant it leaves a radius of 0.

    Raises
    ------
    NotLipschitzError
        For a step or an estimator without a known constant, by its name, and what would work.
    ValueError
        For a norm, tolerances or constants that make no sense, and for rows that the estimator refuses.
    sklearn.exceptions.NotFittedError
        Before ``fit``.

    Warns
    -----
    sklip.exceptions.FixedColumnsWarning
        When the question moves columns that were fixed in the training: radii are proven, but small.
    sklip.exceptions.FarFromTrainingWarning
        When a row, as the classifier sees it, is more than three times as far out as any of its training rows.

    See Also
    --------
    sklip.audit : Attacks the same estimator, inside its radii and beyond.
    sklip.CertifiedPipeline : A pipeline that is trained for a norm and for tolerances of its raw columns.
    sklip.HKRClassifier.certified_radius : The radius in the units in which the classifier gets its rows.

    Notes
    -----
    Without ``norm`` and ``tolerances``, and for a bare classifier, this is its ``certified_radius``. Of one
    classifier, the radius for ``norm=1`` is at least as large as that for 2, and that for ``norm=inf`` at most: they
    use the operator norm that belongs to them.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklip import HKRClassifier, certified_radius
    >>> data = load_breast_cancer(as_frame=True)
    >>> model = make_pipeline(StandardScaler(), HKRClassifier(hidden_layer_sizes=(16,), epochs=10, random_state=0))
    >>> model = model.fit(data.data, data.target)
    >>> tolerances = {"mean radius": 0.1, "mean texture": 0.2}
    >>> radii = certified_radius(model, data.data, norm="inf", tolerances=tolerances)
    >>> bool((radii >= 0).all()), len(radii.fixed_columns)
    (True, 28)
    """
    traced = trace(estimator, X, norm=norm, tolerances=tolerances, step_lipschitz=step_lipschitz)
    decision, labels = traced.decision, traced.labels

    def named(columns):
        return tuple(labels[column] for column in np.flatnonzero(columns))

    far = FarRows(len(decision.radii))
    far.see(0, decision.distance_ratio)
    far.advise()
    missing = named(missing_entries(traced.rows).any(axis=0)) if decision.is_imputed else ()
    return CertifiedRadii(
        decision.radii,
        norm=traced.norm,
        fixed_columns=named(traced.tolerances == 0),
        lipschitz_bound=decision.lipschitz,
        missing_columns=missing,
        in_tolerances=tolerances is not None or bool((traced.tolerances[traced.tolerances > 0] != 1.0).any()),
    )
