"""Losses for anyone's Keras model, on scores (logits).

Targets: one column is a binary problem, the row being of the positive class where
``y_true > 0`` (so −1/+1 and 0/1 both do, and nothing is guessed from the data of a batch).
Several columns are a problem with a head a class: a row belongs to class ``c`` where
``y_true[:, c] > 0``. Sample weights enter every expectation: a weight of 0 is the same as
removing the row.
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
    from sklip.losses._one_vs_all import MulticlassHinge, MulticlassHKR

__all__ = [
    "HKR",
    "KR",
    "CategoricalHinge",
    "HingeMargin",
    "LseHKR",
    "MultiMargin",
    "MulticlassHKR",
    "MulticlassHinge",
    "SoftHKR",
    "TauBinaryCrossentropy",
    "TauCategoricalCrossentropy",
    "TauSparseCategoricalCrossentropy",
    "hinge_margin",
    "hkr",
    "kr",
]
