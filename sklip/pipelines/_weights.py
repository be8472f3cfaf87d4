"""The weights of a ColumnTransformer's or a FeatureUnion's branches."""

from dataclasses import replace

import numpy as np

from sklip._compat import safe_indexing
from sklip.arithmetic.rounding import product_above
from sklip.pipelines._point import Point, refuse
from sklip.pipelines._precision import dtypes_of, kinds_of, precision
from sklip.pipelines._rounding import rounding
from sklip.pipelines._steps import Affine


def weighted(point: Point, step, name: str, path: tuple[str, ...]) -> Point:
    """A branch times its weight, in the arithmetic of the branch's own types.

    Raises
    ------
    NotLipschitzError
        For a weight that is not a number, and for products that may wrap around or round in an unknown way.
    """
    weight = (step.transformer_weights or {}).get(name)
    if weight is None or not point.width:
        return point
    _refuse_unless_number(step, name, path, weight)
    number = np.asarray(weight)[()]
    factor, given = float(number), kinds_of(point.values)
    if not point.constant:
        if "object" in given:
            refuse(step, path, f"multiplies objects by {weight}, each in its own type. Convert X to numbers", False)
        if "other" in given:
            types = ", ".join(sorted({str(dtype) for dtype in dtypes_of(point.values)}))
            refuse(step, path, f"multiplies {types} by {weight}. Convert X to float64", False)
        product = _first_row(point.values) * weight
        if "integer" in given & kinds_of(product) and factor not in (0.0, 1.0):
            refuse(step, path, f"multiplies integers by {weight}, which may wrap around. Make it a float", False)
        affine = Affine.scaling(np.full(point.width, factor), np.zeros(point.width), (factor,))
        rounded = rounding(affine, point, precision(product, point.values, np.asarray(number)))
        point = replace(point, error=rounded.error, growth=rounded.growth, room=rounded.room)
    scaled = point.map.then(Affine.scaling(np.full(point.width, factor), np.zeros(point.width)).stage)
    unknown, reach = np.full(point.width, -1), product_above(abs(factor), point.reach)
    # A product is a new array.
    return replace(point, map=scaled, sources=unknown, reach=reach, shared=False, weight=factor)


def _refuse_unless_number(step, name, path, weight):
    number = np.asarray(weight)
    if number.ndim or number.dtype.kind not in "biuf" or float(number[()]) != number[()]:
        refuse(step, path, f"has the transformer_weights[{name!r}] {weight!r}, which is not a number of float64. "
               "Make it a float", False)  # fmt: skip


def _first_row(values):
    return values[:1] if not hasattr(values, "iloc") else safe_indexing(values, [0])
