"""What a ratio of times shows: faster, slower, equal within 5%, or undecided, and how many repeats would decide it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import scipy  # its modules are imported when they are used, which takes a second

from zoo.measuring.enough import CONFIDENCE, LEAST_REPEATS
from zoo.statistics.moderation import Prior, moderated

FASTER, SLOWER, EQUAL = "faster", "slower", "equal within 5%"
UNDECIDED, TOO_FEW = "undecided", "too few repeats"
DECIDED = (FASTER, SLOWER, EQUAL)
EQUAL_FROM, EQUAL_TO = 0.95, 1.05
"""Ratios between these are equal for a user."""
LEVEL = 1 - CONFIDENCE
"""The false discovery rate of the differences in a table, and the level of the tests of equality."""
POWER = 0.8
"""How likely the repeats needed would decide, if the ratio and its spread are what they seem."""
LARGEST_EFFECT = 10.0
"""In standard deviations: of larger ones statsmodels finds no power, and the fewest repeats are enough."""
MOST_REPEATS = 1_000_000
"""Nobody makes as many."""
FIRST_TRIED = 16
"""So many numbers of repeats are tried at once, and twice as many each time that none is enough."""
NO_PRIOR = Prior()
SMALLEST = 1e-12
"""Standard error of ratios that are all alike."""
MOMENTS: list[Any] = ["count", "mean", "var"]
TEST = ["ratio", "low", "high", "repeats", "log_sd", "degrees", "p_value", "p_equal"]
OF_ENOUGH = [name for name in TEST if name not in ("ratio", "repeats")]
"""What only a comparison with the least repeats has."""
JUDGED = ["p_fdr", "verdict", "repeats_needed"]


def ratio_test(ratios: pd.Series, prior: Prior = NO_PRIOR) -> dict[str, float]:
    """The tests of one comparison; `ratios` holds one value a repeat, `prior` what is known of its variance.

    `ratio` is their geometric mean, `low` to `high` its 95% interval, `log_sd` the standard deviation of the
    logarithms. `p_value` is that of Student's t test of the logarithms against 0; `p_equal` the larger one of the two
    one-sided tests (TOST) that the ratio is above 0.95 and below 1.05: it is at most 5% where the 90% interval lies
    between them. All are of the moderated variance (see `zoo.statistics.moderation`) and its `degrees` of freedom.
    Under 3 repeats there is a mean alone.
    """
    moments = np.log(ratios.dropna()).agg(MOMENTS).to_frame().T
    return dict(ratio_tests(moments, [prior]).iloc[0])


def ratio_tests(moments: pd.DataFrame, priors: Sequence[Prior]) -> pd.DataFrame:
    """The tests of many comparisons, a row each; see `ratio_test`.

    Args:
        moments: the MOMENTS of the logarithms of each comparison's ratios.
        priors: what is known of the variance of each.
    """
    with np.errstate(all="ignore"):
        own = moments["count"].to_numpy(float) - 1
        variance, degrees = moderated(priors, moments["var"].to_numpy(float), own)
    return moderated_tests(moments.assign(var=variance, degrees=degrees))


def moderated_tests(moments: pd.DataFrame) -> pd.DataFrame:
    """The tests of comparisons whose variances are moderated: MOMENTS, and the `degrees` of freedom of `var`."""
    with np.errstate(all="ignore"):
        means = {"ratio": np.exp(moments["mean"].astype(float)), "repeats": moments["count"].astype(float)}
    tests = pd.DataFrame(means, index=moments.index).reindex(columns=TEST)
    known = (tests["repeats"] >= LEAST_REPEATS).to_numpy()
    if known.any():
        tests.loc[known, OF_ENOUGH] = _of_enough(moments[known])
    return tests


def _of_enough(moments: pd.DataFrame) -> np.ndarray:
    """The columns OF_ENOUGH of comparisons with enough repeats."""
    count, mean, variance, degrees = (moments[name].to_numpy(float) for name in (*MOMENTS, "degrees"))
    with np.errstate(all="ignore"):
        spread = scipy.stats.t(degrees, loc=mean, scale=np.maximum(np.sqrt(variance / count), SMALLEST))
        low, high = spread.interval(CONFIDENCE)
        p_value = 2 * np.minimum(spread.cdf(0), spread.sf(0))
        p_equal = np.maximum(spread.cdf(math.log(EQUAL_FROM)), spread.sf(math.log(EQUAL_TO)))
        return np.column_stack([np.exp(low), np.exp(high), np.sqrt(variance), degrees, p_value, p_equal])


def false_discoveries(p_values: pd.Series) -> pd.Series:
    """p-values of comparisons that are looked at together, corrected by Benjamini and Hochberg; NaN stays NaN."""
    given = p_values.dropna()
    if len(given) < 2:  # nothing to correct
        return p_values
    from statsmodels.stats.multitest import multipletests

    return pd.Series(multipletests(given, method="fdr_bh")[1], index=given.index).reindex(p_values.index)


def with_verdicts(tests: pd.DataFrame, family: list[str]) -> pd.DataFrame:
    """The comparisons, a row of `ratio_test` each, with the columns `p_fdr`, `verdict` and `repeats_needed`.

    `p_fdr` is `p_value` corrected within what has the same `family`, 1 where the two are equal; `verdict` one of

    - "equal within 5%": whatever the test of a difference says, since a proven difference of less is none to a user;
    - "faster", "slower": of all that are called so, at most 5% are expected to be no different;
    - "undecided": `repeats_needed` is the number of repeats, those made among them, that would likely decide it;
    - "too few repeats": under 3.
    """
    judged = tests.assign(p_fdr=of_a_call(tests))
    judged["p_fdr"] = judged.groupby(family, dropna=False, sort=False)["p_fdr"].transform(false_discoveries)
    columns = ["ratio", "p_fdr", "p_equal", "p_value", "log_sd", "degrees", "repeats"]
    rows: list[Any] = list(judged[columns].astype("float64").itertuples(index=False))
    words = [verdict(row.ratio, row.p_fdr, row.p_equal) for row in rows]
    needed = [_needed(row) if word == UNDECIDED else pd.NA for row, word in zip(rows, words, strict=True)]
    judged["verdict"] = pd.Series(words, index=judged.index, dtype="str")
    judged["repeats_needed"] = pd.Series(needed, index=judged.index, dtype="Int64")
    return judged


def of_a_call(tests: pd.DataFrame) -> pd.Series:
    """The p-values that are corrected together: 1 for what is equal within 5%, which is never called a difference.

    Among calls that are made the false discovery rate would be more than 5% if others counted beside them.
    """
    return tests["p_value"].astype("float64").mask(tests["p_equal"] <= LEVEL, 1.0)


def verdict(ratio: float, p_different: float, p_equal: float) -> str:
    """What a ratio shows, given the p-values of its tests: (corrected) of a difference, and of equality within 5%."""
    if pd.isna(p_different):
        return TOO_FEW
    if p_equal <= LEVEL:
        return EQUAL
    if p_different > LEVEL:
        return UNDECIDED
    return FASTER if ratio < 1 else SLOWER


def _needed(row: Any) -> int:
    """`repeats_needed` of a comparison; the level is what the correction leaves of 5% at its rank in the family."""
    made = int(row.repeats)
    level = LEVEL * row.p_value / row.p_fdr
    return repeats_needed(row.ratio, row.log_sd, made, level, max(0.0, row.degrees - (made - 1)))


def repeats_needed(ratio: float, log_sd: float, made: int, level: float = LEVEL, of_prior: float = 0.0) -> int:
    """How many repeats would decide a comparison in 4 of 5 tries, if `ratio` and `log_sd` are the true ones.

    The lesser number of what a difference needs at `level` and what equality within 5% needs: each of its two tests may
    fail in 1 of 10 tries. Always more than those `made`. `of_prior` are the degrees of freedom that others lend.
    """
    mean = math.log(ratio)
    room = min(mean - math.log(EQUAL_FROM), math.log(EQUAL_TO) - mean)
    difference = _repeats(abs(mean), log_sd, level / 2, POWER, of_prior)  # the wrong side is never found: one-sided
    equality = _repeats(room, log_sd, LEVEL, (1 + POWER) / 2, of_prior)
    return max(math.ceil(min(difference, equality, MOST_REPEATS)), made + 1)


@cache  # a run asks the same of its table several times: the tables, the charts, the last lines
def _repeats(distance: float, log_sd: float, level: float, power: float, of_prior: float) -> float:
    """The repeats with which a one-sided t test finds a mean that lies `distance` above what it is compared with."""
    from statsmodels.stats.power import TTestPower, normal_sample_size_one_tail

    if distance <= 0:
        return math.inf
    effect = min(distance / log_sd, LARGEST_EFFECT) if log_sd > 0 else LARGEST_EFFECT
    with np.errstate(all="ignore"):
        if_known = min(normal_sample_size_one_tail(effect, power, level), MOST_REPEATS)
        fewest, more = max(math.ceil(if_known), LEAST_REPEATS), FIRST_TRIED  # a deviation that is known needs fewer
        while fewest < MOST_REPEATS:
            tried = np.arange(fewest, fewest + more)
            powers = TTestPower().power(effect, tried, level, df=tried - 1 + of_prior, alternative="larger")
            if (powers >= power).any():
                return float(tried[powers >= power][0])
            fewest, more = fewest + more, 2 * more
    return math.inf
