"""CertifiedRegressor: from the scores of the served network to predictions, bands and radii."""

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin

from sklip._overrides import refuse_overrides
from sklip.certification import certificate, score_bands, threshold_radii
from sklip.estimators._moves import asked_question, bounded_blocks, numbers, radii_of
from sklip.estimators._network_estimator import NetworkEstimator
from sklip.estimators._served_network import misfit_of_targets
from sklip.rows.images import in_shape
from sklip.served import Dense, ServedNetwork, scores_and_jacobian

_networks_of_targets: WeakKeyDictionary = WeakKeyDictionary()


class CertifiedRegressor(RegressorMixin, NetworkEstimator):
    """Base of the regressors: the methods that need only ``network_`` and ``n_outputs_``."""

    n_outputs_: int
    _overflow = "the predictions overflow"

    @staticmethod
    def _misfit(get):
        return misfit_of_targets(get("network_"), get("n_outputs_"))

    def _shaped(self, values):
        """Values of targets, of shape (n_rows, n_outputs), in the shape of ``y``."""
        return values[:, 0] if self.n_outputs_ == 1 else values

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Predict the targets of rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_outputs), float64
            Predictions, in the units of ``y``.

        Raises
        ------
        ValueError
            If ``fit`` would not take the rows, or if they have other columns.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        rows = self._inference_rows(X)
        return self._shaped(self._finite(self.network_.scores(rows), rows))

    def certified_band(
        self,
        X: ArrayLike,
        radius: float | ArrayLike,
        *,
        norm: float | str | None = None,
        tolerances: ArrayLike | Mapping | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Band of predictions for each row: no row within the radius is predicted outside.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``.
        radius : float or array-like of shape (n_rows,)
            How far each row may move.
        norm : {1, 2, inf, "l1", "l2", "inf"} or None, default=None
            Norm in which rows move; None for that of ``fit``.
        tolerances : float, array-like of shape (n_features,), mapping or None, default=None
            Tolerances of the columns, as in :func:`sklip.certified_radius`; None for those of ``fit``.

        Returns
        -------
        lower : ndarray of the shape of ``predict(X)``, float64
        upper : ndarray of the shape of ``predict(X)``, float64
            Rounded outward: every float64 row within the radius, its edge included, has a prediction between them.

        Raises
        ------
        ValueError
            For a radius that is negative or NaN; if ``fit`` would not take the rows.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        NotLipschitzError
            If a subclass overrides ``predict``, or a method that it calls.

        Warns
        -----
        sklip.exceptions.FarFromTrainingWarning
            If a row is more than three times as far from ``center_`` as any training row.

        Notes
        -----
        See :func:`sklip.certification.score_bands` for the proof. The constant of the network is the same everywhere,
        so bands of one radius are nearly equally wide for all rows.
        """
        rows, question = self._certified_rows(X), asked_question(self, norm, tolerances)
        radii = radii_of(radius, len(rows))
        lower, upper = (np.empty((len(rows), self.n_outputs_)) for _ in range(2))

        def fill(block, target, scores, errors, room, proof):
            inside = radii[block] <= room
            bands = score_bands(scores, errors, radii[block], proof.lipschitz, proof.error_lipschitz)
            lower[block, target] = np.where(inside, bands[0], -np.inf)
            upper[block, target] = np.where(inside, bands[1], np.inf)

        self._each_target(rows, question, fill)
        return self._shaped(lower), self._shaped(upper)

    def certified_radius(
        self,
        X: ArrayLike,
        *,
        max_change: float | ArrayLike | None = None,
        threshold: float | ArrayLike | None = None,
        norm: float | str | None = None,
        tolerances: ArrayLike | Mapping | None = None,
    ) -> np.ndarray:
        """Distance that each row may move before its prediction changes too much, or crosses a threshold.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``.
        max_change : float, array-like of shape (n_rows,) or None, default=None
            Largest allowed change of a prediction, in the units of ``y``.
        threshold : float, array-like of shape (n_rows,) or None, default=None
            Number that a prediction may not cross, from above it to it or below, or the other way. Give one of both.
        norm : {1, 2, inf, "l1", "l2", "inf"} or None, default=None
            As in :meth:`certified_band`.
        tolerances : float, array-like of shape (n_features,), mapping or None, default=None
            As in :meth:`certified_band`.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_outputs), float64
            Rounded down: every float64 row strictly inside the radius is predicted as demanded. 0 if rounding alone may
            do more.

        Raises
        ------
        ValueError
            Unless exactly one of ``max_change`` and ``threshold`` is given; if ``fit`` would not take the rows.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        NotLipschitzError
            If a subclass overrides ``predict``, or a method that it calls.

        Notes
        -----
        With ``max_change``, radii of all rows are nearly the same, ``max_change / lipschitz_bound_``, as the network
        has one constant for all places.
        """
        if (max_change is None) == (threshold is None):
            raise ValueError("certified_radius of a regressor needs max_change, or else threshold. Give one of them.")
        rows, question = self._certified_rows(X), asked_question(self, norm, tolerances)
        limits = numbers(max_change, len(rows), "max_change") if threshold is None else None
        borders = numbers(threshold, len(rows), "threshold") if limits is None else None
        if limits is not None and not (limits >= 0).all():
            raise ValueError("max_change must be 0 or more.")
        radii = np.empty((len(rows), self.n_outputs_))

        def fill(block, target, scores, errors, room, proof):
            with np.errstate(all="ignore"):
                # A difference of floats is rounded once, by at most a unit in the last place.
                gaps = limits[block] if borders is None else np.abs(scores - borders[block]) * (1.0 - 2.0**-52)
            found = threshold_radii(gaps, errors, proof.lipschitz, proof.error_lipschitz)
            radii[block, target] = np.minimum(found, room)

        self._each_target(rows, question, fill)
        return self._shaped(radii)

    def gradient(self, X: ArrayLike) -> np.ndarray:
        """Gradient of ``predict`` at each row, exact up to rounding.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
            Rows, in the units of ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, n_features) or (n_rows, n_outputs, n_features), float64
            In units of ``y`` per unit of each column. For images, the last axis is replaced by the axes of an image.

        Raises
        ------
        ValueError
            If ``fit`` would not take the rows, or if they have other columns.
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        rows = self._inference_rows(X)
        scores, jacobian = scores_and_jacobian(self.network_, rows)
        self._finite(scores, rows)
        return in_shape(self._shaped(jacobian), rows.image_shape)

    def _certified_rows(self, X):
        refuse_overrides(self, CertifiedRegressor)
        return self._inference_rows(X)

    def _each_target(self, rows, question, fill):
        """Call a function of the scores, their errors and the room of each block of rows, for each target."""
        proofs = [certificate(network, question) for network in self._network_of_each_target()]
        for block, scores, bounds in bounded_blocks(self, rows, proofs):
            for target, (proof, (errors, room)) in enumerate(zip(proofs, bounds, strict=True)):
                fill(block, target, scores[:, target], errors, room, proof)

    def _network_of_each_target(self) -> list[ServedNetwork]:
        """Networks of one score each, whose constants may differ."""
        network = self.network_
        if network.n_scores == 1:
            return [network]
        if network not in _networks_of_targets:
            kernel, bias = network.heads.kernel, network.heads.bias
            _networks_of_targets[network] = [
                network.with_heads(Dense(kernel[:, [target]], bias[[target]])) for target in range(len(bias))
            ]
        return _networks_of_targets[network]
