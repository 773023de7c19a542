"""A recurrent layer that runs the vendor's kernel for the whole sequence, or is refused with the reason when built."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops, tree

from zoo.errors import ZooError, unknown
from zoo.execution import OF_CHUNKS, automatic_chunk, no_kernel
from zoo.layers import keras_private, kernels
from zoo.layers.inner_loop import first_states, known_steps, require_mask_fits
from zoo.layers.recompute import offloaded, recomputed
from zoo.layers.spans import Spans
from zoo.layers.tensors import Tensor


@keras.saving.register_keras_serializable("zoo")
class FusedRNN(keras.layers.RNN):
    """`keras.layers.RNN` around a cell of Keras, run by the vendor's own kernel for a whole sequence.

    It is torch's LSTM, GRU or RNN (oneDNN, cuDNN), TensorFlow's BlockLSTM on a CPU, and cuDNN through TensorFlow or JAX
    on a GPU. Weights, shapes and numbers are those of `keras.layers.RNN`. There is no silent fallback: a cell that the
    kernel cannot compute is an error when the layer is made.

    Args:
        cell: a `keras.layers.LSTMCell`, `GRUCell` (with `reset_after`) or `SimpleRNNCell` with the usual activations,
            a bias and no recurrent dropout; or a list of such cells, one on another.
        memory: "store" keeps the activations of every step for the backward pass; "recompute" runs the kernel by
            chunks of √steps, each again in the backward pass; "offload" moves them from the GPU to the host and back.
        **options: as of `keras.layers.RNN`, but for `unroll`.

    Raises:
        ZooError: an unknown memory, or no kernel computes the cell here; in a call, a mask with a gap between steps
            that count, or of another number of steps.
    """

    def __init__(self, cell: Any, memory: str = "store", **options: Any) -> None:
        if memory not in OF_CHUNKS:
            raise unknown("memory", str(memory), OF_CHUNKS)
        if options.pop("unroll", False):
            raise ZooError("a fused kernel takes no unroll")
        super().__init__(cell, **options)
        for each in self._cells():
            if problem := fused_problem(each, keras.backend.backend(), kernels.device()):
                raise ZooError(problem)
        self.memory = memory
        self.supports_jit = keras.backend.backend() != "tensorflow"  # XLA compiles none of its kernels

    def _cells(self) -> list[Any]:
        """The cells, from the inputs to the outputs."""
        return list(getattr(self.cell, "cells", [self.cell]))

    def inner_loop(
        self, sequences: Tensor, initial_state: Any, mask: Tensor | None, training: bool = False
    ) -> tuple[Tensor, Tensor, list[Any]]:
        """Run the kernel: Keras calls this once its states and dropout masks are there.

        Args:
            sequences: (batch, steps, features).
            initial_state: (batch, units), one or several; of several cells a list of them each.
            mask: (batch, steps) or (batch, steps, 1), true at steps that count, without a gap; None: all count.
            training: whether dropout of the inputs is on.

        Returns:
            The last output (batch, units), all outputs (batch, steps, units), the last states.
        """
        require_mask_fits(mask, sequences)
        if mask is not None:
            kernels.require_masks()
        outputs = sequences
        if self.go_backwards:
            outputs, mask = ops.flip(outputs, axis=1), None if mask is None else ops.flip(mask, axis=1)
        spans = None if mask is None else Spans.of_mask(mask)
        if spans is not None:
            outputs = spans.to_front(outputs)
        cells, states, after = self._cells(), first_states(self, initial_state), []
        for cell, before in zip(cells, states if len(cells) > 1 else [states], strict=True):
            outputs = ops.cast(outputs, cell.compute_dtype)
            first = [ops.cast(each, cell.compute_dtype) for each in tree.flatten(before)]
            outputs = _dropped(cell, outputs) if training else outputs
            lengths = None if spans is None else spans.lengths
            outputs, last = self._by_parts(cell, outputs, first, lengths)
            after.append(last)
        if spans is not None:
            outputs = spans.in_place(outputs, self.zero_output_for_mask)
        return outputs[:, -1], outputs, after if len(cells) > 1 else after[0]

    def _by_parts(
        self, cell: Any, inputs: Tensor, states: list[Tensor], lengths: Tensor | None
    ) -> tuple[Tensor, list[Tensor]]:
        """The kernel of a cell for all steps at once, or chunk by chunk to keep less for the backward pass."""
        kernel = kernels.RUN[keras.backend.backend(), kernels.device()]

        def run(inputs: Tensor, states: list[Tensor], *lengths: Tensor) -> tuple[Tensor, list[Tensor]]:
            with keras_private.computing_in(cell.compute_dtype):  # that of the layer may be another, or not set again
                return kernel(cell, inputs, states, *(lengths or [None]))

        if self.memory == "store":
            return run(inputs, states, *([] if lengths is None else [lengths]))
        again = offloaded(run) if self.memory == "offload" else recomputed(run, cell.variables)
        steps = known_steps(inputs)
        if steps is None:
            raise ZooError(f"fused+{self.memory} needs a number of steps that is known when the model is built")
        chunk = automatic_chunk(steps, self.memory)
        parts = []
        for start in range(0, steps, chunk):
            part = inputs[:, start : start + chunk]
            ends = [] if lengths is None else [ops.clip(lengths - start, 0, part.shape[1])]
            outputs, states = again(part, states, *ends)
            parts.append(outputs)
        return ops.concatenate(parts, axis=1), states

    def get_config(self) -> dict[str, Any]:
        """Everything that the constructor needs to make this layer again."""
        config = {**super().get_config(), "memory": self.memory}
        return {name: value for name, value in config.items() if name != "unroll"}


def _dropped(cell: keras.layers.Layer, inputs: Tensor) -> Tensor:
    """The inputs (batch, steps, features) with the cell's dropout of inputs, which is one mask for all steps."""
    if not cell.dropout:
        return inputs
    return inputs * cell.get_dropout_mask(inputs[:, 0])[:, None]


