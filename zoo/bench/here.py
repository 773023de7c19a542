"""Where a run measures: on this machine, one group or a few trainings at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from zoo.measuring.case import Case
from zoo.measuring.coordinator import Coordinator
from zoo.measuring.group import Group
from zoo.measuring.group_run import GroupRun
from zoo.measuring.rows import Measurement


class Place(Protocol):
    """Measures the groups and trainings of a run, or takes them from the run that is resumed."""

    def plan(self, groups: Sequence[tuple[Group, float]], trainings: Sequence[Case], budget_seconds: float) -> None:
        """What will be measured, in this order: groups with their expected seconds, and what all may take."""

    def is_done(self, what: Group | Case) -> bool:
        """Whether the run that is resumed has measured a group or a training already."""

    def group(self, group: Group, seconds: float) -> GroupRun:
        """A group, once it is measured."""

    def training(self, case: Case) -> list[Measurement]:
        """The scores of a training, once it is done."""

    def close(self) -> None:
        """End what measures."""


class Here:
    """Measures on this machine.

    Args:
        coordinator: of the run.
        at_once: how many trainings run at the same time.
    """

    def __init__(self, coordinator: Coordinator, at_once: int) -> None:
        self._coordinator = coordinator
        self._at_once = at_once
        self._trainings: list[Case] = []

    def plan(self, groups: Sequence[tuple[Group, float]], trainings: Sequence[Case], budget_seconds: float) -> None:
        """Remember which training follows which."""
        self._trainings = list(trainings)

    def is_done(self, what: Group | Case) -> bool:
        """Whether the run that is resumed has measured a group or a training already."""
        if isinstance(what, Case):
            return self._coordinator.is_trained(what)
        return not self._coordinator.group(what).needed()

    def group(self, group: Group, seconds: float) -> GroupRun:
        """A group, measured now."""
        run = self._coordinator.group(group)
        self._coordinator.measure(run, seconds)
        return run

    def training(self, case: Case) -> list[Measurement]:
        """The scores of a training; those that follow it begin with it."""
        first = self._trainings.index(case)
        for each in self._trainings[first : first + self._at_once]:
            self._coordinator.begin(each)
        return self._coordinator.trained(case)

    def close(self) -> None:
        """End the fork servers and what runs in them."""
        self._coordinator.close()
