"""Moderated variances: the prior of known draws is found, and intervals keep their promise."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from zoo.statistics.moderation import LEAST_COMPARISONS, MOST_DEGREES, Prior, prior, prior_of
from zoo.statistics.verdicts import MOMENTS, ratio_test, ratio_tests

pytestmark = pytest.mark.usefixtures("python_texts")

VARIANCE = 0.002


def drawn(free: float, comparisons: int = 20_000, degrees: int = 4) -> np.ndarray:
    """Sample variances whose own variances are drawn from a scaled inverse chi-squared distribution."""
    random = np.random.default_rng(0)
    true = VARIANCE * free / random.chisquare(free, comparisons) if math.isfinite(free) else VARIANCE
    return true * random.chisquare(degrees, comparisons) / degrees


@pytest.mark.parametrize("free", [2.0, 3.0, 20.0, math.inf])
def test_the_prior_is_that_which_the_variances_were_drawn_from(free: float) -> None:
    """20,000 draws leave an error of about 3%."""
    found = prior(drawn(free), np.full(20_000, 4))
    assert found.variance == pytest.approx(VARIANCE, rel=0.05)
    assert found.degrees == pytest.approx(min(free, MOST_DEGREES), rel=0.05)


def test_its_equations_are_those_of_smyth() -> None:
    """d0 from trigamma(d0/2) = spread, s0² from the mean; here computed by a search over d0."""
    variances, degrees = drawn(3.0, 40), np.full(40, 4)
    logs = np.log(variances) - special.digamma(2.0) + np.log(2.0)
    spread = logs.var(ddof=1) - special.polygamma(1, 2.0)
    grid = np.linspace(0.5, 12, 200_001)
    free = grid[np.argmin(np.abs(special.polygamma(1, grid / 2) - spread))]
    found = prior(variances, degrees)
    assert found.degrees == pytest.approx(min(free, MOST_DEGREES), rel=1e-3)
    assert found.variance == pytest.approx(np.exp(logs.mean() + special.digamma(free / 2) - np.log(free / 2)), rel=1e-3)


def moments_of(comparisons: Sequence[Sequence[float] | np.ndarray]) -> pd.DataFrame:
    """The moments of the logarithms of the ratios of each comparison."""
    return pd.DataFrame([np.log(pd.Series(ratios)).agg(MOMENTS) for ratios in comparisons])


def test_few_comparisons_and_values_that_are_all_alike_have_no_prior() -> None:
    few = [[1.0, 1.1, 1.2]] * (LEAST_COMPARISONS - 1)
    assert prior_of(moments_of(few)) == Prior()
    assert prior_of(moments_of([*few, [1.0, 1.1], [1.0] * 3])) == Prior()
    assert prior_of(moments_of([*few, [1.0, 1.2, 1.1]])) != Prior()


def test_without_a_prior_it_is_students_test_and_with_one_its_degrees_are_added() -> None:
    ratios = pd.Series([0.9, 0.95, 0.97])
    logs = np.log(ratios)
    plain = stats.ttest_1samp(logs, 0)
    ends = plain.confidence_interval()
    row = ratio_test(ratios)
    assert (row["low"], row["high"], row["p_value"]) == pytest.approx((*np.exp([ends.low, ends.high]), plain.pvalue))
    known = Prior(VARIANCE, 4.0)
    variance = (4 * VARIANCE + 2 * logs.var()) / 6
    half = stats.t.ppf(0.975, 6) * math.sqrt(variance / 3)
    row = ratio_test(ratios, known)
    assert math.log(row["high"]) - logs.mean() == pytest.approx(half)
    assert row["log_sd"] == pytest.approx(math.sqrt(variance))


@pytest.mark.parametrize("unequal", [0.0, 0.5])
def test_intervals_hold_the_truth_in_95_percent(unequal: float) -> None:
    """Also where the standard deviations of the arms differ, by a factor of 1.6 for two thirds of them."""
    random = np.random.default_rng(1)
    held = []
    for _ in range(60):
        spread = 0.03 * np.exp(random.normal(0, unequal, 15))
        moments = moments_of([np.exp(random.normal(0, each, 3)) for each in spread])
        rows = ratio_tests(moments, [prior_of(moments)] * len(moments))
        held += [row.low <= 1 <= row.high for row in rows.itertuples()]
    share = stats.binomtest(sum(held), len(held)).proportion_ci(0.99, method="exact")
    assert share.low <= 0.95 <= share.high
