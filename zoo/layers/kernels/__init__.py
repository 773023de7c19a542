"""Vendors' kernels for a whole sequence: by backend and device, which cells they compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from zoo.errors import ZooError
from zoo.layers.kernels import block_lstm, cudnn, torch_rnn
from zoo.layers.tensors import Tensor

Kernel = Callable[[Any, Tensor, list[Tensor], Any], tuple[Tensor, list[Tensor]]]
"""(cell, inputs (batch, steps, features), states before them, lengths or None) -> all outputs, the last states.

Of outputs behind the length of a sequence nothing is asked; states are those after its last step.
"""
RUN: dict[tuple[str, str], Kernel] = {
    ("torch", "cpu"): torch_rnn.run,
    ("torch", "gpu"): torch_rnn.run,
    ("tensorflow", "cpu"): block_lstm.run,
    ("tensorflow", "gpu"): cudnn.run,
    ("jax", "gpu"): cudnn.run,
}
"""By backend and device."""


def device() -> str:
    """The device that Keras computes on: "cpu" or "gpu"."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return "gpu" if tf.config.get_visible_devices("GPU") else "cpu"
    if keras.backend.backend() == "jax":
        import jax

        return "cpu" if jax.default_backend() == "cpu" else "gpu"
    import torch

    return "gpu" if torch.cuda.is_available() else "cpu"


def require_masks() -> None:
    """Refuse a mask where the kernel takes none.

    Raises:
        ZooError: it takes none.
    """
    if RUN.get((keras.backend.backend(), device())) is cudnn.run:
        raise ZooError(cudnn.NO_MASK)
