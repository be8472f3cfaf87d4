"""NetworkEstimator: an estimator that serves a network."""

from typing import TYPE_CHECKING

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklip.certification import Question, certificate
from sklip.certification._question import EUCLIDEAN
from sklip.estimators._served_network import check_network, misfit
from sklip.estimators._stamped import StampedState
from sklip.estimators._validation import served_rows
from sklip.rows.entries import all_finite
from sklip.served import ServedNetwork

if TYPE_CHECKING:
    import keras


class NetworkEstimator(StampedState, BaseEstimator):
    """Base of all estimators of sklip: the methods that need only ``network_``, whatever its scores mean."""

    network_: ServedNetwork
    _overflow = "the scores overflow"  # for messages: what overflows when values are too large

    @property
    def _question(self) -> Question:
        """The question for which the network was trained: the Euclidean one, for networks from elsewhere."""
        norm, tolerances = getattr(self, "norm_", 2), getattr(self, "tolerances_", None)
        return EUCLIDEAN if norm == 2 and tolerances is None else Question(norm, tolerances)

    @staticmethod
    def _misfit(get):
        """Say why a network cannot serve its classes, given a function from names to attributes; None if it can."""
        return misfit(get("network_"), get("classes_"))

    def _inference_rows(self, X):
        """Rows for the served network; every method that reads rows calls this first."""
        if not hasattr(self, "network_"):  # check_is_fitted is slow
            check_is_fitted(self, "network_")
        check_network(self)
        return served_rows(self, X)

    def _finite(self, scores, rows):
        """Return scores of some of the rows; raise a ValueError if they are not finite."""
        if not all_finite(scores):
            rows.check()  # report NaN before overflow
            raise ValueError(f"X holds values so large that {self._overflow}. Scale the features.")
        return scores

    @property
    def lipschitz_bound_(self) -> float:
        """Proven upper bound of the Lipschitz constant of every score, in the norm and the tolerances of ``fit``."""
        check_is_fitted(self, "network_")
        return certificate(self.network_, self._question).lipschitz

    def to_keras(self) -> "keras.Model":
        """Export the network as a ``keras.Model`` of ordinary Dense layers.

        Returns
        -------
        keras.Model
            Its outputs are the scores of ``network_``. The centre is subtracted in float64, and the rest is
            computed in float32. Outputs differ from the scores by at most ``1e-5 · scale_`` if products are
            computed in float32; GPUs may round them to TF32. To load a saved copy, import ``sklip.layers``
            first. ``model(X)`` uses float64 rows unchanged. ``model.predict(X)`` first rounds X to float32,
            which matters if the data lie far from 0 compared with ``scale_``. Certificates hold for this
            estimator, not for an exported copy.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        check_is_fitted(self, "network_")
        from sklip.interop import to_keras

        return to_keras(self.network_)
