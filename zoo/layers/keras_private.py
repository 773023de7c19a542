"""Everything that Keras keeps private and the zoo uses.

tests/test_keras_private.py holds this file to the minor version of Keras and tries every name of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import keras
from keras import ops
from keras.src import backend
from keras.src.backend.common.stateless_scope import in_stateless_scope
from keras.src.layers.rnn.dropout_rnn_cell import DropoutRNNCell
from keras.src.models.functional import Functional

from zoo.layers.tensors import Tensor

MINOR = "3.15"
"""The version of Keras that these names were read in."""
INNER_LOOP = "inner_loop"
"""The method of `keras.layers.RNN` that runs the time loop, which the recurrent layers of the zoo replace."""
MASKS = ("_dropout_mask", "_recurrent_dropout_mask")
"""The attributes of a Keras cell that hold the dropout masks drawn before the loop."""


def loop(
    body: Callable[..., Any], rows: Any, states: Sequence[Tensor], length: int, every_output: bool
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Keras' own loop, which `keras.layers.RNN` runs: `body(row, states)` -> (output, states) over the leading axis.

    Args:
        body: one turn.
        rows: a tensor, or a tuple of tensors, (turns, ...).
        states: the first states.
        length: number of turns, or more: the loop ends with its rows.
        every_output: whether all outputs are kept.

    Returns:
        The last output; all outputs (turns, ...), or the last one (1, ...); the last states.
    """
    return backend.rnn(body, rows, states, time_major=True, input_length=length, return_all_outputs=every_output)


