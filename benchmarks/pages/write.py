"""Every page with figures, and where they come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.pages.accuracy import accuracy_figures
from benchmarks.pages.marks import fill
from benchmarks.pages.method import gate_figures, method_figures
from benchmarks.pages.own_data import own_data_figures
from benchmarks.pages.own_model import own_model_figures
from benchmarks.pages.profiles import PAGES, profile_figures, read_profile
from benchmarks.pages.reliability import reliability_figures
from benchmarks.pages.results import architectures_figures, readme_figures, results_figures
from benchmarks.trained.curves import read_trained
from zoo.report.answers import answers
from zoo.statistics.folders import read_folder, reference_tables
from zoo.statistics.tables import quick_texts


def pages(folder: Path, root: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Each page under `root` with the figures that the reference tables in `folder` give it, by name.

    A page without rows has no figures, and is left as it is.
    """
    profiles = {name: table for name in PAGES if (table := read_profile(folder, name)) is not None}
    if reference_tables(folder):
        table = read_folder(folder)
        known = answers(table)
        yield root / "README.md", readme_figures(table, known)
        yield root / "results" / "README.md", results_figures(table, known)
        yield root / "results" / "architectures.md", architectures_figures(table)
    for name, rows in profiles.items():
        yield root / "results" / f"{name}.md", profile_figures(folder, name, rows)
    if figures := method_figures(folder):
        yield root / "docs" / "method-checks.md", figures
    if figures := gate_figures(folder):
        yield root / "docs" / "continuous-integration.md", figures
    if figures := own_model_figures(folder):
        yield root / "docs" / "your-own-model.md", figures
    if figures := own_data_figures(folder):
        yield root / "docs" / "your-own-data.md", figures
    if figures := reliability_figures(folder):
        yield root / "docs" / "reliability.md", figures
    trained = read_trained(folder)
    if trained is not None:
        yield root / "docs" / "results-accuracy.md", accuracy_figures(trained)


def write_pages(folder: Path, root: Path) -> Iterator[Path]:
    """Fill every page, and give its path.

    Raises:
        ZooError: a page lacks the place of a figure.
    """
    with quick_texts():
        for path, figures in pages(folder, root):
            yield fill(path, figures)
