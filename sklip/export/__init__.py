"""Copies of the served network for other runtimes."""

from sklip.export._keras import to_keras

__all__ = ["to_keras"]
