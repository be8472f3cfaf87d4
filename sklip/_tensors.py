"""The type of tensors in annotations."""

from typing import Any, TypeAlias

# Keras ships no types, and its backends share no class: this says to the reader what it cannot say to a checker.
Tensor: TypeAlias = Any
