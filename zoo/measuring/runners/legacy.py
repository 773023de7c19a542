"""Runs a case through the originals, `tf.compat.v1.nn.static_rnn` and `dynamic_rnn`, in a graph and a session.

The arms `legacy-static` and `legacy-dynamic`: the network of the zoo's one-layer entries as TensorFlow 1 wrote it. Its
cells live in the package tf_keras, and TensorFlow gives them out only where `ENVIRONMENT` was set before it was
imported, so these arms run in processes of their own.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

import zoo
from zoo.errors import ZooError
from zoo.measuring.batch import sequence_lengths
from zoo.measuring.case import Case
from zoo.measuring.computed import Computed, Tensor, Weights, first_less_later, timed
from zoo.measuring.runners import Runner
from zoo.measuring.runners._legacy_weights import (
    BIAS,
    KERNEL,
    OUTPUT_BIAS,
    OUTPUT_KERNEL,
    v1_weights,
    zoo_arrays,
    zoo_weights,
)
from zoo.registry import SEQUENCE_TO_SEQUENCE, Task

ENVIRONMENT = {"TF_USE_LEGACY_KERAS": "1"}
"""What the environment of a process must hold before it imports TensorFlow, for these arms to run in it."""
LEARNING_RATE = 0.01  # what Keras takes for "sgd"
NEEDED: tuple[str, ...] = ("tf_keras",)
MASKED = ("none", "full", "uniform")
ALLOWED = {"masked": MASKED, "backend": ("tensorflow",), "optimizer": ("sgd",), "dtype": ("float32",)}
V1_CELLS = {"neuron": "BasicRNNCell", "simple_rnn": "BasicRNNCell", "lstm": "BasicLSTMCell"}
REFUSED = {
    "gru": "TensorFlow 1's GRUCell computes another GRU: its reset gate acts on the state before the product, not "
    "after it, and its candidate has one bias, not two"
}
SWAP_CPU = "swap_memory moves what waits for the backward pass from a GPU to the host: there is no GPU in this case"
LOOP_NODES = ("LoopCond", "While", "StatelessWhile")  # one LoopCond a loop in v1 control flow, a While in v2


@dataclass(frozen=True)
class Network:
    """The tensors of a network, in the graph that was the default one when it was built."""

    inputs: Tensor  #: (batch, steps, features)
    targets: Tensor  #: (batch,) or (batch, steps, outputs)
    lengths: Tensor | None  #: (batch,), if a sequence_length is given
    hidden: Tensor  #: what the dense layer gets: every step's output, or the state that each sequence ends in
    outputs: Tensor  #: (batch, outputs) or (batch, steps, outputs)
    loss: Tensor  #: ()
    variables: dict[str, Tensor]  #: by the zoo's name less its entry; the recurrent kernel is one, [W; U]


def unsupported(case: Case) -> str:
    """Why `case` is no case of these arms, in words; empty where it is one. Imports no TensorFlow."""
    for kind, allowed in ALLOWED.items():
        if getattr(case, kind) not in allowed:
            return f"the legacy arms know {kind} {', '.join(allowed)}, not {getattr(case, kind)}"
    if case.execution.jit:
        return "a session does not compile: the legacy arms are without jit"
    if case.recipe:
        return "the legacy arms are timed, not trained by a recipe"
    if case.execution.memory == "swap" and case.device != "gpu":
        return SWAP_CPU
    return _other_model(case)


def _other_model(case: Case) -> str:
    """Why TensorFlow 1 has not the case's model, in words; empty if it has."""
    if zoo.get_task(case.task).tokens:
        return f"the legacy arms read features, not tokens as {case.task} has them"
    task = zoo.get_task(case.task)
    if task.topology == SEQUENCE_TO_SEQUENCE and task.activation == "softmax":
        return f"the legacy arms have no loss of classes at every step, as {case.task} asks for"
    if task.topology == SEQUENCE_TO_SEQUENCE and case.masked == "uniform":
        return f"the legacy arms count the padded steps of {case.task} in their loss, which Keras leaves out"
    if case.entry not in V1_CELLS:
        return REFUSED.get(case.entry, f"no cell of TensorFlow 1 is known to compute {case.entry}")
    return ""


def kernel_paths(case: Case) -> tuple[str, ...]:
    """The one of the call: `static_rnn` writes every step out, `dynamic_rnn` loops."""
    return ("flat",) if case.execution.loop == "static" else ("while",)


