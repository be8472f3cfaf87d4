"""A whole estimator as the target of an attack: the raw columns that may move, whatever holds the rows."""

import numpy as np
from scipy import sparse
from sklearn.utils import _safe_indexing

from sklip.attacks import Target
from sklip.pipelines._precision import precision
from sklip.pipelines._radius import answer, as_rows


def estimator_target(estimator, X, *, norm=2, scale=None, lipschitz=None) -> Target:
    """What an attacker sees of an estimator; all parameters are those of :func:`sklip.certified_radius`.

    Parameters
    ----------
    estimator : fitted estimator
    X : array-like of shape (n_rows, n_columns)
    norm : {1, 2, inf}, default=2
    scale : array-like, mapping or None, default=None
    lipschitz : mapping or None, default=None

    Returns
    -------
    sklip.attacks.Target
        With the radii of :func:`sklip.certified_radius`; those of the classifier's own method where nothing but a bare
        classifier is asked about.
    """
    X = as_rows(X)
    decision, question, _ = answer(estimator, X, norm, scale, lipschitz)
    bare = hasattr(estimator, "certified_radius") and norm == 2 and scale is None
    columns = [_numbers(X, column) if question.scale[column] else None for column in range(X.shape[1])]
    moving = np.array([column for column, numbers in enumerate(columns) if numbers is not None], dtype=np.intp)
    if not len(moving):
        raise ValueError("No column may move: all are held fixed, or hold no numbers. There is nothing to attack.")
    precisions = [precision(_column(X, column)) for column in moving]

    def placed(inputs, index):
        return _placed(X, index, moving, inputs, precisions)

    def descend(inputs, index):
        margins, gradients = decision.descend(placed(inputs, index), decision.codes[index])
        # A threshold may be infinite: there is no way there.
        within = np.abs(margins) < 1e150
        return np.where(within, margins, 0.0), np.where(within[:, None], gradients[:, moving], 0.0)

    def margin(inputs, index):
        return decision.descend(placed(inputs, index), decision.codes[index])[0]

    def differences(inputs, index):
        # Through a step of which only the constant is known, a gradient is felt and not computed.
        gradients = np.empty_like(inputs)
        for place in range(inputs.shape[1]):
            step = np.zeros_like(inputs)
            step[:, place] = 1e-6 * np.maximum(np.abs(inputs[:, place]), question.scale[moving[place]])
            gradients[:, place] = (margin(inputs + step, index) - margin(inputs - step, index)) / (2 * step[:, place])
        return margin(inputs, index), gradients

    def representable(inputs):
        held = [inputs[:, place].astype(name).astype(np.float64) for place, name in enumerate(precisions)]
        return np.stack(held, axis=1)

    return Target(
        rows=np.stack([columns[column] for column in moving], axis=1),
        radii=np.asarray(estimator.certified_radius(X) if bare else decision.radii, dtype=np.float64),
        scale=question.scale[moving],
        norm=norm,
        predict=lambda inputs, index: estimator.predict(placed(inputs, index)),
        descend=differences if question.stated else descend,
        representable=representable,
    )


def _column(X, column):
    if sparse.issparse(X):
        return X[:, [column]].toarray()[:, 0]
    return _safe_indexing(X, int(column), axis=1)


def _numbers(X, column):
    """A column as float64; None where it holds something else."""
    try:
        return np.asarray(_column(X, column), dtype=np.float64)
    except (TypeError, ValueError):
        return None


def _placed(X, index, moving, inputs, precisions):
    """The rows ``index`` of X with displaced columns: floats in their own precision, integers as float64."""
    if sparse.issparse(X):
        return sparse.csr_array(inputs.astype(X.dtype))
    if not hasattr(X, "columns"):
        dtype = object if X.dtype == object else precision(X)
        if len(moving) == X.shape[1]:
            return inputs.astype(dtype, copy=False)
        rows = X[index].astype(dtype)
        rows[:, moving] = inputs
        return rows
    if hasattr(X, "with_columns"):  # polars
        return X[index].with_columns(
            **{X.columns[column]: inputs[:, place].astype(precisions[place]) for place, column in enumerate(moving)}
        )
    dtypes = {X.columns[column]: X.dtypes.iloc[column] for column in moving}
    if len(moving) == X.shape[1] and len(set(precisions)) == 1:
        frame = type(X)(inputs.astype(precisions[0]), columns=X.columns)
    else:
        frame = X.iloc[index].copy()
        for place, column in enumerate(moving):
            frame[X.columns[column]] = inputs[:, place].astype(precisions[place])
    nullable = {name: dtype for name, dtype in dtypes.items() if not isinstance(dtype, np.dtype) and dtype.kind == "f"}
    return frame.astype(nullable) if nullable else frame
