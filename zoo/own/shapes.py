"""The shapes of a model of your own, and a task of random numbers for one whose sizes are fixed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from zoo.data import Data, Split
from zoo.errors import ZooError
from zoo.registry import SEQUENCE_TO_SEQUENCE, SEQUENCE_TO_VECTOR, Task, require_steps

if TYPE_CHECKING:
    import keras

STEPS, UNITS, BATCH = 20, 64, 32
"""The sizes of a model that leaves them open."""
MOST_NUMBERS = 4_000_000
ADVICE = "zoo.recommend measures such a model"


@dataclass(frozen=True)
class Shape:
    """The sizes that a model takes and gives.

    Attributes:
        topology: sequence_to_vector or sequence_to_sequence.
        steps: of its sequences.
        features: of a step; 1 of tokens.
        outputs: of an example, or of a step.
        units: of its first recurrent layer.
        tokens: how many its embedding knows; 0 where inputs are features.
        embedding: the width of that embedding.
        gives_probabilities: whether the outputs of random inputs are positive and add up to 1.
    """

    topology: str
    steps: int
    features: int
    outputs: int
    units: int
    tokens: int = 0
    embedding: int = 0
    gives_probabilities: bool = False


def shape_of(model: keras.Model) -> Shape:
    """The sizes of a model with one input and one output.

    Raises:
        ZooError: it is not built, or has inputs or outputs that are no sequence, vector or token numbers.
    """
    import keras

    from zoo.layers.keras_private import flat_layers

    if not model.built or not model.inputs:
        raise ZooError("the model is not built: give it a keras.Input")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ZooError(f"the model has {len(model.inputs)} inputs and {len(model.outputs)} outputs: {ADVICE}")
    taken, given = tuple(model.inputs[0].shape[1:]), tuple(model.outputs[0].shape[1:])
    layers = flat_layers(model)
    embedding = next((layer for layer in layers if isinstance(layer, keras.layers.Embedding)), None)
    if (len(taken) == 1 and embedding is None) or len(taken) not in (1, 2) or (len(taken) == 2 and taken[1] is None):
        raise ZooError(f"the model takes {_words(taken)}, not (batch, steps, features) or token numbers: {ADVICE}")
    if len(given) not in (1, 2) or given[-1] is None:
        raise ZooError(f"the model gives {_words(given)}, neither a vector nor a sequence: {ADVICE}")
    if len(given) == 2 and given[0] != taken[0]:
        raise ZooError(f"the model gives {given[0]} steps for {taken[0]}: {ADVICE}")
    steps, is_text = taken[0] or STEPS, len(taken) == 1
    sizes = Shape(
        SEQUENCE_TO_SEQUENCE if len(given) == 2 else SEQUENCE_TO_VECTOR,
        steps,
        1 if is_text else taken[1],
        given[-1],
        next((_units(layer) for layer in layers if isinstance(layer, keras.layers.RNN)), UNITS),
        embedding.input_dim if is_text and embedding else 0,
        embedding.output_dim if is_text and embedding else 0,
    )
    x = _inputs(sizes, 4, np.random.default_rng(0))
    outputs = keras.ops.convert_to_numpy(keras.ops.stop_gradient(model(x, training=False)))
    probable = outputs.min() >= 0 and bool(np.allclose(outputs.sum(-1), 1, atol=1e-3))
    return Shape(**{**vars(sizes), "gives_probabilities": bool(probable)})


def toy_task(topology: str) -> Task:
    """A small task of a topology, to build a model for."""
    activation = "softmax" if topology == SEQUENCE_TO_VECTOR else "linear"
    sizes = Shape(topology, steps=5, features=3, outputs=4, units=6)
    return task_of("toy", sizes, activation)


def task_of(name: str, shape: Shape, activation: str = "linear") -> Task:
    """A task of random numbers in these sizes: it shows what a model costs, and nothing that it learns."""
    return Task(
        name=name,
        topology=shape.topology,
        summary=f"random numbers in the sizes of {name}",
        load=partial(random_data, shape=shape, name=name),
        steps=shape.steps,
        features=shape.features,
        outputs=shape.outputs,
        activation=activation,
        loss="mse",
        metric="mse",
        higher_is_better=False,
        naive={},
        units=shape.units,
        batch=BATCH,
        recipes=(),
        source="random numbers",
        licence="none needed",
        tokens=shape.tokens,
        embedding=shape.embedding,
    )


def random_data(*, shape: Shape, name: str, steps: int | None = None, seed: int = 0) -> Data:
    """Random inputs and targets of a shape: the same seed gives the same arrays.

    Raises:
        ZooError: another number of steps is asked for.
    """
    require_steps(name, shape.steps, steps)
    rng = np.random.default_rng(seed)
    examples = int(np.clip(MOST_NUMBERS // (shape.steps * max(shape.features, shape.outputs)), BATCH, 4096))
    size = (shape.steps, shape.outputs) if shape.topology == SEQUENCE_TO_SEQUENCE else (shape.outputs,)

    def split(count: int) -> Split:
        return Split(_inputs(shape, count, rng), rng.normal(size=(count, *size)).astype(np.float32))

    return Data(split(examples), split(BATCH), {"random": split(BATCH)})


def _inputs(shape: Shape, count: int, rng: np.random.Generator) -> np.ndarray:
    if shape.tokens:
        return rng.integers(1, max(2, shape.tokens), size=(count, shape.steps)).astype(np.int32)
    return rng.normal(size=(count, shape.steps, shape.features)).astype(np.float32)


def _units(layer: keras.layers.RNN) -> int:
    size = getattr(layer.cell, "output_size", None)
    return size if isinstance(size, int) else UNITS


def _words(sizes: tuple[int | None, ...]) -> str:
    return f"({', '.join(['batch', *map(str, sizes)])})"
