"""Baselines of a comparison: the same in every fold, and in the table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from zoo.comparison.outcome import Outcome, Score
from zoo.frames.table import open_table
from zoo.problems import baselines
from zoo.problems.forecasting import Forecasting
from zoo.problems.problem import Metric, Worth
from zoo.problems.series import Roles, read_panel


def daily(rows: int, start: str, shop: str) -> pd.DataFrame:
    values = np.sin(np.arange(rows) * 2 * np.pi / 7) + 0.1 * np.random.default_rng(0).normal(size=rows)
    return pd.DataFrame({"day": pd.date_range(start, periods=rows).astype(str), "y": values, "shop": shop})


@pytest.mark.parametrize("over", [False, True])
def test_the_models_of_statsforecast_are_asked_in_every_fold_or_in_none_and_the_notes_say_so(monkeypatch, over) -> None:
    monkeypatch.setattr(baselines, "statistical_is_installed", lambda: True)
    monkeypatch.setattr(
        baselines,
        "statistical",
        lambda windows, series, *_: dict.fromkeys(baselines.STATISTICAL, baselines.last_value(windows, series)),
    )
    shops = [daily(400, "2020-01-01", "a"), daily(150, "2020-09-01", "b")]  # folds of several sizes
    panel = read_panel(open_table(pd.concat(shops, ignore_index=True)), Roles(target="y", time="day", id="shop"))
    problem = Forecasting(panel, 10, 3)
    tested = [len(problem.truth(fold)) for fold in range(problem.folds)]
    assert min(tested) < max(tested)
    monkeypatch.setattr(baselines, "MOST_ORIGINS", max(tested) - over)
    for fold in range(problem.folds):
        assert (set(baselines.STATISTICAL) <= set(problem.baselines(fold))) is not over
    left_out = f"AutoETS and AutoTheta are left out: a fold is tested on {max(tested)} windows"
    assert any(note.startswith(left_out) for note in problem.notes) is over


def test_a_baseline_that_a_fold_lacks_has_no_row() -> None:
    def worth(loss: float) -> Worth:
        return Worth({"MASE": loss}, loss + np.linspace(-0.01, 0.01, 20))

    outcome = Outcome(
        name="y, 1 step ahead",
        metrics=(Metric("MASE"),),
        notes=(),
        baselines=[{"last value": worth(1.0), "AutoETS": worth(0.5)}, {"last value": worth(1.0)}],
        scores=[Score("gru", fold, 0, worth(0.8)) for fold in range(2)],
        costs={},
        executions={},
        failed={},
        clusters=[np.arange(20)] * 2,
        overlap=1,
    )
    assert outcome.table["name"].tolist() == ["gru", "last value"]
    assert outcome.best_baseline == "last value"
