"""Does `zoo recommend` choose well? On random sizes, its choice against the best of a thorough measurement.

    python -m benchmarks.experiments.recommend
    python -m benchmarks.experiments.recommend --sizes 3 --budget 30 --thorough 120 --backend tensorflow
    python -m benchmarks.experiments.recommend --only-table --to results/reference/recommend

For each size, `recommend` measures within its budget. Then every execution is measured with a larger one, which leaves
out at most what takes more than a minute to compile; and those near the best twice more, in fresh processes: one of
the same program differs from another by a tenth. `over_best` is the time of the choice over that of the best, each the
mean of its measurements, two at least, without the one that chose. Each measurement is rows of arms.csv: a run goes on
where it was stopped, with the same budgets and backends, which options.json holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from scipy import stats

from zoo.cli.command import run_function
from zoo.errors import ZooError
from zoo.measuring.own_arm import Sizes
from zoo.measuring.recommend import recommend_sizes
from zoo.measuring.recommendation import Recommendation
from zoo.measuring.rows import check_writable

FOLDER = Path(__file__).parent.parent.parent / "results" / "runs" / "recommend"
TABLE, OPTIONS = "arms.csv", "options.json"
GOOD = 1.10
"""A choice within so much of the best is a good one."""
NEAR = 1.25
"""An arm within so much of the best is measured again."""
CHOICE, THOROUGH, AGAIN, OF_CHOICE = "choice", "thorough", ("again 1", "again 2"), "again, what was chosen"
LEAST = 2
"""So many measurements of an arm, or more, tell its time."""
SIZE = list(vars(Sizes()))
Arm = tuple[str, str]


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


def rows_of(sizes: Sizes, measurement: str, answer: Recommendation) -> Iterator[dict[str, Any]]:
    """A row an arm and phase: its time over that of stock, and whether it is the answer."""
    for phase in answer.phases:
        best = answer.best(phase)
        for each in answer.candidates:
            if phase in each.ratios:
                found = {"name": each.name, "backend": each.backend, "phase": phase, "ratio": each.ratios[phase].value}
                yield {
                    **vars(sizes),
                    "measurement": measurement,
                    **found,
                    "chosen": (each.name, each.backend) == (best.name, best.backend),
                    "seconds": answer.seconds,
                }


def of_size(table: pd.DataFrame, sizes: Sizes) -> pd.DataFrame:
    """The rows of these sizes."""
    return table[(table[SIZE] == pd.Series(vars(sizes))).all(axis=1)] if len(table) else table


def contenders(rows: pd.DataFrame) -> list[Arm]:
    """The reference, what was chosen, and what is near the best of the thorough measurement in a phase."""
    thorough = rows[rows["measurement"] == THOROUGH]
    near = thorough["ratio"] <= NEAR * thorough.groupby("phase")["ratio"].transform("min")
    chosen = rows[(rows["measurement"] == CHOICE) & rows["chosen"]]
    arms = pd.concat([thorough.iloc[:1], chosen, thorough[near]])[["name", "backend"]]
    return list(arms.drop_duplicates().itertuples(index=False, name=None))


def chosen_and_best(rows: pd.DataFrame) -> list[Arm]:
    """The reference, and the choice and the best of each phase of which the choice was measured once; or nothing."""
    found = compared(rows)
    lacking = found[np.isinf(found["over_best"])]
    arms = [tuple(arm.split(" on ")) for arm in (*lacking["choice"], *lacking["best"])]
    reference = rows.loc[rows["measurement"] == THOROUGH, ["name", "backend"]].iloc[0]
    return list(dict.fromkeys([tuple(reference), *arms])) if arms else []


def compared(table: pd.DataFrame) -> pd.DataFrame:
    """A row a size and phase: what was chosen, what is best, and by how much the choice is slower."""
    result = []
    for size, rows in table.groupby(SIZE, sort=False):
        for phase, of_phase in rows.groupby("phase", sort=False):
            later = of_phase[of_phase["measurement"] != CHOICE].groupby(["name", "backend"])["ratio"]
            means = later.agg(stats.gmean)[later.count() >= LEAST]  # what is far from the best was measured once
            (chosen,) = of_phase[(of_phase["measurement"] == CHOICE) & of_phase["chosen"]].itertuples()
            if means.empty:  # it is not measured to the end yet
                continue
            best = means.idxmin()
            result.append(
                {
                    **dict(zip(SIZE, size, strict=True)),
                    "phase": phase,
                    "choice": f"{chosen.name} on {chosen.backend}",
                    "best": " on ".join(best),
                    "over_best": means.get((chosen.name, chosen.backend), np.inf) / means[best],
                    "measured": of_phase.loc[of_phase["measurement"] == THOROUGH, "name"].count(),
                }
            )
    return pd.DataFrame(result)


def worst(table: pd.DataFrame) -> pd.Series:
    """By how much the choice for each size is slower than the best, in the phase in which it is more so."""
    return compared(table).groupby(SIZE, sort=False)["over_best"].max()


def require_options(folder: Path, options: dict[str, Any]) -> None:
    """Keep the options of a run beside its table, and refuse to go on with others.

    Raises:
        ZooError: which ones the rows in the folder were measured with.
    """
    path = folder / OPTIONS
    if not path.exists():
        path.write_text(json.dumps(options) + "\n")
    elif (known := json.loads(path.read_text())) != options:
        raise ZooError(
            f"the rows in {folder} were measured with {known}, not {options}: choose another folder with --to"
        )


def main(
    sizes: Annotated[int, typer.Option(min=1, help="How many random sizes.")] = 20,
    budget: Annotated[float, typer.Option(help="Seconds of each recommendation.")] = 60.0,
    thorough: Annotated[float, typer.Option(help="Seconds of each thorough measurement.")] = 120.0,
    again: Annotated[float, typer.Option(help="Seconds of each of two measurements of those near the best.")] = 30.0,
    backend: Annotated[str, typer.Option(metavar="A,B", help="By default all that are installed.")] = "",
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where the rows go.")] = FOLDER,
    only_table: Annotated[bool, typer.Option("--only-table", help="Measure nothing.")] = False,
) -> None:
    """Recommend for random sizes, measure all executions thoroughly, and print how good the choices were."""
    check_writable(to)
    path = to / TABLE
    table = pd.read_csv(path) if path.exists() else pd.DataFrame()
    names = [name for name in backend.split(",") if name]
    seconds = {CHOICE: budget, THOROUGH: thorough, **dict.fromkeys(AGAIN, again)}
    if not only_table:
        require_options(to, {"budget": budget, "thorough": thorough, "again": again, "backend": sorted(names)})
    for each in random_sizes(0 if only_table else sizes):
        for measurement, limit in seconds.items():
            known = of_size(table, each)
            if len(known) and measurement in set(known["measurement"]):
                continue
            only: Sequence[Arm] = contenders(known) if measurement in AGAIN else ()
            answer = recommend_sizes(each, names, budget=limit, fresh=True, only=only)
            table = pd.concat([table, pd.DataFrame(rows_of(each, measurement, answer))], ignore_index=True)
            table.to_csv(path, index=False)
        if only := chosen_and_best(of_size(table, each)):
            answer = recommend_sizes(each, names, budget=again, fresh=True, only=only)
            table = pd.concat([table, pd.DataFrame(rows_of(each, OF_CHOICE, answer))], ignore_index=True)
            table.to_csv(path, index=False)
        over = compared(of_size(table, each))["over_best"]
        typer.echo(f"{each}: {', '.join(map('{:.2f}'.format, over))} of the best")
    if len(table):
        typer.echo(compared(table).round(3).to_string(index=False))
        good = worst(table) <= GOOD
        typer.echo(f"within {GOOD - 1:.0%} of the best in both phases: {good.sum()} of {len(good)} sizes")


if __name__ == "__main__":
    run_function(main, "python -m benchmarks.experiments.recommend")
