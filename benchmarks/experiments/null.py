"""Does `zoo compare` find something where there is nothing? Random walks and white noise, a new one a seed.

    python -m benchmarks.experiments.null
    python -m benchmarks.experiments.null --seeds 3 --rows 300 --to /tmp/null

Nothing can beat the last value of a random walk, or the mean of white noise. Each comparison is that of `zoo compare`
less its timing, with three entries and one training a fold. Rows are appended to verdicts.csv, one an entry: a run goes
on where it was stopped, with series of as many rows. A comparison is wrong if one of its entries is called better than
the best baseline.
"""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from zoo.cli.command import run_function
from zoo.comparison.run import Comparison
from zoo.comparison.settings import Settings
from zoo.comparison.verdicts import BETTER
from zoo.errors import ZooError
from zoo.frames.table import open_table
from zoo.measuring.rows import check_writable
from zoo.problems.forecasting import Forecasting
from zoo.problems.series import Roles, read_panel

FOLDER = Path(__file__).parent.parent.parent / "results" / "reference" / "null"
TABLE = "verdicts.csv"
KINDS = ("random walk", "white noise")
SETTINGS = Settings(("gru", "lstm", "simple_rnn"), seeds=1, units=16, execution="looped")


def series(kind: str, rows: int, seed: int) -> pd.DataFrame:
    """A series in which nothing can be found but its last value, or its mean."""
    steps = np.random.default_rng([seed, KINDS.index(kind)]).normal(size=rows)
    return pd.DataFrame({"y": steps.cumsum() if kind == "random walk" else steps})


def judged(kind: str, rows: int, seed: int) -> list[dict[str, Any]]:
    """A row an entry: what is said of it."""
    problem = Forecasting(read_panel(open_table(series(kind, rows, seed)), Roles("y")))
    with tempfile.TemporaryDirectory() as folder, closing(Comparison(problem, SETTINGS, Path(folder))) as comparison:
        outcome = comparison.measure(timed=False)
    return [
        {
            "kind": kind,
            "seed": seed,
            "rows": rows,
            "entry": entry,
            "baseline": outcome.best_baseline,
            "verdict": verdict,
            "difference": outcome.differences[entry].mean,
            "p": outcome.differences[entry].p,
        }
        for entry, verdict in outcome.verdicts.items()
    ]


def wrong(table: pd.DataFrame) -> pd.DataFrame:
    """How many series of each kind there are, and in how many an entry is called better."""
    of_series = table.assign(better=table["verdict"].eq(BETTER)).groupby(["kind", "seed"])["better"].any()
    return of_series.groupby("kind").agg(series="count", wrong="sum").reset_index()


def main(
    seeds: Annotated[int, typer.Option(min=1, help="Series of each kind.")] = 20,
    rows: Annotated[int, typer.Option(min=200, help="Of each series.")] = 500,
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where the rows go.")] = FOLDER,
) -> None:
    """Compare entries on series without structure, and print how often one is called better than the best baseline."""
    check_writable(to)
    path = to / TABLE
    table = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["kind", "seed"])
    if len(table) and set(table["rows"]) != {rows}:
        have = ", ".join(map(str, sorted(set(table["rows"]))))
        raise ZooError(f"{path} is of series of {have} rows, not {rows}: choose another folder with --to")
    for seed in range(seeds):
        for kind in KINDS:
            if ((table["kind"] == kind) & (table["seed"] == seed)).any():
                continue
            made = pd.DataFrame(judged(kind, rows, seed))
            table = pd.concat([table, made], ignore_index=True) if len(table) else made
            table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
            typer.echo(f"{kind} {seed}: {', '.join(made['verdict'])}")
    typer.echo(wrong(table).to_string(index=False))


if __name__ == "__main__":
    run_function(main, "python -m benchmarks.experiments.null")
