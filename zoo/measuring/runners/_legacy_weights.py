"""The zoo's weights as TensorFlow 1's variables hold them, and back."""

from __future__ import annotations

import numpy as np

from zoo.measuring.case import Case
from zoo.measuring.computed import Weights

KERNEL, RECURRENT_KERNEL, BIAS = "recurrent/kernel", "recurrent/recurrent_kernel", "recurrent/bias"
OUTPUT_KERNEL, OUTPUT_BIAS = "output/kernel", "output/bias"


def _swap_gates(held: dict[str, np.ndarray]) -> None:
    """Put Keras' gates i, f, candidate, o in the order of TensorFlow 1, i, candidate, f, o; as well the way back."""
    for name in (KERNEL, BIAS):
        i, second, third, o = np.split(held[name], 4, axis=-1)
        held[name] = np.concatenate([i, third, second, o], axis=-1)


def v1_weights(case: Case, weights: Weights) -> dict[str, np.ndarray]:
    """The zoo's arrays as the v1 variables hold them.

    The recurrent kernel is one, [W; U]. The LSTM's gates have another order, and its cell adds 1 to the forget gate
    (`forget_bias`, as Keras' initial bias does): the variable holds that much less.
    """
    held = {name.removeprefix(f"{case.entry}/"): array for name, array in weights.items()}
    if RECURRENT_KERNEL in held:
        held[KERNEL] = np.concatenate([held[KERNEL], held.pop(RECURRENT_KERNEL)])
    if case.entry == "lstm":
        _swap_gates(held)
        held[BIAS][2 * case.units : 3 * case.units] -= 1
    return held


def zoo_arrays(case: Case, arrays: Weights) -> dict[str, np.ndarray]:
    """Arrays of the shapes of the v1 variables, such as gradients, by the names and in the layout of the zoo."""
    held = dict(arrays)
    if case.entry == "lstm":
        _swap_gates(held)
    if case.entry != "neuron":
        held[KERNEL], held[RECURRENT_KERNEL] = np.split(held[KERNEL], [case.features])
    return {f"{case.entry}/{name}": array for name, array in held.items()}


def zoo_weights(case: Case, values: Weights) -> dict[str, np.ndarray]:
    """The values of the v1 variables as the zoo's weights: the other way of `v1_weights`."""
    weights = zoo_arrays(case, values)
    if case.entry == "lstm":
        weights[f"{case.entry}/{BIAS}"][case.units : 2 * case.units] += 1
    return weights
