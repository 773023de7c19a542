"""The answers that a reader asks for first, each in one line, and the words that all answers share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from zoo.charts.labels import backend_name, fastest_words, place_name
from zoo.statistics.architectures import as_good_as_the_best
from zoo.statistics.favourite import SHORT_SEQUENCE
from zoo.statistics.growth import most_steps
from zoo.statistics.texts import three_digits, with_interval
from zoo.statistics.verdicts import EQUAL, EQUAL_FROM, EQUAL_TO, FASTER, SLOWER, TOO_FEW, UNDECIDED

LEAST_LENGTHS = 2
"""Of fewer numbers of steps nothing is said of how it goes on."""
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
        predict = at(part, row["steps"], "predict", "step_seconds")
        text = f"{backend_name(backend)}: {WORTH[row['verdict']]} for training ({_or_ends(row)} of the loop's time)"
        text += f", {WORTH[predict['verdict']]} for prediction ({_or_ends(predict)})" if predict is not None else ""
        phrases.append(text + (f", a first call {times(first['ratio'])} as long" if first is not None else ""))
    return f"At {' or '.join(map(str, sorted(lengths)))} steps, {'; '.join(phrases)}." if phrases else ""


def _or_ends(row: pd.Series) -> str:
    """A ratio, or the ends of its interval where no difference is decided: "between 0.91 and 1.10"."""
    decided = row["verdict"] in (FASTER, SLOWER) or pd.isna(row["low"])
    return f"{row['ratio']:.2f}" if decided else f"between {row['low']:.2f} and {row['high']:.2f}"


def until(rows: pd.DataFrame) -> str:
    """Of `answers.of_unrolling`: at how many lengths it pays, and up to which."""
    phrases = []
    for backend, part in rows.groupby("backend", sort=False):
        trains = train_steps(part)
        if len(trains) < LEAST_LENGTHS:
            continue
        faster = trains[trains["verdict"] == FASTER]
        text = f"{lengths_words(trains, faster)} on {backend_name(backend)}"
        last = faster.iloc[-1:]
        phrases.append(text + "".join(f", the longest {row['steps']} ({row['ratio']:.2f})" for row in in_turn(last)))
    return f"Training is decidedly faster {'; '.join(phrases)}." if phrases else ""


def jit(rows: pd.DataFrame) -> str:
    """Of `answers.of_jit`: its turning points by backend."""
    phrases = []
    for backend, part in rows.groupby("backend", sort=False):
        trains = train_steps(part)
        ends = turning_points(trains)
        worth = [f"{WORTH[row['verdict']]} at {row['steps']} steps ({_or_ends(row)})" for row in ends]
        phrases += [f"{backend_name(backend)}: {', '.join(worth)}"] if worth else []
    return f"Training time with jit over that without. {'; '.join(phrases)}." if phrases else ""


def turning_points(trains: pd.DataFrame) -> list[pd.Series]:
    """The longest sequence that is decidedly faster, the shortest and the longest that are slower.

    Where none is, the one that an answer names first.
    """
    faster, slower = (trains[trains["verdict"] == verdict] for verdict in (FASTER, SLOWER))
    ends = pd.concat([faster.iloc[-1:], slower.iloc[:1], slower.iloc[1:].iloc[-1:]])
    return in_turn(ends) if len(ends) or trains.empty else [nearest_row(trains)]


def fastest(won: pd.DataFrame) -> str:
    """Of `executions.winners`: the fastest of Keras' own loops on each backend, from length to length."""
    return f"Of Keras' own loops the fastest in training, or tied with it: {fastest_words(won)}." if len(won) else ""


def own(over_loop: pd.DataFrame, over_stock: pd.DataFrame) -> str:
    """Of `answers.of_own` and `gains`: what the zoo's executions gain over the loop, and over the best stock layer."""
    gained = [
        f"{loop} takes {', '.join(_gained(part))} of the loop's time on {place_name(backend, device)}"
        for (backend, device, loop), part in over_loop.groupby(["backend", "device", "loop"], sort=False)
    ]
    text = f"What Keras lacks, where a difference is decided: {'; '.join(gained)}." if gained else ""
    return f"{text} {best_of_stock(over_stock)}".strip()


def _gained(rows: pd.DataFrame) -> Iterator[str]:
    """The ratios of what is faster and of what is slower, each with its sizes: "0.66 (240 steps, batch 32)"."""
    for verdict in (FASTER, SLOWER):
        part = rows[rows["verdict"] == verdict]
        if len(part):
            steps, batches = (_range(part[name], "{:,}") for name in ("steps", "batch"))
            yield f"{_range(part['ratio'], '{:.2f}')} ({steps} steps, batch {batches})"


def best_of_stock(rows: pd.DataFrame) -> str:
    """Of `gains`: how many times as fast lstm trains as the best stock layer of any backend.

    Only where it is decided, and by more than what counts as equal.
    """
    rows = rows[rows["phase"].eq("train") & rows["entry"].eq("lstm") & rows["problem"].eq("")]
    decided = ((rows["low"] > 1) & (rows["gain"] > EQUAL_TO)) | ((rows["high"] < 1) & (rows["gain"] < EQUAL_FROM))
    gained = [
        f"{row['ours']} {times(row['gain'])} as fast at {row['steps']} steps (batch {row['batch']})"
        for row in in_turn(rows[decided])
    ]
    rest = len(rows) - len(gained)
    if rest:
        gained.append(f"no decided gain at {rest} {'other ' * bool(gained)}size{'s' * (rest > 1)}")
    found = ", ".join(gained)
    return f"Against the best stock layer of any backend: {found}." if len(rows) else ""


def architecture(rows: pd.DataFrame) -> str:
    """Of `architectures`: the best entry of each task, and those that are not decidedly worse."""
    phrases = []
    for part in by_task(rows):
        scores = ", ".join(f"{row['model']} {three_digits(row['score'])}" for row in in_turn(as_good_as_the_best(part)))
        phrases.append(f"{part['task'].iloc[0]} ({part['metric'].iloc[0]}): {scores}")
    return f"The best score, and those that are not decidedly worse. {'; '.join(phrases)}." if phrases else ""


def fits(rows: pd.DataFrame) -> str:
    """Of `answers.that_fit`: the most steps that train in so much memory, "at least" where time ended it."""
    phrases = []
    for backend, part in rows[rows["largest_steps"].notna()].groupby("backend", sort=False):
        longest = [f"{row['execution']} {most_steps(row)}" for row in in_turn(part)]
        phrases.append(f"{', '.join(longest)} on {backend_name(backend)}")
    return f"The most steps of {size_words(rows.iloc[0])}, that train: {'; '.join(phrases)}." if phrases else ""


def _range(values: pd.Series, form: str) -> str:
    """ "0.27 to 0.55", or the one value where all are written alike."""
    ends = dict.fromkeys(form.format(value) for value in (values.min(), values.max()))
    return " to ".join(ends)


def lengths_words(trains: pd.DataFrame, faster: pd.DataFrame) -> str:
    """At how many lengths what is faster is so: "at 3 of 7 lengths from 10 to 1,000 steps"."""
    steps, wins = trains["steps"].unique(), faster["steps"].nunique()
    return f"at {wins or 'none'} of {len(steps)} lengths from {steps.min():,} to {steps.max():,} steps"


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
