"""Layers that Keras lacks. Importing this package imports Keras and so fixes the backend."""

from zoo.layers.chunked import ChunkedRNN
from zoo.layers.extended import MLSTMCell, SLSTMCell
from zoo.layers.flattened import FlattenedDense
from zoo.layers.fused import FusedRNN
from zoo.layers.fused_bidirectional import FusedBidirectional
from zoo.layers.independent import IndRNNCell
from zoo.layers.last_step import LastStep
from zoo.layers.layer_norm import LayerNormLSTMCell
from zoo.layers.linear import LinearCell, LRUCell, MinGRUCell, MinLSTMCell
from zoo.layers.neuron import NeuronCell
from zoo.layers.parallel import ParallelRNN
from zoo.layers.peephole import PeepholeLSTMCell
from zoo.layers.selective import CausalFilter, SelectiveCell
from zoo.layers.simple_recurrent_unit import SRUCell
from zoo.layers.state_dropout import StateDropoutCell, StateMasks
from zoo.layers.unrolled import UnrolledRNN
from zoo.layers.zoneout import ZoneoutLSTMCell

__all__ = [
    "CausalFilter",
    "ChunkedRNN",
    "FlattenedDense",
    "FusedBidirectional",
    "FusedRNN",
    "IndRNNCell",
    "LRUCell",
    "LastStep",
    "LayerNormLSTMCell",
    "LinearCell",
    "MLSTMCell",
    "MinGRUCell",
    "MinLSTMCell",
    "NeuronCell",
    "ParallelRNN",
    "PeepholeLSTMCell",
    "SLSTMCell",
    "SRUCell",
    "SelectiveCell",
    "StateDropoutCell",
    "StateMasks",
    "UnrolledRNN",
    "ZoneoutLSTMCell",
]
