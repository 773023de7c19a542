"""The answers on tables that were made up: what each says of figures that are known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tables import MIB, SCORE, TIMING, arm, empty_table, failures_table, pair
from zoo.report.answers import Answer, answers
from zoo.statistics.machines import by_machine
from zoo.statistics.tables import as_table

pytestmark = pytest.mark.usefixtures("python_texts")


def named(rows: list, name: str) -> Answer:
    return next(answer for answer in answers(as_table(rows)) if answer.name == name)


@pytest.mark.parametrize(
    ("factors", "word"),
    [([0.8] * 3, "yes"), ([1.3] * 3, "no"), ([0.99, 1.0, 1.01], "no gain"), ([0.9, 1.0, 1.15], "undecided")],
)
def test_an_answer_says_what_the_ratio_shows(factors, word) -> None:
    answer = named(pair(20, factors), "unroll")
    assert answer.lines[0].startswith(f"TensorFlow, 20 steps: {word} for training. unrolled takes ")
    assert f"TensorFlow: {word}" in answer.short


def test_unrolling_pays_at_so_many_lengths_and_the_longest_is_named() -> None:
    rows = [*pair(10, [0.8] * 3), *pair(50, [0.9] * 3, first_call=3.0), *pair(200, [1.2] * 3)]
    (line,) = named(rows, "until").lines
    assert "faster at 2 of 3 lengths from 10 to 200 steps, the longest 50 steps: 0.90 [0.90, 0.90] (3 repeats)" in line
    assert "; at 200: 1.20" in line
    assert "first call takes 3.00 times as long, paid back after 2,000 training steps" in line


def test_lengths_of_one_repeat_decide_nothing() -> None:
    rows = [*pair(10, [0.5]), *pair(20, [0.5]), *pair(50, [0.9] * 3)]
    assert named(rows, "until").lines == []


def test_the_price_of_less_memory_is_time() -> None:
    held = replace(TIMING, chunk=45, memory="recompute", step_peak_host_bytes=70 * MIB)
    rows = [*arm("looped", [1.0] * 3), *arm("chunked", [1.5] * 3, held)]
    rows += [replace(row, masked="full", step_peak_host_bytes=300 * MIB) for row in rows]  # of another question
    (line,) = named(rows, "memory").lines
    assert "holds 0.333 of the memory that looped holds, in 1.50 [1.50, 1.50] (3 repeats) of its time" in line


def test_on_a_gpu_the_price_of_less_memory_is_that_of_the_card() -> None:
    here = replace(TIMING, device="gpu", peak_device_bytes=100 * MIB)
    held = replace(here, chunk=45, memory="recompute", step_peak_host_bytes=70 * MIB, peak_device_bytes=25 * MIB)
    rows = [*arm("looped", [1.0] * 3, here), *arm("chunked", [1.5] * 3, held)]
    (line,) = named(rows, "memory").lines
    assert "holds 0.250 of the card's memory that looped holds" in line


def test_what_keras_lacks_is_told_where_it_is_decided() -> None:
    other = replace(TIMING, steps=200)
    rows = [*arm("looped", [1.0] * 3), *arm("fused", [0.25] * 3), *arm("looped", [1.0] * 3, other)]
    rows += [*arm("fused", [0.5] * 3, other), *arm("chunked", [0.9, 1.0, 1.15], replace(other, chunk=4))]
    answer = named(rows, "own")
    assert answer.short.endswith("fused on TensorFlow 0.25 to 0.50.")
    (line,) = answer.lines
    assert line.startswith(
        "TensorFlow, training time over that of looped: fused 0.25 [0.25, 0.25] (3 repeats) at 20 steps"
    )
    assert "; fused 0.50 [0.50, 0.50] (3 repeats) at 200 steps" in line
    assert "chunked" not in line + answer.short


def test_of_several_chunks_the_one_of_the_most_sizes_is_told_and_not_the_luckiest() -> None:
    rows = [*arm("looped", [1.0] * 3), *arm("chunked", [0.9] * 3, replace(TIMING, chunk=4))]
    rows += arm("chunked", [0.6] * 3, replace(TIMING, chunk=8))
    other = replace(TIMING, steps=200)
    rows += [*arm("looped", [1.0] * 3, other), *arm("chunked", [0.8] * 3, replace(other, chunk=4))]
    assert named(rows, "own").short.endswith("chunked-4 on TensorFlow 0.80 to 0.90.")


def test_what_is_the_zoos_own_is_held_against_the_layer_that_a_user_writes() -> None:
    """On torch Keras' layer takes half as long as the zoo's own loop, which nobody would write instead."""
    torch = replace(TIMING, backend="torch")
    rows = [*arm("looped", [2.0] * 3, torch), *arm("stock", [1.0] * 3, torch), *arm("fused", [0.5] * 3, torch)]
    assert named(rows, "own").short.endswith("fused on torch 0.50.")
    rows += arm("stock-unrolled", [0.8] * 3, torch)
    assert "torch: yes for training (0.80)" in named(rows, "unroll").short


def test_a_length_at_which_one_execution_was_timed_has_no_winner() -> None:
    alone = arm("looped", [1.0] * 3, replace(TIMING, steps=500))
    rows = [*pair(20, [1.3] * 3), *pair(50, [1.3] * 3), *alone]
    assert named(rows, "fastest").lines == [
        "TensorFlow: the fastest, or tied with it, is looped at 20 to 50 steps (2 lengths)."
    ]


def test_an_answer_that_one_machine_lacks_is_that_of_another_with_its_name() -> None:
    here, there = pair(20, [0.8] * 3), replace(TIMING, device_name="other")
    rows = [*here, *pair(50, [0.8] * 3), *arm("looped", [1.0] * 3, there), *arm("fused", [0.25] * 3, there)]
    assert named(rows, "own").short.startswith("other: Of the zoo's own")


def test_a_gpu_is_compared_with_the_cpu_that_took_turns_with_it() -> None:
    stock = replace(TIMING, backend="torch")
    gpu = replace(stock, device="gpu", device_name="card")
    rows = [*arm("stock", [1.0] * 3, stock), *arm("stock", [0.25] * 3, gpu)]
    (line,) = named(rows, "device").lines
    assert line.startswith("card: torch, ")
    assert "training time on the GPU over that on the CPU: 20 steps 0.25 [0.25, 0.25]" in line
    other = [replace(row, cpu_count=8, run="run-2") for row in arm("stock", [1.0] * 3, stock)]
    other += [replace(row, cpu_count=8, run="run-2", device_name="board") for row in arm("stock", [0.5] * 3, gpu)]
    assert [line.split(":")[0] for line in named([*rows, *other], "device").lines] == ["card", "board"]
    alone = [replace(row, group="other") if row.device == "gpu" else row for row in rows]
    assert named(alone, "device").lines == []


def test_the_machine_with_most_blocks_in_lock_step_comes_first() -> None:
    alone = [replace(row, device_name="alone", group="") for row in [*pair(10, [0.8] * 3), *pair(50, [0.8] * 3)]]
    few = [replace(row, cpu_count=8) for row in pair(20, [0.9] * 3)[:3]]
    table = as_table([*alone, *few, *pair(20, [0.8] * 3)])
    name = TIMING.device_name
    assert list(by_machine(table)) == [f"{name}, 2 CPUs", f"{name}, 8 CPUs", "alone"]
    assert sum(map(len, by_machine(table).values())) == len(table)


def test_two_versions_of_a_backend_are_told_apart_and_the_newest_comes_under_the_name_of_the_machine() -> None:
    old = [replace(row, backend_version="2.9.0", started_at="2026-01-01T10:00:00") for row in pair(20, [1.3] * 3)]
    assert list(by_machine(as_table(old))) == [TIMING.device_name]
    old += [replace(row, steps=100, case_id="") for row in old]  # most rows are of it, and the newest come first
    lines = named([*old, *pair(20, [0.8] * 3)], "unroll").lines
    assert lines[0].startswith("TensorFlow, 20 steps: yes for training.")
    assert lines[1].startswith(f"{TIMING.device_name}, tensorflow 2.9.0: TensorFlow, 20 steps: no for training.")


def test_two_machines_are_told_apart() -> None:
    here = pair(20, [0.8] * 3) + pair(50, [0.8] * 3)
    there = [replace(row, device_name="other") for row in pair(20, [1.3] * 3)]
    first, second = named([*here, *there], "unroll").lines
    assert first.startswith("TensorFlow, 20 steps: yes for training.")
    assert second.startswith("other: TensorFlow, 20 steps: no for training.")


@pytest.mark.parametrize(
    "table", [empty_table(), failures_table(), as_table([SCORE])], ids=["empty", "failures", "score"]
)
def test_a_table_that_compares_nothing_answers_nothing(table) -> None:
    assert all(answer.lines == [] and answer.short == "" for answer in answers(table))


def test_where_no_layer_of_keras_was_measured_the_sentence_says_what_the_ratio_is_over() -> None:
    torch = replace(TIMING, backend="torch")
    rows = [*arm("looped", [1.0] * 3, torch), *arm("fused", [0.5] * 3, torch)]
    assert named(rows, "own").short.endswith("fused on torch 0.50 of looped.")


def test_unrolling_that_loses_at_a_length_before_is_told_by_its_lengths() -> None:
    rows = [*pair(10, [0.8] * 3), *pair(50, [1.3] * 3), *pair(200, [0.9] * 3)]
    assert "on TensorFlow at 10 steps (0.80) and 200 steps (0.90)" in named(rows, "until").short
    assert "up to 10 steps (0.80)" in named(rows[: len(rows) * 2 // 3], "until").short
