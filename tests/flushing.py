"""Threads that replace subnormal numbers by zero, as those of many libraries do."""

import ctypes
import platform
import sys
from concurrent.futures import ThreadPoolExecutor

CAN_FLUSH = sys.platform == "linux" and platform.machine() == "x86_64"
_RESULTS_AND_OPERANDS = 0x8040


def in_flushing_thread(function, *arguments, **named):
    """What a function returns in a thread that flushes results and operands."""
    with ThreadPoolExecutor(1, initializer=_flush) as pool:
        return pool.submit(function, *arguments, **named).result()


def _flush():
    library = ctypes.CDLL("libm.so.6")
    environment = (ctypes.c_uint32 * 8)()  # the last of these words is the register that says so
    library.fegetenv(environment)
    environment[7] |= _RESULTS_AND_OPERANDS
    library.fesetenv(environment)
