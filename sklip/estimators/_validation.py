"""Checks of rows, labels and weights in user input; every message names the fault and says what to do."""

from contextlib import contextmanager
from numbers import Real
from types import SimpleNamespace

import numpy as np
from sklearn.utils.validation import validate_data

from sklip._compat import Interval, Options, StrOptions, check_sample_weight, validate_parameter_constraints
from sklip._labels import check_labels
from sklip.estimators._not_numbers import refuse_columns, refuse_missing, refuse_not_numbers
from sklip.estimators._numpy_numbers import python_number
from sklip.rows import sources
from sklip.rows.containers import as_column_container, as_rows_container
from sklip.rows.entries import bad_columns, largest_entry
from sklip.rows.images import check_image_shape, flattened, image_shape
from sklip.rows.protocol import UnreadRows
from sklip.rows.served import SERVED_DTYPES, ServedRows

__all__ = ["Interval", "Options", "StrOptions", "check_labels"]  # from other modules, for the modules that check

# Training squares its inputs in float32, whose largest number is 3e38.
_LARGEST_FEATURE = 1e18


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


def check_parameters(estimator) -> SimpleNamespace:
    """Check the parameters of an estimator by its table of constraints.

    Returns
    -------
    SimpleNamespace
        The parameters, with Python's numbers instead of NumPy's. The parameters of the estimator do not change.

    Raises
    ------
    ValueError
        If the table does not allow a parameter; the message names it.
    """
    given = {name: python_number(value) for name, value in estimator.get_params(deep=False).items()}
    validate_parameter_constraints(estimator._parameter_constraints, given, caller_name=type(estimator).__name__)
    return SimpleNamespace(**given)


def check_features(estimator, X, *, reset, training, name="X", dtype=np.float64):
    """Return rows as a C-ordered array of finite numbers.

    Parameters
    ----------
    estimator : sklip classifier
        Estimator, which gets ``n_features_in_`` and ``feature_names_in_`` if ``reset`` is true. Otherwise
        the rows are checked against these attributes.
    X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)
    reset : bool
    training : bool
        Whether the rows are for training with Keras.
    name : str
        Name of the argument, for messages.
    dtype : dtype or sequence of dtypes
        Allowed dtypes of the result. If the dtype of the rows is not among them, the first is used.

    Returns
    -------
    ndarray of shape (n_rows, n_features)

    Raises
    ------
    ValueError
        For no rows, no columns, another number of columns or other names than in ``fit``,
        text, dates, complex numbers, another number of dimensions, NaN, infinity, masked entries; if ``training``,
        for entries beyond 1e18.
    TypeError
        If ``X`` is a sparse matrix, or does not hold rows.
    """
    source = as_rows_container(X, name)
    image_shape(source, name)
    X = check_form(estimator, flattened(source), reset=reset, name=name, dtype=dtype, order="C")
    _check_entries(estimator, X, source, name, training)
    return X


def container_of_training_rows(X, name="X"):
    """Return rows as :func:`sklip.rows.containers.as_rows_container` does; rows outside memory stay as they are."""
    return as_rows_container(X, name) if sources.unread_rows(flattened(X)) is None else X


def check_training_features(estimator, X, *, reset, name="X") -> np.ndarray | UnreadRows:
    """Do :func:`check_features` for training rows; rows outside memory stay unread, and float32 stays float32."""
    table = flattened(X)
    rows = sources.unread_rows(table)
    if rows is None:
        return check_features(estimator, X, reset=reset, training=True, name=name, dtype=(np.float64, np.float32))
    validate_data(estimator, table, reset=reset, skip_check_array=True)
    _check_entries(estimator, rows, X, name, training=True)
    return rows


def served_rows(estimator, X) -> ServedRows:
    """Check the shape, column names and dtype of rows to predict.

    Parameters
    ----------
    estimator : fitted sklip estimator
    X : array-like of shape (n_rows, n_features) or (n_rows, height, width, channels)

    Returns
    -------
    ServedRows

    Raises
    ------
    ValueError, TypeError
        As :func:`check_features`.
    """
    is_array = type(X) in (np.ndarray, np.memmap)
    source = as_rows_container(X)
    expected = estimator.network_.input_shape
    shape = image_shape(source, expected=expected)
    check_image_shape(shape, expected, f"this {type(estimator).__name__}")
    table = flattened(source)
    plain = (
        is_array
        and table.ndim == 2
        and table.dtype in SERVED_DTYPES
        and table.size > 0
        and table.shape[1] == getattr(estimator, "n_features_in_", None)
        and getattr(estimator, "feature_names_in_", None) is None
    )
    array = np.asarray(table) if plain else check_form(estimator, table, reset=False)
    return ServedRows(array, table, lambda array: refuse_not_finite(estimator, array, source), shape)


