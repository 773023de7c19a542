"""The pages: how they are filled, what stands in them by hand, and figures of single ones from the raw rows.

That every figure is what the reference tables give: test_published.py.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.pages import profiles, results
from benchmarks.pages.accuracy import accuracy_figures
from benchmarks.pages.marks import MARKED, fill, prose, read_figures
from benchmarks.trained.curves import read_trained
from benchmarks.trained.queue import QUEUE
from tests.tables import SCORE, TIMING, pair
from zoo import list_models, list_tasks
from zoo.bench.profile import Block, Profile
from zoo.errors import ZooError
from zoo.measuring import append_only
from zoo.statistics.architectures import architectures
from zoo.statistics.tables import as_table, read

pytestmark = pytest.mark.usefixtures("python_texts")

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "results" / "reference"
PAGES = [
    ROOT / "README.md",
    *(ROOT / "results" / f"{name}.md" for name in ("README", "architectures", *profiles.PAGES)),
    ROOT / "docs" / "results-accuracy.md",
    ROOT / "docs" / "method-checks.md",
    *(
        ROOT / "docs" / f"{name}.md"
        for name in ("continuous-integration", "reliability", "your-own-data", "your-own-model")
    ),
]
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
DENIAL = re.compile(r"\b(?:not|nothing|no \w+|none|never)\b[^.]*\bmeasured\b|\bmeasured\b[^.]*\b(?:nowhere|no \w+)\b")


def cells(text: str) -> list[list[str]]:
    """The rows of every table of a text, with their headings, without how they are set."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|--")]
    return [[cell.strip(" *") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))] for line in lines]


def numbers(text: str) -> list[str]:
    """The numbers of a text outside its tables."""
    return NUMBER.findall("\n".join(line for line in text.splitlines() if not line.startswith("|")))


def frame(text: str) -> pd.DataFrame:
    """The one table of a figure."""
    heading, *rows = cells(text)
    return pd.DataFrame(rows, columns=heading)


def figure(page: Path, name: str) -> str:
    return read_figures(page.read_text())[name]


# what is committed


def test_the_readme_counts_the_models_and_tasks_that_there_are_and_is_short() -> None:
    text = (ROOT / "README.md").read_text()
    assert f"{len(list_models())} recurrent Keras models on {len(list_tasks())} tasks" in text
    assert len(text.splitlines()) <= 150
    assert len((ROOT / "results" / "README.md").read_text().splitlines()) <= 200
    assert sum(len(path.read_text().splitlines()) for path in (ROOT / "results").glob("*.md")) < 1000


@pytest.mark.parametrize("kind", ["accuracy", "history"])
def test_the_next_training_loses_no_row_of_a_committed_table(kind: str) -> None:
    """Rows behind the last empty line count as cut off, and the next append would remove them."""
    for path in REFERENCE.glob(f"*-cpus-{kind}.csv"):
        assert path.read_bytes().endswith(append_only.END), path


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_by_hand_says_what_was_not_measured_and_no_mark_begins_a_line_of_text(page: Path) -> None:
    text = page.read_text()
    if page.parent.name == "results":
        assert not DENIAL.findall(prose(text)), "say it by the figure `missing`, which is computed"
    for match in MARKED.finditer(text):
        begins = text[: match.start()].endswith("\n")
        assert begins == match["figure"].startswith("\n"), match["name"]


def test_the_denials_that_were_published_are_found() -> None:
    assert DENIAL.search("min_lstm on torch was not measured.")
    assert DENIAL.search("No GPU was measured.".lower())
    assert not DENIAL.search("To measure your own machine. Not faster.")


def shown(text: str, value: float) -> bool:
    """Whether `text` is `value`, to the digits that it has."""
    digits = len(text.partition(".")[2])
    return abs(float(text.replace(",", "")) - value) <= 0.5001 * 10**-digits


