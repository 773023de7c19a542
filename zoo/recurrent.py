"""The one place where a time loop is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

    from zoo.execution import Execution


def recurrent(cell: keras.layers.Layer, execution: Execution, **options: Any) -> keras.layers.Layer:
    """A layer that runs `cell` over the time axis as `execution` says.

    The layer is `keras.layers.RNN` or one of the zoo's around the cell, never `keras.layers.LSTM` or `GRU`: those
    switch to cuDNN when they can and say nothing, and `use_cudnn=False` is lost when such a model is saved
    (keras#21533). Around a cell there is no vendor kernel to fall into: every execution is the same computation.

    Args:
        cell: a Keras recurrent cell, of the zoo or of your own.
        execution: how to run it. Its `jit` is not a layer's business: `create_model` hands it to `compile`.
        **options: what `keras.layers.RNN` takes (`return_sequences`, `return_state`, `name`, ...).

    Returns:
        A layer from (batch, steps, features) to (batch, units), or to (batch, steps, units) with
        `return_sequences=True`.

    Raises:
        ZooError: the execution is "fused" and no kernel computes this cell, or "parallel" and the cell is not linear
            in its state.
    """
    import keras

    from zoo.execution import AUTO
    from zoo.layers import ChunkedRNN, FusedRNN, ParallelRNN

    if execution.loop == "chunked":
        return ChunkedRNN(cell, execution.chunk or AUTO, execution.memory, **options)
    if execution.loop == "fused":
        return FusedRNN(cell, execution.memory, **options)
    if execution.loop == "parallel":
        return ParallelRNN(cell, **options)
    return keras.layers.RNN(cell, unroll=execution.loop == "unrolled", **options)
