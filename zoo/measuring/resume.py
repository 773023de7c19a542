"""What a run does not measure again: the rows of a run that was stopped, and arms that ran past the time limit."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from zoo.measuring import machine
from zoo.measuring.case import Case
from zoo.measuring.rows import Measurement

DONE = ("ok", "unequal", "out_of_memory", "timeout")
"""Outcomes that a resumed run keeps. A case that was skipped or crashed is tried again: its cause may be gone."""

OF_MACHINE = ("device_name", "cpu_count", "threads")
OF_PACE = ("threads", "zoo_version")
"""What a score does not depend on: threads are fewer where several trainings run at once."""
HELD = re.compile(r"([\d.]+) GiB.*, over the limit of")
"""In the reason of what held too much memory: so much it held when it was ended."""
DATA, ONE_DENSE, LOOP = "loading its data", "a one-Dense model", "proving looped"
"""What an arm needs and is not itself: the reason of a failure there begins so."""


def that_hold(rows: Iterable[Measurement], memory_bytes: int, anywhere: bool = False) -> list[Measurement]:
    """Rows of a run that was stopped which hold now: of the same versions and machine, and of what fits no better now.

    Args:
        rows: of the run.
        memory_bytes: the limit now. What held less when it was ended at a lower one is tried again.
        anywhere: whether the rows of other machines hold too; then versions that are not known here are any.
    """
    return [row for row in rows if _is_of_here(row, anywhere) and not _fits_now(row, memory_bytes)]


def _is_of_here(row: Measurement, anywhere: bool) -> bool:
    ignored = {*(OF_MACHINE if anywhere else ()), *(OF_PACE if row.recipe else ())}
    here = {name: value for name, value in machine.origin(row.backend, row.device).items() if name not in ignored}
    return all(getattr(row, name) == value or (anywhere and not value) for name, value in here.items())


def _fits_now(row: Measurement, memory_bytes: int) -> bool:
    held = HELD.search(row.reason) if row.status == "out_of_memory" else None
    return held is not None and float(held[1]) * 2**30 < memory_bytes


def part_name(group: str, part: int) -> str:
    """What a part of a group is called, where its workers do not all fit into memory at once: "wave-…-3f2a1c.2"."""
    return group + (f".{part + 1}" if part else "")


def whole_name(part: str) -> str:
    """The name of the group that a part belongs to."""
    return part.partition(".")[0]


def _part_number(part: str) -> int:
    """Which part it is: what `part_name` was given."""
    number = part.partition(".")[2]
    return int(number) - 1 if number else 0


class Kept:
    """Rows of a run that was stopped, see `that_hold`, or of this one. A case counts only with the same fields.

    Args:
        rows: of the run.
        anywhere: whether rows of other machines are among them.
    """

    def __init__(self, rows: Iterable[Measurement] = (), anywhere: bool = False) -> None:
        self.anywhere = anywhere
        self._rows: dict[str, dict[str, list[Measurement]]] = {}  # of each case, by part of a group
        for row in rows:
            self._rows.setdefault(row.case_id, {}).setdefault(row.group, []).append(row)

    def rows(self, case: Case, group: str = "") -> list[Measurement]:
        """The rows of `case`, whatever their outcome; those that it has as an arm of `group`."""
        rows, same = self._rows.get(case.id, {}).get(group, []), case.identity().items()
        return [row for row in rows if all(getattr(row, name) == value for name, value in same)]

    def parts(self, case: Case, group: str) -> dict[int, list[Measurement]]:
        """The rows of an arm of `group`, by the part of it that its worker was in (see `part_name`).

        An arm that did not fit beside the others stands in a later part alone.
        """
        names = [name for name in self._rows.get(case.id, {}) if whole_name(name) == group]
        return {_part_number(name): self.rows(case, name) for name in names}

    def trained(self, case: Case) -> list[Measurement]:
        """The scores of the training `case`, or an outcome that is not tried again; none where it is to be trained."""
        return [row for row in self.rows(case) if row.status in DONE]


class TooLong:
    """The fewest steps at which an arm ran past the time limit: with as many or more it is not tried again."""

    def __init__(self, time_limit_seconds: float) -> None:
        self._time_limit_seconds = time_limit_seconds
        self._steps: dict[Case, int] = {}

    def note(self, case: Case, status: str, reason: str) -> None:
        """Remember how `case` ended, if that is a timeout of its own and not of what it needs."""
        if status == "timeout" and not reason.startswith((DATA, ONE_DENSE, LOOP)):
            arm = _any_steps(case)
            self._steps[arm] = min(case.steps, self._steps.get(arm, case.steps))

    def reason(self, case: Case) -> str:
        """Why `case` is not tried, in words; empty if it is."""
        steps = self._steps.get(_any_steps(case), case.steps + 1)
        if case.recipe or steps > case.steps:
            return ""
        return f"at {steps} steps it ran past the limit of {self._time_limit_seconds:g} s already"


def _any_steps(case: Case) -> Case:
    return replace(case, steps=0)
