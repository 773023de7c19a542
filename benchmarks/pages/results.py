"""The figures of README, results/README.md and results/architectures.md: the answers to a reader's questions."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from zoo.charts.labels import backend_name
from zoo.errors import ZooError
from zoo.measuring.enough import LEAST_REPEATS
from zoo.report.answers import Answer
from zoo.report.headlines import by_task
from zoo.report.terminal import as_markdown
from zoo.report.verdicts import comparisons, count_line
from zoo.statistics.architectures import TIMED_ON, architectures
from zoo.statistics.columns import EXECUTION, SETTING, TIMED
from zoo.statistics.machines import by_machine
from zoo.statistics.texts import number, three_digits, whole, with_interval

FIRST = ("unroll", "until", "jit", "fastest", "own", "architecture", "fits")
"""The answers that the project's README has, a sentence each or a few."""
NONE = "No rows here compare it."
MAIN_TASKS = ("wave", "digits_rows", "mnist_rows")
"""Those whose architectures results/README.md shows side by side."""
MAIN_BACKEND = "tensorflow"
MOST_ROWS = 6
"""Of the entries of a task that results/README.md shows; those on the Pareto front stand there too."""


def readme_figures(table: pd.DataFrame, known: list[Answer]) -> dict[str, str]:
    """`where`: the machine that comes first, versions, and how it was timed; each of FIRST in one line."""
    shorts = {answer.name: answer.short or NONE for answer in known}
    main = next(iter(by_machine(table).values())).query("phase in @TIMED")
    where = f"{machine(main)}; {versions(main)}; {lockstep(main)}"
    return {"where": where, **{name: shorts[name] for name in FIRST}}


def results_figures(table: pd.DataFrame, known: list[Answer]) -> dict[str, str]:
    """`where`, `days`, `verdicts`: how many comparisons ended how; every answer; the architectures of the main tasks.

    Raises:
        ZooError: the table has no timings.
    """
    if not table["phase"].isin(TIMED).any():
        raise ZooError("the results hold no timings for results/README.md")
    compared = architectures(next(iter(by_machine(table).values())))  # times of two machines make no table
    figures = {
        "where": "; ".join(f"{machine(rows)} ({versions(rows)})" for rows in _timed(by_machine(table))),
        "days": _days(table),
        "verdicts": count_line(comparisons(table)),
        **{answer.name: _bullets(answer.lines) for answer in known},
    }
    for task in MAIN_TASKS:
        part = compared[compared["task"].eq(task) & compared["backend"].eq(MAIN_BACKEND)]
        figures[task.replace("_", "-")] = _architectures(part) if len(part) else NONE
    return figures


def architectures_figures(table: pd.DataFrame) -> dict[str, str]:
    """Every entry of each task with a rank, on the backend where most are timed, by the name of the task."""
    compared = architectures(next(iter(by_machine(table).values())))
    figures = {}
    for ranked in by_task(compared):
        where = ["task", *TIMED_ON, "split", "metric"]
        rows = compared.merge(ranked[where].head(1), on=where)
        figures[str(ranked["task"].iloc[0]).replace("_", "-")] = _architectures(rows, most=len(rows))
    return figures


