"""From what the user hands in to validated rows."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_random_state

from sklip.estimators import _validation as validation
from sklip.estimators._units import farthest, to_training_units
from sklip.rows import blocks
from sklip.rows.protocol import UnreadRows, selected_rows


@dataclass(frozen=True)
class LabelledRows:
    """Validated rows: features, class numbers and positive weights."""

    X: np.ndarray | UnreadRows
    codes: np.ndarray
    weights: np.ndarray

    def take(self, selected: np.ndarray) -> "LabelledRows":
        """Return the selected rows."""
        return LabelledRows(selected_rows(self.X, selected), self.codes[selected], self.weights[selected])


def training_rows(estimator, X, y, sample_weight, *, classes=None, reset=True):
    """Validate rows to train on.

    Parameters
    ----------
    estimator : sklip classifier
    X, y, sample_weight : array-like
        As in ``fit``; rows of weight 0 are left out.
    classes : ndarray of shape (n_classes,) or None
        The sorted classes, where they are known; else those of ``y``.
    reset : bool
        Whether the columns of ``X`` are those of the classifier from now on.

    Returns
    -------
    rows : LabelledRows
    classes : ndarray of shape (n_classes,)
    """
    X = validation.check_training_features(estimator, X, reset=reset)
    y = validation.check_labels(y, len(X))
    weights = validation.check_weights(sample_weight, X)
    kept = weights > 0
    if not kept.all():
        X, y, weights = selected_rows(X, kept), y[kept], weights[kept]
    if classes is None:
        classes = np.unique(y)
    if len(classes) < 2:
        raise ValueError(
            f"{type(estimator).__name__} needs rows of at least two classes in y; got one class: "
            f"{classes.tolist()[0]!r} (rows with sample_weight 0 do not count). If they are a part of more rows, "
            "shuffle those first, or take a larger part."
        )
    validation.check_class_weight(estimator.class_weight, classes)
    advice = "Name every class that will ever be seen in the first call."
    return LabelledRows(X, validation.encode_labels(y, classes, advice=advice), weights), classes


def held_out_rows(estimator, X_val, y_val, sample_weight_val, classes):
    """Validate rows that the user held out; None when there are none."""
    if X_val is None:
        if y_val is not None or sample_weight_val is not None:
            raise ValueError("y_val and sample_weight_val need X_val, the rows that they are about.")
        return None
    X_val = validation.check_training_features(estimator, X_val, reset=False, name="X_val")
    return labelled_rows(X_val, y_val, sample_weight_val, classes, suffix="_val")


def labelled_rows(X, y, sample_weight, classes, *, suffix=""):
    """Validated features with labels among ``classes`` and weights; ``suffix`` is that of the arguments' names."""
    y = validation.check_labels(y, len(X), f"y{suffix}")
    weights = validation.check_weights(sample_weight, X, f"sample_weight{suffix}")
    return LabelledRows(X, validation.encode_labels(y, classes, f"y{suffix}"), weights)


def hold_out(rows, classes, fraction, random_state):
    """Split rows into those to train on and a stratified share to watch.

    Raises
    ------
    ValueError
        When a class has a single row.
    """
    counts = np.bincount(rows.codes)
    if counts.min() < 2:
        rare = classes.tolist()[counts.argmin()]
        raise ValueError(
            f"early_stopping needs at least two rows of each class to hold some out; class {rare!r} has one. Pass "
            "X_val and y_val, or set validation_fraction=None to watch the training loss."
        )
    from sklearn.model_selection import train_test_split  # which a process that serves can do without

    count = np.clip(round(fraction * len(rows.X)), len(classes), len(rows.X) - len(classes))
    kept, watched = train_test_split(
        np.arange(len(rows.X)),
        test_size=int(count),
        stratify=rows.codes,
        random_state=check_random_state(random_state).randint(2**31 - 1),
    )
    return rows.take(np.sort(kept)), rows.take(np.sort(watched))


def training_arrays(rows, n_classes, center, scale, *, whole):
    """Rows in the units and dtype of the training.

    Parameters
    ----------
    rows : LabelledRows
    n_classes : int
    center, scale : ndarray of shape (n_features,), float
    whole : bool
        Whether rows are read into memory however many they are.

    Returns
    -------
    inputs : ndarray of shape (n_rows, n_features), float32, or UnreadRows
    targets : ndarray of shape (n_rows, n_scores), float32
        1 for the row's own head, −1 for others.
    weights : ndarray of shape (n_rows,), float32
    distance : float
        The largest of a row to ``center``.
    """

    def convert(X):
        return to_training_units(X, center, scale)

    small = 4 * rows.X.shape[0] * rows.X.shape[1] <= blocks.CHUNK_BYTES
    read = whole or small or isinstance(rows.X, np.ndarray)
    inputs = convert(rows.X) if read else rows.X.converted(convert, np.float32)
    targets = np.where(own_head(rows.codes, n_classes), np.float32(1), np.float32(-1))
    return inputs, targets, rows.weights.astype(np.float32), farthest(inputs, scale)


def own_head(codes, n_classes):
    """Whether each head is that of each row's class, of shape (n_rows, 1) for two classes, (n_rows, n_classes)."""
    heads = np.array([1]) if n_classes == 2 else np.arange(n_classes)
    return codes[:, None] == heads


def balanced_factors(shares):
    """Factors, of shape (n_classes,), that give every class the same mass."""
    return 1.0 / (len(shares) * np.where(shares > 0, shares, 1.0))
