"""Affine functions of a few variables with rational coefficients: tuples of the slopes and, last, the constant."""

from fractions import Fraction

Affine = tuple[Fraction, ...]


def combined(factors, functions, constant) -> Affine:
    """The sum of functions times factors, and a constant."""
    total = [Fraction(0)] * len(functions[0])
    for factor, function in zip(factors, functions, strict=True):
        if factor:
            total = [part + factor * coefficient for part, coefficient in zip(total, function, strict=True)]
    return (*total[:-1], total[-1] + constant)


def times(factor, function: Affine) -> Affine:
    return tuple(factor * coefficient for coefficient in function)


def difference(first: Affine, second: Affine) -> Affine:
    return tuple(a - b for a, b in zip(first, second, strict=True))


def dot(first, second) -> Fraction:
    return sum((a * b for a, b in zip(first, second, strict=True) if a and b), Fraction(0))


def value(function: Affine, point) -> Fraction:
    return dot(function[:-1], point) + function[-1]
