"""A section of a report, and how it is titled."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from zoo.statistics.columns import differing
from zoo.statistics.texts import whole
from zoo.statistics.verdicts import EQUAL, TOO_FEW, UNDECIDED

SHORT = {EQUAL: "equal", TOO_FEW: "too few"}
Texts = Callable[[pd.DataFrame], dict[str, pd.Series]]


class Section(NamedTuple):
    """A table of a report, all of it texts, with its title and what a reader must know of it."""

    title: str
    texts: pd.DataFrame
    note: str = ""


def titled(title: str, part: pd.DataFrame, figures: list[str], texts: Texts, note: str = "") -> Section:
    """One section: what is the same in all rows of `part` goes to its title, the rest stays columns."""
    names = [column for column in part.columns if column not in figures]
    shown = [name for name in names if name in ("entry", "execution", *differing(part, names))]
    same = [named(name, part[name].iloc[0]) for name in names if name not in shown]
    words = part[shown].astype("str")
    return Section(", ".join([title, *same]), words.assign(**texts(part)), note)


def named(column: str, value: object) -> str:
    """A setting in words: "20 steps", "batch 32"."""
    if column in ("steps", "features", "units"):
        return f"{value} {column.removesuffix('s') if value == 1 else column}"
    return f"{column} {value}"


def verdict_text(verdict: object, needed: float) -> str:
    """A verdict in a table; of an undecided one with the repeats that would likely decide it: "undecided (9)"."""
    if pd.isna(verdict):  # type: ignore[call-overload]
        return ""
    return SHORT.get(str(verdict), str(verdict)) + (f" ({whole(needed)})" if verdict == UNDECIDED else "")