def vendor_kernel(
    cell: keras.layers.LSTMCell | keras.layers.GRUCell, inputs: Tensor, states: Sequence[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """cuDNN as `keras.layers.LSTM` and `GRU` call it on TensorFlow and JAX: all outputs, and the last states.

    Raises:
        NotImplementedError: cuDNN does not run here.
    """
    options = {
        "mask": None,
        "kernel": ops.convert_to_tensor(cell.kernel),
        "recurrent_kernel": ops.convert_to_tensor(cell.recurrent_kernel),
        "bias": ops.convert_to_tensor(cell.bias),
        "activation": cell.activation,
        "recurrent_activation": cell.recurrent_activation,
        "return_sequences": True,
    }
    if isinstance(cell, keras.layers.GRUCell):
        _, outputs, last = backend.gru(inputs, *states, reset_after=True, **options)
    else:
        _, outputs, last = backend.lstm(inputs, *states, **options)
    return outputs, list(last)


def takes_training(cell: keras.layers.Layer) -> bool:
    """Whether the `call` of a cell takes the argument `training`."""
    return bool(getattr(cell, "_call_has_training_arg", False))


def flat_layers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layer and all layers inside it."""
    return list(layer._flatten_layers())


def differs_in_training(model: keras.layers.Layer) -> bool:
    """Whether a layer drops or normalizes by the batch: then the model computes something else where it predicts."""
    rates = ("rate", "dropout", "recurrent_dropout")
    return any(
        isinstance(layer, keras.layers.BatchNormalization) or any(getattr(layer, rate, 0) for rate in rates)
        for layer in flat_layers(model)
    )


def state_variables(model: keras.layers.Layer) -> list[keras.Variable]:
    """The states that stateful recurrent layers keep between calls, in the order of the layers."""
    layers = [each for each in flat_layers(model) if isinstance(each, keras.layers.RNN) and each.stateful]
    return [state for each in layers for state in keras.tree.flatten(each.states) if state is not None]


def read_by(layer: keras.layers.Layer) -> list[keras.KerasTensor]:
    """What the calls of the layer in a graph read first."""
    return [node.arguments.keras_tensors[0] for node in layer._inbound_nodes]


def drawn_in_calls(layer: keras.layers.Layer) -> list[keras.Variable]:
    """What a call of the layer changes: the seeds of a Dropout inside, and the means of a BatchNormalization.

    Those of Keras' own recurrent cells, and of others by whose calls they are called, are not: they draw their masks
    before the loop.
    """
    changed = []
    for each in flat_layers(layer):
        if isinstance(each, keras.layers.BatchNormalization):
            changed += each._non_trainable_variables
        if not (isinstance(each, DropoutRNNCell) and type(each).call.__module__.startswith("keras.")):
            changed += [generator.state for generator in each._seed_generators]
    return changed


def no_variable_changes() -> AbstractContextManager[Any]:
    """While this context is open no variable is changed: within a trace of JAX it would keep a value of the trace.

    A call that is stateless already, as in every training on JAX, stays in its own context: another would hide the
    weights of the training. There a cell that changes a variable in its call fails, as in Keras' own loop.
    """
    return nullcontext() if in_stateless_scope() else keras.StatelessScope()


def computed_in() -> str | None:
    """The dtype that weights have where they are read now; None: each its own."""
    scope = backend.get_autocast_scope()
    return scope.dtype if scope else None


@contextmanager
def computing_in(dtype: str | None) -> Iterator[None]:
    """Weights have this dtype where they are read, as in the call of a layer of that compute dtype; None: their own."""
    with backend.AutocastScope(dtype):
        yield


def is_functional(model: keras.Model) -> bool:
    """Whether a model is what `keras.Model(inputs, outputs)` gives: its graph is all that it does."""
    return type(model) is Functional


@contextmanager
def not_compiled(model: keras.Model) -> Iterator[None]:
    """While this context is open the model counts as not compiled: `clone_model` compiles by a config, which does not
    hold functions of the user's own."""
    before = model.compiled
    model.compiled = False
    try:
        yield
    finally:
        model.compiled = before


def compile_arguments(model: keras.Model) -> dict[str, Any]:
    """What a compiled model was given in `compile`, as it was given."""
    return dict(model._compile_config.config)


def trained_by(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """The weights that an optimizer was built for, in its order."""
    return list(optimizer._trainable_variables)


def exclude_alike(
    optimizer: keras.optimizers.Optimizer,
    other: keras.optimizers.Optimizer,
    pairs: Sequence[tuple[keras.Variable, keras.Variable]],
) -> None:
    """Let `optimizer`, which is not built, exclude from its weight decay what `other` does: no config holds it.

    Args:
        optimizer: of the class of `other`.
        other: on which `exclude_from_weight_decay` may have been called.
        pairs: weights of `other`, each with that of `optimizer` in its place.
    """
    new, old = (getattr(each, "inner_optimizer", each) for each in (optimizer, other))  # of a LossScaleOptimizer
    excluded = getattr(old, "_exclude_from_weight_decay", None)
    if excluded is not None:
        pattern = old._exclude_from_weight_decay_pattern
        variables = [twin for variable, twin in pairs if old._var_key(variable) in excluded]
        new.exclude_from_weight_decay(variables, [pattern.pattern] if pattern else None)


class DropoutMasks:
    """The dropout masks that the Keras cells inside `cell` drew before the loop."""

    def __init__(self, cell: keras.layers.Layer) -> None:
        cells = [each for each in flat_layers(cell) if isinstance(each, DropoutRNNCell)]
        self._places = [(each, name) for each in cells for name in MASKS if getattr(each, name, None) is not None]

    def values(self) -> list[Any]:
        """The masks, (batch, features) or (batch, units) each, or a list of them where a cell has one for each gate."""
        masks = [getattr(cell, name) for cell, name in self._places]
        return [list(mask) if isinstance(mask, list) else mask for mask in masks]  # JAX does not know TrackedList

    @contextmanager
    def replaced(self, masks: Sequence[Any]) -> Iterator[None]:
        """The cells use `masks`, of the structure of `values()`, and their own again at the end."""
        before = [getattr(cell, name) for cell, name in self._places]
        self._set(masks)
        try:
            yield
        finally:
            self._set(before)

    def _set(self, masks: Sequence[Any]) -> None:
        for (cell, name), mask in zip(self._places, masks, strict=True):
            setattr(cell, name, mask)


def run_graph(model: keras.Model, inputs: Sequence[Any], handler: Callable[[keras.layers.Layer], Any]) -> Any:
    """Run the graph of `model` on `inputs`, with `handler(layer)` called in place of each layer."""
    graph = model._functional if isinstance(model, keras.Sequential) else model
    return graph._run_through_graph(inputs, operation_fn=handler)
