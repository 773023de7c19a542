"""Sequences out of vectors, and out of other sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.models._network import embed
from zoo.models.gates import LSTM_EQUATIONS
from zoo.recurrent import recurrent
from zoo.registry import ENCODER_DECODER, VECTOR_TO_SEQUENCE, register_entry

if TYPE_CHECKING:
    import keras

    from zoo.execution import Execution
    from zoo.registry import Task


@register_entry(
    "vector_to_sequence",
    cell="lstm",
    stock="LSTM",
    topologies=(VECTOR_TO_SEQUENCE,),
    onnx="LSTM",
    summary="An LSTM that reads the same vector at every step and gives out a sequence.",
    equations=f"x(t) = v for every t\n{LSTM_EQUATIONS}\ny(t) = φ(h(t)·V + c), φ the activation of the task's output",
    paper="Karpathy, The Unreasonable Effectiveness of Recurrent Neural Networks: one to many",
    year=2015,
)
def vector_to_sequence(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """(batch, features) -> RepeatVector -> LSTMCell -> dense output at each of the task's steps."""
    import keras

    inputs = keras.Input((task.features,))
    repeated = keras.layers.RepeatVector(task.steps)(inputs)
    cell = keras.layers.LSTMCell(units, name="cell")
    hidden = recurrent(cell, execution, return_sequences=True, name="recurrent")(repeated)
    return keras.Model(inputs, keras.layers.Dense(task.outputs, activation=task.activation, name="output")(hidden))


def _source_and_target(task: Task) -> list[keras.KerasTensor]:
    """The inputs: source (batch, steps) and target one step late (batch, target steps)."""
    import keras

    lengths = {"source": task.steps, "target": task.target_steps}
    return [keras.Input((length,), dtype="int32", name=name) for name, length in lengths.items()]


def _encode_decode(
    task: Task, execution: Execution, units: int, backwards: bool = False
) -> tuple[list[keras.KerasTensor], keras.KerasTensor, keras.KerasTensor]:
    """The inputs, and every output of an encoder and of a decoder that begins in the encoder's last state."""
    import keras

    source, late = _source_and_target(task)
    cells = [keras.layers.LSTMCell(units, name="cell") for _ in range(2)]
    encoder = recurrent(cells[0], execution, return_sequences=True, return_state=True, name="recurrent_encoder")
    decoder = recurrent(cells[1], execution, return_sequences=True, name="recurrent_decoder")
    # Not by go_backwards: unrolled and masked, Keras 3.15 on torch fails with it.
    read = keras.ops.flip(source, axis=1) if backwards else source
    encoded, *states = encoder(embed(task.tokens, task.embedding, "source_embedding")(read))
    decoded = decoder(embed(task.outputs, task.embedding, "target_embedding")(late), initial_state=states)
    return [source, late], encoded, decoded


@register_entry(
    "encoder_decoder",
    cell="lstm",
    stock="LSTM",
    topologies=(ENCODER_DECODER,),
    onnx="LSTM",
    summary="An LSTM reads the source; another begins in its last state and writes the target.",
    equations=f"{LSTM_EQUATIONS}\nencoder: x(t) = E[source(t)], the state begins at 0\n"
    "decoder: x(t) = F[target(t-1)], the state begins where the encoder's ended; y(t) = softmax(h(t)·V + c)",
    paper="Sutskever, Vinyals and Le, Sequence to Sequence Learning with Neural Networks",
    year=2014,
)
def encoder_decoder(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """source (batch, steps), target one step late (batch, target steps) -> (batch, target steps, outputs)."""
    import keras

    inputs, _, decoded = _encode_decode(task, execution, units)
    return keras.Model(inputs, keras.layers.Dense(task.outputs, activation=task.activation, name="output")(decoded))


@register_entry(
    "encoder_decoder_reversed",
    cell="lstm",
    stock="LSTM",
    topologies=(ENCODER_DECODER,),
    onnx="LSTM",
    summary="As encoder_decoder, but the source is read from its end: its first words are the last to be read.",
    equations=f"{LSTM_EQUATIONS}\nas encoder_decoder, with x(t) = E[source(n+1-t)] in the encoder, of n tokens",
    paper="Sutskever, Vinyals and Le, Sequence to Sequence Learning with Neural Networks: section 3.3",
    year=2014,
)
def encoder_decoder_reversed(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """source (batch, steps), target one step late (batch, target steps) -> (batch, target steps, outputs).

    Padding, which comes first this way, is masked: the state is still 0 when the last word is read.
    """
    import keras

    inputs, _, decoded = _encode_decode(task, execution, units, backwards=True)
    return keras.Model(inputs, keras.layers.Dense(task.outputs, activation=task.activation, name="output")(decoded))


@register_entry(
    "lstm_on_the_fly",
    cell="lstm",
    stock="LSTM",
    topologies=(ENCODER_DECODER,),
    onnx="LSTM",
    summary="One LSTM that writes a token of the target for each token of the source that it reads.",
    equations=f"x(t) = E[source(t)], E[0] after the end of the source\n{LSTM_EQUATIONS}\ny(t) = softmax(h(t)·V + c)",
    paper="Géron, Hands-On Machine Learning with Scikit-Learn and TensorFlow, chapter 14, exercise 2: why not",
    year=2017,
)
def lstm_on_the_fly(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """source (batch, steps), target one step late (batch, target steps) -> (batch, target steps, outputs).

    The target is read for its padding alone. A source that is longer than the target is cut to its length.
    """
    import keras
    from keras import ops

    source, late = _source_and_target(task)
    longer = max(0, task.target_steps - task.steps)
    read = ops.pad(source[:, : task.target_steps], [[0, 0], [0, longer]])
    vectors = keras.layers.Embedding(task.tokens, task.embedding, name="source_embedding")(read)
    cell = keras.layers.LSTMCell(units, name="cell")
    hidden = recurrent(cell, execution, return_sequences=True, name="recurrent")(vectors, mask=ops.not_equal(late, 0))
    outputs = keras.layers.Dense(task.outputs, activation=task.activation, name="output")(hidden)
    return keras.Model([source, late], outputs)


@register_entry(
    "encoder_decoder_attention",
    cell="lstm",
    stock="LSTM",
    topologies=(ENCODER_DECODER,),
    onnx="LSTM",
    summary="As encoder_decoder, and each step of the decoder looks back at every step of the source.",
    equations="h(t) of the decoder and s(1..n) of the encoder as in encoder_decoder\n"
    "a(t) = softmax over i of h(t)·s(i), 0 where the source is padding\n"
    "z(t) = tanh([Σ a(t,i) s(i), h(t)]·W + b)\ny(t) = softmax(z(t)·V + c)",
    paper="Luong, Pham and Manning, Effective Approaches to Attention-based Neural Machine Translation: global, dot",
    year=2015,
)
def encoder_decoder_attention(task: Task, execution: Execution, *, units: int) -> keras.Model:
    """source (batch, steps), target one step late (batch, target steps) -> (batch, target steps, outputs)."""
    import keras

    inputs, encoded, decoded = _encode_decode(task, execution, units)
    context = keras.layers.Attention(name="attention")([decoded, encoded])
    both = keras.layers.Concatenate()([context, decoded])
    attentive = keras.layers.Dense(units, activation="tanh", name="attentive")(both)
    return keras.Model(inputs, keras.layers.Dense(task.outputs, activation=task.activation, name="output")(attentive))
