"""The scikit-learn face of sklip."""

from sklip.estimators._hkr_classifier import HKRClassifier
from sklip.estimators._lipschitz_mlp import LipschitzMLP

__all__ = ["HKRClassifier", "LipschitzMLP"]
