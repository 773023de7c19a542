"""Residual blocks, the shape in which recurrences that are linear in their state are trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from zoo.errors import ZooError
from zoo.models._network import read
from zoo.recurrent import recurrent
from zoo.registry import SEQUENCE_TO_VECTOR

if TYPE_CHECKING:
    import keras

    from zoo.execution import Execution
    from zoo.registry import Task

Mix: TypeAlias = Callable[["keras.KerasTensor", int], "keras.KerasTensor"]
"""What a block of a depth makes of its normalized inputs, (batch, steps, units) both."""


def residual_network(mix: Mix, layers: int, task: Task, *, units: int, mean_pool: bool = False) -> keras.Model:
    """Blocks one on another, u(t) + mix(norm(u(1..t))), between a dense layer and a norm before the dense output.

    The output is that of the last step, or of every step, as the task asks. Where the task is masked, a step of PADDING
    changes no other step, and counts neither in a mean nor in a loss.

    Args:
        mix: see `Mix`.
        layers: how many blocks.
        task: sets the shapes of the inputs and the outputs.
        units: width of the blocks.
        mean_pool: whether a sequence is answered from the mean of its steps, and not from the last one.

    Raises:
        ZooError: `mean_pool` for a task that asks for an answer at every step.
    """
    import keras

    from zoo.layers import LastStep

    if mean_pool and task.topology != SEQUENCE_TO_VECTOR:
        raise ZooError(f"mean_pool is for one answer to a sequence, and {task.name} asks for one at every step")
    inputs, sequence = read(task)
    sequence = keras.layers.Dense(units, name="project")(sequence)
    for depth in range(1, layers + 1):
        normal = keras.layers.LayerNormalization(name=f"norm_{depth}")(sequence)
        sequence = keras.layers.Add(name=f"block_{depth}")([sequence, mix(normal, depth)])
    if task.topology == SEQUENCE_TO_VECTOR:
        read_from = keras.layers.GlobalAveragePooling1D(name="mean") if mean_pool else LastStep(name="last")
        sequence = read_from(sequence)
    sequence = keras.layers.LayerNormalization(name="norm")(sequence)
    outputs = keras.layers.Dense(task.outputs, activation=task.activation, name="output")(sequence)
    return keras.Model(inputs, outputs)


def gated(cell: Callable[[], keras.layers.Layer], execution: Execution, *, units: int) -> Mix:
    """A recurrent layer and a gated linear unit behind it: r = recurrence(x), (r·V + b) ⊙ σ(r·G + c).

    Source of the block: Orvieto et al., Resurrecting Recurrent Neural Networks for Long Sequences, 2023, figure 1.
    """
    import keras

    def mix(inputs: keras.KerasTensor, depth: int) -> keras.KerasTensor:
        run = recurrent(cell(), execution, return_sequences=True, name=f"recurrent_{depth}")(inputs)
        value = keras.layers.Dense(units, name=f"value_{depth}")(run)
        gate = keras.layers.Dense(units, activation="sigmoid", name=f"gate_{depth}")(run)
        return keras.layers.Multiply(name=f"gated_{depth}")([value, gate])

    return mix


def selective(execution: Execution, *, units: int, states: int) -> Mix:
    """Mamba's block: twice as wide inside, a causal filter, a selective state space, and a gate around both.

    Source: Gu and Dao, Mamba: Linear-Time Sequence Modeling with Selective State Spaces, 2023, section 3.4.
    """
    import keras

    from zoo.layers import CausalFilter, SelectiveCell

    wide = 2 * units

    def mix(inputs: keras.KerasTensor, depth: int) -> keras.KerasTensor:
        def dense(width: int, name: str, activation: str | None = None) -> keras.layers.Layer:
            return keras.layers.Dense(width, activation, use_bias=False, name=f"{name}_{depth}")

        inner = CausalFilter(name=f"filter_{depth}")(dense(wide, "inner")(inputs))
        inner = keras.layers.Activation("silu", name=f"silu_{depth}")(inner)
        cell = SelectiveCell(wide, states, name="cell")
        run = recurrent(cell, execution, return_sequences=True, name=f"recurrent_{depth}")(inner)
        gate = dense(wide, "gate", "silu")(inputs)
        return dense(units, "outer")(keras.layers.Multiply(name=f"gated_{depth}")([run, gate]))

    return mix
