"""Making a model of the zoo from its name."""

from __future__ import annotations

import dataclasses
import inspect
import os
import sys
from numbers import Real
from typing import TYPE_CHECKING, Any

from zoo.errors import ZooError, fraction, positive_whole, unknown
from zoo.execution import BACKENDS, KERAS, Execution
from zoo.pretrained import PRETRAINED, get_card, load_pretrained
from zoo.registry import MODELS, SEQUENCE_TO_SEQUENCE, SEQUENCE_TO_VECTOR, TASKS, Entry, Task, require_steps

if TYPE_CHECKING:
    from pathlib import Path

    import keras


def task_at(name: str, steps: int | None = None) -> Task:
    """The task called `name`, at another number of steps if one is given and the task allows it."""
    task = TASKS.get(name)
    if steps is None:
        return task
    if not task.any_steps:
        require_steps(name, task.steps, steps)
    return dataclasses.replace(task, steps=positive_whole("steps", steps))


def _named(name: str, value: Any) -> Any:
    """`value` as the name of a Keras initializer or activation, or a ZooError."""
    import keras

    kind = keras.initializers if name.endswith("initializer") else keras.activations
    try:
        kind.get(value)
    except (ValueError, TypeError):
        public = {word for word in vars(kind) if word.islower() and word[0] != "_" and "serialize" not in word}
        raise unknown(name.replace("_", " "), str(value), sorted(public - {"get"})) from None
    return value


def _flag(name: str, value: Any) -> bool:
    """`value` as true or false, or a ZooError."""
    if not isinstance(value, bool):
        raise ZooError(f"{name} must be True or False, not {value!r}")
    return value


def _number(name: str, value: Any) -> float:
    """`value` as a number, the rate of a dropout as a fraction, or a ZooError."""
    if name == "rate":
        return fraction(name, value)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ZooError(f"{name} must be a number, not {value!r}")
    return float(value)


def _whole_or_none(name: str, value: Any) -> int | None:
    """`value` as None or a positive whole number, or a ZooError."""
    return None if value is None else positive_whole(name, value)


CHECKS = {
    "int": positive_whole,
    "int | None": _whole_or_none,
    "float": _number,
    "str": _named,
    "bool": _flag,
}
"""The check of an option, by the annotation of the builder's parameter; others are not checked."""


def require_fit(name: str, task: Task) -> Entry:
    """The entry called `name`, if it fits the task.

    Raises:
        ZooError: an unknown name, or an entry that does not fit: the error names those that do.
    """
    entry = MODELS.get(name)
    if not entry.fits(task):
        fitting = [other.name for other in MODELS if other.fits(task)]
        raise ZooError(
            f"entry {name!r} is not for {task.topology} tasks such as {task.name!r}; use {', '.join(fitting)}"
        )
    return entry


def usual_backend() -> str:
    """The backend that Keras has or will have: that of KERAS_BACKEND, or TensorFlow. It is not imported for this.

    Raises:
        ZooError: KERAS_BACKEND names none.
    """
    if "keras" in sys.modules:
        return str(sys.modules["keras"].backend.backend())
    asked = os.environ.get("KERAS_BACKEND") or BACKENDS[0]
    if asked not in BACKENDS:
        raise unknown("backend", asked, BACKENDS, of="KERAS_BACKEND")
    return asked


def require_keras() -> None:
    """Import Keras and with it its backend.

    Raises:
        ZooError: the backend is unknown, is not installed, or cannot be imported.
    """
    asked = os.environ.get("KERAS_BACKEND", "")
    if asked and asked not in BACKENDS:
        raise unknown("backend", asked, BACKENDS, of="KERAS_BACKEND")
    try:
        import keras
    except Exception as error:  # a damaged backend raises anything, and so does Keras for a wrong keras.json
        if isinstance(error, ModuleNotFoundError) and error.name:
            package = error.name.partition(".")[0]
            remedy = f"python -m pip install {package}, or choose another backend by KERAS_BACKEND"
            raise ZooError(f"{package} is not installed: {remedy}") from error
        reason = " ".join(str(error).split())[:200]
        raise ZooError(f"Keras with the backend {asked or 'of keras.json'} cannot be imported: {reason}") from error
    if keras.backend.backend() not in BACKENDS:  # by keras.json
        raise unknown("backend", keras.backend.backend(), BACKENDS)


def require_backend(execution: Execution) -> None:
    """Refuse an execution that Keras' backend would turn into another one.

    Raises:
        ZooError: the backend would run another execution, another runner runs this one, or Keras cannot be imported.
    """
    require_keras()
    import keras

    if execution.runner != KERAS:
        raise ZooError(f"{execution} is run by {execution.runner}, not by Keras: it is measured beside Keras' models")
    problem = execution.problem(keras.backend.backend())
    if problem:
        raise ZooError(f"{execution}: {problem}")


