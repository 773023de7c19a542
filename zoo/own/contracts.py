"""What a recurrent model must keep, tried on one: shapes, states, masks, gradients, files, and every execution.

Each contract is a function that takes a `Subject` and returns why it does not hold, in plain words; empty where it
holds. What a model of a user's own raises is a reason too, with the line of its file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.data import PADDING
from zoo.equality import relative, require_equal, tensors
from zoo.errors import ZooError
from zoo.execution import EXECUTIONS, NORMAL_JIT, Execution
from zoo.own.file import place_of
from zoo.own.models import OwnModels
from zoo.own.shapes import toy_task
from zoo.registry import MODELS, SEQUENCE_TO_SEQUENCE, TASKS, Entry, Task

if TYPE_CHECKING:
    import keras

BATCH, UNITS, MORE_STEPS = 4, 6, 3
HOLDS, FAILS, NOT_TRIED = "holds", "FAILS", "not tried"
EQUAL = 1e-5
"""The largest relative L2 difference of outputs that are the same: float32 rounds at 6e-8 a product."""


@dataclass(frozen=True)
class Finding:
    """One contract of one model: whether it holds, and the reason where it does not."""

    model: str
    contract: str
    result: str
    reason: str = ""


class NotTried(Exception):
    """A contract says nothing about this model; the reason why."""


@dataclass(frozen=True)
class Subject:
    """A model at small sizes, for a task of one of its topologies, and what it is called in a finding."""

    entry: Entry
    task: Task
    name: str

    def build(self, execution: Execution | None = None, more_steps: int = 0, masked: bool = False) -> keras.Model:
        """The model, not compiled: as it is written, or its plain loop, unless an execution is named."""
        import keras

        keras.utils.set_random_seed(0)
        usual = Execution("stock" if self.entry.written else "looped")
        task = replace(self.task, steps=self.task.steps + more_steps, masked=masked)
        return self.entry.build(task, execution or usual, units=UNITS)

    def inputs(self) -> np.ndarray:
        """A batch of random inputs: float32 (batch, steps, features), or token numbers."""
        return self.task.load(seed=0).train.first(BATCH).x


def findings(own: OwnModels) -> Iterator[Finding]:
    """Try every contract on every model of a file, whose entries are in the registry with their builders."""
    for name, reason in own.broken.items():
        yield Finding(name, "is built", FAILS, reason)
    for name, reason in own.left_out.items():
        yield Finding(name, "is built", NOT_TRIED, reason)
    for known in own.entries:
        entry = MODELS.get(known.name)
        for topology in entry.topologies:
            task = TASKS.get(entry.name) if entry.written and entry.written.task else toy_task(topology)
            several = f" ({topology})" if len(entry.topologies) > 1 else ""
            yield from _of_subject(Subject(entry, task, entry.name + several), own.path)


def _of_subject(subject: Subject, path: Path) -> Iterator[Finding]:
    """Every contract of a model on one task; those behind shapes that are wrong would all say so again."""
    first = _tried(subject, "shapes", _shapes, path)
    yield first
    if first.result == FAILS:
        return
    for name, contract in CONTRACTS.items():
        yield _tried(subject, name, contract, path)
    for execution in EXECUTIONS:
        if not execution.jit and execution.loop != "stock":  # jit compiles the same layers
            yield _tried(subject, f"equal as {execution}", _runs_as(execution), path)


def _tried(subject: Subject, name: str, contract: Callable[[Subject], str], path: Path) -> Finding:
    try:
        reason = contract(subject)
    except NotTried as error:
        return Finding(subject.name, name, NOT_TRIED, str(error))
    except Exception as error:  # a model of the user's own raises anything
        reason = place_of(error, path.resolve())
    return Finding(subject.name, name, FAILS if reason else HOLDS, reason)


def _outputs(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """What a model gives without training; on JAX compiled, where operations that run alone are slow."""
    import keras

    if keras.backend.backend() == "jax":
        return np.asarray(model.predict_on_batch(x))
    return keras.ops.convert_to_numpy(keras.ops.stop_gradient(model(x, training=False)))


def _differ(ours: np.ndarray, theirs: np.ndarray) -> bool:
    return not relative(ours, theirs) <= EQUAL


def _shapes(subject: Subject) -> str:
    """Outputs of (batch, outputs), or (batch, steps, outputs) where each step has one; every one a number."""
    x, task = subject.inputs(), subject.task
    outputs = _outputs(subject.build(), x)
    steps = (task.steps,) if task.topology == SEQUENCE_TO_SEQUENCE else ()
    expected = (BATCH, *steps, task.outputs)
    if outputs.shape != expected:
        return f"the outputs of a batch of {BATCH} have the shape {outputs.shape}, not {expected}"
    return "" if np.isfinite(outputs).all() else "not every output is a number"


def _repeatable(subject: Subject) -> str:
    """Two predictions of the same batch are the same."""
    model, x = subject.build(), subject.inputs()
    return "two predictions of one batch differ" if _differ(_outputs(model, x), _outputs(model, x)) else ""


def _examples_apart(subject: Subject) -> str:
    """The output of an example does not depend on the others of its batch."""
    model, x = subject.build(), subject.inputs()
    together, alone = _outputs(model, x)[:1], _outputs(model, x[:1])
    return "the output of an example changes with the other examples of its batch" if _differ(alone, together) else ""


def _looks_back(subject: Subject) -> str:
    """The output of a step does not depend on later steps."""
    if subject.task.topology != SEQUENCE_TO_SEQUENCE:
        raise NotTried("the output is of the whole sequence")
    model, x = subject.build(), subject.inputs()
    changed = x.copy()
    changed[:, -1] = 1 if subject.task.tokens else 0.5
    before, after = _outputs(model, x)[:, :-1], _outputs(model, changed)[:, :-1]
    return (
        "the output of a step depends on later steps: a forecast would see its answer" if _differ(after, before) else ""
    )


def _probabilities(subject: Subject) -> str:
    """Outputs are probabilities where the task asks for them."""
    written = subject.entry.written
    if written and not written.classifies:
        raise NotTried(
            "its outputs are no probabilities, and tasks that classify are left out: take the parameter `activation` "
            "and give it to the last layer to have them"
        )
    if subject.task.activation != "softmax":
        raise NotTried("the task asks for none")
    outputs = _outputs(subject.build(), subject.inputs())
    good = outputs.min() >= 0 and np.allclose(outputs.sum(-1), 1, atol=1e-3)
    return "" if good else "the outputs of an example are not positive, or do not add up to 1"


def _padding(subject: Subject) -> str:
    """Masked steps behind the end of a sequence change nothing."""
    if subject.entry.written:
        raise NotTried("a model as it is written masks what its own layers mask")
    short, long = subject.build(masked=True), subject.build(more_steps=MORE_STEPS, masked=True)
    long.set_weights(short.get_weights())
    x = subject.inputs()
    padded = np.concatenate([x, np.full((BATCH, MORE_STEPS, x.shape[-1]), PADDING, x.dtype)], axis=1)
    outputs = _outputs(long, padded)
    outputs = outputs[:, : x.shape[1]] if subject.task.topology == SEQUENCE_TO_SEQUENCE else outputs
    if not _differ(outputs, _outputs(short, x)):
        return ""
    return f"{MORE_STEPS} steps of padding change the outputs: where task.masked, begin with Masking(zoo.PADDING)"


def _gradients(subject: Subject) -> str:
    """Every trained weight gets a gradient, and it is a number."""
    model = subject.build()
    for name, gradient in tensors(model, [subject.inputs()]).items():
        if not np.isfinite(gradient).all():
            return f"{name} is not a number everywhere"
        if not np.abs(gradient).max() > 0:
            return f"{name} is 0: nothing that is trained uses it"
    return ""


def _trains(subject: Subject) -> str:
    """Three training steps of the backend's usual way give a loss that is a number, and change the weights."""
    import keras

    model = subject.build()
    model.compile("adam", "mse", jit_compile=NORMAL_JIT[keras.backend.backend()])
    before, batch = model.get_weights(), subject.task.load(seed=0).train.first(BATCH)
    losses = [float(np.asarray(model.train_on_batch(batch.x, batch.y)).ravel()[0]) for _ in range(3)]
    if not np.isfinite(losses).all():
        return f"the loss of three training steps is {', '.join(f'{loss:.3g}' for loss in losses)}"
    changed = any(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    return "" if changed else "three training steps change no weight"


def _saved(subject: Subject) -> str:
    """A saved model is read again by Keras alone, with the same outputs."""
    import keras

    model, x = subject.build(), subject.inputs()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        try:
            loaded = keras.models.load_model(path)
        except Exception as error:  # a class that is not registered, or a config that does not make it again
            why = _not_registered(model) or " ".join(str(error).split())[:300]
            return f"the saved model cannot be read again: {why}"
        return (
            "the model read from its file gives other outputs"
            if _differ(_outputs(loaded, x), _outputs(model, x))
            else ""
        )


def _not_registered(model: keras.Model) -> str:
    """Which classes of a model Keras does not find by their names, in words; empty where it finds all."""
    import keras

    from zoo.layers.keras_private import flat_layers

    own = {type(each) for each in flat_layers(model) if type(each).__module__.partition(".")[0] not in ("keras", "zoo")}
    unknown = [each.__name__ for each in own if keras.saving.get_registered_name(each) == each.__name__]
    if not unknown:
        return ""
    return f"put @keras.saving.register_keras_serializable() above class {' and class '.join(sorted(unknown))}"


def _runs_as(execution: Execution) -> Callable[[Subject], str]:
    """The contract of an execution: outputs and gradients of the model as it is written, or of its plain loop."""

    def equal(subject: Subject) -> str:
        import keras

        backend = keras.backend.backend()
        problem = subject.entry.problem(execution) or execution.problem(backend, _device(), subject.entry.stock)
        if problem:
            raise NotTried(problem)
        plain = subject.build()
        try:
            other = subject.build(execution)
        except ZooError as error:
            raise NotTried(str(error)) from None
        other.set_weights(plain.get_weights())
        try:
            require_equal(other, plain, execution)
        except ZooError as error:
            return str(error)
        return ""

    return equal


def _device() -> str:
    from zoo.layers import kernels

    return kernels.device()


CONTRACTS: dict[str, Callable[[Subject], str]] = {
    "repeatable": _repeatable,
    "examples apart": _examples_apart,
    "looks back alone": _looks_back,
    "probabilities": _probabilities,
    "padding": _padding,
    "gradients": _gradients,
    "trains": _trains,
    "saved and read": _saved,
}
"""What is tried on a model whose shapes are right, by name; every execution follows."""
