"""The type of tensors in annotations."""

from typing import Any, TypeAlias

# Keras has no types, and its backends share no class: the name tells the reader what a type checker cannot know.
Tensor: TypeAlias = Any
