"""Groups: which arms take turns, which are compared, and when a comparison has enough repeats."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

import zoo
from benchmarks.profiles import PROFILES
from zoo.bench.plan import Selection, expected_of_group, timed_cases
from zoo.measuring.case import Case, skip_reason, unsupported
from zoo.measuring.enough import HALF_WIDTH, LEAST_REPEATS, half_width, is_enough
from zoo.measuring.group import WORKERS, Group, baselines, groups, looped, reference
from zoo.measuring.timings import Timings, log_ratio

EVERYWHERE = Selection(backends=("tensorflow", "jax", "torch"), devices=("cpu", "gpu"))
LOOPED = Case("lstm", "wave", zoo.Execution(), "tensorflow", "cpu", 4, 5, 1, 3)
UNROLLED = replace(LOOPED, execution=zoo.Execution("unrolled"))
COMPILED = replace(LOOPED, execution=zoo.Execution("unrolled", jit=True))
GRU = replace(LOOPED, entry="gru")
PAIR = Group("a pair", {LOOPED: 10, UNROLLED: 10}, (LOOPED,))


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_every_arm_is_in_one_group_with_its_entry_and_the_reference_arm(profile) -> None:
    cases = timed_cases(profile, EVERYWHERE)
    planned = groups(cases, profile.mixed)
    assert len({group.name for group in planned}) == len(planned)
    arms = [case for group in planned for case in group.arms if case not in group.references]
    assert len(set(arms)) == len(arms)
    assert {*arms, *itertools.chain(*(group.references for group in planned))} >= set(cases)
    for group in planned:
        assert set(group.references) == {reference(case) for case in group.arms}
        entries = [case.entry for case in group.arms if case not in group.references]
        assert len(list(itertools.groupby(entries))) == len(set(entries))  # neighbours
        places = {(case.backend, case.device) for case in group.arms}
        assert profile.mixed or len(places) == 1
        assert len({(c.task, c.batch, c.steps, c.features, c.units, c.masked) for c in group.arms}) == 1


def test_groups_are_of_few_workers_but_an_entry_is_never_divided() -> None:
    for group in groups(timed_cases(PROFILES["full"], Selection())):
        running = [case for case in group.arms if not skip_reason(case)]
        others = {case.entry for case in running if case not in group.references}
        assert len(running) <= WORKERS or len(others) == 1, group.name


def test_groups_are_the_same_whatever_is_installed_here(monkeypatch) -> None:
    """A run that is resumed goes on though a package came; the head of a cluster needs no GPU of its own."""
    cases, effort = timed_cases(PROFILES["full"], EVERYWHERE), PROFILES["full"].effort
    monkeypatch.setattr("zoo.measuring.case.gpu_name", lambda: "a GPU")
    before = [group.name for group in groups(cases)]
    monkeypatch.setattr("zoo.measuring.case.gpu_name", lambda: "")
    monkeypatch.setattr("zoo.errors.find_spec", lambda name: None)
    after = groups(cases)
    assert [group.name for group in after] == before
    assert {expected_of_group(group, effort) for group in after} == {0}
    assert all(expected_of_group(group, effort, unsupported) > 0 for group in after)


def test_other_arms_are_another_group() -> None:
    names = [groups(dict.fromkeys(arms, 3))[0].name for arms in ([LOOPED], [LOOPED, UNROLLED], [UNROLLED, LOOPED])]
    assert names[0] != names[1] == names[2]


def test_the_reference_arm_is_there_though_nobody_asked_for_it() -> None:
    (group,) = groups({replace(GRU, execution=zoo.Execution("unrolled")): 2})
    assert group.references == (LOOPED,)
    assert group.arms[LOOPED] == 2


@pytest.mark.parametrize(("task", "entry"), [("wave", "lstm"), ("dates", "encoder_decoder"), ("draw_digit", None)])
def test_where_lstm_does_not_fit_another_entry_is_the_reference(task: str, entry: str | None) -> None:
    chosen = reference(replace(LOOPED, task=task))
    assert chosen.entry == (entry or "vector_to_sequence")
    assert zoo.get_entry(chosen.entry).fits(zoo.get_task(task))


def test_an_arm_is_compared_with_its_loop_the_stock_layer_and_the_reference() -> None:
    everything = [LOOPED, UNROLLED, COMPILED, GRU, replace(LOOPED, execution=zoo.Execution(jit=True))]
    assert baselines(UNROLLED, everything) == [LOOPED]
    assert baselines(COMPILED, everything) == [LOOPED, everything[-1]]
    assert baselines(GRU, everything) == [LOOPED]
    assert baselines(LOOPED, everything) == []
    on_torch = [replace(case, backend="torch") for case in (LOOPED, GRU)]
    stock = [replace(case, execution=zoo.Execution("stock")) for case in on_torch]
    assert baselines(on_torch[1], [*on_torch, *stock]) == [stock[1], on_torch[0]]
    on_jax = replace(GRU, backend="jax")
    assert looped(on_jax).execution == zoo.Execution(jit=True)


def test_a_ratio_is_of_the_rounds_of_both() -> None:
    pace = [1.0, 3.0, 0.5, 2.0]  # of the machine, which both arms share in a round
    arm = {number: 0.8 * pace[number] for number in range(3)}
    baseline = {number: each for number, each in enumerate(pace) if number != 1}
    assert math.exp(log_ratio(arm, baseline)) == pytest.approx(0.8)


def test_an_interval_is_narrow_by_its_width_alone() -> None:
    noise = np.random.default_rng(0).normal(0, 1, 6)
    unit = half_width(noise)
    for mean in (0.0, 5.0):
        logs = mean + noise / unit * math.log1p(HALF_WIDTH)
        assert half_width(logs) == pytest.approx(math.log1p(HALF_WIDTH))
        assert is_enough(logs * (1 - 1e-9) + mean * 1e-9)
        assert not is_enough(logs + (logs - logs.mean()) * 1e-3)
    assert half_width(noise[:2]) == math.inf
    assert half_width([0.3, 0.3, 0.3]) == 0


def repeats(timings: Timings, log_ratios: list[float]) -> None:
    for repeat, ratio in enumerate(log_ratios):
        for phase in ("train", "predict"):
            timings.add(LOOPED, phase, (repeat, 0), {0: 1.0, 1: 2.0})
            timings.add(UNROLLED, phase, (repeat, 0), {0: math.exp(ratio), 1: 2 * math.exp(ratio)})


@pytest.mark.parametrize(
    ("log_ratios", "out_of_time", "more"),
    [
        ([0.0] * (LEAST_REPEATS - 1), True, True),
        ([0.5] * LEAST_REPEATS, False, False),
        ([0.0, 0.1, -0.1], False, True),
        ([0.0, 0.1, -0.1], True, False),
        ([0.3, -0.3] * 5, False, False),
    ],
    ids=["the least", "narrow", "wide", "out of time", "the most"],
)
def test_repeats_go_on_until_ratios_are_narrow(log_ratios, out_of_time: bool, more: bool) -> None:
    timings = Timings(PAIR)
    repeats(timings, log_ratios)
    assert timings.arms_of_next(set(), out_of_time) == ([LOOPED, UNROLLED] if more else [])


def test_an_arm_that_failed_keeps_nobody_waiting() -> None:
    timings = Timings(PAIR)
    repeats(timings, [0.0, 0.1, -0.1])
    assert timings.arms_of_next({UNROLLED}, True) == []
    assert Timings(PAIR).arms_of_next({UNROLLED}, False) == [LOOPED]
