"""``t (f − g + m)`` and its rounding error, which an exponential would magnify."""

import numpy as np

# Splits a significand in two halves (Veltkamp).
_SPLITTERS = {"float32": 2.0**12 + 1.0, "float64": 2.0**27 + 1.0}


def hold(xp, values):
    """Return the values as constants, of which gradients are 0."""
    return xp.stop_gradient(values) if hasattr(xp, "stop_gradient") else values


def exact_logits(xp, first, second, temperature, margin_offset):
    """Compute ``t (first − second + m)`` with its rounding error, by Knuth's sum and Dekker's product.

    Parameters
    ----------
    xp : numpy or keras.ops
    first, second : arrays of one shape, or that broadcast
    temperature, margin_offset : float or scalar array
        The t and m of the formula; all bits of a float are used.

    Returns
    -------
    logits : array
        In the dtype of the scores.
    rounding : array
        The correction of the logits: the sum of both is exact up to the square of the rounding. It is 0 in other
        dtypes than float32 and float64, and for logits of 1e3 and more in size.
    """
    dtype = str(getattr(first.dtype, "name", first.dtype))
    if dtype not in _SPLITTERS:
        return temperature * (first - second + margin_offset), 0.0 * first
    t, t_low = _rounded(temperature, dtype)
    m, m_low = _rounded(margin_offset, dtype)
    difference, low = _sum(first, -second)
    difference, more = _sum(difference, m + 0.0 * first)
    logits, rounding = _product(difference, t + 0.0 * first, _SPLITTERS[dtype])
    # m_low is added as an array: a graph optimizer would merge a constant with an earlier one, and lose it.
    rounding = rounding + t * (low + more + (m_low + 0.0 * first)) + t_low * difference
    # Below 1e3, where it matters, it is small enough to equal the relative change of the exponential.
    return logits, hold(xp, xp.where(xp.abs(logits) < 1e3, rounding, 0.0))


def _rounded(number, dtype):
    """A number rounded to the dtype, and the remainder; an array is returned as it is."""
    if not isinstance(number, (int, float)):
        return number, 0.0
    rounded = float(np.dtype(dtype).type(number))
    return rounded, number - rounded


def _sum(a, b):
    """``a + b`` rounded, and the error (Knuth)."""
    total = a + b
    rest = total - a
    return total, (a - (total - rest)) + (b - rest)


def _product(a, b, splitter):
    """``a · b`` rounded, and the error (Dekker)."""
    product = a * b
    a_high = splitter * a - (splitter * a - a)
    b_high = splitter * b - (splitter * b - b)
    a_low, b_low = a - a_high, b - b_high
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
