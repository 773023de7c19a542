"""The experiments lose no measurement, and mix none of one setting with those of another."""

from __future__ import annotations

import pandas as pd
import pytest

import zoo
from benchmarks.experiments import epoch, lengths, null, recommend


@pytest.mark.parametrize("experiment", [epoch, lengths])
def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_measured(experiment, tmp_path, monkeypatch) -> None:
    (tmp_path / "taken").write_text("")
    monkeypatch.setattr(experiment, "measure", lambda *given: pytest.fail("it measured"))
    with pytest.raises(zoo.ZooError, match="cannot write to the folder"):
        experiment.main(to=tmp_path / "taken" / "rows.csv")


def test_series_of_other_lengths_are_not_mixed(tmp_path) -> None:
    pd.DataFrame({"kind": ["white noise"], "seed": [0], "rows": [500]}).to_csv(tmp_path / null.TABLE, index=False)
    with pytest.raises(zoo.ZooError, match=r"is of series of 500 rows, not 300: choose another folder with --to$"):
        null.main(seeds=1, rows=300, to=tmp_path)


def test_recommendations_of_other_budgets_are_not_mixed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(recommend, "random_sizes", lambda count: [])
    options = {"sizes": 1, "thorough": 120.0, "again": 30.0, "backend": "jax", "to": tmp_path, "only_table": False}
    recommend.main(budget=60.0, **options)
    recommend.main(budget=60.0, **options)
    with pytest.raises(zoo.ZooError, match=r"were measured with \{'budget': 60.0, .*not \{'budget': 30.0, .* --to$"):
        recommend.main(budget=30.0, **options)
