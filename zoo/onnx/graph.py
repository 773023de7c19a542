"""An ONNX graph while it is built, and what stands for a tensor in it."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ELEMENTS = {"float": TensorProto.FLOAT, "int": TensorProto.INT32, "bool": TensorProto.BOOL}

OWN = "/"
"""The names of all tensors begin so but those of inputs and outputs, which may be names of the user's."""
OF_MASKS = ("Cast", "Not", "Equal", "ReduceMax", "Squeeze")
"""Operators that make a mask of what fills a step."""


@dataclass(frozen=True)
class Value:
    """A tensor of the graph by its name, as Keras hands it from layer to layer.

    Attributes:
        name: of the tensor.
        mask: name of the bool tensor (batch, steps), true at steps that count; empty where all do.
        flipped: whether Keras has the sequence in reverse, while the tensor has it in its first order.
    """

    name: str
    mask: str = ""
    flipped: bool = False

    def of(self, name: str) -> Value:
        """Another tensor with the mask and the order of this one."""
        return dataclasses.replace(self, name=name)


@dataclass
class Graph:
    """Operators and weights, in the order in which they were added."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    right: set[str] = field(default_factory=set)  #: masks that are read as lengths: what is padded stands on the right

    def padding(self) -> dict[str, float]:
        """By the name of an input whose padding must stand on the right: what fills a step of it."""
        makers = {name: node for node in self.nodes for name in node.output}
        weights = {weight.name: weight for weight in self.weights}
        found = {}
        for mask in sorted(self.right):
            name, fill, kinds = mask, 0.0, []
            while name in makers and makers[name].op_type in OF_MASKS:
                node = makers[name]
                kinds.append(node.op_type)
                if node.op_type == "Equal" and node.input[1] in weights:
                    fill = float(numpy_helper.to_array(weights[node.input[1]]))
                name = node.input[0]
            if name not in makers and kinds.count("Not") == kinds.count("Equal") == 1:
                found[name] = fill
        return found

    def body(self) -> Graph:
        """A graph inside this one: of operators of its own, its weights and names are those of the whole."""
        return Graph([], self.weights, self.numbers)

    def constant(self, value: Any) -> str:
        """The name of an array that is part of the file; whole numbers are int64, the rest float32 or bool."""
        array = np.asarray(value)
        kind = np.int64 if array.dtype.kind in "iu" else bool if array.dtype == bool else np.float32
        name = f"{OWN}weight_{next(self.numbers)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array, kind, order="C"), name))
        return name

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator and return the name of its output. An input of "" is left out."""
        return self.add_many(kind, 1, *inputs, **attributes)[0]

    def add_many(self, kind: str, outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        """Add an operator with several outputs and return their names."""
        names = [f"{OWN}{kind.lower()}_{next(self.numbers)}" for _ in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names

    def as_body(self, inputs: Sequence[tuple[str, str]], outputs: Sequence[str]) -> onnx.GraphProto:
        """This graph as the body of a scan: its inputs by name and kind, all its outputs of numbers."""
        ins = [helper.make_tensor_value_info(name, ELEMENTS[kind], None) for name, kind in inputs]
        outs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        return helper.make_graph(self.nodes, f"body_{next(self.numbers)}", ins, outs)
