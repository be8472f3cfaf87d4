"""The weights of a ColumnTransformer's or a FeatureUnion's branches."""

from dataclasses import replace

import numpy as np
from sklearn.utils import _safe_indexing

from sklip.arithmetic.rounding import product_above
from sklip.pipelines._places import Place
from sklip.pipelines._plan import Branch, Branches
from sklip.pipelines._precision import dtypes_of, form_of, kinds_of, precision
from sklip.pipelines._refusals import refuse
from sklip.pipelines._rounding import Rounding
from sklip.pipelines._run import Batch, Run
from sklip.pipelines._steps import Affine


def weighted(branch: Branch, node: Branches, batch: Batch, run: Run) -> Batch:
    """A branch times its weight, in the arithmetic of the branch's own types.

    Raises
    ------
    NotLipschitzError
        For a weight that is not a number, and for products that may wrap around or round in an unknown way.
    """
    if branch.weight is None or not batch.place.width:
        return batch
    key = branch, batch.place, form_of(batch.values)
    place, rounding = run.keep(key, lambda: _product(run.parts[node.number], node.path, branch, batch))
    error, _, room = rounding.bounds(batch) if rounding else (batch.error, None, batch.room)
    # The values are yet to be multiplied; the product is a new array.
    return replace(batch, place=place, error=error, room=room, is_shared=False)


def _product(step, path, branch, batch):
    """The place behind the product, and its rounding; None where the columns are fixed, which have no error."""
    weight, place, number = branch.weight, batch.place, np.asarray(branch.weight)
    if number.ndim or number.dtype.kind not in "biuf" or float(number[()]) != number[()]:
        refuse(step, path, f"has the transformer_weights[{branch.name!r}] {weight!r}, which is not a number of "
               "float64. Make it a float", False)  # fmt: skip
    factor = float(number[()])
    affine = Affine.scaling(np.full(place.width, factor), np.zeros(place.width), (factor,))
    scaled, lipschitz = place.map.then(affine.stage), product_above(abs(factor), place.lipschitz)
    if place.is_fixed:
        return Place(scaled, lipschitz, place.error_lipschitz, True), None
    given = kinds_of(batch.values)
    if "object" in given:
        refuse(step, path, f"multiplies objects by {weight}, each in its own type. Convert X to numbers", False)
    if "other" in given:
        types = ", ".join(sorted({str(dtype) for dtype in dtypes_of(batch.values)}))
        refuse(step, path, f"multiplies {types} by {weight}. Convert X to float64", False)
    product = _first_row(batch.values) * weight
    if "integer" in given & kinds_of(product) and factor not in (0.0, 1.0):
        refuse(step, path, f"multiplies integers by {weight}, which may wrap around. Make it a float", False)
    rounding = Rounding.of(affine, place, precision(product, batch.values, number))
    return Place(scaled, lipschitz, rounding.error_lipschitz), rounding


def _first_row(values):
    return values[:1] if not hasattr(values, "iloc") else _safe_indexing(values, [0])
