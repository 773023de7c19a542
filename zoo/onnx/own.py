"""A model of your own as an ONNX file, and an ONNX file that predicts."""

from __future__ import annotations

import itertools
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import ZooError, missing, positive_whole
from zoo.onnx import BATCHES, KEYS, PADDED, require_close, to_onnx, write
from zoo.padding import torn

if TYPE_CHECKING:
    import keras

LENGTHS = (7, 12)
"""Numbers of steps at which a model of any number of steps is compared with Keras."""


def export(model: keras.Model, path: str | Path) -> float:
    """Write your model as an ONNX file, after its outputs on random batches were compared with those of Keras.

    LSTM, GRU and SimpleRNN, alone and in Bidirectional, become ONNX' own operators; layers around them (Dense, Dropout,
    Embedding, Masking, Conv1D, pooling, normalization, sums, activations) become the usual ones. The file runs with any
    batch, and with any number of steps where the model has it. A model that masks takes sequences that are padded on
    the right, as ONNX' operators do: `keras.utils.pad_sequences(..., padding="post")`.

        zoo.export(model, "model.onnx")
        zoo.OnnxModel("model.onnx").predict(x)

    Args:
        model: a built Sequential or Functional model.
        path: of the file; it is written only if the outputs agree.

    Returns:
        The largest difference from Keras, over the largest output where that is above 1.

    Raises:
        ZooError: the model is subclassed or not built, a layer cannot be exported, onnx is not installed, the numbers
            differ by more than 1e-5, or the file cannot be written.
    """
    from zoo.copies import require_graph

    target = Path(path)
    if target.suffix != ".onnx":
        raise ZooError(f"the file must end in .onnx, not {target}")
    require_graph(model, "export")
    content, worst = _compared(model)
    write(content, target, worst)
    return worst


def compared(model: keras.Model) -> bytes:
    """The bytes of the file that `export` writes.

    Raises:
        ZooError: as of `export`.
    """
    content, worst = _compared(model)
    require_close(worst)
    return content


def _compared(model: keras.Model) -> tuple[bytes, float]:
    from zoo.layers.keras_private import state_variables

    if state_variables(model):
        raise ZooError(f"{model.name!r} keeps its state between calls (stateful=True), and an ONNX file keeps none")
    content = to_onnx(model).SerializeToString()
    run = OnnxModel(content)
    every_step = any(len(each.shape) > 2 for each in model.outputs)
    ways = itertools.product(BATCHES, LENGTHS, (False, True) if every_step else (True,))
    return content, float(np.max([_difference(model, run, *way) for way in ways]))  # NaN stays


def _difference(model: keras.Model, run: OnnxModel, batch: int, steps: int, masked: bool) -> float:
    """The largest difference from Keras over the largest number; of masked sequences at the steps that count in all."""
    import keras

    from zoo.equality import random_batch
    from zoo.layers.tensors import packed

    arrays = random_batch(model, batch, steps, masked=masked)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of layers that drop a mask: the numbers are compared
        expected = keras.tree.flatten(model.predict_on_batch(packed(model, arrays)))
    outputs = run.predict(arrays)
    differences = [0.0]
    for ours, known in zip(keras.tree.flatten(outputs), expected, strict=True):
        counts = _counting(known, arrays[0]) if masked else ...
        largest = max(1.0, np.abs(known[counts]).max(initial=0.0))
        if ours.shape != known.shape:
            return float("inf")
        differences.append(np.abs(ours[counts] - known[counts]).max(initial=0.0) / largest)
    return float(np.max(differences))


def _counting(output: np.ndarray, read: np.ndarray) -> Any:
    """Where an output for masked sequences counts: a vector everywhere, a sequence at the steps that no example masks.

    One of other steps than were read nowhere: nothing says which of them count.
    """
    from zoo.equality import first_masked

    if output.ndim < 3:
        return ...
    same = read.ndim > 1 and output.shape[1] == read.shape[1]
    return slice(None), slice(first_masked(output.shape[1]) if same else 0)