def tensorflow_1(device: str) -> ModuleType:
    """`tf.compat.v1` as TensorFlow 1 was: for the rest of this process graphs, v1 control flow and ref variables.

    Control flow v1 is what `dynamic_rnn` ran on when it was compared with `static_rnn`: its loop is Enter, Switch and
    NextIteration nodes in the one graph, with stacks that keep the activations. Under v2 the same call gives a While
    node with functions, the loop that Keras has today: the looped arm again, and one that never sees `swap_memory`.

    Raises:
        ZooError: the process was started without `ENVIRONMENT`, or no GPU is seen where `device` is "gpu".
    """
    for name, value in ENVIRONMENT.items():
        if os.environ.get(name) != value:
            raise ZooError(f"the legacy arms need a process that was started with {name}={value}")
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # all that is asked for here is deprecated
    tf.compat.v1.disable_v2_behavior()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    if device == "gpu" and not tf.config.list_physical_devices("GPU"):
        raise ZooError("tensorflow as it is installed here sees no GPU")
    return tf.compat.v1


def prepare(case: Case, batch: zoo.Split, weights: Weights | None = None) -> Runner:
    """Build the case's graph and open its session: "train" returns the loss before its step, "predict" the outputs.

    Args:
        case: its execution's loop is "static" or "dynamic"; its `masked` says which `sequence_length` the call is
            given: "none", "full" (all steps) or "uniform" (where the padding of the batch begins). With
            memory "swap" `dynamic_rnn` may move activations that wait for the backward pass to the host.
        batch: the inputs and targets that every call is fed.
        weights: arrays by the zoo's names; without them TensorFlow 1's own initial values, drawn from the case's seed.

    Raises:
        ZooError: the case is not for these arms.
    """
    if reason := unsupported(case):
        raise ZooError(reason)
    v1 = tensorflow_1(case.device)
    with v1.Graph().as_default():
        network = build(case)
        return _runner(v1, case, network, batch, weights)


def prepare_floor(case: Case, batch: zoo.Split) -> Runner:
    """One dense layer on the same path: what a graph, a session and its feeds cost with nearly nothing inside."""
    v1 = tensorflow_1(case.device)
    task = zoo.get_task(case.task)
    with v1.Graph().as_default():
        v1.set_random_seed(case.seed)
        inputs, targets = _placeholders(v1, case, task)
        hidden = inputs if task.topology == SEQUENCE_TO_SEQUENCE else inputs[:, -1]
        outputs, loss, variables = _output(v1, task, hidden, targets, case.features)
        network = Network(inputs, targets, None, hidden, outputs, loss, variables)
        return _runner(v1, case, network, batch, None)


def _runner(v1: ModuleType, case: Case, network: Network, batch: zoo.Split, weights: Weights | None) -> Runner:
    step = [network.loss, v1.train.GradientDescentOptimizer(LEARNING_RATE).minimize(network.loss)]
    session = _session(v1, case, network, weights)
    fed = feeds(network, batch)
    shown = {tensor: array for tensor, array in fed.items() if tensor is not network.targets}
    phases = {"train": lambda: session.run(step, fed)[0], "predict": lambda: session.run(network.outputs, shown)}
    parameters = sum(variable.shape.num_elements() for variable in network.variables.values())
    return Runner(phases, parameters, lambda: _peak_device_bytes(case.device))


def _peak_device_bytes(device: str) -> int | None:
    if device == "cpu":
        return None
    import tensorflow as tf

    return tf.config.experimental.get_memory_info("GPU:0")["peak"]


def computed(case: Case, batch: zoo.Split, weights: Weights | None) -> Computed:
    """The outputs and the gradients of the loss, from `weights` by the zoo's names, and how they came about.

    The gradients are in the order, the layout and the shapes of `weights`: to be compared with the looped arm's.
    """
    if reason := unsupported(case):
        raise ZooError(reason)
    v1 = tensorflow_1(case.device)
    with v1.Graph().as_default() as graph:

        def trace() -> tuple[Network, dict[str, Tensor]]:
            network = build(case)
            names, variables = zip(*network.variables.items(), strict=True)
            return network, dict(zip(names, v1.gradients(network.loss, variables), strict=True))

        trace_seconds, (network, gradients) = timed(trace)
        read = {**_of_graph(graph.as_graph_def()), "trace_seconds": trace_seconds}
        session = _session(v1, case, network, weights)
        weights = weights or zoo_weights(case, session.run(network.variables))
        fed = feeds(network, batch)
        seconds, (outputs, held) = first_less_later(lambda: session.run((network.outputs, gradients), fed))
    named = zoo_arrays(case, held)
    tensors = {"outputs": outputs, **{name: named[name] for name in weights}}
    return Computed(tensors, **read, compile_seconds=seconds, weights=weights)


