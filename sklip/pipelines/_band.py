"""The public question about numbers: what a regressor may predict while the raw columns move within a radius."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklip.estimators._distance_ratio import FarRows
from sklip.estimators._moves import radii_of
from sklip.pipelines._asking import advise_on_fixed, ask, rows_of
from sklip.pipelines._in_place import head
from sklip.pipelines._numbers import read_numbers
from sklip.pipelines._refusals import refuse


def certified_band(
    estimator: BaseEstimator,
    X: ArrayLike,
    radius: float | ArrayLike,
    *,
    norm: Literal[1, 2, "l1", "l2", "inf"] | float | None = None,
    tolerances: ArrayLike | Mapping | None = None,
    step_lipschitz: Mapping[str, float] | None = None,
    monotone_inverse: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Band of predictions for each row: while its raw columns move within the radius, no prediction is outside.

    Works on what is really deployed: a pipeline with its scalers, a search, transformed targets. Affine steps are
    multiplied into the first layer of the network, as in :func:`sklip.certified_radius`. The rounding of all steps, of
    the network and of the inverse of the targets is part of the band.

    Parameters
    ----------
    estimator : fitted estimator
        :class:`sklip.LipschitzRegressor`, or one

        - at the end of a ``Pipeline`` of the steps that :func:`sklip.certified_radius` knows;
        - in a search (its best estimator) or a ``FrozenEstimator``;
        - in a ``TransformedTargetRegressor`` with ``inverse_func=numpy.exp`` or ``numpy.expm1``, or whose
          ``transformer`` is a ``StandardScaler``, ``MinMaxScaler``, ``RobustScaler`` or ``MaxAbsScaler``.
    X : array-like, DataFrame or sparse matrix of shape (n_rows, n_columns) or (n_rows, height, width, channels)
        Rows, as for ``estimator.predict``.
    radius : float or array-like of shape (n_rows,)
        How far each row may move.
    norm : {1, 2, inf, "l1", "l2", "inf"} or None, default=None
        In which displacements are measured. None: the norm for which the regressor was trained, if it gets the columns
        of ``X`` as they are; 2 behind the steps of a pipeline.
    tolerances : float, array-like of shape (n_columns,) or of an image, mapping or None, default=None
        A tolerance for each column, as in :func:`sklip.certified_radius`. None: the tolerances of the training, on the
        same condition as for ``norm``; else every column in its own unit.
    step_lipschitz : mapping of str to float or None, default=None
        Lipschitz constants of steps that sklip does not know, as in :func:`sklip.certified_radius`.
    monotone_inverse : bool, default=False
        Your word that every inverse in a ``TransformedTargetRegressor`` that sklip does not know is monotone, as it is
        computed: each target always grows, or always falls, with its own prediction, up to 8 units in the last place.
        The band is as true as that.

    Returns
    -------
    lower : ndarray of the shape of ``estimator.predict(X)``, float64
        In the units of the raw targets, rounded down; no prediction of a row within the radius is below.
    upper : ndarray of the same shape, float64
        Rounded up; none is above. This is proven for every row within the radius, its edge included, of the dtypes of
        ``X`` or of float64. Ends are infinite where nothing is proven: for rows that may overflow, and where an inverse
        computes NaN. Columns that an encoder in a ``ColumnTransformer`` takes are held fixed, and so is a missing value
        that a ``SimpleImputer`` fills.

    Raises
    ------
    NotLipschitzError
        For a step, an estimator or an inverse of which nothing is known, by its name, and what would work.
    ValueError
        For a radius, norm, tolerances or constants that make no sense, and for rows that the estimator refuses.
    sklearn.exceptions.NotFittedError
        Before ``fit``.

    Warns
    -----
    sklip.exceptions.FixedColumnsWarning
        When the question moves columns that were fixed in the training: bands are proven, but wide.
    sklip.exceptions.FarFromTrainingWarning
        When a row, as the regressor sees it, is more than three times as far out as any of its training rows.

    See Also
    --------
    sklip.certified_radius : How far rows may move before a classifier predicts another class.
    sklip.LipschitzRegressor.certified_band : The band of rows as the regressor gets them.
    sklip.LipschitzRegressor.certified_radius : How far a row may move before a prediction changes by too much.

    Notes
    -----
    For a bare regressor, this is its ``certified_band``, up to rounding. A band of transformed targets is made of the
    inverses of its two ends, so it is no interval around the prediction with equal sides.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.compose import TransformedTargetRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklip import LipschitzRegressor, certified_band
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    >>> regressor = LipschitzRegressor(hidden_layer_sizes=(16,), lipschitz=0.5, epochs=10, random_state=0)
    >>> model = make_pipeline(StandardScaler(), regressor)
    >>> model = TransformedTargetRegressor(model, func=np.log, inverse_func=np.exp).fit(X, y)
    >>> lower, upper = certified_band(model, X, radius=1.0, norm="inf", tolerances={"bmi": 0.5, "bp": 2.0})
    >>> bool(((lower < model.predict(X)) & (model.predict(X) < upper)).all())
    True
    """
    rows = rows_of(estimator, X)
    radii = radii_of(radius, rows.shape[0])

    def find(end, batch, run):
        return end.bands(batch, run, radii, monotone_inverse)

    answer = ask(estimator, rows, norm, tolerances, step_lipschitz, read=read_numbers, find=find)
    bands = answer.found
    shape = _checked_shape(estimator, rows, bands)
    answer.check_constants()
    if bands.moves_fixed:
        advise_on_fixed("the bands are proven, but wide")
    far = FarRows(len(radii))
    far.see(0, bands.distance_ratio)
    far.advise()
    return bands.lower.reshape(shape), bands.upper.reshape(shape)


def _checked_shape(estimator, X, bands):
    """The shape of predictions; raise unless the first ones lie in their bands: it may be of an unknown kind."""
    predicted = np.asarray(estimator.predict(head(X)))
    lower, upper = bands.lower[:8], bands.upper[:8]
    table = predicted.reshape(len(predicted), -1)
    if table.shape != lower.shape or not ((lower <= table) & (table <= upper)).all():
        refuse(estimator, "does not predict what sklip expects of it")
    return len(bands.lower), *predicted.shape[1:]
