"""`zoo.compare`: entries on a table of your own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from zoo.comparison.settings import DATA, ENTRIES, RECOMMENDED, Settings, check_settings, claim, new_folder, plain
from zoo.create import usual_backend
from zoo.errors import ZooError
from zoo.frames.dialect import Dialect
from zoo.frames.table import Table, open_table
from zoo.measuring.connection import require_cluster
from zoo.problems.examples import read_sequences, read_texts
from zoo.problems.forecasting import Forecasting
from zoo.problems.labelling import MOST_STEPS, Labelling
from zoo.problems.problem import Problem
from zoo.problems.series import Roles, read_panel
from zoo.version import VERSION

if TYPE_CHECKING:
    from zoo.comparison.outcome import Outcome
    from zoo.comparison.run import Training

WINDOW = 20


def compare(
    source: Path | str | pd.DataFrame,
    *,
    target: str = "",
    time: str = "",
    id: str = "",
    features: str | Sequence[str] = (),
    known: str | Sequence[str] = (),
    label: str = "",
    text: str = "",
    window: int | None = None,
    horizon: int = 1,
    season: int = 0,
    folds: int = 3,
    seeds: int = 2,
    entries: str | Sequence[str] = ENTRIES,
    units: int = 32,
    execution: str = RECOMMENDED,
    backend: str = "",
    dates: str = "",
    dialect: Dialect | None = None,
    out: Path | str | None = None,
    resume: bool = False,
    show: Callable[[str], None] = lambda text: None,
    note: Callable[[str], None] = lambda text: None,
    done: Callable[[Training, int], None] = lambda training, total: None,
    ray: str = "",
) -> Outcome:
    """Compare entries of the zoo on your data, and keep the best.

        print(zoo.compare("temperatures.csv", target="Temp", time="Date"))
        print(zoo.compare("reviews.csv", text="review", label="sentiment"))

    A series is cut into folds by time; the scaling is learnt on the training part; every window lies within one part.
    Sequences with a label are cut into folds of equal shares of the labels.

    Args:
        source: a file (CSV as it is, gzipped or not, or Parquet) or a frame.
        target: the column to forecast.
        time: the column of times; by default the index of a frame that holds dates; else rows are in order.
        id: the column that says which series, or which sequence, a row belongs to.
        features: further columns to read.
        known: columns that are known in advance, such as holidays.
        label: the column of labels, for sequences with a label.
        text: the column of texts, one a row.
        window: rows that a model reads, 20; of sequences with a label the most steps, 200.
        horizon: rows that are forecast.
        season: the period; 0: it is found.
        folds: how many.
        seeds: trainings of each entry on each fold.
        entries: of the zoo.
        units: of the recurrent layers.
        execution: how time loops run; by default the fastest here, by a measurement.
        backend: "tensorflow", "jax" or "torch"; by default that of KERAS_BACKEND.
        dates: "day-first", "month-first" or "year-first", where dates can be read in two ways.
        dialect: how the file is written, where that is not found.
        out: the folder of the results; by default a new one under zoo-runs.
        resume: go on with the comparison in `out`.
        show: takes what is done now, in words.
        note: takes what a reader must know of the table, a line at a time, before anything is trained.
        done: takes each training that is done, and how many there are in all.
        ray: the address of a Ray cluster on whose nodes it trains.

    Returns:
        The table of entries and baselines, and the verdict; its `folder` holds the report and the best model.

    Raises:
        ZooError: a column, a value, an entry or an option is wrong, in one line.
    """
    settings = Settings(_names(entries), seeds, units, execution, backend or usual_backend())
    roles = Roles(target, time, id, _names(features), _names(known), dates)
    problem = read_problem(source, roles, dialect, label, text, (window, horizon, season, folds))
    check_settings(settings, problem)
    folder = Path(out) if out else new_folder()
    if not isinstance(source, pd.DataFrame) and Path(source).resolve().parent == folder.resolve():
        raise ZooError(f"{source} stands in {folder}, where the results would: choose another --out")
    asked = {
        "source": str(source) if not isinstance(source, pd.DataFrame) else "a frame",
        "columns": {**asdict(roles), "label": label, "text": text},
        "sizes": {"window": window, "horizon": horizon, "season": season, "folds": folds},
        "zoo_version": VERSION,
        DATA: problem.digest(),
    }
    if ray:
        require_cluster(ray)
    lock = claim(folder, plain(settings, asked), resume)
    for line in problem.notes:
        note(line)
    from zoo.comparison.keep import keep_best  # here, so that a mistake is told before all is imported
    from zoo.comparison.report import write_comparison
    from zoo.comparison.run import Comparison

    with lock, closing(Comparison(problem, settings, folder, show=show, done=done, ray=ray)) as comparison:
        outcome = replace(comparison.measure(), folder=folder)
        show("report")
        write_comparison(outcome, folder)
        show("the model that validation chose is kept")
        keep_best(comparison, outcome)
    return outcome


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    """Several names, or one."""
    return (given,) if isinstance(given, str) else tuple(given)


def read_problem(
    source: Path | str | pd.DataFrame,
    roles: Roles,
    dialect: Dialect | None,
    label: str,
    text: str,
    sizes: tuple[int | None, int, int, int],
) -> Problem:
    """What is asked of a table: a forecast of a target, or a label.

    Raises:
        ZooError: neither or both are asked, or the table does not hold what is asked.
    """
    window, horizon, season, folds = sizes
    if bool(roles.target) == bool(label):
        raise ZooError("say what is asked: --target, a column to forecast, or --label, the column of labels")
    if roles.dates and not roles.time:
        raise ZooError("--dates goes with --time, the column that holds them")
    table = open_table(source, dialect)
    if roles.target:
        if text:
            raise ZooError("--text goes with --label: a forecast reads numbers")
        if not season >= 0:
            raise ZooError(f"season must be 0 or a positive whole number, not {season}")
        roles = replace(roles, time=roles.time or table.times)
        return Forecasting(read_panel(table, roles), WINDOW if window is None else window, horizon, folds, season)
    for name, given in (("known", roles.known), ("horizon", horizon != 1), ("season", season)):
        if given:
            raise ZooError(f"--{name} goes with --target: a label has no future")
    return _labelling(table, roles, label, text, folds, MOST_STEPS if window is None else window)


def _labelling(table: Table, roles: Roles, label: str, text: str, folds: int, steps: int) -> Labelling:
    if text:
        if roles.id or roles.features or roles.time:
            raise ZooError("--text is one example a row: it goes without --id, --time and --features")
        return Labelling(read_texts(table, text, label), label, folds, steps)
    if not roles.id:
        raise ZooError("say what the sequences are: --text, a column of texts, or --id, whose rows are one sequence")
    examples = read_sequences(table, roles.id, label, roles.features, roles.time, roles.dates)
    return Labelling(examples, label, folds, steps)
