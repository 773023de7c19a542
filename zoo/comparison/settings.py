"""What a comparison is asked, kept in its folder so that it can be gone on with."""

from __future__ import annotations

import datetime
import json
import operator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zoo.errors import ZooError, positive_whole, unknown
from zoo.execution import BACKENDS, Execution
from zoo.lock import Lock
from zoo.measuring.rows import check_writable
from zoo.problems.problem import Problem
from zoo.registry import MODELS

SETTINGS = "settings.json"
DATA = "data"
"""The setting that holds a digest of what was read."""
ENTRIES = ("lstm", "gru", "simple_rnn", "min_gru", "lru", "bidirectional_lstm")
"""Compared unless others are named: the usual cells, two that are linear in their state, and both directions."""
RUNS = Path("zoo-runs")
RECOMMENDED = "recommended"


@dataclass(frozen=True)
class Settings:
    """How entries are compared.

    Attributes:
        entries: of the zoo.
        seeds: trainings of each entry on each fold.
        units: of the recurrent layers.
        execution: how their time loops run; "recommended": the fastest here, by a measurement.
        backend: "tensorflow", "jax" or "torch".
    """

    entries: tuple[str, ...] = ENTRIES
    seeds: int = 2
    units: int = 32
    execution: str = RECOMMENDED
    backend: str = "tensorflow"

    def __post_init__(self) -> None:
        positive_whole("seeds", self.seeds)
        positive_whole("units", self.units)
        if not self.entries:
            raise ZooError("no entry is named; zoo list shows all")
        if len(set(self.entries)) < len(self.entries):
            raise ZooError("an entry is named twice")


def new_folder() -> Path:
    """Where a comparison that starts now is kept."""
    return RUNS / datetime.datetime.now().strftime("compare-%Y-%m-%dT%H-%M-%S")


def newest_folder() -> Path | None:
    """The comparison that was begun last, if there is one."""
    found = sorted(RUNS.glob(f"compare-*/{SETTINGS}"))
    return found[-1].parent if found else None


def claim(folder: Path, asked: dict[str, Any], resume: bool) -> Lock:
    """Make the folder of a comparison, or take the one that is there, and hold it.

    Raises:
        ZooError: it cannot be written, another process writes it, it holds a comparison already, or another one than
            the one to go on with.
    """
    path = folder / SETTINGS
    if path.exists():
        if not resume:
            raise ZooError(f"{folder} holds a comparison already: go on with it by --resume, or choose another --out")
        before = read_settings(folder)
        for name, value in asked.items():
            if name == DATA and before.get(name) != value:
                raise ZooError(f"{folder} was begun with other data, or read in another way: choose another --out")
            if before.get(name) != value:
                raise ZooError(f"{folder} was begun with {_difference(name, before.get(name), value)}")
        return Lock(folder)
    if resume:
        raise ZooError(f"{folder} holds no comparison to go on with")
    check_writable(folder)
    lock = Lock(folder)
    path.write_text(json.dumps(asked, indent=2) + "\n")
    return lock


def _difference(name: str, before: Any, now: Any) -> str:
    """The first setting that differs, by its own name where several are kept as one."""
    if isinstance(before, dict) and isinstance(now, dict):
        name = next(key for key in {**before, **now} if before.get(key) != now.get(key))
        before, now = before.get(name), now.get(name)
    return f"{name} {before!r}, not {now!r}"


def read_settings(folder: Path) -> dict[str, Any]:
    """What the comparison in a folder was asked.

    Raises:
        ZooError: there is none, or it is damaged.
    """
    try:
        read = json.loads((folder / SETTINGS).read_text())
    except (OSError, ValueError) as error:
        raise ZooError(f"{folder} holds no comparison ({error})") from None
    if not isinstance(read, dict):
        raise ZooError(f"{folder / SETTINGS} is damaged")
    return read


def plain(settings: Settings, source: dict[str, Any]) -> dict[str, Any]:
    """The settings and the source as JSON gives them back."""
    result: dict[str, Any] = json.loads(json.dumps({**source, **asdict(settings)}, default=operator.index))
    return result


def check_settings(settings: Settings, problem: Problem) -> None:
    """Refuse entries and an execution that a problem or the backend cannot run.

    Raises:
        ZooError: which, why, and the nearest.
    """
    if settings.backend not in BACKENDS:
        raise unknown("backend", settings.backend, BACKENDS)
    for name in settings.entries:
        entry = MODELS.get(name)
        if not entry.fits(problem.task):
            fitting = [each.name for each in MODELS if each.fits(problem.task)]
            raise ZooError(f"{name} does not read sequences to a vector; these do: {', '.join(fitting)}")
        if settings.execution != RECOMMENDED:
            execution = Execution.parse(settings.execution)
            if why := entry.problem(execution) or execution.problem(settings.backend, "cpu", entry.stock):
                raise ZooError(f"{name} does not run {execution}: {why}")
