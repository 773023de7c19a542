"""Executions over the fastest of their size, and which is the fastest most often."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tests.tables import FAILURE, TIMING, arm, empty_table, failures_table, pair
from zoo.statistics.executions import by_size, over_fastest, winners
from zoo.statistics.tables import as_table
from zoo.statistics.verdicts import SLOWER

pytestmark = pytest.mark.usefixtures("python_texts")

WOBBLE = (0.97, 1.0, 1.03)
SKIPPED = replace(FAILURE, status="skipped", reason="it cannot")


def of(rows: list) -> dict[str, tuple[float, bool, str]]:
    """By execution: the ratio, whether it is a tie, and how it ended."""
    found = over_fastest(as_table(rows)).set_index("execution")
    return {name: (row["ratio"], bool(row["tie"]), row["ended"]) for name, row in found.iterrows()}


def test_every_ratio_is_over_the_fastest_and_what_is_not_decidedly_slower_is_a_tie() -> None:
    rows = [*arm("looped", [1.0] * 3), *arm("unrolled", [0.5] * 3), *arm("fused", [0.5, 0.55, 0.5])]
    found = of(rows)
    assert found["unrolled"] == (pytest.approx(1.0), True, "")
    assert found["looped"] == (pytest.approx(2.0), False, "")
    assert found["fused"][:2] == (pytest.approx(1.032, abs=1e-3), True)


def test_the_fastest_is_so_in_the_same_repeats() -> None:
    """looped has two more repeats, at a time when the machine was twice as slow: that makes it no slower arm."""
    slow = [replace(row, repeat=row.repeat + 3) for row in arm("looped", [2.0] * 2)]
    found = of([*arm("looped", [1.0] * 3), *slow, *arm("unrolled", [1.3] * 3)])
    assert found["looped"][0] == pytest.approx(1.0)
    assert found["unrolled"][0] == pytest.approx(1.3)


@pytest.mark.parametrize("seed", range(3))
def test_of_equal_executions_few_are_called_slower_than_the_fastest(seed: int) -> None:
    """Eight from one law at twenty sizes, beside as many that differ: the best of a few repeats was lucky in them.

    Of all that are called slower at most 5% are expected to be as fast.
    """
    random = np.random.default_rng(seed)
    rows = []
    for units, chunk in itertools.product(range(40), range(8)):
        factors = np.exp(random.normal(0, 0.05, 3)) * (2 if units >= 20 and chunk else 1)
        rows += arm("chunked", factors, replace(TIMING, units=units, chunk=chunk + 1))
    found = over_fastest(as_table(rows))
    slower = found[found["verdict"] == SLOWER]
    assert len(slower) >= 0.9 * 20 * 7
    assert (slower["units"] < 20).mean() <= 0.05


def test_an_execution_that_ended_after_a_lucky_repeat_is_not_the_fastest() -> None:
    found = of([*pair(20, [1.5] * 3), *arm("fused", [0.5])])
    assert found["looped"][0] == pytest.approx(1.0)
    assert found["unrolled"][0] == pytest.approx(1.5)


def test_of_two_runs_alike_every_repeat_counts() -> None:
    again = [replace(row, run="later") for row in pair(20, [3.0])]
    expected = np.exp(np.mean(np.log([1.5, 1.5, 1.5, 3.0])))
    assert of([*pair(20, [1.5] * 3), *again])["unrolled"][0] == pytest.approx(expected)


def test_of_several_runs_the_group_with_keras_own_loops_counts() -> None:
    other = replace(TIMING, run="chunks", group="chunks")
    chunks = [row for size in (2, 4, 8) for row in arm("chunked", [0.4] * 3, replace(other, chunk=size))]
    found = of([*pair(20, [0.8] * 3), *arm("looped", [1.0] * 3, other), *chunks])
    assert found["unrolled"][0] == pytest.approx(1.0)
    assert found["looped"][0] == pytest.approx(1.25)
    assert not any(name.startswith("chunked") for name in found)


def test_what_has_no_time_says_how_it_ended() -> None:
    fails = [
        replace(FAILURE, loop="unrolled"),
        replace(FAILURE, loop="fused", status="timeout", steps=10),
        replace(SKIPPED, loop="fused"),
        replace(SKIPPED, loop="parallel"),
        replace(SKIPPED, loop="stock"),
    ]
    rows = over_fastest(as_table([*arm("looped", [1.0] * 3), *fails]))
    ended = rows[rows["steps"] == 20].set_index("execution")["ended"].to_dict()
    expected = {"unrolled": "out of memory", "fused": "timeout", "parallel": "not possible", "stock": "as looped"}
    assert ended == {"looped": "", **expected}


def test_each_stretch_of_lengths_has_its_winner() -> None:
    factors = ((10, 0.5), (20, 0.5), (50, 1.0), (100, 1.5), (200, 1.5))
    rows = [row for steps, factor in factors for row in pair(steps, [factor] * 3)]
    won = winners(by_size(as_table(rows)))
    assert won[["execution", "first_steps", "last_steps", "sizes"]].to_numpy().tolist() == [
        ["unrolled", 10, 50, 3],  # at 50 they are tied, and the stretch that is there goes on
        ["looped", 100, 200, 2],
    ]
    assert set(won["backend"]) == {"tensorflow"}
    assert won["tried_to"].isna().all()


def test_as_few_stretches_as_can_be_and_of_those_the_fastest() -> None:
    """unrolled is the fastest at 10 and tied at 20 and 50 steps; looped is the fastest from 50 on."""

    def at(steps: int, **factors: float) -> list:
        sizes = replace(TIMING, steps=steps)
        arms = {"looped": sizes, "unrolled": sizes}
        return [row for loop, each in arms.items() for row in arm(loop, [factors[loop] * w for w in WOBBLE], each)]

    rows = [*at(10, looped=1.3, unrolled=1.0), *at(20, looped=1.005, unrolled=1.0), *at(50, looped=1.0, unrolled=1.01)]
    won = winners(by_size(as_table(rows)))
    assert won[["execution", "first_steps", "last_steps"]].to_numpy().tolist() == [["unrolled", 10, 50]]
    rows += at(100, looped=1.0, unrolled=1.3)
    won = winners(by_size(as_table(rows)))
    assert won[["execution", "first_steps", "last_steps"]].to_numpy().tolist() == [
        ["unrolled", 10, 20],
        ["looped", 50, 100],
    ]


def test_what_is_not_decidedly_slower_but_measured_as_a_tenth_slower_names_no_stretch() -> None:
    rows = [*pair(10, [0.5] * 3), *pair(20, [0.9, 1.1, 1.35]), *pair(50, [2.0] * 3)]
    won = winners(by_size(as_table(rows)))
    assert won[["execution", "first_steps", "last_steps"]].to_numpy().tolist() == [
        ["unrolled", 10, 10],
        ["looped", 20, 50],
    ]


def test_who_is_alone_because_the_others_took_too_long_has_won() -> None:
    late = replace(FAILURE, loop="unrolled", status="timeout", steps=100)
    alone = [row for steps in (100, 200) for row in arm("looped", [1.0] * 3, replace(TIMING, steps=steps))]
    rows = [*pair(10, [2.0] * 3), *pair(20, [2.0] * 3), *pair(50, [2.0] * 3), *alone, late]
    won = winners(by_size(as_table(rows)))
    assert won[["execution", "first_steps", "last_steps", "sizes"]].to_numpy().tolist() == [["looped", 10, 100, 4]]


def test_an_execution_that_was_not_tried_at_every_length_says_so() -> None:
    others = [row for steps in (20, 50, 100) for row in arm("stock", [1.0] * 3, replace(TIMING, steps=steps))]
    others += arm("looped", [1.0] * 3, replace(TIMING, steps=100))
    won = winners(by_size(as_table([*pair(10, [0.5] * 3), *pair(20, [0.5] * 3), *pair(50, [0.5] * 3), *others])))
    assert won.set_index("execution")["tried_to"].dropna().to_dict() == {"unrolled": 50}


def test_under_three_repeats_nothing_wins() -> None:
    rows = [row for steps in (10, 20) for row in pair(steps, [0.5] * 2)]
    assert winners(by_size(as_table(rows))).empty


@pytest.mark.parametrize("table", [empty_table(), failures_table()], ids=["empty", "failures"])
def test_a_table_without_times_has_no_winner(table) -> None:
    assert winners(by_size(table)).empty
