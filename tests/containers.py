"""Objects that hold rows and speak one protocol alone."""

import numpy as np


class NumpyArray:
    """What has ``__array__`` and nothing else."""

    def __init__(self, array):
        self._array = array

    def __array__(self, dtype=None, copy=None):
        return np.array(self._array, dtype=dtype)


class ArrayInterface:
    """What has ``__array_interface__`` and nothing else."""

    def __init__(self, array):
        self._array = array  # which owns the memory
        self.__array_interface__ = array.__array_interface__


class Arrow:
    """What has ``__arrow_c_stream__`` and nothing else."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


class Interchange:
    """What has ``__dataframe__`` and nothing else."""

    def __init__(self, frame):
        self._frame = frame

    def __dataframe__(self, nan_as_null=False, allow_copy=True):
        return self._frame.__dataframe__(nan_as_null, allow_copy)
