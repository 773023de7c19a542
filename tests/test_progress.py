"""What a run says of the time that is left, and which part of the budget a group gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.profiles import get_profile
from zoo.bench.plan import Selection, expected_of_group, timed_cases, trained_cases
from zoo.bench.progress import Planned, Progress
from zoo.measuring.case import Case
from zoo.measuring.group import Group, groups

PROFILE = get_profile("quick")
LSTM = Selection(entries=("lstm",), tasks=("digits_rows", "wave"))
TIMED = groups(timed_cases(PROFILE, LSTM))
TRAINED = trained_cases(PROFILE, LSTM)


class Lines:
    """A screen of which a test reads the lines that stay."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def passing(self, text: str) -> None:
        """What a terminal takes back."""


def progress(screen: Lines, *done: Group | Case, at_once: int = 1) -> Progress:
    shown = Progress(screen, Planned(TIMED, TRAINED), PROFILE, at_once)
    shown.keep(lambda what: any(what is each for each in done))
    return shown


def test_the_last_group_gets_all_that_is_left_whatever_is_trained_after_it() -> None:
    shown = progress(Lines(), TIMED[0])
    shares = []
    for group in TIMED[1:]:
        shares.append(shown.share(group))
        shown.end(group, ["done"], 1.0)
    assert shares[-1] == pytest.approx(1)
    expected = [expected_of_group(group, PROFILE.effort) for group in TIMED[1:]]
    assert shares[0] == pytest.approx(expected[0] / sum(expected))


def test_what_is_measured_already_is_not_left() -> None:
    screen = Lines()
    shown = progress(screen, *TIMED[1:], *TRAINED)
    shown.announce(Path("runs"), 60.0)
    said = f"of these {len(TIMED) - 1 + len(TRAINED)} of {len(TIMED) + len(TRAINED)} groups and trainings are measured"
    assert any(said in line for line in screen.lines)
    shown.end(TIMED[0], ["first"], 30.0)
    assert screen.lines[-1].endswith("first, 30 s; 0 s left")


def test_trainings_at_the_same_time_are_expected_to_share_it() -> None:
    """Two of 7 s each that end together: one is waited for, and the other has ended then."""
    screen = Lines()
    shown = progress(screen, *TIMED, at_once=2)
    for i, case in enumerate(TRAINED[:2]):
        shown.end(case, ["trained"], 7.0 if i == 0 else 0.01)
    left = 7 * (len(TRAINED) - 2) / 2
    assert screen.lines[-1].endswith(f"trained, 0 s; {left:.0f} s left")
