"""Both directions of a Bidirectional in one call of the vendor's kernel."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import keras
from keras import ops, tree

from zoo.layers.fused import FusedRNN
from zoo.layers.kernels import torch_rnn
from zoo.layers.tensors import Tensor

MERGES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "concat": lambda forward, backward: ops.concatenate([forward, backward], axis=-1),
    "sum": operator.add,
    "mul": operator.mul,
    "ave": lambda forward, backward: (forward + backward) / 2,
}
"""How the outputs of both directions become one, by Keras' `merge_mode`."""


@keras.saving.register_keras_serializable("zoo")
class FusedBidirectional(keras.layers.Bidirectional):
    """`keras.layers.Bidirectional` around `FusedRNN` layers, which torch's kernel runs in one call.

    Arguments, weights, shapes and numbers are those of `keras.layers.Bidirectional`. The two directions are two calls
    where one cannot do it: on another backend, with a mask, with several cells one on another, with states that stay
    from batch to batch, while inputs are dropped out, or where activations are recomputed or offloaded.
    """

    def call(
        self, sequences: Tensor, initial_state: Any = None, mask: Tensor | None = None, training: bool | None = None
    ) -> Any:
        """Outputs of both directions, merged, and with `return_state` the states of the first one, then the other's.

        Args:
            sequences: (batch, steps, features).
            initial_state: those of both directions, (batch, units) each; None: zeros.
            mask: (batch, steps), true at steps that count; None: all count.
            training: whether dropout is on.
        """
        if mask is not None or not self._in_one_call(bool(training)):
            return super().call(sequences, initial_state=initial_state, mask=mask, training=training)
        layers = [self.forward_layer, self.backward_layer]
        states = tree.flatten(initial_state) if initial_state is not None else None
        if states is None:
            batch = ops.shape(sequences)[0]
            states = tree.flatten([layer.get_initial_state(batch) for layer in layers])
        outputs, last = torch_rnn.both([layer.cell for layer in layers], sequences, states)
        parts = [ops.cast(each, self.compute_dtype) for each in ops.split(outputs, 2, axis=-1)]
        if not self.return_sequences:
            parts = [parts[0][:, -1], parts[1][:, 0]]
        merged = tuple(parts) if self.merge_mode is None else MERGES[self.merge_mode](*parts)
        if not self.return_state:
            return merged
        return (*(merged if self.merge_mode is None else (merged,)), *last)

    def _in_one_call(self, training: bool) -> bool:
        layers = [self.forward_layer, self.backward_layer]
        if keras.backend.backend() != "torch" or self.stateful or self.forward_layer.go_backwards:
            return False
        if not all(type(layer) is FusedRNN and layer.memory == "store" and layer.built for layer in layers):
            return False
        if any(layer.activity_regularizer for layer in layers):  # which is of the outputs of each
            return False
        if any(each.compute_dtype != self.compute_dtype for layer in layers for each in (layer, layer.cell)):
            return False
        first, second = (layer.cell for layer in layers)
        if type(first) not in torch_rnn.KERNELS or type(second) is not type(first):
            return False
        same_units = first.units == second.units
        same_activation = first.activation == second.activation
        drops = training and (first.dropout or second.dropout)
        return bool(same_units and same_activation and not drops)
