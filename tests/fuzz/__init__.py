"""Random estimators and rows, pairs of rows inside certified radii, and exact arithmetic that judges them.

Everything in a case follows from a seed and the number of the case: see :mod:`tests.fuzz.case`.
"""
