"""A recurrent layer that runs the vendor's kernel for the whole sequence, or says when it is built why it cannot."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import ops

from zoo.errors import ZooError, unknown
from zoo.execution import OF_CHUNKS, automatic_chunk
from zoo.layers.recompute import offloaded, recomputed

CELLS = (keras.layers.LSTMCell, keras.layers.GRUCell, keras.layers.SimpleRNNCell)
KERNELS = "LSTMCell, GRUCell and SimpleRNNCell"


@keras.saving.register_keras_serializable("zoo")
class FusedRNN(keras.layers.RNN):
    """`keras.layers.RNN` around a cell of Keras, run by torch's own LSTM, GRU or RNN kernel (oneDNN, cuDNN).

    Weights, shapes and numbers are those of `keras.layers.RNN`, which runs every step from Python on torch and a CPU.
    There is no silent fallback: what the kernel cannot compute is an error when the layer is made.

    Args:
        cell: a `keras.layers.LSTMCell`, `GRUCell` (with `reset_after`) or `SimpleRNNCell` with the usual activations,
            a bias and no dropout.
        memory: "store" keeps what the backward pass needs of every step; "recompute" runs the kernel by chunks of
            √steps, each again in the backward pass; "offload" moves it from the GPU to the host and back.
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

    def compute_output_spec(self, *arguments: Any, mask: Any = None, **named: Any) -> Any:
        """Shapes and types of the outputs: what Keras asks for when a model is built."""
        _require_no_mask(mask)
        return super().compute_output_spec(*arguments, mask=mask, **named)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Run the kernel: Keras calls this once its states are there.

        Returns:
            The last output (batch, units), all outputs (batch, steps, units), the last states.
        """
        _require_no_mask(mask)
        states = list(initial_state) if isinstance(initial_state, (list, tuple)) else [initial_state]
        inputs = ops.flip(sequences, axis=1) if self.go_backwards else sequences
        outputs, states = self._by_parts(inputs, states)
        return outputs[:, -1], outputs, states

    def _by_parts(self, inputs: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """The kernel for all steps at once, or chunk by chunk where less is to be kept for the backward pass.

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


def _require_no_mask(mask: Any) -> None:
    if mask is not None:
        raise ZooError("a fused kernel on torch takes no mask: run this model looped")


def fused_problem(cell: Any, backend: str) -> str:
    """Why no fused kernel computes `cell`, in words; empty where one does."""
    if backend != "torch":
        return f"a fused kernel is run on torch alone, not on {backend}"
    if type(cell) not in CELLS:
        return f"no fused kernel computes {type(cell).__name__}: there are kernels for {KERNELS}"
    name = type(cell).__name__
    activations = {"tanh", "relu"} if name == "SimpleRNNCell" else {"tanh"}
    activation = keras.activations.serialize(cell.activation)
    gates = keras.activations.serialize(getattr(cell, "recurrent_activation", keras.activations.sigmoid))
    reasons = {
        f"the fused kernel of {name} has {' or '.join(sorted(activations))}, not {activation}": (
            activation not in activations
        ),
        f"the fused kernel of {name} has sigmoid gates, not {gates}": gates != "sigmoid",
        f"the fused kernel of {name} has no dropout inside the loop": bool(cell.dropout or cell.recurrent_dropout),
        f"the fused kernel of {name} has a bias": not cell.use_bias,
        "the fused kernel of GRUCell applies the reset gate after the product": not getattr(cell, "reset_after", True),
    }
    return next((reason for reason, stands in reasons.items() if stands), "")


def _run(cell: Any, inputs: Any, states: list[Any]) -> tuple[Any, list[Any]]:
    """All outputs (batch, steps, units) and the last states of torch's kernel for `cell`."""
    import torch

    kernel, recurrent, bias = (torch.as_tensor(v.value) for v in (cell.kernel, cell.recurrent_kernel, cell.bias))
    biases = list(bias) if bias.ndim == 2 else [bias, torch.zeros_like(bias)]
    if isinstance(cell, keras.layers.GRUCell):  # Keras has update, reset, candidate; torch reset, update, candidate
        kernel, recurrent, *biases = (_reset_first(each) for each in (kernel, recurrent, *biases))
    weights = [kernel.T.contiguous(), recurrent.T.contiguous(), *biases]
    first = [state[None].contiguous() for state in states]
    # has_biases, layers, dropout, train, bidirectional, batch_first
    fixed = (True, 1, 0.0, torch.is_grad_enabled(), False, True)
    if isinstance(cell, keras.layers.LSTMCell):
        outputs, *last = torch.lstm(inputs, first, weights, *fixed)
    else:
        outputs, *last = _kernel_of(cell)(inputs, first[0], weights, *fixed)
    return outputs, [state[0] for state in last]


def _reset_first(gates: Any) -> Any:
    import torch

    update, reset, candidate = torch.chunk(gates, 3, dim=-1)
    return torch.cat([reset, update, candidate], dim=-1)


def _kernel_of(cell: Any) -> Callable[..., Any]:
    import torch

    if isinstance(cell, keras.layers.GRUCell):
        return torch.gru
    return torch.rnn_relu if keras.activations.serialize(cell.activation) == "relu" else torch.rnn_tanh
