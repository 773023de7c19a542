"""The answers that a reader asks for first, each in one line, and the words that all answers share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from zoo.charts.labels import backend_name
from zoo.statistics.texts import three_digits, with_interval
from zoo.statistics.verdicts import EQUAL, FASTER, SLOWER, TOO_FEW, UNDECIDED

SHORT_SEQUENCE = 20
"""The number of steps that an answer names first, or the one nearest to it."""
WORTH = {FASTER: "yes", SLOWER: "no", EQUAL: "no gain", UNDECIDED: "undecided", TOO_FEW: "too few repeats"}
"""A verdict for who asks whether it is worth it."""


def unroll(rows: pd.DataFrame) -> str:
    """Of `answers.of_unrolling`: whether to unroll a short sequence."""
    phrases, lengths = [], set()
    for backend, part in rows.groupby("backend", sort=False):
        trains = train_steps(part)
        if trains.empty:
            continue
        row = nearest_row(trains)
        first = at(part, row["steps"], "train", "first_call_seconds")
        lengths.add(int(row["steps"]))
        text = f"{WORTH[row['verdict']]} on {backend_name(backend)} ({row['ratio']:.2f} of the loop's training time"
        phrases.append(text + (f", a first call {times(first['ratio'])} as long)" if first is not None else ")"))
    return f"At {' or '.join(map(str, sorted(lengths)))} steps: {', '.join(phrases)}." if phrases else ""


def until(rows: pd.DataFrame) -> str:
    """Of `answers.of_unrolling`: at how many lengths it pays, and up to which."""
    phrases = []
    for backend, part in rows.groupby("backend", sort=False):
        trains = train_steps(part)
        if trains.empty:
            continue
        faster = trains[trains["verdict"] == FASTER]
        lengths = f"{len(faster)} of {len(trains)} lengths" if len(faster) else f"none of {len(trains)} lengths"
        text = f"at {lengths} from {trains['steps'].min()} to {trains['steps'].max()} steps on {backend_name(backend)}"
        last = faster.iloc[-1:]
        phrases.append(text + "".join(f", the longest {row['steps']} ({row['ratio']:.2f})" for row in in_turn(last)))
    return f"Training is decidedly faster {'; '.join(phrases)}." if phrases else ""


def jit(rows: pd.DataFrame) -> str:
    """Of `answers.of_jit`: the longest sequence that compiling makes faster, and the shortest that it makes slower."""
    phrases = []
    for backend, part in rows.groupby("backend", sort=False):
        trains = train_steps(part)
        faster, slower = (trains[trains["verdict"] == verdict] for verdict in (FASTER, SLOWER))
        ends = [*in_turn(faster.iloc[-1:]), *in_turn(slower.iloc[:1])]
        if len(trains) and not ends:
            ends = [nearest_row(trains)]
        worth = [f"{WORTH[row['verdict']]} at {row['steps']} steps ({row['ratio']:.2f})" for row in ends]
        phrases += [f"{backend_name(backend)}: {', '.join(worth)}"] if worth else []
    return f"Training time over that without it. {'; '.join(phrases)}. JAX is always compiled here." if phrases else ""


def fastest(rows: pd.DataFrame, won: pd.DataFrame) -> str:
    """Of `winners` and `gains`: the fastest execution of each backend, and the zoo's best against the best of stock."""
    phrases = [
        f"{row['execution']} on {backend_name(row['backend'])} (at {row['wins']} of {row['sizes']} lengths)"
        for row in in_turn(won)
    ]
    text = f"The fastest, or tied with it, most often: {', '.join(phrases)}." if phrases else ""
    rows = rows[rows["phase"].eq("train") & rows["entry"].eq("lstm") & rows["problem"].eq("")]
    if rows.empty:
        return text
    gained = [
        f"{row['ours']} {times(row['gain'])} as fast at {row['steps']} steps (batch {row['batch']})"
        for row in in_turn(rows[(rows["low"] > 1) | (rows["high"] < 1)])
    ]
    found = ", ".join(gained) or f"no decided gain at {len(rows)} sizes"
    return f"{text} Against the best stock layer of any backend: {found}."


def architecture(rows: pd.DataFrame) -> str:
    """Of `architectures`: the best entries of each task."""
    phrases = []
    for part in by_task(rows):
        tied = part[part["best_rank"] == 1]
        score = three_digits(part["score"].iloc[0])
        phrases.append(f"{part['task'].iloc[0]}: {', '.join(tied['model'])} ({part['metric'].iloc[0]} {score})")
    return f"Best, or tied with the best, on {'; '.join(phrases)}." if phrases else ""


def fits(rows: pd.DataFrame) -> str:
    """Of `answers.that_fit`: the most steps that train in so much memory."""
    phrases = []
    for backend, part in rows[rows["largest_steps"].notna()].groupby("backend", sort=False):
        longest = [f"{row['execution']} {row['largest_steps']:,}" for row in in_turn(part)]
        phrases.append(f"{', '.join(longest)} on {backend_name(backend)}")
    return f"At most so many steps of training {size_words(rows.iloc[0])}: {'; '.join(phrases)}." if phrases else ""


def train_steps(rows: pd.DataFrame) -> pd.DataFrame:
    """The training steps among rows of evidence, by their number of steps."""
    mine = rows[rows["phase"].eq("train") & rows["quantity"].eq("step_seconds")]
    return mine.sort_values("steps", kind="stable")


def nearest_row(rows: pd.DataFrame) -> pd.Series:
    """The row of the number of steps that an answer names first."""
    return rows.iloc[int((rows["steps"] - SHORT_SEQUENCE).abs().argmin())]


def at(rows: pd.DataFrame, steps: Any, phase: str, quantity: str) -> pd.Series | None:
    """The row of a phase and quantity at a number of steps."""
    found = rows[rows["steps"].eq(steps) & rows["phase"].eq(phase) & rows["quantity"].eq(quantity)]
    return found.iloc[0] if len(found) else None


def by_task(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The ranked entries of each task where most are timed, by its first split and metric, if there are two or more."""
    where = ["backend", "device", "split", "metric"]
    for _, part in rows.groupby("task", sort=False):
        scored = part[part["best_rank"].notna()]
        timed = scored.assign(timed=scored["train_ratio"].notna()).groupby(where, sort=False)["timed"].sum()
        most = timed.sort_values(ascending=False, kind="stable").reset_index().head(1)
        ranked = scored.merge(most[where], on=where)
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
    """A ratio with its interval, its repeats and, where no difference is decided, what it is.

    "0.87 [0.84, 0.90] (5 repeats)", "0.99 [0.95, 1.03] (10 repeats, undecided)".
    """
    number = int(row["repeats"])
    notes = [f"{number} repeat{'s' * (number != 1)}"]
    if row["verdict"] not in (FASTER, SLOWER):
        notes.append("too few" if row["verdict"] == TOO_FEW else row["verdict"])
    return f"{with_interval(row['ratio'], row['low'], row['high'])} ({', '.join(notes)})"