def _timed(machines: dict[str, pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The timings of each machine."""
    return (rows[rows["phase"].isin(TIMED)] for rows in machines.values())


def _bullets(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines or [NONE]) + "\n"


def _architectures(rows: pd.DataFrame, most: int = MOST_ROWS) -> str:
    """The table of one task by its first split, of so many entries at most, and under it the others.

    It holds the best and what is on the Pareto front. Others are ranked too, of too few seeds, or not trained.
    """
    first = rows.iloc[0]
    rows = rows[rows["split"].eq(first["split"]) & rows["metric"].eq(first["metric"])]
    scored, ranked = rows["score"].notna(), rows["best_rank"].notna()
    if not ranked.any():
        ranked = scored
    shown = ranked & (ranked.cumsum().le(most) | rows["on_front"].astype(bool))
    notes = {
        "Also ranked": _with_scores(rows[ranked & ~shown]),
        f"Trained with fewer than {LEAST_REPEATS} seeds": _with_scores(rows[scored & ~ranked]),
        "Timed, not trained": rows.loc[~scored, "model"].drop_duplicates().tolist(),
    }
    texts = [f"{what}: {', '.join(names)}." for what, names in notes.items() if names]
    return as_markdown(architecture_texts(rows[shown])) + f"\n{' '.join(texts)}\n" * bool(texts)


def _with_scores(rows: pd.DataFrame) -> list[str]:
    return [f"{name} {three_digits(score)}" for name, score in zip(rows["model"], rows["score"], strict=True)]


def architecture_texts(rows: pd.DataFrame) -> pd.DataFrame:
    """The entries of one task, split and metric as texts: best first, what is on the Pareto front in bold."""
    first = rows.iloc[0]
    stars = rows["on_front"].map({True: "**", False: ""})
    scores = rows[["score", "score_low", "score_high"]].apply(lambda row: _score(*row), axis=1)
    ranks = [_rank(*each) for each in zip(rows["best_rank"], rows["worst_rank"], strict=True)]
    texts = pd.DataFrame(
        {
            "rank": ranks,
            "entry": stars + rows["model"] + stars,
            f"{first['metric']} (naive {number(rows['naive_score'].bfill().iloc[0])})": scores,
            "seeds": rows["seeds"].map(whole),
            "parameters": rows["parameters"].map(whole),
            "training time": _ratios(rows, "train"),
            "prediction time": _ratios(rows, "predict"),
            "MiB": rows["step_peak_mib"].map(whole),
            "s to target": rows["seconds_to_target"].map(number),
        }
    )
    texts = texts[[column for column in texts if (texts[column] != "").any()]]
    return texts.replace({"s to target": {"": "–"}})


def _score(score: float, low: float, high: float) -> str:
    return three_digits(score) + ("" if pd.isna(low) else f" [{three_digits(low)}, {three_digits(high)}]")


def _rank(best: object, worst: object) -> str:
    if pd.isna(best):  # type: ignore[call-overload]
        return ""
    return str(best) if best == worst else f"{best}–{worst}"


def _ratios(rows: pd.DataFrame, phase: str) -> pd.Series:
    texts = rows[[f"{phase}_{name}" for name in ("ratio", "low", "high")]].apply(
        lambda row: with_interval(*row), axis=1
    )
    return texts.where(texts != "", "not timed")


def _days(table: pd.DataFrame) -> str:
    """On which days each backend was timed, and how many arms took turns."""
    timed = table[table["phase"].isin(TIMED)]
    days = timed["started_at"].astype("str").str[:10].groupby(timed["backend"], sort=False).agg(["min", "max"])
    phrases = [
        f"{backend_name(backend)} {first}" + f" to {last}" * (first != last)
        for backend, first, last in days.itertuples()
    ]
    return f"Days: {', '.join(phrases)}. On all machines together {lockstep(table)}."


def lockstep(table: pd.DataFrame) -> str:
    """How many of the timed arms took turns with others."""
    timed = table[table["phase"].isin(TIMED) & table["step_seconds"].notna()]
    arm = [name for name in [*SETTING, *EXECUTION] if name != "phase"]
    in_turn = timed["group"].ne("").groupby([timed[name] for name in arm], dropna=False).any()
    count, turns = len(in_turn), int(in_turn.sum())
    if turns == count:
        return f"all {count:,} arms (one entry run by one execution) took turns"
    if not turns:
        return f"none of the {count:,} arms took turns: they ran one after another, with wide intervals"
    return f"{turns:,} of {count:,} arms took turns, the others ran one after another, with wide intervals"


def machine(table: pd.DataFrame) -> str:
    """Where the rows were measured, in words: the cores of a GPU's machine are those of its CPU."""
    places = table[["device_name", "cpu_count", "device"]].drop_duplicates().itertuples(index=False)
    return " and ".join(f"{name}, {cores} {'CPU ' * (device == 'gpu')}cores" for name, cores, device in places)


def versions(table: pd.DataFrame) -> str:
    """With which versions, in words."""
    backends = table[["backend", "backend_version"]].drop_duplicates().itertuples(index=False)
    keras = ", ".join(sorted(table["keras_version"].unique()))
    named = [f"{backend_name(backend)} {version}" for backend, version in backends if version]
    return ", ".join([f"Keras {keras}", *named])
