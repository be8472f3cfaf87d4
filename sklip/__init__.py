"""Classifiers for scikit-learn whose every prediction comes with a proof.

``sklip.layers``, ``sklip.losses`` and ``sklip.manifold`` are for anyone's Keras models and import
Keras. The estimators do so in ``fit`` and ``to_keras``, not before.
"""

from sklip._worker_threads import limit_tensorflow_in_workers
from sklip.estimators import HKRClassifier, LipschitzMLP

limit_tensorflow_in_workers()

__version__ = "0.1.0"

__all__ = ["HKRClassifier", "LipschitzMLP", "__version__"]
