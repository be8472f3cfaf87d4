"""How an array lies in memory: each of these holds the same numbers."""

import numpy as np


def contiguous(array, file):
    return np.array(array)


def _fortran(array, file):
    return np.asfortranarray(array)


def _strided(array, file):
    room = np.zeros((2 * array.shape[0] + 1, 3 * array.shape[1] + 1), dtype=array.dtype)
    view = room[1::2, 1::3][: array.shape[0], : array.shape[1]]
    view[:] = array
    return view


def _reversed(array, file):
    return np.array(array[::-1, ::-1])[::-1, ::-1]


def _read_only(array, file):
    array = np.array(array)
    array.flags.writeable = False
    return array


def _read_only_view(array, file):
    view = np.array(array)[:]
    view.flags.writeable = False  # of memory that can be written to
    return view


def _unaligned(array, file):
    if array.dtype.hasobject:
        return np.array(array)
    room = np.zeros(array.nbytes + 1, dtype=np.uint8)
    view = room[1:].view(array.dtype).reshape(array.shape)
    view[:] = array
    return view


def _mapped(array, file):
    if array.dtype.hasobject or array.dtype.kind == "V":
        return np.array(array)
    np.asarray(array).tofile(file)
    return np.memmap(file, dtype=array.dtype, mode="r", shape=array.shape)


def _mapped_writeable(array, file):
    if array.dtype.hasobject or array.dtype.kind == "V":
        return np.array(array)
    np.asarray(array).tofile(file)
    return np.memmap(file, dtype=array.dtype, mode="c", shape=array.shape)


LAYOUTS = {
    "Fortran": _fortran,
    "strided": _strided,
    "reversed": _reversed,
    "read-only": _read_only,
    "read-only view": _read_only_view,
    "unaligned": _unaligned,
    "mapped": _mapped,
    "mapped copy-on-write": _mapped_writeable,
}
