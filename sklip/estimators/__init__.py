"""The scikit-learn estimators of sklip."""

from sklip._other_distribution import warn_of_another_distribution
from sklip.estimators._hkr_classifier import HKRClassifier
from sklip.estimators._lipschitz_mlp import LipschitzMLP
from sklip.estimators._lipschitz_regressor import LipschitzRegressor
from sklip.estimators._network_classifier import NetworkClassifier
from sklip.estimators._wasserstein import WassersteinEstimator

__all__ = ["HKRClassifier", "LipschitzMLP", "LipschitzRegressor", "NetworkClassifier", "WassersteinEstimator"]

# The call is not in sklip/__init__.py, because the other distribution replaces that file.
warn_of_another_distribution()
