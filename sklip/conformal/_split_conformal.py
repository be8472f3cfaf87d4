"""SplitConformal: fits an estimator on some rows, and calibrates a threshold on the others."""

from collections.abc import Mapping
from contextlib import suppress
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted

from sklip._compat import Interval, base_search_cv, safe_indexing
from sklip._overrides import refuse_overrides
from sklip.certification import certificate
from sklip.conformal._quantile import conformal_threshold
from sklip.estimators._moves import asked_question, bounded_blocks, radii_of
from sklip.estimators._validation import check_parameters, unchanged_on_error
from sklip.exceptions import NotLipschitzError
from sklip.pipelines.unwrap import unwrapped
from sklip.rows.containers import as_rows_container
from sklip.rows.tolerances import norm_of


class SplitConformal(MetaEstimatorMixin, BaseEstimator):
    """Base of both robust conformal estimators.

    A subclass says which estimators it takes (``_kind``), checks targets (``_checked_targets``), and computes how
    unlike each calibration row is (``_nonconformity``).
    """

    _kind: type
    _parameter_constraints = {
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "radius": [Interval(Real, 0, None, closed="left")],
        "calibration_size": [Interval(Real, 0, 1, closed="neither"), Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        alpha: float = 0.1,
        radius: float = 0.0,
        norm: float | str | None = None,
        tolerances: ArrayLike | Mapping | None = None,
        calibration_size: float | int = 0.25,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.estimator = estimator
        self.alpha = alpha
        self.radius = radius
        self.norm = norm
        self.tolerances = tolerances
        self.calibration_size = calibration_size
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit the estimator on a part of the rows, and calibrate the threshold on the others.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows as they are, without changes by an attacker. If the estimator is a ``FrozenEstimator``, all of them are
            for calibration, and none may be among its training rows.
        y : array-like of shape (n_rows,)
            Targets of the rows.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If parameters or data cannot be used; the estimator is left as it was.
        NotLipschitzError
            If the estimator is none of sklip, or is behind the steps of a pipeline.

        Warns
        -----
        sklip.exceptions.TooFewCalibrationRowsWarning
            If there are too few rows for ``alpha``: then the threshold is infinite.
        """
        with unchanged_on_error(self):
            given = check_parameters(self)
            self._refuse_at_once(self.estimator)
            if self.norm is not None:
                norm_of(self.norm)  # before a training that may take long
            rows = _rows(X)
            targets: Any = self._checked_targets(y, np.shape(rows)[0])
            estimator = self.estimator
            if not self._is_frozen:
                kept, held_out = self._split(given, np.shape(rows)[0])
                estimator = clone(estimator).fit(safe_indexing(rows, kept), targets[kept])
                rows, targets = safe_indexing(rows, held_out), targets[held_out]
            served = self._served(estimator)
            asked_question(served, self.norm, self.tolerances)
            scores = self._scores(served, rows)
            self.calibration_scores_ = np.sort(self._nonconformity(served, scores, targets))
            self.threshold_ = conformal_threshold(self.calibration_scores_, given.alpha)
            self.estimator_, self.n_features_in_ = estimator, served.n_features_in_
            self._calibrated_network = served.network_
            self.__dict__.pop("feature_names_in_", None)
            if hasattr(served, "feature_names_in_"):
                self.feature_names_in_ = served.feature_names_in_
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict by the fitted estimator.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,)
            Predictions.

        Raises
        ------
        ValueError
            If ``fit`` would not take the rows, or if they have other columns.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        check_is_fitted(self)
        return self.estimator_.predict(X)

    def _refuse_at_once(self, estimator):
        """Raise for what no fit could make suitable."""
        if isinstance(estimator, type) or not hasattr(estimator, "fit"):
            raise TypeError(f"estimator must be an estimator; got {estimator!r}.")
        steps, end = unwrapped(estimator, strict=False)
        self._refuse_steps(steps)
        if isinstance(end, base_search_cv()):
            self._refuse_at_once(end.estimator)
        elif not isinstance(end, self._kind):
            self._refuse(end)

    def _refuse_steps(self, steps):
        if steps:
            name, step = steps[0]
            raise NotLipschitzError(
                f"{type(self).__name__} takes no pipelines, because bands are not known behind steps; got one with the "
                f"step {name!r} ({type(step).__name__}). Transform the rows first, and give the last step."
            )

    def _refuse(self, end):
        kind = self._kind.__name__.removeprefix("Certified").lower()
        raise NotLipschitzError(
            f"{type(self).__name__} needs a {kind} of sklip with a constant; {type(end).__name__} is none. Give for "
            f"example {self._example}."
        )

    def _served(self, estimator):
        """The estimator of sklip in a fitted one; refuse what predicts in another way."""
        steps, end = unwrapped(estimator)
        self._refuse_steps(steps)
        if not isinstance(end, self._kind):
            self._refuse(end)
        refuse_overrides(end, self._kind)
        check_is_fitted(end, "network_")
        return end

    @property
    def _is_frozen(self):
        """Whether the estimator is already fitted, and all rows are for calibration."""
        return type(self.estimator) is FrozenEstimator

    def _split(self, given, n_rows):
        """Positions of the rows to fit on, and of those for calibration: at random, so that they are exchangeable."""
        seed = check_random_state(given.random_state).randint(2**31 - 1)
        kept, held_out = train_test_split(np.arange(n_rows), test_size=given.calibration_size, random_state=seed)
        return np.sort(kept), np.sort(held_out)

    def _scores(self, served, X):
        """The scores of rows as they are."""
        rows = served._inference_rows(X)
        return served._finite(served.network_.scores(rows), rows)

    def _moved_blocks(self, X):
        """Yield slices of rows with their scores, errors, radii, and certificate; radii without room are infinite."""
        check_is_fitted(self)
        served = self._served(self.estimator_)
        if served.network_ is not self._calibrated_network:
            raise ValueError(
                f"The estimator was trained again after {type(self).__name__} was calibrated, so threshold_ does not "
                "hold for it. Call fit again, with rows that no training used."
            )
        rows = served._inference_rows(X)
        radii = radii_of(self.radius, len(rows))
        proof = certificate(served.network_, asked_question(served, self.norm, self.tolerances))
        for block, scores, [(errors, room)] in bounded_blocks(served, rows, [proof]):
            has_room = radii[block] <= room
            yield block, scores, np.where(has_room, errors, np.inf), np.where(has_room, radii[block], np.inf), proof

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        with suppress(AttributeError, TypeError, ValueError):  # of something that is no estimator, which fit refuses
            tags.input_tags = get_tags(self.estimator).input_tags
        return tags


def _rows(X) -> Any:
    """Rows in a container that can be indexed; the estimator checks what they hold."""
    rows = as_rows_container(X)
    if not np.shape(rows):
        raise ValueError(f"X must hold rows in a table; got {X!r}.")
    if getattr(getattr(rows, "dtype", None), "kind", "") == "c":
        raise ValueError("Input X: Complex data not supported. Give real and imaginary parts as columns.")
    return rows.tocsr() if sparse.issparse(rows) else rows
