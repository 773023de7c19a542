"""The blocks of a group's arms, and whether they need another repeat."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Mapping

from zoo.measuring.case import Case
from zoo.measuring.enough import is_enough
from zoo.measuring.group import Group, baselines

Blocks = Mapping[int, float]
"""The seconds of a call, by round."""
Turn = tuple[int, int]
"""A repeat, and a part of the group where its workers do not all fit into memory at once."""


def log_ratio(arm: Blocks, baseline: Blocks) -> float:
    """The ratio of a repeat: the median, over the rounds of both, of the logarithm of one block over the other."""
    common = [number for number in arm if number in baseline]
    return statistics.median(math.log(arm[number] / baseline[number]) for number in common)


class Timings:
    """The blocks of a group's arms so far, and whether they need another repeat."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._blocks: dict[tuple[Case, str], dict[Turn, Blocks]] = {}
        self._repeats: dict[Case, set[int]] = {}

    @property
    def arms(self) -> Collection[Case]:
        """The arms of the group."""
        return self._group.arms.keys()

    def add(self, case: Case, phase: str, turn: Turn, blocks: Blocks) -> None:
        """Note the blocks that an arm gave in a repeat, and in which part of the group."""
        self._blocks.setdefault((case, phase), {})[turn] = blocks
        self._repeats.setdefault(case, set()).add(turn[0])

    def log_ratios(self, case: Case, baseline: Case, phase: str) -> list[float]:
        """The ratio of each repeat in which both took turns."""
        arms, others = self._blocks.get((case, phase), {}), self._blocks.get((baseline, phase), {})
        return [log_ratio(arms[turn], others[turn]) for turn in arms if turn in others]

    def is_wide(self, case: Case) -> bool:
        """Whether one of its ratios needs more repeats."""
        ratios = (self.log_ratios(case, arm, phase) for arm in self._baselines(case) for phase in case.phases)
        return any(each and not is_enough(each) for each in ratios)

    def arms_of_next(self, failed: Collection[Case], out_of_time: bool) -> list[Case]:
        """The arms of the next repeat, in the order of the group.

        The least repeats of each, then of all until every ratio is narrow: an arm that stopped by its own width alone
        would stop early where it is lucky, and its interval would hold the truth in 92% of cases, not in 95%. Never
        more than are wanted of an arm.
        """
        going = [case for case, wanted in self._group.arms.items() if self.made(case) < wanted and case not in failed]
        if all(self.made(case) >= self._group.least for case in going) and (
            out_of_time or not any(map(self.is_wide, going))
        ):
            return []
        return going

    def made(self, case: Case) -> int:
        """How many repeats an arm has."""
        return len(self._repeats.get(case, ()))

    def _baselines(self, case: Case) -> list[Case]:
        return baselines(case, self.arms)
