"""The coverage of the A/A experiment, on tables whose log ratios are drawn from a law that is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.__main__ import main as benchmarks
from benchmarks.profiles import get_profile
from tests.commands import run
from tests.tables import TIMING, empty_table
from tests.test_rooms import ROOT
from zoo import Execution, ZooError, get_entry, get_task
from zoo.measuring.rows import Measurement, append
from zoo.statistics.coverage import COMMAND, LEAST_PAIRS, coverage, coverage_sentence, same_pairs
from zoo.statistics.folders import read_folder
from zoo.statistics.tables import as_table


def same_arm(logs: np.ndarray, phase: str = "train") -> list[Measurement]:
    """An arm in as many repeats as there are `logs`, each the logarithm of its time over 10 ms."""
    seconds = 0.010 * np.exp(logs)
    return [
        replace(TIMING, phase=phase, repeat=repeat, case_id=f"same-{repeat}", step_seconds=float(each))
        for repeat, each in enumerate(seconds)
    ]


def normal(repeats: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.05, repeats)


def test_repeats_2k_and_2k_plus_1_are_a_pair_and_one_that_is_missing_takes_only_its_own_pair():
    rows = [row for row in same_arm(np.log([1.0, 2.0, 3.0, 5.0, 7.0, 8.0])) if row.repeat != 2]
    rows += [replace(rows[0], run="run-2")]  # of another run: no pair
    assert same_pairs(as_table(rows))["ratio"].tolist() == pytest.approx([2.0, 8 / 7])


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


@pytest.mark.parametrize(
    ("table", "pairs"),
    [
        (as_table(same_arm(normal(399))), "199 pairs"),
        (as_table(same_arm(normal(3))), "1 pair"),
        (empty_table(), "0 pairs"),
    ],
    ids=["199", "1", "empty"],
)
def test_too_few_pairs_are_told_with_the_command_that_makes_them(table: pd.DataFrame, pairs: str):
    with pytest.raises(ZooError) as error:
        coverage(table)
    assert pairs in str(error.value)
    assert COMMAND in str(error.value)


def test_the_command_that_makes_the_pairs_names_one_arm_and_two_repeats_a_pair() -> None:
    words = COMMAND.split()
    options = dict(zip(words[2::2], words[3::2], strict=True))
    assert (words[0], int(options.pop("--zoo-repeats"))) == ("pytest", 2 * LEAST_PAIRS)
    get_profile(options.pop("--zoo-profile"))
    entry = get_entry(options.pop("--zoo-entries"))
    assert entry.fits(get_task(options.pop("--zoo-tasks")))
    assert str(Execution.parse(name := options.pop("--zoo-executions"))) == name
    assert not options


def test_the_command_prints_the_table_and_the_sentence(tmp_path):
    append(tmp_path / "measurements.csv", same_arm(normal(400)))
    done = run(benchmarks, "coverage", "--results", tmp_path)
    assert (done.code, done.errors) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == f"400 rows from {tmp_path}"
    assert lines[-1] == coverage_sentence(coverage(as_table(same_arm(normal(400)))))
    assert "exact 95% interval" in done.out
    assert sum(line.split()[:1] == ["train"] for line in lines) == 3


def test_the_command_tells_too_few_pairs_in_one_line(tmp_path):
    append(tmp_path / "measurements.csv", same_arm(normal(4)))
    done = run(benchmarks, "coverage", "--results", tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.errors == (
        f"error: too few repeats for the coverage: 2 pairs of the same arm, 200 are needed; {COMMAND} makes them\n"
    )


def test_the_published_experiment_is_covered_and_stands_in_the_method() -> None:
    result = coverage(read_folder(ROOT / "results" / "reference" / "aa"))
    assert result["holds_95"].all()
    assert (result["pairs"] == 200).all()
    method = (ROOT / "docs" / "method.md").read_text()
    for row in result.itertuples(index=False):
        share = f"{row.coverage:.1%} | {row.low:.1%} to {row.high:.1%}"
        assert f"| {row.phase} | {row.n} | {row.intervals} | {row.holding} | {share} |" in method
