"""Cells that compute in float32 where others compute in half precision."""

from __future__ import annotations

from typing import Any

import keras

from zoo.errors import ZooError

HALF = ("float16", "bfloat16")
"""Types that cannot tell a decay of 0.999 from 1: their last number under 1 is 0.9995 and 0.996."""


def compute_in_float32(cell: keras.layers.Layer) -> None:
    """Let a cell whose numbers half precision would lose compute in float32, whatever policy it was given."""
    if cell.compute_dtype in HALF:
        cell.dtype_policy = "float32"


def of_one_type(cell: Any) -> Any:
    """A cell, or a list of them as a stack that computes in their type: in its states a loop has one type throughout.

    A stack of cells that compute in float32 would else hand them states in half precision.

    Raises:
        ZooError: some compute in half precision and others do not.
    """
    cells = getattr(cell, "cells", cell)
    if not isinstance(cells, (list, tuple)):
        return cell
    types = {each.compute_dtype: type(each).__name__ for each in cells if hasattr(each, "compute_dtype")}
    if len(types) > 1 and any(name in HALF for name in types):
        named = " and ".join(f"{kind} in {name}" for name, kind in types.items())
        raise ZooError(f"the cells of a stack compute in one type, not {named}: give them dtype='float32'")
    stack = cell if cells is not cell else keras.layers.StackedRNNCells(list(cells))
    if len(types) == 1 and stack.compute_dtype in HALF and stack.compute_dtype not in types:
        stack.dtype_policy = next(iter(types))
    return stack
