"""Directed rounding, proven norms, exact products: NumPy alone, and below everything else."""

from sklip.arithmetic.polar import polar_factor

__all__ = ["polar_factor"]
