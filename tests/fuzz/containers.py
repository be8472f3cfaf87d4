"""What may hold rows: arrays of every dtype, order and layout, lists, data frames, sparse matrices, mapped files.

A container makes an object of float64 values, rounded as its dtypes must, and reads the values of an object again.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.fuzz import frames, layouts, sparse_rows
from tests.fuzz.draws import chance, pick

_FLOATS = ("f8", "f8", "f8", "f8", "f4", "f4", "f4", "f2", ">f8", ">f4", ">f2", "g", ">g", "object")
_INTEGERS = (*(order + kind + size for order in "<>" for kind in "iu" for size in "1248"), "bool")
_SMALL = ("bfloat16", "float8_e4m3fn", "float8_e5m2", "int4")


@dataclass(frozen=True)
class Container:
    """A way to hold rows.

    Attributes
    ----------
    name : str
    make : callable
        From values, float64 of shape (n_rows, width), to an object that nobody else holds.
    readings : callable
        From an object to a list of float64 arrays: what its rows may be taken to be. More than one where entries are
        stored in parts.
    wide : callable
        As ``make``, but in float64.
    limits : tuple
        The smallest normal and the largest float, or the smallest and the largest integer.
    integer : bool
    sparse : bool
    names : list or None
        Of the columns, for frames.
    floats : bool
        Whether rows are arrays of float64 or float32, or lists, which become such.
    """

    name: str
    make: Callable
    readings: Callable
    wide: Callable
    limits: tuple
    integer: bool = False
    sparse: bool = False
    names: list | None = None
    floats: bool = False


def draw_container(rng, width, folder, texts=()):
    """A random container of rows of ``width`` columns.

    Parameters
    ----------
    rng : numpy.random.Generator
    width : int
    folder : str
        Where mapped files go.
    texts : sequence of int
        Columns that hold the codes of categories, which frames hold as text.
    """
    kind = pick(rng, *["array"] * 6, "list", "pandas", "pandas", "polars", "sparse", "sparse")
    if kind == "array":
        return _array(rng, folder)
    if kind == "list":
        return Container("list", np.ndarray.tolist, _as_float64, np.ndarray.tolist, _limits("f8"), floats=True)
    if kind == "sparse":
        return _sparse(rng)
    return _frame(rng, kind, width, texts if chance(rng, 0.7) else ())


def _array(rng, folder):
    text = pick(rng, *_FLOATS, *_FLOATS, *_INTEGERS, *_SMALL)
    try:
        dtype = small_dtype(text) if text in _SMALL else np.dtype(text)
    except ImportError:
        dtype = np.dtype("f8")
    layout = pick(rng, "C", "C", "C", *layouts.LAYOUTS)
    arrange = layouts.LAYOUTS.get(layout, layouts.contiguous)

    def make(values):
        return arrange(_cast(values, dtype), _file_in(folder))

    def wide(values):
        return arrange(np.array(values, dtype=object if dtype.hasobject else np.float64), _file_in(folder))

    integer = dtype.kind in "iub" or text == "int4"
    return Container(
        f"{layout} {dtype.str} {dtype.name}",
        make,
        _as_float64,
        wide,
        _limits(dtype),
        integer,
        floats=dtype in (np.float64, np.float32),
    )


def small_dtype(name):
    """A dtype of the package ml_dtypes, which comes with TensorFlow."""
    import ml_dtypes

    return np.dtype(getattr(ml_dtypes, name))


def _file_in(folder):
    return tempfile.NamedTemporaryFile(dir=folder, delete=False).name


def _sparse(rng):
    dtype = np.dtype(pick(rng, "f8", "f8", "f4", "i1", "i2", "i4", "i8", "u1"))
    shape = pick(rng, *sparse_rows.FORMS)
    parts = pick(rng, "whole", "whole", "explicit zeros", "unsorted", "halves", "cancelling")
    build = sparse_rows.builder(shape, parts if dtype.kind == "f" else "whole")
    return Container(
        f"{shape} {dtype.name} {parts}",
        lambda values: build(_cast(values, dtype)),
        sparse_rows.readings,
        lambda values: build(np.array(values)),
        _limits(dtype),
        dtype.kind in "iu",
        sparse=True,
    )


def _frame(rng, kind, width, texts):
    library = frames.Pandas if kind == "pandas" else frames.Polars
    dtypes = [pick(rng, *library.dtypes)] * width
    if chance(rng, 0.4):
        dtypes = [pick(rng, *library.dtypes) for _ in range(width)]
    names = [f"c{column}" for column in range(width)]
    plain = [frames.plain(dtype) for dtype in dtypes]

    def columns(values, cast):
        table = np.array(values).T.copy()
        return {
            name: frames.as_text(column) if place in texts else cast(column, plain[place])
            for place, (name, column) in enumerate(zip(names, table, strict=True))
        }

    low, high, whole = _common_limits(plain)
    return Container(
        f"{kind} {' '.join(map(str, sorted(set(dtypes))))}{' text' if texts else ''}",
        lambda values: library.frame(columns(values, _cast), dict(zip(names, dtypes, strict=True))),
        lambda rows: [np.stack([frames.as_numbers(rows[name]) for name in names], axis=1)],
        lambda values: library.frame(columns(values, lambda column, dtype: column), {}),
        (low, high),
        whole,
        names=names,
    )


def _common_limits(dtypes):
    """Limits of values that columns of all these dtypes hold, and whether they are all whole."""
    integer = [dtype.kind in "iub" for dtype in dtypes]
    limits = [_limits(dtype) for dtype in dtypes]
    if all(integer):
        return max(low for low, _ in limits), min(high for _, high in limits), True
    smallest = max(low for (low, _), each in zip(limits, integer, strict=True) if not each)
    return smallest, min(high for _, high in limits), False


def _cast(values, dtype):
    """Values of a dtype: floats rounded, integers rounded and kept within their limits."""
    if dtype.hasobject:
        return np.array(values, dtype=object)
    if dtype.kind == "b":
        return values > 0.5
    if dtype.kind in "iu" or dtype.name == "int4":
        low, high = _limits(dtype)
        values = np.clip(np.rint(np.where(np.isnan(values), 0.0, values)), low, high)
        if dtype.name == "int4":
            return values.astype(np.int8).astype(dtype)
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(values).astype(dtype)


def _limits(dtype):
    dtype = np.dtype(dtype)
    if dtype.hasobject or dtype.char == "g":
        dtype = np.dtype("f8")
    if dtype.kind == "b":
        return 0.0, 1.0
    if dtype.name == "int4":
        return -8.0, 7.0
    if dtype.kind in "iu":
        low, high = (float(bound) for bound in (np.iinfo(dtype).min, np.iinfo(dtype).max))
        return low, np.nextafter(high, 0) if high >= 2.0**53 else high  # the largest float64 that the dtype holds
    if dtype.char in "efdg":
        return float(np.finfo(dtype).smallest_normal), float(np.finfo(dtype).max)
    import ml_dtypes

    return float(ml_dtypes.finfo(dtype).smallest_normal), float(ml_dtypes.finfo(dtype).max)


def _as_float64(rows):
    return [np.asarray(rows).astype(np.float64)]
