"""RobustConformalRegressor: intervals that hold the true number in spite of changes of the inputs."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils import check_array, column_or_1d

from sklip.certification import score_bands
from sklip.conformal._split_conformal import SplitConformal
from sklip.estimators._certified_regressor import CertifiedRegressor


class RobustConformalRegressor(RegressorMixin, SplitConformal):
    """Intervals that hold the true number with a given probability, whatever changes the inputs within a radius.

    Split conformal prediction: the regressor is fitted on a part of the rows. The others show how large its errors are.
    An interval goes from the prediction as far as the quantile ``1 − alpha`` of these errors, down and up. This holds
    for inputs like those of ``fit``. If someone may move each input by ``radius``, the interval is longer at both ends,
    by the proven change of the prediction.

    Parameters
    ----------
    estimator : LipschitzRegressor, search or FrozenEstimator
        Regressor of sklip with one target, which is cloned and fitted. A ``FrozenEstimator`` around a fitted one is not
        fitted again. Pipelines are refused.
    alpha : float, default=0.1
        Largest share of rows whose interval may miss the true number, above 0 and below 1.
    radius : float, default=0.0
        How far each input may have been moved. Intervals of radius 0 are those of plain split conformal prediction,
        up to rounding.
    norm : {1, 2, inf, "l1", "l2", "inf"} or None, default=None
        Norm in which inputs are moved; None for that of the regressor.
    tolerances : float, array-like of shape (n_features,), mapping or None, default=None
        Tolerances of the columns, as in :func:`sklip.certified_radius`; None for those of the regressor.
    calibration_size : float or int, default=0.25
        Share, or number, of the rows for calibration. A ``FrozenEstimator`` gets all of them.
    random_state : int, RandomState instance or None, default=None
        Determines which rows are for calibration.

    Attributes
    ----------
    estimator_ : estimator
        The fitted regressor.
    threshold_ : float
        Half the length of an interval of radius 0; infinite if there are too few calibration rows.
    calibration_scores_ : ndarray of shape (n_calibration_rows,)
        Absolute errors of the calibration rows, sorted.
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if all of them were text.

    See Also
    --------
    RobustConformalClassifier : Sets of classes.
    LipschitzRegressor.certified_band : Where predictions can be, not where the truth is.

    Notes
    -----
    If the calibration rows and a new row ``x`` with its target are exchangeable, for example drawn independently from
    one distribution, the interval of every input within the radius of ``x`` holds the target with a probability of at
    least ``1 − alpha``. The input may be chosen with knowledge of everything, the target and the calibration rows
    included. The probability is over the draws of the calibration rows and of ``x``: intervals of all rows are nearly
    equally long, and may hold the target more often in one region than in another.

    ``radius``, ``norm`` and ``tolerances`` act in ``predict_interval``: ``set_params`` changes them without a new fit.

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from sklip import LipschitzRegressor, RobustConformalRegressor
    >>> X, y = make_friedman1(1000, n_features=5, noise=1.0, random_state=0)
    >>> regressor = LipschitzRegressor(lipschitz=30.0, hidden_layer_sizes=(32, 16), backend="numpy", random_state=0)
    >>> model = RobustConformalRegressor(regressor, alpha=0.1, radius=0.01, random_state=0).fit(X[:500], y[:500])
    >>> lower, upper = model.predict_interval(X[500:])
    >>> bool(((lower <= y[500:]) & (y[500:] <= upper)).mean() >= 0.9)
    True
    """

    _kind = CertifiedRegressor
    _example = "LipschitzRegressor()"

    def predict_interval(self, X: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Intervals of the target for rows that may have been moved by the radius.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``.

        Returns
        -------
        lower : ndarray of shape (n_rows,), float64
            Lower ends, in the units of ``y``, rounded down.
        upper : ndarray of shape (n_rows,), float64
            Upper ends, rounded up.

        Raises
        ------
        ValueError
            If ``fit`` would not take the rows, or if ``radius``, ``norm`` or ``tolerances`` cannot be used. If the
            estimator was trained again after it was calibrated.
        sklearn.exceptions.NotFittedError
            Before ``fit``.

        Warns
        -----
        sklip.exceptions.FarFromTrainingWarning
            If a row is more than three times as far from ``center_`` of the regressor as any training row.
        """
        lower, upper = [], []
        for _, scores, errors, radii, proof in self._moved_blocks(X):
            low, high = score_bands(scores[:, 0], errors, radii, proof.lipschitz, proof.error_lipschitz)
            # The errors of the calibration rows are differences that were rounded.
            reach = np.nextafter(self.threshold_, np.inf)
            with np.errstate(over="ignore"):
                lower.append(np.nextafter(low - reach, -np.inf))
                upper.append(np.nextafter(high + reach, np.inf))
        return np.concatenate(lower), np.concatenate(upper)

    def _checked_targets(self, y, n_rows):
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        if y.ndim == 2 and y.shape[1] > 1:
            raise ValueError(f"{type(self).__name__} takes one target; y has {y.shape[1]}. Fit one model for each.")
        y = column_or_1d(y, warn=True)
        if n_rows is not None and len(y) != n_rows:
            raise ValueError(f"Found input variables with inconsistent numbers of samples: [{n_rows}, {len(y)}]")
        return y

    def _nonconformity(self, served, scores, y):
        if scores.shape[1] != 1:
            raise ValueError(f"{type(self).__name__} takes a regressor of one target; got {scores.shape[1]}.")
        return np.abs(y - scores[:, 0])
