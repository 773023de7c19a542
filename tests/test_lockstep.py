"""A group measured for real: its workers take turns, and one that ends badly stops nobody."""

from __future__ import annotations

import itertools
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import psutil
import pytest

import zoo
from zoo.execution import NORMAL_JIT
from zoo.measuring import prove
from zoo.measuring.case import Case
from zoo.measuring.coordinator import Coordinator
from zoo.measuring.effort import Effort
from zoo.measuring.group import Group
from zoo.measuring.group_run import GroupRun
from zoo.measuring.launcher import Outcome, Process
from zoo.measuring.lockstep import Worker, balanced_order
from zoo.measuring.rows import read_rows
from zoo.measuring.runners import Runner
from zoo.measuring.worker import Arm

BACKEND = keras.backend.backend()
REFERENCE = Case("lstm", "wave", zoo.Execution(jit=NORMAL_JIT[BACKEND]), BACKEND, "cpu", 4, 5, 1, 3)
NEURON = replace(REFERENCE, entry="neuron")
SHORTER = replace(NEURON, execution=zoo.Execution("unrolled", jit=BACKEND != "tensorflow"))
SHORT = Effort(warm_up_calls=1, warm_up_seconds=0, block_seconds=0.002, seconds=0.02, rounds=4)
MEMORY = 8 << 30
SHOWN: list[Callable[[str], None]] = [lambda text: None]
"""Takes what is done now; a test puts its own on top."""


def shown(text: str) -> None:
    SHOWN[-1](text)


@pytest.fixture(scope="module")
def coordinator(tmp_path_factory) -> Iterator[Coordinator]:
    """One for all: an arm is proven once."""
    started = Coordinator(tmp_path_factory.mktemp("run"), "run", SHORT, MEMORY, show=shown)
    yield started
    started.close()


def group(name: str, *arms: Case, repeats: int = 1) -> Group:
    return Group(name, dict.fromkeys(arms, repeats), (REFERENCE,), least=repeats)


def measured(coordinator: Coordinator, arms: Group) -> GroupRun:
    run = coordinator.group(arms)
    coordinator.measure(run, 60.0)
    return run


def workers() -> list[psutil.Process]:
    """The children of the fork server, in the order of their arms."""
    (server,) = psutil.Process().children()
    return sorted(server.children(), key=lambda child: child.create_time())


def test_each_round_has_a_block_of_each_arm_and_a_repeat_is_one_block_of_the_table(coordinator: Coordinator) -> None:
    run = measured(coordinator, group("two", REFERENCE, NEURON, repeats=2))
    rows = [row for case in (REFERENCE, NEURON) for row in run.rows[case]]
    assert {row.status for row in rows} == {"ok"}
    assert {(row.group, row.repeat) for row in rows} == {("two", 0), ("two", 1)}
    for case in (REFERENCE, NEURON):
        for phase in ("train", "predict"):
            for repeat in range(2):
                blocks = [row for row in run.rows[case] if (row.phase, row.repeat) == (phase, repeat)]
                assert [row.round for row in blocks] == list(range(len(blocks)))
                assert len(blocks) >= SHORT.rounds
                assert all(row.calls and row.step_seconds and row.build_seconds for row in blocks)
    assert sorted(map(str, read_rows(coordinator.table))) == sorted(map(str, rows))
    assert coordinator.table.read_bytes().count(b"\n\n") == 3  # the header and two repeats
    assert len(run.timings.log_ratios(NEURON, REFERENCE, "train")) == 2


