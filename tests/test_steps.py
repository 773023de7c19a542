"""The steps of a series: calendars have no gaps, and the next times are those that a person would write."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from zoo.frames.table import open_table
from zoo.problems.series import Panel, Roles, read_panel
from zoo.problems.steps import future_times


def panel_of(frame: pd.DataFrame, identity: str = "") -> Panel:
    """Of the times "t" and values that change."""
    values = np.random.default_rng(0).normal(size=len(frame))
    return read_panel(open_table(frame.assign(y=values)), Roles("y", "t", identity))


@pytest.mark.parametrize("months", [1, 3, 12])
def test_rows_of_one_day_of_the_month_go_on_by_months(months: int) -> None:
    times = pd.DatetimeIndex([pd.Timestamp("2019-01-15") + pd.DateOffset(months=months * i) for i in range(30)])
    panel = panel_of(pd.DataFrame({"t": times[:24].astype(str)}))
    assert (future_times(panel.series[0].times, panel.step, 6) == times[24:]).all()


@pytest.mark.parametrize("freq", ["D", "MS", "h", "B", "W-SUN", "QS-OCT"])
def test_a_calendar_has_no_gaps_and_goes_on(freq: str) -> None:
    times = pd.date_range("2020-01-01", periods=60, freq=freq)
    panel = panel_of(pd.DataFrame({"t": times}))
    assert panel.series[0].follows[1:].all()
    assert (
        future_times(panel.series[0].times, panel.step, 3) == pd.date_range(times[-1], periods=4, freq=freq)[1:]
    ).all()


def test_each_series_goes_on_in_its_own_calendar_and_over_a_missing_row() -> None:
    """Shop a on Sundays, without one of them; shop b on Mondays; and months, of which one is missing."""
    sundays, mondays = (pd.date_range(start, periods=60, freq="7D") for start in ("2020-01-05", "2020-01-06"))
    rows = {"a": sundays.delete(4), "b": mondays[:50]}
    shops = [pd.DataFrame({"t": times, "shop": name}) for name, times in rows.items()]
    panel = panel_of(pd.concat(shops), identity="shop")
    first = [future_times(each.times, panel.step, 1)[0] for each in panel.series]
    assert first == [sundays[-1] + pd.Timedelta("7D"), mondays[50]]
    months = pd.date_range("2020-01-01", periods=51, freq="MS")
    panel = panel_of(pd.DataFrame({"t": months[:49].delete(3)}))
    assert (future_times(panel.series[0].times, panel.step, 2) == months[49:]).all()


def test_a_row_a_month_goes_on_month_by_month_whatever_its_day() -> None:
    """On the last trading days the next is the same day, or the last; at the ends of months the ends."""
    trading = pd.date_range("2023-01-31", periods=24, freq="BME").to_series()
    trading["2024-03-29"] = "2024-03-28"  # a holiday
    panel = panel_of(pd.DataFrame({"t": trading.to_numpy()}))
    following = [str(day)[:10] for day in future_times(panel.series[0].times, panel.step, 3)]
    assert following == ["2025-01-31", "2025-02-28", "2025-03-31"]
    starts, ends = (pd.date_range("2020-01-01", periods=40, freq=freq) for freq in ("MS", "ME"))
    shops = [pd.DataFrame({"t": times, "shop": name}) for name, times in (("a", starts), ("b", ends[:38]))]
    panel = panel_of(pd.concat(shops), identity="shop")
    assert str(panel.step) == "1 month"
    assert (future_times(panel.series[1].times, panel.step, 2) == ends[38:]).all()


def test_the_order_of_dates_that_was_found_is_kept() -> None:
    """A later part of the table may hold only dates that can be read in two ways."""
    days = pd.date_range("2020-01-01", periods=40)
    assert panel_of(pd.DataFrame({"t": days.strftime("%d/%m/%Y")})).roles.dates == "day-first"
    assert panel_of(pd.DataFrame({"t": days.strftime("%Y-%m-%d")})).roles.dates == ""
