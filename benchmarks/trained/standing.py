"""Which architecture for which kind of task: how the entries that were trained on each task stand, and by how much."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from benchmarks.trained.curves import Trained
from zoo import get_task
from zoo.registry import Task
from zoo.statistics.intervals import geometric_mean
from zoo.statistics.moderation import prior_of
from zoo.statistics.scores import scores
from zoo.statistics.validation import with_validation
from zoo.statistics.verdicts import MOMENTS, ratio_tests

LEVEL = 0.05
"""The false discovery rate of the differences between entries, over all tasks together."""
LEAST_ENTRIES, LEAST_SEEDS = 3, 3
ROUNDING = 1e-6
"""Scores that are as near are the same: they are computed in float32."""
KINDS = {
    "adding": "two numbers among 200",
    "copying": "ten symbols, 100 steps ago",
    "copying_500": "ten symbols, 500 steps ago",
    "selective_copying": "symbols among blanks",
    "associative_recall": "the digit of a letter",
    "wave": "the next value of a curve",
    "mnist_rows": "an image, row by row",
    "mnist_pixels": "an image, pixel by pixel",
    "mnist_pixels_permuted": "an image, pixels mixed",
    "digits_rows": "a small image, row by row",
    "reviews": "the mood of a text",
    "temperatures": "tomorrow's temperature",
    "el_nino": "next month's sea",
    "translation": "a sentence in French",
}
"""What a task asks for, in the order of the columns."""
SHOWN = ["entry", "task", "best_rank", "worst_rank", "gap"]
STANDING = ["task", "entry", "recipe", "seeds", "score", "best_rank", "worst_rank", "gap"]


def standings(trained: Trained) -> pd.DataFrame:
    """How entries stand on each task of three entries or more: one row an entry and task, best first.

    Of several recipes of an entry the one with the best last validation score counts. Two entries differ where
    Student's t over the seeds that both have, paired, says so after the correction for all pairs of all tasks
    (Benjamini and Hochberg); errors are compared by their logarithms, and `score` is their geometric mean. The variance
    of a pair is moderated by those of the other pairs of its task. `best_rank` is 1 more than the number of entries
    that are better, `worst_rank` the number of those that are not worse. `gap` is the error over that of the best
    entry, or of an accuracy how much lower it is. An entry of fewer than three seeds has no rank.
    """
    rows = _chosen(trained)
    tasks = {
        name: of_task for name in KINDS if (of_task := rows[rows["task"] == name])["entry"].nunique() >= LEAST_ENTRIES
    }
    different = _different({name: _by_seed(of_task, get_task(name)) for name, of_task in tasks.items()})
    parts = [_standing(of_task, get_task(name), different.get(name, {})) for name, of_task in tasks.items()]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=STANDING)


def published_scores(table: pd.DataFrame) -> pd.DataFrame:
    """The scores of train-reference; a seed that was trained on two backends or machines counts once."""
    rows = scores(table).query("run == 'train-reference'")
    return rows.drop_duplicates(["task", "entry", "recipe", "units", "split", "metric", "seed"], keep="last")


def _chosen(trained: Trained) -> pd.DataFrame:
    """The scores of each entry by the recipe that validation chose, on the first split by the metric of the task."""
    rows = published_scores(trained.table)
    rows = rows[rows["metric"] == rows["task"].map(lambda name: get_task(name).metric)]
    rows = rows[rows["split"] == rows.groupby("task")["split"].transform("first")]
    keys = ["task", "entry", "recipe", "units"]
    means = with_validation(rows, trained.history).groupby(keys)["validation"].mean()
    best = means.dropna().groupby(["task", "entry"]).idxmin()
    kept = pd.MultiIndex.from_tuples(list(best), names=keys)
    return rows[pd.MultiIndex.from_frame(rows[keys]).isin(kept)]


def _by_seed(rows: pd.DataFrame, task: Task) -> pd.DataFrame:
    """A column an entry, a row a seed: what is better is less, and differences are of one kind."""
    wide = rows.pivot_table(index="seed", columns="entry", values="score")
    return -wide if task.higher_is_better else wide.map(np.log)


def _different(by_task: dict[str, pd.DataFrame]) -> dict[str, dict[tuple[str, str], bool]]:
    """Of each task the pairs (better, worse) that differ."""
    tests = [(task, pair, p) for task, wide in by_task.items() for pair, p in _p_values(wide).items()]
    found: dict[str, dict[tuple[str, str], bool]] = {}
    if tests:
        rejected = multipletests([p for *_, p in tests], LEVEL, method="fdr_bh")[0]
        for (task, pair, _), is_different in zip(tests, rejected, strict=True):
            found.setdefault(task, {})[pair] = bool(is_different)
    return found


def _p_values(wide: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Of each pair (better, worse) of a task Student's t of its gaps against 0, of the moderated variance.

    Gaps of accuracies on few examples may be alike in every seed by chance: they spread by one example at least.
    """
    gaps = {}
    for one, other in itertools.combinations(wide.columns, 2):
        gap = (wide[one] - wide[other]).dropna()
        if len(gap) >= LEAST_SEEDS:
            gaps[(one, other) if gap.mean() < 0 else (other, one)] = gap.agg(MOMENTS)
    if not gaps:
        return {}
    moments = pd.DataFrame(gaps.values()).reset_index(drop=True)
    moments["var"] = moments["var"].clip(lower=_resolution(wide) ** 2)
    tests = ratio_tests(moments, [prior_of(moments)] * len(moments))
    return dict(zip(gaps, tests["p_value"], strict=True))


