"""Two runs compared, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zoo.statistics.runs import Changes
from zoo.statistics.texts import with_interval
from zoo.statistics.verdicts import EQUAL, FASTER, SLOWER, TOO_FEW, UNDECIDED

MOST_LINES = 18
"""Of the cases that fail, and of those that became faster or slower."""


def change_lines(changes: Changes, absolute: bool = False) -> Iterator[str]:
    """What fails now; what became slower, then faster, the largest change first; how many ended in which verdict."""
    rows, broken = changes.rows, changes.broken
    if not absolute and np.isfinite(changes.pace):
        yield f"the reference arms take {changes.pace:.2f} times as long in the second run; this is taken out below"
    for case_id, status, reason in broken.head(MOST_LINES).itertuples(index=False):
        yield f"{status} in the second run alone: {case_id} ({reason})"
    if len(broken) > MOST_LINES:
        yield f"and {len(broken) - MOST_LINES} more that fail in the second run alone"
    decided = rows[rows["verdict"].isin([SLOWER, FASTER])].sort_values("ratio", ascending=False, kind="stable")
    for _, row in decided.head(MOST_LINES).iterrows():
        interval = with_interval(row["ratio"], row["low"], row["high"])
        yield f"{row['verdict']}: {interval} {row['case_id']} {row['phase']}"
    if len(decided) > MOST_LINES:
        yield f"and {len(decided) - MOST_LINES} more"
    counts = rows["verdict"].value_counts()
    phrases = [f"{counts[name]} {name}" for name in (SLOWER, FASTER, EQUAL, UNDECIDED) if name in counts]
    phrases += [f"{counts[TOO_FEW]} with {TOO_FEW}"] if TOO_FEW in counts else []
    yield f"{len(rows)} comparisons: {', '.join(phrases)}"
    for name, alone in (("first", changes.only_before), ("second", changes.only_after)):
        if alone:
            yield f"{alone} timed in the {name} run alone"
