"""Small images, and classifiers of them that several modules share; nothing returned here may be changed."""

from functools import cache

import numpy as np
from sklearn.datasets import load_digits

from sklip import HKRClassifier, LipschitzMLP
from sklip.architectures import ConvNet

SHAPE = (8, 8, 1)
SMALL = {"epochs": 2, "batch_size": 32, "random_state": 0}


def net(**parameters):
    """The recipe of a small convolutional network."""
    return ConvNet(**{"filters": 4, "hidden_layer_sizes": 8, **parameters})


def convolutional(kind=LipschitzMLP, **parameters):
    """A classifier with a small convolutional network."""
    return kind(**{**SMALL, "model": net(), **parameters})


@cache
def images(n_classes=3):
    """150 grey digits of shape (8, 8, 1), with values from 0 to 16, and their labels, 0 to ``n_classes`` − 1."""
    X, y = load_digits(n_class=n_classes, return_X_y=True)
    X, y = X[:150].reshape(-1, *SHAPE), y[:150]
    for array in (X, y):
        array.flags.writeable = False
    return X, y


@cache
def fitted(n_classes=3):
    """A fitted LipschitzMLP, and its images and labels."""
    return convolutional().fit(*images(n_classes)), *images(n_classes)


@cache
def fitted_hkr():
    """A fitted HKRClassifier of two classes, and its images and labels."""
    return convolutional(HKRClassifier).fit(*images(2)), *images(2)


def flat(X):
    """Images as rows of a table."""
    return np.reshape(X, (len(X), -1))
