"""The published figures: each is what the raw rows give, by plain loops over them."""

from __future__ import annotations

import math
import re
from functools import cache
from pathlib import Path
from statistics import fmean, median

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.pages.marks import read_figures
from benchmarks.pages.results import FIRST
from benchmarks.pages.write import pages
from tests.test_page import PAGES, REFERENCE, ROOT, cells, numbers
from zoo.report.answers import Answer, answers
from zoo.statistics.architectures import architectures
from zoo.statistics.columns import FAMILY
from zoo.statistics.entries import against_reference
from zoo.statistics.folders import read_folder
from zoo.statistics.machines import by_machine
from zoo.statistics.moderation import prior
from zoo.statistics.ratios import ratios
from zoo.statistics.scores import better
from zoo.statistics.texts import three_digits

pytestmark = pytest.mark.usefixtures("python_texts")

DECIMAL = re.compile(r"-?\d+\.\d+")
ARMS = {"projection": "entry", "dropout": "entry", "device": "device"}
"""What sets the two arms apart: their execution, but for these answers."""


@cache
def whole() -> pd.DataFrame:
    """The published rows."""
    return read_folder(REFERENCE)


@cache
def tables() -> dict[str, pd.DataFrame]:
    """The published rows by machine, those of the machine with the most rows first."""
    return by_machine(whole())


@cache
def told() -> list[dict[str, Answer]]:
    """The answers of each machine, by name."""
    return [{answer.name: answer for answer in answers(each)} for each in tables().values()]


@cache
def timings(number: int) -> pd.DataFrame:
    """The timed blocks of a machine."""
    table = list(tables().values())[number]
    return table[(table["status"] == "ok") & (table["phase"] != "accuracy")]


@pytest.fixture(scope="module", params=[0, 1, 2])
def number(request) -> int:
    """That of a machine: README and results/README.md are of the first, and of what it has not, of the others."""
    return request.param


@pytest.fixture(scope="module")
def table(number) -> pd.DataFrame:
    return list(tables().values())[number]


@pytest.fixture(scope="module")
def known(number) -> dict[str, Answer]:
    return told()[number]


def test_every_machine_is_tried() -> None:
    assert len(tables()) == 3


@pytest.mark.parametrize("name", ["unroll", "jit", "own", "memory", "projection", "dropout", "linear"])
def test_every_answer_rests_on_rows_of_a_machine(name: str) -> None:
    assert any(len(each[name].evidence) for each in told())


PLACE = ["entry", "task", "backend", "device", "batch", "steps", "features", "units", "masked", "phase"]
ARM = [*PLACE, "execution"]
"""What names an arm of a machine; each has one optimizer."""
Blocks = dict[tuple[str, int, str, int], float]
"""Seconds by run, repeat, group and round."""


@cache
def blocks_of(machine: int) -> dict[tuple, dict[str, Blocks]]:
    """The median seconds of each arm of a machine: of a call by rounds, of the first call in round 0.

    Rows of no group took no turns: all of a repeat are of round 0.
    """
    found: dict[tuple, dict[str, dict[tuple, list[float]]]] = {}
    columns = ["run", "repeat", "group", "round", "step_seconds", "first_call_seconds", *ARM]
    for run, repeat, group, number, step, first, *arm in timings(machine)[columns].itertuples(index=False, name=None):
        of_arm = found.setdefault(tuple(arm), {"step_seconds": {}, "first_call_seconds": {}})
        of_arm["step_seconds"].setdefault((run, repeat, group, number if group else 0), []).append(step)
        of_arm["first_call_seconds"].setdefault((run, repeat, group, 0), []).append(first)
    return {arm: {quantity: medians(blocks) for quantity, blocks in each.items()} for arm, each in found.items()}


def medians(blocks: dict[tuple, list[float]]) -> Blocks:
    return {turn: median(seconds) for turn, seconds in blocks.items()}