def test_a_group_that_was_stopped_goes_on_behind_its_last_whole_repeat(coordinator: Coordinator) -> None:
    """As if it had been killed in its second repeat."""
    first = measured(coordinator, group("stopped", REFERENCE, NEURON)).rows[NEURON]
    kept = read_rows(coordinator.table)
    again = Coordinator(
        coordinator.folder, "run", SHORT, MEMORY, kept, launchers=coordinator.launchers, once=coordinator.once
    )
    run = measured(again, group("stopped", REFERENCE, NEURON, repeats=2))
    assert run.rows[NEURON][: len(first)] == first
    assert {row.repeat for row in run.rows[NEURON]} == {0, 1}
    names = [(row.group, row.case_id, row.phase, row.repeat, row.round) for row in read_rows(again.table)]
    assert len(set(names)) == len(names)


def test_a_finished_group_with_an_arm_that_cannot_run_has_nothing_left_to_do(coordinator: Coordinator) -> None:
    """On a CPU nothing is offloaded: the reason is known without a try, and is the same as before."""
    never = replace(NEURON, execution=zoo.Execution("chunked", chunk="auto", memory="offload"))
    arms = group("never", REFERENCE, never)
    first = measured(coordinator, arms)
    assert {row.status for row in first.rows[never]} == {"skipped"}
    kept = read_rows(coordinator.table)
    again = Coordinator(
        coordinator.folder, "run", SHORT, MEMORY, kept, launchers=coordinator.launchers, once=coordinator.once
    )
    run = measured(again, arms)
    assert run.repeats == 1
    assert run.rows == first.rows
    assert not again.has_new_rows


def test_a_worker_that_is_killed_between_rounds_is_a_row_and_the_others_go_on(coordinator: Coordinator) -> None:
    killed: list[int] = []

    def kill(text: str) -> None:
        if "predict" in text and not killed:
            killed.append(workers()[1].pid)
            os.kill(killed[0], signal.SIGKILL)

    SHOWN.append(kill)
    run = measured(coordinator, group("killed", REFERENCE, NEURON))
    SHOWN.pop()
    ended = [row for row in run.rows[NEURON] if row.status != "ok"]
    assert [(row.phase, row.repeat, row.status) for row in ended] == [(phase, 0, "crashed") for phase in NEURON.phases]
    assert "killed by signal 9" in ended[0].reason
    assert {row.repeat for row in run.rows[NEURON] if row.status == "ok"} == {1}  # it is tried again, once
    assert {row.status for row in run.rows[REFERENCE]} == {"ok"}
    assert not workers()


@pytest.mark.parametrize(
    ("held_gib", "groups", "status"),
    [(3, ["three gib", "three gib.2"], "ok"), (5, ["five gib"], "out_of_memory")],
    ids=["two fit", "not even two fit"],
)
def test_workers_that_do_not_fit_into_memory_together(
    coordinator: Coordinator, monkeypatch, held_gib: int, groups: list[str], status: str
) -> None:
    """Each is said to hold so much, of 8 GiB that all may hold: what does not fit is a part with the reference arm."""
    monkeypatch.setattr(Process, "held_bytes", lambda _: held_gib << 30)
    run = measured(coordinator, group(groups[0], REFERENCE, NEURON, SHORTER))
    assert list(dict.fromkeys(row.group for row in run.rows[REFERENCE])) == groups
    assert {row.group for row in run.rows[SHORTER]} == {groups[-1]}
    assert {row.status for row in run.rows[SHORTER]} == {status}
    assert {row.status for row in run.rows[REFERENCE]} == {"ok"}
    kept = read_rows(coordinator.table)
    again = Coordinator(
        coordinator.folder, "run", SHORT, MEMORY, kept, launchers=coordinator.launchers, once=coordinator.once
    )
    assert not again.group(group(groups[0], REFERENCE, NEURON, SHORTER)).needed()  # the same group is done, in parts
    if status == "ok":
        assert len(run.timings.log_ratios(SHORTER, REFERENCE, "train")) == 1
    else:
        assert "beside the reference arm 10.00 GiB are held, over the limit of 8.00" in run.rows[SHORTER][0].reason


