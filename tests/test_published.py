"""The published figures: each is what the raw rows give, by plain loops over them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.pages.results import FIRST
from zoo.report.answers import Answer, answers
from zoo.statistics.answers import WHERE
from zoo.statistics.architectures import architectures
from zoo.statistics.columns import FAMILY
from zoo.statistics.entries import against_reference
from zoo.statistics.folders import read_folder
from zoo.statistics.machines import by_machine
from zoo.statistics.moderation import prior
from zoo.statistics.ratios import ratios
from zoo.statistics.scores import better
from zoo.statistics.tables import quick_texts
from zoo.statistics.texts import three_digits

REFERENCE = Path(__file__).parent.parent / "results" / "reference"
DECIMAL = re.compile(r"-?\d+\.\d+")
ARMS = {"projection": "entry", "dropout": "entry", "device": "device"}
"""What sets the two arms apart: their execution, but for these answers."""


@pytest.fixture(scope="module", autouse=True)
def texts():
    with quick_texts():
        yield


@cache
def tables() -> dict[str, pd.DataFrame]:
    """The published rows by machine, those of the machine with the most rows first."""
    return by_machine(read_folder(REFERENCE))


@cache
def told() -> list[dict[str, Answer]]:
    """The answers of each machine, by name."""
    return [{answer.name: answer for answer in answers(each)} for each in tables().values()]


@pytest.fixture(scope="module", params=[0, 1, 2])
def machine(request) -> tuple[pd.DataFrame, dict[str, Answer]]:
    """The rows of a machine: README and results/README.md are of the first, and of what it has not, of the others."""
    return list(tables().values())[request.param], told()[request.param]


@pytest.fixture(scope="module")
def table(machine) -> pd.DataFrame:
    return machine[0]


@pytest.fixture(scope="module")
def known(machine) -> dict[str, Answer]:
    return machine[1]


def test_every_machine_is_tried() -> None:
    assert len(tables()) == 3


@pytest.mark.parametrize("name", ["unroll", "jit", "own", "memory", "projection", "dropout", "linear"])
def test_every_answer_rests_on_rows_of_a_machine(name: str) -> None:
    assert any(len(each[name].evidence) for each in told())


TURNS = ["run", "repeat", "group"]


def by_turn(rows: pd.DataFrame, quantity: str) -> pd.Series:
    """The median of an arm in each turn; rows of no group took no turns, and have one median a repeat."""
    keys = [*TURNS, "round"] if quantity == "step_seconds" else TURNS
    return rows.assign(round=rows["round"].where(rows["group"] != "", 0)).groupby(keys)[quantity].median()


def logs_of(mine: pd.Series, base: pd.Series) -> list[float]:
    """The logarithm of the ratio of two arms that shared a group, one a repeat: of steps that of the median round."""
    logs = np.log(mine / base.reindex(mine.index)).replace([np.inf, -np.inf], np.nan).dropna()
    return logs.groupby(TURNS).median().groupby(["run", "repeat"]).mean().tolist()


def logs_by_repeat(rows: pd.DataFrame, what: str, against: str, column: str, quantity: str) -> list[float]:
    """`logs_of` of the two arms that are called so in a column."""
    names = rows[column].astype("str")
    return logs_of(*(by_turn(rows[names == name], quantity) for name in (what, against)))


def recomputed(rows: pd.DataFrame, what: str, against: str, column: str, quantity: str) -> float:
    """The geometric mean over repeats of the ratio of two arms that shared a group."""
    return float(np.exp(np.mean(logs_by_repeat(rows, what, against, column, quantity))))


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


def test_the_readme_asks_what_has_a_short_answer(known) -> None:
    assert {name for name, answer in known.items() if answer.short} <= set(FIRST)


def at(rows: pd.DataFrame, **values: object) -> pd.DataFrame:
    """The rows whose columns have these values."""
    for name, value in values.items():
        rows = rows[rows[name] == value]
    return rows


# intervals, break-even points and tables of architectures, of the machine with the most rows


@cache
def timings() -> pd.DataFrame:
    """The timed blocks of the first machine."""
    table = next(iter(tables().values()))
    return table[(table["status"] == "ok") & (table["phase"] != "accuracy")]


PLACE = ["entry", "task", "backend", "device", "batch", "steps", "features", "units", "masked", "optimizer", "phase"]


@pytest.mark.parametrize(
    ("task", "baseline"), [("wave", "looped"), ("wave", "stock"), ("digits_rows", "looped"), ("digits_rows", "")]
)
def test_every_interval_is_students_of_variances_that_the_others_moderate(task: str, baseline: str) -> None:
    """The interval of each comparison of a task, whether it is told or not; without a baseline, of entries."""
    raw = timings()[timings()["task"] == task]
    parts = dict(iter(raw.groupby([*PLACE, "execution"])))
    medians = cache(lambda place, quantity: by_turn(parts[place], quantity))
    judged = ratios(raw, baseline) if baseline else against_reference(raw)
    arms = ("execution", "baseline") if baseline else ("entry", "reference")
    assert len(judged) > 20
    for _, family in judged.groupby(FAMILY):
        found = []
        for row in family.itertuples(index=False):
            mine, base = getattr(row, arms[0]), getattr(row, arms[1])
            place = {name: getattr(row, name) for name in [*PLACE, "execution"]}
            both = [tuple({**place, arms[0]: name}.values()) for name in (mine, base)]
            found.append(logs_of(*(medians(each, row.quantity) for each in both)))
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
    raw = timings()
    checked = 0
    for line in told()[0]["until"].lines:
        backend, units, batch = re.match(r"(\w+), lstm of (\d+) units, batch (\d+)", line).groups()
        found = re.search(r"At (\d+) steps its first call .* paid back after ([\d,]+) training steps", line)
        if not found:
            continue
        steps, expected = int(found[1]), found[2]
        jit = "+jit" if backend == "JAX" else ""
        size = {"steps": steps, "units": int(units), "batch": int(batch)}
        rows = at(raw, entry="lstm", task="wave", backend=backend.lower(), phase="train", masked="none", **size)
        points = []
        for _, part in rows.groupby(["run", "repeat"]):
            mine, base = (part[part["execution"] == loop + jit] for loop in ("unrolled", "looped"))
            if mine.empty or base.empty:
                continue
            start = [each[["build_seconds", "first_call_seconds"]].median().sum() for each in (mine, base)]
            (log,) = logs_by_repeat(part, f"unrolled{jit}", f"looped{jit}", "execution", "step_seconds")
            points.append((start[0] - start[1]) / (base["step_seconds"].median() * (1 - np.exp(log))))
        assert f"{round(float(np.median(points))):,}" == expected, line
        checked += 1
    assert checked


SCORED = ["entry", "task", "recipe", "units", "split", "metric"]
TIMED_AT = ["task", "backend", "device", "steps", "units"]


def test_the_tables_of_architectures_are_what_the_raw_rows_give() -> None:
    """Score, parameters, both costs and memory of each row that has them."""
    table = next(iter(tables().values()))
    raw = timings()[timings()["masked"] == "none"]
    trained = table[(table["status"] == "ok") & (table["phase"] == "accuracy")]
    rows = architectures(table)
    loops = raw[raw["execution"] == raw["backend"].map({"jax": "looped+jit"}).fillna("looped")]
    batches = loops.groupby([*TIMED_AT, "batch"])["entry"].nunique()
    by_size = dict(iter(loops.groupby([*TIMED_AT, "batch"])))
    checked = 0
    for row in rows.itertuples(index=False):
        if pd.notna(row.score):
            seeds = at(trained, **{name: getattr(row, name) for name in SCORED})
            of_backend = seeds.drop_duplicates(["backend", "seed"], keep="last").groupby("backend")["score"]
            means = of_backend.mean()[of_backend.size() == row.seeds]
            assert any(row.score == pytest.approx(mean) for mean in means), row
        if pd.isna(row.train_ratio) or row.entry == row.reference:
            continue
        size = tuple(getattr(row, name) for name in TIMED_AT)
        mine = by_size[(*size, batches.loc[size].idxmax())]
        for phase, ratio in (("train", row.train_ratio), ("predict", row.predict_ratio)):
            expected = recomputed(at(mine, phase=phase), row.entry, row.reference, "entry", "step_seconds")
            assert ratio == pytest.approx(expected, rel=1e-6), row
        own = at(mine, entry=row.entry, phase="train")
        assert set(own["parameters"]) == {row.parameters}
        peaks = own.assign(over=own["step_peak_host_bytes"] - own["step_floor_host_bytes"])
        by_repeat = peaks.groupby(["run", "repeat"])["over"].median()
        assert row.step_peak_mib == pytest.approx(by_repeat.median() / 2**20)
        checked += 1
    assert checked > 20