def _published_sizes(entry: str, task: str, asked: dict[str, Any]) -> dict[str, Any]:
    """The sizes of the published model, if they agree with those that are `asked` for, else a ZooError."""
    card = get_card(entry, task)
    sizes = {"units": card["units"], **card["recipe"]["options"]}
    usual = {p.name: p.default for p in inspect.signature(MODELS.get(entry).build).parameters.values()}
    for option, value in asked.items():
        known = sizes.get(option, usual[option])
        if known is not None and value != known:  # of a size that is None the weights show whether it fits
            raise ZooError(f"the published {entry} for {task} has {option}={known!r}, not {value!r}")
    return sizes | asked


def _checked(entry: Entry, options: dict[str, Any]) -> dict[str, Any]:
    """The options of an entry; a ZooError if it does not have one, or if a value is out of range."""
    kinds = entry.options()
    for option in options.keys() - kinds.keys():
        raise unknown("option", option, list(kinds), of=f"entry {entry.name}")
    return {name: CHECKS[kinds[name]](name, v) if kinds[name] in CHECKS else v for name, v in options.items()}


def _require_execution(entry: Entry, execution: Execution) -> None:
    """Refuse an execution that the entry does not have.

    Raises:
        ZooError: why it has none.
    """
    problem = entry.problem(execution)
    if problem:
        raise ZooError(f"{entry.name} does not run {execution}: {problem}")


def _masks(task: Task, masked: bool) -> bool:
    """Whether a model for the task masks padding; a ZooError where it is asked to and cannot."""
    if _flag("masked", masked) and (task.topology not in (SEQUENCE_TO_VECTOR, SEQUENCE_TO_SEQUENCE) or task.tokens):
        reads = "tokens, whose padding is masked always" if task.tokens else "vectors"
        raise ZooError(f"masked is for tasks that read sequences of features, and {task.name} reads {reads}")
    return masked or task.masked


def _compile(model: keras.Model, task: Task, execution: Execution, optimizer: Any) -> None:
    """Compile `model` with the task's loss and metric, and with jit where the execution has it.

    Raises:
        ZooError: the optimizer is unknown, or a layer does not support jit.
    """
    from zoo.training.recipes import get_optimizer

    model.compile(
        get_optimizer(optimizer),
        loss=task.loss,
        metrics=[task.keras_metric],
        jit_compile=execution.jit_compile,
        steps_per_execution=execution.calls,
    )
    if not execution.is_stock and model.jit_compile is not execution.jit:  # Keras only warns
        without = dataclasses.replace(execution, jit=False)
        raise ZooError(
            f"Keras cannot run {model.name!r} as {execution}: a layer of it does not support jit; {without} can"
        )


def create_model(
    name: str,
    task: str = "wave",
    execution: str | Execution = "looped",
    *,
    units: int | None = None,
    steps: int | None = None,
    masked: bool = False,
    weights: str | Path | None = None,
    optimizer: Any = "adam",
    **options: Any,
) -> keras.Model:
    """Make an entry of the zoo for a task, compiled and ready to train.

    Args:
        name: an entry; `list_models()` names them all.
        task: a task whose topology the entry has; `list_tasks()` names them all.
        execution: how the time loop runs: "looped", "unrolled+jit", "chunked-auto+recompute" (see `zoo.Execution`).
        units: size of the recurrent layer; the task's own by default.
        steps: length of the sequences, for tasks that come in any length.
        masked: whether sequences may end early, their later steps filled with `zoo.PADDING`: those change no state,
            no output and no gradient. For sequences of features; 0, the padding of tokens, is masked always.
        weights: a safetensors file written by `zoo.save_weights` from a model of any execution; or
            "pretrained", the published weights of the entry on the task, which set the sizes too.
        optimizer: a Keras optimizer or its name.
        **options: further sizes and rates that the entry takes.

    Returns:
        A model from (batch, steps, features) to (batch, outputs), or what else the task's topology asks for (see
        `zoo.registry.Split`), compiled with the task's loss and metric and an explicit `jit_compile`.

    Raises:
        ZooError: an unknown name, an entry that does not fit the task, an option out of range, weights that are not
            there, broken, or of another model; an execution that the backend cannot run.
    """
    target, how = task_at(task, steps), Execution.parse(execution)
    entry = require_fit(name, target)
    require_backend(how)
    target = dataclasses.replace(target, masked=_masks(target, masked))
    _require_execution(entry, how)
    asked = _checked(entry, {**({} if units is None else {"units": units}), **options})
    sizes = _published_sizes(name, task, asked) if weights == PRETRAINED else {"units": target.units} | asked
    model = entry.build(target, how, **sizes)
    model.name = name
    _compile(model, target, how, optimizer)
    if weights == PRETRAINED:
        load_pretrained(model, task)
    elif weights is not None:
        from zoo.saving import load_weights

        load_weights(model, weights)
    return model
