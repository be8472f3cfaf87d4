"""The scikit-learn face of sklip."""

from sklip._other_distribution import warn_of_another_distribution
from sklip.estimators._hkr_classifier import HKRClassifier
from sklip.estimators._lipschitz_mlp import LipschitzMLP
from sklip.estimators._network_classifier import NetworkClassifier
from sklip.estimators._wasserstein import WassersteinEstimator

__all__ = ["HKRClassifier", "LipschitzMLP", "NetworkClassifier", "WassersteinEstimator"]

# Here and not in sklip/__init__.py, which the other distribution replaces by its own.
warn_of_another_distribution()