def _check_entries(estimator, X, source, name, training):
    """Raise a ValueError for entries that are not finite or too large."""
    largest = largest_entry(X)
    if not np.isfinite(largest):
        refuse_not_finite(estimator, X, source, name)
    if training and largest > _LARGEST_FEATURE:
        huge = bad_columns(X, lambda block: np.abs(block) > _LARGEST_FEATURE)
        refuse_columns(huge, source, name, "has values beyond 1e18 in size, so that other columns would not matter. "
                       "Give it in a larger unit, or scale the features.")  # fmt: skip


def check_form(estimator, X, *, reset, name="X", dtype=None, order=None):
    """Do :func:`check_features` except for NaN, infinity and size; without ``dtype``, keep any of ``SERVED_DTYPES``."""
    refuse_not_numbers(X, name, estimator)
    if dtype is None:  # a frame with columns of several dtypes would otherwise become an array of objects
        dtype = [np.float64, *SERVED_DTYPES] if isinstance(X, np.ndarray) else np.float64
    try:
        return validate_data(estimator, X, reset=reset, dtype=dtype, order=order, ensure_all_finite=False)
    except ValueError as error:
        message, advice = str(error), ""
        if message.startswith("Complex data not supported"):
            message = "Complex data not supported."
            advice = " Drop the imaginary parts, or give real and imaginary parts as columns."
        elif message.startswith("Found array with dim"):
            advice = " Reshape it to two dimensions: one row per sample, one column per feature."
        elif not message.startswith("Found array"):
            raise
        raise ValueError(f"Input {name}: {message}{advice}") from error


def refuse_not_finite(estimator, X, source, name="X"):
    """Raise a ValueError that names the first column of an array with NaN, or else with infinity, if there is one.

    ``source`` is the user input, which may have names for the columns, or hold images.
    """
    refuse_missing(bad_columns(X, np.isnan), source, name, estimator)
    infinite = bad_columns(X, np.isinf)
    refuse_columns(infinite, source, name, "contains infinity. Replace such values, or drop their rows.")


def check_weights(sample_weight, X, name="sample_weight"):
    """Return non-negative sample weights whose largest is 1, as float64.

    Raises
    ------
    ValueError
        If weights are negative, not finite or all zero, or if there is not one weight per row.
    """
    if sample_weight is not None and not isinstance(sample_weight, Real):
        sample_weight = as_column_container(sample_weight, name, "weights")
    if getattr(sample_weight, "dtype", np.dtype(float)).kind in "mM":  # NumPy would convert them to numbers
        raise ValueError(f"{name} holds dates or durations. Give one finite weight ≥ 0 for each row.")
    try:
        weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    except (TypeError, ValueError) as error:  # a TypeError for objects that are not numbers, such as pandas.NA
        reason = str(error).rstrip(".!")
        raise ValueError(f"{name}: {reason}. Give one finite weight ≥ 0 for each row.") from error
    largest = weights.max(initial=0.0)
    if not largest > 0:
        raise ValueError(f"{name} is zero for all rows. Give at least one row of each class a positive weight.")
    with np.errstate(under="ignore"):
        return weights / largest


def encode_labels(y, classes, name="y", advice="Leave their rows out."):
    """Return the positions of labels in sorted classes; ``advice`` says what to do about unknown labels.

    Raises
    ------
    ValueError
        If a label is not among the classes.
    """
    seen = np.unique(y)
    unseen = seen[~np.isin(seen, classes)]
    if len(unseen):
        raise ValueError(
            f"{name} contains labels that are not among the classes {classes.tolist()}: {unseen.tolist()}. {advice}"
        )
    return np.searchsorted(classes, y)


def check_class_weight(class_weight, classes):
    """Raise a ValueError for weights of unknown classes, and for negative or infinite weights."""
    if not isinstance(class_weight, dict):
        return
    unknown = [label for label in class_weight if label not in classes]
    if unknown:
        raise ValueError(f"The 'class_weight' parameter names {unknown}, not among the classes {classes.tolist()}.")
    weights = map(python_number, class_weight.values())
    if not all(isinstance(weight, Real) and 0 <= weight <= 1e9 for weight in weights):
        raise ValueError(f"The 'class_weight' parameter must hold weights from 0 to 1e9; got {class_weight}.")