def fused_problem(cell: keras.layers.Layer, backend: str, device: str) -> str:
    """Why no fused kernel computes `cell` on a backend and a device, in words; empty if one does."""
    kind = type(cell).__name__
    if type(cell).__module__.partition(".")[0] != "keras":
        return no_kernel(kind, backend, device)
    return no_kernel(kind.removesuffix("Cell"), backend, device) or _options_problem(cell, kind)


def _options_problem(cell: keras.layers.Layer, kind: str) -> str:
    """Why no kernel computes a cell with these options, of a kind for which there is a kernel."""
    allowed = ("relu", "tanh") if kind == "SimpleRNNCell" and keras.backend.backend() == "torch" else ("tanh",)
    activation = keras.activations.serialize(cell.activation)
    if activation not in allowed:
        return f"the fused kernel of {kind} has {' or '.join(allowed)}, not {_called(activation)}"
    gates = keras.activations.serialize(getattr(cell, "recurrent_activation", keras.activations.sigmoid))
    if gates != "sigmoid":
        return f"the fused kernel of {kind} has sigmoid gates, not {_called(gates)}"
    if cell.recurrent_dropout:
        return f"the fused kernel of {kind} has no dropout inside the loop"
    if cell.dropout and getattr(cell, "dropout_mask_count", None):
        return f"the fused kernel of {kind} has one dropout mask for all gates, not {cell.dropout_mask_count}"
    if not cell.use_bias:
        return f"the fused kernel of {kind} has a bias"
    if not getattr(cell, "reset_after", True):
        return f"the fused kernel of {kind} applies the reset gate after the product"
    return ""


def _called(activation: Any) -> str:
    """The name of an activation as Keras serializes it: one of the user's own is a dictionary."""
    return str(activation["config"]) if isinstance(activation, dict) else str(activation)
