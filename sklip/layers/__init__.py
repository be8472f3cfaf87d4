"""Keras layers of Lipschitz constant 1, for any ``keras.Sequential`` or functional model.

Importing this package registers them with Keras: after ``import sklip.layers``,
``keras.saving.load_model`` needs no ``custom_objects``.
"""

from sklip._requirements import training_packages

with training_packages():
    from sklip.layers._absolute import Abs
    from sklip.layers._activations import FullSort, GroupSort, MaxMin, activation_layer
    from sklip.layers._center import Center
    from sklip.layers._circular_padding import CircularPadding2D
    from sklip.layers._constraints import Orthonormal, UnitColumns
    from sklip.layers._dense import FrobeniusDense, SpectralDense
    from sklip.layers._global_pooling import ScaledGlobalAveragePooling2D, ScaledGlobalL2NormPooling2D
    from sklip.layers._mix_residual import MixResidual
    from sklip.layers._operations import operations_of, refuse_not_lipschitz
    from sklip.layers._pooling import ScaledAveragePooling2D, ScaledL2NormPooling2D
    from sklip.layers._residual_conv import ResidualConv2D
    from sklip.layers._residual_dense import ResidualDense
    from sklip.layers._sampling import InvertibleDownSampling, InvertibleUpSampling
    from sklip.layers._shift_identity import ShiftIdentity
    from sklip.layers._spectral_conv import SpectralConv2D
    from sklip.layers._split_residual import SplitResidual

__all__ = [
    "Abs",
    "Center",
    "CircularPadding2D",
    "FrobeniusDense",
    "FullSort",
    "GroupSort",
    "InvertibleDownSampling",
    "InvertibleUpSampling",
    "MaxMin",
    "MixResidual",
    "Orthonormal",
    "ResidualConv2D",
    "ResidualDense",
    "ScaledAveragePooling2D",
    "ScaledGlobalAveragePooling2D",
    "ScaledGlobalL2NormPooling2D",
    "ScaledL2NormPooling2D",
    "ShiftIdentity",
    "SpectralConv2D",
    "SpectralDense",
    "SplitResidual",
    "UnitColumns",
    "activation_layer",
    "operations_of",
    "refuse_not_lipschitz",
]
