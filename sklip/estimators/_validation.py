"""Checks of the rows, labels and weights that users hand in; every message names the culprit and says what to do.

The estimators' one module that uses scikit-learn's private helpers.
"""

from contextlib import contextmanager
from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, _get_feature_names, column_or_1d, validate_data

from sklip.network import SERVED_DTYPES, row_blocks
from sklip.training.rows import RowsOnDisk, slices

__all__ = [
    "Interval",
    "Options",
    "StrOptions",
    "check_class_weight",
    "check_features",
    "check_features_on_disk",
    "check_form",
    "check_labels",
    "check_weights",
    "encode_labels",
    "refuse_not_finite",
    "unchanged_on_error",
]

# Training runs in float32, whose largest number is 3e38 and which squares what it is given.
_LARGEST_FEATURE = 1e18

_BLOCK_BYTES = 1 << 22  # of the rows that are checked at a time


@contextmanager
def unchanged_on_error(estimator):
    """Leave an estimator as it was when the body raises."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def check_features(estimator, X, *, reset, training, name="X", dtype=np.float64):
    """Return rows as a C-ordered array of finite numbers.

    Parameters
    ----------
    estimator : sklip classifier
        Gets ``n_features_in_`` and ``feature_names_in_`` when ``reset``, is checked against
        them otherwise.
    X : array-like of shape (n_rows, n_features)
    reset : bool
    training : bool
        Whether Keras will see the rows.
    name : str
        Of the argument, for messages.
    dtype : dtype or sequence of them
        Of the result: that of the rows where it is among them, else the first.

    Returns
    -------
    ndarray of shape (n_rows, n_features)

    Raises
    ------
    ValueError
        For no rows, no columns, another number of columns or other names than in ``fit``,
        text, complex numbers, three dimensions, NaN, infinity; for entries beyond 1e18 when
        ``training``.
    TypeError
        For a sparse matrix.
    """
    source, X = X, check_form(estimator, X, reset=reset, name=name, dtype=dtype, order="C")
    _check_entries(estimator, X, max(X.max(), -X.min()), source, name, training)
    return X


def check_features_on_disk(estimator, X, *, reset, training, name="X"):
    """Return rows of a mapped file, unread; see :func:`check_features` and :func:`sklip.training.rows.is_on_disk`."""
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    source, X = X, RowsOnDisk(X)
    blocks = (X[rows] for rows in slices(X, _BLOCK_BYTES))
    largest = np.max([(block.max(), -block.min()) for block in blocks])
    _check_entries(estimator, X, largest, source, name, training)
    return X


def _check_entries(estimator, X, largest, source, name, training):
    """Raise a ValueError for entries that are not finite or too large; ``largest`` is the largest in size."""
    if not np.isfinite(largest):
        refuse_not_finite(estimator, X, source, name)
    if training and largest > _LARGEST_FEATURE:
        _refuse(X, source, name, lambda block: np.abs(block) > _LARGEST_FEATURE, "has values beyond 1e18 in size, next "
                "to which nothing else would count. Give it in a larger unit, or scale the features.")  # fmt: skip


def check_form(estimator, X, *, reset, name="X", dtype=None, order=None):
    """:func:`check_features` but for NaN, infinity and size; without ``dtype``, rows keep one of ``SERVED_DTYPES``."""
    _refuse_text(X, name)
    if dtype is None:  # of frames, columns of several dtypes would come as objects
        dtype = [np.float64, *SERVED_DTYPES] if isinstance(X, np.ndarray) else np.float64
    try:
        return validate_data(estimator, X, reset=reset, dtype=dtype, order=order, ensure_all_finite=False)
    except ValueError as error:
        message, advice = str(error), ""
        if message.startswith("Complex data not supported"):
            message = "Complex data not supported."
            advice = " Drop the imaginary parts, or give real and imaginary parts as columns."
        elif message.startswith("Found array with dim"):
            advice = " Reshape it to two dimensions: one row a sample, one column a feature."
        elif not message.startswith("Found array"):
            raise
        raise ValueError(f"Input {name}: {message}{advice}") from error


def refuse_not_finite(estimator, X, source, name="X"):
    """Raise a ValueError that names the first column of an array with NaN, or else with infinity, if there is one.

    ``source`` is what the user handed in; it may have names for the columns.
    """
    _refuse(X, source, name, np.isnan, f"contains NaN. {type(estimator).__name__} does not accept missing values: "
            "drop those rows or impute them, for example with sklearn.impute.SimpleImputer.")  # fmt: skip
    _refuse(X, source, name, np.isinf, "contains infinity. Replace such values, or drop their rows.")


def _refuse(X, source, name, is_bad, reason):
    """Raise a ValueError that names the first column with a bad entry."""
    bad = np.zeros(X.shape[1], dtype=bool)
    for rows in row_blocks(len(X)):
        bad |= is_bad(X[rows]).any(axis=0)
    if not bad.any():
        return
    column, names = int(np.argmax(bad)), _get_feature_names(source)
    label = f"column {column}" if names is None else f"column {names[column]!r} (number {column})"
    more = f" and {bad.sum() - 1} more" if bad.sum() > 1 else ""
    raise ValueError(f"Input {name}: {label}{more} {reason}")


def _refuse_text(X, name):
    """Raise a ValueError that names the first column that holds text."""
    kinds = {getattr(dtype, "kind", "?") for dtype in getattr(X, "dtypes", [])}
    if kinds and kinds <= set("biuf"):  # a frame of numbers
        return
    array = np.asarray(X)
    if array.ndim != 2 or array.dtype.kind not in "USO":
        return
    is_text = np.frompyfunc(lambda entry: isinstance(entry, (str, bytes)), 1, 1)
    _refuse(array, X, name, lambda block: is_text(block).astype(bool), "holds text, which is not a number. Encode it, "
            "for example with sklearn.preprocessing.OneHotEncoder, or convert it to numbers.")  # fmt: skip


def check_labels(y, n_rows, name="y"):
    """Return class labels as a one-dimensional array of one label a row.

    Raises
    ------
    ValueError
        When there are none, too few or too many, or when they are not labels.
    TypeError
        When labels of different kinds, such as text and numbers, are mixed.
    """
    if y is None:
        raise ValueError(f"This classifier requires {name} to be passed, but the target {name} is None.")
    if isinstance(y, (list, tuple)) and len({_kind(label) for label in y if not isinstance(label, (list, tuple))}) > 1:
        y = np.array(y, dtype=object)  # NumPy would turn numbers among text into text
    if np.isscalar(y) or getattr(y, "ndim", 1) == 0:
        raise ValueError(f"{name} must be an array of labels; got {y!r}.")
    y = column_or_1d(y, warn=True)
    if len(y) != n_rows:
        raise ValueError(f"X has {n_rows} rows but {name} has {len(y)} labels. Give one label for each row.")
    if y.dtype.kind == "O" and len({_kind(label) for label in y}) > 1:
        raise TypeError(f"{name} mixes labels of different types. Make them all text, or all numbers.")
    if y.dtype.kind in "fc" and not np.isfinite(y).all():
        raise ValueError(f"Input {name} contains NaN or infinity. Drop the rows whose label is missing.")
    check_classification_targets(y)
    return y


def _kind(label):
    """``"number"`` for numbers and booleans, ``"text"`` for text, the type's name for the rest."""
    if isinstance(label, (bool, int, float, np.number, np.bool_)):
        return "number"
    return "text" if isinstance(label, str) else type(label).__name__


