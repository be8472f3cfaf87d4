"""The dense layers at the end of a network."""

import keras

from sklip.layers import FrobeniusDense, SpectralDense


def add_neck(model: keras.Sequential, widths: tuple[int, ...], activation: str, dropout: float, n_scores: int) -> None:
    """Add orthonormal dense layers, with dropout, and the heads.

    All layers have fixed names, as TensorFlow keeps an operation's kernel for every name that a variable ever had.
    They compute in float32, whatever Keras' global policy is.
    """
    for number, width in enumerate(widths):
        model.add(SpectralDense(width, activation, dtype="float32", name=f"hidden_{number}"))
        if dropout:
            model.add(keras.layers.Dropout(dropout, seed=number, dtype="float32", name=f"dropout_{number}"))
    model.add(FrobeniusDense(n_scores, dtype="float32", name="heads"))
