"""Refuse columns that do not hold numbers; errors name the column and say what to do."""

from datetime import date, time, timedelta

import numpy as np

from sklip._compat import feature_names
from sklip.rows.images import place_of

_REASONS = {
    "text": "holds text, which is not a number. Encode it, for example with sklearn.preprocessing.OneHotEncoder, or "
    "convert it to numbers.",
    "dates": "holds dates or times. Their numbers depend on the unit in which they are stored, and so does every "
    "radius. Give the time since a fixed date in a unit that you choose: "
    "(column - numpy.datetime64('2000-01-01')) / numpy.timedelta64(1, 'D') is in days.",
    "durations": "holds durations. Their numbers depend on the unit in which they are stored, and so does every "
    "radius. Give them in a unit that you choose: column / numpy.timedelta64(1, 'D') is in days.",
}
_MISSING = (
    "contains NaN. {estimator} does not accept missing values: drop those rows or impute them, for example with "
    "sklearn.impute.SimpleImputer."
)
_KINDS = {"U": "text", "S": "text", "T": "text", "M": "dates", "m": "durations"}


def refuse_columns(bad, source, name, reason, kind=ValueError):
    """Raise an error that names the first bad column, if there is one.

    Parameters
    ----------
    bad : ndarray of shape (n_columns,), bool
    source : array-like
        User input, which may have names for the columns, or hold images.
    name : str
        Name of the argument.
    reason : str
        The rest of the sentence, and what to do.
    kind : type of exception, default=ValueError
    """
    if not bad.any():
        return
    column, names, what = int(np.argmax(bad)), feature_names(source), "column"
    label = f"column {column}" if names is None else f"column {names[column]!r} (number {column})"
    if getattr(source, "ndim", 2) == 4:
        label, what = place_of(column, source.shape[1:]), "pixel"
    others = bad.sum() - 1
    alike = f", like {others} other {what}{'s' if others > 1 else ''}," if others else ""
    raise kind(f"Input {name}: {label}{alike} {reason}")


def refuse_missing(bad, source, name, estimator):
    """Call :func:`refuse_columns` for columns with missing values."""
    refuse_columns(bad, source, name, _MISSING.format(estimator=type(estimator).__name__))


def refuse_not_numbers(X, name, estimator):
    """Raise an error that names the first column of text, dates, durations, or objects that are not numbers.

    Also refuse missing values that only objects can hold, such as ``pandas.NA``. Do not look for NaN in numbers.
    """
    kinds = _kinds_of_columns(X)
    for kind, reason in _REASONS.items():
        refuse_columns(np.array([kind in of_column for of_column in kinds], dtype=bool), X, name, reason)
    refuse_missing(np.array(["missing" in of_column for of_column in kinds], dtype=bool), X, name, estimator)
    for unknown in sorted(set().union(*kinds) - {"number", "missing"}):
        bad = np.array([unknown in of_column for of_column in kinds])
        # scikit-learn's tests require a TypeError and these words about the argument.
        reason = (
            f"holds objects of type {unknown}, and an argument must be a string or a number. Convert them to numbers."
        )
        refuse_columns(bad, X, name, reason, TypeError)


def _kinds_of_columns(X):
    """The kinds of the entries of each column, as a list of sets; an empty list if all dtypes are numeric."""
    dtypes = list(X.dtypes) if hasattr(X, "dtypes") and getattr(X, "ndim", 2) == 2 else []
    if dtypes and {getattr(dtype, "kind", "?") for dtype in dtypes} <= set("biuf"):  # a frame of numbers
        return []
    if any(hasattr(dtype, "is_temporal") for dtype in dtypes):
        # NumPy converts the dates in a polars frame to numbers if the frame also has numbers.
        kinds = [_kind_in_polars(dtype) for dtype in dtypes]
        if {"dates", "durations"} & set(kinds):
            return [{kind} for kind in kinds]
    array = np.asarray(X)
    if array.ndim != 2 or array.dtype.kind not in "OUSTMm":
        return []
    if array.dtype.kind == "O":
        return [{_kind(entry) for entry in set(map(type, column))} for column in array.T]
    return [{_KINDS[array.dtype.kind]}] * array.shape[1]


def _kind_in_polars(dtype):
    if not dtype.is_temporal():
        return "number"
    return "durations" if str(dtype).startswith("Duration") else "dates"


def _kind(entry: type) -> str:
    """The kind of an entry of an object array, by its type; the name of the type if it is not known."""
    if issubclass(entry, str | bytes):
        return "text"
    if issubclass(entry, timedelta | np.timedelta64):
        return "durations"
    if issubclass(entry, date | time | np.datetime64) or entry.__name__ == "Period":
        return "dates"
    if entry is type(None) or entry.__name__ == "NAType":
        return "missing"
    is_number = hasattr(entry, "__float__") or hasattr(entry, "__index__") or issubclass(entry, complex)
    return "number" if is_number and not issubclass(entry, np.ndarray) else entry.__name__
