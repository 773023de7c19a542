"""Layers that Keras lacks. Importing this package imports Keras and so fixes the backend."""

from zoo.layers.neuron import NeuronCell

__all__ = ["NeuronCell"]
