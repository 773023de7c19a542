"""The grids: what a profile measures, in which order, and what the user's options make of it."""

from __future__ import annotations

import numpy as np
import pytest

import zoo
from benchmarks.profiles import HANDFUL, PROFILES, get_profile
from zoo.bench.plan import Selection, expected_of_group, in_order, timed_cases, trained_cases
from zoo.bench.profile import Profile
from zoo.execution import NAMED
from zoo.measuring.case import Case, skip_reason
from zoo.measuring.enough import LEAST_REPEATS, MOST_REPEATS
from zoo.measuring.machine import origin

each_profile = pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)


@each_profile
def test_every_case_has_an_id_of_its_own(profile: Profile) -> None:
    cases = [*timed_cases(profile, Selection()), *trained_cases(profile, Selection())]
    assert len({case.id for case in cases}) == len(cases) > 0


def test_a_block_that_is_left_with_one_arm_is_left_out() -> None:
    cases = timed_cases(get_profile("quick"), Selection(executions=("unrolled",), entries=("lstm",)))
    assert {c.steps for c in cases} == {8, 20}


def test_quick_covers_what_it_promises() -> None:
    cases = timed_cases(get_profile("quick"), Selection())
    assert set(cases.values()) == {MOST_REPEATS}
    measured = {(c.entry, c.task, c.steps, str(c.execution)) for c in cases}
    for entry in HANDFUL:
        for task, steps in (("digits_rows", 8), ("wave", 20)):
            assert {(entry, task, steps, "looped"), (entry, task, steps, "unrolled")} <= measured
    compiled = {(c.entry, c.steps) for c in cases if c.execution.jit}
    assert compiled == {("lstm", 8)}
    sweep = {c.steps for c in cases if c.entry == "lstm" and c.task == "wave" and not c.execution.jit}
    assert sweep == {10, 20, 50, 200}
    trained = {(c.entry, c.task, c.seed) for c in trained_cases(get_profile("quick"), Selection())}
    assert trained == {(e, t, s) for e in HANDFUL for t in ("digits_rows", "wave") for s in range(3)}


def test_the_main_grid_takes_what_is_asked_for_and_the_rest_is_narrowed() -> None:
    cases = timed_cases(get_profile("quick"), Selection(entries=("gru",), executions=("looped", "unrolled+jit")))
    assert {(c.entry, str(c.execution)) for c in cases} == {("gru", "looped"), ("gru", "unrolled+jit")}
    assert {c.steps for c in cases} == {8, 20}


def test_an_axis_takes_wildcards() -> None:
    cases = timed_cases(get_profile("smoke"), Selection.of_names(entries=("simple_rnn*", "neuron"), tasks=("wave",)))
    assert {c.entry for c in cases} == {"simple_rnn", "simple_rnn_he", "neuron"}


def test_repeats_can_be_chosen() -> None:
    assert set(timed_cases(get_profile("smoke"), Selection(repeats=4)).values()) == {4}


def test_jax_runs_compiled_unless_told_otherwise() -> None:
    usual = timed_cases(get_profile("quick"), Selection(backends=("jax",)))
    assert all(case.execution.jit or case.execution.is_stock for case in usual)
    raised = timed_cases(get_profile("smoke"), Selection(backends=("jax",), executions=("looped",)))
    assert not any(case.execution.jit for case in raised)


def test_full_measures_every_entry() -> None:
    assert {case.entry for case in timed_cases(get_profile("full"), Selection())} == set(zoo.list_models())


@pytest.mark.parametrize("name", ["digits_rows", "mnist_rows", "wave"])
def test_a_trained_case_takes_its_batch_and_optimizer_from_the_recipe(name: str) -> None:
    recipe = zoo.get_task(name).recipe("fast")
    (case,) = (c for c in trained_cases(get_profile("full"), Selection(("lstm",), (name,))) if c.seed == 0)
    assert (case.recipe, case.batch, case.optimizer) == ("fast", recipe.batch, recipe.optimizer)


def test_a_case_names_its_columns() -> None:
    case = Case("lstm", "wave", zoo.Execution("unrolled", jit=True), "tensorflow", "cpu", 50, 20, 1, 100)
    assert case.id == "lstm-wave-unrolled+jit-tensorflow-cpu-20steps-100units-50batch"
    identity = case.identity()
    assert (identity["loop"], identity["jit"], identity["cell"], identity["topology"]) == (
        "unrolled",
        True,
        "lstm",
        "sequence_to_sequence",
    )


def test_a_backend_that_is_not_installed_is_skipped_with_the_way_to_get_it(monkeypatch) -> None:
    monkeypatch.setattr("zoo.errors.find_spec", lambda name: None)
    case = next(iter(timed_cases(get_profile("smoke"), Selection(backends=("jax",)))))
    assert skip_reason(case) == "jax is not installed: python -m pip install jax"
    assert origin("no-such-backend", "cpu")["backend_version"] == ""


