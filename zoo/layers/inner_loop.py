"""What a layer of the zoo asks of the arguments of its time loop, before it runs it."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops, tree

from zoo.errors import ZooError
from zoo.layers.tensors import Tensor


def known_steps(sequences: Tensor) -> int | None:
    """The number of steps of (batch, steps, features), or None where it is not known yet.

    JAX exports a model with a symbol in its place, which compares with no number.
    """
    steps = sequences.shape[1]
    return steps if isinstance(steps, int) else None


def first_states(layer: keras.layers.RNN, initial_state: Any) -> list[Tensor]:
    """The states before the first step, as a list.

    Those of a stateful layer are copies: the layer writes its new states where the old ones are, and the backward pass
    still needs these. Torch says so in an error; TensorFlow computes a chunk again from the new ones without a word.
    """
    states = list(initial_state) if tree.is_nested(initial_state) else [initial_state]
    return tree.map_structure(ops.copy, states) if layer.stateful else states


def require_mask_fits(mask: Tensor | None, sequences: Tensor) -> None:
    """Refuse a mask of another number of steps than the sequences (batch, steps, features).

    Raises:
        ZooError: both numbers are known and differ.
    """
    if mask is None:
        return
    theirs, ours = known_steps(mask), known_steps(sequences)
    if theirs is not None and ours is not None and theirs != ours:
        raise ZooError(f"the mask has {theirs} steps, and the sequences have {ours}")
