"""The published page: results/README.md from the reference tables, and its head in the project's README."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
from rich.console import Console

from zoo.errors import ZooError
from zoo.report.costs import cost_section
from zoo.report.sentence import sentence
from zoo.report.terminal import as_markdown, print_tables
from zoo.statistics.summary import summary

SHOWN = {"entry": "lstm", "task": "wave", "batch": 50, "units": 100, "masked": "none"}
"""The comparison in the head of the page: one network on the three backends, at few steps and at many."""
STEPS = (20, 200)
BEGIN, END = "<!-- head: written by python -m benchmarks page -->", "<!-- /head -->"
NOTE = (
    "The first call includes compilation. MiB: peak of memory over that of a one-Dense model, in the first call and in "
    "later ones. A ratio below 1 trains faster than the execution named after it; too wide: its interval spans more "
    "than a factor of 1.5, so that nothing can be concluded; not shown: no difference that stands after Holm's "
    "correction."
)
INTRODUCTION = """\
# What recurrent models cost

{head}

This page is written from the raw tables in [reference](reference) by `python -m benchmarks page`. How they were
measured, and how far they can be trusted, stands in [docs/method.md](../docs/method.md). To measure your own machine:
`pytest --benchmark --zoo-profile full --zoo-backends tensorflow,jax,torch`.

![Cost against steps](charts/cost_growth.png)

![The largest number of steps under 2 GiB](charts/largest_steps.png)
"""


def head(table: pd.DataFrame) -> str:
    """Looped against unrolled on each backend, in one table: compile time, memory, speed, and what ran."""
    shown = _of_head(table)
    found = _of_head(summary(table))  # of all rows: Holm's correction is for all comparisons, wherever they are shown
    if found.empty:
        raise ZooError(f"the results hold nothing for the head of the page: {SHOWN} at {STEPS} steps")
    found = found.drop(columns=["backend_version", "masked"], errors="ignore")  # the title tells all versions
    if "backend" in found:
        lead = ["backend", "steps"]
        found = found.sort_values(lead, kind="stable")[[*lead, *(name for name in found if name not in lead)]]
    section = cost_section(found, f"{SHOWN['entry']} looped against unrolled")
    where = f"{machine(table)}, {versions(table)}, {_repeats(table)}"
    notes = f"{NOTE}{_when(shown)}"
    return f"**{section.title}** ({where})\n\n{as_markdown(_varying(section.texts))}\n{notes}\n\n{sentence(table)}"


def _of_head(table: pd.DataFrame) -> pd.DataFrame:
    for column in SHOWN.keys() & table.columns:  # a summary leaves out what is the same everywhere
        table = table[table[column] == SHOWN[column]]
    return table[table["steps"].isin(STEPS)]


def _varying(texts: pd.DataFrame) -> pd.DataFrame:
    """Without the columns that the title tells: a page is read on narrow screens too."""
    return texts.drop(columns=[name for name in ("entry", "n") if name in texts and texts[name].nunique() == 1])


def _when(table: pd.DataFrame) -> str:
    """When the backends were measured, where it was not on one day: a shared machine is not always equally fast."""
    days = table.assign(day=table["started_at"].astype("str").str[:10]).groupby("backend", sort=False)["day"].min()
    if days.nunique() < 2:
        return ""
    told = ", ".join(f"{backend} on {day}" for backend, day in days.items())
    return f" Measured {told}, on a shared machine whose speed differs by the hour: compare within a backend."


def page(table: pd.DataFrame, top: str) -> str:
    """The whole page, under what `head` gave."""
    tables = io.StringIO()
    print_tables(table, Console(file=tables), markdown=True)
    lines = [line.rstrip() for line in (INTRODUCTION.format(head=top) + "\n" + tables.getvalue()).splitlines()]
    return "\n".join(lines).rstrip() + "\n"


def write(table: pd.DataFrame, results: Path, readme: Path) -> list[Path]:
    """Write the page to `results`/README.md and its head into `readme`, between its two marks.

    Raises:
        ZooError: the marks are missing.
    """
    top = head(table)
    text = page(table, top)
    put_between(readme, BEGIN, END, top, "the head of the page")
    (results / "README.md").write_text(text)
    return [results / "README.md", readme]


def put_between(path: Path, begin: str, end: str, text: str, what: str) -> None:
    """Write `text` into the file between its two marks.

    Raises:
        ZooError: the marks are missing.
    """
    before, found, rest = path.read_text().partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ZooError(f"{path} has no place for {what}, between {begin} and {end}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def machine(table: pd.DataFrame) -> str:
    """Where the rows were measured, in words."""
    pairs = table[["device_name", "cpu_count"]].drop_duplicates()
    return " and ".join(f"{name}, {cores} cores" for name, cores in pairs.itertuples(index=False))


def versions(table: pd.DataFrame) -> str:
    """With which versions, in words."""
    backends = table[["backend", "backend_version"]].drop_duplicates().itertuples(index=False)
    keras = ", ".join(sorted(table["keras_version"].unique()))
    return ", ".join([f"Keras {keras}", *(f"{backend} {version}" for backend, version in backends if version)])


def _repeats(table: pd.DataFrame) -> str:
    return f"{int(table['repeat'].max()) + 1} fresh processes each"
