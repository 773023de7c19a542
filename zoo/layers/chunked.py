"""A recurrent layer whose loop has several steps written out in its body: what Keras users ask for in keras#16485."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops, tree
from keras.src import backend  # Keras' own loop over a leading axis: what `keras.layers.RNN` itself runs
from keras.src.layers.rnn.dropout_rnn_cell import DropoutRNNCell

from zoo.errors import ZooError, unknown
from zoo.execution import AUTO, OF_CHUNKS, Execution, automatic_chunk
from zoo.layers.recompute import in_order, offloaded, recomputed

MASKS = ("_dropout_mask", "_recurrent_dropout_mask")
"""Where a Keras cell keeps the masks that it drew before the loop."""

MANY = 2**31 - 1
"""What Keras' loop is told where the number of chunks is not known: it ends with its inputs all the same."""


@keras.saving.register_keras_serializable("zoo")
class ChunkedRNN(keras.layers.RNN):
    """`keras.layers.RNN` with `chunk` steps written out inside a loop over steps / chunk.

    Whatever `keras.layers.RNN` does this does too, with the same weights and the same numbers: masks,
    `return_sequences`, `return_state`, `stateful`, `initial_state`, `go_backwards`, `Bidirectional`, stacked cells,
    dropout, mixed precision. Steps that the chunk does not divide are written out after the loop; where the number of
    steps is not known when the model is built, they are filled up with steps that change nothing.

    Args:
        cell: a recurrent cell, of Keras, of the zoo or of your own, or a list of cells.
        chunk: how many steps are written out, or "auto": see `zoo.execution.automatic_chunk`.
        memory: "store" keeps what the backward pass needs of every step; "recompute" keeps the state between chunks and
            computes the steps of a chunk, a loop of their own, again: with a chunk of √steps memory grows with √steps
            (Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016); "offload", on JAX and torch, moves it
            from the GPU to the host and back.
        **options: as of `keras.layers.RNN`; `unroll=True` is a chunk of all steps.

    Raises:
        ZooError: a chunk that is no positive whole number, an unknown memory, or one that the backend has not.
    """

    def __init__(self, cell: Any, chunk: int | str = AUTO, memory: str = "store", **options: Any) -> None:
        if chunk != AUTO and (isinstance(chunk, bool) or not isinstance(chunk, int) or chunk < 1):
            raise ZooError(f"chunk must be a positive whole number or {AUTO!r}, not {chunk!r}")
        if memory not in OF_CHUNKS:
            raise unknown("memory", str(memory), OF_CHUNKS)
        problem = Execution("chunked", memory=memory, chunk=chunk).problem(keras.backend.backend())
        if memory == "offload" and problem:
            raise ZooError(problem)
        super().__init__(cell, **options)
        self.chunk = chunk
        self.memory = memory

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Run the chunks: Keras calls this once its states and dropout masks are there.

        Returns:
            The last output (batch, units), all outputs (batch, steps, units) with `return_sequences`, the last states.
        """
        steps = sequences.shape[1]
        chunk = self._chunk(steps)
        if chunk == 1 and self.memory == "store":
            return super().inner_loop(sequences, initial_state, mask, training)
        rows = [_time_major(sequences)]
        if mask is not None or steps is None:
            rows.append(_kept(mask, rows[0]))
        if self.go_backwards:
            rows = [ops.flip(each, axis=0) for each in rows]
        if steps is None:
            rows = [*rows, ops.ones_like(rows[1])]  # of the steps that are there, and not filled up
            rows = [_filled(each, chunk) for each in rows]
        states = list(initial_state) if tree.is_nested(initial_state) else [initial_state]
        carried = [*states, self._no_output(rows[0])] if len(rows) > 1 else states
        last, outputs, carried = self._run(rows, carried, chunk, self._body(training))
        states = carried[: len(states)]
        if not self.return_sequences:
            return last, last, states
        outputs = outputs if steps is not None else outputs[: ops.shape(sequences)[1]]
        return last, _time_major(outputs), states

    def _chunk(self, steps: int | None) -> int:
        """How many steps a chunk holds of so many, or of a number that is not known."""
        if self.unroll and steps is not None:
            return steps
        if isinstance(self.chunk, int):
            return self.chunk
        return automatic_chunk(steps, self.memory, keras.backend.backend(), _device())

    def _run(self, rows: list[Any], carried: list[Any], chunk: int, body: Any) -> tuple[Any, Any, list[Any]]:
        """A loop over whole chunks where there are two or more, the rest written out.

        Returns:
            The last output, all outputs (steps, ...) or None, what is carried.
        """
        steps = rows[0].shape[0]
        looped = None if steps is None else steps // chunk if steps >= 2 * chunk else 0
        parts, last = [], None
        if looped != 0:
            whole = rows if looped is None else [each[: looped * chunk] for each in rows]
            pieces = [
                ops.reshape(each, (-1 if looped is None else looped, chunk, *ops.shape(each)[1:])) for each in whole
            ]
            nested = pieces[0] if len(pieces) == 1 else tuple(pieces)
            last, outputs, carried = self._loop(body, nested, carried, looped or MANY)
            if self.return_sequences:
                last = last[-1]
                parts.append(ops.reshape(outputs, (-1, *ops.shape(outputs)[2:])))
        for start in range((looped or 0) * chunk, steps or 0, chunk):
            tail = [each[start : start + chunk] for each in rows]
            outputs, carried = body(tail[0] if len(tail) == 1 else tuple(tail), carried)
            last = outputs[-1] if self.return_sequences else outputs
            parts.append(outputs)
        joined = None if not self.return_sequences else parts[0] if len(parts) == 1 else ops.concatenate(parts)
        return last, joined, list(carried)

    def _loop(self, body: Any, rows: Any, carried: list[Any], length: int) -> tuple[Any, Any, list[Any]]:
        """The last output of `body` over the leading axis of `rows`, all of them if they are asked for, the states."""
        if self.memory != "store" and keras.backend.backend() == "tensorflow":
            return in_order(body, rows, carried, self.compute_dtype, self.return_sequences)
        options = {"time_major": True, "input_length": length, "return_all_outputs": self.return_sequences}
        return backend.rnn(body, rows, carried, **options)

    def _body(self, training: bool) -> Any:
        """(rows of a chunk, what is carried) -> (its outputs or its last one, what is carried on)."""
        options = {"training": training} if getattr(self.cell, "_call_has_training_arg", False) else {}

        def written_out(rows: Any, carried: Sequence[Any]) -> tuple[Any, list[Any]]:
            rows = rows if isinstance(rows, tuple) else (rows,)
            outputs = []
            for i in range(rows[0].shape[0]):
                output, carried = self._step([each[i] for each in rows], list(carried), options)
                outputs.append(output)
            return ops.stack(outputs) if self.return_sequences else outputs[-1], list(carried)

        def looped(rows: Any, carried: Sequence[Any]) -> tuple[Any, list[Any]]:
            def one(row: Any, carried: Sequence[Any]) -> tuple[Any, list[Any]]:
                return self._step(list(row) if isinstance(row, tuple) else [row], list(carried), options)

            last, outputs, carried = self._loop(one, rows, list(carried), tree.flatten(rows)[0].shape[0])
            return outputs if self.return_sequences else last, list(carried)

        if self.memory == "recompute":
            return self._recomputed(looped)  # written out, √steps of them would take XLA long, and a GiB
        return offloaded(written_out) if self.memory == "offload" else written_out

    def _recomputed(self, body: Any) -> Any:
        """`body` computed again in the backward pass, with the dropout masks of this call: Keras drops them before."""
        cells = [each for each in self.cell._flatten_layers() if isinstance(each, DropoutRNNCell)]
        places = [(cell, name) for cell in cells for name in MASKS if getattr(cell, name, None) is not None]

        def put(values: list[Any]) -> None:
            for (cell, name), value in zip(places, values, strict=True):
                setattr(cell, name, value)

        def with_masks(rows: Any, carried: Any, masks: list[Any]) -> Any:
            before = [getattr(cell, name) for cell, name in places]
            put(masks)
            try:
                return body(rows, carried)
            finally:
                put(before)

        masks = [getattr(cell, name) for cell, name in places]
        masks = [list(mask) if isinstance(mask, list) else mask for mask in masks]  # JAX knows no TrackedList
        again = recomputed(with_masks, self.cell.variables)
        return lambda rows, carried: again(rows, carried, masks)

    def _step(self, rows: list[Any], carried: list[Any], options: dict[str, Any]) -> tuple[Any, list[Any]]:
        """One step: rows are its inputs, and where there is a mask whether it counts, and whether it is there at all.

        What is carried are the states and, where there is a mask, the last output.
        """
        if len(rows) == 1:
            output, states = self.cell(rows[0], carried, **options)
            return output, tree.pack_sequence_as(carried, tree.flatten(states))
        counts, states, before = rows[1], carried[:-1], carried[-1]
        output, new = self.cell(rows[0], states, **options)
        new = tree.pack_sequence_as(states, tree.flatten(new))
        states = tree.map_structure(lambda one, other: ops.where(_fit(counts, one), one, other), new, states)
        instead = before
        if self.zero_output_for_mask:
            there = rows[2] if len(rows) > 2 else True
            instead = ops.where(_fit(there, before), ops.zeros_like(before), before)
        output = ops.where(_fit(counts, output), output, instead)
        return output, [*states, output]

    def _no_output(self, rows: Any) -> Any:
        """What stands for the output before the first step."""
        units = getattr(self.cell, "output_size", None) or self.state_size[0]
        return ops.zeros((ops.shape(rows)[1], units), self.cell.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Everything that the constructor needs to make this layer again."""
        return {**super().get_config(), "chunk": self.chunk, "memory": self.memory}


