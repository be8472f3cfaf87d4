"""Directed rounding, proven norms, exact products: the lowest layer of sklip, in NumPy alone."""

from sklip.arithmetic.polar import polar_factor, unit_columns, unit_rows

__all__ = ["polar_factor", "unit_columns", "unit_rows"]
