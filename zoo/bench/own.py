"""The grid for models in a file of your own: theirs beside an entry of the zoo, as written, looped and unrolled."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

from zoo.bench.plan import Selection
from zoo.bench.profile import Block, Profile
from zoo.errors import ZooError, missing
from zoo.execution import KERAS
from zoo.measuring.launcher import Launcher, Limits
from zoo.measuring.rows import TABLE
from zoo.own.describe import described
from zoo.own.models import OwnModels, declare
from zoo.registry import MODELS, TASKS, Entry

NAME = "own"
TASK_NAMES = ("digits_rows", "wave")
"""Where models are measured unless tasks are named: one that classifies, one that forecasts."""
WITHOUT_CLASSES = "adding"
"""Where one is measured that does neither: it gives a number."""
EXECUTIONS = ("stock", "looped", "unrolled")
BESIDE = ("lstm",)
BUDGET_SECONDS = 120.0
SEEDS = 3
DESCRIBE = Limits(2**62, 120.0)
"""What importing the file and building its models may take."""
SOURCE = "models.json"
"""Beside a table: the file whose models it has, and the sha256 of what was in it."""


def read_models(path: Path, backend: str, device: str = "cpu") -> OwnModels:
    """What a file of models holds, found out in a process of its own; its entries are in the registry from here on.

    Raises:
        ZooError: the backend is not installed, there is no such file, it does not import, it has no model, or a name of
            the zoo's.
    """
    if absent := missing(backend):
        raise ZooError(absent)
    if not path.is_file():
        raise ZooError(f"there is no file {path}")
    with tempfile.TemporaryDirectory() as folder:
        launcher = Launcher(KERAS, backend, device, Path(folder) / "log")
        try:
            outcome = launcher.run(DESCRIBE, described, path)
        finally:
            launcher.close()
    if outcome.status != "ok":
        raise ZooError(outcome.reason if outcome.status == "skipped" else f"{path}: {outcome.reason}")
    own: OwnModels = outcome.value
    declare(own)
    return own


def claim(folder: Path, own: OwnModels, resume: bool) -> None:
    """Note beside the table of a run whose models it has: rows of a file before it was changed and after do not mix.

    Raises:
        ZooError: the folder holds a run that is not to go on, of another file, or of this one before it was changed.
    """
    note, digest = folder / SOURCE, hashlib.sha256(own.path.read_bytes()).hexdigest()
    if not (folder / TABLE).exists():
        note.write_text(json.dumps({"file": str(own.path.resolve()), "sha256": digest}, indent=2) + "\n")
        return
    if not resume:
        raise ZooError(f"{folder} holds a run already: resume it, or choose another folder")
    try:
        before = json.loads(note.read_text())
        file, same = before["file"], before["sha256"] == digest
    except (OSError, ValueError, KeyError, TypeError):
        raise ZooError(f"the run in {folder} is of no file of models: choose another folder") from None
    if not same and file == str(own.path.resolve()):
        raise ZooError(f"{own.path} has changed since the run in {folder} was begun: choose another folder")
    if not same:
        raise ZooError(f"the run in {folder} is of {file}, not of {own.path}: choose another folder")


def own_profile(
    own: OwnModels,
    *,
    entries: Sequence[str] = (),
    tasks: Sequence[str] = (),
    executions: Sequence[str] = EXECUTIONS,
    beside: Sequence[str] = BESIDE,
    steps: int | None = None,
    units: int | None = None,
    batch: int | None = None,
) -> Profile:
    """The grid of a file's models.

    Args:
        own: the file.
        entries: those of its models to measure; all by default.
        tasks: tasks of the zoo; by default digits_rows and wave, those that a model fits.
        executions: beside each other, where a model has them.
        beside: entries of the zoo to measure too.
        steps: of the sequences, for tasks that come in any length; the tasks' own by default.
        units: of models that take them; the tasks' own by default.
        batch: examples a timed call; the tasks' own by default. A training has the batch of its recipe.

    Raises:
        ZooError: a name is unknown, or a model fits none of the tasks.
    """
    known = {entry.name: entry for entry in own.entries}
    for name in entries:
        if name not in known:
            raise ZooError(f"{own.path} has no model {name!r}: it has {', '.join(known)}")
    targets = [TASKS.get(name) for name in tasks]
    by_tasks: dict[tuple[str, ...], list[str]] = {}
    for entry in [known[name] for name in entries or known]:
        names = (entry.name,) if entry.written and entry.written.task else _fitting(entry, [t.name for t in targets])
        if not names:
            raise ZooError(f"{entry.name} fits none of the tasks {', '.join(tasks or (*TASK_NAMES, WITHOUT_CLASSES))}")
        by_tasks.setdefault(names, []).append(entry.name)
    timed, trained = [], []
    for names, models in by_tasks.items():
        compared = [*models, *(name for name in beside if any(MODELS.get(name).fits(TASKS.get(n)) for n in names))]
        fixed = names[0] in known
        block = Block(tuple(compared), names, tuple(executions), batches=(batch,))
        sized = [block] if fixed else [replace(part, units=(units,)) for part in _of_steps(block, steps)]
        timed += sized
        if not fixed:
            alone = product(sized, compared)
            trained += [replace(b, entries=(name,), executions=(_trains(name),), batches=(None,)) for b, name in alone]
    summary = f"{own.path.name}: {', '.join(entries or known)}; beside {', '.join(beside) or 'nothing'}"
    return Profile(NAME, summary, tuple(timed), BUDGET_SECONDS, trained=tuple(trained), seeds=SEEDS, at_once=2)


def profile_of_names(own: OwnModels, asked: Selection) -> Profile:
    """The grid of a file's models where entries of the zoo are named among them: those are measured beside them."""
    ours = {entry.name for entry in own.entries}
    return own_profile(
        own,
        entries=[name for name in asked.entries if name in ours],
        tasks=asked.tasks,
        executions=asked.executions or EXECUTIONS,
        beside=[name for name in asked.entries if name not in ours] or BESIDE,
    )


def _of_steps(block: Block, steps: int | None) -> list[Block]:
    """The block with `steps` for the tasks of any length; for all of them where none is, which is refused later."""
    long = tuple(name for name in block.tasks if TASKS.get(name).any_steps)
    if steps is None or not long:
        return [replace(block, steps=(steps,))]
    others = tuple(name for name in block.tasks if name not in long)
    return [replace(block, tasks=long, steps=(steps,)), *([replace(block, tasks=others)] if others else [])]


def left_out_lines(own: OwnModels) -> Iterable[str]:
    """What of a file is not measured, with the reasons."""
    return (f"not measured: {name}: {reason}" for name, reason in {**own.broken, **own.left_out}.items())


def _fitting(entry: Entry, asked: Sequence[str]) -> tuple[str, ...]:
    """The tasks that an entry fits: of those asked for, else of the usual ones."""
    names = [name for name in asked or TASK_NAMES if entry.fits(TASKS.get(name))]
    if not names and not asked and entry.fits(TASKS.get(WITHOUT_CLASSES)):
        names = [WITHOUT_CLASSES]
    return tuple(names)


def _trains(name: str) -> str:
    """The execution that a model is trained with: a score does not depend on it."""
    return "stock" if MODELS.get(name).written else "looped"
