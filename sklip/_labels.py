"""Class labels as users pass them, in one array; every message names the argument and says what to do."""

from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from sklip.rows.containers import as_column_container, row_numbers
from sklip.rows.missing import missing_entries


def read_labels(y: Any, name: str = "y", *, warn: bool = False) -> np.ndarray:
    """Return labels as a one-dimensional array, none of which is missing.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, 1)
        Labels, in any container.
    name : str, default="y"
        Name of the argument, for messages.
    warn : bool, default=False
        Whether to warn of a column of shape (n_rows, 1), as ``fit`` does.

    Returns
    -------
    ndarray of shape (n_rows,)

    Raises
    ------
    ValueError
        For missing labels (None, NaN, NaT, ``pandas.NA``, masked), complex numbers, several columns and a single label.
    TypeError
        If ``y`` is not an array, a frame or a list.
    """
    if isinstance(y, str | bytes | float | int | np.generic) or getattr(y, "ndim", 1) == 0:
        raise ValueError(f"{name} must be an array of labels; got {y!r}.")
    array = as_column_container(y, name)
    if array.ndim != 1 and not (array.ndim == 2 and array.shape[1] == 1):
        raise ValueError(f"{name} should be a 1d array, one label per row; got an array of shape {array.shape}.")
    if array.dtype.kind == "c":
        raise ValueError(f"{name} holds complex numbers, which are not labels. Give text or whole numbers.")
    array = column_or_1d(array, warn=warn)
    rows = np.flatnonzero(missing_entries(array))
    if len(rows):
        raise ValueError(
            f"{name} has missing labels (None, NaN or NaT) in {row_numbers(rows)}. Drop those rows. If a missing label "
            "is a class, replace it by a name."
        )
    return array


def check_labels(y: Any, n_rows: int | None, name: str = "y") -> np.ndarray:
    """Return class labels as a one-dimensional array of one label per row.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Labels, in any container.
    n_rows : int or None
        Required number of labels; None for any number.
    name : str, default="y"
        Name of the argument, for messages.

    Returns
    -------
    ndarray of shape (n_rows,)
        Text, numbers, booleans or dates.

    Raises
    ------
    ValueError
        If there are no labels, too few or too many, if labels are missing, or if their type is not one of labels.
    TypeError
        If text and numbers are mixed.
    """
    if y is None:
        raise ValueError(
            f"This estimator requires {name} to be passed, but the target {name} is None. Give one label for each row."
        )
    labels = read_labels(y, name, warn=True)
    if n_rows is not None and len(labels) != n_rows:
        raise ValueError(f"X has {n_rows} rows but {name} has {len(labels)} labels. Give one label for each row.")
    if labels.dtype.kind == "O":
        _check_objects(labels, name)
    if labels.dtype.kind == "S":
        raise TypeError(f"{name} {_NOT_TEXT}")
    if labels.dtype.kind == "f" and np.isinf(labels).any():
        raise ValueError(f"Input {name} contains infinity, which is not a label. Drop those rows, or name their class.")
    check_classification_targets(labels)
    return labels


def known_labels(y: Any, n_rows: int, classes: Any) -> np.ndarray:
    """Return the labels of rows, all of which must be among the classes of an estimator.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Labels, in any container.
    n_rows : int
        Required number of labels.
    classes : array-like
        Labels that the estimator knows.

    Returns
    -------
    ndarray of shape (n_rows,)

    Raises
    ------
    ValueError
        If there is not one label per row, if a label is missing, or if the estimator does not know a label.
    """
    labels, known = read_labels(y), np.asarray(classes)
    if labels.shape != (n_rows,):
        raise ValueError(f"y must hold one label for each of the {n_rows} rows of X; got {len(labels)} labels.")
    unknown = np.unique(labels[~np.isin(labels, known)])
    if len(unknown):
        raise ValueError(
            f"y holds labels that the estimator does not know: {unknown[:10].tolist()}; it knows {known[:10].tolist()}."
        )
    return labels


_NOT_TEXT = "holds bytes, which are not text. Decode them, for example with [label.decode() for label in labels]."


def _check_objects(labels, name):
    """Raise unless all objects are text; scikit-learn's scores accept no other objects."""
    kinds = {_kind(label) for label in labels}
    if len(kinds) > 1:
        raise TypeError(f"{name} mixes labels of different types. Make them all text, or all numbers.")
    (kind,) = kinds or {"text"}
    if kind == "text":
        return
    if kind == "bytes":
        raise TypeError(f"{name} {_NOT_TEXT}")
    types = sorted({type(label).__name__ for label in labels})
    wanted = {("bool",): "bool", ("int",): "int"}.get(tuple(types), "float" if kind == "number" else "str")
    raise ValueError(
        f"Unknown label type: {name} holds objects of type {', '.join(types)}, which are not labels. Convert them, "
        f"for example with numpy.asarray({name}, dtype={wanted})."
    )


def _kind(label):
    """``"number"`` for numbers and booleans, ``"text"`` for text, the name of the type for other objects."""
    if isinstance(label, bool | int | float | np.number | np.bool_):
        return "number"
    return "text" if isinstance(label, str) else type(label).__name__
