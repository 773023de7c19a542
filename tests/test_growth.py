"""Exponents, the largest number of steps and the break-even, on tables whose answers are known by construction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.tables import FAILURE, MIB, TIMING, arm, empty_table, failures_table, grown, quick_table
from tests.test_charts import texts
from zoo.charts.gallery import CHARTS
from zoo.measuring.rows import Measurement
from zoo.statistics.break_even import break_even
from zoo.statistics.growth import bounded, exponents, largest
from zoo.statistics.tables import as_table

pytestmark = pytest.mark.usefixtures("python_texts")

NUMBERS = (10, 20, 50, 100, 200)
GIB = 2**30


def only(table: pd.DataFrame) -> pd.Series:
    assert len(table) == 1
    return table.iloc[0]


def exponent_of(rows: list[Measurement], quantity: str = "step_seconds") -> pd.Series:
    return only(exponents(as_table(rows)).query("quantity == @quantity"))


# exponents


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_a_power_law_is_recovered(exponent):
    row = exponent_of(grown({"step_seconds": (0.001, exponent)}, NUMBERS))
    assert row[["exponent", "low", "high", "upper_exponent"]].tolist() == pytest.approx([exponent] * 4, abs=1e-9)
    assert row["factor"] == pytest.approx(20**exponent)
    assert row[["numbers", "repeats", "fewest_steps", "most_steps", "upper_steps"]].tolist() == [5, 2, 10, 200, 50]


@pytest.mark.parametrize("exponent", [1.0, 2.0])
def test_the_interval_holds_the_exponent_of_a_noisy_law_in_95_of_100_tables(exponent):
    random = np.random.default_rng(0)
    rows: list[Measurement] = []
    for units in range(1, 101):  # a hundred tables in one, told apart by their units
        for row in grown({"step_seconds": (0.001, exponent)}, NUMBERS, units=units):
            assert row.step_seconds is not None
            rows.append(replace(row, step_seconds=row.step_seconds * float(np.exp(random.normal(0, 0.1)))))
    fitted = exponents(as_table(rows)).query("quantity == 'step_seconds'")
    held = int(((fitted["low"] <= exponent) & (exponent <= fitted["high"])).sum())
    assert len(fitted) == 100
    assert stats.binomtest(held, 100, 0.95).pvalue > 0.01


def test_the_fit_is_that_of_scipy_over_the_medians_of_repeats():
    rows = grown({"step_seconds": (0.001, 1.0)}, NUMBERS)
    rows = [replace(row, step_seconds=0.001 * (row.steps + 7 * row.repeat)) for row in rows]
    row = exponent_of(rows)
    fit = stats.linregress(np.log(NUMBERS), np.log(np.array(NUMBERS) + 3.5))
    half = stats.t.ppf(0.975, 3) * fit.stderr
    assert row[["exponent", "low", "high", "r_squared"]].tolist() == pytest.approx(
        [fit.slope, fit.slope - half, fit.slope + half, fit.rvalue**2]
    )


def test_more_repeats_of_the_same_times_narrow_no_interval():
    rows = [replace(row, step_seconds=0.1 + 0.001 * row.steps) for row in grown({}, NUMBERS)]
    more = rows + [replace(row, repeat=row.repeat + 2, case_id=row.case_id + "+") for row in rows]
    once, twice = exponent_of(rows), exponent_of(more)
    assert (once["low"], once["high"]) == pytest.approx((twice["low"], twice["high"]))
    assert (once["repeats"], twice["repeats"]) == (2, 4)


def test_a_fixed_cost_hides_the_growth_and_the_upper_part_tells():
    row = exponent_of(
        [replace(row, first_call_seconds=0.5 + 0.01 * row.steps) for row in grown({}, NUMBERS)], "first_call_seconds"
    )
    assert row["exponent"] < 0.6
    assert row["upper_exponent"] > row["exponent"] + 0.1
    assert row["factor"] == pytest.approx(2.5 / 0.6)
    assert row[["fewest_cost", "most_cost"]].tolist() == pytest.approx([0.6, 2.5])


def test_what_is_measured_once_a_case_is_told_with_its_training():
    costs = {name: (0.1, 1.0) for name in ("build_seconds", "trace_seconds", "compile_seconds", "first_call_seconds")}
    memory = {"step_peak_host_bytes": 60 * MIB, "compile_peak_host_bytes": 61 * MIB}
    rows = grown(costs, NUMBERS) + grown(costs, NUMBERS, phase="predict", **memory)
    shown = exponents(as_table(rows))
    assert shown.query("phase == 'train'")["quantity"].tolist() == [
        *("build_seconds", "trace_seconds", "compile_seconds"),
        *("compile_over_floor_bytes", "step_over_floor_bytes", "first_call_seconds", "step_seconds"),
    ]
    assert shown.query("phase == 'predict'")["quantity"].tolist() == ["first_call_seconds", "step_seconds"]


def test_memory_at_the_floor_has_no_logarithm_and_its_number_of_steps_is_left_out():
    rows = [replace(row, step_peak_host_bytes=(50 + row.steps) * MIB) for row in grown({}, NUMBERS)]
    row = exponent_of(rows, "step_over_floor_bytes")  # the floor is 60 MiB: nothing is over it at 10 steps
    assert row[["numbers", "fewest_steps", "most_steps"]].tolist() == [4, 20, 200]


@pytest.mark.parametrize(
    "rows",
    [
        grown({"step_seconds": (0.001, 1.0)}, (10, 20)),
        grown({"step_seconds": (0.001, 1.0)}, (10, 20)) + grown({"step_seconds": (0.001, 1.0)}, (50,), units=64),
        grown({"step_seconds": (0.001, 1.0)}, (10, 20)) + grown({"step_seconds": (0.001, 1.0)}, (50,), loop="unrolled"),
        [replace(row, status="unequal") for row in grown({"step_seconds": (0.001, 1.0)}, NUMBERS)],
    ],
    ids=["two", "another setting", "another execution", "not ok"],
)
def test_under_three_numbers_of_steps_of_one_arm_there_is_no_exponent(rows):
    assert exponents(as_table(rows)).empty


# the largest number of steps


def trained(loop: str, steps: int, peak: float = GIB, **fields: object) -> Measurement:
    base = replace(TIMING, loop=loop, steps=steps, step_peak_host_bytes=int(peak), case_id=f"{loop}-{steps}")
    return replace(base, **fields)  # type: ignore[arg-type]


def failed(loop: str, steps: int, **fields: object) -> Measurement:
    return replace(FAILURE, loop=loop, steps=steps, case_id=f"{loop}-{steps}", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "most", "fails", "status"),
    [
        pytest.param([trained("looped", 10), trained("looped", 20)], 20, None, "", id="all trained"),
        pytest.param([trained("looped", 10), failed("looped", 20)], 10, 20, "out_of_memory", id="out of memory"),
        pytest.param(
            [trained("looped", 10), failed("looped", 50, status="timeout"), failed("looped", 20, status="timeout")],
            *(10, 20, "timeout"),
            id="time limit at two",
        ),
        pytest.param(
            [trained("looped", 10, 2 * GIB), trained("looped", 20, 2 * GIB + 1)], 10, 20, "over_limit", id="peak above"
        ),
        pytest.param(
            [trained("looped", 10), trained("looped", 20, compile_peak_host_bytes=3 * GIB)],
            *(10, 20, "over_limit"),
            id="peak of the first call above",
        ),
        pytest.param(
            [trained("looped", 10), trained("looped", 20), failed("looped", 20, repeat=1)],
            *(10, 20, "out_of_memory"),
            id="one repeat of two",
        ),
        pytest.param([failed("looped", 20)], None, 20, "out_of_memory", id="none trained"),
        pytest.param(
            [failed("looped", 10, status="timeout"), trained("looped", 20)], 20, None, "", id="an accident below"
        ),
        pytest.param(
            [trained("looped", 10), failed("looped", 20, status="skipped"), failed("looped", 50, status="crashed")],
            *(10, None, ""),
            id="skipped and crashed are not tried",
        ),
        pytest.param(
            [trained("looped", 10, 9 * GIB, device="gpu", peak_device_bytes=GIB)],
            10,
            None,
            "",
            id="memory of the device",
        ),
    ],
)
def test_the_largest_number_of_steps_and_the_smallest_that_failed(rows, most, fails, status):
    row = only(largest(as_table(rows)))
    assert [None if pd.isna(row[name]) else row[name] for name in ("largest_steps", "failed_steps")] == [most, fails]
    assert row["failed_status"] == status


@pytest.mark.parametrize(
    ("reason", "fails"),
    [
        ("held 2.10 GiB, over the limit of 2.00", 20),
        ("held 1.10 GiB, over the limit of 1.00", None),
        ("beside the reference arm 8.10 GiB are held, over the limit of 8.00", None),
    ],
)
def test_what_ended_by_another_limit_says_nothing_of_this_one(reason, fails):
    row = only(largest(as_table([trained("looped", 10), failed("looped", 20, reason=reason)])))
    assert (None if pd.isna(row["failed_steps"]) else row["failed_steps"]) == fails


def test_the_limit_of_memory_can_be_another():
    table = as_table([trained("looped", 10, GIB), trained("looped", 20, 2 * GIB)])
    assert only(largest(table, GIB))["largest_steps"] == 10
    assert only(largest(table, GIB))["largest_peak_bytes"] == GIB


def test_only_settings_with_a_bound_are_told_with_all_their_executions():
    free = [trained(loop, 20, units=64) for loop in ("looped", "unrolled")]
    hopeless = [failed("looped", 20, units=128)]
    table = as_table([*free, *hopeless, failed("unrolled", 20), trained("looped", 20)])
    assert bounded(table)[["execution", "units"]].values.tolist() == [["looped", 32], ["unrolled", 32]]


def test_the_chart_of_the_largest_steps_says_what_trained_and_why_no_more():
    rows = [replace(TIMING, steps=steps, case_id=str(steps)) for steps in (100, 1000)]
    unrolled = [replace(TIMING, loop="unrolled", steps=100), replace(FAILURE, loop="unrolled", steps=1000)]
    static = replace(FAILURE, loop="static", steps=100, status="timeout", case_id="static")
    figure = CHARTS["largest_steps"](as_table([*rows, *unrolled, static]))
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "lstm, looped",
        "lstm, unrolled",
        "lstm, static",
    ]
    shown = texts(figure)
    for words in ("1,000 (the longest tried)", "100 (1,000: out of memory)", "none (100: time limit)"):
        assert words in shown
    assert "Every case of the table that failed is drawn." in shown


@pytest.mark.parametrize("name", ["largest_steps", "cost_growth"])
@pytest.mark.parametrize(
    "rows",
    [
        [replace(trained("looped", 10), masked="full"), replace(failed("looped", 20), masked="full")],
        [replace(trained("looped", 10), step_seconds=None), replace(trained("looped", 20), step_seconds=None)],
        [trained("looped", 10), trained("unrolled", 20)],
    ],
    ids=["masked alone", "no times", "no length of both"],
)
def test_a_chart_of_what_says_little_is_drawn(name: str, rows: list) -> None:
    assert texts(CHARTS[name](as_table(rows)))


# the break-even


def against_looped(step: list[float], first: list[float], build: list[float]) -> pd.Series:
    """The break-even of an arm with these times against looped: 10 ms a step, 1 s the first call, 0.2 s to build."""
    rows = arm("looped", [1.0] * len(step))
    for repeat, times in enumerate(zip(step, first, build, strict=True)):
        names = ("step_seconds", "first_call_seconds", "build_seconds")
        timing = replace(TIMING, loop="unrolled", repeat=repeat, round=1, case_id=f"unrolled-{repeat}")
        rows.append(replace(timing, **dict(zip(names, times, strict=True))))
    return only(break_even(as_table(rows)))


def test_the_break_even_is_what_the_start_costs_over_what_a_step_saves():
    row = against_looped([0.008] * 3, [1.3] * 3, [0.3] * 3)
    assert row["verdict"] == "after"
    assert row[["extra_seconds", "saved_seconds"]].tolist() == pytest.approx([0.4, 0.002])
    assert row[["break_even_steps", "low", "high"]].tolist() == pytest.approx([200, 200, 200])
    assert (row["execution"], row["baseline"], row["phase"], row["repeats"]) == ("unrolled", "looped", "train", 3)


def test_the_break_even_is_the_median_over_repeats_with_the_interval_of_its_logarithm():
    row = against_looped([0.008] * 3, [1.1, 1.2, 1.8], [0.2] * 3)
    numbers = np.log([50, 100, 400])
    expected = stats.ttest_1samp(numbers, 0).confidence_interval(0.95)
    assert row["break_even_steps"] == pytest.approx(100)
    assert (row["low"], row["high"]) == pytest.approx((np.exp(expected.low), np.exp(expected.high)))


def test_a_repeat_with_nothing_to_pay_gives_the_break_even_no_interval():
    row = against_looped([0.008] * 3, [0.9, 1.2, 1.8], [0.2] * 3)
    assert (row["verdict"], row["break_even_steps"]) == ("after", pytest.approx(100))
    assert np.isnan(row["low"])


@pytest.mark.parametrize(
    ("step", "first", "verdict", "steps"),
    [
        ([0.008] * 3, 0.9, "at once", 0.0),
        ([0.008] * 3, 1.0, "at once", 0.0),
        ([0.012] * 3, 1.5, "never", np.inf),
        ([0.012] * 3, 1.0, "never", np.inf),
        ([0.012] * 3, 0.8, "ahead until", 100.0),
        ([0.005, 0.010, 0.020], 1.5, "undecided", np.nan),
        ([0.0099, 0.0100, 0.0101], 1.5, "equal within 5%", np.nan),
        ([0.008] * 2, 1.5, "too few repeats", np.nan),
    ],
)
def test_an_arm_that_is_not_both_faster_and_dearer_has_a_verdict_in_words(step, first, verdict, steps):
    row = against_looped(step, [first] * len(step), [0.2] * len(step))
    assert row["verdict"] == verdict
    assert row["break_even_steps"] == pytest.approx(steps, nan_ok=True)


def test_every_arm_has_its_own_break_even_and_settings_are_not_mixed():
    rows = []
    for units, factor in ((32, 0.5), (64, 0.8)):
        base = replace(TIMING, units=units)
        rows += arm("looped", [1.0] * 3, base) + arm("unrolled", [factor] * 3, base, first_call=1.1)
    shown = break_even(as_table(rows)).set_index("units")["break_even_steps"]
    assert shown.to_dict() == pytest.approx({32: 20.0, 64: 50.0})


@pytest.mark.parametrize("table", [empty_table(), failures_table()], ids=["empty", "failures"])
@pytest.mark.parametrize("statistic", [exponents, bounded, break_even])
def test_a_table_without_results_gives_no_rows_and_all_columns(statistic, table):
    assert statistic(table).empty
    assert list(statistic(table)) == list(statistic(quick_table()))


def test_times_of_a_curve_are_those_of_one_run_and_memory_is_that_of_all() -> None:
    """A second run at twice the pace has one more number of steps."""
    rows = [replace(TIMING, run="first", steps=steps, step_seconds=steps * 1.0) for steps in (10, 20, 40)]
    rows += [replace(TIMING, run="second", steps=steps, step_seconds=steps * 0.5) for steps in (10, 20, 40, 80)]
    fits = exponents(as_table(rows))
    steps = fits[fits["quantity"] == "step_seconds"].iloc[0]
    assert (steps["most_steps"], steps["fewest_cost"]) == (80, 5.0)
    assert steps["exponent"] == pytest.approx(1)
