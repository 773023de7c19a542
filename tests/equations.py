"""The equations of every entry once more, in NumPy: x of (batch, steps, features), states of (batch, steps, units)."""

from __future__ import annotations

import numpy as np


def sigmoid(value: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-value))


def neuron(x: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    y, states = np.zeros((len(x), len(w["bias"]))), []
    for step in range(x.shape[1]):
        y = np.tanh(np.concatenate([x[:, step], y], axis=-1) @ w["kernel"] + w["bias"])
        states.append(y)
    return np.stack(states, axis=1)


def simple_rnn(x: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    y, states = np.zeros((len(x), len(w["recurrent_kernel"]))), []
    for step in range(x.shape[1]):
        y = np.tanh(x[:, step] @ w["kernel"] + y @ w["recurrent_kernel"] + w["bias"])
        states.append(y)
    return np.stack(states, axis=1)


def lstm(x: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    h = c = np.zeros((len(x), len(w["recurrent_kernel"])))
    states = []
    for step in range(x.shape[1]):
        i, f, g, o = np.split(x[:, step] @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"], 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.stack(states, axis=1)


def gru(x: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    h, states = np.zeros((len(x), len(w["recurrent_kernel"]))), []
    for step in range(x.shape[1]):
        input_z, input_r, input_n = np.split(x[:, step] @ w["kernel"] + w["bias"][0], 3, axis=-1)
        state_z, state_r, state_n = np.split(h @ w["recurrent_kernel"] + w["bias"][1], 3, axis=-1)
        z, r = sigmoid(input_z + state_z), sigmoid(input_r + state_r)
        h = z * h + (1 - z) * np.tanh(input_n + r * state_n)
        states.append(h)
    return np.stack(states, axis=1)


EQUATIONS = {"neuron": neuron, "simple_rnn": simple_rnn, "lstm": lstm, "gru": gru}
