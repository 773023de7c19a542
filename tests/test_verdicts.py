"""Ratios of arms that took turns, and the verdict on each: rows made by hand, with SciPy and statsmodels as oracles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from tests.tables import TIMING, arm, empty_table, pair
from zoo.measuring.rows import Measurement
from zoo.statistics.entries import against_reference
from zoo.statistics.gains import gains
from zoo.statistics.ratios import medians, pairs, ratios, step_ratios
from zoo.statistics.summary import summary
from zoo.statistics.tables import as_table
from zoo.statistics.verdicts import DECIDED, EQUAL, UNDECIDED, ratio_test, repeats_needed, verdict, with_verdicts

pytestmark = pytest.mark.usefixtures("python_texts")

FUSED = "fused against stock Keras on torch"


def only(table: pd.DataFrame) -> pd.Series:
    assert len(table) == 1
    return table.iloc[0]


def turns(factors: Iterable[float], first: int = 0, **fields: object) -> list[Measurement]:
    """An arm's blocks of one repeat, from round `first` on, each its factor × 10 ms."""
    base = replace(TIMING, **fields)  # type: ignore[arg-type]
    return [replace(base, round=i, step_seconds=0.01 * factor) for i, factor in enumerate(factors, first)]


# pairs by rounds


def test_a_pace_that_changes_in_mid_run_for_both_arms_leaves_the_ratio_exact() -> None:
    pace = [1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0]
    rows = turns(pace) + turns([1.25 * each for each in pace], loop="unrolled")
    assert only(step_ratios(as_table(rows)))["ratio"] == pytest.approx(1.25)


def test_a_slow_arm_that_ended_after_fewer_rounds_is_paired_on_the_rounds_that_both_have() -> None:
    pace = [1.0, 1.0, 1.0, 8.0, 8.0, 8.0, 8.0]
    rows = turns(pace) + turns([5.0, 5.0], first=1, loop="unrolled")
    assert only(step_ratios(as_table(rows)))["ratio"] == pytest.approx(5.0)
    apart = turns(pace[:2]) + turns([5.0], first=2, loop="unrolled")
    assert step_ratios(as_table(apart)).empty


def test_one_slow_block_is_no_part_of_the_ratio() -> None:
    rows = turns([1.0] * 5) + turns([0.8, 0.8, 9.0, 0.8, 0.8], loop="unrolled")
    assert only(step_ratios(as_table(rows)))["ratio"] == pytest.approx(0.8)


def test_the_ratio_of_a_repeat_is_the_median_of_log_ratios_over_rounds() -> None:
    random = np.random.default_rng(0)
    looped, unrolled = np.exp(random.normal(0, 0.3, (2, 12)))
    row = only(step_ratios(as_table(turns(looped) + turns(unrolled, loop="unrolled"))))
    assert row["ratio"] == pytest.approx(np.exp(np.median(np.log(unrolled / looped))))


def test_arms_of_different_groups_are_no_pair() -> None:
    assert step_ratios(as_table(turns([1.0]) + turns([1.0], loop="unrolled", group="other"))).empty


def in_groups(groups: Sequence[str], factors: Sequence[float]) -> list[Measurement]:
    """Looped in every group and repeat, and in each an arm of its own that takes a factor of that time, of three."""
    rows = []
    for group, factor, loop in zip(groups, factors, ("unrolled", "fused", "parallel"), strict=False):
        base = replace(TIMING, group=group)
        pace = 1.0 if group == groups[0] else 3.0  # groups run minutes apart
        rows += arm("looped", [pace] * 3, base) + arm(loop, [pace * factor] * 3, base)
    return rows


def test_the_reference_arm_of_two_groups_counts_once_a_repeat() -> None:
    table = as_table(in_groups(["a", "b"], [0.5, 0.8]))
    assert len(medians(table).query("loop == 'looped'")) == 6
    result = step_ratios(table).set_index("execution")["ratio"].to_dict()
    assert result == pytest.approx({"unrolled": 0.5, "fused": 0.8})
    costs = summary(table).set_index("execution")
    assert costs["repeats"].to_dict() == {"looped": 3, "unrolled": 3, "fused": 3}
    assert costs.loc["unrolled", "train_ms"] == pytest.approx(5.0)


def test_a_pair_that_stands_in_two_groups_of_a_repeat_counts_once_with_its_geometric_mean() -> None:
    others = [row for row in in_groups(["a", "b"], [0.5, 0.8]) if row.loop != "looped"]
    jitted = [replace(row, loop="looped", jit=True) for row in others]
    table = as_table([*in_groups(["a", "b"], [1.0, 1.0]), *jitted])
    row = only(step_ratios(table).query("execution == 'looped+jit'"))
    assert (row["repeats"], row["ratio"]) == (3, pytest.approx(np.sqrt(0.5 * 0.8)))
    assert not pairs(table).duplicated(["execution", "baseline", "quantity", "run", "repeat"]).any()