def check_weights(sample_weight, X, name="sample_weight"):
    """Return non-negative sample weights whose largest is 1, as float64.

    Raises
    ------
    ValueError
        When they are negative, not finite, all zero, or not one for each row.
    """
    try:
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    except ValueError as error:
        raise ValueError(f"{name}: {error}. Give one finite weight ≥ 0 for each row.") from error
    largest = weights.max(initial=0.0)
    if not largest > 0:
        raise ValueError(f"{name} is zero for all rows. Give at least one row of each class a positive weight.")
    return weights / largest


def encode_labels(y, classes, name="y"):
    """Return the numbers of labels among sorted classes.

    Raises
    ------
    ValueError
        When a label is not among the classes.
    """
    seen = np.unique(y)
    unseen = seen[~np.isin(seen, classes)]
    if len(unseen):
        raise ValueError(
            f"{name} contains labels that are not among the classes {classes.tolist()}: {unseen.tolist()}. Name every "
            "class that will ever be seen in the first call."
        )
    return np.searchsorted(classes, y)


def check_class_weight(class_weight, classes):
    """Raise a ValueError for the weights of unknown classes, and for negative or infinite ones."""
    if not isinstance(class_weight, dict):
        return
    unknown = [label for label in class_weight if label not in classes]
    if unknown:
        raise ValueError(f"The 'class_weight' parameter names {unknown}, not among the classes {classes.tolist()}.")
    if not all(isinstance(weight, Real) and 0 <= weight <= 1e9 for weight in class_weight.values()):
        raise ValueError(f"The 'class_weight' parameter must hold weights from 0 to 1e9; got {class_weight}.")
