"""Layers that Keras lacks. Importing this package imports Keras and so fixes the backend."""

from zoo.layers.neuron import NeuronCell
from zoo.layers.state_dropout import StateDropoutCell, StateMasks

__all__ = ["NeuronCell", "StateDropoutCell", "StateMasks"]
