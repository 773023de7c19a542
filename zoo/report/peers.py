"""What the zoo's executions gain over other libraries, as tables of texts."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from zoo.report.sections import Section
from zoo.statistics.columns import BARE_RUNNERS
from zoo.statistics.peers import SIZE, arms, comparisons
from zoo.statistics.texts import number, with_interval


def peer_sections(table: pd.DataFrame) -> Iterator[Section]:
    """The comparisons and, by size and phase, every arm; nothing where the table has no peers."""
    if not table["runner"].isin(BARE_RUNNERS).any():
        return
    found = comparisons(table)
    if len(found):
        gains = [with_interval(*row) for row in found[["gain", "low", "high"]].itertuples(index=False)]
        shown = found[["comparison", "phase", *SIZE]].astype("str")
        ran = found[["ours", "theirs"]].astype("str")
        whole = shown.join(ran)
        whole["times as fast"] = gains
        whole["n"] = found["repeats"].astype("str")
        yield Section("How many times as fast", whole)
    for (entry, task, batch, steps, _, units, phase), part in arms(table).groupby([*SIZE, "phase"], sort=False):
        title = f"{entry} {units} on {task}, {steps} steps, batch {batch}: {phase}, fastest first"
        texts = {
            "backend": part["backend"],
            "execution": part["execution"],
            "ms": part["step_seconds"].map(_milliseconds),
            "less floor ms": part["net_seconds"].map(_milliseconds),
            "of limit": part["of_limit"].map(number),
            "of chain": part["of_chain_limit"].map(number),
            "of limit, less floor": part["net_of_limit"].map(number),
            "of chain, less floor": part["net_of_chain_limit"].map(number),
            "first call s": part["first_call_seconds"].map(number),
        }
        yield Section(title, pd.DataFrame(texts).astype("str"))


def _milliseconds(seconds: float) -> str:
    return number(seconds * 1000)
