"""What measures on one node of a cluster: a coordinator whose rows go back to the run, and not into a table."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from zoo.measuring.case import Case
from zoo.measuring.coordinator import Coordinator
from zoo.measuring.effort import Effort
from zoo.measuring.group import Group
from zoo.measuring.launchers import Launchers
from zoo.measuring.machine import memory_limit_bytes
from zoo.measuring.rows import Measurement
from zoo.own.models import OwnModels, declare, register


@dataclass(frozen=True)
class Setup:
    """What a node needs to know of a run.

    Attributes:
        run: its name.
        effort: how long an arm is timed, and may take.
        memory_limit_gib: what a process, and those that take turns, may hold; None: a part of what is free there.
        own: models of a file of the user's own.
        source: the text of that file.
    """

    run: str
    effort: Effort
    memory_limit_gib: float | None = None
    own: OwnModels | None = None
    source: str = ""

    def bench(self, node: str, at_once: int) -> Bench:
        """What measures on the node of this name."""
        return Bench(self, node, at_once)


class Bench:
    """Measures groups and trainings on one node.

    Args:
        setup: of the run.
        node: its name, a column of the rows.
        at_once: how many trainings may run at the same time.
    """

    def __init__(self, setup: Setup, node: str, at_once: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="rnn-zoo-")
        folder = Path(self._folder.name)
        self._new: list[Measurement] = []
        self.coordinator = Coordinator(
            folder,
            setup.run,
            setup.effort,
            memory_limit_bytes(setup.memory_limit_gib),
            at_once=at_once,
            launchers=Launchers(folder, _registers(setup, folder)) if setup.own else None,
            keep=self._new.extend,
            node=node,
        )

    def group(self, group: Group, kept: Sequence[Measurement], seconds: float) -> Iterator[int | list[Measurement]]:
        """Measure a group within so many seconds, behind the rows of it that are kept and of a machine like this one.

        Yields:
            Which repeat comes first, then the rows of each repeat.
        """
        self._new.clear()  # of trainings: they have gone back already
        self.coordinator.go_on(kept)
        run = self.coordinator.group(group)
        deadline = time.monotonic() + seconds
        yield run.repeats
        while arms := run.needed(time.monotonic() > deadline):
            self.coordinator.repeat(run, arms)
            yield list(self._new)
            self._new.clear()

    def training(self, case: Case) -> Iterator[list[Measurement]]:
        """Train a case and score it."""
        yield self.coordinator.trained(case)

    def close(self) -> None:
        """End the fork servers and remove the folder of their logs."""
        self.coordinator.close()
        self._folder.cleanup()


def _registers(setup: Setup, folder: Path) -> partial[None]:
    """Write the user's file on this node, and have each process that measures import it."""
    assert setup.own
    path = folder / setup.own.path.name
    path.write_text(setup.source)
    own = replace(setup.own, path=path)
    declare(own)
    return partial(register, own)
