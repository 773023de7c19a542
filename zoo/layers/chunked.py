"""A recurrent layer whose loop has several steps written out in its body: what Keras users ask for in keras#16485."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops, tree

from zoo.errors import ZooError, unknown
from zoo.execution import AUTO, OF_CHUNKS, Execution, automatic_chunk, chunk_size
from zoo.layers import keras_private, kernels
from zoo.layers.inner_loop import first_states, known_steps, require_mask_fits
from zoo.layers.last_output import scan_to_last
from zoo.layers.precision import of_one_type
from zoo.layers.recompute import in_order, offloaded, recomputed
from zoo.layers.tensors import Tensor

MANY = 2**31 - 1
"""The length of a loop over an unknown number of chunks: Keras' loop ends with its rows."""
Body = Callable[[Any, Sequence[Tensor]], tuple[Tensor, list[Tensor]]]
"""(the rows of a chunk, carried) -> (its outputs (chunk, batch, units) or the last one, carried).

`carried` are the states and, where there is a mask, the last output.
"""


@keras.saving.register_keras_serializable("zoo")
class ChunkedRNN(keras.layers.RNN):
    """`keras.layers.RNN` with `chunk` steps written out inside a loop over steps / chunk.

    It does all that `keras.layers.RNN` does, with the same weights and the same numbers: masks, `return_sequences`,
    `return_state`, `stateful`, `initial_state`, `go_backwards`, `Bidirectional`, stacked cells, dropout, mixed
    precision. Steps that the chunk does not divide are written out after the loop. If the number of steps is unknown
    when the model is built, they are filled up with steps that change nothing.

    Args:
        cell: a recurrent cell, of Keras, of the zoo or of your own, or a list of cells.
        chunk: the number of steps to write out, or "auto": see `zoo.execution.automatic_chunk`.
        memory: "store" keeps the activations of every step for the backward pass. "recompute" keeps the state between
            chunks and computes the steps of a chunk, a loop of their own, again: with a chunk of √steps memory grows
            with √steps (Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016). "offload", on JAX and
            torch, moves the activations from the GPU to the host and back.
        **options: as of `keras.layers.RNN`, but for `unroll`: a chunk of all steps writes out all steps.

    Raises:
        ZooError: a chunk that is not a positive whole number, an unknown memory, one that the backend does not have,
            or `unroll=True`; in a call, a mask of another number of steps than the sequences.
    """

    def __init__(self, cell: Any, chunk: int | str = AUTO, memory: str = "store", **options: Any) -> None:
        chunk = chunk_size(chunk)
        if memory not in OF_CHUNKS:
            raise unknown("memory", str(memory), OF_CHUNKS)
        if options.pop("unroll", False):
            raise ZooError("a chunked loop takes no unroll: a chunk of all steps writes out all steps")
        problem = Execution("chunked", memory=memory, chunk=chunk).problem(keras.backend.backend())
        if memory == "offload" and problem:
            raise ZooError(problem)
        super().__init__(of_one_type(cell), **options)
        self.chunk = chunk
        self.memory = memory

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Build the cell; one that draws numbers in its call gives others when it is computed again.

        Raises:
            ZooError: the cell is such a one, and its activations are not stored.
        """
        super().build(sequences_shape, initial_state_shape)
        if self.memory != "store" and (changed := keras_private.drawn_in_calls(self.cell)):
            raise ZooError(
                f"the cell {self.cell.name!r} changes {changed[0].path} in its call: computed again it would give "
                "other numbers; take memory='store'"
            )

    def inner_loop(
        self, sequences: Tensor, initial_state: Any, mask: Tensor | None, training: bool = False
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Run the chunks: Keras calls this once its states and dropout masks are there.

        Args:
            sequences: (batch, steps, features).
            initial_state: (batch, units), one or several.
            mask: (batch, steps) or (batch, steps, 1), true at steps that count; None: all count.
            training: whether dropout is on.

        Returns:
            The last output (batch, units), all outputs (batch, steps, units) with `return_sequences`, the last states.
        """
        require_mask_fits(mask, sequences)
        steps = known_steps(sequences)
        chunk = self._chunk(steps)
        if chunk == 1 and self.memory == "store" and not self._replaces_keras_loop(steps, mask):
            return super().inner_loop(sequences, initial_state, mask, training)
        rows = self._rows(sequences, mask, chunk)
        states = first_states(self, initial_state)
        carried = [*states, self._no_output(rows[0][0], states)] if len(rows) > 1 else states
        last, outputs, carried = self._run(rows, carried, chunk, self._body(training))
        states = carried[: len(states)]
        if not self.return_sequences:
            return last, last, states
        outputs = outputs if steps is not None else outputs[: ops.shape(sequences)[1]]
        return last, _time_major(outputs), states

    def _chunk(self, steps: int | None) -> int:
        """The number of steps of a chunk, for a sequence of `steps`; None: unknown."""
        if isinstance(self.chunk, int):
            return self.chunk
        return automatic_chunk(steps, self.memory, keras.backend.backend(), kernels.device())

    def _rows(self, sequences: Tensor, mask: Tensor | None, chunk: int) -> list[Tensor]:
        """The inputs of the steps, (steps, batch, ...) each, in the order in which they are read.

        They are the sequences; with a mask or an unknown number of steps, whether a step counts, (steps, batch, 1);
        with an unknown number of steps, whether it is one of the sequence and not one that fills it up.
        """
        rows = [_time_major(sequences)]
        unknown_steps = known_steps(sequences) is None
        if mask is not None or unknown_steps:
            rows.append(_counting(mask, rows[0]))
        if self.go_backwards:
            rows = [ops.flip(each, axis=0) for each in rows]
        if unknown_steps:
            rows = [_filled(each, chunk) for each in [*rows, ops.ones_like(rows[1])]]
        return rows

    def _run(
        self, rows: list[Tensor], carried: list[Tensor], chunk: int, body: Body
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """A loop over whole chunks if there are two or more; the rest is written out.

        Returns:
            The last output, all outputs (steps, batch, units) with `return_sequences`, else None; carried.
        """
        steps = rows[0].shape[0] if isinstance(rows[0].shape[0], int) else None
        looped = None if steps is None else steps // chunk if steps >= 2 * chunk else 0  # number of chunks in the loop
        parts, last = [], None
        if looped != 0:
            whole = rows if looped is None else [each[: looped * chunk] for each in rows]
            turns = -1 if looped is None else looped
            chunks = [ops.reshape(each, (turns, chunk, *ops.shape(each)[1:])) for each in whole]
            last, outputs, carried = self._loop(body, _unpacked(chunks), carried, looped or MANY)
            if self.return_sequences:
                last = last[-1]
                parts.append(ops.reshape(outputs, (-1, *ops.shape(outputs)[2:])))
        for start in range((looped or 0) * chunk, steps or 0, chunk):
            outputs, carried = body(_unpacked([each[start : start + chunk] for each in rows]), carried)
            last = outputs[-1] if self.return_sequences else outputs
            parts.append(outputs)
        joined = None if not self.return_sequences else parts[0] if len(parts) == 1 else ops.concatenate(parts)
        return last, joined, list(carried)

    def _loop(self, body: Body, rows: Any, carried: list[Tensor], length: int) -> tuple[Tensor, Tensor, list[Tensor]]:
        """`body` over the leading axis of `rows`: its last output, all outputs with `return_sequences`, carried."""
        if self.memory != "store" and keras.backend.backend() == "tensorflow":
            last_cell = getattr(self.cell, "cells", [self.cell])[-1]  # one that is linear computes in float32
            return in_order(body, rows, carried, last_cell.compute_dtype, self.return_sequences)
        if self._keeps_last():
            return scan_to_last(body, rows, carried)
        return keras_private.loop(body, rows, carried, length, self.return_sequences)

    def _keeps_last(self) -> bool:
        """Whether the loop is the zoo's own on JAX, for one output."""
        return keras.backend.backend() == "jax" and not self.return_sequences

    def _replaces_keras_loop(self, steps: int | None, mask: Tensor | None) -> bool:
        """Whether the zoo's loop runs in the place of Keras', although a chunk is one step.

        Keras' loop on JAX is slower for one output. With a mask it takes the first state for the output of the step
        before, and refuses states of more than two axes.
        """
        return keras.backend.backend() == "jax" and (mask is not None or (steps is not None and self._keeps_last()))

    def _body(self, training: bool) -> Body:
        """One turn of the loop over the chunks."""
        options = {"training": training} if keras_private.takes_training(self.cell) else {}

        def written_out(rows: Any, carried: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
            rows = rows if isinstance(rows, tuple) else (rows,)
            outputs = []
            for i in range(rows[0].shape[0]):
                output, carried = self._step([each[i] for each in rows], list(carried), options)
                outputs.append(output)
            return ops.stack(outputs) if self.return_sequences else outputs[-1], list(carried)

        def looped(rows: Any, carried: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
            def step(row: Any, carried: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
                return self._step(list(row) if isinstance(row, tuple) else [row], list(carried), options)

            last, outputs, carried = self._loop(step, rows, list(carried), tree.flatten(rows)[0].shape[0])
            return outputs if self.return_sequences else last, list(carried)

        if self.memory == "recompute":
            return self._recomputed(looped)  # XLA compiles √steps written out for a long time, in a GiB
        return offloaded(written_out) if self.memory == "offload" else written_out

    def _recomputed(self, body: Body) -> Body:
        """`body` computed again in the backward pass, with the dropout masks of this call: Keras drops them before."""
        masks = keras_private.DropoutMasks(self.cell)

        def with_masks(rows: Any, carried: Sequence[Tensor], values: list[Any]) -> tuple[Tensor, list[Tensor]]:
            with masks.replaced(values):
                return body(rows, carried)

        again, values = recomputed(with_masks, self.cell.variables), masks.values()
        return lambda rows, carried: again(rows, carried, values)

    def _step(self, rows: list[Tensor], carried: list[Tensor], options: dict[str, Any]) -> tuple[Tensor, list[Tensor]]:
        """One step, of the rows that `_rows` makes: the output (batch, units), and carried."""
        if len(rows) == 1:
            output, states = self.cell(rows[0], carried, **options)
            return output, tree.pack_sequence_as(carried, tree.flatten(states))
        counts, states, before = rows[1], carried[:-1], carried[-1]
        output, new = self.cell(rows[0], states, **options)
        new = tree.pack_sequence_as(states, tree.flatten(new))
        states = tree.map_structure(lambda one, other: ops.where(_fit(counts, one), one, other), new, states)
        instead = before
        if self.zero_output_for_mask:
            there = _fit(rows[2], before) if len(rows) > 2 else ops.ones((), "bool")
            instead = ops.where(there, ops.zeros_like(before), before)
        output = ops.where(_fit(counts, output), output, instead)
        return output, [*states, output]

    def _no_output(self, row: Tensor, states: list[Tensor]) -> Tensor:
        """Zeros of the shape of an output, of the inputs (batch, features) of a step and the states before it."""
        units = getattr(self.cell, "output_size", None) or self.state_size[0]
        if isinstance(units, int) and all(len(each.shape) == 2 for each in tree.flatten(states)):
            return ops.zeros((ops.shape(row)[0], units), self.cell.compute_dtype)
        return ops.zeros_like(self.cell(row, states)[0])

    def get_config(self) -> dict[str, Any]:
        """Everything that the constructor needs to make this layer again."""
        config = {**super().get_config(), "chunk": self.chunk, "memory": self.memory}
        return {name: value for name, value in config.items() if name != "unroll"}


def _unpacked(rows: list[Tensor]) -> Any:
    """The tensor of a list of one, else a tuple: Keras' loop takes no tuple of one."""
    return rows[0] if len(rows) == 1 else tuple(rows)


def _time_major(sequences: Tensor) -> Tensor:
    """(batch, steps, ...) <-> (steps, batch, ...)."""
    return ops.swapaxes(sequences, 0, 1)


def _counting(mask: Tensor | None, rows: Tensor) -> Tensor:
    """Whether each step counts, (steps, batch, 1) bool, from a mask (batch, steps) or (batch, steps, 1)."""
    if mask is None:
        return ops.ones((*ops.shape(rows)[:2], 1), "bool")
    mask = ops.cast(mask, "bool")
    return _time_major(mask if len(mask.shape) > 2 else mask[..., None])


def _filled(rows: Tensor, chunk: int) -> Tensor:
    """The rows (steps, ...) filled up at the end with zeros to a number of steps that the chunk divides."""
    steps = ops.shape(rows)[0]
    more = (steps + chunk - 1) // chunk * chunk - steps  # not -steps % chunk: JAX divides no symbol with a remainder
    return ops.concatenate([rows, ops.zeros((more, *ops.shape(rows)[1:]), rows.dtype)])


def _fit(condition: Tensor, value: Tensor) -> Tensor:
    """The condition (batch, 1) with as many axes as `value`."""
    return ops.reshape(condition, (*ops.shape(condition)[:1], *(1 for _ in value.shape[1:])))
