"""The type of a tensor, and the structure of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import keras

Tensor: TypeAlias = Any
"""A tensor of whichever backend, or a `keras.KerasTensor` while a model is built: the backends share no type."""


def packed(model: keras.Model, arrays: Sequence[Any]) -> Any:
    """One array for each of the model's inputs, in the structure that it takes: an array, a list or a dict of them."""
    import keras

    structure = getattr(model, "input", None)  # a Sequential model may have none, and has one input
    return keras.tree.pack_sequence_as(structure, list(arrays)) if keras.tree.is_nested(structure) else arrays[0]
