"""The statistics of the results table, against independent ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.tables import MIB, SCORE, TIMING, arm, empty_table, failures_table, pair
from zoo.statistics.ratios import medians, ratios
from zoo.statistics.scores import accuracy_summary
from zoo.statistics.summary import failures, summary
from zoo.statistics.tables import as_table
from zoo.statistics.texts import three_digits

pytestmark = pytest.mark.usefixtures("python_texts")

TRAINED = "Training lstm on wave (tensorflow, cpu), unrolled is"


def test_medians_are_over_the_timings_of_a_repeat_and_memory_is_over_the_floor():
    middle = medians(as_table(pair(20, [0.5, 0.6])))
    assert len(middle) == 4
    unrolled = middle[middle["loop"] == "unrolled"]
    assert unrolled["step_seconds"].tolist() == pytest.approx([0.005, 0.006])
    assert unrolled["first_call_seconds"].tolist() == [2.0, 2.0]
    assert unrolled["compile_over_floor_bytes"].tolist() == [60 * MIB] * 2
    assert unrolled["step_over_floor_bytes"].tolist() == [30 * MIB] * 2


def only(table: pd.DataFrame) -> pd.Series:
    assert len(table) == 1
    return table.iloc[0]


def test_a_ratio_and_its_interval_are_those_of_a_t_test_on_the_logarithms():
    factors = [0.8, 1.1, 0.95, 1.3]
    row = only(ratios(as_table(pair(20, factors))).query("quantity == 'step_seconds'"))
    expected = stats.ttest_1samp(np.log(factors), 0).confidence_interval(0.95)
    assert row["ratio"] == pytest.approx(stats.gmean(factors))
    assert (row["low"], row["high"]) == pytest.approx((np.exp(expected.low), np.exp(expected.high)))
    assert (row["execution"], row["baseline"], row["repeats"]) == ("unrolled", "looped", 4)


def test_the_spread_of_the_timings_stands_beside_their_median():
    seconds = [0.010, 0.011, 0.013, 0.020, 0.012]
    rows = [replace(TIMING, round=i, step_seconds=each) for i, each in enumerate(seconds)]
    row = only(medians(as_table(rows)))
    assert row["step_seconds"] == pytest.approx(0.012)
    assert row["step_iqr_seconds"] == pytest.approx(stats.iqr(seconds))
    assert np.isnan(only(medians(as_table(rows[:1])))["step_iqr_seconds"])
    several = medians(as_table([replace(row, repeat=repeat) for repeat in (3, 1) for row in rows[repeat:]]))
    expected = {repeat: stats.iqr(seconds[repeat:]) for repeat in (3, 1)}
    assert several.set_index("repeat")["step_iqr_seconds"].to_dict() == pytest.approx(expected)


def test_pairs_are_of_the_same_repeat_so_that_a_slow_hour_cancels():
    hours = [1.0, 7.0, 0.3]  # what each repeat takes, whatever the execution
    rows = arm("looped", hours) + arm("unrolled", [1.25 * hour for hour in hours])
    row = only(ratios(as_table(rows)).query("quantity == 'step_seconds'"))
    assert (row["ratio"], row["low"], row["high"]) == pytest.approx((1.25, 1.25, 1.25))


def test_a_repeat_that_lacks_an_arm_makes_no_pair():
    rows = [row for row in pair(20, [0.5, 0.5, 0.5, 9.0]) if (row.loop, row.repeat) != ("looped", 3)]
    row = only(ratios(as_table(rows)).query("quantity == 'step_seconds'"))
    assert row["repeats"] == 3
    assert row["ratio"] == pytest.approx(0.5)


@pytest.mark.parametrize("count", [1, 2])
def test_under_three_repeats_there_is_a_ratio_but_no_interval(count):
    row = only(ratios(as_table(pair(20, [0.5, 0.6][:count]))).query("quantity == 'step_seconds'"))
    assert row["repeats"] == count
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])


def test_the_ratio_of_the_first_call_is_given_too():
    row = only(ratios(as_table(pair(20, [1, 1, 1], first_call=9.0))).query("quantity == 'first_call_seconds'"))
    assert row["ratio"] == pytest.approx(9.0)


def test_jit_is_compared_with_the_same_jit_and_its_baseline_with_none():
    jitted = replace(TIMING, jit=True)
    rows = [*pair(20, [0.8] * 3), *arm("looped", [0.5] * 3, jitted), *arm("unrolled", [0.4] * 3, jitted)]
    result = ratios(as_table(rows)).query("quantity == 'step_seconds'").set_index("execution")
    assert result["baseline"].to_dict() == {"unrolled": "looped", "looped+jit": "looped", "unrolled+jit": "looped+jit"}
    assert result["ratio"].to_dict() == pytest.approx({"unrolled": 0.8, "looped+jit": 0.5, "unrolled+jit": 0.8})


@pytest.mark.parametrize(
    "other",
    [
        {"entry": "gru"},
        {"task": "digits_rows"},
        {"backend": "jax"},
        {"device": "gpu"},
        {"batch": 64},
        {"steps": 21},
        {"features": 2},
        {"units": 33},
        {"dtype": "bfloat16"},
        {"optimizer": "adam"},
        {"masked": "half"},
        {"phase": "predict"},
        {"device_name": "another"},
        {"threads": 1},
        {"backend_version": "9"},
        {"run": "run-2"},
    ],
)
def test_arms_that_differ_in_anything_else_are_not_compared(other):
    rows = arm("looped", [1.0] * 3) + arm("unrolled", [0.5] * 3, replace(TIMING, **other))
    assert ratios(as_table(rows)).empty


def test_rows_that_did_not_end_well_count_nowhere_but_among_the_failures():
    good = pair(20, [0.5] * 3)
    bad = [replace(row, status="unequal", reason="differs", step_seconds=99.0) for row in good]
    pd.testing.assert_frame_equal(medians(as_table(good + bad)), medians(as_table(good)))
    assert failures(as_table(good + bad))["cases"].sum() == len(bad)


def test_the_summary_has_one_row_an_entry_task_steps_execution_and_backend():
    rows = [*pair(20, [0.8] * 3), *pair(20, [0.5] * 3, phase="predict"), *pair(50, [2.0] * 2)]
    result = summary(as_table(rows)).set_index(["steps", "execution"])
    assert result.index.tolist() == [(20, "looped"), (20, "unrolled"), (50, "looped"), (50, "unrolled")]
    row = result.loc[20, "unrolled"]
    figures = ["train_ms", "predict_ms", "first_call_seconds", "compile_peak_mib", "step_peak_mib", "graph_nodes"]
    assert row[figures].tolist() == pytest.approx([8.0, 5.0, 2.0, 60.0, 30.0, 900.0])
    assert row[["train_ratio", "train_low", "train_high", "repeats"]].tolist() == pytest.approx([0.8, 0.8, 0.8, 3])
    few = result.loc[50, "unrolled"]
    assert few["train_ratio"] == pytest.approx(2.0)
    assert np.isnan(few["train_low"])
    assert np.isnan(few["predict_ms"])


def test_the_summary_shows_the_settings_that_differ_and_never_pools_them():
    result = summary(as_table([*pair(20, [1.0] * 3), *pair(20, [1.0] * 3, batch=64)]))
    assert result["batch"].tolist() == [32, 64, 32, 64]
    assert "dtype" not in result


def test_accuracy_is_mean_and_deviation_over_seeds_beside_the_naive_score():
    scores = [0.010, 0.012, 0.020]
    rows = [replace(SCORE, seed=seed, score=score) for seed, score in enumerate(scores)]
    row = only(accuracy_summary(as_table([replace(rows[0], score=5.0), *rows])))  # a seed trained anew counts once
    assert row[["mean", "sd", "n", "naive_score", "train_seconds"]].tolist() == pytest.approx(
        [np.mean(scores), np.std(scores, ddof=1), 3, 0.1, 4.0]
    )
    assert row[["task", "split", "entry", "metric"]].tolist() == ["wave", "same_range", "lstm", "mse"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(9.9999, "10.0"), (9.99, "9.99"), (999.7, "1,000"), (0.09999, "0.100"), (0.0, "0.00"), (3.13e-5, "3.13e-5")],
)
def test_a_figure_is_written_with_three_digits(value: float, text: str) -> None:
    assert three_digits(value) == text


def test_a_single_seed_has_no_deviation():
    assert np.isnan(only(accuracy_summary(as_table([SCORE])))["sd"])


def test_failures_are_counted_by_status_and_reason():
    result = failures(failures_table())
    assert result[["status", "reason", "execution", "cases"]].values.tolist() == [
        ["crashed", "killed by signal 11", "unrolled", 2],
        ["out_of_memory", "held 3.10 GiB, over the limit of 3.00", "looped", 1],
    ]


@pytest.mark.parametrize("table", [empty_table(), failures_table()], ids=["empty", "failures"])
@pytest.mark.parametrize("statistic", [medians, ratios, summary, accuracy_summary])
def test_statistics_of_a_table_without_results_are_empty_with_all_their_columns(statistic, table):
    """Those that a full table of one setting has: what differs between settings is shown only where it does."""
    one_setting = as_table([SCORE] if statistic is accuracy_summary else pair(20, [1.0] * 3))
    assert len(statistic(one_setting))
    assert statistic(table).empty
    assert list(statistic(table)) == list(statistic(one_setting))


@pytest.mark.parametrize(("group", "ratio"), [("wave", 1.5), ("", 0.75)], ids=["in turns", "one after another"])
def test_rounds_are_pairs_only_where_arms_took_turns(group, ratio):
    """Arms that ran one after the other share no minute of a machine: their medians are what can be compared."""
    seconds = {"looped": [0.01, 0.02, 0.03], "unrolled": [0.015, 0.01, 0.09]}  # by rounds 1.5, 0.5 and 3 times as long
    rows = [
        replace(TIMING, loop=loop, repeat=repeat, round=index, step_seconds=each, group=group)
        for loop, blocks in seconds.items()
        for repeat in range(3)
        for index, each in enumerate(blocks)
    ]
    assert only(ratios(as_table(rows)).query("quantity == 'step_seconds'"))["ratio"] == pytest.approx(ratio)


def test_seeds_of_one_recipe_make_one_row_wherever_they_were_trained():
    seeds = [replace(SCORE, seed=seed, score=0.01 * (seed + 1)) for seed in range(3)]
    row = only(accuracy_summary(as_table([*seeds[:2], replace(seeds[2], threads=1)])))
    assert (row["n"], row["mean"], row["train_seconds"]) == (3, pytest.approx(0.02), 4.0)
    elsewhere = [replace(row, device_name="other", train_seconds=9.0) for row in seeds[1:]]
    row = only(accuracy_summary(as_table([*seeds, *elsewhere])))
    assert (row["n"], row["mean"]) == (3, pytest.approx(0.02))
    assert np.isnan(row["train_seconds"])  # no machine trained all of them
