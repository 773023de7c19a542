"""What a run that is resumed takes of the rows that are there, and what it measures again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from zoo import Execution
from zoo.bench.on_nodes import OnNodes
from zoo.bench.plugin import settle
from zoo.measuring import machine
from zoo.measuring.case import Case
from zoo.measuring.coordinator import Coordinator
from zoo.measuring.effort import USUAL
from zoo.measuring.group import Group
from zoo.measuring.job import Job
from zoo.measuring.launcher import Outcome
from zoo.measuring.preparation import Ended, prepare_timing
from zoo.measuring.resume import DATA, LOOP, ONE_DENSE, Kept, TooLong, that_hold
from zoo.measuring.rows import Measurement, append, final, read_rows

TRAINING = Case("neuron", "wave", Execution(), "tensorflow", "cpu", 50, 20, 1, 4, recipe="fast")
TIMED = replace(TRAINING, recipe="")
GROUP = Group("of-one-arm", {TIMED: 1}, (), least=1)
GIB = 2**30


def row(case: Case, **columns: Any) -> Measurement:
    here = machine.origin(case.backend, case.device)
    return Measurement(**{**case.identity(), **here, "phase": case.phases[0], "repeat": 0, **columns})


def repeat(number: int = 0, **columns: Any) -> list[Measurement]:
    """A repeat of the group: a block of each phase."""
    shared = {"group": GROUP.name, "repeat": number, "round": 0, "step_seconds": 1.0, "run": "run"}
    return [row(TIMED, **{**shared, **columns, "phase": phase}) for phase in TIMED.phases]


@pytest.mark.parametrize("status", ["crashed", "skipped"])
def test_a_training_that_ended_badly_once_and_well_later_is_done(status: str) -> None:
    bad, good = row(TRAINING, status=status, reason="a reason"), row(TRAINING, score=0.5)
    assert not Kept([bad]).trained(TRAINING)
    assert Kept([bad, good]).trained(TRAINING) == [good]


@pytest.mark.parametrize("anywhere", [False, True], ids=["here", "on a cluster"])
def test_a_score_of_another_version_of_the_zoo_holds_and_a_timing_does_not(anywhere: bool) -> None:
    score, timing = (row(case, zoo_version="another", threads=99) for case in (TRAINING, TIMED))
    assert that_hold([score, timing], GIB, anywhere) == [score]
    assert that_hold([row(TRAINING, keras_version="another")], GIB, anywhere) == []
    elsewhere = [row(case, device_name="another") for case in (TRAINING, TIMED)]
    assert that_hold(elsewhere, GIB, anywhere) == (elsewhere if anywhere else [])


def test_a_version_that_the_head_of_a_cluster_lacks_is_any(monkeypatch) -> None:
    measured = row(TIMED)
    monkeypatch.setattr(machine, "origin", lambda backend, device: {"backend_version": ""})
    assert that_hold([measured], GIB, anywhere=True) == [measured]
    assert that_hold([measured], GIB) == []


@pytest.mark.parametrize(
    "reason",
    ["held 3.02 GiB, over the limit of 2.00", "beside the reference arm 3.02 GiB are held, over the limit of 2.00"],
)
def test_what_held_too_much_is_tried_again_where_so_much_is_allowed(reason: str) -> None:
    ended = row(TIMED, status="out_of_memory", reason=f"{DATA}: {reason}")
    assert that_hold([ended], 2 * GIB) == [ended]
    assert that_hold([ended], 3 * GIB) == [ended]  # it would be ended again
    assert that_hold([ended], 4 * GIB) == []
    of_a_library = row(TIMED, status="out_of_memory", reason="ResourceExhaustedError: no 9 GiB")
    assert that_hold([of_a_library], 4 * GIB) == [of_a_library]


@pytest.mark.parametrize("what", [DATA, ONE_DENSE, LOOP])
def test_an_arm_that_never_ran_is_tried_at_more_steps(what: str) -> None:
    too_long, more = TooLong(120), replace(TIMED, steps=50)
    too_long.note(TIMED, "timeout", f"{what}: ran past its limit of 120 s")
    assert not too_long.reason(more)
    too_long.note(TIMED, "timeout", "proving it: ran past its limit of 120 s")
    assert too_long.reason(more) == "at 20 steps it ran past the limit of 120 s already"


def test_what_ended_says_whether_it_was_the_arm() -> None:
    """The proof of the loop is the loop's own, and no other arm's."""
    unrolled = replace(TIMED, execution=Execution("unrolled"))

    def once(what: str, case: Case, function: Any, *_: Any) -> Outcome:
        failed = function.__name__ == "prove"
        return Outcome("timeout", f"{what}: took too long") if failed else Outcome("ok", value={})

    ended = [prepare_timing(case, once, USUAL) for case in (TIMED, unrolled)]
    assert [each.outcome.reason.startswith(LOOP) for each in ended if isinstance(each, Ended)] == [False, True]


def test_how_an_arm_ended_is_how_its_last_repeat_did() -> None:
    crashed, good = row(TIMED, status="crashed", reason="killed"), row(TIMED, repeat=1)
    assert settle([good, crashed]) == [good]  # on a cluster what crashed comes behind what was measured
    assert final([crashed, good]) == good
    with pytest.raises(pytest.fail.Exception, match="crashed: killed"):
        settle([good, replace(crashed, repeat=2)])


class Nodes:
    """Stands for a cluster: each job gets the same pieces."""

    def __init__(self, *pieces: int | list[Measurement]) -> None:
        self._pieces = pieces

    def __len__(self) -> int:
        return 1

    def add(self, job: Job) -> None:
        """Jobs wait."""

    def finish(self, job: Job) -> None:
        for piece in self._pieces:
            job.receive(piece)


def on_nodes(folder: Path, nodes: Nodes, kept: Sequence[Measurement] = ()) -> OnNodes:
    place = OnNodes(nodes, Coordinator(folder, "run", USUAL, GIB), lambda text: None, kept)
    place.plan([(GROUP, 1.0)], [], 1.0)
    return place


def test_rows_of_a_node_with_other_versions_are_rows_of_the_run(tmp_path: Path) -> None:
    theirs = repeat(keras_version="3.99.1", device_name="another", python_version="3.99.1")
    run = on_nodes(tmp_path, Nodes(0, theirs)).group(GROUP, 1.0)
    assert run.rows[TIMED] == theirs
    assert not run.needed()


def test_a_group_that_is_measured_anew_leaves_the_rows_of_other_runs(tmp_path: Path) -> None:
    before, mine, new = repeat(run="before"), repeat(), repeat(1)
    wanted = replace(GROUP, arms={TIMED: 2}, least=2)
    table = tmp_path / "measurements.csv"
    append(table, [*before, *mine])
    place = OnNodes(Nodes(0, new), Coordinator(tmp_path, "run", USUAL, GIB), lambda text: None, mine)
    place.plan([(wanted, 1.0)], [], 1.0)
    place.group(wanted, 1.0)
    assert read_rows(table) == [*before, *new]
