"""A model of your own, its recurrent layers run another way."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

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
        ZooError: the model is subclassed, not built, or has no recurrent layer; no layer of it can be converted; the
            backend does not have the execution; or outputs or gradients differ.
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


def require_graph(model: Any, call: str) -> None:
    """Refuse what is no built Sequential or Functional model, for a function of the zoo called `call`.

    Raises:
        ZooError: what it is instead.
    """
    import keras

    from zoo.layers.keras_private import is_functional

    if not isinstance(model, keras.Model):
        raise ZooError(f"{call} takes a keras.Model, not {type(model).__name__}")
    if type(model) is not keras.Sequential and not is_functional(model):
        kind = type(model).__name__
        raise ZooError(
            f"{kind} is a subclassed model, whose layers are called by its own code: only Sequential and "
            "Functional models are taken"
        )
    if not model.built or not model.inputs:
        raise ZooError(f"{model.name!r} is not built: give it a keras.Input, or call it on a batch once")


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
            ZooError: it has no recurrent layer, none can be converted, or a layer cannot be made from its config.
        """
        import keras

        from zoo.layers import keras_private

        with _own_classes(model), keras_private.not_compiled(model):
            copied = keras.models.clone_model(model, clone_function=self._layer, recursive=True)
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
            return _copy(layer)
        if not any(isinstance(each, keras.layers.RNN) for each in flat_layers(layer)):
            return _copy(layer)
        try:
            result = self._with_recurrent(layer)
        except ZooError as error:
            self.kept[layer.name] = str(error)
            return _copy(layer)
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
        cell = _copy(layer.cell)
        how = self._execution
        if how.is_stock and type(layer.cell) not in _stock_cells():
            how = Execution("unrolled" if how.loop == "stock-unrolled" else "looped")
        result = recurrent(cell, how, name=layer.name, dtype=layer.dtype_policy, **options)
        result.activity_regularizer = layer.activity_regularizer
        if not layer.trainable:  # of a direction; what is frozen inside the cell is in the cell's own config
            result.trainable = False
        return result


def _plain() -> tuple[type, ...]:
    """Layers that do nothing but run a cell over time."""
    import keras

    from zoo.layers import ChunkedRNN, FusedRNN, ParallelRNN

    own = (ChunkedRNN, FusedRNN, ParallelRNN)
    return (keras.layers.RNN, keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU, *own)


def _stock_cells() -> tuple[type, ...]:
    """Cells that Keras has a layer of."""
    import keras

    return (keras.layers.SimpleRNNCell, keras.layers.LSTMCell, keras.layers.GRUCell)


def _copy(layer: Any) -> Any:
    """A layer, cell or optimizer like this one, with weights of its own.

    Raises:
        ZooError: its config does not make it again.
    """
    try:
        return type(layer).from_config(layer.get_config())
    except Exception as error:  # a layer of the user's own, or a schedule, raises anything
        reason = " ".join(str(error).split())[:200]
        raise ZooError(
            f"{type(layer).__name__} {layer.name!r} is not made again by its get_config: {reason}"
        ) from error


def _own_classes(model: keras.Model) -> AbstractContextManager[Any]:
    """While this context is open, Keras finds the classes of all layers of the model by their names."""
    import keras

    from zoo.layers.keras_private import flat_layers

    return keras.saving.custom_object_scope({type(each).__name__: type(each) for each in flat_layers(model)})


def _compile(converted: keras.Model, model: keras.Model, execution: Execution) -> None:
    """Compile the copy as `model` is compiled, with the jit of the execution."""
    import keras

    if model.compiled:
        normal = NORMAL_JIT[keras.backend.backend()]
        jit_compile = execution.jit_compile if execution.is_stock else execution.jit or normal
        _compile_like(converted, model, jit_compile, execution.calls)


def _compile_like(converted: keras.Model, model: keras.Model, jit_compile: bool | str, calls: int = 1) -> None:
    """Compile the copy as `model` is compiled, with the optimizer where it stood.

    Of more than one step a call `calls` says how many; else the copy makes as many as the model.
    """
    import keras

    from zoo.layers.keras_private import compile_arguments

    given = compile_arguments(model)
    optimizer = _copy(model.optimizer)
    metrics = {name: keras.tree.map_structure(_new_metric, given[name]) for name in ("metrics", "weighted_metrics")}
    changed = {"optimizer": optimizer, "jit_compile": jit_compile}
    changed |= {"steps_per_execution": calls} if calls > 1 else {}
    converted.compile(**{**given, **metrics, **changed})
    if model.optimizer.built:
        optimizer.build(converted.trainable_variables)
        for new, old in zip(optimizer.variables, model.optimizer.variables, strict=True):
            new.assign(keras.ops.convert_to_numpy(old))  # on JAX a training step frees the arrays that it was given


def _new_metric(metric: Any) -> Any:
    """A metric of its own: it counts what it has seen."""
    import keras

    return type(metric).from_config(metric.get_config()) if isinstance(metric, keras.Metric) else metric


def copied(model: keras.Model) -> keras.Model:
    """A copy of your model as it is, with the same weights, compiled as it is.

    Raises:
        ZooError: as of `with_execution`, for what is no built Sequential or Functional model.
    """
    import keras

    from zoo.layers import keras_private

    require_graph(model, "recommend")
    with _own_classes(model), keras_private.not_compiled(model):
        result = keras.models.clone_model(model, clone_function=_copy, recursive=True)
    result.set_weights(model.get_weights())
    if model.compiled:
        _compile_like(result, model, keras_private.compile_arguments(model)["jit_compile"])
    return result
