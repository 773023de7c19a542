"""Every page with figures, and where they come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.pages.accuracy import accuracy_figures
from benchmarks.pages.marks import fill
from benchmarks.pages.method import method_figures
from benchmarks.pages.profiles import PAGES, gains_figure, profile_figures, read_profile
from benchmarks.pages.results import head_figures, report_tables
from benchmarks.trained.curves import read_trained
from zoo.statistics.folders import read_folder, reference_tables


def pages(folder: Path, root: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Each page under `root` with the figures that the reference tables in `folder` give it, by name.

    A page without rows has no figures, and is left as it is.
    """
    profiles = {name: table for name in PAGES if (table := read_profile(folder, name)) is not None}
    if reference_tables(folder):
        table = read_folder(folder)
        head = head_figures(table)
        yield root / "results" / "README.md", {**head, "tables": report_tables(table)}
        if "peers" in profiles:
            yield root / "README.md", {**head, "gains": gains_figure(profiles["peers"])}
    for name, rows in profiles.items():
        yield root / "results" / f"{name}.md", profile_figures(folder, name, rows)
    if figures := method_figures(folder):
        yield root / "docs" / "method.md", figures
    trained = read_trained(folder)
    if trained is not None:
        yield root / "docs" / "results-accuracy.md", accuracy_figures(trained)


def write_pages(folder: Path, root: Path) -> Iterator[Path]:
    """Fill every page, and give its path.

    Raises:
        ZooError: a page lacks the place of a figure.
    """
    for path, figures in pages(folder, root):
        yield fill(path, figures)
