"""What the zoo declares: entries, tasks and recipes, and the registries that hold them.

Nothing here imports Keras: a process that plans cases for three backends must not be bound to one.
"""

from __future__ import annotations

import fnmatch
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, Protocol, TypeVar

from zoo.data import Data, Split
from zoo.errors import ZooError, unknown

if TYPE_CHECKING:
    import keras

    from zoo.execution import Execution

SEQUENCE_TO_VECTOR = "sequence_to_vector"
SEQUENCE_TO_SEQUENCE = "sequence_to_sequence"
VECTOR_TO_SEQUENCE = "vector_to_sequence"
ENCODER_DECODER = "encoder_decoder"
TOPOLOGIES = (SEQUENCE_TO_VECTOR, SEQUENCE_TO_SEQUENCE, VECTOR_TO_SEQUENCE, ENCODER_DECODER)


def natural_order(name: str) -> list[tuple[int, str]]:
    """Sort key under which `lstm_2` comes before `lstm_10`."""
    return [(int(digits or 0), text) for digits, text in re.findall(r"(\d+)|(\D+)", name)]


class Named(Protocol):
    """Anything that a registry can hold."""

    @property
    def name(self) -> str:
        """The name that it is registered under."""
        ...


T = TypeVar("T", bound=Named)


class Registry(Generic[T]):
    """Named things of one kind. A double is refused; a wrong name is an error that names the nearest."""

    def __init__(self, kind: str, listing: str) -> None:
        self.kind = kind
        self.listing = listing
        self._members: dict[str, T] = {}

    def add(self, member: T) -> T:
        """Register `member` under its own name; a second one of that name is a ZooError."""
        if member.name in self._members:
            raise ZooError(f"{self.kind} {member.name!r} is registered twice")
        self._members[member.name] = member
        return member

    def get(self, name: str) -> T:
        """The member called `name`, or a ZooError that names the nearest."""
        if not isinstance(name, str) or name not in self._members:
            raise unknown(self.kind, str(name), self.names(), f"{self.listing} shows all {len(self)}")
        return self._members[name]

    def names(self, pattern: str = "*") -> list[str]:
        """Names that match the shell-style `pattern`, in natural order."""
        return sorted(fnmatch.filter(self._members, pattern), key=natural_order)

    def __iter__(self) -> Iterator[T]:
        return (self._members[name] for name in self.names())

    def __len__(self) -> int:
        return len(self._members)


Build = Callable[..., "keras.Model"]
"""(task, execution, *, units, ...) -> a `keras.Model`, not compiled."""


class Matrix(NamedTuple):
    """A weight matrix that a cell multiplies its operand with, once a step: an entry's arithmetic is counted by them.

    Its shape is (width of the operand, gates · units). A product with the "state" waits for the step before it, and its
    gradient with respect to the state for the step after it. Those with the "inputs", and every gradient with respect
    to a matrix, could be one product over all steps. A product that is `read` goes into the step's output alone, and
    is needed where that output is: its "state" is the one after the step.
    """

    operand: Literal["inputs", "state", "both"]  #: "both" is the inputs and the state, concatenated
    gates: int
    read: bool = False


Matrices = tuple[Matrix, ...]
"""The weight matrices of one cell."""


@dataclass(frozen=True)
class Written:
    """What is known of a whole model that a user wrote. Its "stock" execution is the model as it is written."""

    fixed: str = ""  #: why its time loop runs no other way, in words; empty where it does
    classifies: bool = False  #: whether its outputs are probabilities where a task asks for them
    drops: bool = False  #: whether its outputs in training differ, by dropout or batch normalization
    task: str = ""  #: the only task that it fits; empty where it is built at the sizes of any

    def fits(self, task: Task) -> bool:
        """Whether the model has the sizes of a task, and gives probabilities where the task asks for them."""
        return task.name == self.task if self.task else self.classifies or task.activation == "linear"


@dataclass(frozen=True)
class Entry:
    """A named architecture of the zoo.

    `build(task, execution, **sizes)` returns a `keras.Model`, not compiled, that maps
    (batch, steps, features) to what the task's topology asks for.
    """

    name: str
    build: Build = field(repr=False)
    cell: str  #: the recurrent cell it is made of, a column of the results
    topologies: tuple[str, ...] = (SEQUENCE_TO_VECTOR, SEQUENCE_TO_SEQUENCE)  #: those of the tasks that it fits
    summary: str = ""
    equations: str = ""
    paper: str = ""
    year: int = 0
    layers: tuple[Matrices, ...] = ()  #: its recurrent layers, from inputs to outputs; empty where none are counted
    stock: str = ""  #: the class of keras.layers with the same cell: "LSTM", "GRU", "SimpleRNN"; empty where none has
    linear: bool = False  #: whether its cell is linear in its state, so that a parallel scan computes it
    drops_inside: bool = False  #: whether its dropout is inside the time loop
    onnx: str = ""  #: the ONNX operator of its recurrent layers: "LSTM", "GRU", "RNN", or "Scan" over its equations
    written: Written | None = None  #: of a model that a user wrote; None of an entry that the execution builds

    def options(self) -> dict[str, str]:
        """The options of `build`, `units` first, with their annotations: "int" for a size, "float" for a rate."""
        parameters = list(inspect.signature(self.build).parameters.values())[2:]
        return {p.name: getattr(p.annotation, "__name__", p.annotation) for p in parameters}

    def drops(self) -> bool:
        """Whether its outputs in training differ, by dropout or, in a model of the user's own, batch normalization."""
        return self.written.drops if self.written else "rate" in self.options()

    def fits(self, task: Task) -> bool:
        """Whether the entry gives what the task's topology asks for."""
        return task.topology in self.topologies and (self.written is None or self.written.fits(task))

    @property
    def has_stock(self) -> bool:
        """Whether it has a "stock" execution: a layer of Keras, or the model as a user wrote it."""
        return bool(self.stock or self.written)

    def problem(self, execution: Execution) -> str:
        """Why the entry runs like this on no backend, in words; empty if it does."""
        if self.written:
            return "" if execution.loop == "stock" else self.written.fixed
        if execution.loop.startswith("stock") and not self.stock:
            return f"keras.layers has no recurrent layer for {self.name}"
        if execution.loop == "parallel" and not self.linear:
            return f"{self.cell} is not linear in its state"
        return self._kernel_problem() if execution.loop == "fused" else ""

    @property
    def fused(self) -> bool:
        """Whether a vendor's kernel computes its recurrent layers, on some backend."""
        return not self._kernel_problem()

    def _kernel_problem(self) -> str:
        if self.drops_inside:
            return "no fused kernel has dropout inside the loop"
        return "" if self.stock else f"no fused kernel computes {self.cell}"


