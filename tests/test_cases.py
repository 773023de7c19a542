"""The grids: what a profile measures, in which order, and what the user's options make of it."""

from __future__ import annotations

import pytest

import zoo
from benchmarks.cases import PROFILES, Case, Profile, Selection, get_profile, timed_cases, trained_cases

each_profile = pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)


@each_profile
def test_every_case_has_an_id_of_its_own(profile: Profile) -> None:
    cases = [*timed_cases(profile, Selection()), *trained_cases(profile, Selection())]
    assert len({case.id for case in cases}) == len(cases) > 0


@each_profile
def test_repeats_are_outermost_and_arms_adjacent(profile: Profile) -> None:
    cases = timed_cases(profile, Selection())
    assert [case.repeat for case in cases] == sorted(case.repeat for case in cases)
    groups = [case.group for case in cases]
    runs = [group for i, group in enumerate(groups) if i == 0 or group != groups[i - 1]]
    assert len(runs) == len(set(groups))


def test_the_order_of_the_arms_changes_between_repeats_and_is_the_same_in_each_run() -> None:
    profile = get_profile("full")
    first = [case.execution for case in timed_cases(profile, Selection()) if case.repeat == 0]
    second = [case.execution for case in timed_cases(profile, Selection()) if case.repeat == 1]
    assert first != second
    assert timed_cases(profile, Selection()) == timed_cases(profile, Selection())


def test_quick_covers_what_it_promises() -> None:
    cases = timed_cases(get_profile("quick"), Selection())
    assert {case.repeat for case in cases} == {0, 1, 2}
    measured = {(c.entry, c.task, c.steps, str(c.execution)) for c in cases}
    for entry in zoo.list_models():
        for task, steps in (("digits_rows", 8), ("wave", 20)):
            assert {(entry, task, steps, "looped"), (entry, task, steps, "unrolled")} <= measured
    compiled = {(c.entry, c.steps) for c in cases if c.execution.jit}
    assert compiled == {("lstm", 8), ("lstm", 20)}
    sweep = {c.steps for c in cases if c.entry == "lstm" and c.task == "wave" and not c.execution.jit}
    assert sweep == {10, 20, 50, 100, 200}
    trained = {(c.entry, c.task, c.seed) for c in trained_cases(get_profile("quick"), Selection())}
    assert trained == {(e, t, s) for e in zoo.list_models() for t in ("digits_rows", "wave") for s in range(3)}


def test_the_main_grid_takes_what_is_asked_for_and_the_rest_is_narrowed() -> None:
    cases = timed_cases(get_profile("quick"), Selection(entries=("gru",), executions=("looped", "unrolled+jit")))
    assert {(c.entry, str(c.execution)) for c in cases} == {("gru", "looped"), ("gru", "unrolled+jit")}
    assert {c.steps for c in cases} == {8, 20}


def test_an_axis_takes_wildcards() -> None:
    cases = timed_cases(get_profile("smoke"), Selection(entries=("*rnn", "neuron"), tasks=("wave",)))
    assert {c.entry for c in cases} == {"simple_rnn", "neuron"}


def test_repeats_can_be_chosen() -> None:
    assert {c.repeat for c in timed_cases(get_profile("smoke"), Selection(repeats=4))} == {0, 1, 2, 3}


def test_jax_runs_compiled_unless_told_otherwise() -> None:
    usual = timed_cases(get_profile("quick"), Selection(backends=("jax",)))
    assert all(case.execution.jit for case in usual)
    told = timed_cases(get_profile("smoke"), Selection(backends=("jax",), executions=("looped",)))
    assert not any(case.execution.jit for case in told)


@pytest.mark.parametrize("name", ["digits_rows", "mnist_rows", "wave"])
def test_a_trained_case_takes_its_batch_and_optimizer_from_the_recipe(name: str) -> None:
    recipe = zoo.get_task(name).recipe("fast")
    (case,) = (c for c in trained_cases(get_profile("full"), Selection(("lstm",), (name,))) if c.seed == 0)
    assert (case.recipe, case.batch, case.optimizer) == ("fast", recipe.batch, recipe.optimizer)


def test_a_case_names_its_columns() -> None:
    case = Case("lstm", "wave", zoo.Execution("unrolled", jit=True), "tensorflow", "cpu", 50, 20, 1, 100)
    assert case.id == "lstm-wave-unrolled+jit-tensorflow-cpu-20steps-100units-50batch-repeat0"
    identity = case.identity()
    assert (identity["loop"], identity["jit"], identity["cell"], identity["topology"]) == (
        "unrolled",
        True,
        "lstm",
        "sequence_to_sequence",
    )
