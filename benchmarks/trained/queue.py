"""The trainings that are published: a queue that goes on where it was stopped, a row a seed."""

from __future__ import annotations

import fnmatch
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from zoo import Execution, get_task
from zoo.bench.progress import duration, label, numbers
from zoo.errors import ZooError, unknown
from zoo.execution import BACKENDS, NORMAL_JIT
from zoo.lock import Lock
from zoo.measuring import append_only, machine
from zoo.measuring.case import Case
from zoo.measuring.coordinator import Coordinator
from zoo.measuring.effort import USUAL
from zoo.measuring.rows import check_writable, read_rows
from zoo.registry import MODELS, Entry
from zoo.statistics.folders import machine_name
from zoo.statistics.validation import TRAINING

MEMORY_LIMIT_BYTES = 8 << 30
TRAINED = "runs/trained"
"""Where the weights of a seed are until `python -m benchmarks weights` publishes the best: not in the repository."""
HISTORY = (*TRAINING, "epoch", "train_seconds", "figure", "value")


@dataclass(frozen=True)
class Group:
    """Trainings that are looked at together: every entry by every recipe of a task."""

    name: str
    task: str
    entries: tuple[str, ...]
    recipes: tuple[str, ...] = ("fast",)
    seeds: int = 3
    units: Mapping[str, int] = field(default_factory=dict)  #: of an entry, where they are not the task's
    backend: str = "tensorflow"
    baseline: str = ""  #: the recipe that the others are compared with, where they are


