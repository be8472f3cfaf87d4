"""Conversion of served networks to other runtimes, and of Keras models to served networks."""

from sklip.interop._art import to_art
from sklip.interop._from_keras import network_from_keras
from sklip.interop._keras import to_keras
from sklip.interop._onnx import to_onnx

__all__ = ["network_from_keras", "to_art", "to_keras", "to_onnx"]