def test_the_gains_are_what_the_raw_rows_give() -> None:
    """The winner of each repeat by the others, with plain loops over the rows of the peers."""
    table = pd.concat([read(path) for path in REFERENCE.glob("*-peers.csv.gz")])
    rows = table[(table["status"] == "ok") & (table["masked"] == "none")]
    keys = ["backend", "execution", "phase", "entry", "units", "steps", "batch", "repeat"]
    seconds = rows.groupby(keys)["step_seconds"].median()
    floors = rows.groupby(keys)["trainer_floor_seconds"].median()
    blocks = rows.set_index([*keys, "round"])["step_seconds"].sort_index()
    result = frame(figure(ROOT / "results" / "peers.md", "gains")).rename(columns={"A against B": "comparison"})
    assert len(result) >= 12
    sides = {
        "ONNX Runtime": (
            [("tensorflow", "onnxruntime-native")],
            [("tensorflow", name) for name in ("looped", "unrolled", "looped+jit", "unrolled+jit")],
        ),
        "fused kernel": ([("torch", "fused")], [("torch", "torch-native")]),
    }
    for row in result[result["comparison"].str.startswith(tuple(sides))].itertuples(index=False):
        ours, theirs = next(arms for name, arms in sides.items() if row.comparison.startswith(name))
        entry, *sizes = re.fullmatch(r"(\w+) (\d+), (\d+) steps, batch (\d+)", row.size).groups()
        times = seconds - floors if "floors off" in row.comparison else seconds
        size = {"key": (row.call, entry, *map(int, sizes)), "level": ["phase", "entry", "units", "steps", "batch"]}
        of_size, its_blocks = times.xs(**size), blocks.xs(**size)
        logs = []
        for repeat in sorted(set(of_size.index.get_level_values("repeat"))):
            there = [[arm for arm in arms if arm in of_size.index.droplevel("repeat")] for arms in (ours, theirs)]
            best = [min(arms, key=lambda arm: of_size[arm].drop(repeat).median()) for arms in there]
            if "floors off" in row.comparison:
                logs.append(np.log(of_size[best[1]][repeat] / of_size[best[0]][repeat]))
            else:
                logs.append(np.log(its_blocks[best[1]][repeat] / its_blocks[best[0]][repeat]).median())
        interval = stats.ttest_1samp(logs, 0).confidence_interval(0.95)
        expected = (float(np.exp(value)) for value in (np.mean(logs), interval.low, interval.high))
        texts = numbers(row[5])
        assert all(shown(text, value) for text, value in zip(texts, expected, strict=True)), row
        assert int(row.n) == len(logs)


@pytest.mark.parametrize("group", QUEUE, ids=[group.name for group in QUEUE])
def test_the_scores_of_a_group_are_means_and_deviations_of_the_raw_rows(group) -> None:
    rows = pd.concat([pd.read_csv(path) for path in sorted(REFERENCE.glob("*-cpus-accuracy.csv"))])
    rows = rows[(rows["status"] == "ok") & (rows["task"] == group.task) & (rows["run"] == "train-reference")]
    rows = rows.drop_duplicates(["entry", "recipe", "split", "metric", "seed"], keep="last")
    scores = rows.groupby(["entry", "recipe", "split", "metric"])
    table = frame(figure(ROOT / "docs" / "results-accuracy.md", group.name))
    assert set(table["entry"]) == set(group.entries)
    assert set(table["recipe"]) == set(group.recipes)
    for row in table.to_dict("records"):
        for metric in set(rows["metric"]) & set(row):
            of_it = scores.get_group((row["entry"], row["recipe"], row["split"], metric))
            mean, *deviation = row[metric].split(" ± ")
            assert shown(mean, of_it["score"].mean())
            assert not deviation or shown(deviation[0], of_it["score"].std())
            assert int(row["seeds"]) == len(of_it)
        assert shown(row["training s"], of_it["train_seconds"].mean())


def test_a_recipe_is_held_against_the_baseline_that_its_group_names() -> None:
    """Not against the one with the shortest name."""
    trained = read_trained(REFERENCE)
    assert trained is not None
    with_baseline = [group for group in QUEUE if group.baseline]
    assert with_baseline
    figures = accuracy_figures(trained)
    for group in with_baseline:
        assert group.baseline in group.recipes
        others = [recipe for recipe in group.recipes if recipe != group.baseline]
        texts = re.findall(r"`(\w+)` (\w+) ([\d.]+)", figures[f"{group.name}-ratios"])
        assert {(entry, recipe) for entry, recipe, _ in texts} == {(e, r) for e in group.entries for r in others}
        for entry, recipe, text in texts:
            rows = trained.table[(trained.table["task"] == group.task) & (trained.table["entry"] == entry)]
            by_recipe = rows.pivot_table(index="seed", columns="recipe", values="score")
            assert shown(text, stats.gmean(by_recipe[recipe] / by_recipe[group.baseline]))


# what is missing


PLAN = Profile("p", "", timed=(Block(("lstm", "min_*"), backends=("jax", "torch")),), budget_seconds=60)