def test_a_gain_is_read_in_the_group_that_holds_both_arms_by_its_rounds() -> None:
    torch = replace(TIMING, backend="torch")
    rows: list[Measurement] = []
    for repeat in range(3):
        for group, pace in (("a", 1.0), ("b", 4.0)):
            here = replace(torch, repeat=repeat, group=group)
            drift = [pace, pace, 2 * pace, 2 * pace]
            rows += [replace(row, loop="stock") for row in turns(drift, **vars_of(here))]
            if group == "b":
                rows += [replace(row, loop="fused") for row in turns([0.25 * each for each in drift], **vars_of(here))]
    row = only(gains(as_table(rows)).query("comparison == @FUSED"))
    assert (row["gain"], row["low"], row["repeats"]) == (pytest.approx(4), pytest.approx(4), 3)


def vars_of(row: Measurement) -> dict[str, object]:
    return {"backend": row.backend, "repeat": row.repeat, "group": row.group}


# verdicts


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ([0.8, 0.8, 0.8], "faster"),
        ([1.25, 1.3, 1.2], "slower"),
        ([0.2, 0.3, 0.4], "faster"),
        ([0.99, 1.0, 1.01], "equal within 5%"),
        ([1.0, 1.0, 1.0], "equal within 5%"),
        ([0.97, 0.971, 0.969], "equal within 5%"),  # a proven difference, of less than 5%
        ([0.949, 0.949, 0.949], "faster"),
        ([0.95, 1.0, 1.05], "undecided"),
        ([0.5, 1.0, 2.0], "undecided"),
        ([0.2, 0.3], "too few repeats"),
    ],
)
def test_every_comparison_ends_in_one_verdict(factors: list[float], expected: str) -> None:
    row = only(ratios(as_table(pair(20, factors))).query("quantity == 'step_seconds'"))
    assert row["verdict"] == expected
    assert pd.isna(row["repeats_needed"]) == (expected != "undecided")
    shown = only(summary(as_table(pair(20, factors))).query("execution == 'unrolled'"))
    assert shown["train_verdict"] == expected


@pytest.mark.parametrize("seed", range(20))
def test_equal_is_when_the_interval_of_90_percent_lies_within_five_percent(seed: int) -> None:
    random = np.random.default_rng(seed)
    logs = random.normal(random.normal(0, 0.02), 0.03, 5)
    interval = stats.ttest_1samp(logs, 0).confidence_interval(0.90)
    within = np.log(0.95) < interval.low and interval.high < np.log(1.05)
    test = ratio_test(pd.Series(np.exp(logs)))
    assert (test["p_equal"] <= 0.05) == within
    assert (verdict(test["ratio"], test["p_value"], test["p_equal"]) == "equal within 5%") == within


def test_of_what_a_table_calls_different_five_percent_are_expected_to_be_wrong() -> None:
    """Of p = 0.0006, 0.025 and 0.06 two stand by Benjamini and Hochberg, where one would by Holm."""
    sizes = {10: [0.5, 0.51, 0.495], 20: [0.8, 0.86, 0.88], 30: [0.8, 0.9, 0.93]}
    rows = [row for steps, factors in sizes.items() for row in pair(steps, factors)]
    result = ratios(as_table(rows)).query("quantity == 'step_seconds'").set_index("steps")
    p = {steps: stats.ttest_1samp(np.log(factors), 0).pvalue for steps, factors in sizes.items()}
    assert result["p_value"].to_dict() == pytest.approx(p)
    assert result["p_fdr"].tolist() == pytest.approx(multipletests(list(p.values()), method="fdr_bh")[1])
    assert result["verdict"].to_dict() == {10: "faster", 20: "faster", 30: "undecided"}


def test_the_other_comparisons_of_a_table_may_leave_one_undecided() -> None:
    clear = pair(20, [0.8, 0.86, 0.9])
    assert only(step_ratios(as_table(clear)))["verdict"] == "faster"
    others = [row for steps in (30, 40) for row in pair(steps, [0.9, 1.0, 1.15])]
    assert step_ratios(as_table([*clear, *others])).set_index("steps").loc[20, "verdict"] == "undecided"


# how many repeats would decide


def test_the_repeats_needed_are_the_lesser_of_what_a_difference_and_an_equality_need() -> None:
    power = TTestPower()
    difference = power.solve_power(np.log(1.2) / 0.2, alpha=0.05, power=0.8)
    assert repeats_needed(1.2, 0.2, 3) == np.ceil(difference)
    equality = power.solve_power(np.log(1.05) / 0.05, alpha=0.05, power=0.9, alternative="larger")
    assert repeats_needed(1.0, 0.05, 3) == np.ceil(equality)
    assert repeats_needed(1.2, 0.2, 50) == 51  # luck was against it: one more at least
    assert repeats_needed(1.2, 0.2, 3, level=0.001) > repeats_needed(1.2, 0.2, 3)


