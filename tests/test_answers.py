"""The answers: every figure in them is what the raw rows give, by plain loops over them."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.pages.results import FIRST
from tests.tables import MIB, SCORE, TIMING, arm, empty_table, failures_table, pair
from zoo.report.answers import Answer, answers
from zoo.statistics.answers import WHERE
from zoo.statistics.folders import read_folder
from zoo.statistics.machines import by_machine
from zoo.statistics.scores import better
from zoo.statistics.tables import as_table
from zoo.statistics.texts import three_digits

REFERENCE = Path(__file__).parent.parent / "results" / "reference"
DECIMAL = re.compile(r"-?\d+\.\d+")
ARMS = {"projection": "entry", "dropout": "entry", "device": "device"}
"""What sets the two arms apart: their execution, but for these answers."""


@cache
def tables() -> dict[str, pd.DataFrame]:
    """The published rows by machine, those of the machine with the most rows first."""
    return by_machine(read_folder(REFERENCE))


@pytest.fixture(scope="module", params=[0, 1, 2])
def table(request) -> pd.DataFrame:
    """The rows of a machine: README and results/README.md are of the first, and of what it has not, of the others."""
    return list(tables().values())[request.param]


def test_every_machine_is_tried() -> None:
    assert len(tables()) == 3


@pytest.mark.parametrize("name", ["unroll", "jit", "own", "memory", "projection", "dropout", "linear"])
def test_every_answer_rests_on_rows_of_a_machine(name: str) -> None:
    found = [answer for each in tables().values() for answer in answers(each) if answer.name == name]
    assert any(len(answer.evidence) for answer in found)


@pytest.fixture(scope="module")
def known(table: pd.DataFrame) -> dict[str, Answer]:
    return {answer.name: answer for answer in answers(table)}


def recomputed(rows: pd.DataFrame, what: str, against: str, column: str, quantity: str) -> float:
    """The geometric mean over repeats of the ratio of two arms that shared a group."""
    by_repeat: dict[tuple[str, int], list[float]] = {}
    for (run, repeat, _), part in rows.groupby(["run", "repeat", "group"]):
        mine, base = (part[part[column].astype("str") == name] for name in (what, against))
        if quantity == "step_seconds":
            mine, base = (each.set_index("round")[quantity] for each in (mine, base))
            logs = np.log(mine / base).dropna()
            log = float(logs.median()) if len(logs) else np.nan
        else:
            log = float(np.log(mine[quantity].median() / base[quantity].median()))
        if np.isfinite(log):
            by_repeat.setdefault((run, repeat), []).append(log)
    return float(np.exp(np.mean([np.mean(logs) for logs in by_repeat.values()])))


@pytest.mark.parametrize("name", ["unroll", "jit", "own", "memory", "projection", "dropout", "device", "linear"])
def test_every_ratio_of_an_answer_is_what_the_raw_rows_give(name, table, known) -> None:
    raw = table[(table["status"] == "ok") & (table["masked"] == "none")]
    evidence = known[name].evidence
    column = ARMS.get(name, "execution")
    fields = ["phase", *(field for field in WHERE if field != column)]
    parts = dict(iter(raw.groupby(fields)))
    for row in evidence[evidence["quantity"] != "step_over_floor_bytes"].itertuples(index=False):
        mine = parts[tuple(getattr(row, field) for field in fields)]
        if column == "entry":
            mine = mine[mine["execution"] == ("looped+jit" if row.backend == "jax" else "looped")]
        expected = recomputed(mine, row.what, row.against, column, row.quantity)
        assert row.ratio == pytest.approx(expected, rel=1e-6), row


@pytest.mark.parametrize("name", ["unroll", "until", "jit", "memory", "projection", "dropout", "device", "linear"])
def test_every_figure_of_a_sentence_is_one_of_its_evidence(name, known) -> None:
    answer = known[name]
    figures = answer.evidence[["ratio", "low", "high"]].to_numpy(dtype=float).ravel()
    allowed = {text for value in figures if np.isfinite(value) for text in (f"{value:.2f}", three_digits(value))}
    told = DECIMAL.findall(" ".join([*answer.lines, answer.short]))
    assert set(told) <= allowed
    if name != "until":  # which has a figure only where something is faster
        assert bool(told) == bool(len(answer.evidence))


def test_the_scores_of_the_architectures_are_means_of_the_raw_rows(table, known) -> None:
    raw = table[(table["status"] == "ok") & (table["phase"] == "accuracy")]
    raw = raw.drop_duplicates(["entry", "task", "backend", "recipe", "units", "split", "metric", "seed"], keep="last")
    for line in known["architecture"].lines:
        task, backend, entry, metric, score = re.match(
            r"(\w+)(?:, [\w ]+)?(?: \(timed on (\w+)\))?: (\w+)(?: \([\w ]+\))? has the best (\w+), ([\d.e-]+)", line
        ).groups()
        mine = raw[raw["task"].eq(task) & raw["metric"].eq(metric)]
        mine = mine[mine["split"] == mine["split"].iloc[0]]
        model = ["entry", "units", "recipe"]
        seeds = mine.groupby([*model, "backend"])["score"].agg(["mean", "count"]).reset_index()
        seeds["own"] = seeds["backend"] == (backend or "").lower()  # else those of the backend with most seeds
        seeds = seeds.sort_values(["own", "count"], ascending=False, kind="stable").drop_duplicates(model)
        means = seeds[seeds["count"] >= 3]  # fewer have no rank
        higher = better(metric).startswith("higher")
        best = means["mean"].max() if higher else means.loc[means["entry"] == entry, "mean"].min()
        assert score == three_digits(best), line


def test_the_steps_that_fit_are_the_most_that_trained(table, known) -> None:
    peaks = table[["compile_peak_host_bytes", "step_peak_host_bytes"]].astype("float64").max(axis=1)
    for row in known["fits"].evidence.itertuples(index=False):
        arm_rows = table[
            (table["phase"] == "train") & (table["execution"] == row.execution) & (table["masked"] == "none")
        ]
        for field in ("entry", "task", "backend", "units", "batch"):
            arm_rows = arm_rows[arm_rows[field] == getattr(row, field)]
        fine = arm_rows[(arm_rows["status"] == "ok") & (peaks[arm_rows.index] <= 2 * 2**30)]
        bad = arm_rows[~arm_rows.index.isin(fine.index) & ~arm_rows["status"].isin(["skipped", "crashed"])]
        expected = fine.loc[~fine["steps"].isin(bad["steps"]), "steps"].max()
        assert (pd.isna(row.largest_steps) and pd.isna(expected)) or row.largest_steps == expected
        told = rf"{re.escape(row.execution)} (at least )?{expected:,} "
        assert pd.isna(expected) or re.search(told, " ".join(known["fits"].lines))


# made-up tables


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
    assert named(rows, "own").short.endswith("chunked on TensorFlow 0.80 to 0.90.")


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
    assert "training time on the GPU over that on the CPU: 20 steps 0.25 [0.25, 0.25]" in line
    alone = [replace(row, group="other") if row.device == "gpu" else row for row in rows]
    assert named(alone, "device").lines == []


def test_the_machine_with_most_blocks_in_lock_step_comes_first() -> None:
    alone = [replace(row, device_name="alone", group="") for row in [*pair(10, [0.8] * 3), *pair(50, [0.8] * 3)]]
    few = [replace(row, cpu_count=8) for row in pair(20, [0.9] * 3)[:3]]
    table = as_table([*alone, *few, *pair(20, [0.8] * 3)])
    name = TIMING.device_name
    assert list(by_machine(table)) == [f"{name}, 2 CPUs", f"{name}, 8 CPUs", "alone"]
    assert sum(map(len, by_machine(table).values())) == len(table)


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


def test_the_readme_asks_what_has_a_short_answer(known) -> None:
    assert {name for name, answer in known.items() if answer.short} <= set(FIRST)
