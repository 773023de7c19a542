"""The equations of every entry once more, in NumPy: x of (batch, steps, features), states of (batch, steps, units)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

Weights = dict[str, np.ndarray]


def sigmoid(value: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-value))


def softmax(value: np.ndarray) -> np.ndarray:
    exponential = np.exp(value - value.max(axis=-1, keepdims=True))
    return exponential / exponential.sum(axis=-1, keepdims=True)


def identity(value: np.ndarray) -> np.ndarray:
    return value


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": identity,
    "sigmoid": sigmoid,
    "softmax": softmax,
}


def neuron(x: np.ndarray, w: Weights) -> np.ndarray:
    y, states = np.zeros((len(x), len(w["bias"]))), []
    for step in range(x.shape[1]):
        y = np.tanh(np.concatenate([x[:, step], y], axis=-1) @ w["kernel"] + w["bias"])
        states.append(y)
    return np.stack(states, axis=1)


def simple(x: np.ndarray, w: Weights, activation: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    y, states = np.zeros((len(x), len(w["recurrent_kernel"]))), []
    for step in range(x.shape[1]):
        y = activation(x[:, step] @ w["kernel"] + y @ w["recurrent_kernel"] + w["bias"])
        states.append(y)
    return np.stack(states, axis=1)


def simple_rnn(x: np.ndarray, w: Weights) -> np.ndarray:
    return simple(x, w, np.tanh)


def relu_rnn(x: np.ndarray, w: Weights) -> np.ndarray:
    return simple(x, w, lambda value: np.maximum(value, 0))


def lstm(x: np.ndarray, w: Weights) -> np.ndarray:
    zeros = np.zeros((len(x), len(w["recurrent_kernel"])))
    return lstm_from(x, w, zeros, zeros, np.ones(x.shape[:2], bool))[0]


def lstm_from(
    x: np.ndarray, w: Weights, h: np.ndarray, c: np.ndarray, there: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Every output and the last memory, from a state of `h` and `c`, which steps not `there` leave as it is."""
    states = []
    for step in range(x.shape[1]):
        i, f, g, o = np.split(x[:, step] @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"], 4, axis=-1)
        memory = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        now = there[:, step, None]
        h, c = np.where(now, sigmoid(o) * np.tanh(memory), h), np.where(now, memory, c)
        states.append(h)
    return np.stack(states, axis=1), c


def peephole_lstm(x: np.ndarray, w: Weights) -> np.ndarray:
    h = c = np.zeros((len(x), len(w["recurrent_kernel"])))
    states = []
    for step in range(x.shape[1]):
        i, f, g, o = np.split(x[:, step] @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"], 4, axis=-1)
        c = sigmoid(f + w["peepholes"][1] * c) * c + sigmoid(i + w["peepholes"][0] * c) * np.tanh(g)
        h = sigmoid(o + w["peepholes"][2] * c) * np.tanh(c)
        states.append(h)
    return np.stack(states, axis=1)


def layer_norm_lstm(x: np.ndarray, w: Weights) -> np.ndarray:
    def normalised(z: np.ndarray) -> np.ndarray:
        return (z - z.mean(axis=-1, keepdims=True)) / np.sqrt(z.var(axis=-1, keepdims=True) + 1e-3)

    h = c = np.zeros((len(x), len(w["recurrent_kernel"])))
    states = []
    for step in range(x.shape[1]):
        of_inputs = w["kernel_gain"] * normalised(x[:, step] @ w["kernel"])
        of_state = w["recurrent_gain"] * normalised(h @ w["recurrent_kernel"])
        i, f, g, o = np.split(of_inputs + of_state + w["bias"], 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(w["memory_gain"] * normalised(c) + w["memory_shift"])
        states.append(h)
    return np.stack(states, axis=1)


def gru(x: np.ndarray, w: Weights) -> np.ndarray:
    h, states = np.zeros((len(x), len(w["recurrent_kernel"]))), []
    for step in range(x.shape[1]):
        input_z, input_r, input_n = np.split(x[:, step] @ w["kernel"] + w["bias"][0], 3, axis=-1)
        state_z, state_r, state_n = np.split(h @ w["recurrent_kernel"] + w["bias"][1], 3, axis=-1)
        z, r = sigmoid(input_z + state_z), sigmoid(input_r + state_r)
        h = z * h + (1 - z) * np.tanh(input_n + r * state_n)
        states.append(h)
    return np.stack(states, axis=1)


def min_gru(x: np.ndarray, w: Weights) -> np.ndarray:
    z, n = np.split(x @ w["kernel"] + w["bias"], 2, axis=-1)
    return linear(1 - sigmoid(z), sigmoid(z) * n)


def min_lstm(x: np.ndarray, w: Weights) -> np.ndarray:
    f, i, n = np.split(x @ w["kernel"] + w["bias"], 3, axis=-1)
    return linear(sigmoid(f) / (sigmoid(f) + sigmoid(i)), sigmoid(i) / (sigmoid(f) + sigmoid(i)) * n)


def lru(x: np.ndarray, w: Weights) -> np.ndarray:
    decay = np.exp(-np.exp(w["nu"]) + 1j * np.exp(w["theta"]))
    drive = np.exp(w["gamma"]) * (x @ (w["input_kernel"][0] + 1j * w["input_kernel"][1]))
    h = linear(np.broadcast_to(decay, drive.shape), drive)
    y = (h @ (w["output_kernel"][0] + 1j * w["output_kernel"][1])).real + x @ w["skip_kernel"]
    return y * (1 + np.vectorize(math.erf)(y / math.sqrt(2))) / 2


def ind_rnn(x: np.ndarray, w: Weights) -> np.ndarray:
    h, states = np.zeros((len(x), len(w["bias"]))), []
    for step in range(x.shape[1]):
        h = np.maximum(x[:, step] @ w["kernel"] + w["recurrent_kernel"] * h + w["bias"], 0)
        states.append(h)
    return np.stack(states, axis=1)


def sru(x: np.ndarray, w: Weights) -> np.ndarray:
    candidate, of_f, of_r, highway = np.split(x @ w["kernel"], 4, axis=-1)
    bias_f, bias_r = np.split(w["bias"], 2)
    c, states = np.zeros_like(candidate[:, 0]), []
    for step in range(x.shape[1]):
        f = sigmoid(of_f[:, step] + w["peepholes"][0] * c + bias_f)
        r = sigmoid(of_r[:, step] + w["peepholes"][1] * c + bias_r)
        c = f * c + (1 - f) * candidate[:, step]
        states.append(r * c + (1 - r) * highway[:, step])
    return np.stack(states, axis=1)


def zoneout_lstm(x: np.ndarray, w: Weights, rate: float = 0.1) -> np.ndarray:
    h = c = np.zeros((len(x), len(w["recurrent_kernel"])))
    states = []
    for step in range(x.shape[1]):
        i, f, g, o = np.split(x[:, step] @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"], 4, axis=-1)
        memory = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = rate * h + (1 - rate) * sigmoid(o) * np.tanh(memory)
        c = rate * c + (1 - rate) * memory
        states.append(h)
    return np.stack(states, axis=1)


def slstm(x: np.ndarray, w: Weights) -> np.ndarray:
    """Without the stabilizer: at these sizes nothing overflows in float64."""
    h = c = n = np.zeros((len(x), len(w["recurrent_kernel"])))
    states = []
    for step in range(x.shape[1]):
        z, i, f, o = np.split(x[:, step] @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"], 4, axis=-1)
        c = sigmoid(f) * c + np.exp(i) * np.tanh(z)
        n = sigmoid(f) * n + np.exp(i)
        h = sigmoid(o) * c / n
        states.append(h)
    return np.stack(states, axis=1)


def mlstm(x: np.ndarray, w: Weights) -> np.ndarray:
    """One head, without the stabilizer."""
    q, k, v, o = np.split(x @ w["kernel"] + w["bias"], 4, axis=-1)
    i, f = np.split(x @ w["gate_kernel"] + w["gate_bias"], 2, axis=-1)
    k = k / math.sqrt(q.shape[-1])
    memory, n, states = np.zeros((len(x), q.shape[-1], q.shape[-1])), np.zeros_like(q[:, 0]), []
    for step in range(x.shape[1]):
        keep, enter = sigmoid(f[:, step]), np.exp(i[:, step])
        memory = keep[..., None] * memory + enter[..., None] * v[:, step, :, None] * k[:, step, None, :]
        n = keep * n + enter * k[:, step]
        norm = np.maximum(np.abs((n * q[:, step]).sum(-1, keepdims=True)), 1)
        states.append(sigmoid(o[:, step]) * np.einsum("bvk,bk->bv", memory, q[:, step]) / norm)
    return np.stack(states, axis=1)


def linear(decay: np.ndarray, drive: np.ndarray) -> np.ndarray:
    h, states = np.zeros_like(drive[:, 0]), []
    for step in range(drive.shape[1]):
        h = decay[:, step] * h + drive[:, step]
        states.append(h)
    return np.stack(states, axis=1)


def selective(x: np.ndarray, w: Weights) -> np.ndarray:
    """The state (batch, units, states) step by step."""
    units, rank = len(w["skip"]), len(w["step_kernel"])
    size = np.log1p(np.exp(x @ w["drive_kernel"][:, :rank] @ w["step_kernel"] + w["step_bias"]))
    enter, shown = x @ w["drive_kernel"][:, rank:], x @ w["read_kernel"]
    state, outputs = np.zeros((len(x), units, enter.shape[-1])), []
    for step in range(x.shape[1]):
        decay = np.exp(-size[:, step, :, None] * np.exp(w["decay_logarithm"]))
        state = decay * state + (size * x)[:, step, :, None] * enter[:, step, None, :]
        outputs.append(np.einsum("bus,bs->bu", state, shown[:, step]) + w["skip"] * x[:, step])
    return np.stack(outputs, axis=1)


CELLS = {
    "neuron": neuron,
    "simple_rnn": simple_rnn,
    "relu_rnn": relu_rnn,
    "lstm": lstm,
    "peephole_lstm": peephole_lstm,
    "layer_norm_lstm": layer_norm_lstm,
    "gru": gru,
    "min_gru": min_gru,
    "min_lstm": min_lstm,
    "lru": lru,
    "ind_rnn": ind_rnn,
    "sru": sru,
    "zoneout_lstm": zoneout_lstm,
    "slstm": slstm,
    "mlstm": mlstm,
}


def part(weights: Weights, layer: str) -> Weights:
    """The weights of one layer, by the rest of their names."""
    return {name.removeprefix(f"{layer}/"): w for name, w in weights.items() if name.startswith(f"{layer}/")}


def dense(x: np.ndarray, w: Weights) -> np.ndarray:
    return x @ w["kernel"] + w["bias"]


def stacked(cell: str, x: np.ndarray, weights: Weights) -> np.ndarray:
    """Every output of the uppermost of the layers "recurrent" or "recurrent_1", "recurrent_2", ..."""
    for layer in sorted({name.partition("/")[0] for name in weights if name.startswith("recurrent")}):
        x = CELLS[cell](x, part(weights, layer))
    return x


def gated(cell: str, x: np.ndarray, depth: int, weights: Weights) -> np.ndarray:
    """A recurrence, and a gated linear unit of its outputs."""
    h = CELLS[cell](x, part(weights, f"recurrent_{depth}"))
    return dense(h, part(weights, f"value_{depth}")) * sigmoid(dense(h, part(weights, f"gate_{depth}")))


def mamba(x: np.ndarray, depth: int, weights: Weights) -> np.ndarray:
    """The inside of Mamba's block."""
    inner = x @ weights[f"inner_{depth}/kernel"]
    kernel, filtered = weights[f"filter_{depth}/kernel"], np.zeros_like(inner) + weights[f"filter_{depth}/bias"]
    for step in range(x.shape[1]):
        for ago in range(min(len(kernel), step + 1)):
            filtered[:, step] += kernel[ago] * inner[:, step - ago]
    h = selective(filtered * sigmoid(filtered), part(weights, f"recurrent_{depth}"))
    gate = x @ weights[f"gate_{depth}/kernel"]
    return (h * gate * sigmoid(gate)) @ weights[f"outer_{depth}/kernel"]


def residual(cell: str, x: np.ndarray, weights: Weights, mean_pool: bool = False) -> np.ndarray:
    """What the output layer reads of blocks one on another: of every step, or of their mean."""

    def norm(u: np.ndarray, name: str) -> np.ndarray:
        w, centred = part(weights, name), u - u.mean(axis=-1, keepdims=True)
        return w["gamma"] * centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-3) + w["beta"]

    u = dense(x, part(weights, "project"))
    for depth in range(1, 1 + sum(name.startswith("norm_") for name in weights) // 2):
        normal = norm(u, f"norm_{depth}")
        u = u + (mamba(normal, depth, weights) if cell == "mamba" else gated(cell, normal, depth, weights))
    return norm(u.mean(axis=1) if mean_pool else u, "norm")


def bidirectional(x: np.ndarray, weights: Weights) -> np.ndarray:
    """The last output of each direction."""
    there = lstm(x, part(weights, "recurrent/forward_lstm"))[:, -1]
    back = lstm(x[:, ::-1], part(weights, "recurrent/backward_lstm"))[:, -1]
    return np.concatenate([there, back], axis=-1)


def on_the_fly(x: tuple[np.ndarray, np.ndarray], weights: Weights) -> np.ndarray:
    """What the output layer of lstm_on_the_fly reads."""
    steps = x[1].shape[1]
    read = np.pad(x[0], ((0, 0), (0, steps)))[:, :steps]
    w = part(weights, "recurrent")
    zeros = np.zeros((len(read), len(w["recurrent_kernel"])))
    return lstm_from(part(weights, "source_embedding")["embeddings"][read], w, zeros, zeros, x[1] != 0)[0]


def decoder(
    x: tuple[np.ndarray, np.ndarray], weights: Weights, attentive: bool = False, backwards: bool = False
) -> np.ndarray:
    """What the output layer of an encoder_decoder reads; 0 is padding."""
    x = (x[0][:, ::-1], x[1]) if backwards else x
    source = part(weights, "source_embedding")["embeddings"][x[0]]
    late = part(weights, "target_embedding")["embeddings"][x[1]]
    w = part(weights, "recurrent_encoder")
    zeros = np.zeros((len(source), len(w["recurrent_kernel"])))
    encoded, memory = lstm_from(source, w, zeros, zeros, x[0] != 0)
    decoded, _ = lstm_from(late, part(weights, "recurrent_decoder"), encoded[:, -1], memory, x[1] != 0)
    if not attentive:
        return decoded
    weight = softmax(np.where((x[0] != 0)[:, None], np.einsum("btu,bsu->bts", decoded, encoded), -np.inf))
    context = np.einsum("bts,bsu->btu", weight, encoded)
    return np.tanh(dense(np.concatenate([context, decoded], axis=-1), part(weights, "attentive")))


def outputs(entry: str, cell: str, x, y_steps: int | None, weights: Weights, activation: str) -> np.ndarray:
    """What the entry computes; `y_steps` is the length of its output sequence, None for a vector."""
    if entry.startswith("encoder_decoder"):
        hidden = decoder(x, weights, entry.endswith("attention"), entry.endswith("reversed"))
    elif entry == "lstm_on_the_fly":
        hidden = on_the_fly(x, weights)
    elif entry == "bidirectional_lstm":
        hidden = bidirectional(x, weights)
    elif x.ndim == 2:  # a vector, read at every step
        hidden = stacked(cell, np.repeat(x[:, None], y_steps or 1, axis=1), weights)
    else:
        hidden = residual(cell, x, weights) if "project/kernel" in weights else stacked(cell, x, weights)
        hidden = hidden if y_steps else hidden[:, -1]
    return ACTIVATIONS[activation](dense(hidden, part(weights, "output")))
