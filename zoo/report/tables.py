"""The tables of a report, each with what a reader must know of it. Their figures stay numbers, to be sorted by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from zoo.statistics.architectures import architectures
from zoo.statistics.break_even import PAID, break_even
from zoo.statistics.columns import PEERS, SETTING, SIZES, differing
from zoo.statistics.entries import against_reference
from zoo.statistics.executions import over_fastest
from zoo.statistics.gains import arms, gains
from zoo.statistics.growth import FITTED, LARGEST, bounded, exponents
from zoo.statistics.ratios import ratios
from zoo.statistics.scores import accuracy_summary
from zoo.statistics.stock import STOCK, STOCK_LOOPS
from zoo.statistics.summary import failures, summary

FILTERS = ["entry", "task", "execution", "backend", "device"]
"""What a reader filters by, in each table that has it."""
JUDGED = ["ratio", "low", "high", "verdict", "repeats", "repeats_needed"]


@dataclass(frozen=True)
class ReportTable:
    """One table: `name` in an address, its title, how to read it, and its rows."""

    name: str
    title: str
    note: str
    rows: pd.DataFrame


def report_tables(table: pd.DataFrame) -> list[ReportTable]:
    """Every table of which there are rows, the most asked first."""
    return [each for each in _tables(table) if len(each.rows)]


def _tables(table: pd.DataFrame) -> Iterator[ReportTable]:
    yield ReportTable(
        "architectures",
        "Architectures: what each earns and costs",
        "One row an entry, by the recipe that validation chose. Times are those of the looped arm over the reference "
        "entry's, and memory is that of training over a one-Dense model. Ranks are ranges where intervals overlap; "
        "on_front marks the Pareto front of score and training time.",
        architectures(table).pipe(_without_constant),
    )
    yield ReportTable(
        "costs",
        "Costs of every execution",
        "Medians over repeats. First call: compilation included. Peaks of memory are MiB over a one-Dense model. "
        "train_ratio is the training time over that of the baseline.",
        summary(table).pipe(_without_constant),
    )
    yield ReportTable(
        "fastest",
        "Executions over the fastest of their size",
        "1 is the fastest; a tie is not decidedly slower. What has no time has ended as it says.",
        _shown(over_fastest(table), ["phase", "fastest", "ratio", "low", "high", "tie", "ended", "repeats"]),
    )
    yield ReportTable(
        "loops",
        "Executions over the loop",
        "Time of a call (step_seconds) or of the first call, over that of the baseline; below 1 is faster. Of all that "
        "are called faster or slower at most 5% are expected to be wrong.",
        _shown(ratios(table), ["phase", "quantity", "baseline", *JUDGED]),
    )
    if table["loop"].isin(STOCK_LOOPS).any():
        yield ReportTable(
            "stock",
            "Executions over the stock layer",
            "Time of a call over that of the Keras layer as a tutorial writes it, or of the same program.",
            _shown(ratios(table, STOCK, quantities=("step_seconds",)), ["phase", "baseline", *JUDGED]),
        )
    yield ReportTable(
        "entries",
        "Entries over the reference entry",
        "Time of the looped arm of an entry over that of the reference entry, which took turns with it.",
        _shown(against_reference(table), ["phase", "reference", *JUDGED]),
    )
    yield ReportTable(
        "gains",
        "The fastest against the fastest of others",
        "gain: how many times as fast ours is. The arm of a side is chosen by the other repeats. The floor is what the "
        "same trainer takes for a one-Dense model.",
        gains(table).pipe(_without_constant),
    )
    if table["runner"].isin(PEERS).any():
        yield ReportTable(
            "arms",
            "Every arm beside its peers, and the limit",
            "Fastest first. net: less the floor of its trainer. of_limit: the part of the time that the arithmetic "
            "alone needs, as one large product; of_chain_limit: as the step's own small products.",
            arms(table).pipe(_without_constant),
        )
    yield ReportTable(
        "break-even",
        "When an execution has paid back its longer first call",
        "After break_even_steps training steps it is ahead of the baseline.",
        _shown(break_even(table), ["baseline", *PAID]),
    )
    yield ReportTable(
        "growth",
        "How costs grow with the number of steps",
        "exponent b of cost = a·steps^b: 0 does not grow, 1 grows as the steps do. The upper part is the same fit over "
        "the larger numbers alone.",
        _shown(exponents(table), ["phase", *FITTED]),
    )
    yield ReportTable(
        "largest",
        "The largest number of steps under 2 GiB",
        "The largest that trained in every repeat with its peak of memory within the limit, and the smallest that did "
        "not.",
        _shown(bounded(table), LARGEST),
    )
    yield ReportTable(
        "scores",
        "Scores by recipe",
        "Mean and standard deviation over n seeds, beside the score of a naive guess.",
        accuracy_summary(table).pipe(_without_constant),
    )
    yield ReportTable(
        "failures",
        "What did not end well",
        "Every case without a time or score, with its reason.",
        failures(table),
    )


def _shown(rows: pd.DataFrame, figures: list[str]) -> pd.DataFrame:
    """What a reader filters by, the sizes, what else of the setting differs, and the figures."""
    settings = [name for name in [*FILTERS, *SIZES] if name in rows]
    others = [name for name in SETTING if name in rows and name not in (*settings, "phase")]
    return rows[[*settings, *differing(rows, others), *figures]]


def _without_constant(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows without those settings that are the same everywhere; filters and sizes stay, and stand in front."""
    settings = [name for name in [*FILTERS, *SIZES] if name in rows]
    others = [name for name in SETTING if name in rows and name not in settings]
    dropped = set(others) - set(differing(rows, others))
    return rows[[*settings, *(name for name in rows if name not in settings and name not in dropped)]]
