"""What scikit-learn's transformers compute: an affine map, and how many roundings it takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn import preprocessing
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import SimpleImputer

from sklip._compat import SELECTING
from sklip.pipelines._maps import Stage

ENCODERS = (preprocessing.OneHotEncoder, preprocessing.OrdinalEncoder, preprocessing.TargetEncoder)
"""Transformers of categories, between which there is no distance."""

_WITHOUT_CONSTANT = {
    preprocessing.Normalizer: "divides each row by its norm, so rows near 0 are moved apart without limit. A "
    "StandardScaler works on columns instead",
    preprocessing.QuantileTransformer: "jumps where values repeat in the training rows. A RobustScaler tames outliers "
    "with a constant",
    preprocessing.PowerTransformer: "is steeper the farther out a value lies. A RobustScaler tames outliers with a "
    "constant",
    preprocessing.PolynomialFeatures: "is steeper the larger the values are. The network learns interactions itself: "
    "leave the step out",
    preprocessing.SplineTransformer: "bends without a constant that sklip knows. The network learns curves itself: "
    "leave the step out",
    preprocessing.KBinsDiscretizer: "jumps at the edges of its bins. Leave the step out",
    preprocessing.Binarizer: "jumps at its threshold. Leave the step out",
    **dict.fromkeys(
        ENCODERS,
        "maps categories, between which there is no distance. Encode those columns in a ColumnTransformer: they are "
        "then held fixed, and the radius is about the others",
    ),
}


@dataclass(frozen=True)
class Affine:
    """The map ``A z + c`` that a step means, and the rounding with which it computes it.

    ``|computed − (A z + c)| ≤ γ_operations (|A| |z| + offset)``, entry by entry, in the coarsest precision of the
    step's input, output and parameters. No operations: the step copies values. What it divides by must
    be of a normal size in that precision; other parameters may underflow. Before the result, sums are at most
    ``inner (|A| |z| + offset)`` in size; where it subtracts a center first, ``|z| + |center|`` occurs, too.
    """

    stage: Stage
    offset: np.ndarray
    operations: int
    parameters: Sequence[np.ndarray] = ()
    divisors: Sequence[np.ndarray] = ()
    clips: bool = False
    inner: float = 1.0
    center: np.ndarray | None = None

    @classmethod
    def scaling(cls, factors, offset, parameters=(), *, roundings=0, **options) -> "Affine":
        """Each column times a factor, plus a constant."""
        # A cast of each parameter, a subtraction, a reciprocal, a product: 8 is more than any version does.
        matrix = sparse.diags_array(np.asarray(factors, dtype=np.float64))
        return cls(Stage.of(matrix, roundings), offset, 8, parameters, **options)

    @classmethod
    def division(cls, scale, center, *, clips=False) -> "Affine":
        """Each column minus its center, over its scale."""
        divisor = np.float64(scale)  # float32 would round its reciprocal more coarsely
        offset = np.abs(np.float64(center) / divisor)
        options = {"divisors": (scale,), "roundings": 1, "clips": clips, "center": center}
        return cls.scaling(1.0 / divisor, offset, (center, scale), **options)

    @classmethod
    def exact(cls, columns, width) -> "Affine":
        """The given columns, unchanged."""
        matrix = sparse.eye_array(width, format="csr")[np.asarray(columns, dtype=np.intp)]
        return cls(Stage.of(matrix), np.zeros(matrix.shape[0]), 0)


def affine_map(step, width: int, *, sparse_rows: bool = False) -> Affine | None:
    """The affine map of a fitted transformer of ``width`` columns; None for one that sklip does not know.

    Types are compared exactly: a subclass may compute anything. Some steps compute another thing of sparse rows.
    """
    kind = type(step)
    if is_selector(step):
        return Affine.exact(np.flatnonzero(step.get_support()), width)  # as its transform takes them
    if is_identity(step):
        return Affine.exact(np.arange(width), width)
    if kind is preprocessing.StandardScaler and sparse_rows:
        return _standard_of_sparse_rows(step, width)
    return _READERS[kind](step, width) if kind in _READERS else None


def is_known(step) -> bool:
    """Whether sklip knows a type of transformer. Unless it works in place, it returns new arrays."""
    return type(step) in _READERS or is_selector(step)


def has_map(step) -> bool:
    """Whether :func:`affine_map` knows the map of a transformer, once it is fitted."""
    return is_identity(step) or (is_known(step) and not (type(step) is SimpleImputer and not _fills_nan(step)))


def is_selector(step) -> bool:
    """Whether a transformer selects columns as scikit-learn's selectors do, whatever decides which."""
    kind = type(step)
    return isinstance(step, SelectorMixin) and all(
        getattr(kind, name, None) is getattr(SelectorMixin, name, None) for name in SELECTING
    )


