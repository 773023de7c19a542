"""The coverage of the A/A experiment, on tables whose log ratios are drawn from a law that is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.__main__ import main as benchmarks
from tests.commands import run
from tests.tables import TIMING, empty_table
from tests.test_rooms import ROOT
from zoo import ZooError
from zoo.measuring.enough import HALF_WIDTH, LEAST_REPEATS, MOST_REPEATS, half_width, is_enough
from zoo.measuring.rows import Measurement, append
from zoo.statistics.coverage import coverage, coverage_sentence, same_pairs, sequences, under_the_rule
from zoo.statistics.folders import read_folder
from zoo.statistics.tables import as_table

pytestmark = pytest.mark.usefixtures("python_texts")


def same_arm(logs: np.ndarray, phase: str = "train") -> list[Measurement]:
    """An arm in two workers a repeat, of seeds 0 and 1: logs of their times over 10 ms, in turn; two rounds each."""
    seconds = 0.010 * np.exp(logs)
    return [
        replace(TIMING, phase=phase, repeat=i // 2, seed=i % 2, round=turn, step_seconds=float(each) * pace)
        for i, each in enumerate(seconds)
        for turn, pace in enumerate((1.0, 3.0))  # the machine slows down for both
    ]


def normal(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.05, count)


def test_seeds_2k_and_2k_plus_1_of_a_repeat_are_a_pair_by_their_common_rounds() -> None:
    def worker(seed: int, factors: list[float], **other: object) -> list[Measurement]:
        base = replace(TIMING, seed=seed, **other)  # type: ignore[arg-type]
        return [replace(base, round=turn, step_seconds=0.01 * factor) for turn, factor in enumerate(factors)]

    rows = worker(0, [1, 1, 9, 9]) + worker(1, [2, 2])  # it ended early: the rounds that both have count
    rows += worker(2, [1, 1]) + worker(3, [5, 5]) + worker(4, [1, 1])  # seed 5 is missing
    rows += worker(0, [1, 1], repeat=1) + worker(1, [4, 4], repeat=1)
    rows += worker(0, [1, 1], run="run-2") + worker(1, [7, 7], run="run-2", group="other")  # not of one group
    pairs = same_pairs(as_table(rows))
    assert pairs["ratio"].tolist() == pytest.approx([2.0, 4.0, 5.0])  # the repeats of a pair follow one another
    assert pairs[["pair", "repeat"]].values.tolist() == [[0, 0], [0, 1], [1, 0]]


def test_independent_normal_logarithms_are_covered_as_often_as_is_said():
    rows = same_arm(normal(2000)) + same_arm(normal(2000, seed=1), "predict")
    result = coverage(as_table(rows))
    assert result[["phase", "n", "intervals", "pairs"]].values.tolist() == [
        [phase, n, 1000 // n, 1000] for phase in ("train", "predict") for n in (3, 5, 10)
    ]
    assert result["holds_95"].all()
    assert (result["coverage"] == result["holding"] / result["intervals"]).all()
    assert (result["autocorrelation"].abs() < result["autocorrelation_limit"]).all()
    assert result["ratio"].tolist() == pytest.approx([1.0] * 6, abs=0.01)
    assert "all 6 rows" in coverage_sentence(result)
    assert "no autocorrelation" in coverage_sentence(result)


def test_the_intervals_are_those_of_a_t_test_and_their_share_has_the_exact_binomial_interval():
    logs = normal(400, seed=2)
    row = coverage(as_table(same_arm(logs))).query("n == 5").iloc[0]
    groups = (logs[1::2] - logs[::2]).reshape(40, 5)
    holding = int((stats.ttest_1samp(groups, 0, axis=1).pvalue >= 0.05).sum())
    # Clopper-Pearson by its definition, through the beta distribution.
    low, high = stats.beta.ppf([0.025, 0.975], [holding, holding + 1], [40 - holding + 1, 40 - holding])
    assert (row["holding"], row["intervals"]) == (holding, 40)
    assert (row["low"], row["high"]) == pytest.approx((low, 1.0 if holding == 40 else high))


def test_an_arm_that_is_not_the_same_is_not_covered():
    logs = normal(400)
    logs[1::2] += 0.1  # every second process is slower
    result = coverage(as_table(same_arm(logs)))
    assert not result["holds_95"].any()
    assert result["ratio"].iloc[0] == pytest.approx(np.exp(0.1), abs=0.02)
    assert "outside" in coverage_sentence(result)
    assert f"3 of 3 rows: train with n = 3 ({result['coverage'].iloc[0]:.1%}: " in coverage_sentence(result)


def test_pairs_that_depend_on_their_neighbours_are_told():
    shocks = np.random.default_rng(0).normal(0, 0.05, 201)
    ratios = shocks[1:] + shocks[:-1]  # neighbours share half of what they are: an autocorrelation of 0.5
    logs = np.zeros(400)
    logs[1::2] = ratios
    result = coverage(as_table(same_arm(logs)))
    assert result["autocorrelation"].iloc[0] == pytest.approx(0.5, abs=0.15)
    assert f"(autocorrelation train {result['autocorrelation'].iloc[0]:.2f})" in coverage_sentence(result)


# the whole rule


def test_an_interval_is_enough_at_four_percent_or_ten_repeats() -> None:
    logs = np.log([1.0, 1.02, 1.01, 0.99])
    interval = stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    assert half_width(logs.tolist()) == pytest.approx((interval.high - interval.low) / 2)
    assert half_width([0.0, 0.0]) == np.inf
    narrow, wide = (spread * half_width([1.0, 0.0, -1.0]) ** -1 * np.log(1 + HALF_WIDTH) for spread in (0.999, 1.001))
    assert is_enough([narrow, 0.0, -narrow])
    assert not is_enough([wide, 0.0, -wide])
    noisy = [(-1.0) ** i for i in range(MOST_REPEATS)]
    assert is_enough(noisy)
    assert not is_enough(noisy[1:])


def test_a_sequence_ends_when_it_is_enough_and_the_next_begins_behind_it() -> None:
    quiet, noisy = [1.0, 1.01, 1.0], [0.5, 2.0] * 5
    logs = pd.DataFrame({"one": np.log([*quiet, *noisy, *quiet, 1.0, 1.0]), "other": 0.0})
    assert [len(part) for part in sequences(logs)] == [LEAST_REPEATS, MOST_REPEATS, LEAST_REPEATS]


def test_quiet_equal_arms_are_called_equal_and_noisy_ones_are_left_undecided() -> None:
    for spread, name, repeats in ((0.001, "equal", 3), (0.5, "undecided", 10)):
        row = under_the_rule(as_table(same_arm(normal(400) * spread / 0.05))).iloc[0]
        assert row["repeats"] == pytest.approx(repeats, abs=0.1)
        assert row["comparisons"] == 200 // repeats
        assert row[f"{name}_share"] > 0.85
        assert row[["called_different", "equal", "undecided"]].sum() == row["comparisons"]
        # Clopper-Pearson by its definition, through the beta distribution.
        count, total = row["holds_1"], row["comparisons"]
        ends = stats.beta.ppf([0.025, 0.975], [count, count + 1], [total - count + 1, total - count])
        assert row[["holds_1_low", "holds_1_high"]].tolist() == pytest.approx([ends[0], np.nan_to_num(ends[1], nan=1)])


def test_equal_arms_of_a_usual_spread_are_rarely_called_different() -> None:
    """Not in 5% but up to 8%: to end on the width is to end early where the spread is small by luck."""
    row = under_the_rule(as_table(same_arm(normal(2000, seed=3) / 2))).iloc[0]
    assert row["called_different_high"] < 0.10
    assert row["holds_1_share"] > 0.85


def test_an_arm_that_is_not_the_same_is_called_different() -> None:
    logs = normal(400) / 50
    logs[1::2] += 0.2
    row = under_the_rule(as_table(same_arm(logs))).iloc[0]
    assert (row["called_different_share"], row["holds_1"]) == (1.0, 0)


# what is refused, and the command


@pytest.mark.parametrize(
    ("table", "pairs"),
    [
        (as_table(same_arm(normal(399))), "199"),
        (as_table(same_arm(normal(3))), "1"),
        (empty_table(), "0"),
    ],
    ids=["199", "1", "empty"],
)
def test_too_few_pairs_are_told_with_what_makes_them(table: pd.DataFrame, pairs: str) -> None:
    for statistic in (coverage, under_the_rule):
        with pytest.raises(ZooError) as error:
            statistic(table)
        assert str(error.value) == (
            f"too few pairs for the coverage: {pairs} of the same arm, 200 are needed: one case that takes turns with "
            "itself, in workers of seeds 0, 1, 2 and so on"
        )


def test_the_command_prints_the_tables_and_the_sentence(tmp_path) -> None:
    rows = same_arm(normal(400))
    append(tmp_path / "measurements.csv", rows)
    done = run(benchmarks, "coverage", "--results", tmp_path)
    assert (done.code, done.errors) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == f"{len(rows)} rows from {tmp_path}"
    assert lines[-1] == coverage_sentence(coverage(as_table(rows)))
    assert "exact 95% interval" in done.out
    assert "called different" in done.out
    assert sum(line.split()[:1] == ["train"] for line in lines) == 4


def test_the_command_tells_too_few_pairs_in_one_line(tmp_path) -> None:
    append(tmp_path / "measurements.csv", same_arm(normal(4)))
    done = run(benchmarks, "coverage", "--results", tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.errors.startswith("error: too few pairs for the coverage: 2 of the same arm, 200 are needed")
    assert done.errors.count("\n") == 1


def test_the_published_experiment_keeps_the_promise() -> None:
    """200 pairs of equal arms on each backend: the exact interval of each coverage holds 95%, none is different."""
    table = read_folder(ROOT / "results" / "reference" / "aa")
    covered, ruled = coverage(table), under_the_rule(table)
    assert set(covered["backend"]) == {"tensorflow", "torch"}
    assert (covered["pairs"] >= 200).all()
    assert covered["holds_95"].all()
    assert ruled["called_different"].sum() <= 0.05 * ruled["comparisons"].sum()
    held = stats.binomtest(int(ruled["holds_1"].sum()), int(ruled["comparisons"].sum())).proportion_ci(method="exact")
    assert held.low <= 0.95 <= held.high
