"""Copies of a Keras model's parts: layers with weights of their own, and what the model was compiled with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import FunctionType
from typing import TYPE_CHECKING, Any

from zoo.errors import ZooError

if TYPE_CHECKING:
    import keras


ADAPTED = ("Normalization", "Discretization", "TextVectorization", "StringLookup", "IntegerLookup")
"""Layers of Keras that `adapt` fits to data."""


def require_graph(model: Any, call: str) -> None:
    """Refuse what is no built Sequential or Functional model, for a function of the zoo called `call`.

    Raises:
        ZooError: what it is instead.
    """
    import keras

    from zoo.layers.keras_private import is_functional

    if not isinstance(model, keras.Model):
        raise ZooError(f"{call} takes a keras.Model, not {type(model).__name__}")
    if type(model) is not keras.Sequential and not is_functional(model):
        kind = type(model).__name__
        raise ZooError(
            f"{kind} is a subclassed model, whose layers are called by its own code: only Sequential and "
            "Functional models are taken"
        )
    if not model.built or not model.inputs:
        raise ZooError(f"{model.name!r} is not built: give it a keras.Input, or call it on a batch once")


def copy_of(layer: Any) -> Any:
    """A layer, cell, optimizer or metric like this one, with weights of its own.

    What Keras fits to data by `adapt`, such as a Normalization or a TextVectorization, has more than its weights, and
    is the same object in both; so is a layer without weights whose config does not make it again, such as a Lambda.

    Raises:
        ZooError: its config does not make it again.
    """
    import keras

    if isinstance(layer, tuple(getattr(keras.layers, name) for name in ADAPTED)):
        return layer
    try:
        config = layer.get_config()
        if hasattr(layer, "use_cudnn"):  # which Keras leaves out (keras#21533)
            config["use_cudnn"] = layer.use_cudnn
        return type(layer).from_config(config)
    except Exception as error:  # a layer of the user's own, or a schedule, raises anything
        if isinstance(layer, keras.layers.Layer) and not layer.variables:
            return layer
        reason = " ".join(str(error).split())[:200]
        raise ZooError(
            f"{type(layer).__name__} {layer.name!r} is not made again by its get_config: {reason}"
        ) from error


def clone(model: keras.Model, copy: Callable[[Any], Any], **options: Any) -> keras.Model:
    """`keras.models.clone_model`, not compiled, of a model that may hold objects of your own.

    Args:
        model: Sequential or Functional.
        copy: makes the layer in the copy from one of the model's.
        **options: `input_tensors`, `recursive`.

    Raises:
        ZooError: two layers share one inside them, of which the copy would have two; two functions have one name; or
            what `copy` raises.
    """
    import keras

    from zoo.layers import keras_private

    holders: dict[int, keras.layers.Layer] = {}
    for layer in _in_graph(model):
        for inner in keras_private.flat_layers(layer):
            other = holders.setdefault(id(inner), layer)
            if other is not layer and inner.variables:
                raise ZooError(
                    f"layers {other.name!r} and {layer.name!r} of {model.name!r} share {inner.name!r}, of which a copy "
                    "has one for each: give them their own"
                )
    with own_objects(model), keras_private.not_compiled(model):
        return keras.models.clone_model(model, clone_function=copy, **options)


def _in_graph(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers that the graph calls, also of models inside it."""
    import keras

    for layer in model.layers:
        yield from _in_graph(layer) if isinstance(layer, keras.Model) else [layer]


def own_objects(model: keras.Model) -> AbstractContextManager[Any]:
    """While this context is open, Keras finds the classes of all layers of the model, and functions that they hold, by
    their names: an activation of your own needs no registration.

    Raises:
        ZooError: two functions have one name, or one has that of a function of Keras, which would be taken instead.
    """
    import keras

    from zoo.layers.keras_private import flat_layers

    layers = flat_layers(model)
    by_name = [each for each in layers if not isinstance(each, keras.layers.Lambda)]  # which is copied as it is
    held = [(each, *item) for each in by_name for item in vars(each).items()]
    functions = [
        value for each, name, value in held if isinstance(value, FunctionType) and not hasattr(type(each), name)
    ]
    own: dict[str, FunctionType] = {}
    for each in functions:
        name = each.__name__
        if each.__module__.startswith("keras."):
            continue
        if own.setdefault(name, each) is not each or hasattr(keras.activations, name):
            raise ZooError(
                f"{model.name!r} holds a function called {name!r}, and there is another of that name: "
                "a copy is made by names, so give it one of its own"
            )
    return keras.saving.custom_object_scope({**own, **{type(each).__name__: type(each) for each in layers}})


def compile_like(converted: keras.Model, model: keras.Model, jit_compile: bool | str, calls: int = 1) -> None:
    """Compile the copy as `model` is compiled, with the optimizer where it stood.

    Of more than one step a call `calls` says how many; else the copy makes as many as the model.
    """
    import keras

    from zoo.layers.keras_private import compile_arguments

    given = compile_arguments(model)
    optimizer = copied_optimizer(converted, model)
    metrics = {name: keras.tree.map_structure(_new_metric, given[name]) for name in ("metrics", "weighted_metrics")}
    changed = {"optimizer": optimizer, "jit_compile": jit_compile}
    changed |= {"steps_per_execution": calls} if calls > 1 else {}
    converted.compile(**{**given, **metrics, **changed})


def copied_optimizer(model: keras.Model, of: keras.Model) -> keras.optimizers.Optimizer:
    """A copy of the optimizer of a model, where it stands, for `model`, which has the same weights in the same order.

    Raises:
        ZooError: its config does not make it again, or it was built for other weights than the model's.
    """
    import keras

    from zoo.layers.keras_private import exclude_alike, trained_by

    optimizer, result = of.optimizer, copy_of(of.optimizer)
    pairs = list(zip(of.weights, model.weights, strict=True))
    exclude_alike(result, optimizer, pairs)
    if optimizer.built:
        trained, twins = trained_by(optimizer), {id(old): new for old, new in pairs}
        if any(id(old) not in twins for old in trained):
            raise ZooError(f"{of.name!r} has not all weights that its optimizer was built for: compile it again")
        result.build([twins[id(old)] for old in trained])  # also for those that are frozen since
        for new, old in zip(result.variables, optimizer.variables, strict=True):
            new.assign(keras.ops.convert_to_numpy(old))  # on JAX a training step frees the arrays that it was given
    return result


def _new_metric(metric: Any) -> Any:
    """A metric of its own: it counts what it has seen."""
    import keras

    return copy_of(metric) if isinstance(metric, keras.Metric) else metric


def cloned(model: keras.Model, call: str) -> keras.Model:
    """A copy of your model as it is, with the same weights, not compiled, for a function called `call`.

    Raises:
        ZooError: as of `clone`, and of `with_execution` for what is no built Sequential or Functional model.
    """
    require_graph(model, call)
    result = clone(model, copy_of, recursive=True)
    result.set_weights(model.get_weights())
    return result


def copied(model: keras.Model, call: str) -> keras.Model:
    """As `cloned`, and compiled as the model is.

    Raises:
        ZooError: as of `cloned`.
    """
    from zoo.layers import keras_private

    result = cloned(model, call)
    if model.compiled:
        compile_like(result, model, keras_private.compile_arguments(model)["jit_compile"])
    return result
