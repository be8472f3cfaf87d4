"""The served network in other runtimes."""

from sklip.export._art import to_art
from sklip.export._keras import to_keras
from sklip.export._onnx import to_onnx
from sklip.export._skl2onnx import register_onnx_converters

__all__ = ["register_onnx_converters", "to_art", "to_keras", "to_onnx"]
