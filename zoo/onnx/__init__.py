"""Keras models as ONNX files with ONNX' own recurrent operators, compared with Keras."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data import PADDING
from zoo.errors import ZooError, missing
from zoo.registry import ENCODER_DECODER, Task
from zoo.saving import write_whole

if TYPE_CHECKING:
    import keras

NEEDED = ("onnx", "onnxruntime")
OPSET = 20
TOLERANCE = 1e-5
PADDED = "rnn-zoo.padding"
"""The metadata of a file that says which inputs are padded on the right alone, and by what."""
KEYS = "rnn-zoo.keys"
"""The metadata of a file that holds the keys of its outputs, where the model gives a dict of them; else none."""
BATCHES = (1, 3)
"""Sizes of the batches on which the file is compared with Keras; it runs with any other too."""


def require_onnx() -> None:
    """Raise a ZooError that names the packages to install where onnx or onnxruntime is missing."""
    if absent := missing(*NEEDED):
        raise ZooError(absent)


def to_onnx(model: keras.Model) -> Any:
    """The model as an `onnx.ModelProto`, for any batch and any number of steps.

    Its inputs are "x", or "x" and "late", or "x0", "x1", ...; its outputs "y", or "y0", "y1", ... Where the model takes
    or gives a dict they have its keys, unless one of them is a name in the file already.

    Raises:
        ZooError: onnx is not installed, the model computes in half precision, has a layer or a cell that cannot be
            exported, or becomes no graph that ONNX takes.
    """
    require_onnx()
    import onnx
    from keras import tree
    from onnx import TensorProto, helper

    from zoo.layers.keras_private import flat_layers, run_graph
    from zoo.onnx.graph import Graph, Value
    from zoo.onnx.layers import handler

    half = {each.compute_dtype for each in flat_layers(model)} & {"float16", "bfloat16"}
    if half:
        raise ZooError(
            f"{model.name!r} computes in {' and '.join(sorted(half))}, and an ONNX file in float32: "
            "make it anew without mixed precision, and give it the weights"
        )
    graph = Graph()
    count = len(model.inputs)
    names = ["x", "late"][:count] if count <= 2 else [f"x{place}" for place in range(count)]
    names = _free(_keys(getattr(model, "input", None)), ()) or names
    values = [  # as Keras casts what its layers read
        Value(graph.add("Cast", name, to=TensorProto.FLOAT) if "int" in tensor.dtype else name)
        for name, tensor in zip(names, model.inputs, strict=True)
    ]
    outputs = run_graph(model, values, lambda layer: handler(graph, layer))
    results = tree.flatten(outputs)
    ends = ["y"] if len(results) == 1 else [f"y{place}" for place in range(len(results))]
    ends = _free(_keys(outputs), names) or ends
    graph.nodes += [helper.make_node("Identity", [r.name], [end]) for r, end in zip(results, ends, strict=True)]
    declared = []
    for name, tensor in zip(names, model.inputs, strict=True):
        kind = TensorProto.INT32 if "int" in tensor.dtype else TensorProto.FLOAT
        sizes = ["batch", *([f"{name}_steps"] if len(tensor.shape) > 2 or kind == TensorProto.INT32 else [])]
        declared.append(helper.make_tensor_value_info(name, kind, sizes + list(tensor.shape[len(sizes) :])))
    shapes = [["batch", *["steps"] * (len(each.shape) - 2), each.shape[-1]] for each in model.outputs]
    ends_declared = [
        helper.make_tensor_value_info(end, TensorProto.FLOAT, shape) for end, shape in zip(ends, shapes, strict=True)
    ]
    whole = helper.make_graph(graph.nodes, model.name, declared, ends_declared, graph.weights)
    proto = helper.make_model(whole, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="rnn-zoo")
    proto.ir_version = 10
    helper.set_model_props(proto, {PADDED: json.dumps(graph.padding()), KEYS: json.dumps(_keys(outputs))})
    try:
        onnx.checker.check_model(proto, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ZooError(f"{model.name!r} becomes no graph that ONNX takes: {reason}") from error
    return proto


def _keys(structure: Any) -> list[str]:
    """The keys of a dict of tensors, in the order in which Keras flattens it; of another structure none."""
    from keras import tree

    flat = isinstance(structure, dict) and not any(map(tree.is_nested, structure.values()))
    return sorted(structure) if flat else []


def _free(keys: Sequence[str], taken: Sequence[str]) -> list[str]:
    """The keys as names of tensors; none where one of them is taken, or may be that of a tensor inside."""
    from zoo.onnx.graph import OWN

    return [] if any(not key or key.startswith(OWN) or key in taken for key in keys) else list(keys)


def session(proto: bytes, threads: int = 0) -> Callable[..., np.ndarray]:
    """A function from arrays to the output of an ONNX model on the CPU; `threads` 0 is ONNX Runtime's own choice."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    ran = onnxruntime.InferenceSession(proto, options, providers=["CPUExecutionProvider"])
    names = [each.name for each in ran.get_inputs()]
    return lambda *arrays: ran.run(["y"], dict(zip(names, arrays, strict=True)))[0]