CELLS = ("neuron", "simple_rnn", "lstm", "gru")
DROPOUTS = ("input_dropout", "output_dropout", "state_dropout", "recurrent_dropout")
DECODERS = ("encoder_decoder", "encoder_decoder_reversed")
TRANSLATORS = ("encoder_decoder_attention", "lstm_on_the_fly")
"""The two best ways of four."""
PLAIN = ("simple_rnn", "irnn")
GATED = ("lstm", "gru", "slstm", "zoneout_lstm")
BLOCKS = tuple(entry.name for entry in MODELS if "bare" in entry.options())
"""Entries that are residual blocks around a layer, or the layer alone."""
MINIMAL = ("min_gru", "min_lstm")
READERS = tuple(entry.name for entry in MODELS if get_task("digits_rows").topology in entry.topologies)
"""Every entry that gives one answer to a sequence."""
FORECASTERS = (*CELLS, "irnn", "ind_rnn", "sru", "slstm", "mlstm", *BLOCKS, "mamba")
"""One of each kind that gives an answer at every step."""
LATER = ("ind_rnn", "sru", "slstm", "zoneout_lstm")
"""Published after the LSTM and the GRU. An mLSTM and a Mamba in a loop take more than ten times as long as an sLSTM."""
IN_BLOCKS = ("ind_rnn", "sru")
"""One cell by default; as an option residual blocks around it."""
PROJECTIONS = ("time_distributed_projection", "dense_projection", "reshape_projection")
QUEUE = (
    Group("reber", "reber", ("gru",), ("fast", "book")),
    Group("dates", "dates", ("encoder_decoder",)),
    Group("digits", "draw_digit", ("vector_to_sequence",)),
    Group("small_digits", "digits_rows", READERS, backend="jax"),
    Group("digits_blocks", "digits_rows", IN_BLOCKS, ("in_blocks",), backend="jax"),
    Group("digits_heads", "digits_rows", ("mlstm",), ("in_blocks_heads",), backend="jax"),
    Group("temperatures", "temperatures", READERS, backend="jax"),
    Group("el_nino", "el_nino", FORECASTERS, backend="jax"),
    Group("el_nino_gated", "el_nino", GATED, ("gated",), backend="jax"),
    Group("el_nino_plain", "el_nino", ("neuron", *PLAIN, "ind_rnn"), ("plain",), backend="jax"),
    Group("el_nino_linear", "el_nino", ("sru", "mlstm", *BLOCKS, "mamba"), ("linear",), backend="jax"),
    Group("wave", "wave", (*CELLS, *LATER), backend="jax"),
    Group("projections", "wave", PROJECTIONS, ("book", "book_he"), seeds=5),
    Group("dropout", "wave", ("stacked_rnn", *DROPOUTS), ("book_dropout",)),
    Group("mnist", "mnist_rows", ("simple_rnn", "simple_rnn_he")),
    Group("mnist_lstm", "mnist_rows", ("lstm",), ("fast_lstm",), units={"lstm": 128}),
    Group("reviews", "reviews", ("lstm",)),
    Group("mnist_book", "mnist_rows", ("simple_rnn",), ("book",)),
    Group("mnist_book_lstm", "mnist_rows", ("stacked_lstm",), ("book_lstm",), seeds=1),
    Group("linear_mnist", "mnist_rows", BLOCKS, ("bare",)),
    Group("linear_wave", "wave", BLOCKS, ("bare",)),
    Group("mnist_later", "mnist_rows", LATER, ("fast_lstm",), backend="jax"),
    Group("translation", "translation", TRANSLATORS, units={"lstm_on_the_fly": 384}),
    Group("translation_others", "translation", DECODERS, seeds=1),
    Group("adding", "adding", ("lstm", "gru"), ("fast", "unclipped", "truncated"), baseline="fast"),
    Group("adding_plain", "adding", PLAIN, ("slow", "slow_unclipped", "slow_truncated"), baseline="slow"),
    Group("linear_adding", "adding", BLOCKS, ("bare",)),
    Group("blocks_wave", "wave", BLOCKS, ("blocks",), backend="torch"),
    Group("wave_in_blocks", "wave", IN_BLOCKS, ("in_blocks",), backend="jax"),
    Group("adding_long", "adding", ("lstm", "gru"), ("long",), backend="torch"),
    Group("adding_longer", "adding", ("lstm",), ("longer",), backend="torch"),
    Group("adding_slow_long", "adding", ("irnn",), ("slow_long",), backend="torch"),
    Group("blocks_adding", "adding", BLOCKS, backend="jax"),
    Group("adding_later", "adding", ("slstm",), ("long",), backend="jax"),
    Group("adding_in_blocks", "adding", ("sru",), ("in_blocks",), backend="jax"),
    Group("copying", "copying", ("lru",), ("blocks",), backend="jax"),
    Group("copying_long", "copying", MINIMAL, ("blocks_long",), seeds=1, backend="jax"),
    Group("copying_wide", "copying", MINIMAL, ("blocks_wide",), units=dict.fromkeys(MINIMAL, 128), backend="jax"),
    Group("selective", "selective_copying", ("min_gru",), ("blocks_wide",), units={"min_gru": 128}, backend="jax"),
    Group("recall", "associative_recall", ("lstm", "gru"), backend="jax"),
    Group("recall_blocks", "associative_recall", ("mamba",), ("blocks",), backend="jax"),
    Group("mnist_long", "mnist_rows", ("lstm", "gru"), ("long",), backend="torch"),
    Group("blocks_mnist", "mnist_rows", BLOCKS, ("blocks",), backend="jax"),
    Group("reviews_blocks", "reviews", ("min_gru",), ("blocks",), backend="torch"),
    Group("pixels", "mnist_pixels", ("lru",), ("blocks", "pooled"), seeds=1, backend="jax"),
    Group("permuted", "mnist_pixels_permuted", ("lru",), ("pooled",), seeds=1, backend="jax"),
)
"""What is published, short trainings first. On the fly the wider LSTM has as many weights as encoder and decoder."""


