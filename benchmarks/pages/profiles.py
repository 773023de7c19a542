"""The figures of the pages of profiles, results/peers.md and its like, from the reference tables of each profile."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.pages.results import lockstep, machine, versions
from benchmarks.profiles import get_profile
from zoo import list_models
from zoo.bench.profile import Profile
from zoo.errors import unknown
from zoo.report.costs import cost_sections
from zoo.report.gains import gain_texts
from zoo.report.terminal import as_markdown
from zoo.statistics.columns import differing
from zoo.statistics.folders import profile_tables
from zoo.statistics.ratios import ratios
from zoo.statistics.tables import read
from zoo.statistics.texts import with_interval
from zoo.statistics.verdicts import EQUAL, FASTER, SLOWER, UNDECIDED


@dataclass(frozen=True)
class Page:
    """What the page of a profile shows beside its tables; its text is written by hand, in results/<profile>.md."""

    by_steps: bool = False  #: whether it shows the times over those of the loop, a column a number of steps
    costs: bool = False  #: whether it shows what each execution costs
    gains: bool = False  #: whether it shows how many times as fast the zoo's executions are


PAGES = {
    "peers": Page(gains=True),
    "chunks": Page(by_steps=True),
    "memory": Page(costs=True),
    "parallel": Page(by_steps=True),
    "gpu": Page(costs=True, gains=True),
}
MARKS = {FASTER: ("**", "**"), SLOWER: ("*", "*"), EQUAL: ("", " ="), UNDECIDED: ("", " ?")}
"""What stands around a ratio for its verdict."""
DEVICES = {"cpu": "a CPU", "gpu": "a GPU"}


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


def profile_figures(folder: Path, name: str, table: pd.DataFrame) -> dict[str, str]:
    """The figures of the page of a profile: where its rows are from, what of it has none, and its tables."""
    page = PAGES[name]
    return {
        "origin": _origin(table, profile_tables(folder, name)),
        "missing": missing(get_profile(name), table),
        "lockstep": lockstep(table),
        **(over_loop_figures(table) if page.by_steps else {}),
        **({"costs": cost_tables(table)} if page.costs else {}),
        **({"gains": as_markdown(gain_texts(table))} if page.gains else {}),
    }


def _origin(table: pd.DataFrame, paths: list[Path]) -> str:
    day = table["started_at"].astype("str").str[:10]
    days = (" to " if day.nunique() > 2 else " and ").join(dict.fromkeys([day.min(), day.max()]))
    links = ", ".join(f"[{path.name}](reference/{path.name})" for path in paths)
    repeats = int(table["repeat"].max()) + 1
    return f"{machine(table)}; {versions(table)}; at most {repeats} fresh processes each; {days}; {links}"


def missing(profile: Profile, table: pd.DataFrame) -> str:
    """Which entry of the profile has no row on which backend, on a CPU and on a GPU."""
    planned = {
        (entry, backend)
        for block in profile.timed
        for pattern in block.entries
        for entry in fnmatch.filter(list_models(), pattern)
        for backend in block.backends
    }
    parts = []
    for device, name in DEVICES.items():
        rows = table.loc[table["device"] == device, ["entry", "backend"]].itertuples(index=False, name=None)
        absent = sorted(planned - set(rows))
        if len(absent) == len(planned):
            parts.append(f"every entry on {name}")
        elif absent:
            backends = dict.fromkeys(backend for _, backend in absent)
            entries = {backend: ", ".join(entry for entry, its in absent if its == backend) for backend in backends}
            parts += [f"{backend} on {name}: {names}" for backend, names in entries.items()]
    return "; ".join(parts) or "none"


def cost_tables(table: pd.DataFrame) -> str:
    """What each execution costs, each table under its title."""
    return "\n".join(f"**{title}**\n\n{as_markdown(texts)}" for title, texts, _ in cost_sections(table))


def over_loop_figures(table: pd.DataFrame) -> dict[str, str]:
    """Times over those of the loop: `over-loop`, a row an arm and phase and a column a number of steps; `verdicts`."""
    rows = ratios(table, quantities=["step_seconds"])
    texts = rows[["ratio", "low", "high"]].apply(lambda row: with_interval(*row), axis=1)
    before, after = (rows["verdict"].map(lambda verdict, end=end: MARKS.get(verdict, ("", ""))[end]) for end in (0, 1))
    rows = rows.assign(text=before + texts + after)
    keys = ["backend", "entry", "execution", "baseline", "phase"]
    keys += differing(rows, ["device_name", "cpu_count", "keras_version", "device", "task", "batch", "units", "masked"])
    shown = rows.pivot(index=keys, columns="steps", values="text").fillna("").rename(columns=lambda n: f"{n} steps")
    by_backend = [
        f"{backend}: {', '.join(f'{count} {verdict}' for verdict, count in part['verdict'].value_counts().items())}"
        for backend, part in rows.groupby("backend", sort=False)
    ]
    return {
        "over-loop": as_markdown(shown.reset_index().rename(columns={"baseline": "over"})),
        "verdicts": "; ".join(by_backend),
    }
