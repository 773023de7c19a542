"""The one place where a time loop is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.errors import ZooError

if TYPE_CHECKING:
    import keras

    from zoo.execution import Execution


def recurrent(cell: keras.layers.Layer, execution: Execution, **options: Any) -> keras.layers.Layer:
    """A layer that runs `cell` over the time axis as `execution` says.

    The layer is `keras.layers.RNN`, or one of the zoo's, around the cell. None of them switches to a vendor's kernel by
    itself, so every execution is the same computation. `keras.layers.LSTM` and `GRU` switch to cuDNN without notice,
    and lose `use_cudnn=False` when they are saved (keras#21533): they are the "stock" executions.

    On JAX, Keras' loop takes a cell's first state for its output wherever it masks a step, so that the output of a cell
    with another first state is wrong. There a cell of your own is looped by `ChunkedRNN`, one step a chunk.

    Args:
        cell: a Keras recurrent cell, of the zoo or of your own.
        execution: how to run it, but for its `jit`, which `create_model` passes to `compile`.
        **options: what `keras.layers.RNN` takes (`return_sequences`, `return_state`, `name`, ...).

    Returns:
        A layer from (batch, steps, features) to (batch, units), or to (batch, steps, units) with
        `return_sequences=True`.

    Raises:
        ZooError: the execution is "fused" and no kernel computes this cell, or "parallel" and the cell is not linear
            in its state, or "stock" and Keras has no layer of this cell; or some cells of a stack compute in half
            precision and others do not.
    """
    import keras

    from zoo.execution import AUTO
    from zoo.layers import ChunkedRNN, FusedRNN, ParallelRNN, UnrolledRNN
    from zoo.layers.precision import of_one_type

    if execution.loop == "chunked":
        return ChunkedRNN(cell, execution.chunk or AUTO, execution.memory, **options)
    if execution.loop == "fused":
        return FusedRNN(cell, execution.memory, **options)
    if execution.loop == "parallel":
        return ParallelRNN(cell, **options)
    if execution.is_stock:
        return stock_layer(cell, unroll=execution.loop == "stock-unrolled", **options)
    if keras.backend.backend() == "jax" and execution.loop == "looped" and not _gives_its_first_state(cell):
        return ChunkedRNN(cell, 1, **options)
    kind = UnrolledRNN if execution.loop == "unrolled" else keras.layers.RNN
    return kind(of_one_type(cell), **options)


def bidirectional(layer: keras.layers.RNN, **options: Any) -> keras.layers.Layer:
    """Both directions of a layer that `recurrent` gave: where a kernel runs it, in one call of the kernel.

    Args:
        layer: of one direction.
        **options: what `keras.layers.Bidirectional` takes (`merge_mode`, `backward_layer`, `name`, ...).
    """
    import keras

    from zoo.layers import FusedBidirectional, FusedRNN

    kind = FusedBidirectional if isinstance(layer, FusedRNN) else keras.layers.Bidirectional
    both = kind(layer, **options)
    if not layer.cell.trainable:  # Keras makes the layer again by a config that may not hold this
        both.forward_layer.cell.trainable = False
    return both


def _gives_its_first_state(cell: Any) -> bool:
    """Whether the output of a cell is known to be its first state: of those of Keras and of the zoo, around one too."""
    cells = getattr(cell, "cells", None) or (cell if isinstance(cell, (list, tuple)) else [cell])
    return all(
        type(each).__module__.partition(".")[0] in ("keras", "zoo")
        and _gives_its_first_state(getattr(each, "cell", ()))
        for each in cells
    )


def stock_layer(cell: keras.layers.Layer, **options: Any) -> keras.layers.Layer:
    """The layer that a tutorial writes for `cell`: `keras.layers.LSTM(units)` for an LSTMCell, with Keras' defaults.

    Args:
        cell: its units, activations, initializers and dropout are the layer's.
        **options: what `keras.layers.RNN` takes.

    Raises:
        ZooError: Keras has no layer of this cell.
    """
    import keras

    layers = keras.layers
    stock = {layers.SimpleRNNCell: layers.SimpleRNN, layers.LSTMCell: layers.LSTM, layers.GRUCell: layers.GRU}
    if type(cell) not in stock:
        raise ZooError(f"Keras has no layer of {type(cell).__name__}: ask for looped in the place of stock")
    config = {name: value for name, value in cell.get_config().items() if name not in ("name", "trainable")}
    layer = stock[type(cell)](**config | options)
    layer.cell.trainable = cell.trainable  # which is not in the config of a layer
    return layer
