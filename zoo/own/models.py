"""What a file of models holds, and how it comes into the registries."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from zoo.errors import ZooError
from zoo.own.build import cell_builder, function_builder
from zoo.own.file import contents_of
from zoo.registry import MODELS, TASKS, Entry, Task


@dataclass(frozen=True)
class OwnModels:
    """What a file holds.

    Attributes:
        path: of the file.
        entries: without what builds them: that stays in the file.
        tasks: of random numbers, for the models of fixed sizes; each is called as its model.
        broken: cells and functions that give no model: name -> reason.
        left_out: functions that are not taken for models: name -> reason.
    """

    path: Path
    entries: tuple[Entry, ...]
    tasks: tuple[Task, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


def declare(own: OwnModels) -> None:
    """Add the entries and tasks to the registries of a process that plans: names and capabilities, nothing to build.

    Raises:
        ZooError: the zoo has an entry or a task of such a name.
    """
    _add(own, own.entries)


def register(own: OwnModels) -> None:
    """Import the file and add its entries and tasks to the registries, ready to build.

    Raises:
        ZooError: as of `described` and `declare`.
    """
    made = contents_of(own.path).made
    build = {
        name: cell_builder(each) if inspect.isclass(each) else function_builder(each) for name, each in made.items()
    }
    _add(own, [replace(entry, build=build[entry.name]) for entry in own.entries if entry.name in build])


def _add(own: OwnModels, entries: Iterable[Entry]) -> None:
    for entry in entries:
        if entry.name in MODELS.names():
            raise ZooError(f"{own.path}: {entry.name!r} is an entry of the zoo already: give yours another name")
        MODELS.add(entry)
    for task in own.tasks:
        if task.name in TASKS.names():
            raise ZooError(f"{own.path}: {task.name!r} is a task of the zoo already: give your model another name")
        TASKS.add(task)
