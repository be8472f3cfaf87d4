"""The scikit-learn face of sklip."""

from sklip.estimators._hkr_classifier import HKRClassifier

__all__ = ["HKRClassifier"]
