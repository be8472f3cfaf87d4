"""Keras layers of Lipschitz constant 1, for any ``keras.Sequential`` or functional model.

Importing this package registers them with Keras: after ``import sklip.layers``,
``keras.saving.load_model`` needs no ``custom_objects``.
"""

from sklip._requirements import training_packages

with training_packages():
    from sklip.layers._activations import FullSort, GroupSort, MaxMin, activation_layer
    from sklip.layers._center import Center
    from sklip.layers._constraints import Orthonormal, UnitColumns
    from sklip.layers._dense import FrobeniusDense, SpectralDense
    from sklip.layers._operations import operations_of

__all__ = [
    "Center",
    "FrobeniusDense",
    "FullSort",
    "GroupSort",
    "MaxMin",
    "Orthonormal",
    "SpectralDense",
    "UnitColumns",
    "activation_layer",
    "operations_of",
]
