"""What a run does not measure again: the rows of a run that was stopped, and arms that ran past the time limit."""

from __future__ import annotations

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
    """Rows of a run that was stopped. A case counts only with the same fields, versions and machine.

    Args:
        rows: of the run.
        anywhere: whether the rows of other machines count too.
    """

    def __init__(self, rows: Iterable[Measurement] = (), anywhere: bool = False) -> None:
        self.anywhere = anywhere
        self._rows: dict[str, dict[str, list[Measurement]]] = {}  # of each case, by part of a group
        for row in rows:
            self._rows.setdefault(row.case_id, {}).setdefault(row.group, []).append(row)

    def rows(self, case: Case, group: str = "") -> list[Measurement]:
        """The rows of `case`, whatever their outcome; those that it has as an arm of `group`."""
        same = {**case.identity(), **machine.origin(case.backend, case.device)}
        for name in OF_MACHINE if self.anywhere else OF_PACE if case.recipe else ():
            del same[name]
        rows = self._rows.get(case.id, {}).get(group, [])
        return [row for row in rows if all(getattr(row, name) == value for name, value in same.items())]

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

    def note(self, case: Case, status: str) -> None:
        """Remember that `case` ended with `status`, if that is a timeout."""
        if status == "timeout":
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