LossSteps = Literal["all", "last"] | tuple[int, int] | slice
"""The steps that count in the loss: all, the last one, or those from the first number to before the second."""


@dataclass(frozen=True)
class Recipe:
    """How an entry is trained on a task. `learning_rate` is the peak where `schedule` is "cosine".

    "cosine" warms up linearly over the first 10% of the training steps, then decays to zero along a cosine.
    """

    name: str
    epochs: int
    batch: int
    learning_rate: float
    optimizer: str = "adam"
    schedule: str = "constant"
    clip_norm: float | None = None
    loss_steps: LossSteps = "all"  #: of a sequence's outputs, those that count in the loss
    truncate: int | None = None  #: the gradient goes back so many steps at most (truncated BPTT); None: to the first
    momentum: float | None = None  #: Nesterov's, of "sgd"
    #: batches an epoch, so that one pass may be several, which ends with the pass at the latest; None: a whole pass
    iterations: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)  #: of the entry, such as an initializer


@dataclass(frozen=True)
class Task:
    """Data, loss, metric and the scores of naive guesses, of which the best counts.

    `load(steps=..., seed=...)` returns the task's Data: the same seed gives the same arrays.
    """

    name: str
    topology: str
    summary: str
    load: Callable[..., Data] = field(repr=False)
    steps: int  #: the number of steps that the task has unless another is asked for
    features: int
    outputs: int
    activation: str  #: of the output layer
    loss: str
    metric: str
    higher_is_better: bool
    naive: Mapping[str, Callable[[Data, Split], float]] = field(repr=False)
    units: int  #: a sensible size for it, the default of `create_model`
    batch: int  #: the batch at which it is timed
    recipes: tuple[Recipe, ...]  #: the first is the default
    source: str
    licence: str
    any_steps: bool = False  #: whether `load` takes another number of steps
    masked: bool = False  #: whether sequences end early, their later steps filled with PADDING and masked
    tokens: int = 0  #: how many tokens an input step can be, 0 among them for padding; 0 where inputs are features
    embedding: int = 0  #: width of the vectors that stand for tokens
    target_steps: int = 0  #: of the output sequence, where it is not as long as the input
    #: for metrics that Keras cannot take: the values by name, `metric` among them
    score: Callable[[keras.Model, Data, Split], Mapping[str, float]] | None = None
    watched: str = ""  #: the metric that Keras shows while it trains on such a task
    target: float | None = None  #: the published score; a training records when it is reached

    @property
    def keras_metric(self) -> str:
        """The metric that Keras measures while it trains."""
        return self.watched or self.metric

    def best(self, scores: Iterable[float]) -> float:
        """The best of some values of the metric."""
        return (max if self.higher_is_better else min)(scores)

    def recipe(self, name: str = "") -> Recipe:
        """The recipe called `name`, or the default one."""
        for recipe in self.recipes:
            if name in ("", recipe.name):
                return recipe
        raise unknown("recipe", name, [recipe.name for recipe in self.recipes], of=f"task {self.name}")


def require_steps(task: str, fixed: int, steps: int | None) -> None:
    """Refuse another number of steps than the `fixed` one of a task; None asks for that one.

    Raises:
        ZooError: `steps` is given and differs.
    """
    if steps not in (None, fixed):
        raise ZooError(f"{task} has {fixed} steps, not {steps}")


MODELS: Registry[Entry] = Registry("entry", "zoo list")
TASKS: Registry[Task] = Registry("task", "zoo tasks")


def register_entry(name: str, **metadata: Any) -> Callable[[Build], Build]:
    """Decorator that registers a builder as an Entry.

        @zoo.register_entry("my_gru", topologies=("sequence_to_vector",))
        def my_gru(task, execution, *, units: int):
            inputs = keras.Input((task.steps, task.features))
            cell = keras.layers.GRUCell(units, name="cell")
            hidden = zoo.recurrent.recurrent(cell, execution, name="recurrent")(inputs)
            return keras.Model(inputs, keras.layers.Dense(task.outputs, task.activation, name="output")(hidden))

    Weights go by the names of layers: name each, and a cell "cell".

    Args:
        name: of the entry.
        **metadata: the other fields of `Entry`. Without a `cell` it is the name, without a `summary` the first line of
            the builder's docstring.
    """

    def register(build: Build) -> Build:
        first_line = (inspect.getdoc(build) or "").partition("\n")[0]
        MODELS.add(Entry(**{"name": name, "build": build, "cell": name, "summary": first_line, **metadata}))
        return build

    return register


def import_all(package: ModuleType) -> None:
    """Import every module of `package`, so that a new file in the folder is all it takes to add to a registry."""
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
