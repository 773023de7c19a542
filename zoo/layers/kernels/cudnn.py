"""cuDNN on TensorFlow and JAX, as Keras calls it; there without a fallback."""

from __future__ import annotations

import keras

from zoo.errors import ZooError
from zoo.layers import keras_private
from zoo.layers.tensors import Tensor

NO_MASK = "on a GPU a fused kernel of TensorFlow and JAX takes no mask: run this model looped"


def run(
    cell: keras.layers.Layer, inputs: Tensor, states: list[Tensor], lengths: Tensor | None
) -> tuple[Tensor, list[Tensor]]:
    """All outputs (batch, steps, units) and the last states of cuDNN.

    Raises:
        ZooError: cuDNN does not run here, or there is a mask.
    """
    if lengths is not None:
        raise ZooError(NO_MASK)
    try:
        return keras_private.vendor_kernel(cell, inputs, states)
    except NotImplementedError as error:
        where = keras.backend.backend()
        raise ZooError(f"cuDNN does not run {type(cell).__name__} on {where} here: run this model looped") from error