def test_a_gpu_that_is_not_there_is_a_skip(monkeypatch) -> None:
    monkeypatch.setattr("zoo.measuring.case.gpu_name", lambda: "")
    case = next(iter(timed_cases(get_profile("smoke"), Selection(devices=("gpu",)))))
    assert skip_reason(case) == "no GPU is found here: nvidia-smi names none"


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_times_the_stock_layer_of_the_entries_that_have_one(name: str) -> None:
    cases = timed_cases(PROFILES[name], Selection(backends=("tensorflow", "jax", "torch"), devices=("cpu", "gpu")))
    timed = {case.entry for case in cases if str(case.execution) == "stock"}
    assert timed == {case.entry for case in cases if zoo.get_entry(case.entry).stock}


@pytest.mark.parametrize(("backend", "device"), [("tensorflow", "cpu"), ("tensorflow", "gpu"), ("jax", "cpu")])
def test_who_asks_for_stock_alone_gets_what_is_the_same_program(backend: str, device: str, monkeypatch) -> None:
    monkeypatch.setattr("zoo.measuring.case.gpu_name", lambda: "a GPU")
    monkeypatch.setattr("zoo.errors.find_spec", lambda name: True)
    asked = Selection(entries=("lstm",), executions=("stock",), backends=(backend,), devices=(device,))
    arms = {case.arm: skip_reason(case) for case in timed_cases(get_profile("smoke"), asked)}
    if (backend, device) == ("tensorflow", "cpu"):
        why = "on tensorflow and a cpu this is the same program as looped, which is measured"
        assert arms == {"stock": why, "looped": ""}
    else:
        assert arms == {"stock": ""}


def test_who_asks_for_a_stock_layer_that_keras_lacks_is_told_so() -> None:
    asked = Selection(entries=("neuron",), executions=("stock",), backends=("jax",))
    cases = timed_cases(get_profile("smoke"), asked)
    assert {skip_reason(case) for case in cases} == {"keras.layers has no recurrent layer for neuron"}


WRONG_EXECUTIONS = {
    "unknown loop 'static' of runner keras; did you mean 'stock'? Known: looped, unrolled, chunked, fused, parallel, "
    "stock, stock-unrolled": {"loop": "static", "memory": "swap"},
    "legacy-static+swap: only dynamic loops take +swap": {"loop": "static", "memory": "swap", "runner": "legacy"},
    "looped+recompute: only chunked and fused loops take +recompute": {"loop": "looped", "memory": "recompute"},
    "unknown memory 'keep'. Known: store, recompute, offload, swap": {"memory": "keep"},
    "unknown runner 'jaxx'; did you mean 'jax'? Known: keras, legacy, torch, jax, onnxruntime": {"runner": "jaxx"},
    "stock+jit: a stock layer leaves jit to Keras; ask for looped+jit or unrolled+jit": {"loop": "stock", "jit": True},
    "a looped loop has no chunk, and 3 is given": {"chunk": 3},
    "chunk must be a positive whole number or 'auto', not 0": {"loop": "chunked", "chunk": 0},
}


@pytest.mark.parametrize("message", WRONG_EXECUTIONS)
def test_an_execution_that_no_runner_has_cannot_be_made(message: str) -> None:
    with pytest.raises(zoo.ZooError) as refused:
        zoo.Execution(**WRONG_EXECUTIONS[message])
    assert str(refused.value) == message


def test_a_chunk_may_be_a_whole_number_of_numpy() -> None:
    assert zoo.Execution("chunked", chunk=np.int64(16)) == zoo.Execution.parse("chunked-16")
    assert type(zoo.Execution("chunked", chunk=np.int64(16)).chunk) is int


@pytest.mark.parametrize("name", [*NAMED, "chunked-16", "chunked-3+jit+recompute", "chunked-7+offload"])
def test_an_execution_is_read_from_the_name_that_it_shows(name: str) -> None:
    assert str(zoo.Execution.parse(name)) == name


def test_groups_that_are_soon_done_come_first_and_long_sequences_last() -> None:
    profile = get_profile("full")
    wanted = timed_cases(profile, Selection())
    together, cases = in_order(wanted, profile.mixed, LEAST_REPEATS, profile.effort)
    assert cases == wanted
    short = [each for each in together if each.references[0].steps < 100]
    assert together[: len(short)] == short
    expected = [expected_of_group(group, profile.effort) for group in short]
    assert expected == sorted(expected)
    long = [c.steps for c in cases if (c.entry, c.task, c.arm) == ("lstm", "wave", "looped") and c.steps >= 100]
    assert long == sorted(long)
