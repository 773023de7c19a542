"""torch's LSTM, GRU and RNN for a whole sequence: oneDNN or ATen on a CPU, cuDNN on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from zoo.layers.spans import at_end
from zoo.layers.tensors import Tensor


def run(
    cell: keras.layers.Layer, inputs: Tensor, states: list[Tensor], lengths: Tensor | None
) -> tuple[Tensor, list[Tensor]]:
    """All outputs (batch, steps, units) and the last states (batch, units) of torch's kernel for `cell`."""
    import torch

    first = [state[None].contiguous() for state in states]
    options = (True, 1, 0.0, torch.is_grad_enabled(), False)  # has biases, layers, dropout, train, bidirectional
    kernel, weights = KERNELS[type(cell)]
    arguments = (_held(first), weights(cell), *options)
    if lengths is None:
        outputs, *last = kernel(cell)(inputs, *arguments, True)
        return outputs, [state[0] for state in last]
    if len(states) == 1:  # the output is the state
        outputs, *_ = kernel(cell)(inputs, *arguments, True)
        return outputs, [at_end(outputs, states[0], lengths)]
    return _packed(kernel(cell), inputs, states, weights(cell), options, lengths)


def both(cells: Sequence[keras.layers.Layer], inputs: Tensor, states: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Two cells of a kind over the same sequences, the second from the last step to the first, in one call.

    Args:
        cells: of the forward and of the backward direction.
        inputs: (batch, steps, features).
        states: before the first step of each direction, (batch, units): all of the first, then all of the second.

    Returns:
        Outputs (batch, steps, 2·units), the forward ones first, each where its step is; the last states, as `states`.
    """
    import torch

    options = (True, 1, 0.0, torch.is_grad_enabled(), True)  # has biases, layers, dropout, train, bidirectional
    kernel, weights = KERNELS[type(cells[0])]
    half = len(states) // 2
    first = [torch.stack(pair).contiguous() for pair in zip(states[:half], states[half:], strict=True)]
    flat = [weight for cell in cells for weight in weights(cell)]
    outputs, *last = kernel(cells[0])(inputs, _held(first), flat, *options, True)
    return outputs, [state[direction] for direction in (0, 1) for state in last]


def _packed(
    kernel: Callable[..., Any],
    inputs: Tensor,
    states: list[Tensor],
    weights: list[Tensor],
    options: tuple[Any, ...],
    lengths: Tensor,
) -> tuple[Tensor, list[Tensor]]:
    """The same for sequences of several lengths, packed: the kernel gives no memory c but that after its last step."""
    import torch
    from torch.nn.utils import rnn

    some = torch.clamp(lengths, min=1).cpu()
    packed = rnn.pack_padded_sequence(inputs, some, batch_first=True, enforce_sorted=False)
    first = [state[packed.sorted_indices][None].contiguous() for state in states]
    data, *last = kernel(packed.data, packed.batch_sizes, _held(first), weights, *options)
    padded = rnn.PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
    outputs, _ = rnn.pad_packed_sequence(padded, batch_first=True, total_length=inputs.shape[1])
    there = (lengths > 0)[:, None]
    ends = [state[0][packed.unsorted_indices] for state in last]
    return outputs, [torch.where(there, end, before) for end, before in zip(ends, states, strict=True)]


def _held(states: list[Tensor]) -> Any:
    """The states as the kernels take them: one alone, or a list."""
    return states[0] if len(states) == 1 else states


def _weights(cell: keras.layers.Layer) -> list[Tensor]:
    """Kernel (gates·units, features), recurrent kernel (gates·units, units), their biases (gates·units,)."""
    import torch

    kernel, recurrent, bias = (torch.as_tensor(v.value) for v in (cell.kernel, cell.recurrent_kernel, cell.bias))
    biases = list(bias) if bias.ndim == 2 else [bias, torch.zeros_like(bias)]
    return [kernel.T.contiguous(), recurrent.T.contiguous(), *biases]


def _gru_weights(cell: keras.layers.GRUCell) -> list[Tensor]:
    """Keras has the gates in the order update, reset, candidate; torch reset, update, candidate."""
    import torch

    parts: list[Sequence[Tensor]] = [torch.chunk(weight, 3, dim=0) for weight in _weights(cell)]
    return [torch.cat([reset, update, candidate], dim=0) for update, reset, candidate in parts]


def _lstm(cell: keras.layers.LSTMCell) -> Any:
    import torch

    return torch.lstm


def _gru(cell: keras.layers.GRUCell) -> Any:
    import torch

    return torch.gru


def _simple_rnn(cell: keras.layers.SimpleRNNCell) -> Any:
    import torch

    return torch.rnn_relu if keras.activations.serialize(cell.activation) == "relu" else torch.rnn_tanh


KERNELS: dict[type, tuple[Callable[[Any], Any], Callable[[Any], list[Tensor]]]] = {
    keras.layers.LSTMCell: (_lstm, _weights),
    keras.layers.GRUCell: (_gru, _gru_weights),
    keras.layers.SimpleRNNCell: (_simple_rnn, _weights),
}
"""By the class of the cell: torch's function, and its weights in torch's order."""
