"""What a run that is resumed takes of the rows that are there, and what it measures again."""

from __future__ import annotations

import pytest

from zoo import Execution
from zoo.measuring import machine
from zoo.measuring.case import Case
from zoo.measuring.resume import Kept
from zoo.measuring.rows import Measurement

TRAINING = Case("neuron", "wave", Execution(), "tensorflow", "cpu", 50, 20, 1, 4, recipe="fast")


def row(case: Case, **columns: object) -> Measurement:
    here = machine.origin(case.backend, case.device)
    return Measurement(**{**case.identity(), **here, "phase": case.phases[0], "repeat": 0, **columns})


@pytest.mark.parametrize("status", ["crashed", "skipped"])
def test_a_training_that_ended_badly_once_and_well_later_is_done(status: str) -> None:
    bad, good = row(TRAINING, status=status, reason="a reason"), row(TRAINING, score=0.5)
    assert not Kept([bad]).trained(TRAINING)
    assert Kept([bad, good]).trained(TRAINING) == [good]
