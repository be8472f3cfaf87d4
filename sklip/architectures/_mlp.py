"""MLP: the dense network that the classifiers train unless another is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sklearn.base import BaseEstimator

from sklip.architectures._checks import check_activation, check_dropout, check_widths

if TYPE_CHECKING:
    import keras


class MLP(BaseEstimator):
    """Multi-layer perceptron of orthonormal dense layers.

    It is the network of the classifiers if ``model`` is None. Images are flattened first.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(128, 64, 32)
        Number of units of each hidden layer.
    activation : str, default="groupsort2"
        Activation of the hidden layers: ``"groupsort2"``, ``"groupsort<n>"``, ``"fullsort"``, ``"maxmin"``,
        ``"relu"`` or ``"abs"``.
    dropout : float, default=0.0
        Share of the units of each hidden layer that are left out at random during training.

    See Also
    --------
    ConvNet : Convolutions and pooling, for images.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklip import HKRClassifier
    >>> from sklip.architectures import MLP
    >>> X, y = make_moons(500, noise=0.05, random_state=0)
    >>> classifier = HKRClassifier(model=MLP(hidden_layer_sizes=(32, 16)), random_state=0).fit(X, y)
    >>> bool(classifier.score(X, y) > 0.95)
    True
    """

    def __init__(
        self,
        *,
        hidden_layer_sizes: int | Sequence[int] = (128, 64, 32),
        activation: str = "groupsort2",
        dropout: float = 0.0,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout

    def build(self, input_shape: tuple[int, ...], n_scores: int) -> keras.Model:
        """Build the Keras model, with random weights.

        Parameters
        ----------
        input_shape : tuple of int
            Shape of a row: (n_features,), or (height, width, channels).
        n_scores : int
            1 for two classes, the number of classes otherwise.

        Returns
        -------
        keras.Model

        Raises
        ------
        ValueError
            If a parameter has no possible value.
        """
        widths = checked_widths(self)

        import keras

        from sklip.architectures._neck import add_neck

        model = keras.Sequential([keras.Input(input_shape)], name="mlp")
        if len(input_shape) > 1:
            model.add(keras.layers.Flatten(dtype="float32", name="flatten"))
        add_neck(model, widths, self.activation, float(self.dropout), n_scores)
        return model


def checked_widths(architecture: MLP) -> tuple[int, ...]:
    """Return the widths of the hidden layers; raise a ValueError if a parameter has no possible value."""
    check_activation(architecture.activation)
    check_dropout(architecture.dropout)
    sizes = architecture.hidden_layer_sizes
    return check_widths(sizes, architecture.activation, "hidden_layer_sizes", "hidden layer")
