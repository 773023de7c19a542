"""Charts of what was trained, drawn from tables alone, and what is trained for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from benchmarks.pages.accuracy import accuracy_figures
from benchmarks.trained.book import LEAST, NAIVE, NEAR_NAIVE, TRAINED
from benchmarks.trained.curves import CURVES, NEEDS, draw_curves, read_trained
from benchmarks.trained.queue import QUEUE, Group, keep_epochs, planned
from tests.tables import SCORE
from zoo.bench.progress import numbers
from zoo.errors import ZooError
from zoo.pretrained import cards
from zoo.registry import TASKS

pytestmark = pytest.mark.usefixtures("python_texts")

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "results" / "reference"


@pytest.fixture(scope="module")
def trained():
    result = read_trained(REFERENCE)
    assert result is not None
    return result


@pytest.mark.parametrize("name", CURVES)
def test_every_chart_is_drawn_from_the_committed_tables(name: str, trained, tmp_path) -> None:
    figure = CURVES[name](trained)
    figure.savefig(tmp_path / "chart.png")
    assert figure.axes
    assert all(axes.has_data() or axes.images for axes in figure.axes)
    width, height = figure.get_size_inches() * figure.dpi
    assert width <= 1600
    assert height <= 1200


def test_charts_without_samples_say_what_to_run(trained, tmp_path, monkeypatch) -> None:
    for name in CURVES.keys() - NEEDS.keys():
        monkeypatch.setitem(CURVES, name, lambda _: Figure())  # the test before draws them
    refused: list[str] = []
    bare = trained.__class__(trained.table, trained.history, pd.DataFrame(), pd.DataFrame())
    paths = draw_curves(bare, tmp_path, refused.append)
    assert {path.stem for path in paths} == CURVES.keys() - NEEDS.keys()
    assert refused == [f"{name}: nothing to draw; run python -m benchmarks samples" for name in NEEDS]


def test_nothing_trained_is_nothing_to_write_about(trained) -> None:
    empty = trained.__class__(trained.table.iloc[:0], trained.history, trained.wave, trained.digits)
    with pytest.raises(ZooError, match="no trainings to write about: run python -m benchmarks train-reference"):
        accuracy_figures(empty)
    assert read_trained(ROOT / "docs") is None


def test_the_figures_of_each_card_are_those_of_the_table(trained) -> None:
    rows = trained.table[trained.table["run"] == "train-reference"]
    for card in cards():
        mine = rows
        refused = {
            "entry": card["entry"],
            "task": card["task"],
            "recipe": card["recipe"]["name"],
            "metric": card["metric"],
        }
        for column, value in refused.items():
            mine = mine[mine[column] == value]
        means = mine.groupby("split")["score"].mean()
        assert card["mean"] == pytest.approx(means.to_dict(), abs=1e-6)
        assert card["seeds"] == sorted(mine["seed"].unique())
        seed = mine[mine["seed"] == card["seed"]].set_index("split")["score"]
        # Half precision, and BLEU counts to 100: a sentence that changes moves it by hundredths. A cross-entropy of
        # 2e-5 is of probabilities near 1, which float32 rounds by 6e-8 each, in another way on another backend.
        half = card["precision"] == "float16"
        assert card["scores"] == pytest.approx(seed.to_dict(), rel=1e-2 if half else 1e-4, abs=6e-8)


@pytest.mark.parametrize("group", QUEUE, ids=[group.name for group in QUEUE])
def test_every_group_is_planned_seeds_outermost(group: Group) -> None:
    cases = planned(group.name, "tensorflow")
    assert len(cases) == len(group.entries) * len(group.recipes) * group.seeds
    assert [case.seed for case in cases] == sorted(case.seed for case in cases)


def test_what_is_asked_or_published_is_trained() -> None:
    trained = {(e, group.task, r) for group in QUEUE for e in group.entries for r in group.recipes}
    assert LEAST.keys() | TRAINED.keys() <= trained
    for _, task, recipe in trained:
        TASKS.get(task).recipe(recipe)


def test_what_is_hardly_better_than_the_naive_guess_has_a_reason(trained) -> None:
    rows = trained.table[(trained.table["phase"] == "accuracy") & (trained.table["run"] == "train-reference")]
    rows = rows[rows["naive_score"].notna()].drop_duplicates(["entry", "task", "recipe", "split", "seed"], keep="last")
    rows = rows[rows["split"] == rows.groupby("task")["split"].transform("first")]
    means = rows.groupby(["entry", "task", "recipe"])[["score", "naive_score"]].mean()
    gained = (means["score"] - means["naive_score"]) / means["naive_score"]
    higher = [TASKS.get(task).higher_is_better for task in means.index.get_level_values("task")]
    near = set(means.index[gained.where(higher, -gained) < NEAR_NAIVE])
    assert near == set(NAIVE)


def test_the_line_of_a_training_tells_each_score_and_the_naive_one_if_it_has_one() -> None:
    test = replace(SCORE, split="test", train_seconds=3.21)
    bleu = replace(test, metric="bleu", score=20.5, naive_score=10.44)
    exact = replace(test, metric="exact_match", score=0.02, naive_score=None)
    assert numbers([bleu, exact]) == "test bleu 20.5000 (naive 10.4)  test exact_match 0.0200  in 3.2 s"


def test_epochs_are_appended_a_row_a_figure(tmp_path) -> None:
    case = planned("digits", "tensorflow")[0]
    path = tmp_path / "history.csv"
    epochs = [{"epoch": epoch, "train_seconds": 1.5, "loss": 0.1, "test_mse": 0.2} for epoch in range(2)]
    keep_epochs(case, epochs, path)
    keep_epochs(case, [], path)
    rows = pd.read_csv(path)
    assert rows["figure"].tolist() == ["loss", "loss", "test_mse", "test_mse"]
    assert rows["epoch"].tolist() == [0, 1, 0, 1]
    assert set(rows["entry"]) == {"vector_to_sequence"}
