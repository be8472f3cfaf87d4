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


class Pandas:
    dtypes = (
        "float64", "float64", "float32", "float16", "int8", "int64", "uint8", "bool", "object", "Float64", "Float32",
        "Int8", "Int64", "boolean", "double[pyarrow]", "float[pyarrow]", "int16[pyarrow]",
    )  # fmt: skip

    @staticmethod
    def frame(columns, dtypes):
        import pandas

        frame = pandas.DataFrame(columns)
        return frame if dtypes is None else frame.astype(dict(zip(columns, dtypes, strict=True)))


class Polars:
    dtypes = ("Float64", "Float64", "Float32", "Int8", "Int32", "Int64", "UInt8", "Boolean")

    @staticmethod
    def frame(columns, dtypes):
        import polars

        types = dtypes or ["Float64"] * len(columns)
        return polars.DataFrame(
            [
                polars.Series(name, column, dtype=getattr(polars, dtype))
                for (name, column), dtype in zip(columns.items(), types, strict=True)
            ]
        )
