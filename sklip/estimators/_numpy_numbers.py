"""Conversion of parameters that are NumPy numbers."""

from typing import Any

import numpy as np


def python_number(value: Any) -> Any:
    """Convert a NumPy number to a Python number: numbers of 8 and 16 bits overflow in computations."""
    if isinstance(value, np.floating):  # the item of a long double is a long double
        return float(value)
    return value.item() if isinstance(value, np.integer | np.bool_) else value