@pytest.mark.parametrize(("ratio", "log_sd"), [(1.2, 0.15), (1.0, 0.04), (0.97, 0.03)])
def test_so_many_repeats_decide_in_four_of_five_tries(ratio: float, log_sd: float) -> None:
    needed = repeats_needed(ratio, log_sd, 3)
    tests = [ratio_test(pd.Series(np.exp(logs))) for logs in normal_logs(ratio, log_sd, needed)]
    words = [verdict(test["ratio"], test["p_value"], test["p_equal"]) for test in tests]
    assert np.mean([word in DECIDED for word in words]) > 0.75


def normal_logs(ratio: float, log_sd: float, repeats: int) -> np.ndarray:
    return np.random.default_rng(0).normal(np.log(ratio), log_sd, (200, repeats))


@pytest.mark.parametrize("log_sd", [0.0, 1e-9, 1e-3, 1.0, 30.0])
@pytest.mark.parametrize("ratio", [1e-6, 0.95, 1.0, 1 + 1e-9, 1.05, 1e6])
def test_the_repeats_needed_are_always_a_whole_number(ratio: float, log_sd: float) -> None:
    for level in (0.05, 1e-4):
        assert 4 <= repeats_needed(ratio, log_sd, 3, level) < 10**9


# entries


def looped(entry: str, factor: float, **fields: object) -> list[Measurement]:
    base = replace(TIMING, entry=entry, cell=entry, **fields)  # type: ignore[arg-type]
    return arm("looped", [factor * each for each in (1.0, 7.0, 0.3)], base)  # whatever the hour


def test_entries_are_held_against_lstm_in_the_same_group_and_repeat() -> None:
    rows = (
        looped("lstm", 1.0) + looped("gru", 0.78) + looped("lstm", 2.0, group="b") + looped("min_gru", 1.0, group="b")
    )
    rows += arm("unrolled", [0.1] * 3, replace(TIMING, entry="gru"))  # looped arms alone are compared
    result = against_reference(as_table(rows)).set_index("entry")
    assert result["ratio"].to_dict() == pytest.approx({"gru": 0.78, "min_gru": 0.5})
    assert set(result["reference"]) == {"lstm"}
    assert set(result["verdict"]) == {"faster"}
    assert result["repeats"].tolist() == [3, 3]


def test_on_jax_entries_are_compared_as_they_are_normally_compiled() -> None:
    rows = looped("lstm", 1.0, backend="jax", jit=True) + looped("gru", 0.5, backend="jax", jit=True)
    rows += looped("lstm", 40.0, backend="jax") + looped("gru", 40.0, backend="jax")
    row = only(against_reference(as_table(rows)))
    assert (row["execution"], row["ratio"]) == ("looped+jit", pytest.approx(0.5))


def test_where_a_task_has_no_lstm_the_entry_of_its_topology_is_the_reference() -> None:
    dates = {"task": "dates", "topology": "encoder_decoder"}
    rows = looped("attention", 2.0, **dates) + looped("encoder_decoder", 1.0, **dates)
    rows += looped("encoder_decoder", 1.0, **dates, group="b") + looped("reversed", 3.0, **dates, group="b")
    result = against_reference(as_table(rows)).set_index("entry")
    assert set(result["reference"]) == {"encoder_decoder"}
    assert result["ratio"].to_dict() == pytest.approx({"attention": 2.0, "reversed": 3.0})


def test_entries_of_other_settings_are_not_compared() -> None:
    assert against_reference(as_table(looped("lstm", 1.0) + looped("gru", 1.0, units=64))).empty
    assert list(against_reference(empty_table())) == list(against_reference(as_table(looped("lstm", 1.0))))


def test_what_is_equal_does_not_make_room_for_false_discoveries() -> None:
    """Sixty proven differences of 1%, which are equal, beside forty of no difference that are widely measured."""
    p_values = np.linspace(0.001, 0.999, 40)
    equal = pd.DataFrame({"p_value": 1e-6, "p_equal": 1e-6}, index=range(60))
    wide = pd.DataFrame({"p_value": p_values, "p_equal": 0.9}, index=range(60, 100))
    tests = pd.concat([equal, wide]).assign(ratio=0.99, log_sd=0.1, degrees=6.0, repeats=3, family="one")
    judged = with_verdicts(tests, ["family"])
    assert judged["verdict"].head(60).eq(EQUAL).all()
    alone = multipletests([*[1.0] * 60, *p_values], method="fdr_bh")[1][60:]
    assert judged["p_fdr"].tail(40).tolist() == pytest.approx(alone.tolist())
    assert judged["verdict"].tail(40).eq(UNDECIDED).all()


@pytest.mark.parametrize("of_prior", [0.0, 4.0])
def test_the_repeats_needed_are_those_of_the_test_that_is_made(of_prior: float) -> None:
    """Fewer where other comparisons lend degrees of freedom: by the power of the noncentral t."""
    ratio, log_sd = 0.9, 0.06
    needed = repeats_needed(ratio, log_sd, 3, 0.05, of_prior)

    def power(n: int) -> float:
        free, shift = n - 1 + of_prior, -np.log(ratio) / log_sd * np.sqrt(n)
        return float(stats.nct(free, shift).sf(stats.t(free).isf(0.025)))

    assert power(needed) >= 0.8 > power(needed - 1)
