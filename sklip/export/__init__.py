"""The served network in other runtimes."""

from sklip.export._art import to_art
from sklip.export._keras import to_keras

__all__ = ["to_art", "to_keras"]
