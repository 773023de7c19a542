"""The verdicts of a table in a few lines: what a run ends with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from zoo.report.sections import named
from zoo.statistics.columns import TIMED, differing
from zoo.statistics.entries import against_reference
from zoo.statistics.pace import DISTURBED, cost_of_spread, paces
from zoo.statistics.ratios import ratios
from zoo.statistics.texts import two_decimals
from zoo.statistics.verdicts import DECIDED, EQUAL, FASTER, SLOWER, TOO_FEW, UNDECIDED

REPORT = "report.html"
"""The file of the report, beside the table of a run."""
MOST_LINES = 25
WIDTH = 120
MANY = 100
"""More repeats than these are not counted."""
HEAD = "Time of a call over looped with the same jit, looped+jit over looped (± 95% interval); below 1 is faster:"
PLAIN = ("backend", "device", "device_name")
NAMED = ("steps", "batch", "units", "cpu_count", "keras_version")
SHOWN = ("masked", *PLAIN, *NAMED[1:])
"""What a line names of the setting, where it differs within a task, beside the steps."""
MASKS = {"full": "masked, full lengths", "uniform": "masked, uniform lengths"}


def verdict_lines(table: pd.DataFrame, width: int = WIDTH) -> list[str]:
    """The comparisons of step times, at most 25 lines of `width` characters; the last counts the verdicts.

    A line is an entry, task and size, or all entries of a task and size against the reference entry. Those with the
    largest decided ratios come first, and so within a line. Without a comparison one line says what is missing.
    """
    rows = comparisons(table)
    if rows.empty:
        return [_what_is_missing(table)]
    room = MOST_LINES - 5  # without the first, and the last two, which may take two each
    lines: list[str] = []
    left = rows["line"].nunique()
    for each in _lines(rows, width):
        if len(lines) + len(each) + (left > 1) > room:
            lines.append(f"and {left} more line{'s' * (left > 1)} of comparisons: see the report")
            break
        lines += each
        left -= 1
    return [HEAD, *lines, *pace_lines(table, rows), count_line(rows)]


def comparisons(table: pd.DataFrame) -> pd.DataFrame:
    """Every comparison of step times, of executions and of entries, and the `line` that it belongs to."""
    executions = ratios(table, quantities=["step_seconds"])
    executions = executions.assign(kind="execution", what=executions["execution"], of=executions["entry"])
    entries = against_reference(table)
    entries = entries.assign(kind="entry", what=entries["entry"], of="entries over " + entries["reference"])
    rows = pd.concat([each for each in (executions, entries) if len(each)] or [executions], ignore_index=True)
    lines = pd.Series("", index=rows.index, dtype="str")
    for _, part in rows.groupby("task", sort=False):
        names = ["steps", *differing(part, list(SHOWN))]
        lines.loc[part.index] = part[["of", "task", *names]].apply(_head, axis=1)
    return rows.assign(line=lines)


def _head(row: pd.Series) -> str:
    """What a line is of: "lstm on wave, 20 steps, torch, batch 1"."""
    sizes = [named(name, row[name]) for name in NAMED if name in row]
    own = [str(row[name]) for name in PLAIN if name in row]
    masks = [MASKS[row["masked"]]] if row.get("masked") in MASKS else []
    return ", ".join([f"{row['of']} on {row['task']}", *sizes, *own, *masks])


def _lines(rows: pd.DataFrame, width: int) -> Iterator[list[str]]:
    """A line for each entry or task, two where one does not hold its largest ratio; the largest decided ones first."""
    sizes = np.log(rows["ratio"]).abs().where(rows["verdict"].isin(DECIDED), -1.0)
    rows = rows.assign(size=sizes, order=rows["phase"].map(list(TIMED).index))
    largest = rows.groupby("line")["size"].transform("max")
    rows = rows.assign(largest=largest).sort_values(
        ["largest", "line", "order", "size"], ascending=[False, True, True, False], kind="stable"
    )
    for line, part in rows.groupby("line", sort=False):
        one = _line(f"{line}, ", part, width)
        yield [one] if one else [f"{line}:", _line("  ", part, width) or f"  {len(part)} comparisons"]


def _line(head: str, part: pd.DataFrame, width: int) -> str:
    """The decided ratios by phase, then the undecided, or their number; empty where the first does not fit."""
    undecided = part[part["verdict"] == UNDECIDED]
    decided = _by_phase(part.drop(undecided.index))
    if undecided.empty:
        return _within(head, decided, width)
    whole = head + ", ".join([*decided, f"undecided: {', '.join(_by_phase(undecided))}"])
    return whole if len(whole) <= width else _within(head, [*decided, f"{len(undecided)} undecided"], width)


def _by_phase(part: pd.DataFrame) -> list[str]:
    """The comparisons in words, the first of a phase with its name."""
    items = []
    for phase, rows in part.groupby("phase", sort=False):
        first, *others = [_item(row) for _, row in rows.iterrows()]
        items += [f"{phase} {first}", *others]
    return items


def _item(row: pd.Series) -> str:
    """One comparison: "unrolled 0.87 ±2%", "looped+jit equal"."""
    if row["verdict"] == EQUAL:
        return f"{row['what']} equal"
    if row["verdict"] == TOO_FEW:
        return f"{row['what']} about {two_decimals(row['ratio'])}"
    return f"{row['what']} {two_decimals(row['ratio'])} ±{row['high'] / row['ratio'] - 1:.0%}"


def _within(text: str, items: list[str], width: int) -> str:
    """The text and as many of the items as fit in `width`, and how many more there are; empty where none fits."""
    room = width - len(f" and {len(items)} more")
    for i, item in enumerate(items):
        longer = text + (", " if i else "") + item
        if len(longer) > (width if i == len(items) - 1 else room):
            return f"{text} and {len(items) - i} more" if i else ""
        text = longer
    return text


def pace_lines(table: pd.DataFrame, rows: pd.DataFrame) -> Iterator[str]:
    """What a machine that was disturbed cost; nothing of one that was calm."""
    factors = paces(table)["factor"]
    disturbed = int((factors > DISTURBED).sum())
    if not disturbed:
        return
    cost = len(cost_of_spread(rows))
    where = f", by more than {DISTURBED:g}× in {disturbed} of {len(factors)} groups" if len(factors) > 1 else ""
    lost = f"{cost} undecided comparison{'s' * (cost != 1)} would be decided on a calm machine"
    yield f"The machine's pace varied by up to {factors.max():.1f}×{where}. " + (
        f"That cost verdicts: {lost}" if cost else "That cost no verdict"
    )


def count_line(rows: pd.DataFrame) -> str:
    """How many comparisons ended in which verdict, and how many more repeats would decide the rest."""
    counts = rows["verdict"].value_counts()
    parts = {
        "faster or slower": counts.get(FASTER, 0) + counts.get(SLOWER, 0),
        EQUAL: counts.get(EQUAL, 0),
        f"undecided ({more_repeats(rows)})": counts.get(UNDECIDED, 0),
        f"with {TOO_FEW}": counts.get(TOO_FEW, 0),
    }
    texts = [f"{count} {what}" for what, count in parts.items() if count]
    return f"{len(rows)} comparison{'s' * (len(rows) > 1)}: {', '.join(texts)}"


def more_repeats(rows: pd.DataFrame) -> str:
    """How many more repeats would likely decide what is undecided: "5 to 9 more repeats would likely decide them"."""
    undecided = rows[rows["verdict"] == UNDECIDED]
    if undecided.empty:
        return ""
    more = undecided["repeats_needed"] - undecided["repeats"]
    ends = dict.fromkeys(str(end) if end <= MANY else f"over {MANY}" for end in (int(more.min()), int(more.max())))
    repeats = "repeat" if list(ends) == ["1"] else "repeats"
    return f"{' to '.join(ends)} more {repeats} would likely decide {'it' if len(undecided) == 1 else 'them'}"


def _what_is_missing(table: pd.DataFrame, arm: str = "unrolled", baseline: str = "looped") -> str:
    """Why nothing is compared."""
    timed = table[(table["status"] == "ok") & table["phase"].isin(TIMED) & table["step_seconds"].notna()]
    trained = set(timed.loc[timed["phase"] == "train", "loop"])
    missing = [loop for loop in (arm, baseline) if loop not in trained]
    if not trained:
        return f"Nothing to compare: the table holds no timings of training, neither {arm} nor {baseline}."
    if missing:
        have = " and ".join(sorted(trained))
        return f"Nothing to compare: the table holds timings of training {have}, none of {' or '.join(missing)}."
    return f"Nothing to compare: {arm} and {baseline} were never timed in the same repeat with all else equal."
