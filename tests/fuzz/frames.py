"""Data frames of pandas and polars with columns of every dtype of numbers."""

import numpy as np

_PLAIN = {
    "Float64": "f8", "Float32": "f4", "Int8": "i1", "Int64": "i8", "UInt16": "u2", "boolean": "bool",
    "double[pyarrow]": "f8", "float[pyarrow]": "f4", "halffloat[pyarrow]": "f2", "int16[pyarrow]": "i2",
    "Int32": "i4", "UInt8": "u1", "Boolean": "bool", "Float16": "f2",
}  # fmt: skip


def plain(dtype):
    """The NumPy dtype of what a column holds."""
    return np.dtype(_PLAIN.get(dtype, dtype))


_TEXTS = np.array(["north", "east", "south", "west"])


def as_text(codes):
    """Categories by name."""
    return _TEXTS[np.asarray(codes).astype(int)]


def as_numbers(column):
    """A column of numbers, or the codes of its categories, as float64."""
    try:
        return np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError):
        return np.array([_TEXTS.tolist().index(text) for text in column], dtype=np.float64)


class Pandas:
    dtypes = (
        "float64", "float64", "float32", "float16", "int8", "int64", "uint8", "bool", "object", "Float64", "Float32",
        "Int8", "Int64", "boolean", "double[pyarrow]", "float[pyarrow]", "int16[pyarrow]",
    )  # fmt: skip

    @staticmethod
    def frame(columns, dtypes):
        import pandas

        frame = pandas.DataFrame(columns)
        numbers = {name: dtype for name, dtype in dtypes.items() if columns[name].dtype.kind != "U"}
        return frame.astype(numbers) if numbers else frame


class Polars:
    dtypes = ("Float64", "Float64", "Float32", "Int8", "Int32", "Int64", "UInt8", "Boolean")

    @staticmethod
    def frame(columns, dtypes):
        import polars

        def series(name, column):
            if column.dtype.kind == "U":
                return polars.Series(name, column.tolist())
            return polars.Series(name, column, dtype=getattr(polars, dtypes.get(name, "Float64")))

        return polars.DataFrame([series(name, column) for name, column in columns.items()])
