"""The cases of a profile as the user narrowed it, their order and the time they will take.

Nothing here imports Keras or a backend: planning a run must not bind the process to one.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from zoo import ZooError, get_entry, list_models, list_tasks, task_at
from zoo.bench.profile import Block, Profile
from zoo.errors import unknown
from zoo.execution import BACKENDS, KERAS, NAMED, NORMAL_JIT, RUNS_ON, SIZED, Execution
from zoo.measuring.case import DEVICES, PHASES, Case, skip_reason
from zoo.measuring.effort import Effort
from zoo.measuring.group import Group, groups

LONG = 100
"""Sequences of so many steps are long."""
SECONDS_A_STEP = 0.0005
"""About what a step of a sequence takes in a call of an arm, on two cores."""


def execution_names(patterns: Iterable[str]) -> list[str]:
    """The names that a wildcard can match: those that are listed, and chunks of other sizes that are asked for."""
    return list(dict.fromkeys([*NAMED, *(text for text in patterns if SIZED.fullmatch(text))]))


@dataclass(frozen=True)
class Selection:
    """What the user narrowed a profile to. An empty tuple leaves that axis to the profile."""

    entries: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    executions: tuple[str, ...] = ()
    backends: tuple[str, ...] = ("tensorflow",)
    devices: tuple[str, ...] = ("cpu",)
    repeats: int | None = None
    seeds: int | None = None

    @classmethod
    def of_names(
        cls,
        *,
        entries: Sequence[str] | None = None,
        tasks: Sequence[str] | None = None,
        executions: Sequence[str] | None = None,
        backends: Sequence[str] | None = None,
        devices: Sequence[str] | None = None,
        repeats: int | None = None,
        seeds: int | None = None,
    ) -> Selection:
        """A selection by names, entries and tasks also by wildcard; a name that does not exist is a ZooError."""
        asked = {"entry": entries, "task": tasks, "execution": executions, "backend": backends, "device": devices}
        for kind, names in asked.items():
            if names is not None and not names:
                raise ZooError(f"no {kind} is named")
        if repeats is not None and repeats < 1:
            raise ZooError(f"repeats must be a positive whole number, not {repeats}")
        if seeds is not None and seeds < 0:
            raise ZooError(f"seeds must be 0 or a positive whole number, not {seeds}")
        return cls(
            tuple(_match("entry", entries or (), list_models(), f"zoo list shows all {len(list_models())}")),
            tuple(_match("task", tasks or (), list_tasks(), f"zoo tasks shows all {len(list_tasks())}")),
            tuple(_match("execution", executions or (), execution_names(executions or ()))),
            tuple(_match("backend", backends or ("tensorflow",), BACKENDS)),
            tuple(_match("device", devices or ("cpu",), DEVICES)),
            repeats,
            seeds,
        )


def _match(kind: str, patterns: Iterable[str], known: Sequence[str], listing: str = "") -> list[str]:
    """Those of `known` that any of `patterns` matches, in the order of `known`; every pattern must match some."""
    result: set[str] = set()
    for pattern in patterns:
        names = fnmatch.filter(known, pattern)
        if not names:
            raise unknown(kind, pattern, known, listing)
        result.update(names)
    return [name for name in known if name in result]


def _narrow(block: Block, selection: Selection, main: bool) -> Block | None:
    """`block` under the user's selection: the main block takes what was asked for, others keep what they share.

    A block that was there to compare and is left with one execution is left out: it would compare nothing.
    """

    def axis(kind: str, own: tuple[str, ...], asked: tuple[str, ...], known: Sequence[str]) -> tuple[str, ...]:
        ours = _match(kind, own, known)
        theirs = _match(kind, asked, known) if asked else ours
        return tuple(theirs if main else [name for name in ours if name in theirs])

    narrowed = replace(
        block,
        entries=axis("entry", block.entries, selection.entries, list_models()),
        tasks=axis("task", block.tasks, selection.tasks, list_tasks()),
        executions=axis(
            "execution",
            block.executions,
            selection.executions,
            execution_names([*block.executions, *selection.executions]),
        ),
    )
    compares = main or len(narrowed.executions) > 1 or len(block.executions) == 1
    return narrowed if narrowed.entries and narrowed.tasks and narrowed.executions and compares else None


def _cases(block: Block, selection: Selection, recipe: str = "") -> Iterator[Case]:
    """The cases of a block on every backend and device that was asked for, where the entry fits the task."""
    where = product(selection.backends, selection.devices)
    sizes = product(block.steps, block.units, block.batches, block.masked)
    for (backend, device), entry, task, (steps, units, batch, masked) in product(
        where, block.entries, block.tasks, sizes
    ):
        target = task_at(task, steps)
        if not get_entry(entry).fits(target):
            continue
        for text in block.executions:
            execution = Execution.parse(text)
            if backend not in block.backends or device not in block.devices:
                continue
            if RUNS_ON.get(execution.runner, backend) != backend:
                continue
            if not selection.executions and execution.is_stock and not get_entry(entry).has_stock:
                continue  # of the profile's: who asks for it gets the reason
            if not (selection.executions or block.as_named or execution.is_stock or execution.runner != KERAS):
                execution = replace(execution, jit=execution.jit or NORMAL_JIT[backend])
            case = Case(
                entry,
                task,
                execution,
                backend,
                device,
                batch=target.recipe(recipe).batch if recipe else batch or target.batch,
                steps=target.steps,
                features=target.features,
                units=units or target.units,
                optimizer=target.recipe(recipe).optimizer if recipe else "sgd",
                masked=masked,
                recipe=recipe,
            )
            yield case
            if same := case.same_program:
                yield replace(case, execution=same)


def timed_cases(profile: Profile, selection: Selection) -> dict[Case, int]:
    """The profile's cases to time, and how many repeats of each are made at most."""
    return _wanted(profile.timed, selection, profile.repeats)


