"""Layers that Keras lacks. Importing this package imports Keras and so fixes the backend."""

from zoo.layers.chunked import ChunkedRNN
from zoo.layers.flattened import FlattenedDense
from zoo.layers.layer_norm import LayerNormLSTMCell
from zoo.layers.neuron import NeuronCell
from zoo.layers.peephole import PeepholeLSTMCell
from zoo.layers.state_dropout import StateDropoutCell, StateMasks

__all__ = [
    "ChunkedRNN",
    "FlattenedDense",
    "LayerNormLSTMCell",
    "NeuronCell",
    "PeepholeLSTMCell",
    "StateDropoutCell",
    "StateMasks",
]