def _device() -> str:
    """Where JAX computes; the rule for TensorFlow is the same everywhere."""
    if keras.backend.backend() != "jax":
        return "cpu"
    import jax

    return jax.default_backend()


def _time_major(sequences: Any) -> Any:
    """(batch, steps, ...) <-> (steps, batch, ...)."""
    return ops.swapaxes(sequences, 0, 1)


def _kept(mask: Any, sequences: Any) -> Any:
    """Whether each step counts, (steps, batch, 1) bool, from a mask (batch, steps) or (batch, steps, 1)."""
    if mask is None:
        return ops.ones((*ops.shape(sequences)[:2], 1), "bool")
    mask = ops.cast(mask, "bool")
    return _time_major(mask if len(mask.shape) > 2 else mask[..., None])


def _filled(rows: Any, chunk: int) -> Any:
    """The rows (steps, ...) filled up at the end with zeros to a number of steps that the chunk divides."""
    more = -ops.shape(rows)[0] % chunk
    return ops.concatenate([rows, ops.zeros((more, *ops.shape(rows)[1:]), rows.dtype)])


def _fit(condition: Any, value: Any) -> Any:
    """The condition (batch, 1) with as many axes as `value`."""
    if condition is True:
        return ops.ones((), "bool")
    return ops.reshape(condition, (*ops.shape(condition)[:1], *(1 for _ in value.shape[1:])))
