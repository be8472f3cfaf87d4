"""What steps and networks mean, in rational arithmetic: values and gradients in the raw columns, without any rounding.

A number is a pair of its value and its gradient, a tuple with one slope for each raw column.
"""

from fractions import Fraction

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.feature_selection import SelectorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from sklip import served


def raw(row):
    """The columns of a row, each with a slope of 1 in itself."""
    return [
        (Fraction(value), tuple(Fraction(int(place == column)) for place in range(len(row))))
        for column, value in enumerate(np.asarray(row, dtype=np.float64).tolist())
    ]


def combined(factors, numbers, constant=0):
    """The sum of numbers times factors, and a constant."""
    value, slopes = Fraction(constant), [Fraction(0)] * len(numbers[0][1])
    for factor, (each, gradient) in zip(factors, numbers, strict=True):
        if factor:
            value += factor * each
            slopes = [slope + factor * part for slope, part in zip(slopes, gradient, strict=True)]
    return value, tuple(slopes)


def scores(network, numbers):
    """Scores of a served network."""
    for operation in network.operations:
        numbers = _after(operation, numbers)
    return numbers


def _after(operation, numbers):
    if isinstance(operation, served.Center):
        return [
            combined([1], [number], -Fraction(c)) for number, c in zip(numbers, operation.center.tolist(), strict=True)
        ]
    if isinstance(operation, served.Scale):
        return [combined([Fraction(operation.factor)], [number]) for number in numbers]
    if isinstance(operation, served.Diagonal):
        factors = operation.factors.tolist()
        return [combined([Fraction(factor)], [number]) for factor, number in zip(factors, numbers, strict=True)]
    if isinstance(operation, served.Dense):
        return [
            combined([Fraction(weight) for weight in column], numbers, Fraction(offset))
            for column, offset in zip(operation.kernel.T.tolist(), operation.bias.tolist(), strict=True)
        ]
    return _activated(operation, numbers)


def _activated(operation, units):
    width = len(units)
    if isinstance(operation, served.Relu):
        return [unit if unit[0] > 0 else _still(unit, 0) for unit in units]
    if isinstance(operation, served.Abs):
        return [unit if unit[0] >= 0 else combined([-1], [unit]) for unit in units]
    if isinstance(operation, served.MaxMin):
        pairs = [sorted(pair, key=_value) for pair in zip(units[: width // 2], units[width // 2 :], strict=True)]
        return [high for _, high in pairs] + [low for low, _ in pairs]
    size = operation.n if isinstance(operation, served.GroupSort) else width
    groups = [sorted(units[first :: width // size], key=_value) for first in range(width // size)]
    return [group[rank] for rank in range(size) for group in groups]


def _value(number):
    return number[0]


def _still(number, value):
    return Fraction(value), (Fraction(0),) * len(number[1])


class Unknown(Exception):
    """A step of which this module does not know what it means."""


def through(step, numbers):
    """Numbers after a fitted step.

    Raises
    ------
    Unknown
        For steps that have no formula here.
    """
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return numbers
    if isinstance(step, FrozenEstimator):
        return through(step.estimator, numbers)
    if isinstance(step, Pipeline):
        for _, inner in step.steps:
            numbers = through(inner, numbers)
        return numbers
    if isinstance(step, FeatureUnion):
        branches = [(name, inner, numbers) for name, inner in step.transformer_list if inner != "drop"]
        return _side_by_side(step, branches)
    if isinstance(step, ColumnTransformer):
        taken = step._transformer_to_input_indices
        branches = [
            (name, inner, [numbers[column] for column in taken[name]])
            for name, inner, _ in step.transformers_
            if not (isinstance(inner, str) and inner == "drop") and len(taken[name])
        ]
        return _side_by_side(step, branches)
    if isinstance(step, SelectorMixin):
        return [numbers[column] for column in step.get_support(indices=True)]
    formula = _FORMULAS.get(type(step))
    if formula is None:
        raise Unknown(type(step).__name__)
    return formula(step, numbers)


def _side_by_side(step, branches):
    joined = []
    for name, inner, columns in branches:
        weight = (step.transformer_weights or {}).get(name)
        after = through(inner, columns)
        joined += after if weight is None else [combined([exactly(weight)], [number]) for number in after]
    return joined


def exactly(number):
    """A real number of whatever type as a fraction."""
    number = np.asarray(number)[()]
    if isinstance(number, np.longdouble):
        return Fraction(*number.as_integer_ratio())
    return Fraction(number.item() if hasattr(number, "item") else number)


def _fractions(array):
    return [exactly(entry) for entry in np.asarray(array).ravel()]


def _scaled(numbers, centers, scales):
    return [
        combined([1 / scale], [number], -center / scale)
        for number, center, scale in zip(numbers, centers, scales, strict=True)
    ]


def _standard(step, numbers):
    nothing, ones = [Fraction(0)] * len(numbers), [Fraction(1)] * len(numbers)
    return _scaled(
        numbers,
        _fractions(step.mean_) if step.with_mean else nothing,
        _fractions(step.scale_) if step.with_std and step.scale_ is not None else ones,
    )


def _robust(step, numbers):
    nothing, ones = [Fraction(0)] * len(numbers), [Fraction(1)] * len(numbers)
    return _scaled(
        numbers,
        _fractions(step.center_) if step.with_centering else nothing,
        _fractions(step.scale_) if step.with_scaling else ones,
    )


def _max_abs(step, numbers):
    scaled = _scaled(numbers, [Fraction(0)] * len(numbers), _fractions(step.scale_))
    return [_clipped(number, -1, 1) for number in scaled] if getattr(step, "clip", False) else scaled


def _min_max(step, numbers):
    low, high = (Fraction(limit) for limit in step.feature_range)
    scaled = [
        combined([scale], [number], offset)
        for scale, offset, number in zip(_fractions(step.scale_), _fractions(step.min_), numbers, strict=True)
    ]
    return [_clipped(number, low, high) for number in scaled] if step.clip else scaled


def _clipped(number, low, high):
    return number if low < number[0] < high else _still(number, min(max(number[0], low), high))


def _components(step, numbers):
    center = getattr(step, "mean_", None)
    center = [Fraction(0)] * len(numbers) if center is None else _fractions(center)
    scale = [Fraction(1)] * len(step.components_)
    if getattr(step, "whiten", False):
        deviations = np.sqrt(step.explained_variance_)
        deviations[deviations < np.finfo(deviations.dtype).eps] = np.finfo(deviations.dtype).eps
        scale = _fractions(deviations)
    centred = [combined([1], [number], -middle) for number, middle in zip(numbers, center, strict=True)]
    return [
        combined([factor / divisor for factor in _fractions(row)], centred)
        for row, divisor in zip(step.components_, scale, strict=True)
    ]


def _imputed(step, numbers):
    kept = [
        number
        for number, filling in zip(numbers, step.statistics_, strict=True)
        if filling == filling or step.keep_empty_features
    ]
    missing = step.indicator_.features_.size if step.add_indicator else 0
    return kept + [_still(numbers[0], 0)] * missing


def _function(step, numbers):
    if step.func is not None:
        raise Unknown(step.func.__name__)
    return numbers


_FORMULAS = {
    StandardScaler: _standard,
    RobustScaler: _robust,
    MaxAbsScaler: _max_abs,
    MinMaxScaler: _min_max,
    PCA: _components,
    IncrementalPCA: _components,
    TruncatedSVD: _components,
    SimpleImputer: _imputed,
    FunctionTransformer: _function,
}