@pytest.mark.skipif(BACKEND == "torch", reason="torch without jit has no unrolled arm")
def test_an_arm_that_is_unequal_has_rows_that_say_so_and_no_timings(coordinator: Coordinator, monkeypatch) -> None:
    monkeypatch.setitem(prove.TOLERANCE, "float32", -1.0)
    arm = replace(NEURON, steps=4, execution=zoo.Execution("unrolled", NEURON.execution.jit))  # not proven before
    rows = measured(coordinator, Group("of one arm", {arm: 1}, ())).rows[arm]
    assert {row.status for row in rows} == {"unequal"}
    assert all(row.reason.startswith("differs from looped by ") for row in rows)
    assert all(row.step_seconds is None for row in rows)


@pytest.mark.parametrize("number", [2, 3, 4, 5, 8, 15])
def test_each_arm_follows_every_other_equally_often(number: int) -> None:
    rounds = [balanced_order(number, i) for i in range(2 * number)]
    assert all(sorted(order) == list(range(number)) for order in rounds)
    followed = Counter(pair for order in rounds for pair in itertools.pairwise(order))
    if number == 2:  # in the same order always, so that none follows itself from one round to the next
        assert followed == {(0, 1): 4}
    else:
        assert set(followed.values()) == {2}
        assert len(followed) == number * (number - 1)


@pytest.mark.parametrize(("seconds", "timed", "untimed"), [(0.006, 4, 1), (0.1, 1, 1), (0.5, 1, 0)])
def test_a_block_is_one_untimed_call_and_then_calls_until_its_time_is_over(
    monkeypatch, seconds: float, timed: int, untimed: int
) -> None:
    """A long call is a block by itself, a very long one without another before it."""
    clock, made = [0.0], [0]

    def call() -> None:
        made[0] += 1
        clock[0] += seconds

    runner = SimpleNamespace(prepare=lambda case, batch: Runner({"train": call}, parameters=1))
    monkeypatch.setattr("zoo.measuring.worker.runners.load", lambda name: runner)
    monkeypatch.setattr("zoo.measuring.worker.time.perf_counter", lambda: clock[0])
    arm = Arm(REFERENCE, zoo.Split(np.zeros(1), np.zeros(1)))
    arm.warm_up("train", SHORT)
    made[0] = 0
    block = arm.block("train", 0.02)
    assert (block.calls, made[0]) == (timed, timed + untimed)
    assert (block.step_seconds, block.seconds) == pytest.approx((seconds, made[0] * seconds))


@pytest.mark.parametrize("calls", [[0.006, 0.3], [0.3, 0.006], [*[0.006] * 16, 0.3]], ids=["last", "first", "many"])
def test_one_disturbed_call_of_warming_up_does_not_say_how_long_a_call_takes(monkeypatch, calls: list[float]) -> None:
    clock, left = [0.0], iter([0.006, *calls])

    def call() -> None:
        clock[0] += next(left, 0.006)

    runner = SimpleNamespace(prepare=lambda case, batch: Runner({"train": call}, parameters=1))
    monkeypatch.setattr("zoo.measuring.worker.runners.load", lambda name: runner)
    monkeypatch.setattr("zoo.measuring.worker.time.perf_counter", lambda: clock[0])
    arm = Arm(REFERENCE, zoo.Split(np.zeros(1), np.zeros(1)))
    arm.warm_up("train", replace(SHORT, warm_up_calls=2, warm_up_seconds=0.1))
    assert next(left, None) is None
    assert arm.block("train", 0.02).calls == 4


def test_arms_of_which_none_took_a_turn_leave_the_last_lines_of_a_run(tmp_path) -> None:
    run = SimpleNamespace(repeat=lambda arms, lockstep: [Worker(REFERENCE, None, Outcome("timeout"))])
    ended = Coordinator(tmp_path, "run", SHORT, MEMORY)
    ended.repeat(run, [REFERENCE])
    assert not ended.beyond_block  # and so the run says nothing of them
    assert "an arm took 0.00 s on" in ended.overhead()
