"""How trained entries stand: ranks from paired seeds, the recipe that validation chose, and gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks.trained.curves import Trained
from benchmarks.trained.standing import standing_texts, standings
from tests.tables import SCORE
from zoo.statistics.tables import as_table

pytestmark = pytest.mark.usefixtures("python_texts")

# Seeds differ by far more than entries do: only what is paired by seed tells them apart.
OF_SEED = (1.0, 2.0, 4.0, 3.0)
ADDING = {"gru": 0.001, "min_gru": 0.00101, "lstm": 0.004}
NOISE = {"gru": (1.0, 1.0, 1.0, 1.0), "min_gru": (0.9, 1.1, 0.95, 1.05), "lstm": (1.02, 0.99, 1.01, 0.98)}


def trained(
    scores: Mapping[tuple[str, str], Sequence[float]], validation: Mapping[tuple[str, str], float], task: str
) -> Trained:
    metric = "mse" if task == "adding" else "accuracy"
    common = {"task": task, "metric": metric, "split": "test", "run": "train-reference", "units": 64}
    rows = [
        replace(SCORE, **common, entry=entry, recipe=recipe, seed=seed, score=score)
        for (entry, recipe), values in scores.items()
        for seed, score in enumerate(values)
    ]
    history = pd.DataFrame(
        {"entry": entry, "task": task, "recipe": recipe, "units": 64, "seed": 0, "epoch": 0}
        | {"backend": SCORE.backend, "figure": f"val_{metric}", "value": value}
        for (entry, recipe), value in validation.items()
    )
    return Trained(as_table(rows), history, pd.DataFrame(), pd.DataFrame())


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    values = {
        (entry, "fast"): [mean * seed * noise for seed, noise in zip(OF_SEED, NOISE[entry], strict=True)]
        for entry, mean in ADDING.items()
    }
    return standings(trained(values, dict.fromkeys(values, 0.1), "adding"))


def test_entries_whose_seeds_cross_share_a_rank_and_one_that_is_worse_by_each_seed_has_its_own(table) -> None:
    ranks = {row.entry: (row.best_rank, row.worst_rank) for row in table.itertuples()}
    assert ranks == {"gru": (1, 2), "min_gru": (1, 2), "lstm": (3, 3)}
    assert table.set_index("entry")["gap"].to_dict() == pytest.approx(
        {"gru": 1, "min_gru": 1.0068, "lstm": 4.0},
        abs=0.001,  # geometric means
    )


def test_the_table_for_readers_has_a_row_an_entry_and_what_the_task_asks_for(table) -> None:
    texts = standing_texts(table).set_index("entry")["adding"]
    assert texts["*asks for*"] == "*two numbers among 200*"
    assert texts["gru"].startswith("1–2")
    assert texts["lstm"] == "3 (4.0×)"


def test_validation_chooses_the_recipe_and_accuracies_are_told_in_points() -> None:
    scores = {
        ("lstm", "fast"): (0.5, 0.5, 0.5),
        ("lstm", "book"): (0.9, 0.9, 0.9),  # better in the test, and not chosen
        ("gru", "fast"): (0.8, 0.8, 0.8),
        ("lru", "fast"): (0.7,),
    }
    validation = {("lstm", "fast"): 0.6, ("lstm", "book"): 0.55, ("gru", "fast"): 0.8, ("lru", "fast"): 0.7}
    table = standings(trained(scores, validation, "digits_rows")).set_index("entry")
    assert table.loc["lstm", "recipe"] == "fast"
    assert table["gap"].to_dict() == pytest.approx({"gru": 0, "lru": 0.1, "lstm": 0.3})
    assert pd.isna(table.loc["lru", "best_rank"])  # one seed
    texts = standing_texts(table.reset_index()).set_index("entry")["digits_rows"]
    assert texts["lru"] == "? (−10.0)"


def test_two_entries_of_a_task_are_no_table() -> None:
    values = {("lstm", "fast"): (0.5, 0.5, 0.5), ("gru", "fast"): (0.8, 0.8, 0.8)}
    assert standings(trained(values, dict.fromkeys(values, 0.1), "digits_rows")).empty


def test_errors_are_ordered_by_their_geometric_means_as_they_are_tested() -> None:
    values = {("lstm", "fast"): (1e-3, 1e-3, 0.1), ("gru", "fast"): (0.01,) * 3, ("lru", "fast"): (0.02,) * 3}
    table = standings(trained(values, dict.fromkeys(values, 0.1), "adding"))
    assert table["entry"].tolist() == ["lstm", "gru", "lru"]  # the arithmetic mean of lstm is 0.034
    assert table["gap"].tolist() == pytest.approx([1, 10 ** (1 / 3), 2 * 10 ** (1 / 3)])


def test_gaps_of_few_examples_that_are_alike_in_every_seed_are_no_proof() -> None:
    of_test = 360
    right = {"lstm": (330, 335, 331), "gru": (331, 336, 332), "lru": (200, 190, 195)}
    values = {
        (entry, "fast"): [float(np.float32(count / of_test)) for count in counts] for entry, counts in right.items()
    }
    table = standings(trained(values, dict.fromkeys(values, 0.9), "digits_rows"))
    ranks = {row.entry: (row.best_rank, row.worst_rank) for row in table.itertuples()}
    assert ranks == {"gru": (1, 2), "lstm": (1, 2), "lru": (3, 3)}


def test_the_best_of_many_stands_above_the_best_of_two() -> None:
    rows = [("adding", "lru", 1, 1), ("adding", "min_lstm", 2, 2)]
    rows += [("wave", entry, place, place) for place, entry in enumerate(("gru", "lstm", "sru", "neuron"), 1)]
    table = pd.DataFrame(rows, columns=["task", "entry", "best_rank", "worst_rank"]).assign(gap=1.0)
    table = table.astype({"best_rank": "Int64", "worst_rank": "Int64"})
    assert standing_texts(table)["entry"].tolist()[1:4] == ["gru", "lru", "lstm"]