def logs_of(mine: Blocks, base: Blocks) -> dict[tuple[str, int], float]:
    """The logarithm of the ratio of two arms by run and repeat: of the rounds of a group that they shared the median.

    Of several groups the mean.
    """
    by_group: dict[tuple[str, int, str], list[float]] = {}
    for (run, repeat, group, number), seconds in mine.items():
        if (run, repeat, group, number) in base:
            log = math.log(seconds / base[run, repeat, group, number])
            by_group.setdefault((run, repeat, group), []).append(log)
    by_repeat: dict[tuple[str, int], list[float]] = {}
    for (run, repeat, _), logs in by_group.items():
        by_repeat.setdefault((run, repeat), []).append(median(logs))
    return {repeat: fmean(logs) for repeat, logs in by_repeat.items()}


def compared(machine: int, quantity: str, mine: dict, **other: object) -> dict[tuple[str, int], float]:
    """`logs_of` an arm, and of that which has another value of one column."""
    blocks = blocks_of(machine)
    arms = [blocks[tuple(fields[name] for name in ARM)][quantity] for fields in (mine, {**mine, **other})]
    return logs_of(*arms)


@pytest.mark.parametrize("name", ["unroll", "jit", "own", "memory", "projection", "dropout", "device", "linear"])
def test_every_ratio_of_an_answer_is_what_the_raw_rows_give(name, number) -> None:
    evidence = told()[number][name].evidence
    column = ARMS.get(name, "execution")
    for row in evidence[evidence["quantity"] != "step_over_floor_bytes"].to_dict("records"):
        loop = "looped+jit" if row["backend"] == "jax" else "looped"
        mine = {"execution": loop, **row, "masked": "none", column: row["what"]}
        logs = compared(number, row["quantity"], mine, **{column: row["against"]})
        assert row["ratio"] == pytest.approx(math.exp(fmean(logs.values())), rel=1e-6), row


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


def test_the_readme_asks_what_has_a_short_answer(known) -> None:
    assert {name for name, answer in known.items() if answer.short} <= set(FIRST)


def at(rows: pd.DataFrame, **values: object) -> pd.DataFrame:
    """The rows whose columns have these values."""
    for name, value in values.items():
        rows = rows[rows[name] == value]
    return rows


# intervals, break-even points and tables of architectures, of the machine with the most rows


@pytest.mark.parametrize(
    ("task", "baseline"), [("wave", "looped"), ("wave", "stock"), ("digits_rows", "looped"), ("digits_rows", "")]
)
def test_every_interval_is_students_of_variances_that_the_others_moderate(task: str, baseline: str) -> None:
    """The interval of each comparison of a task, whether it is told or not; without a baseline, of entries."""
    raw = at(timings(0), task=task)
    judged = ratios(raw, baseline) if baseline else against_reference(raw)
    column, base = ("execution", "baseline") if baseline else ("entry", "reference")
    assert len(judged) > 20
    for _, family in judged.groupby(FAMILY):
        rows = family.to_dict("records")
        found = [list(compared(0, row["quantity"], row, **{column: row[base]}).values()) for row in rows]
        counts = np.array([len(logs) for logs in found])
        variances = np.array([np.var(logs, ddof=1) if len(logs) > 1 else np.nan for logs in found])
        enough = counts >= 3
        known = prior(variances[enough], counts[enough] - 1)
        for row, logs, count, variance in zip(family.itertuples(index=False), found, counts, variances, strict=True):
            if count < 3:
                assert np.isnan(row.low)
                continue
            degrees = known.degrees + count - 1
            both = (known.degrees * known.variance + (count - 1) * variance) / degrees
            ends = stats.t.interval(0.95, degrees, np.mean(logs), np.sqrt(both / count))
            assert (row.low, row.high) == pytest.approx(tuple(np.exp(ends)), rel=1e-6), row


