"""Metrics of certified classifiers: how often a prediction is right, and stays right nearby.

A prediction is certified at ``epsilon`` if its radius is larger: then every row at a distance of at
most ``epsilon`` has the same prediction. At ``epsilon = 0`` there is nothing to certify, and
certified accuracy is accuracy.
"""

from sklip.metrics._scorers import certified_accuracy, certified_accuracy_scorers
from sklip.metrics._scores import average_certified_radius, certified_accuracy_curve, certified_accuracy_score

__all__ = [
    "average_certified_radius",
    "certified_accuracy",
    "certified_accuracy_curve",
    "certified_accuracy_score",
    "certified_accuracy_scorers",
]
