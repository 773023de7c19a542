"""A machine that was disturbed is noticed, and what it cost is counted: on tables whose pace was put in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.tables import TIMING, empty_table, failures_table
from zoo.measuring.rows import Measurement
from zoo.report.verdicts import verdict_lines
from zoo.statistics.pace import DISTURBED, cost_of_spread, paces
from zoo.statistics.ratios import ratios
from zoo.statistics.tables import as_table

pytestmark = pytest.mark.usefixtures("python_texts")


def rows(ratio: float, spread: Sequence[float], slow: float, entry: str = "lstm") -> list[Measurement]:
    """Looped and unrolled in as many repeats as `spread` has factors; every second round takes `slow` × as long."""
    made = []
    for repeat, factor in enumerate(spread):
        for number in range(10):
            pace = slow if number % 2 else 1.0
            for loop, seconds in (("looped", 0.01), ("unrolled", 0.01 * ratio * factor)):
                names = {"entry": entry, "loop": loop, "case_id": f"{entry}-{loop}", "group": entry}
                made.append(
                    replace(TIMING, **names, repeat=repeat, round=number, step_seconds=seconds * pace)  # type: ignore[arg-type]
                )
    return made


@pytest.mark.parametrize("slow", [1.0, 1.2, 2.0, 3.0])
def test_the_pace_that_was_put_in_is_found_and_the_ratio_is_free_of_it(slow: float) -> None:
    table = as_table(rows(0.8, [1.0, 1.01, 0.99], slow))
    assert paces(table)["factor"].tolist() == pytest.approx([slow], rel=0.02)  # and 1% of the arms' own
    assert ratios(table, quantities=["step_seconds"])["ratio"].tolist() == pytest.approx([0.8], rel=1e-3)


def test_what_a_disturbed_machine_cost_is_counted() -> None:
    """Three entries are measured calmly, the fourth with a spread that hides a quarter."""
    calm = [row for name in ("gru", "neuron", "simple_rnn") for row in rows(0.75, [1.0, 1.01, 0.99], 1.0, name)]
    wide = rows(0.75, [0.7, 1.0, 1.43], 2.0)
    comparisons = ratios(as_table([*calm, *wide]), quantities=["step_seconds"])
    assert cost_of_spread(comparisons)["entry"].tolist() == ["lstm"]
    last, count = verdict_lines(as_table([*calm, *wide]))[-2:]
    assert f"by more than {DISTURBED:g}× in 1 of 4 groups" in last
    assert "1 undecided comparison would be decided on a calm machine" in last
    assert "1 undecided" in count


def test_a_calm_machine_gets_no_line() -> None:
    lines = verdict_lines(as_table(rows(0.75, [1.0, 1.01, 0.99], 1.1)))
    assert not any("pace" in line for line in lines)


@pytest.mark.parametrize("table", [empty_table(), failures_table()], ids=["empty", "failures"])
def test_a_table_without_rounds_has_no_pace(table: pd.DataFrame) -> None:
    assert len(paces(table)) == 0
    assert not np.isfinite(paces(table)["factor"]).any()
