"""Truncated backpropagation through time: the state is carried on, the gradient goes back a few steps only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

from zoo.copies import clone, copied_optimizer
from zoo.data import Data
from zoo.errors import ZooError
from zoo.registry import SEQUENCE_TO_SEQUENCE, SEQUENCE_TO_VECTOR, Recipe, Task
from zoo.training.recipes import loss_weights

if TYPE_CHECKING:
    import keras


def stateful_piece(model: keras.Model, steps: int, batch: int) -> keras.Model:
    """A copy of `model` for pieces of `steps` steps, whose recurrent layers keep their state between calls.

    Raises:
        ZooError: a layer reads backwards, so that its state cannot be carried on; or one that is not recurrent, or an
            operation, may look at several steps at once, of which a piece holds a few.
    """
    import keras

    def stateful(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if isinstance(layer, keras.layers.Bidirectional) or config.get("go_backwards"):
            raise ZooError(f"layer {layer.name!r} of {model.name!r} reads backwards: its state cannot be carried on")
        if isinstance(layer, keras.layers.RNN):
            config["stateful"] = True
        elif not _takes_steps_apart(layer):
            what = "layer" if isinstance(layer, keras.layers.Layer) else "operation"
            raise ZooError(
                f"{what} {layer.name!r} of {model.name!r} may look at several steps at once, of which a piece of a "
                "sequence holds a few"
            )
        return type(layer).from_config(config)

    (whole,) = model.inputs
    inputs = keras.Input(batch_shape=(batch, steps, *whole.shape[2:]), dtype=whole.dtype)
    piece = clone(model, stateful, input_tensors=inputs)
    piece.set_weights(model.get_weights())
    return piece


APART = (
    *("Dense", "Embedding", "Identity", "InputLayer", "Masking", "TimeDistributed", "ActivityRegularization"),
    *("Activation", "ReLU", "LeakyReLU", "ELU", "Dropout", "GaussianDropout", "GaussianNoise", "AlphaDropout"),
    *("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"),
)
"""Layers of Keras that make of each step what they would make of that step alone."""
OVER_LAST_AXIS = ("LayerNormalization", "RMSNormalization", "UnitNormalization", "Softmax", "Concatenate")
"""Those that do so where they look along the features."""
OPERATIONS = (
    *("Absolute", "Add", "Divide", "Exp", "Log", "Maximum", "Minimum", "Multiply", "Negative", "Power", "Sqrt"),
    *("Square", "Subtract", "TrueDivide", "Cast", "Clip", "Where", "Equal", "NotEqual", "Greater", "Less"),
    *("LogicalAnd", "LogicalNot", "LogicalOr", "Elu", "Gelu", "Relu", "Sigmoid", "Silu", "Softplus", "Tanh"),
)
"""Operations of `keras.ops`, in a graph without a layer, that take each number by itself."""


def _takes_steps_apart(layer: keras.Operation) -> bool:
    """Whether a layer or operation is known to make of each step what it would make of that step alone."""
    import keras

    from zoo.layers import LastStep, StateMasks

    along_features = getattr(layer, "axis", None) in (-1, 2, [-1], [2], (-1,), (2,))
    if not isinstance(layer, keras.layers.Layer):
        name = type(layer).__name__
        return name in OPERATIONS or (name == "Any" and along_features)  # of a Masking: whether a step counts

    def is_one(names: tuple[str, ...]) -> bool:
        return isinstance(layer, tuple(getattr(keras.layers, name) for name in names))

    known = isinstance(layer, (LastStep, StateMasks)) or is_one(APART)
    return known or (is_one(OVER_LAST_AXIS) and along_features)


def require_truncation(task: Task, recipe: Recipe, steps: int) -> None:
    """Refuse a truncation that the task or its number of steps does not allow.

    Raises:
        ZooError: the backend or the task allows none, or the length does not divide the steps; those that do are named.
    """
    import keras

    length = recipe.truncate
    if length is None:
        return
    if keras.backend.backend() == "jax":
        raise ZooError("on JAX Keras' compiled steps keep no state of a layer: truncate on TensorFlow or torch")
    if task.topology not in (SEQUENCE_TO_VECTOR, SEQUENCE_TO_SEQUENCE):
        raise ZooError(f"truncated backpropagation is for sequences that are read step by step, not {task.topology}")
    if not isinstance(length, Integral) or length < 1 or steps % length:
        allowed = [n for n in range(1, steps + 1) if steps % n == 0]
        raise ZooError(f"truncate must divide the {steps} steps of {task.name}: {', '.join(map(str, allowed))}")


def train_batch(piece: keras.Model, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> float:
    """One batch, piece by piece from a state of zeros: the mean of the losses of the pieces that have any.

    Pieces without a target, or whose targets count nothing in the loss, carry the state and no more, with dropout off;
    each other one is a training step.
    """
    steps = piece.inputs[0].shape[1]
    every_step = len(piece.outputs[0].shape) == 3
    for layer in piece.layers:
        if hasattr(layer, "reset_state"):
            layer.reset_state()
    losses = []
    for part in _pieces(x.shape[1], steps):
        counts = weights[:, part].any() if every_step and weights is not None else every_step or part.stop == x.shape[1]
        if not counts:
            piece.predict_on_batch(x[:, part])
            continue
        weighted = None if weights is None else weights[:, part] / weights[:, part].mean()
        targets = y[:, part] if every_step else y
        losses.append(piece.train_on_batch(x[:, part], targets, sample_weight=weighted, return_dict=True)["loss"])
    return float(np.mean(losses))


def _pieces(whole: int, steps: int) -> Iterator[slice]:
    """A sequence of so many steps in pieces."""
    return (slice(start, start + steps) for start in range(0, whole, steps))


def batches(examples: int, batch: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Indices of whole batches in random order; examples that fill no batch are left out."""
    order = rng.permutation(examples)
    return iter(order[: examples // batch * batch].reshape(-1, batch))


def fit(
    model: keras.Model,
    task: Task,
    recipe: Recipe,
    data: Data,
    *,
    weights: np.ndarray | None,
    seed: int,
    callbacks: Sequence[keras.callbacks.Callback],
    verbose: int,
) -> dict[str, list[float]]:
    """Train `model` as `keras.Model.fit` does, but in pieces of `recipe.truncate` steps; returns the history.

    Args:
        model: compiled; its optimizer is what the pieces train with.
        task: what the model is trained on.
        recipe: how.
        data: the task's.
        weights: of the training targets, (examples, steps), or None.
        seed: of the order of the examples.
        callbacks: Keras callbacks.
        verbose: 1 shows a progress bar.
    """
    import keras

    _require_ends(model, task)
    (x, y), rng = data.train, np.random.default_rng(seed)
    assert isinstance(x, np.ndarray)
    assert recipe.truncate is not None
    batch = min(recipe.batch, len(x))
    piece = stateful_piece(model, recipe.truncate, batch)
    piece.compile(model.optimizer, loss=task.loss, jit_compile=model.jit_compile)
    history = keras.callbacks.History()
    shown = {"epochs": recipe.epochs, "steps": len(x) // batch, "verbose": verbose, "add_progbar": bool(verbose)}
    watching = keras.callbacks.CallbackList([history, *callbacks], model=model, **shown)
    model.stop_training = False  # as `keras.Model.fit` does: a training before may have ended early
    watching.on_train_begin()
    try:
        for epoch in range(recipe.epochs):
            watching.on_epoch_begin(epoch)
            try:
                loss = _epoch(piece, (x, y, weights), batches(len(x), batch, rng), watching)
            finally:  # also of an epoch that is stopped
                model.set_weights(piece.get_weights())
            scores = _validation(model, recipe, data, loss_weights(task, recipe, data.validation.y), watching)
            watching.on_epoch_end(epoch, {"loss": loss, **scores})
            if model.stop_training:
                break
    finally:  # the optimizer is the piece's, whose variables it knows
        model.optimizer = copied_optimizer(model, piece)
    watching.on_train_end()
    return history.history


def _require_ends(model: keras.Model, task: Task) -> None:
    """Refuse sequences that may end before their last piece: of a piece that is masked throughout Keras answers zeros.

    Raises:
        ZooError: the model masks steps, and has one output an example.
    """
    import keras

    masks = any(isinstance(each, keras.layers.Masking) or getattr(each, "mask_zero", False) for each in model.layers)
    if masks and task.topology == SEQUENCE_TO_VECTOR:
        raise ZooError(f"{task.name} asks for one answer to sequences that end early: their pieces cannot be truncated")


def _validation(
    model: keras.Model,
    recipe: Recipe,
    data: Data,
    weights: np.ndarray | None,
    watching: keras.callbacks.CallbackList,
) -> dict[str, float]:
    """The loss and the metric on the validation split, by the names that Keras gives them."""
    watching.on_test_begin()
    scores = model.evaluate(
        *data.validation, sample_weight=weights, batch_size=recipe.batch, verbose=0, return_dict=True
    )
    watching.on_test_end()
    return {f"val_{name}": value for name, value in scores.items()}


def _epoch(
    piece: keras.Model,
    arrays: tuple[np.ndarray, np.ndarray, np.ndarray | None],
    order: Iterator[np.ndarray],
    watching: keras.callbacks.CallbackList,
) -> float:
    """Train on every batch of `order`, indices of the arrays x, y and weights: the mean of the losses."""
    x, y, weights = arrays
    losses: list[float] = []
    for i, chosen in enumerate(order):
        watching.on_train_batch_begin(i)
        losses.append(train_batch(piece, x[chosen], y[chosen], None if weights is None else weights[chosen]))
        watching.on_train_batch_end(i, {"loss": float(np.mean(losses))})
    return float(np.mean(losses))


def training_steps(task: Task, recipe: Recipe, data: Data) -> int:
    """How many times `fit` changes the weights."""
    x, y = data.train
    assert isinstance(x, np.ndarray)
    assert recipe.truncate is not None
    weights = loss_weights(task, recipe, y)
    parts = list(_pieces(x.shape[1], recipe.truncate)) if task.topology == SEQUENCE_TO_SEQUENCE else [slice(None)]
    counting = [part for part in parts if weights is None or weights[:, part].any()]
    return recipe.epochs * (len(x) // min(recipe.batch, len(x))) * len(counting)
