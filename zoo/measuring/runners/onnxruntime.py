"""Runs a case's prediction through ONNX Runtime, on what `zoo export` makes of the case's model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

import zoo
import zoo.onnx
from zoo.measuring.case import Case
from zoo.measuring.computed import Computed, Weights
from zoo.measuring.machine import usable_cpus
from zoo.measuring.runners import Runner

if TYPE_CHECKING:
    import keras


NEEDED: tuple[str, ...] = zoo.onnx.NEEDED


def unsupported(case: Case) -> str:
    """Why `case` is no case of this runner, in words; empty where it is one."""
    if case.device != "cpu":
        return "ONNX Runtime is measured on the CPU"
    if case.recipe:
        return "ONNX Runtime does not train"
    return ""


def kernel_paths(case: Case) -> tuple[str, ...]:
    """One of ONNX' own recurrent operators."""
    return ("ort_rnn",)


def _looped(case: Case) -> keras.Model:
    """The model that is exported: how its loop ran in Keras leaves no trace in the file."""
    from zoo.measuring.runners import keras as keras_runner

    return keras_runner.create(replace(case, execution=zoo.Execution()))


def prepare(case: Case, batch: zoo.Split) -> Runner:
    """A session on the exported model."""
    return _runner(_looped(case), batch)


def prepare_floor(case: Case, batch: zoo.Split) -> Runner:
    """A session on a one-Dense model."""
    from zoo.measuring.runners import keras as keras_runner

    return _runner(keras_runner.floor_model(case, batch), batch)


def _runner(model: keras.Model, batch: zoo.Split) -> Runner:
    from zoo.onnx import session, to_onnx

    run = session(to_onnx(model).SerializeToString(), usable_cpus())
    arrays = [np.ascontiguousarray(x) for x in (batch.x if isinstance(batch.x, tuple) else (batch.x,))]
    return Runner({"predict": lambda: run(*arrays)}, model.count_params())


def computed(case: Case, batch: zoo.Split, weights: Weights | None) -> Computed:
    """The outputs from `weights`, or from the model's initial ones: there are no gradients."""
    from zoo.onnx import session, to_onnx

    model = _looped(case)
    if weights is not None:
        zoo.set_weights(model, dict(weights))
    proto = to_onnx(model)
    arrays = batch.x if isinstance(batch.x, tuple) else (batch.x,)
    nodes = proto.graph.node
    kinds = [node.op_type for node in nodes if node.op_type in ("LSTM", "GRU", "RNN", "Scan")]
    return Computed(
        {"outputs": session(proto.SerializeToString(), usable_cpus())(*arrays)},
        kernel_path="ort_scan" if "Scan" in kinds else "ort_rnn",
        kernel_evidence=f"operators {', '.join(kinds)} among {len(nodes)} of the file",
        graph_nodes=len(nodes),
        graph_kind="onnx",
        weights=zoo.get_weights(model),
    )