def trained_cases(profile: Profile, selection: Selection) -> list[Case]:
    """The profile's cases to train and score: seeds outermost. The execution is the profile's: it changes no score."""
    wanted = replace(selection, executions=(), repeats=selection.seeds)
    seeds = {} if selection.seeds == 0 else _wanted(profile.trained, wanted, profile.seeds, recipe="fast")
    return [replace(c, seed=seed) for seed in range(max(seeds.values(), default=0)) for c in seeds if seed < seeds[c]]


def _wanted(blocks: Sequence[Block], selection: Selection, usual: int, recipe: str = "") -> dict[Case, int]:
    """Each case of the blocks as the user narrowed them, and in how many repeats or with how many seeds."""
    wanted: dict[Case, int] = {}
    for i, block in enumerate(blocks):
        narrowed = _narrow(block, selection, main=i == 0)
        for case in _cases(narrowed, selection, recipe) if narrowed else ():
            wanted[case] = max(wanted.get(case, 0), selection.repeats or block.repeats or usual)
    return wanted


Cannot = Callable[[Case], str]
"""Why a case cannot run where it is to be measured, in words; empty where it can."""


def in_order(
    timed: Mapping[Case, int], mixed: bool, least: int, effort: Effort, cannot: Cannot = skip_reason
) -> tuple[list[Group], dict[Case, int]]:
    """The groups of these cases, those first that are soon done, and the cases in that order.

    A run that is stopped has most of its groups then. Long sequences come last, those of fewer steps before those of
    more: an arm that has passed its time limit is not tried at more steps.
    """

    def place(group: Group) -> tuple[int, float]:
        steps = group.references[0].steps
        return steps if steps >= LONG else 0, expected_of_group(group, effort, cannot)

    together = sorted(groups(timed, mixed, least=least), key=place)
    cases = (case for group in together for case in group.arms if case in timed)
    return together, {case: timed[case] for case in cases}


def name_of(what: Group | Case) -> str:
    """What a group or a training is called in a run."""
    return what.id if isinstance(what, Case) else what.name


def expected_seconds(case: Case, effort: Effort) -> float:
    """A rough guess of what a training, or a repeat of an arm, takes on two cores; a run corrects it as it goes on."""
    if case.recipe:
        return 7.0 if case.task != "mnist_rows" else 120.0
    least_calls = effort.warm_up_calls + effort.warm_up_rounds + effort.rounds
    called = least_calls * case.steps * SECONDS_A_STEP
    timing = len(PHASES) * (effort.warm_up_seconds + max(effort.seconds, called))
    if case.execution.loop in ("unrolled", "stock-unrolled", "static"):
        written = case.steps * max(1, len(get_entry(case.entry).layers))  # steps, each layer's
        return timing + min(effort.time_limit_seconds, 0.3 + written * (0.38 if case.execution.jit else 0.05))
    return timing + (1.6 if case.execution.jit else 0.7)


def expected_of_group(group: Group, effort: Effort, cannot: Cannot = skip_reason) -> float:
    """A rough guess of what the least repeats of a group take, and proving its arms: the proof may take too long."""
    arms = {case: repeats for case, repeats in group.arms.items() if not cannot(case)}
    seconds = {case: expected_seconds(case, effort) for case in arms}
    repeats = {
        case: min(group.least, most) if seconds[case] < effort.time_limit_seconds else 0 for case, most in arms.items()
    }
    return sum(seconds[case] * (1 + repeats[case]) for case in arms)
