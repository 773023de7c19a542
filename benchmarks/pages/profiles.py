"""Pages of what has a profile of its own: results/peers.md and its like, from the reference tables of that profile."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console

from benchmarks.pages.results import machine, put_between, versions
from zoo.drawings import save
from zoo.errors import unknown
from zoo.report.gains import gain_texts
from zoo.report.terminal import as_markdown, print_tables
from zoo.statistics.columns import differing
from zoo.statistics.folders import profile_tables
from zoo.statistics.ratios import ratios
from zoo.statistics.tables import read
from zoo.statistics.texts import with_interval


@dataclass(frozen=True)
class Page:
    """What stands above the tables of a profile."""

    title: str
    text: str
    command: str
    chart: str = ""  #: the one of benchmarks.charts that goes with it
    by_steps: bool = False  #: whether the times over those of looped stand above all, by the number of steps


SLOWER = 1.05
"""An interval wholly above it is a loss that a user would notice."""
RUN = "pytest --benchmark --zoo-profile"
PAGES = {
    "peers": Page(
        "Keras, the zoo's executions and their peers",
        "The same weights, sizes and threads: Keras looped, unrolled, with jit; the zoo's fused and chunked loops; "
        "bare torch and JAX; ONNX Runtime; TensorFlow 1. One run of every arm: at each size those of a backend follow "
        "one another, shuffled each repeat.",
        f"{RUN} peers --zoo-backends tensorflow,jax,torch",
        "peers",
    ),
    "chunks": Page(
        "Loops with some steps written out",
        "Every cell that a loop runs, looped and by chunks of four steps, at 20 to 1,000 steps, and the LSTM by other "
        "chunks. So `chunked-auto` takes four from 50 steps on; at fewer, and on JAX and a CPU, it is the loop itself, "
        "the same program (tests/test_chunked.py holds one against the other).",
        f"{RUN} chunks --zoo-backends tensorflow",
        by_steps=True,
    ),
    "memory": Page(
        "Storing, computing again, offloading",
        "LSTM 128 over 2,000 steps, batch 32: what a training step holds over a one-Dense model, and takes, where the "
        "backward pass stores everything, and where it computes chunks of √steps again (`+recompute`).",
        f"{RUN} memory --zoo-backends tensorflow,jax,torch",
    ),
    "parallel": Page(
        "A loop or a scan",
        "Entries that are linear in their state, looped and by an associative scan, batch 32, 100 units. A scan does "
        "more work in fewer steps one after another, which two cores hardly use: on TensorFlow and JAX the loop mostly "
        "stays ahead, on torch, which runs its steps from Python, the scan is several times as fast. "
        "No GPU was measured.",
        f"{RUN} parallel --zoo-backends tensorflow,jax,torch",
        "cost_growth",
        by_steps=True,
    ),
    "gpu": Page(
        "On a GPU",
        "A long wave by chunks and by cuDNN, and, of the profile `memory`, what recomputing keeps on the device. "
        "Nothing was offloaded: on torch the proof refused it (pinned copies of what cuDNN kept gave other gradients), "
        "on JAX XLA failed. Copies that are not pinned, and a chunk written out, are in their place now, and not tried "
        "there.",
        f"{RUN} gpu --zoo-backends jax,torch --zoo-devices gpu",
    ),
}


BEGIN, END = "<!-- peers: written by python -m benchmarks page -->", "<!-- /peers -->"


def peers_head(table: pd.DataFrame) -> str:
    """How many times as fast the zoo's executions and the exported file are, a row a size, for the project's README."""
    where = f"{machine(table)}, {versions(table)}"
    return f"**How many times as fast** ({where})\n\n{as_markdown(gain_texts(table))}"


def write_readme(folder: Path, readme: Path) -> None:
    """Put what `peers_head` gives between its marks in the README, where `folder` has a table of the peers."""
    table = read_profile(folder, "peers")
    if table is not None:
        put_between(readme, BEGIN, END, peers_head(table), "the peers")


def over_looped(table: pd.DataFrame) -> list[str]:
    """Times over those of looped, a row an arm and phase, a column a number of steps, and what of it is sure."""
    found = ratios(table)
    found = found[found["quantity"] == "step_seconds"]
    faster, slower = found["high"] < 1, found["low"] > SLOWER
    mark = np.select([faster, slower], ["**", "*"], "")
    texts = found[["ratio", "low", "high"]].apply(lambda row: with_interval(*row), axis=1)
    found = found.assign(text=mark + texts + mark)
    keys = ["backend", "entry", "execution", "baseline", "phase"]
    keys += differing(found, ["device_name", "device", "task", "batch", "units"])
    shown = found.pivot(index=keys, columns="steps", values="text").fillna("").rename(columns=lambda n: f"{n} steps")
    return [
        "**Time over that of the loop, with its 95% interval; below 1 is faster**",
        "",
        as_markdown(shown.reset_index().rename(columns={"baseline": "over"})),
        f"Bold, wholly below 1: {faster.sum()} of {len(found)}. Italic, wholly above {SLOWER}: {slower.sum()}. Of "
        "twenty intervals of arms that do not differ one excludes 1; the tables below correct for that (Holm).",
        "",
    ]


def require_page(name: str) -> None:
    """Refuse a profile that has no page.

    Raises:
        ZooError: which have one.
    """
    if name not in PAGES:
        raise unknown("profile with a page", name, list(PAGES))


def read_profile(folder: Path, name: str) -> pd.DataFrame | None:
    """The rows of a profile among the reference tables, of every machine; None where there are none."""
    paths = profile_tables(folder, name)
    return pd.concat([read(path) for path in paths], ignore_index=True) if paths else None


def write_profiles(folder: Path, results: Path) -> list[Path]:
    """Write `results`/<profile>.md, and its chart, for every profile of PAGES that `folder` has a table of."""
    written = []
    for name, page in PAGES.items():
        table = read_profile(folder, name)
        if table is None:
            continue
        if page.chart:
            written.append(_draw(table, page, results / "charts" / f"{name}.png"))
        tables = io.StringIO()
        print_tables(table, Console(file=tables), markdown=True)
        day = table["started_at"].astype("str").str[:10]
        repeats = int(table["repeat"].max()) + 1
        lines = [
            f"# {page.title}",
            "",
            page.text,
            f"{machine(table)}; {versions(table)}; at most {repeats} fresh processes each; measured",
            f"{' and '.join(dict.fromkeys([day.min(), day.max()]))}. Raw rows: "
            + ", ".join(f"[{path.name}](reference/{path.name})" for path in profile_tables(folder, name))
            + ". Again, on your machine:",
            f"`{page.command}`.",
            *(["", f"![{page.title}](charts/{name}.png)"] if page.chart else []),
            "",
            *(over_looped(table) if page.by_steps else []),
            *(line.rstrip() for line in tables.getvalue().splitlines()),
        ]
        written.append(results / f"{name}.md")
        written[-1].write_text("\n".join(lines).rstrip() + "\n")
    return written


def _draw(table: pd.DataFrame, page: Page, path: Path) -> Path:
    from zoo.charts.arms import every_arm
    from zoo.charts.gallery import CHARTS

    save({**CHARTS, "peers": every_arm}[page.chart](table), path)
    return path
