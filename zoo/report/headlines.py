"""The answers that a reader asks for first, each in one line, and the words that all answers share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from zoo.charts.labels import backend_name, fastest_words, place_name
from zoo.statistics.architectures import TIMED_ON, as_good_as_the_best
from zoo.statistics.favourite import SHORT_SEQUENCE
from zoo.statistics.growth import most_steps
from zoo.statistics.stock import STOCK, STOCK_LOOPS, stand_in
from zoo.statistics.texts import few_words, three_digits, two_decimals, with_interval
from zoo.statistics.verdicts import EQUAL, FASTER, SLOWER, TOO_FEW, UNDECIDED

LEAST_LENGTHS = 2
"""Of fewer numbers of steps nothing is said of how it goes on."""
METRICS = {"mse": "error", "cross_entropy": "loss", "bleu": "BLEU"}
"""Of a score: what a reader who does not know the task calls it."""
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
        lengths.add(int(row["steps"]))
        predict = at(part, row["steps"], "predict", "step_seconds")
        where = f"{backend_name(backend)}{' with jit' * ('+jit' in row['what'])}"
        if predict is not None and WORTH[predict["verdict"]] == WORTH[row["verdict"]] == WORTH[EQUAL]:
            phrases.append(f"{where}: {WORTH[EQUAL]} for either")
            continue
        text = f"{where}: {_worth(row, 'for training')}"
        phrases.append(text + (f", {_worth(predict, 'for prediction')}" if predict is not None else ""))
    steps = " or ".join(map(str, sorted(lengths)))
    text = f"At {steps} steps; in brackets the time over that of the loop"
    return f"{text}. {'; '.join(phrases)}." if phrases else ""


def _worth(row: pd.Series, where: str) -> str:
    """Whether it is worth it, and the ratio where a difference is decided: "yes for training (0.91)"."""
    verdict = row["verdict"]
    return f"{WORTH[verdict]} {where}" + (f" ({two_decimals(row['ratio'])})" if verdict in (FASTER, SLOWER) else "")


def until(rows: pd.DataFrame) -> str:
    """Of `answers.of_unrolling`: up to how many steps it pays."""
    phrases = []
    for backend, part in rows.groupby("backend", sort=False):
        trains = enough_repeats(train_steps(part))
        if trains["steps"].nunique() < LEAST_LENGTHS:
            continue
        faster = trains[trains["verdict"] == FASTER]
        lost = trains.loc[trains["verdict"] == SLOWER, "steps"].min()
        where = [f"{row['steps']:,} steps ({two_decimals(row['ratio'])})" for row in in_turn(faster)]
        if where and not lost < faster["steps"].max():
            found = f"up to {where[-1]}"
        else:
            found = f"at {few_words(where)}" if where else "at no length"
        phrases.append(f"{backend_name(backend)} {found}")
    return f"Training gains on {', on '.join(phrases)}." if phrases else ""


def jit(rows: pd.DataFrame) -> str:
    """Of `answers.of_jit`: at the number of steps that an answer names first, and at its turning points."""
    phrases = []
    for backend, part in rows.groupby("backend", sort=False):
        trains = train_steps(part)
        worth = [_worth(row, f"at {row['steps']:,} steps") for row in telling(trains)]
        phrases += [f"{backend_name(backend)}: {', '.join(worth)}"] if worth else []
    return f"In training; in brackets the time over that without. {'; '.join(phrases)}." if phrases else ""


def telling(trains: pd.DataFrame) -> list[pd.Series]:
    """The row that an answer names first, the longest that is decidedly faster, the shortest and longest slower one."""
    if trains.empty:
        return []
    near = nearest_row(trains)
    faster, slower = (trains[trains["verdict"] == verdict] for verdict in (FASTER, SLOWER))
    ends = [*faster.iloc[-1:].index, *slower.iloc[:1].index, *slower.iloc[-1:].index]
    return in_turn(trains.loc[list(dict.fromkeys([near.name, *ends]))])


def fastest(won: pd.DataFrame) -> str:
    """Of `executions.winners`: the fastest of Keras' own loops on each backend, from length to length."""
    return f"Of Keras' own loops, in training, the fastest or tied with it: {fastest_words(won)}." if len(won) else ""


def own(mine: pd.DataFrame) -> str:
    """Of `answers.of_own`: what the zoo's executions gain over Keras' layer, the least and the most of each."""
    gained = []
    for (backend, device, what, against), part in mine.groupby(["backend", "device", "what", "against"], sort=False):
        of_layer = {*STOCK_LOOPS, stand_in(STOCK, str(backend), str(device))}  # Keras' layer, or the same program
        of_other = "" if against in of_layer else f" of {against}"
        gained.append(f"{what} on {place_name(backend, device)} {_from_to(part['ratio'])}{of_other}")
    first = "Of the zoo's own, where decided, time over that of Keras' layer (below 1 is faster)"
    return f"{first}: {', '.join(gained)}." if gained else ""


