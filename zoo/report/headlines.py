"""The answers that a reader asks for first, each in one line, and the words that all answers share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from zoo.charts.labels import backend_name
from zoo.statistics.texts import three_digits, with_interval
from zoo.statistics.verdicts import EQUAL, FASTER, SLOWER, TOO_FEW, UNDECIDED

SHORT_SEQUENCE = 20
"""The number of steps that is told of first, or the one nearest to it."""
WORTH = {FASTER: "yes", SLOWER: "no", EQUAL: "no gain", UNDECIDED: "undecided", TOO_FEW: "too few repeats"}
"""A verdict for who asks whether it is worth it."""


def unroll(rows: pd.DataFrame) -> str:
    """Of `answers.of_unrolling`: whether to unroll a short sequence."""
    told, lengths = [], set()
    for backend, part in rows.groupby("backend", sort=False):
        trains = train_steps(part)
        if trains.empty:
            continue
        row = nearest_row(trains)
        first = at(part, row["steps"], "train", "first_call_seconds")
        lengths.add(int(row["steps"]))
        text = f"{WORTH[row['verdict']]} on {backend_name(backend)} ({row['ratio']:.2f} of the loop's training time"
        told.append(text + (f", a first call {times(first['ratio'])} as long)" if first is not None else ")"))
    return f"At {' or '.join(map(str, sorted(lengths)))} steps: {', '.join(told)}." if told else ""


def until(rows: pd.DataFrame) -> str:
    """Of `answers.of_unrolling`: up to how many steps it pays."""
    told = []
    for backend, part in rows.groupby("backend", sort=False):
        trains = train_steps(part)
        faster = trains[trains["verdict"] == FASTER]
        if len(faster):
            last = faster.iloc[-1]
            told.append(f"up to {last['steps']} steps on {backend_name(backend)} ({last['ratio']:.2f})")
        elif len(trains):
            told.append(f"at none of {len(trains)} lengths on {backend_name(backend)}")
    return f"Training is faster {', '.join(told)}." if told else ""


def jit(rows: pd.DataFrame) -> str:
    """Of `answers.of_jit`: whether to compile, at few and at many steps."""
    told = []
    for backend, part in rows.groupby("backend", sort=False):
        trains = train_steps(part)
        if trains.empty:
            continue
        near, last = nearest_row(trains), trains.iloc[-1]
        ends = [
            f"{WORTH[row['verdict']]} at {row['steps']} steps ({three_digits(row['ratio'])})" for row in (near, last)
        ]
        told.append(f"{backend_name(backend)}: {', '.join(dict.fromkeys(ends))}")
    return f"Training time with it over that without. {'; '.join(told)}. JAX is always compiled here." if told else ""


def fastest(rows: pd.DataFrame) -> str:
    """Of `gains`: the zoo's best execution against the best stock layer, in training lstm."""
    rows = rows[rows["phase"].eq("train") & rows["entry"].eq("lstm") & rows["problem"].eq("")]
    told = [
        f"{row['ours']} {times(row['gain'])} as fast at {row['steps']} steps (batch {row['batch']})"
        for row in in_turn(rows)
    ]
    return f"Training an LSTM, against the best stock layer of any backend: {', '.join(told)}." if told else ""


def _lengths(row: pd.Series) -> str:
    return f"{row['steps']} steps (batch {row['batch']})"


def architecture(rows: pd.DataFrame) -> str:
    """Of `architectures`: the best entries of each task."""
    told = []
    for part in by_task(rows):
        tied = part[part["best_rank"] == 1]
        score = three_digits(part["score"].iloc[0])
        told.append(f"{part['task'].iloc[0]}: {', '.join(tied['entry'])} ({part['metric'].iloc[0]} {score})")
    return f"Best, or not told apart from it, on {'; '.join(told)}." if told else ""


def fits(rows: pd.DataFrame) -> str:
    """Of `answers.that_fit`: the most steps that train in so much memory."""
    told = []
    for backend, part in rows[rows["largest_steps"].notna()].groupby("backend", sort=False):
        longest = [f"{row['execution']} {row['largest_steps']:,}" for row in in_turn(part)]
        told.append(f"{', '.join(longest)} on {backend_name(backend)}")
    return f"Steps of training, {size_words(rows.iloc[0])}: {'; '.join(told)}." if told else ""


def train_steps(rows: pd.DataFrame) -> pd.DataFrame:
    """The training steps among rows of evidence, by their number of steps."""
    mine = rows[rows["phase"].eq("train") & rows["quantity"].eq("step_seconds")]
    return mine.sort_values("steps", kind="stable")


def nearest_row(rows: pd.DataFrame) -> pd.Series:
    """The row of the number of steps that is told of first."""
    return rows.iloc[int((rows["steps"] - SHORT_SEQUENCE).abs().argmin())]


def at(rows: pd.DataFrame, steps: Any, phase: str, quantity: str) -> pd.Series | None:
    """The row of a phase and quantity at a number of steps."""
    found = rows[rows["steps"].eq(steps) & rows["phase"].eq(phase) & rows["quantity"].eq(quantity)]
    return found.iloc[0] if len(found) else None


def by_task(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The ranked entries of each task, by its first backend, split and metric, where there are two or more."""
    for _, part in rows.groupby("task", sort=False):
        same = part[["backend", "split", "metric"]].eq(part[["backend", "split", "metric"]].iloc[0]).all(axis=1)
        ranked = part[same & part["best_rank"].notna()]
        if len(ranked) > 1:
            yield ranked


def in_turn(table: pd.DataFrame) -> list[pd.Series]:
    """The rows one by one."""
    return [row for _, row in table.iterrows()]


def times(ratio: float) -> str:
    """A factor in words: "1.69 times"."""
    return f"{three_digits(ratio)} times"


def size_words(row: pd.Series) -> str:
    """Entry, units and batch of a row in words."""
    return f"{row['entry']} of {row['units']} units, batch {row['batch']}"


def ratio_words(row: pd.Series) -> str:
    """A ratio with its interval and, where it is no decided difference, what it is: "0.99 [0.95, 1.03] (undecided)"."""
    figure = with_interval(row["ratio"], row["low"], row["high"])
    return figure + ("" if row["verdict"] in (FASTER, SLOWER) else f" ({row['verdict']})")