def planned(pattern: str, backend: str = "", seeds: int | None = None) -> list[Case]:
    """The cases of the groups whose name matches `pattern`, seeds outermost.

    Args:
        pattern: a name of a group, or a wildcard.
        backend: instead of each group's own.
        seeds: instead of each group's own.

    Raises:
        ZooError: no group matches, or an unknown backend.
    """
    if backend and backend not in BACKENDS:
        raise unknown("backend", backend, BACKENDS)
    groups = [group for group in QUEUE if fnmatch.fnmatch(group.name, pattern)]
    if not groups:
        raise ZooError(f"no group of trainings is called {pattern!r}; there are {', '.join(g.name for g in QUEUE)}")
    wanted = [
        (seed, _case(group, entry, recipe, backend or group.backend, seed))
        for group in groups
        for recipe in group.recipes
        for entry in group.entries
        for seed in range(seeds or group.seeds)
    ]
    return [case for _, case in sorted(wanted, key=lambda pair: pair[0])]


def fastest(entry: Entry, backend: str) -> Execution:
    """The execution in which an entry most often trains fastest: the weights do not depend on it."""
    if backend == "torch" and (entry.linear or entry.fused):
        return Execution("parallel" if entry.linear else "fused")
    return Execution(jit=NORMAL_JIT[backend])


def _case(group: Group, entry: str, recipe: str, backend: str, seed: int) -> Case:
    task = get_task(group.task)
    how = task.recipe(recipe)
    execution = fastest(MODELS.get(entry), backend)
    units = group.units.get(entry, task.units)
    case = Case(entry, task.name, execution, backend, "cpu", how.batch, task.steps, task.features, units)
    return replace(case, optimizer=how.optimizer, recipe=recipe, seed=seed)


def train_all(cases: Sequence[Case], folder: Path, tell: Callable[[str], object], at_once: int = 1) -> Path:
    """Train what is not in the table of `folder` yet; each training's rows are there before the next begins.

    Each epoch's figures are in <machine>-history.csv beside it before the scores, and the weights are kept in TRAINED.

    Args:
        cases: what to train, in this order.
        folder: results/reference, or where else the table is.
        tell: takes a line for a person.
        at_once: how many trainings run at the same time; each takes its part of the processors.

    Returns:
        The table.
    """
    check_writable(folder)
    lock = Lock(folder)
    origin = machine.origin(cases[0].backend, "cpu")
    name = machine_name(origin["device_name"], origin["cpu_count"])
    table, history = folder / f"{name}-accuracy.csv", folder / f"{name}-history.csv"
    kept = read_rows(table) if table.exists() else []
    trained = folder.parent / TRAINED
    trained.mkdir(parents=True, exist_ok=True)
    keep = partial(keep_epochs, path=history)
    run = trained, "train-reference", USUAL, MEMORY_LIMIT_BYTES, kept
    coordinator = Coordinator(*run, table=table, trained=trained, keep_epochs=keep, at_once=at_once)
    try:
        for number, case in enumerate(cases, start=1):
            place = f"{number:>{len(str(len(cases)))}}/{len(cases)} {label(case)}"
            if coordinator.is_trained(case):
                tell(f"{place}: in the table already")
                continue
            started = time.perf_counter()
            for following in cases[number - 1 : number - 1 + at_once]:
                coordinator.begin(following)
            rows = coordinator.trained(case)
            tell(f"{place}: {numbers(rows)}, {duration(time.perf_counter() - started)} in all")
    finally:
        coordinator.close()
        lock.release()
    return table


def keep_epochs(case: Case, epochs: Sequence[Mapping[str, float]], path: Path) -> None:
    """Append the figures of each epoch (loss, val_accuracy, test_accuracy) to the history at `path`, a row a figure.

    The epochs of a training that is done again replace those that stand there.
    """
    training = {name: str(getattr(case, name)) for name in TRAINING}
    lines = []
    for figure in epochs[0] if epochs else ():
        for epoch in epochs if figure not in ("epoch", "train_seconds") else ():
            values = [int(epoch["epoch"]), _short(epoch["train_seconds"]), figure, _short(epoch[figure])]
            lines.append(append_only.line_of([*training.values(), *values]))
    if lines:
        append_only.append(path, HISTORY, lines, replaced=lambda row: training.items() <= row.items())


def _short(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"
