"""NetworkEstimator: an estimator that serves a network."""

from typing import TYPE_CHECKING

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklip.certification import certificate
from sklip.estimators._served_network import check_network
from sklip.estimators._stamped import StampedState
from sklip.estimators._validation import served_rows
from sklip.served import ServedNetwork

if TYPE_CHECKING:
    import keras


class NetworkEstimator(StampedState, BaseEstimator):
    """Base of all estimators of sklip: what each can do once it has ``network_``, whatever its scores mean."""

    network_: ServedNetwork

    def _inference_rows(self, X):
        """Rows as the served network takes them: every method that reads rows begins here."""
        if not hasattr(self, "network_"):  # check_is_fitted takes its time
            check_is_fitted(self, "network_")
        check_network(self)
        return served_rows(self, X)

    @property
    def lipschitz_bound_(self) -> float:
        """Proven upper bound of the Lipschitz constant of every score, from the served weights."""
        check_is_fitted(self, "network_")
        return certificate(self.network_).lipschitz

    def to_keras(self) -> "keras.Model":
        """Export as a ``keras.Model`` of ordinary Dense layers.

        Returns
        -------
        keras.Model
            Its outputs are the scores of ``network_``. The centre is subtracted in float64, the rest runs in float32:
            equal to the scores to ``1e-5 · scale_`` (where float32 products are: GPUs may
            round them to TF32). A saved copy loads where ``sklip.layers`` is imported.
            ``model(X)`` takes float64 as it is; ``model.predict(X)`` rounds X to float32
            first, which matters where the data lie far from 0 compared with ``scale_``.
            Certificates are about this estimator, not about an exported copy.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before ``fit``.
        """
        check_is_fitted(self, "network_")
        from sklip.interop import to_keras

        return to_keras(self.network_)