def export_entry(model: keras.Model, task: Task, path: Path) -> float:
    """Write a model of the zoo as an ONNX file, after its outputs for random sequences were compared with Keras'.

    The sequences end early, at random, where the task's may.

    Args:
        model: of the zoo, made for `task`.
        task: sets the shapes and the padding of the inputs.
        path: of the file; it is written only if the outputs agree.

    Returns:
        The largest difference from Keras, absolute.

    Raises:
        ZooError: the file cannot be written, a layer cannot be exported, or the numbers differ by more than 1e-5.
    """
    content = to_onnx(model).SerializeToString()
    worst = float(np.max([difference(model, task, session(content), batch) for batch in BATCHES]))  # NaN stays
    write(content, path, worst)
    return worst


def write(content: bytes, path: Path, worst: float) -> None:
    """Write an ONNX file whose numbers differ from Keras' by `worst` at most.

    Raises:
        ZooError: that is more than 1e-5, or the file cannot be written.
    """
    require_close(worst)
    write_whole(path, content)


def require_close(worst: float) -> None:
    """Refuse numbers that differ from Keras' by more than 1e-5.

    Raises:
        ZooError: by how much they do.
    """
    if not worst <= TOLERANCE:
        raise ZooError(
            f"the ONNX model differs from Keras by {worst:.1e}, {TOLERANCE:.0e} is allowed: nothing is written"
        )


def difference(model: keras.Model, task: Task, run: Callable[..., np.ndarray], batch: int, seed: int = 0) -> float:
    """The largest absolute difference of the outputs of `run` from those of `model`, at the steps that count."""
    from zoo.layers.tensors import packed

    arrays, counts = random_inputs(model, task, batch, seed)
    expected = model.predict_on_batch(packed(model, arrays))
    outputs = run(*arrays)
    per_step = counts is not None and expected.ndim == 3
    return float(np.abs(outputs - expected)[counts if per_step else ...].max())


def random_inputs(model: keras.Model, task: Task, batch: int, seed: int) -> tuple[list[np.ndarray], np.ndarray | None]:
    """Inputs for a model of the task, and which steps of the outputs count; None where all do."""
    rng = np.random.default_rng(seed)
    arrays: list[np.ndarray] = []
    counts = None
    for tensor in model.inputs:
        shape = (batch, *tensor.shape[1:])
        if tensor.dtype == "int32":
            tokens = task.outputs if task.topology == ENCODER_DECODER and arrays else task.tokens
            array = rng.integers(1, tokens, shape).astype(np.int32)
        else:
            array = rng.normal(size=shape).astype(np.float32)
        if tensor.dtype == "int32" or task.masked:
            counts = np.arange(shape[1]) < rng.integers(1, shape[1], (batch, 1), endpoint=True)
            array[~counts] = 0 if tensor.dtype == "int32" else PADDING
        arrays.append(array)
    return arrays, counts
