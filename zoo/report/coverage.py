"""The A/A experiment as tables of texts."""

from __future__ import annotations

import pandas as pd

from zoo.measuring.enough import CONFIDENCE
from zoo.statistics.columns import differing, sizes_and_differing
from zoo.statistics.coverage import OUTCOMES
from zoo.statistics.texts import whole


def coverage_texts(covered: pd.DataFrame) -> pd.DataFrame:
    """The coverage of the A/A experiment, one row an arm, phase and number of pairs in an interval."""
    limits = covered["autocorrelation_limit"].map("{:.2f}".format)
    texts: dict[str, pd.Series] = {
        "pairs": covered["pairs"].map(whole),
        "ratio\nof all": covered["ratio"].map("{:.3f}".format),
        "autocorrelation": covered["autocorrelation"].map("{:.2f}".format) + " (±" + limits + ")",
        "n": covered["n"].map(whole),
        "intervals": covered["intervals"].map(whole),
        "hold 1": covered["holding"].map(whole),
        "coverage": covered["coverage"].map("{:.1%}".format),
        "exact 95% interval": _range(covered["low"], covered["high"]),
        "holds 95%": covered["holds_95"].map({True: "yes", False: "no"}),
    }
    return _arms(covered).assign(**texts)


def rule_texts(ruled: pd.DataFrame) -> pd.DataFrame:
    """What the whole rule says of equal arms, one row an arm and phase: shares with their exact 95% intervals."""
    texts: dict[str, pd.Series] = {
        "comparisons": ruled["comparisons"].map(whole),
        "repeats\n(mean)": ruled["repeats"].map("{:.1f}".format),
    }
    for name in OUTCOMES:
        ends = _range(ruled[f"{name}_low"], ruled[f"{name}_high"])
        texts[name.replace("_", " ")] = ruled[f"{name}_share"].map("{:.1%}".format) + " (" + ends + ")"
    promised = ruled["holds_1_low"].le(CONFIDENCE) & ruled["holds_1_high"].ge(CONFIDENCE)
    texts["holds 95%"] = promised.map({True: "yes", False: "no"})
    return _arms(ruled).assign(**texts)


def _range(low: pd.Series, high: pd.Series) -> pd.Series:
    return low.map("{:.1%}".format) + " to " + high.map("{:.1%}".format)


def _arms(rows: pd.DataFrame) -> pd.DataFrame:
    """The phase, and what else of the arms and their settings differs."""
    names = ["entry", "task", "execution", "phase"]
    names += sizes_and_differing(rows, names)
    return rows[[name for name in names if name == "phase" or name in differing(rows, [name])]]
