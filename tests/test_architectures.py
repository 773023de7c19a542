"""Architectures of a task: score, cost, rank and front."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.tables import MIB, SCORE, TIMING, arm, empty_table, failures_table
from zoo.measuring.rows import Measurement
from zoo.report.tables import report_tables
from zoo.statistics.architectures import COMPARED, architectures, as_good_as_the_best, fastest_of_the_best
from zoo.statistics.tables import as_table
from zoo.statistics.validation import with_validation

pytestmark = pytest.mark.usefixtures("python_texts")


def trained(entry: str, scores: list[float], recipe: str = "fast", **fields: object) -> list[Measurement]:
    base = replace(SCORE, entry=entry, recipe=recipe, **fields)  # type: ignore[arg-type]
    return [replace(base, score=score, seed=seed) for seed, score in enumerate(scores)]


def timed(entry: str, factor: float, **fields: object) -> list[Measurement]:
    return arm("looped", [factor] * 3, replace(TIMING, entry=entry, **fields))  # type: ignore[arg-type]


def by_entry(rows: list[Measurement]) -> pd.DataFrame:
    return architectures(as_table(rows)).set_index("entry")


def test_an_error_is_the_mean_of_its_seeds_with_the_interval_of_their_logarithms() -> None:
    scores = [0.010, 0.012, 0.011]
    row = by_entry(trained("lstm", scores, "slow")).loc["lstm"]
    ends = np.exp(stats.ttest_1samp(np.log(scores), 0).confidence_interval(0.95))
    assert (row["recipe"], row["seeds"], row["score"]) == ("slow", 3, pytest.approx(np.mean(scores)))
    assert (row["score_low"], row["score_high"]) == (pytest.approx(ends[0]), pytest.approx(ends[1]))


def test_a_training_of_two_machines_is_one_training() -> None:
    scores = [0.010, 0.012, 0.011]
    row = by_entry([*trained("lstm", scores), *trained("lstm", scores, device_name="other")]).loc["lstm"]
    assert row["seeds"] == 3


def test_what_is_tied_by_a_wide_interval_alone_is_not_as_good_as_the_best() -> None:
    rows = [*trained("lru", [0.0349, 0.0350, 0.0351]), *trained("gru", [0.0370, 0.0371, 0.0372])]
    rows += [*trained("lstm", [0.0350, 0.0352, 0.0354]), *trained("stacked_rnn", [0.02, 0.05, 0.08])]
    found = architectures(as_table(rows))
    assert found.set_index("entry")["best_rank"].to_dict() == {"lru": 1, "lstm": 1, "gru": 3, "stacked_rnn": 1}
    assert as_good_as_the_best(found)["entry"].tolist() == ["lru", "lstm"]


def test_seeds_that_score_the_same_have_the_spread_of_other_entries() -> None:
    """Else 0.97 of three seeds would be decidedly better than all that come near it."""
    rows = [*trained("lru", [0.97] * 3, metric="accuracy"), *trained("mlstm", [0.60, 0.70, 0.80], metric="accuracy")]
    rows += [*trained("gru", [0.95, 0.96, 0.97], metric="accuracy"), *trained("lstm", [0.5, 0.6], metric="accuracy")]
    rows += trained("irnn", [0.91, 0.92, 0.93], metric="accuracy")
    found = by_entry(rows)
    low, high = stats.ttest_1samp([0.95, 0.96, 0.97], 0).confidence_interval(0.95)
    assert found.loc["lru", "score_low"] == pytest.approx(0.97 - (high - low) / 2)
    assert found.loc["lru", "score_high"] == pytest.approx(0.97 + (high - low) / 2)
    assert found["best_rank"].dropna().to_dict() == {"lru": 1, "gru": 1, "irnn": 2, "mlstm": 1}


def test_the_interval_of_an_accuracy_is_that_of_its_mean() -> None:
    scores = [0.91, 0.93, 0.92]
    row = by_entry(trained("lstm", scores, metric="accuracy")).loc["lstm"]
    interval = stats.ttest_1samp(scores, 0).confidence_interval(0.95)
    assert (row["score_low"], row["score_high"]) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_an_error_that_is_0_has_the_interval_of_the_mean() -> None:
    row = by_entry(trained("lstm", [0.0, 0.01, 0.02])).loc["lstm"]
    assert row["score_low"] < 0 < row["score_high"]


def epochs(recipe: str, figure: str, last: float) -> pd.DataFrame:
    """The history of `trained("lstm", [...] * 3, recipe)`: a first epoch like all others, and what the last one has."""
    training = {"entry": "lstm", "task": SCORE.task, "recipe": recipe, "backend": SCORE.backend, "units": SCORE.units}
    points = [(seed, epoch, value) for seed in range(3) for epoch, value in ((0, 0.5), (1, last))]
    return pd.DataFrame([{**training, "seed": s, "epoch": e, "figure": figure, "value": v} for s, e, v in points])


@pytest.mark.parametrize(
    ("metric", "figure", "slow", "fast"),
    [
        ("mse", "val_mse", 0.3, 0.2),
        ("accuracy", "val_accuracy", 0.8, 0.9),
        ("bleu", "val_loss", 3.0, 2.0),  # decoded after the training alone
    ],
)
def test_of_several_recipes_validation_chooses_and_not_the_test(metric, figure, slow, fast) -> None:
    """Here "fast" is better on validation, and worse on the test."""
    better, worse = (0.8, 0.4) if metric != "mse" else (0.4, 0.8)
    rows = trained("lstm", [better] * 3, "slow", metric=metric) + trained("lstm", [worse] * 3, metric=metric)
    history = pd.concat([epochs("slow", figure, slow), epochs("fast", figure, fast)])
    found = architectures(with_validation(as_table(rows), history)).iloc[0]
    assert (found["recipe"], found["score"]) == ("fast", pytest.approx(worse))


def test_a_training_without_a_history_has_no_validation() -> None:
    rows = as_table([*trained("lstm", [0.1] * 2), *trained("gru", [0.1]), *timed("lstm", 1.0)])
    known = with_validation(rows, epochs("fast", "val_mse", 0.2))
    assert known.loc[known["entry"].eq("lstm") & known["phase"].eq("accuracy"), "validation"].tolist() == [0.2, 0.2]
    assert known.loc[known["entry"].eq("gru") | known["phase"].ne("accuracy"), "validation"].isna().all()


def test_ranks_are_ranges_where_intervals_overlap() -> None:
    rows = [*trained("lstm", [0.010, 0.011, 0.012]), *trained("gru", [0.011, 0.012, 0.013])]
    rows += [*trained("simple_rnn", [0.1, 0.11, 0.12]), *trained("irnn", [0.001])]
    ranks = by_entry(rows)[["best_rank", "worst_rank"]]
    assert ranks.loc[["lstm", "gru", "simple_rnn"]].to_numpy().tolist() == [[1, 2], [1, 2], [3, 3]]
    assert ranks.loc["irnn"].isna().all()  # one seed has no interval


def test_costs_are_over_the_reference_entry_at_the_size_of_the_score() -> None:
    other_size = timed("gru", 9.0, units=64) + timed("lstm", 1.0, units=64)
    rows = [
        *timed("lstm", 1.0),
        *timed("gru", 0.8),
        *other_size,
        *trained("lstm", [0.01] * 3),
        *trained("gru", [0.02] * 3),
    ]
    found = by_entry(rows)
    assert found["train_ratio"].to_dict() == pytest.approx({"lstm": 1.0, "gru": 0.8})
    assert found["step_peak_mib"].to_dict() == pytest.approx({"lstm": 30.0, "gru": 30.0})
    assert (TIMING.step_peak_host_bytes - TIMING.step_floor_host_bytes) / MIB == 30


def test_the_front_is_what_nothing_beats_in_score_and_time() -> None:
    entries = {"lstm": (0.010, 1.0), "gru": (0.020, 0.5), "simple_rnn": (0.030, 0.8), "neuron": (0.010, 1.2)}
    rows = [row for entry, (score, _) in entries.items() for row in trained(entry, [score] * 3)]
    rows += [row for entry, (_, factor) in entries.items() for row in timed(entry, factor)]
    assert by_entry(rows)["on_front"].to_dict() == {"lstm": True, "gru": True, "simple_rnn": False, "neuron": False}


def test_what_is_slower_or_worse_by_noise_alone_is_on_the_front_and_a_noisy_score_beats_nothing() -> None:
    rows = [*trained("lstm", [0.010, 0.011, 0.012]), *trained("gru", [0.0111, 0.0112, 0.0113])]
    rows += [*trained("neuron", [0.001, 0.5, 0.5]), *timed("lstm", 1.0), *timed("gru", 1.0), *timed("neuron", 0.8)]
    assert by_entry(rows)["on_front"].to_dict() == {"lstm": True, "gru": True, "neuron": True}


def test_what_has_no_score_or_no_cost_stands_there_too() -> None:
    rows = [*timed("lstm", 1.0), *timed("gru", 0.8), *trained("lstm", [0.01] * 3), *trained("irnn", [0.02] * 3)]
    found = by_entry(rows)
    assert set(found.index) == {"lstm", "gru", "irnn"}
    assert np.isnan(found.loc["gru", "score"])
    assert np.isnan(found.loc["irnn", "train_ratio"])
    assert not found.loc[["gru", "irnn"], "on_front"].any()


def test_a_score_stands_beside_the_costs_of_every_backend_and_its_seconds_beside_its_own() -> None:
    """Weights do not depend on the backend that trained them."""
    rows = [*timed("lstm", 1.0), *timed("gru", 0.8), *timed("lstm", 1.0, backend="torch")]
    rows += trained("lstm", [0.02] * 3, seconds_to_target=5.0) + trained("gru", [0.03] * 5, backend="jax")
    rows += trained("lstm", [0.01] * 3, "long", backend="jax", seconds_to_target=7.0)
    rows += trained("gru", [0.04] * 3)
    table = as_table(rows)
    found = architectures(table.assign(validation=table["score"])).set_index(["backend", "entry"])
    assert set(found.index) == {("tensorflow", "lstm"), ("tensorflow", "gru"), ("torch", "lstm"), ("torch", "gru")}
    assert found["score"].to_dict() == {
        ("tensorflow", "lstm"): 0.01,
        ("tensorflow", "gru"): 0.04,  # its own: the same recipe
        ("torch", "lstm"): 0.01,
        ("torch", "gru"): 0.03,  # of the most seeds
    }
    assert found["seconds_to_target"].isna().all()


def test_models_of_an_entry_with_other_units_have_other_names() -> None:
    rows = [*trained("lstm", [0.02] * 3), *trained("lstm", [0.03] * 3, units=64), *trained("gru", [0.02] * 3)]
    found = architectures(as_table(rows))
    assert set(found["model"]) == {f"lstm ({SCORE.units} units)", "lstm (64 units)", "gru"}


@pytest.mark.parametrize("table", [empty_table(), failures_table()], ids=["empty", "failures"])
def test_a_table_without_results_has_no_architectures_and_all_columns(table) -> None:
    found = architectures(table)
    assert found.empty
    assert list(found) == COMPARED


def test_a_score_of_another_model_of_the_entry_takes_no_cost_of_it() -> None:
    """The costs are of the layer alone; of its blocks, with other parameters, none is known."""
    rows = [*timed("lstm", 1.0), *timed("min_gru", 0.5, parameters=500), *trained("lstm", [0.01] * 3)]
    rows += trained("min_gru", [0.3] * 3, parameters=None)  # not counted: before the column was there
    rows += trained("min_gru", [0.02] * 3, "blocks", parameters=9_000)
    found = architectures(as_table(rows)).set_index("model")
    assert set(found.index) == {"lstm", "min_gru (fast)", "min_gru (blocks)"}
    assert found["parameters"].to_dict() == {"lstm": 4_513, "min_gru (fast)": 500, "min_gru (blocks)": 9_000}
    assert found.loc["min_gru (fast)", "train_ratio"] == pytest.approx(0.5)
    assert np.isnan(found.loc["min_gru (blocks)", "train_ratio"])
    assert not found.loc["min_gru (blocks)", "on_front"]


@pytest.mark.parametrize(("timed_too", "fastest"), [(True, ["gru"]), (False, [])], ids=["all timed", "one not timed"])
def test_of_the_best_the_fastest_is_named_only_where_all_are_timed(timed_too: bool, fastest: list[str]) -> None:
    rows = [*timed("lstm", 1.0), *trained("lstm", [0.010, 0.011, 0.012]), *trained("gru", [0.011, 0.012, 0.013])]
    rows += timed("gru", 0.8) if timed_too else []
    found = fastest_of_the_best(architectures(as_table(rows)))
    assert found["entry"].tolist() == fastest


def test_the_seconds_of_a_training_on_another_machine_do_not_stand_beside_the_times_of_this_one() -> None:
    rows = [*timed("lstm", 1.0), *timed("gru", 0.8)]
    rows += trained("lstm", [0.02] * 3, device_name="other", train_seconds=9.0, seconds_to_target=5.0)
    rows += trained("gru", [0.03] * 3, train_seconds=4.0, seconds_to_target=2.0)
    rows += trained("gru", [0.03] * 3, device_name="other", train_seconds=9.0, seconds_to_target=5.0)
    found = by_entry(rows)
    assert found["score"].to_dict() == pytest.approx({"lstm": 0.02, "gru": 0.03})
    assert found.loc["lstm", ["train_seconds", "seconds_to_target"]].isna().all()
    assert found.loc["gru", ["train_seconds", "seconds_to_target"]].tolist() == [4.0, 2.0]


def test_each_machine_has_the_costs_measured_on_it_and_a_task_that_none_timed_stands_there_once() -> None:
    other = {"device_name": "other", "cpu_count": 8}
    rows = [*timed("lstm", 1.0), *timed("gru", 0.8), *timed("lstm", 1.0, **other), *timed("gru", 0.5, **other)]
    rows += [*trained("lstm", [0.02] * 3), *trained("gru", [0.03] * 3)]
    rows += trained("lstm", [0.2] * 3, task="adding", metric="mse")
    found = architectures(as_table(rows)).set_index(["task", "device_name", "entry"])
    assert found["train_ratio"].dropna().to_dict() == pytest.approx(
        {
            ("wave", TIMING.device_name, "lstm"): 1.0,
            ("wave", TIMING.device_name, "gru"): 0.8,
            ("wave", "other", "lstm"): 1.0,
            ("wave", "other", "gru"): 0.5,
        }
    )
    assert found.loc["adding"].index.tolist() == [(SCORE.device_name, "lstm")]
    (shown,) = [each.rows for each in report_tables(as_table(rows)) if each.name == "architectures"]
    assert (shown["task"] == "adding").sum() == 1
