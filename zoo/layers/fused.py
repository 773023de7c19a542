"""A recurrent layer that runs the vendor's kernel for the whole sequence, or is refused with the reason when built."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
from keras import ops

from zoo.errors import ZooError, unknown
from zoo.execution import OF_CHUNKS, automatic_chunk
from zoo.layers.inner_loop import first_states
from zoo.layers.recompute import offloaded, recomputed
from zoo.layers.tensors import Tensor


@keras.saving.register_keras_serializable("zoo")
class FusedRNN(keras.layers.RNN):
    """`keras.layers.RNN` around a cell of Keras, run by torch's own LSTM, GRU or RNN kernel (oneDNN, cuDNN).

    Weights, shapes and numbers are those of `keras.layers.RNN`, which runs every step from Python on torch and a CPU.
    There is no silent fallback: a cell that the kernel cannot compute is an error when the layer is made.

    Args:
        cell: a `keras.layers.LSTMCell`, `GRUCell` (with `reset_after`) or `SimpleRNNCell` with the usual activations,
            a bias and no dropout.
        memory: "store" keeps the activations of every step for the backward pass; "recompute" runs the kernel by
            chunks of √steps, each again in the backward pass; "offload" moves them from the GPU to the host and back.
        **options: as of `keras.layers.RNN`, but for `unroll` and `zero_output_for_mask`.

    Raises:
        ZooError: an unknown memory, the backend is another one, the cell is not one of these, or a mask comes in.
    """

    def __init__(self, cell: Any, memory: str = "store", **options: Any) -> None:
        if memory not in OF_CHUNKS:
            raise unknown("memory", str(memory), OF_CHUNKS)
        if options.pop("unroll", False) or options.pop("zero_output_for_mask", False):
            raise ZooError("a fused kernel takes neither unroll nor zero_output_for_mask")
        problem = fused_problem(cell, keras.backend.backend())
        if problem:
            raise ZooError(problem)
        super().__init__(cell, **options)
        self.memory = memory

    def compute_output_spec(self, *arguments: Any, mask: Tensor | None = None, **named: Any) -> Any:
        """Shapes and types of the outputs: Keras asks for them when a model is built."""
        _require_no_mask(mask)
        return super().compute_output_spec(*arguments, mask=mask, **named)

    def inner_loop(
        self, sequences: Tensor, initial_state: Any, mask: Tensor | None, training: bool = False
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Run the kernel: Keras calls this once its states are there.

        Args:
            sequences: (batch, steps, features).
            initial_state: (batch, units), one or several.
            mask: None, or an error.
            training: without effect: the kernel has no dropout.

        Returns:
            The last output (batch, units), all outputs (batch, steps, units), the last states.
        """
        _require_no_mask(mask)
        states = first_states(self, initial_state)
        inputs = ops.flip(sequences, axis=1) if self.go_backwards else sequences
        outputs, states = self._by_parts(inputs, states)
        return outputs[:, -1], outputs, states

    def _by_parts(self, inputs: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """The kernel for all steps at once, or chunk by chunk to keep less for the backward pass.

        Returns:
            The outputs (batch, steps, units), without `return_sequences` perhaps those of the last steps alone; states.
        """
        run = partial(_run, self.cell)
        if self.memory == "store":
            return run(inputs, states)
        again = offloaded(run) if self.memory == "offload" else recomputed(run, self.cell.variables)
        steps = inputs.shape[1]
        chunk = automatic_chunk(steps, self.memory)
        parts = []
        for start in range(0, steps, chunk):
            outputs, states = again(inputs[:, start : start + chunk], states)
            parts.append(outputs)
        return ops.concatenate(parts, axis=1) if self.return_sequences else outputs, states

    def get_config(self) -> dict[str, Any]:
        """Everything that the constructor needs to make this layer again."""
        config = {**super().get_config(), "memory": self.memory}
        return {name: value for name, value in config.items() if name not in ("unroll", "zero_output_for_mask")}


def _require_no_mask(mask: Tensor | None) -> None:
    if mask is not None:
        raise ZooError("a fused kernel on torch takes no mask: run this model looped")


def fused_problem(cell: keras.layers.Layer, backend: str) -> str:
    """Why no fused kernel computes `cell`, in words; empty if one does."""
    if backend != "torch":
        return f"a fused kernel is run on torch alone, not on {backend}"
    kind = type(cell).__name__
    if type(cell) not in KERNELS:
        return f"no fused kernel computes {kind}: there are kernels for {', '.join(each.__name__ for each in KERNELS)}"
    return _options_problem(cell, kind)


def _options_problem(cell: keras.layers.Layer, kind: str) -> str:
    """Why no kernel computes a cell with these options, of a kind for which there is a kernel."""
    allowed = ("relu", "tanh") if isinstance(cell, keras.layers.SimpleRNNCell) else ("tanh",)
    activation = keras.activations.serialize(cell.activation)
    if activation not in allowed:
        return f"the fused kernel of {kind} has {' or '.join(allowed)}, not {activation}"
    gates = keras.activations.serialize(getattr(cell, "recurrent_activation", keras.activations.sigmoid))
    if gates != "sigmoid":
        return f"the fused kernel of {kind} has sigmoid gates, not {gates}"
    if cell.dropout or cell.recurrent_dropout:
        return f"the fused kernel of {kind} has no dropout inside the loop"
    if not cell.use_bias:
        return f"the fused kernel of {kind} has a bias"
    if not getattr(cell, "reset_after", True):
        return f"the fused kernel of {kind} applies the reset gate after the product"
    return ""


@dataclass(frozen=True)
class Arguments:
    """The arguments of torch's kernels.

    Attributes:
        inputs: (batch, steps, features).
        first: the states before the first step, (1, batch, units) each.
        weights: kernel (gates·units, features), recurrent kernel (gates·units, units), their biases (gates·units,).
        fixed: has_biases, layers, dropout, train, bidirectional, batch_first.
    """

    inputs: Tensor
    first: list[Tensor]
    weights: list[Tensor]
    fixed: tuple[bool, int, float, bool, bool, bool]


Kernel = Callable[[Any, Arguments], Sequence[Tensor]]
"""(cell, arguments) -> all outputs (batch, steps, units), then the last states (1, batch, units)."""


def _lstm(cell: keras.layers.LSTMCell, given: Arguments) -> Sequence[Tensor]:
    import torch

    return torch.lstm(given.inputs, given.first, given.weights, *given.fixed)


def _gru(cell: keras.layers.GRUCell, given: Arguments) -> Sequence[Tensor]:
    """Keras has the gates in the order update, reset, candidate; torch reset, update, candidate."""
    import torch

    weights = []
    for weight in given.weights:
        update, reset, candidate = torch.chunk(weight, 3, dim=0)
        weights.append(torch.cat([reset, update, candidate], dim=0))
    return torch.gru(given.inputs, given.first[0], weights, *given.fixed)


def _simple_rnn(cell: keras.layers.SimpleRNNCell, given: Arguments) -> Sequence[Tensor]:
    import torch

    kernel = torch.rnn_relu if keras.activations.serialize(cell.activation) == "relu" else torch.rnn_tanh
    return kernel(given.inputs, given.first[0], given.weights, *given.fixed)


KERNELS: dict[type, Kernel] = {
    keras.layers.LSTMCell: _lstm,
    keras.layers.GRUCell: _gru,
    keras.layers.SimpleRNNCell: _simple_rnn,
}
"""By the class of the cell."""


def _run(cell: keras.layers.Layer, inputs: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """All outputs (batch, steps, units) and the last states (batch, units) of torch's kernel for `cell`."""
    import torch

    kernel, recurrent, bias = (torch.as_tensor(v.value) for v in (cell.kernel, cell.recurrent_kernel, cell.bias))
    biases = list(bias) if bias.ndim == 2 else [bias, torch.zeros_like(bias)]
    weights = [kernel.T.contiguous(), recurrent.T.contiguous(), *biases]
    first = [state[None].contiguous() for state in states]
    fixed = (True, 1, 0.0, torch.is_grad_enabled(), False, True)
    outputs, *last = KERNELS[type(cell)](cell, Arguments(inputs, first, weights, fixed))
    return outputs, [state[0] for state in last]
