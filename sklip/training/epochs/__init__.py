"""The classes that run the epochs of a training, one module per class."""

from keras import backend  # not keras: a module of this package has its name

from sklip.training.epochs.protocol import Epochs


def epochs_of_backend() -> type[Epochs]:
    """The class that runs epochs on the backend of Keras."""
    if backend.backend() == "tensorflow":
        from sklip.training.epochs.tensorflow import TensorFlowEpochs

        return TensorFlowEpochs
    from sklip.training.epochs.jax import JaxEpochs

    return JaxEpochs
