"""Conformal sets and intervals that hold under all changes of the inputs within a radius."""

from sklip.conformal._classifier import RobustConformalClassifier
from sklip.conformal._regressor import RobustConformalRegressor

__all__ = ["RobustConformalClassifier", "RobustConformalRegressor"]