def test_what_is_missing_is_what_has_no_row() -> None:
    names = [("lstm", "jax"), ("min_gru", "jax"), ("min_lstm", "jax"), ("lstm", "torch"), ("min_gru", "torch")]
    rows = [replace(TIMING, entry=entry, backend=backend) for entry, backend in names]
    assert profiles.missing(PLAN, as_table(rows)) == "torch on a CPU: min_lstm; every entry on a GPU"
    rows += [replace(TIMING, entry="min_lstm", backend="torch", status="timeout", reason="over 120 s")]
    assert profiles.missing(PLAN, as_table(rows)) == "every entry on a GPU"
    rows += [replace(row, device="gpu") for row in rows]
    assert profiles.missing(PLAN, as_table(rows)) == "none"


@pytest.mark.parametrize("name", profiles.PAGES)
def test_a_page_denies_no_row_that_its_table_has(name: str) -> None:
    table = profiles.read_profile(REFERENCE, name)
    assert table is not None
    text = figure(ROOT / "results" / f"{name}.md", "missing")
    for entry, backend, device in table[["entry", "backend", "device"]].drop_duplicates().itertuples(index=False):
        assert f"every entry on {profiles.DEVICES[device]}" not in text
        denied = re.search(rf"{backend} on {profiles.DEVICES[device]}: ([^;]*)", text)
        assert not denied or entry not in denied[1].split(", ")


# how a page is filled


def test_figures_go_between_their_marks_and_the_text_stays(tmp_path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- one --> <!-- /one -->\nIt took <!-- two -->old<!-- /two --> s.\n")
    for _ in range(2):
        fill(page, {"one": "|a|\n|-|\n|1|\n", "two": "3.2"})
        assert page.read_text() == (
            "before\n<!-- one -->\n|a|\n|-|\n|1|\n<!-- /one -->\nIt took <!-- two -->3.2<!-- /two --> s.\n"
        )
    assert prose(page.read_text()) == "before\n\nIt took  s.\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no page"),
        ("text", "has no place for one"),
        ("<!-- one --><!-- /one --> <!-- two --><!-- /two -->", "has a place for two, and the tables give no such"),
    ],
)
def test_a_page_and_its_figures_that_do_not_fit_are_told_in_one_line(text, message, tmp_path) -> None:
    page = tmp_path / "page.md"
    if text is not None:
        page.write_text(text)
    with pytest.raises(ZooError, match=message) as error:
        fill(page, {"one": "1"})
    assert str(page) in str(error.value)


def test_a_table_without_timings_has_no_answers_and_says_so() -> None:
    with pytest.raises(ZooError, match="hold no timings"):
        results.results_figures(as_table([SCORE]), [])


def test_only_a_profile_with_a_page_is_published_as_one() -> None:
    with pytest.raises(ZooError, match="unknown profile with a page 'peer'; did you mean 'peers'"):
        profiles.require_page("peer")


def test_times_over_those_of_the_loop_stand_by_their_steps_and_what_is_sure_is_marked() -> None:
    factors = {20: [0.5, 0.51, 0.49], 100: [1.2, 1.21, 1.19], 300: [0.9, 1.0, 1.1], 400: [0.98, 0.981, 0.979]}
    table = as_table([row for steps, each in factors.items() for row in pair(steps, each)])
    figures = profiles.over_loop_figures(table)
    (row,) = frame(figures["over-loop"]).to_dict("records")
    assert [row[f"{steps} steps"][:4] for steps in factors] == ["0.50", "1.20", "1.00", "0.98"]
    marks = ("|**0.50", "|*1.20", "|1.00", "] ?", "] =")
    assert [figures["over-loop"].count(mark) for mark in marks] == [1] * 5
    counts = figures["verdicts"].removeprefix("tensorflow: ").split(", ")
    assert sorted(counts) == ["1 equal within 5%", "1 faster", "1 slower", "1 undecided"]


def test_an_arm_counts_once_whatever_its_runs_phases_and_repeats() -> None:
    again = [replace(row, run="run-2", phase=phase) for row in pair(20, [0.8] * 3) for phase in ("train", "predict")]
    alone = [replace(row, group="", steps=50) for row in pair(20, [0.8] * 2)]
    table = as_table([*pair(20, [0.8] * 3), *again, *alone])
    assert results.lockstep(table).startswith("2 of 4 arms took turns")


def test_the_naive_score_of_a_task_is_one_number_whatever_rows_are_shown() -> None:
    """A mean over the rows shown is 0.1135 on one page and 0.11349999 on another: 0.114 and 0.113 for a reader."""
    rows = architectures(as_table([replace(SCORE, entry=e, score=s) for e, s in (("lstm", 0.01), ("gru", 0.02))]))
    rows["naive_score"] = [0.1135, 0.11349]
    headings = [list(results.architecture_texts(part)) for part in (rows, rows[:1])]
    assert [heading[1] for heading in headings] == ["mse (naive 0.114)"] * 2