def test_what_unrolling_pays_back_is_the_longer_start_over_what_a_step_saves() -> None:
    """The sentence of each backend: the median over repeats of extra seconds over seconds saved."""
    checked = 0
    for line in told()[0]["until"].lines:
        backend, units, batch = re.match(r"(\w+), lstm of (\d+) units, batch (\d+)", line).groups()
        found = re.search(r"At (\d+) steps its first call .* paid back after ([\d,]+) training steps", line)
        if not found:
            continue
        steps, expected = int(found[1]), found[2]
        jit = "+jit" if backend == "JAX" else ""
        size = {"steps": steps, "units": int(units), "batch": int(batch)}
        rows = at(timings(0), entry="lstm", task="wave", backend=backend.lower(), phase="train", masked="none", **size)
        (place,) = rows[PLACE].drop_duplicates().to_dict("records")
        logs = compared(0, "step_seconds", {**place, "execution": f"unrolled{jit}"}, execution=f"looped{jit}")
        points = []
        for repeat, part in rows.groupby(["run", "repeat"]):
            mine, base = (part[part["execution"] == loop + jit] for loop in ("unrolled", "looped"))
            if mine.empty or base.empty:
                continue
            start = [each[["build_seconds", "first_call_seconds"]].median().sum() for each in (mine, base)]
            points.append((start[0] - start[1]) / (base["step_seconds"].median() * (1 - np.exp(logs[repeat]))))
        assert f"{round(float(np.median(points))):,}" == expected, line
        checked += 1
    assert checked


SCORED = ["entry", "task", "recipe", "units", "split", "metric"]
TIMED_AT = ["task", "backend", "device", "steps", "units"]


def test_the_tables_of_architectures_are_what_the_raw_rows_give() -> None:
    """Score, parameters, both costs and memory of each row that has them."""
    table = next(iter(tables().values()))
    raw = at(timings(0), masked="none")
    trained = table[(table["status"] == "ok") & (table["phase"] == "accuracy")]
    scored = dict(iter(trained[[*SCORED, "backend", "seed", "score"]].groupby(SCORED)))
    rows = architectures(table)
    loops = raw[raw["execution"] == raw["backend"].map({"jax": "looped+jit"}).fillna("looped")]
    loops = loops[[*ARM, "run", "repeat", "parameters", "step_peak_host_bytes", "step_floor_host_bytes"]]
    batches = loops.groupby([*TIMED_AT, "batch"])["entry"].nunique()
    by_size = dict(iter(loops.groupby([*TIMED_AT, "batch"])))
    checked = 0
    for row in rows.itertuples(index=False):
        if pd.notna(row.score):
            seeds = scored[tuple(getattr(row, name) for name in SCORED)]
            of_backend = seeds.drop_duplicates(["backend", "seed"], keep="last").groupby("backend")["score"]
            means = of_backend.mean()[of_backend.size() == row.seeds]
            assert any(row.score == pytest.approx(mean) for mean in means), row
        if pd.isna(row.train_ratio) or row.entry == row.reference:
            continue
        size = tuple(getattr(row, name) for name in TIMED_AT)
        mine = at(by_size[(*size, batches.loc[size].idxmax())], entry=row.entry)
        for phase, ratio in (("train", row.train_ratio), ("predict", row.predict_ratio)):
            (arm,) = at(mine, phase=phase)[ARM].drop_duplicates().to_dict("records")
            logs = compared(0, "step_seconds", arm, entry=row.reference)
            assert ratio == pytest.approx(math.exp(fmean(logs.values())), rel=1e-6), row
        own = at(mine, phase="train")
        assert set(own["parameters"]) == {row.parameters}
        peaks = own.assign(over=own["step_peak_host_bytes"] - own["step_floor_host_bytes"])
        by_repeat = peaks.groupby(["run", "repeat"])["over"].median()
        assert row.step_peak_mib == pytest.approx(by_repeat.median() / 2**20)
        checked += 1
    assert checked > 20


# the pages: here, as they are filled from the same table and answers


@pytest.fixture(scope="module")
def computed() -> dict[Path, dict[str, str]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.pages.write.read_folder", lambda folder: whole())
        return dict(pages(REFERENCE, ROOT))


def test_every_page_is_filled(computed) -> None:
    assert set(PAGES) == set(computed)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_figure_of_a_page_is_what_the_reference_tables_give(page: Path, computed) -> None:
    committed = read_figures(page.read_text())
    assert committed.keys() == computed[page].keys(), "run: python -m benchmarks page"
    for name, text in computed[page].items():
        assert cells(committed[name]) == cells(text), f"{name}: run python -m benchmarks page"
        assert numbers(committed[name]) == numbers(text), f"{name}: run python -m benchmarks page"