def _resolution(wide: pd.DataFrame) -> float:
    """The least step between two scores of a task: of an accuracy one test example."""
    steps = np.diff(np.sort(wide.to_numpy(float), axis=None))
    return float(min(steps[steps > ROUNDING], default=0.0))


def _standing(rows: pd.DataFrame, task: Task, different: dict[tuple[str, str], bool]) -> pd.DataFrame:
    seeds = rows.groupby("entry", sort=False)
    mean = "mean" if task.higher_is_better else geometric_mean
    table = seeds.agg(recipe=("recipe", "first"), seeds=("score", "count"), score=("score", mean)).reset_index()
    table = table.sort_values("score", ascending=not task.higher_is_better, kind="stable")
    best = table["score"].iloc[0]
    table["gap"] = best - table["score"] if task.higher_is_better else table["score"] / best
    ranked = set(table.loc[table["seeds"] >= LEAST_SEEDS, "entry"])
    pairs = [pair for pair, yes in different.items() if yes]
    table["best_rank"] = [_rank(1 + sum(worse == e for _, worse in pairs), e, ranked) for e in table["entry"]]
    table["worst_rank"] = [
        _rank(len(ranked) - sum(better == e for better, _ in pairs), e, ranked) for e in table["entry"]
    ]
    table = table.astype({"best_rank": "Int64", "worst_rank": "Int64"})
    return table.assign(task=task.name)[STANDING]


def _rank(rank: int, entry: str, ranked: set[str]) -> Any:
    return rank if entry in ranked else pd.NA


def standing_texts(table: pd.DataFrame) -> pd.DataFrame:
    """A row an entry, a column a task: rank and gap, "1–2 (1.30×)" of an error, "3 (−0.4)" of percent points.

    The entry whose ranks are best on average comes first: of a range its middle counts, as a share of what is ranked on
    the task, so that the best of 25 is above the best of 2.
    """
    cells: dict[str, dict[str, str]] = {}
    for entry, task, best, worst, gap in zip(*(table[name] for name in SHOWN), strict=True):
        rank = "?" if pd.isna(best) else str(best) if best == worst else f"{best}–{worst}"
        cells.setdefault(entry, {})[task] = f"{rank} {_gap(get_task(task), gap)}".strip()
    tasks = [name for name in KINDS if name in set(table["task"])]
    middle = (table["best_rank"] + table["worst_rank"]).astype("Float64") / 2
    share = (middle - 0.5) / table.groupby("task")["best_rank"].transform("count")
    order = share.groupby(table["entry"]).mean().sort_values(kind="stable")
    lines = [{"entry": "*asks for*", **{task: f"*{KINDS[task]}*" for task in tasks}}]
    lines += [{"entry": str(entry), **cells[str(entry)]} for entry in order.index]
    return pd.DataFrame(lines, columns=["entry", *tasks]).fillna("")


def _gap(task: Task, gap: float) -> str:
    if not task.higher_is_better:
        return "" if gap == 1 else f"({gap:,.0f}×)" if gap >= 10 else f"({gap:.1f}×)"
    points = gap if task.metric in ("bleu", "chrf") else 100 * gap
    return "" if gap == 0 else f"(−{points:.1f})"
