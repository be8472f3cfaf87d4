"""The scikit-learn face of sklip."""

from sklip.estimators._hkr_classifier import HKRClassifier
from sklip.estimators._lipschitz_mlp import LipschitzMLP
from sklip.estimators._network_classifier import NetworkClassifier
from sklip.estimators._wasserstein import WassersteinEstimator

__all__ = ["HKRClassifier", "LipschitzMLP", "NetworkClassifier", "WassersteinEstimator"]
