"""What grows with the number of steps, and when it pays, as tables of texts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from zoo.report.sections import Section, titled
from zoo.statistics.break_even import PAID, break_even
from zoo.statistics.columns import MIB, in_order, sizes_and_differing
from zoo.statistics.growth import FITTED, LARGEST, bound, bounded, exponents
from zoo.statistics.texts import number, three_digits, whole, with_interval

QUANTITIES = {
    "build_seconds": ("build", "s", 1.0),
    "trace_seconds": ("trace", "s", 1.0),
    "compile_seconds": ("compile", "s", 1.0),
    "compile_over_floor_bytes": ("memory, first call", "MiB", 1 / MIB),
    "step_over_floor_bytes": ("memory, later calls", "MiB", 1 / MIB),
    "first_call_seconds": ("first call", "s", 1.0),
    "step_seconds": ("one call", "ms", 1000.0),
}
"""What grows: in words, its unit, and the factor to it."""
GROWTH_NOTE = (
    "Exponent b of cost = a·steps^b: 0 does not grow, 1 grows as the steps do, 2 as their square; its 95% interval. "
    "A point is the median at one number of steps. Upper part: over the larger numbers alone; where the two differ, "
    "a fixed cost hides the growth at few steps, and the upper part is nearer to how it goes on."
)
PAID_NOTE = (
    "Extra: seconds that build and first call take longer than those of the execution it is held against; saved: by "
    "each later training step (medians over n repeats, paired). After so many later training steps it is ahead, with a "
    "95% interval where every repeat has such a number. Never: its steps are slower. Ahead until: they are, but it "
    "gets going sooner. Equal within 5%, undecided: of training time; nothing is told of when it pays."
)
LARGEST_NOTE = (
    "The largest number of steps that trained in every repeat with its peak of memory, the whole process, first call "
    "included, within the limit; in brackets the smallest above it that did not, and why."
)


def growth_sections(table: pd.DataFrame) -> Iterator[Section]:
    """How cost grows with steps, by task and backend."""
    rows = exponents(table)
    rows = in_order(rows.assign(steps=0)).drop(columns="steps")
    rows["cost"] = rows["quantity"].map(lambda quantity: QUANTITIES[quantity][0])
    lead = ["task", "backend", "entry", "execution", "phase", "cost"]
    rows = rows[[*lead, *sizes_and_differing(rows, [*lead, "quantity"]), *FITTED]]
    for (task, backend), part in rows.groupby(["task", "backend"], sort=False):
        title = f"How cost grows with steps on {task}, {backend}"
        yield titled(title, part.drop(columns=["task", "backend"]), FITTED, _growth_texts, GROWTH_NOTE)


def _cost(row: pd.Series, which: str) -> str:
    _, unit, factor = QUANTITIES[row["quantity"]]
    return f"{three_digits(row[f'{which}_cost'] * factor)} {unit}"


def _growth_texts(part: pd.DataFrame) -> dict[str, pd.Series]:
    ranges = part.apply(lambda row: f"{row['fewest_steps']} to {row['most_steps']}", axis=1)
    return {
        "steps": ranges,
        "at the\nfewest": part.apply(_cost, axis=1, which="fewest"),
        "at the\nmost": part.apply(_cost, axis=1, which="most"),
        "times": part["factor"].map(number),
        "exponent": part.apply(lambda row: with_interval(row["exponent"], row["low"], row["high"]), axis=1),
        "r²": part["r_squared"].map(lambda share: "" if pd.isna(share) else f"{share:.2f}"),
        "upper part": part.apply(lambda row: f"{row['upper_exponent']:.2f} from {row['upper_steps']}", axis=1),
    }


def break_even_sections(table: pd.DataFrame) -> Iterator[Section]:
    """When an execution has paid for its compile time, by task and backend."""
    rows = in_order(break_even(table))
    lead = ["task", "backend", "steps", "entry", "execution"]
    rows = rows[[*lead, *sizes_and_differing(rows, [*lead, "phase"]), "baseline", *PAID]]
    figures = ["baseline", *PAID]
    for (task, backend), part in rows.groupby(["task", "backend"], sort=False):
        title = f"When an execution has paid for its compile time on {task}, {backend}"
        yield titled(title, part.drop(columns=["task", "backend"]), figures, _paid_texts, PAID_NOTE)


def _steps(row: pd.Series) -> str:
    """When it is ahead, in words."""
    verdict, steps = row["verdict"], row["break_even_steps"]
    if verdict not in ("after", "ahead until"):
        return str(verdict)
    between = "" if pd.isna(row["low"]) else f" [{whole(row['low'])}, {whole(row['high'])}]"
    return f"{verdict} {whole(np.ceil(steps))}{between}"


def _paid_texts(part: pd.DataFrame) -> dict[str, pd.Series]:
    return {
        "against": part["baseline"],
        "extra s": part["extra_seconds"].map(number),
        "saved ms\na step": (part["saved_seconds"] * 1000).map(number),
        "ahead after\nso many steps": part.apply(_steps, axis=1),
        "n": part["repeats"].map(whole),
    }


def largest_sections(table: pd.DataFrame) -> Iterator[Section]:
    """The largest number of steps under 2 GiB, where an execution came to its bound."""
    rows = bounded(table)
    lead = ["task", "backend", "entry", "execution"]
    rows = rows[[*lead, *sizes_and_differing(rows, [*lead, "phase"]), *LARGEST]]
    for (task, backend), part in rows.groupby(["task", "backend"], sort=False):
        title = f"Largest number of steps under 2 GiB on {task}, {backend}"
        yield titled(title, part.drop(columns=["task", "backend"]), LARGEST, _largest_texts, LARGEST_NOTE)


def _largest_texts(part: pd.DataFrame) -> dict[str, pd.Series]:
    return {
        "trains": part.apply(bound, axis=1),
        "peak MiB": (part["largest_peak_bytes"] / MIB).map(whole),
        "reason": part["failed_reason"],
    }
