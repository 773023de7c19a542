"""How many times as fast the zoo's executions are as others, as tables of texts."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from zoo.report.sections import Section
from zoo.statistics.columns import PEERS
from zoo.statistics.gains import BELOW_FLOOR, SIZE, arms, gains
from zoo.statistics.stock import STOCK_LOOPS
from zoo.statistics.texts import number, with_interval


def gain_texts(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `gains` as texts; in the place of a gain that is missing stands why."""
    rows = gains(table)
    sizes = zip(rows["entry"], rows["units"], rows["steps"], rows["batch"], strict=True)
    shown = rows[["problem", "gain", "low", "high"]].itertuples(index=False, name=None)
    texts = {
        "what": rows["comparison"],
        "call": rows["phase"],
        "size": [f"{entry} {units}, {steps} steps, batch {batch}" for entry, units, steps, batch in sizes],
        "fastest of ours": rows["ours"],
        "of theirs": rows["theirs"],
        "times as fast": [problem or with_interval(*interval) for problem, *interval in shown],
        "ours ms": rows["ours_step_seconds"].map(_milliseconds),
        "our floor": rows["ours_floor_seconds"].map(_milliseconds),
        "theirs ms": rows["theirs_step_seconds"].map(_milliseconds),
        "their floor": rows["theirs_floor_seconds"].map(_milliseconds),
        "n": rows["repeats"],
    }
    return pd.DataFrame(texts).astype("str")


def gain_sections(table: pd.DataFrame) -> Iterator[Section]:
    """The gains, where the table has stock layers or peers; with peers also every arm, by size and phase."""
    peers = table["runner"].isin(PEERS).any()
    if peers or table["loop"].isin(STOCK_LOOPS).any():
        texts = gain_texts(table)
        if len(texts):
            yield Section("How many times as fast", texts)
    if not peers:
        return
    for (entry, task, batch, steps, _, units, phase), part in arms(table).groupby([*SIZE, "phase"], sort=False):
        title = f"{entry} {units} on {task}, {steps} steps, batch {batch}: {phase}, fastest first"
        columns = {
            "backend": part["backend"],
            "execution": part["execution"],
            "ms": part["step_seconds"].map(_milliseconds),
            "less floor ms": part["net_seconds"].map(lambda net: BELOW_FLOOR if net <= 0 else _milliseconds(net)),
            "of limit": part["of_limit"].map(number),
            "of chain": part["of_chain_limit"].map(number),
            "of limit, less floor": part["net_of_limit"].map(number),
            "of chain, less floor": part["net_of_chain_limit"].map(number),
            "first call s": part["first_call_seconds"].map(number),
        }
        yield Section(title, pd.DataFrame(columns).astype("str"))


def _milliseconds(seconds: float) -> str:
    return number(seconds * 1000)
