"""Random transformers, not fitted: everything that has a constant, and what is built of such."""

import numpy as np
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.feature_selection import SelectKBest, SelectPercentile, VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from tests.fuzz import functions
from tests.fuzz.draws import chance, pick


def draw_leaf(rng, width, *, sparse=False, floats=True):
    """A single transformer of rows of ``width`` columns."""
    makers = _OF_SPARSE_ROWS if sparse else _MAKERS
    return pick(rng, *makers)(rng, width, floats)


def draw_chain(rng, width, draw_step):
    """A pipeline of steps, all but the last of which keep their columns."""
    steps = [(f"s{place}", pick(rng, *_SCALERS)(rng, width, True)) for place in range(int(rng.integers(0, 2)))]
    return Pipeline([*steps, ("last", draw_step())])


def _copies(rng):
    return not chance(rng, 0.35)


def _standard(rng, width, floats):
    return StandardScaler(copy=_copies(rng), with_mean=not chance(rng, 0.2), with_std=not chance(rng, 0.2))


def _min_max(rng, width, floats):
    limits = pick(rng, (0, 1), (-1, 1), (0.1, 0.7), (-1e3, 1e5))
    return MinMaxScaler(limits, copy=_copies(rng), clip=chance(rng, 0.5))


def _max_abs(rng, width, floats):
    clip = {"clip": chance(rng, 0.4)} if "clip" in MaxAbsScaler().get_params() else {}
    return MaxAbsScaler(copy=_copies(rng), **clip)


def _robust(rng, width, floats):
    return RobustScaler(
        copy=_copies(rng),
        with_centering=not chance(rng, 0.2),
        with_scaling=not chance(rng, 0.2),
        unit_variance=chance(rng, 0.3),
    )


def _pca(rng, width, floats):
    return PCA(int(rng.integers(1, width + 1)), whiten=chance(rng, 0.4), copy=_copies(rng), random_state=0)


def _incremental(rng, width, floats):
    return IncrementalPCA(int(rng.integers(1, width + 1)), whiten=chance(rng, 0.4), copy=_copies(rng))


def _svd(rng, width, floats):
    return TruncatedSVD(int(rng.integers(1, width + 1)), random_state=0)


def _selector(rng, width, floats):
    return pick(
        rng,
        VarianceThreshold(),
        SelectKBest(_spread, k=int(rng.integers(1, width + 1))),
        SelectPercentile(_spread, percentile=60),
    )


def _spread(X, y=None):
    """A score of each column that needs no labels."""
    return np.arange(X.shape[1], dtype=float)


def _imputer(rng, width, floats):
    return SimpleImputer(
        strategy=pick(rng, "mean", "median", "most_frequent"), copy=_copies(rng), add_indicator=chance(rng, 0.2)
    )


def _nothing(rng, width, floats):
    return pick(rng, FunctionTransformer(accept_sparse=True), "passthrough")


def _function(rng, width, floats):
    if not floats:
        return FunctionTransformer()
    return FunctionTransformer(pick(rng, *functions.CONSTANTS), validate=chance(rng, 0.7))


def _frozen(rng, width, floats):
    return FrozenEstimator(pick(rng, *_SCALERS)(rng, width, floats))


def _centred_not(step):
    return step.set_params(**{name: False for name in ("with_mean", "with_centering") if name in step.get_params()})


_SCALERS = (_standard, _min_max, _max_abs, _robust)
_MAKERS = (
    *_SCALERS,
    *_SCALERS,
    _pca,
    _pca,
    _incremental,
    _svd,
    _svd,
    _selector,
    _imputer,
    _nothing,
    _function,
    _frozen,
)
_OF_SPARSE_ROWS = (
    lambda rng, width, floats: _centred_not(_standard(rng, width, floats)),
    lambda rng, width, floats: _centred_not(_robust(rng, width, floats)),
    _max_abs, _svd, _svd, _selector, _imputer, _nothing,
)  # fmt: skip
