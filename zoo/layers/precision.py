"""Cells that compute in float32 where others compute in half precision."""

from __future__ import annotations

import keras

HALF = ("float16", "bfloat16")
"""Types that cannot tell a decay of 0.999 from 1: their last number under 1 is 0.9995 and 0.996."""


def compute_in_float32(cell: keras.layers.Layer) -> None:
    """Let a cell whose numbers half precision would lose compute in float32, whatever policy it was given."""
    if cell.compute_dtype in HALF:
        cell.dtype_policy = "float32"
