"""Numbers of NumPy's types that are given as parameters."""

from typing import Any

import numpy as np


def python_number(value: Any) -> Any:
    """A number of NumPy as one of Python: those of 8 and 16 bits overflow where they are computed with."""
    if isinstance(value, np.floating):  # the item of a long double is a long double
        return float(value)
    return value.item() if isinstance(value, np.integer | np.bool_) else value
