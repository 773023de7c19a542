"""A model of your own, its recurrent layers run another way."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from zoo.copies import clone, compile_like, copy_of, require_graph
from zoo.errors import ZooError
from zoo.execution import NORMAL_JIT, Execution

if TYPE_CHECKING:
    import keras

OF_LAYER = ("return_sequences", "return_state", "go_backwards", "stateful", "zero_output_for_mask")
"""What a recurrent layer holds beside its cell: attributes and arguments alike."""


class ConversionWarning(UserWarning):
    """A layer that stays as it is, with the reason."""


def with_execution(model: keras.Model, execution: str | Execution, *, check: bool = True) -> keras.Model:
    """A copy of your model whose recurrent layers run as `execution` says, with the same weights and outputs.

    `SimpleRNN`, `LSTM`, `GRU`, `RNN` around any cell or several, and the zoo's own layers are converted, alone, in
    `Bidirectional` and in `TimeDistributed`. Names, masks, states, dropout, regularizers, shared layers, the loss, the
    metrics and the optimizer with its state stay. "stock" makes `keras.layers.LSTM`, `GRU` and `SimpleRNN`, so that
    the model's file loads without the zoo.

        fast = zoo.with_execution(model, "fused")
        zoo.with_execution(fast, "stock").save("model.keras")

    Args:
        model: a built Sequential or Functional model; it stays as it is.
        execution: "fused", "chunked-16+recompute", "looped+jit", ... (see `zoo.Execution`). The copy of a compiled
            model is compiled with jit where the execution has it, and always on JAX.
        check: whether outputs and gradients of both models are compared on a random batch.

    Returns:
        A model of the same inputs and outputs. A layer that cannot be converted is copied as it is, and named in a
        `ConversionWarning` with the reason.

    Raises:
        ZooError: the model is subclassed, not built, or has no recurrent layer; no layer of it can be converted; two
            layers share a cell; the backend does not have the execution; outputs or gradients differ; or the model
            reads text, of which no batch can be made up for the check.
    """
    from zoo.create import require_backend

    how = Execution.parse(execution)
    require_backend(how)
    require_graph(model, "with_execution")
    converter = _Converter(how)
    converted = converter.model(model)
    for name, reason in converter.kept.items():
        warnings.warn(f"layer {name!r} stays as it is: {reason}", ConversionWarning, stacklevel=2)
    converted.set_weights(model.get_weights())
    _copy_states(model, converted)
    _compile(converted, model, how)
    if check:
        from zoo.equality import require_equal

        require_equal(converted, model, how)
    return converted


def _copy_states(model: keras.Model, converted: keras.Model) -> None:
    """Let stateful layers go on where those of `model` stand; states are no weights."""
    from zoo.layers.keras_private import state_variables

    for ours, theirs in zip(state_variables(converted), state_variables(model), strict=True):
        ours.assign(theirs)


class _Converter:
    """Copies a model layer by layer.

    Attributes:
        kept: the recurrent layers that stay as they are: name -> reason.
    """

    def __init__(self, execution: Execution) -> None:
        self.kept: dict[str, str] = {}
        self._execution = execution
        self._converted = 0

    def model(self, model: keras.Model) -> keras.Model:
        """A copy of `model`, not compiled, with weights of its own.

        Raises:
            ZooError: as of `clone`, or it has no recurrent layer, or none can be converted.
        """
        copied = clone(model, self._layer, recursive=True)
        if not self._converted and not self.kept:
            raise ZooError(f"{model.name!r} has no recurrent layer: there is nothing to convert")
        if not self._converted:
            reasons = "; ".join(f"{name!r}: {reason}" for name, reason in self.kept.items())
            raise ZooError(f"no layer of {model.name!r} can be converted to {self._execution}: {reasons}")
        return copied

    def _layer(self, layer: keras.layers.Layer) -> keras.layers.Layer:
        """The layer in the copy: converted, or as it is."""
        import keras

        from zoo.layers.keras_private import flat_layers

        if not isinstance(layer, keras.layers.Layer):  # an operation, such as Keras puts into the graph for a mask
            return copy_of(layer)
        if not any(isinstance(each, keras.layers.RNN) for each in flat_layers(layer)):
            return copy_of(layer)
        try:
            result = self._with_recurrent(layer)
        except ZooError as error:
            self.kept[layer.name] = str(error)
            return copy_of(layer)
        if not layer.trainable:
            result.trainable = False
        self._converted += 1
        return result

    def _with_recurrent(self, layer: keras.layers.Layer) -> keras.layers.Layer:
        """A layer that is recurrent, or holds one that is, run as asked.

        Raises:
            ZooError: why it cannot be.
        """
        import keras

        from zoo.layers import FusedBidirectional
        from zoo.recurrent import bidirectional

        if isinstance(layer, keras.layers.RNN):
            return self._recurrent(layer)
        if type(layer) in (keras.layers.Bidirectional, FusedBidirectional):
            forward, backward = self._recurrent(layer.forward_layer), self._recurrent(layer.backward_layer)
            options = {"merge_mode": layer.merge_mode, "name": layer.name, "dtype": layer.dtype_policy}
            result = bidirectional(forward, backward_layer=backward, **options)
            result.activity_regularizer = layer.activity_regularizer
            return result
        if type(layer) is keras.layers.TimeDistributed:
            inner = self._with_recurrent(layer.layer)
            result = keras.layers.TimeDistributed(inner, name=layer.name, dtype=layer.dtype_policy)
            result.activity_regularizer = layer.activity_regularizer
            return result
        raise ZooError(f"{type(layer).__name__} calls its recurrent layer by its own code")

    def _recurrent(self, layer: keras.layers.RNN) -> keras.layers.RNN:
        """A recurrent layer run as asked.

        Raises:
            ZooError: the layer does more than run a cell, or the cell cannot be run so.
        """
        from zoo.recurrent import recurrent

        if type(layer) not in _plain():
            raise ZooError(f"{type(layer).__name__} does more than run a cell over time")
        options = {name: getattr(layer, name) for name in OF_LAYER}
        cell = copy_of(layer.cell)
        how = self._execution
        if how.is_stock and type(layer.cell) not in _stock_cells():
            how = Execution("unrolled" if how.loop == "stock-unrolled" else "looped")
        if how.is_stock and hasattr(layer, "use_cudnn"):
            options["use_cudnn"] = layer.use_cudnn
        result = recurrent(cell, how, name=layer.name, dtype=layer.dtype_policy, **options)
        result.activity_regularizer = layer.activity_regularizer
        if not layer.trainable:  # of a direction; what is frozen inside the cell is in the cell's own config
            result.trainable = False
        return result


def _plain() -> tuple[type, ...]:
    """Layers that do nothing but run a cell over time."""
    import keras

    from zoo.layers import ChunkedRNN, FusedRNN, ParallelRNN, UnrolledRNN

    own = (ChunkedRNN, FusedRNN, ParallelRNN, UnrolledRNN)
    return (keras.layers.RNN, keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU, *own)


def _stock_cells() -> tuple[type, ...]:
    """Cells that Keras has a layer of."""
    import keras

    return (keras.layers.SimpleRNNCell, keras.layers.LSTMCell, keras.layers.GRUCell)


def _compile(converted: keras.Model, model: keras.Model, execution: Execution) -> None:
    """Compile the copy as `model` is compiled, with the jit of the execution."""
    import keras

    if model.compiled:
        normal = NORMAL_JIT[keras.backend.backend()]
        jit_compile = execution.jit_compile if execution.is_stock else execution.jit or normal
        compile_like(converted, model, jit_compile, execution.calls)