class OnnxModel:
    """An ONNX file that predicts on the CPU, by ONNX Runtime.

    Args:
        source: the file, or its bytes.
        threads: of one operator; 0 is ONNX Runtime's own choice.

    Raises:
        ZooError: onnxruntime is not installed, or the file is missing or is no ONNX file.
    """

    def __init__(self, source: str | Path | bytes, threads: int = 0) -> None:
        if absent := missing("onnxruntime"):
            raise ZooError(absent)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        content = source if isinstance(source, bytes) else str(source)
        if isinstance(content, str) and not Path(content).is_file():
            raise ZooError(f"no ONNX file {content!r}")
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime has a class of its own for each way a file is broken
            reason = " ".join(str(error).split())[:160]
            raise ZooError(f"{content[:80]!r} is not an ONNX file that runs here: {reason}") from error
        known = self._session.get_modelmeta().custom_metadata_map
        self._padding = json.loads(known.get(PADDED, "{}"))
        self._keys = json.loads(known.get(KEYS, "[]"))
        self.inputs = {each.name: each for each in self._session.get_inputs()}

    def predict(self, x: Any, batch_size: int | None = None) -> Any:
        """The outputs, as of `keras.Model.predict`: an array, or a list or a dict of one for each output.

        Args:
            x: (batch, ...), an array, or a list of one for each input, or a dict of them by the names in the file.
            batch_size: so many examples at a time; all at once by default.

        Raises:
            ZooError: another number of inputs, inputs of another shape than the file takes, of no numbers or of other
                numbers of examples than the first, sequences that are padded before their end where the file reads
                them by their lengths; or ONNX Runtime fails on them.
        """
        if isinstance(x, Mapping):
            if {*x} != {*self.inputs}:
                raise ZooError(f"the file has the inputs {', '.join(self.inputs)}, and {', '.join(x)} are given")
            x = [x[name] for name in self.inputs]
        given = list(x) if isinstance(x, (list, tuple)) else [x]
        if len(given) != len(self.inputs):
            raise ZooError(f"the file has {len(self.inputs)} inputs, and {len(given)} are given")
        arrays = {name: _array(self.inputs[name], each) for name, each in zip(self.inputs, given, strict=True)}
        counts = [len(each) for each in arrays.values()]
        if len({*counts}) > 1:
            raise ZooError(f"the inputs are of different numbers of examples: {', '.join(map(str, counts))}")
        self._require_right_padding(arrays)
        size = counts[0] if batch_size is None else positive_whole("batch_size", batch_size)
        parts = [
            self._run({name: each[start : start + size] for name, each in arrays.items()})
            for start in range(0, max(counts[0], 1), size or 1)
        ]
        outputs = [np.concatenate(each) for each in zip(*parts, strict=True)]
        if self._keys:
            return dict(zip(self._keys, outputs, strict=True))
        return outputs if len(outputs) > 1 else outputs[0]

    def _require_right_padding(self, arrays: Mapping[str, np.ndarray]) -> None:
        for name, fill in self._padding.items():
            there = arrays[name] != fill
            if torn(there if there.ndim < 3 else there.any(axis=-1)).any():
                raise ZooError(
                    f"a sequence of input {name!r} has padding ({fill:g}) before its end, and the file reads them by "
                    'their lengths: pad on the right, by keras.utils.pad_sequences(..., padding="post")'
                )

    def _run(self, arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        try:
            return self._session.run(None, arrays)
        except Exception as error:  # ONNX Runtime has a class of its own for each way to fail
            reason = " ".join(str(error).split())[:160]
            raise ZooError(f"ONNX Runtime cannot run the file on these inputs: {reason}") from error


def _array(declared: Any, x: Any) -> np.ndarray:
    """`x` as an array of the shape and the type that an input of the file is declared with.

    Raises:
        ZooError: it has another shape, or holds no numbers.
    """
    try:
        array = np.asarray(x)
    except (TypeError, ValueError) as error:  # such as rows of different lengths
        raise ZooError(f"input {declared.name!r} is no array: {str(error).splitlines()[0]}") from error
    if array.dtype.kind not in "biuf":
        raise ZooError(f"input {declared.name!r} takes numbers, not {array.dtype}")
    fits = array.ndim == len(declared.shape) and all(
        not isinstance(size, int) or size == have
        for size, have in zip(declared.shape[1:], array.shape[1:], strict=True)  # batches may come in parts
    )
    if not fits:
        raise ZooError(f"input {declared.name!r} takes {tuple(declared.shape)}, not {array.shape}")
    return array.astype("int32" if declared.type == "tensor(int32)" else "float32", copy=False)