def _of_graph(graph: Any) -> dict[str, Any]:
    """The path of the time loop and the size of a graph, its function library included."""
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    loops = [node for node in nodes if node.op in LOOP_NODES]
    return {
        "kernel_path": "while" if loops else "flat",
        "kernel_evidence": f"node {loops[0].name}, op {loops[0].op}" if loops else f"no loop among {len(nodes)} nodes",
        "graph_nodes": len(nodes),
        "graph_kind": "v1_graph",
    }


def build(case: Case) -> Network:
    """The case's network in the default graph. `tensorflow_1` must have been called in this process.

    `swap_memory` acts only in v1 control flow and only with a GPU: elsewhere it changes an attribute of nodes, no more.
    """
    from tensorflow.compat import v1

    v1.set_random_seed(case.seed)
    task = zoo.get_task(case.task)
    swap = case.execution.memory == "swap"
    inputs, targets = _placeholders(v1, case, task)
    lengths = None if case.masked == "none" else v1.placeholder(v1.int32, [None], "lengths")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "use keras.layers.LSTMCell instead"
        cell = getattr(v1.nn.rnn_cell, V1_CELLS[case.entry])(case.units)
    if case.execution.loop == "static":
        each, state = v1.nn.static_rnn(cell, v1.unstack(inputs, axis=1), dtype=v1.float32, sequence_length=lengths)
        every_step = v1.stack(each, axis=1)
    else:
        every_step, state = v1.nn.dynamic_rnn(cell, inputs, lengths, dtype=v1.float32, swap_memory=swap)
    hidden = every_step if task.topology == SEQUENCE_TO_SEQUENCE else getattr(state, "h", state)
    kernel, bias = cell.trainable_variables
    outputs, loss, variables = _output(v1, task, hidden, targets, case.units)
    return Network(inputs, targets, lengths, hidden, outputs, loss, {KERNEL: kernel, BIAS: bias, **variables})


def _placeholders(v1: ModuleType, case: Case, task: Task) -> tuple[Tensor, Tensor]:
    """Where the inputs and the targets of a batch of any size are fed."""
    inputs = v1.placeholder(v1.float32, [None, case.steps, case.features], "inputs")
    if task.topology == SEQUENCE_TO_SEQUENCE:
        return inputs, v1.placeholder(v1.float32, [None, case.steps, task.outputs], "targets")
    return inputs, v1.placeholder(v1.int32, [None], "targets")


def _output(
    v1: ModuleType, task: Task, hidden: Tensor, targets: Tensor, width: int
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """The dense layer on `hidden` (..., width): its outputs, the task's mean loss, and its variables."""
    kernel = v1.get_variable(OUTPUT_KERNEL, [width, task.outputs])
    bias = v1.get_variable(OUTPUT_BIAS, [task.outputs], initializer=v1.zeros_initializer())
    linear = v1.nn.bias_add(v1.matmul(v1.reshape(hidden, [-1, width]), kernel), bias)
    linear = v1.reshape(linear, [-1, *hidden.shape.as_list()[1:-1], task.outputs])
    if (task.activation, task.loss) == ("softmax", "sparse_categorical_crossentropy"):
        outputs = v1.nn.softmax(linear)
        losses = v1.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=linear)
    elif (task.activation, task.loss) == ("linear", "mse"):
        outputs, losses = linear, v1.squared_difference(linear, targets)
    else:
        raise ZooError(f"the legacy arms do not know {task.activation} outputs with the loss {task.loss}")
    return outputs, v1.reduce_mean(losses), {OUTPUT_KERNEL: kernel, OUTPUT_BIAS: bias}


def feeds(network: Network, batch: zoo.Split) -> dict[Tensor, np.ndarray]:
    """What a session is fed for `batch`: its inputs, its targets and, where the call takes them, its lengths."""
    fed = {network.inputs: np.ascontiguousarray(batch.x), network.targets: np.ascontiguousarray(batch.y)}
    if network.lengths is not None:
        fed[network.lengths] = sequence_lengths(batch.x)
    return fed


def _session(v1: ModuleType, case: Case, network: Network, weights: Weights | None) -> Tensor:
    """A session of the default graph, its variables at `weights` or at their initial values."""
    session = v1.Session()
    session.run(v1.global_variables_initializer())
    if weights is not None:
        for name, array in v1_weights(case, weights).items():
            network.variables[name].load(array, session)
    return session