def is_identity(step) -> bool:
    """Whether a transformer returns its input."""
    return type(step) is preprocessing.FunctionTransformer and step.func is None


def is_encoder(step) -> bool:
    """Whether a transformer is one of scikit-learn's of categories itself, and no subclass."""
    return type(step) in ENCODERS


def why_not(step) -> str:
    """Why there is no constant for a step that :func:`affine_map` does not know, and what would work."""
    for kind, reason in _WITHOUT_CONSTANT.items():
        if isinstance(step, kind):
            return f"has no Lipschitz constant: it {reason}"
    if type(step) is SimpleImputer:
        return (
            f"has no Lipschitz constant: it jumps at its missing_values={step.missing_values!r}. Use "
            "missing_values=nan, and certify rows that are complete"
        )
    return "has no Lipschitz constant that sklip knows"


def _standard(step, width):
    center = step.mean_ if step.with_mean else np.zeros(width)
    if not step.with_std:
        return Affine.scaling(np.ones(width), np.abs(center), (center,), center=center)
    return Affine.division(np.broadcast_to(step.scale_, width), center)


def _standard_of_sparse_rows(step, width):
    """It divides them by what ``fit`` found, whatever ``with_std`` is now."""
    return (
        Affine.exact(np.arange(width), width) if step.scale_ is None else Affine.division(step.scale_, np.zeros(width))
    )


def _robust(step, width):
    center = step.center_ if step.with_centering else np.zeros(width)
    scale = np.broadcast_to(step.scale_ if step.with_scaling else 1.0, width)
    return Affine.division(scale, center)


def _min_max(step, width):
    limits = np.array(step.feature_range, dtype=np.float64)
    # The limits of a clip are rounded to the dtype of the rows.
    offset = np.abs(np.float64(step.min_)) + (np.abs(limits).max() if step.clip else 0.0)
    factors = np.broadcast_to(step.scale_, width)
    return Affine.scaling(factors, offset, (step.scale_, step.min_, limits), clips=step.clip)


def _max_abs(step, width):
    clips = getattr(step, "clip", False)  # since scikit-learn 1.8
    return Affine.division(np.broadcast_to(step.scale_, width), np.zeros(width), clips=clips)


def _components(step, width):
    kind = type(step)
    center = None if kind is TruncatedSVD else step.mean_
    center = np.zeros(width) if center is None else np.abs(np.float64(center))
    components, parameters = np.float64(step.components_), (step.components_, center)
    offset, roundings, divisors, inner = np.abs(components) @ center, 0, (), 1.0
    if kind is not TruncatedSVD and step.whiten:
        # As the step itself computes it, bit for bit: this divisor defines the map.
        scale = np.sqrt(step.explained_variance_)
        scale[scale < np.finfo(scale.dtype).eps] = np.finfo(scale.dtype).eps
        components, offset = components / np.float64(scale)[:, None], offset / np.float64(scale)
        parameters, roundings, divisors = (*parameters, scale), 1, (scale,)
        inner = max(1.0, float(scale.max(initial=0.0)))  # the division comes last
    operations = 2 * width + 8
    return Affine(Stage.of(components, roundings), offset, operations, parameters, divisors, inner=inner, center=center)


def _fills_nan(imputer):
    return isinstance(imputer.missing_values, float) and np.isnan(imputer.missing_values)


def _imputer(step, width):
    if not _fills_nan(step):
        return None
    empty = np.array([value != value for value in step.statistics_], dtype=bool)
    matrix = sparse.eye_array(width, format="csr")[np.flatnonzero(~empty | step.keep_empty_features)]
    if step.add_indicator:  # 0 on rows that are complete
        matrix = sparse.vstack([matrix, sparse.csr_array((step.indicator_.features_.size, width))])
    return Affine(Stage.of(matrix), np.zeros(matrix.shape[0]), 0)


_READERS = {
    preprocessing.StandardScaler: _standard,
    preprocessing.RobustScaler: _robust,
    preprocessing.MinMaxScaler: _min_max,
    preprocessing.MaxAbsScaler: _max_abs,
    PCA: _components,
    IncrementalPCA: _components,
    TruncatedSVD: _components,
    SimpleImputer: _imputer,
}
