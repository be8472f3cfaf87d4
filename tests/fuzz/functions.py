"""Functions that a user may put into a FunctionTransformer; their constants are true to the bit, in any float dtype."""

import numpy as np


def identity(rows):
    return rows


def absolute(rows):
    return np.abs(rows)


def absolute_in_place(rows):
    return np.abs(rows, out=rows)


def negative_in_place(rows):
    return np.negative(rows, out=rows)


def doubled_in_place(rows):
    rows *= 2
    return rows


def positive_part(rows):
    return np.maximum(rows, 0)


def clipped_in_place(rows):
    return np.clip(rows, -1, 1, out=rows)


def turned_round(rows):
    return rows[:, ::-1]


def sorted_in_place(rows):
    rows.sort(axis=1)
    return rows


def dense(rows):
    return rows.toarray()


CONSTANTS = {
    identity: 1.0,
    absolute: 1.0,
    absolute_in_place: 1.0,
    negative_in_place: 1.0,
    doubled_in_place: 2.0,
    positive_part: 1.0,
    clipped_in_place: 1.0,
    turned_round: 1.0,
    sorted_in_place: 1.0,
}
"""True of rows of float64 and float32 alone: integers wrap around."""
