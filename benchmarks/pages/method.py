"""The figures of docs/method-checks.md and docs/continuous-integration.md: the experiments on the method itself."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from benchmarks.experiments import scan
from benchmarks.experiments.turns import compared
from zoo.report.coverage import coverage_texts, rule_texts
from zoo.report.terminal import as_markdown
from zoo.statistics.coverage import coverage, under_the_rule
from zoo.statistics.folders import read_folder, reference_tables
from zoo.statistics.runs import changes
from zoo.statistics.texts import three_digits, with_interval
from zoo.statistics.verdicts import FASTER, SLOWER


def method_figures(folder: Path) -> dict[str, str]:
    """The tables of the experiments, by name.

    `coverage`: how often the interval of equal arms holds 1; `rule`: what the whole rule says of them; `turns`: taking
    turns against running alone; `scan`: loops on JAX over a scan by hand. Empty where the rows of one of them are not
    there.
    """
    equal, turns, scans = folder / "aa", folder / "turns", folder / "scan" / "scan.csv"
    if not (reference_tables(equal) and reference_tables(turns) and scans.exists()):
        return {}
    return {
        "coverage": as_markdown(coverage_texts(coverage(read_folder(equal)))),
        "rule": as_markdown(rule_texts(under_the_rule(read_folder(equal)))),
        "turns": as_markdown(turns_texts(compared(read_folder(turns)))),
        "scan": as_markdown(scan_texts(scan.ratios(pd.read_csv(scans)))),
    }


def scan_texts(rows: pd.DataFrame) -> pd.DataFrame:
    """The loops on JAX as texts, for a reader."""
    over = rows[["over the scan", "low", "high"]].itertuples(index=False)
    sizes = zip(rows["units"], rows["steps"], rows["batch"], strict=True)
    return pd.DataFrame(
        {
            "size": [f"{units} units, {steps} steps, batch {batch}" for units, steps, batch in sizes],
            "loop": rows["arm"],
            "over the scan": [with_interval(*each) for each in over],
            "ms": rows["ms"].map(three_digits),
            "processes": rows["processes"].astype(str),
        }
    )


def gate_figures(folder: Path) -> dict[str, str]:
    """`same`: how many cases of two runs of one commit are called slower or faster. Empty where they are not there."""
    first, second = (folder / "same-commit" / name for name in ("first", "second"))
    if not (reference_tables(first) and reference_tables(second)):
        return {}
    found = changes(read_folder(first), read_folder(second))
    counts = found.rows["verdict"].value_counts()
    wrong = int(counts.get(SLOWER, 0) + counts.get(FASTER, 0))
    low, high = proportion_confint(wrong, len(found.rows), method="beta")
    pairs = f"{wrong} of {len(found.rows)} pairs are called slower or faster"
    pace = f"while the reference arms took {found.pace:.2f} times as long in the second run"
    return {"same": f"{pairs} ({wrong / len(found.rows):.0%}, exact 95% interval {low:.0%} to {high:.0%}), {pace}"}


def turns_texts(rows: pd.DataFrame) -> pd.DataFrame:
    """The table of the experiment as texts, for a reader."""
    over = ["turns_over_alone", "low", "high"]
    return pd.DataFrame(
        {
            "arms": rows["entry"] + " " + rows["arm"] + " over " + rows["baseline"] + ", " + rows["backend"],
            "phase": rows["phase"],
            "repeats": rows["repeats"].astype(str),
            "alone": rows["alone"].map("{:.2f}".format),
            "in turns": rows["in_turns"].map("{:.2f}".format),
            "in turns over alone": [with_interval(*row) for row in rows[over].itertuples(index=False)],
            "spread alone": rows["sd_alone"].map("{:.3f}".format),
            "in turns ": rows["sd_in_turns"].map("{:.3f}".format),
            "times the seconds": rows["times_the_seconds"].map("{:.0f}".format),
        }
    )
