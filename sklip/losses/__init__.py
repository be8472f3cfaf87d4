"""Losses on scores (logits), for any Keras model.

Targets with one column are a binary problem: a row is of the positive class where ``y_true > 0``.
Both −1/+1 and 0/1 are valid, and nothing is guessed from the data of a batch. Targets with several
columns are a problem with one head per class: a row is of class ``c`` where ``y_true[:, c] > 0``.
Sample weights enter every expectation: a weight of 0 has the same effect as removing the row.
"""

from sklip._requirements import training_packages

with training_packages():
    from sklip.losses._cross_entropy import (
        TauBinaryCrossentropy,
        TauCategoricalCrossentropy,
        TauSparseCategoricalCrossentropy,
    )
    from sklip.losses._kantorovich import HKR, KR, HingeMargin, hinge_margin, hkr, kr
    from sklip.losses._multiclass import CategoricalHinge, LseHKR, MultiMargin, SoftHKR
    from sklip.losses._of_logits import LossOfLogits as LossOfLogits  # for the estimators
    from sklip.losses._one_vs_all import MulticlassHinge, MulticlassHKR
    from sklip.losses._regression import AbsoluteError, Huber, Pinball, SquaredError

__all__ = [
    "HKR",
    "KR",
    "AbsoluteError",
    "CategoricalHinge",
    "HingeMargin",
    "Huber",
    "LseHKR",
    "MultiMargin",
    "MulticlassHKR",
    "MulticlassHinge",
    "Pinball",
    "SoftHKR",
    "SquaredError",
    "TauBinaryCrossentropy",
    "TauCategoricalCrossentropy",
    "TauSparseCategoricalCrossentropy",
    "hinge_margin",
    "hkr",
    "kr",
]
