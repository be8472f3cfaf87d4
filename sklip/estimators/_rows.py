"""From user input to validated rows and training targets."""

import math
from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_random_state

from sklip._heads import Heads
from sklip.estimators import _validation as validation
from sklip.estimators._units import farthest, to_training_units
from sklip.rows import blocks
from sklip.rows.images import check_image_shape, image_shape
from sklip.rows.protocol import UnreadRows, selected_rows


@dataclass(frozen=True)
class Targets:
    """Training targets of a network, one entry per row.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_scores), float32
        Values with which the loss compares the scores.
    groups : ndarray of shape (n_rows,), int
        Numbers of groups, from 0: every batch holds rows of each group. The groups of a classifier are its classes.
    weights : ndarray of shape (n_rows,), float64
        Weights of the rows.
    """

    values: np.ndarray
    groups: np.ndarray
    weights: np.ndarray

    def take(self, selected: np.ndarray) -> "Targets":
        """Return the targets of some rows."""
        return Targets(self.values[selected], self.groups[selected], self.weights[selected])


@dataclass(frozen=True)
class TrainingRows:
    """Validated features, flat, with their targets, and the shape of a row: of images, their height and so on."""

    X: np.ndarray | UnreadRows
    targets: Targets
    shape: tuple[int, ...]

    def take(self, selected: np.ndarray) -> "TrainingRows":
        """Return some rows."""
        return TrainingRows(selected_rows(self.X, selected), self.targets.take(selected), self.shape)


def class_targets(class_indices, weights, n_classes):
    """Targets of a classifier: 1 for the score of the row's class, −1 for the others."""
    own = Heads(n_classes).own(class_indices)
    return Targets(np.where(own, np.float32(1), np.float32(-1)), class_indices, weights)


def checked_rows(estimator, X, y, sample_weight, *, reset=True):
    """Validate rows to train on.

    Parameters
    ----------
    estimator : sklip estimator
    X, y, sample_weight : array-like
        Arguments of ``fit``; rows of weight 0 are left out.
    reset : bool
        Whether to store the columns of ``X`` in the estimator.

    Returns
    -------
    X : ndarray or UnreadRows of shape (n_rows, n_features)
    y : ndarray of shape (n_rows,)
    weights : ndarray of shape (n_rows,)
    """
    X = validation.check_training_features(estimator, X, reset=reset)
    y = estimator._check_targets(y, len(X))
    weights = validation.check_weights(sample_weight, X)
    kept = weights > 0
    return (X, y, weights) if kept.all() else (selected_rows(X, kept), y[kept], weights[kept])


def row_shape(X, given):
    """Return the shape of a row of images, (height, width, channels); None for a table that has no such shape.

    Parameters
    ----------
    X : array-like
        Rows in a container of :func:`sklip.rows.containers.as_rows_container`.
    given : tuple of int or None
        The parameter ``input_shape``.

    Raises
    ------
    ValueError
        If the rows have another shape than the parameter.
    """
    found = image_shape(X)
    if given is None:
        return found
    check_image_shape(found, given, "the 'input_shape' parameter")
    columns = np.shape(X)[1:]
    if found is None and len(columns) == 1 and columns[0] != math.prod(given):
        raise ValueError(
            f"X has {columns[0]} columns, but the 'input_shape' parameter is {given}, an image of {math.prod(given)} "
            "values."
        )
    return given


def checked_held_out_rows(estimator, X_val, y_val, sample_weight_val, shape):
    """Validate rows that the user held out, images of a shape; return rows and weights, None if there are none."""
    if X_val is None:
        if y_val is not None or sample_weight_val is not None:
            raise ValueError("y_val and sample_weight_val need X_val, the rows to which they belong.")
        return None
    X_val = validation.container_of_training_rows(X_val, "X_val")
    check_image_shape(image_shape(X_val, "X_val"), shape, "X", "X_val")
    X_val = validation.check_training_features(estimator, X_val, reset=False, name="X_val")
    return X_val, validation.check_weights(sample_weight_val, X_val, "sample_weight_val")


def held_out_rows(estimator, X_val, y_val, sample_weight_val, shape):
    """The held-out rows of a classifier with their targets; None if there are none."""
    found = checked_held_out_rows(estimator, X_val, y_val, sample_weight_val, shape)
    if found is None:
        return None
    X_val, _ = found
    of_rows = labels_and_weights(X_val, y_val, sample_weight_val, estimator.classes_, suffix="_val")
    return TrainingRows(X_val, class_targets(*of_rows, len(estimator.classes_)), shape)


def labels_and_weights(X, y, sample_weight, classes, *, suffix=""):
    """Class indices and weights of rows, validated; ``suffix`` is appended to the names of the arguments."""
    y = validation.check_labels(y, len(X), f"y{suffix}")
    weights = validation.check_weights(sample_weight, X, f"sample_weight{suffix}")
    return validation.encode_labels(y, classes, f"y{suffix}"), weights


def hold_out(rows, classes, fraction, random_state):
    """Split rows into training rows and a stratified share of held-out rows.

    Raises
    ------
    ValueError
        If a class has a single row.
    """
    counts = np.bincount(rows.targets.groups)
    if counts.min() < 2:
        rare = classes.tolist()[counts.argmin()]
        raise ValueError(
            f"early_stopping needs at least two rows of each class to hold out some; class {rare!r} has one. Pass "
            "X_val and y_val, or set validation_fraction=None to monitor the training loss."
        )
    from sklearn.model_selection import train_test_split  # serving does not need it

    count = np.clip(round(fraction * len(rows.X)), len(classes), len(rows.X) - len(classes))
    kept, watched = train_test_split(
        np.arange(len(rows.X)),
        test_size=int(count),
        stratify=rows.targets.groups,
        random_state=check_random_state(random_state).randint(2**31 - 1),
    )
    return rows.take(np.sort(kept)), rows.take(np.sort(watched))


def training_inputs(X, center, scale, column_units, order, *, read_all):
    """Convert features to the units and the dtype of the training.

    Parameters
    ----------
    X : ndarray or UnreadRows of shape (n_rows, n_features)
    center, scale : ndarray of shape (n_features,), float
    column_units : ndarray of shape (n_features,) or None
        Units of the columns.
    order : ndarray of shape (n_features,) or None
        Positions of the columns in the training.
    read_all : bool
        Whether to read all rows into memory, however many they are.

    Returns
    -------
    inputs : ndarray of shape (n_rows, n_features), float32, or UnreadRows
    distance : float
        Largest Euclidean distance of a row to ``center``, in units of the columns.
    """
    units = scale if column_units is None else scale * column_units

    def convert(X):
        return to_training_units(X, center, units, order)

    small = 4 * X.shape[0] * X.shape[1] <= blocks.CHUNK_BYTES
    read = read_all or small or isinstance(X, np.ndarray)
    inputs = convert(X) if read else X.converted(convert, np.float32)
    return inputs, farthest(inputs, scale)
