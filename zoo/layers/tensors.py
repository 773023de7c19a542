"""The type of a tensor."""

from __future__ import annotations

from typing import Any, TypeAlias

Tensor: TypeAlias = Any
"""A tensor of whichever backend, or a `keras.KerasTensor` while a model is built: the backends share no type."""
