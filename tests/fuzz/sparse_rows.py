"""Sparse matrices: entries that are stored in parts, zeros that are stored, indices out of order."""

from fractions import Fraction

import numpy as np
from scipy import sparse

FORMS = ("csr_matrix", "csr_array", "csc_array", "coo_array")

_BIG = 1e16


def builder(form, parts):
    """A function from values to a sparse matrix of a form, whose entries are stored in a way."""
    kind = getattr(sparse, form)

    def build(values):
        if parts == "whole":
            return kind(values)
        pieces = _pieces(np.asarray(values), parts)
        rows, columns = np.indices(values.shape)
        order = np.arange(values.size)[::-1] if parts == "unsorted" else np.arange(values.size)
        data = np.concatenate([piece.ravel()[order] for piece in pieces])
        rows, columns = (np.tile(index.ravel()[order], len(pieces)) for index in (rows, columns))
        if form == "coo_array":
            return kind((data, (rows, columns)), shape=values.shape)
        # Row by row (column by column), in the order of the pieces: constructors would sum them up.
        major, minor = (columns, rows) if form == "csc_array" else (rows, columns)
        by_major = np.argsort(major, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(major, minlength=max(values.shape)))])
        length = values.shape[1] if form == "csc_array" else values.shape[0]
        return kind((data[by_major], minor[by_major], starts[: length + 1]), shape=values.shape)

    return build


def _pieces(values, parts):
    """Arrays whose exact sum is ``values``."""
    if parts == "halves":
        with np.errstate(under="ignore"):
            half = values / 2
        return [half, half] if np.array_equal(half + half, values) else [values]
    if parts == "cancelling":
        big = np.full_like(values, _BIG)
        return [big, values, -big]
    return [values]


def readings(rows):
    """The rows as exact sums of their parts, rounded once, and as SciPy sums them."""
    coo = sparse.coo_array(rows, copy=True)
    summed = np.asarray(rows.toarray()).astype(np.float64)
    if len(set(zip(coo.row.tolist(), coo.col.tolist(), strict=True))) == coo.nnz:
        return [summed]
    sums = {}
    for row, column, value in zip(coo.row.tolist(), coo.col.tolist(), coo.data.tolist(), strict=True):
        sums[row, column] = sums.get((row, column), Fraction(0)) + Fraction(value)
    exact = np.zeros(rows.shape)
    for place, value in sums.items():
        exact[place] = float(value)
    return [exact, summed]