def _from_to(ratios: pd.Series) -> str:
    """ "0.66 to 1.46", or the one there is."""
    ends = [two_decimals(ratio) for ratio in (ratios.min(), ratios.max())]
    return " to ".join(dict.fromkeys(ends))


def best_of_stock(rows: pd.DataFrame) -> str:
    """Of `gains`: how many times as fast lstm trains as the best stock layer of any backend.

    Only where it is decided.
    """
    rows = rows[rows["phase"].eq("train") & rows["entry"].eq("lstm") & rows["problem"].eq("")]
    decided = rows["verdict"].isin([FASTER, SLOWER])
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
    """Of `architectures`: the best entry of each task, and how many are as good (`as_good_as_the_best`)."""
    phrases = []
    for part in by_task(rows):
        more = len(as_good_as_the_best(part)) - 1
        best = part.iloc[0]
        others = f" ({more} other{'s' * (more > 1)})" * (more > 0)
        score = f"{METRICS.get(best['metric'], best['metric'])} {three_digits(best['score'])}"
        phrases.append(f"{task_words(best)}: {best['model']}, {score}{others}")
    first = "The best by task; in brackets how many others that come next are not decidedly worse"
    return f"{first}. {'; '.join(phrases)}." if phrases else ""


def task_words(row: pd.Series) -> str:
    """A task, and which of its tests where it has several: "digits_rows", "wave, same range"."""
    return str(row["task"]) if row["split"] == "test" else f"{row['task']}, {row['split'].replace('_', ' ')}"


def scores_in_words(rows: pd.DataFrame) -> str:
    """Entries with their scores, the first few by name: "lru 0.992, gru 0.991, … and 9 more"."""
    return few_words([f"{row['model']} {three_digits(row['score'])}" for row in in_turn(rows)])


def fits(rows: pd.DataFrame) -> str:
    """Of `answers.that_fit`: the most steps that train in so much memory."""
    phrases = []
    for backend, part in rows[rows["largest_steps"].notna()].groupby("backend", sort=False):
        longest = [f"{row['execution']} {most_steps(row)} steps" for row in in_turn(part)]
        phrases.append(f"{backend_name(backend)} {', '.join(longest)}")
    return f"Training {size_words(rows.iloc[0])}: {'; '.join(phrases)}." if phrases else ""


def lengths_words(trains: pd.DataFrame, faster: pd.DataFrame) -> str:
    """At how many lengths what is faster is so: "at 3 of 7 lengths from 10 to 1,000 steps"."""
    steps, wins = trains["steps"].unique(), faster["steps"].nunique()
    return f"at {wins or 'none'} of {len(steps)} lengths from {steps.min():,} to {steps.max():,} steps"


def train_steps(rows: pd.DataFrame) -> pd.DataFrame:
    """The training steps among rows of evidence, by their number of steps."""
    mine = rows[rows["phase"].eq("train") & rows["quantity"].eq("step_seconds")]
    return mine.sort_values("steps", kind="stable")


def enough_repeats(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows without those of too few repeats, which decide nothing."""
    return rows[rows["verdict"] != TOO_FEW]


def nearest_row(rows: pd.DataFrame) -> pd.Series:
    """The row of the number of steps that an answer names first."""
    return rows.iloc[int((rows["steps"] - SHORT_SEQUENCE).abs().argmin())]


def at(rows: pd.DataFrame, steps: Any, phase: str, quantity: str) -> pd.Series | None:
    """The row of a phase and quantity at a number of steps."""
    found = rows[rows["steps"].eq(steps) & rows["phase"].eq(phase) & rows["quantity"].eq(quantity)]
    return found.iloc[0] if len(found) else None


def by_task(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The ranked entries of each task where most are timed, by its own metric and first split, if two or more are.

    The own metric of a task is the one with a naive score.
    """
    where = [*TIMED_ON, "split", "metric"]
    for _, part in rows.groupby("task", sort=False):
        scored = part[part["best_rank"].notna()]
        marks = scored.assign(own=scored["naive_score"].notna(), timed=scored["train_ratio"].notna())
        counts = marks.groupby(where, sort=False, dropna=False).agg(own=("own", "any"), timed=("timed", "sum"))
        most = counts.sort_values(["own", "timed"], ascending=False, kind="stable").reset_index().head(1)
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
