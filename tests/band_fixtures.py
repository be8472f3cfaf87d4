"""Regressors that fit at once, raw rows, and an attack on bands that asks for nothing but ``predict``."""

import warnings
from fractions import Fraction
from functools import cache

import numpy as np
import pandas as pd
from scipy import sparse

from sklip import LipschitzRegressor, certified_band

SMALL = {"hidden_layer_sizes": (16, 8), "epochs": 12, "random_state": 0, "backend": "numpy"}
UNITS = np.array([1.0, 100.0, 0.01, 5.0])
OFFSETS = np.array([0.0, 1e4, 3.0, -40.0])


@cache
def raw():
    """Columns of unlike units, and a target above 0; nobody may change them."""
    X = np.random.default_rng(0).standard_normal((120, 4))
    y = np.exp(0.5 * np.sin(X[:, 0]) + 0.3 * X[:, 1] - 0.2 * np.abs(X[:, 2]) + 2.0)
    X = X * UNITS + OFFSETS
    for values in (X, y):
        values.flags.writeable = False
    return X, y


def frame():
    X, _ = raw()
    return pd.DataFrame(X, columns=list("abcd")).assign(plan=np.array(["x", "y", "z"] * 40, dtype=object))


def small(lipschitz=2.0, **parameters):
    return LipschitzRegressor(lipschitz=lipschitz, **{**SMALL, **parameters})


def fit(model, X=None, y=None):
    found, targets = raw()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(found if X is None else X, targets if y is None else y)


def steepest(moves, norm):
    """Displacements of size 1 in a norm, that raise a linear function with these slopes most."""
    if norm == np.inf:
        return np.sign(moves)
    if norm == 1:
        moves = np.where(np.abs(moves) == np.abs(moves).max(axis=1, keepdims=True), moves, 0.0)
    sizes = np.linalg.norm(moves, ord=norm, axis=1, keepdims=True)
    return moves / np.where(sizes > 0, sizes, 1.0)


def _is_within(before, after, radius, norm, units):
    """Whether a row lies inside or at the edge, in rational arithmetic."""
    way = [
        abs(Fraction(float(b)) - Fraction(float(a))) / Fraction(float(unit))
        for a, b, unit in zip(before, after, units, strict=True)
        if unit
    ]
    radius = Fraction(float(radius))
    return {1: sum(way) <= radius, 2: sum(part**2 for part in way) <= radius**2, np.inf: max(way) <= radius}[norm]


def _placed(X, columns, values, wide):
    """Rows with some columns replaced, in float64 or in their own types."""
    if sparse.issparse(X):
        return type(X)(values if wide else values.astype(X.dtype))
    if hasattr(X, "columns"):
        names = [X.columns[column] for column in columns]
        return X.assign(**{n: v if wide else v.astype(X[n].dtype) for n, v in zip(names, values.T, strict=True)})
    return values if wide else values.astype(X.dtype)


def _values(X, columns):
    if sparse.issparse(X):
        return X.toarray().astype(np.float64)
    if hasattr(X, "columns"):
        return np.stack([np.asarray(X[X.columns[c]], dtype=np.float64) for c in columns], axis=1)
    return X.astype(np.float64)


def attack(model, X, radius, *, norm=2, units=None, **options):
    """Rows predicted outside while they are inside; and the largest share of the band that a prediction reached.

    The steepest directions come from differences of ``predict``, which is all that is asked of the model.
    """
    columns = list(range(4))
    units = UNITS if units is None else units
    tolerances = dict(zip(X.columns, units, strict=False)) if hasattr(X, "columns") else units
    lower, upper = certified_band(model, X, radius, norm=norm, tolerances=tolerances, **options)
    predicted, before = model.predict(X), _values(X, columns)
    assert lower.shape == upper.shape == predicted.shape
    assert lower.dtype == np.float64 and np.isfinite(lower).all() and np.isfinite(upper).all()
    assert ((lower <= predicted) & (predicted <= upper)).all()

    def ask(values, wide=True):
        there = _placed(X, columns, values, wide)
        return _values(there, columns), model.predict(there)

    def slopes(values):
        found = []
        for column in columns:
            step = np.zeros(4)
            step[column] = 1e-4 * units[column]
            change = ask(values + step)[1] - ask(values - step)[1]
            found.append(change.reshape(len(values), -1)[:, -1])
        return np.stack(found, axis=1)

    rng, outside, reached = np.random.default_rng(1), 0, 0.0
    steep = steepest(slopes(before), norm)
    bent = steepest(slopes(before + 0.5 * radius * steep * units), norm)
    ways = [steep, -steep, bent, *(steepest(rng.standard_normal(before.shape), norm) for _ in range(6))]
    for way in ways:
        for factor in (1.0, 1 - 1e-12, 0.3):
            for wide in (True, False):
                there, found = ask(before + factor * radius * way * units, wide)
                beyond = ((found < lower) | (found > upper)).reshape(len(found), -1).any(axis=1)
                for row in np.flatnonzero(beyond):
                    outside += _is_within(before[row], there[row], radius, norm, units)
                with np.errstate(all="ignore"):
                    share = np.where(found > predicted, (found - predicted) / (upper - predicted), 0.0)
                reached = max(reached, float(np.nanmax(share)))
    return outside, reached
