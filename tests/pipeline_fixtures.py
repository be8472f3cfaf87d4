"""Classifiers that fit at once, raw rows, and an attack that knows nothing but ``predict`` and a direction."""

import copy
from fractions import Fraction
from functools import cache

import numpy as np
from scipy import sparse
from sklearn.utils.validation import validate_data

from sklip import HKRClassifier, LipschitzMLP, certified_radius
from sklip.pipelines.trace import trace
from tests.helpers import amid, random_network

# Classifiers that fit at once -------------------------------------------------------------------


class _AtOnce:
    """Fits by drawing a network, its boundary amid the rows; everything else is sklip's own."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        X = validate_data(self, X, dtype=np.float64)
        rng = np.random.default_rng(self.random_state)
        heads = 1 if len(self.classes_) == 2 else len(self.classes_)
        # Square and orthonormal: its slope is its bound everywhere, so that attacks get close.
        network = random_network(rng, (X.shape[1], X.shape[1], X.shape[1], heads), "fullsort")
        self.network_ = amid(network, X)
        return self


class Quick(_AtOnce, HKRClassifier):
    pass


class QuickMLP(_AtOnce, LipschitzMLP):
    pass


UNITS = np.array([1.0, 100.0, 0.01, 5.0, 3.0])
OFFSETS = np.array([0.0, 1e4, 3.0, -40.0, 0.0])


@cache
def raw_rows():
    """Columns of unlike units, and labels of two and of four classes that depend on them; nobody may change them."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((100, 5))
    rows = X * UNITS + OFFSETS
    rows.flags.writeable = False
    return rows, (X[:, 0] + X[:, 1] > 0).astype(int), (X[:, 0] > 0) + 2 * (X[:, 1] > 0)


# The attack -------------------------------------------------------------------------------------


def _inside(before, after, radius, norm, scale):
    """Whether a row lies strictly inside, in rational arithmetic."""
    way = [
        abs(Fraction(float(b)) - Fraction(float(a))) / Fraction(float(unit)) if unit else None
        for a, b, unit in zip(before, after, scale, strict=True)
    ]
    assert all(a == b for a, b, part in zip(before, after, way, strict=True) if part is None)
    way = [part for part in way if part is not None]
    radius = Fraction(float(radius))
    return {1: sum(way) < radius, 2: sum(part**2 for part in way) < radius**2, np.inf: max(way) < radius}[norm]


def _steepest(gradients, norm, scale):
    """Displacements of norm 1, in units of ``scale``, that lower a linear function most."""
    slopes = gradients * scale
    if norm == np.inf:
        return -np.sign(slopes) * scale
    if norm == 1:
        slopes = np.where(np.abs(slopes) == np.abs(slopes).max(axis=1, keepdims=True), slopes, 0.0)
    sizes = np.linalg.norm(slopes, ord=norm, axis=1, keepdims=True)
    return -slopes / np.where(sizes > 0, sizes, 1.0) * scale


def _values(X, columns):
    if sparse.issparse(X):
        return X.toarray()[:, columns].astype(np.float64)
    if hasattr(X, "columns"):
        return np.stack([np.asarray(X[X.columns[c]], dtype=np.float64) for c in columns], axis=1)
    return np.stack([X[:, c].astype(np.float64) for c in columns], axis=1)


def _placed(X, columns, values, wide):
    """The rows with some columns replaced, in their own dtypes, or in float64."""
    if sparse.issparse(X):
        return type(X)(values if wide else values.astype(X.dtype))
    if not hasattr(X, "columns"):
        result = X.astype(np.float64) if X.dtype != object and (wide or X.dtype.kind != "f") else X.copy()
        result[:, columns] = values
        return result
    for column, new in zip(columns, values.T, strict=True):
        name = X.columns[column]
        old = np.asarray(X[name][:1]).dtype
        new = new if wide or old.kind != "f" else new.astype(old)
        if hasattr(X, "with_columns"):
            import polars

            X = X.with_columns(polars.Series(name, new))
        else:
            X = X.assign(**{name: new}) if isinstance(name, str) else X.assign(**{"_": new}).drop(columns=name)
    return X


def attack(estimator, X, *, norm=2, tolerances=None, step_lipschitz=None, columns=None, stretch=3.0):
    """Rows predicted otherwise strictly inside their radii, and the share of all that are so, some radii away.

    Only ``predict`` of the whole estimator is asked; every dtype that the certificate speaks of is used.
    """
    radii = certified_radius(estimator, X, norm=norm, tolerances=tolerances, step_lipschitz=step_lipschitz)
    traced = trace(estimator, X, norm=norm, tolerances=tolerances, step_lipschitz=step_lipschitz)
    decision = traced.decision
    columns = np.flatnonzero(traced.tolerances) if columns is None else np.asarray(columns)
    units, before, predicted = traced.tolerances[columns], _values(X, columns), estimator.predict(copy.deepcopy(X))
    np.testing.assert_array_equal(np.asarray(radii), decision.radii)
    np.testing.assert_array_equal(decision.classes[decision.class_indices], predicted)
    assert np.isfinite(radii).all()
    assert (radii >= 0).all()
    broken, changed = [], np.zeros(len(before), dtype=bool)

    def gradients(values):
        slopes = decision.margins_and_gradients(_placed(X, columns, values, True), decision.class_indices)[1]
        return np.asarray(slopes)[:, columns]

    def moved(way, factor, wide):
        values = before + factor * np.asarray(radii)[:, None] * way
        there = _placed(X, columns, values, wide)
        fits = np.isfinite(_values(there, columns)).all(axis=1)
        there = there if fits.all() else _placed(X, columns, np.where(fits[:, None], values, before), wide)
        return there, estimator.predict(there) != predicted

    rng = np.random.default_rng(0)
    straight = _steepest(gradients(before) if not step_lipschitz else rng.standard_normal(before.shape), norm, units)
    bent = straight
    if not step_lipschitz:
        bent = _steepest(gradients(before + 0.9 * np.asarray(radii)[:, None] * straight), norm, units)
    for way in (straight, bent, _steepest(rng.standard_normal(before.shape), norm, units)):
        for factor in (0.9, 1 - 1e-12, 1.0):
            for wide in (True, False):
                there, differs = moved(way, factor, wide)
                for row in np.flatnonzero(differs):
                    if _inside(before[row], _values(there, columns)[row], radii[row], norm, units):
                        broken.append(row)
        changed |= moved(way, stretch, True)[1]
    return broken, changed.mean()


def assert_withstands(estimator, X, reached=0.1, **options):
    """No change inside; and that the attack is able to change predictions, further out."""
    broken, share = attack(estimator, X, **options)
    assert not broken
    assert share >= reached
