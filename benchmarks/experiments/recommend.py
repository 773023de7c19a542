"""Does `zoo recommend` choose well? On random sizes, its choice against the best of a thorough measurement.

    python -m benchmarks.experiments.recommend
    python -m benchmarks.experiments.recommend --sizes 3 --budget 30 --thorough 120 --backend tensorflow
    python -m benchmarks.experiments.recommend --only-table --to results/reference/recommend

For each size, `recommend` measures within its budget. Then every execution that can run is measured again, with a
budget that leaves none out. `over_best` is the time of the choice over that of the best, both from the second
measurement. Rows are appended to sizes.csv: a run goes on where it was stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from zoo.measuring.own_arm import Sizes
from zoo.measuring.recommend import recommend_sizes
from zoo.measuring.recommendation import Recommendation
from zoo.measuring.rows import check_writable

FOLDER = Path(__file__).parent.parent.parent / "results" / "runs" / "recommend"
TABLE = "sizes.csv"
GOOD = 1.10
"""A choice within so much of the best is a good one."""


def random_sizes(count: int, seed: int = 0) -> list[Sizes]:
    """So many sizes: cells, units, steps, batches and features as users have them, on a scale of logarithms."""
    rng = np.random.default_rng(seed)

    def drawn(least: int, most: int) -> int:
        return round(float(np.exp(rng.uniform(np.log(least), np.log(most)))))

    return [
        Sizes(
            cell=str(rng.choice(["lstm", "gru", "simple_rnn"])),
            units=drawn(16, 256),
            steps=drawn(8, 300),
            batch=drawn(1, 128),
            features=drawn(1, 64),
            layers=int(rng.integers(1, 3)),
        )
        for _ in range(count)
    ]


def compared(sizes: Sizes, quick: Recommendation, thorough: Recommendation) -> Iterator[dict[str, Any]]:
    """A row a phase: what was chosen, what is best, and by how much the choice is slower."""
    for phase in thorough.phases:
        chosen = quick.best(phase)
        found = {(each.name, each.backend): each for each in thorough.candidates if phase in each.ratios}
        best = min(found.values(), key=lambda each: each.ratios[phase].value)
        again = found.get((chosen.name, chosen.backend))
        yield {
            **vars(sizes),
            "phase": phase,
            "choice": f"{chosen.name} on {chosen.backend}",
            "best": f"{best.name} on {best.backend}",
            "over_best": again.ratios[phase].value / best.ratios[phase].value if again else np.inf,
            "measured": len(found),
            "seconds": quick.seconds,
        }


def main(
    sizes: Annotated[int, typer.Option(min=1, help="How many random sizes.")] = 20,
    budget: Annotated[float, typer.Option(help="Seconds of each recommendation.")] = 60.0,
    thorough: Annotated[float, typer.Option(help="Seconds of each thorough measurement.")] = 400.0,
    backend: Annotated[str, typer.Option(metavar="A,B", help="By default all that are installed.")] = "",
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where the rows go.")] = FOLDER,
    only_table: Annotated[bool, typer.Option("--only-table", help="Measure nothing.")] = False,
) -> None:
    """Recommend for random sizes, measure all executions thoroughly, and print how good the choices were."""
    check_writable(to)
    path = to / TABLE
    table = pd.read_csv(path) if path.exists() else pd.DataFrame()
    names = [name for name in backend.split(",") if name]
    for each in random_sizes(0 if only_table else sizes):
        if len(table) and (table[list(vars(each))] == pd.Series(vars(each))).all(axis=1).any():
            continue
        quick = recommend_sizes(each, names, budget=budget, fresh=True)
        best = recommend_sizes(each, names, budget=thorough, fresh=True)
        table = pd.concat([table, pd.DataFrame(compared(each, quick, best))], ignore_index=True)
        table.to_csv(path, index=False)
        typer.echo(f"{each}: {', '.join(f'{value:.2f}' for value in table['over_best'].tail(2))} of the best")
    typer.echo(table.round(3).to_string(index=False))
    if len(table):
        worst = table.groupby(list(vars(Sizes())))["over_best"].max()
        typer.echo(f"within {GOOD - 1:.0%} of the best in both phases: {(worst <= GOOD).sum()} of {len(worst)} sizes")


if __name__ == "__main__":
    typer.run(main)
