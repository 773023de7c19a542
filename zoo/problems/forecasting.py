"""The problem of a forecast: windows of a panel, in folds by time, compared with naive baselines by MASE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np

from zoo.data import Split
from zoo.errors import ZooError, positive_whole
from zoo.problems import baselines
from zoo.problems.folds import Fold, rolling_folds
from zoo.problems.problem import Examples, Metric, Worth, digest_of, own_task
from zoo.problems.scaling import Scaling, learnt
from zoo.problems.season import find_season
from zoo.problems.series import Panel
from zoo.problems.windows import Windows, gathered, target_times, windows_between
from zoo.registry import Task

UNITS, BATCH = 32, 64
MOST_WINDOWS = 50_000
"""That one training reads; of more, every so many."""


@dataclass(frozen=True, eq=False)
class Forecasting:
    """What a panel's next values are.

    Attributes:
        panel: its series.
        window: rows that a model reads.
        horizon: rows that it forecasts.
        fold_count: how many folds.
        season: the period of the series; 0: it is found.
    """

    panel: Panel
    window: int = 20
    horizon: int = 1
    fold_count: int = 3
    season: int = 0
    metrics: Sequence[Metric] = field(init=False)

    def __post_init__(self) -> None:
        for name in ("window", "horizon", "fold_count"):
            positive_whole(name.partition("_")[0], getattr(self, name))
        object.__setattr__(self, "metrics", (Metric("MASE"), Metric("RMSE", self.panel.roles.target)))
        if not any(len(self._windows(fold, "train")) for fold in range(self.fold_count)):
            raise ZooError(self._too_few("training"))
        if self.season >= (longest := max(self._folds[0].validation)):
            raise ZooError(f"a season of {self.season} rows does not fit the {longest} of the first training part")
        for fold in range(self.fold_count):
            for part in ("train", "validation", "test"):
                if not len(self._windows(fold, part)):
                    raise ZooError(self._too_few(part))
            if not np.isfinite(self._naive_errors(fold)[self._windows(fold, "test").series]).any():
                raise ZooError(
                    f"{self.panel.roles.target!r} is constant in the training part of fold {fold + 1}: "
                    "MASE is not defined; ask for fewer --folds, or for rows that change"
                )

    def _too_few(self, part: str) -> str:
        return (
            f"no {part} window of {self.window} + {self.horizon} rows in a row without a gap: "
            f"ask for a shorter --window or --horizon, or for fewer --folds{self._holes()}"
        )

    def _holes(self) -> str:
        """Which column lacks the most values, if any does."""
        values = np.concatenate([each.values[: each.end] for each in self.panel.series])
        lacking = np.isnan(values).sum(axis=0)
        name = self.panel.roles.values[int(lacking.argmax())]
        return f"; {name!r} has no value in {lacking.max():,} of {len(values):,} rows" if lacking.any() else ""

    @property
    def name(self) -> str:
        """The target and the horizon."""
        steps = "1 step" if self.horizon == 1 else f"{self.horizon} steps"
        return f"{self.panel.roles.target}, {steps} ahead"

    @property
    def folds(self) -> int:
        """How many there are."""
        return self.fold_count

    @property
    def overlap(self) -> int:
        """Windows that share rows they ask for."""
        return self.horizon

    @cached_property
    def task(self) -> Task:
        """Windows of so many steps, to the horizon."""
        roles = self.panel.roles
        return own_task(
            "own_series",
            self.name,
            steps=self.window,
            features=1 + len(roles.features) + len(roles.known) * (self.horizon + 1),
            outputs=self.horizon,
            activation="linear",
            loss="mse",
            metric="mse",
            higher_is_better=False,
            units=UNITS,
            batch=BATCH,
        )

    @cached_property
    def notes(self) -> list[str]:
        """How the table was read, its season, and what MASE leaves out."""
        found = list(self.panel.notes)
        period = self._season
        how = "found" if not self.season else "given"
        found.append(f"season of {period} steps ({how})" if period > 1 else "no season is found")
        parts = [len(self._windows(self.fold_count - 1, part)) for part in ("train", "validation", "test")]
        found.append(
            f"{self.fold_count} fold{'s' * (self.fold_count != 1)}; the last trains on {parts[0]:,} windows, watches "
            f"{parts[1]:,} and is tested on {parts[2]:,}"
        )
        constant = {
            self.panel.series[number].name
            for fold in range(self.fold_count)
            for number in np.flatnonzero(~np.isfinite(self._naive_errors(fold)))
        }
        if constant:
            names = ", ".join(sorted(constant)[:5]) + (" and others" if len(constant) > 5 else "")
            found.append(f"MASE leaves out series that do not change in a training part: {names}")
        if baselines.statistical_is_installed() and not self._asks_statistical:
            found.append(
                f"{' and '.join(baselines.STATISTICAL)} are left out: a fold is tested on {self._most_tested:,} "
                f"windows, and they forecast at most {baselines.MOST_ORIGINS:,}"
            )
        return found

    @cached_property
    def _most_tested(self) -> int:
        """The test windows of the fold that has most of them."""
        return max(len(self._windows(fold, "test")) for fold in range(self.fold_count))

    @property
    def _asks_statistical(self) -> bool:
        """Whether statsforecast's models are baselines: of every fold, or of none."""
        return baselines.statistical_is_installed() and self._most_tested <= baselines.MOST_ORIGINS

    @cached_property
    def _folds(self) -> list[Fold]:
        return rolling_folds(self.panel.series, self.fold_count, self.window, self.horizon)

    @cached_property
    def _season(self) -> int:
        """The period: that of the longest series, in the training part of the first fold."""
        if self.season:
            return self.season
        series = self.panel.series
        longest = max(range(len(series)), key=lambda number: self._folds[0].validation[number])
        return find_season(series[longest], self._folds[0].validation[longest], self.panel.step)

    @cache  # noqa: B019 (a problem lives as long as the process that compares)
    def _windows(self, fold: int, part: str) -> Windows:
        """The windows of a part of a fold: each lies wholly within it."""
        cuts = self._folds[fold]
        zeros = (0,) * len(self.panel.series)
        begin, end = {
            "train": (zeros, cuts.validation),
            "validation": (cuts.validation, cuts.test),
            "test": (cuts.test, cuts.end),
        }[part]
        known = len(self.panel.roles.known)
        found = windows_between(self.panel.series, begin, end, self.window, self.horizon, known)
        return found.thinned(MOST_WINDOWS) if part == "train" else found

    @cache  # noqa: B019
    def scaling(self, fold: int) -> Scaling:
        """What is learnt on the training part of a fold."""
        known = len(self.panel.roles.known)
        return learnt(self.panel.series, self._folds[fold].validation, self._windows(fold, "train"), known)

    @cache  # noqa: B019
    def _naive_errors(self, fold: int) -> np.ndarray:
        """The mean error of the seasonal naive forecast within each series' training part; NaN where it is 0.

        Source: Hyndman and Koehler, Another Look at Measures of Forecast Accuracy (2006).
        """
        result = []
        for each, end in zip(self.panel.series, self._folds[fold].validation, strict=True):
            values = each.target[:end]
            lag = self._season if len(values) > self._season else 1
            changes, stretch = np.abs(values[lag:] - values[:-lag]), np.cumsum(~each.follows[:end])
            within = np.isfinite(changes) & (stretch[lag:] == stretch[:-lag])  # no gap lies between
            changes = changes[within if within.any() else np.isfinite(changes)]
            mean = float(changes.mean()) if len(changes) else 0.0
            least = 1e-12 * max(1.0, np.nanmax(np.abs(values), initial=0.0))
            result.append(mean if mean > least else np.nan)
        return np.array(result)

    def examples(self, fold: int) -> Examples:
        """Scaled windows."""
        scaling, series = self.scaling(fold), self.panel.series

        def split(part: str) -> Split:
            windows = self._windows(fold, part)
            return Split(scaling.inputs(windows, series), scaling.targets(windows, series))

        return Examples(split("train"), split("validation"), split("test").x)

    def baselines(self, fold: int) -> Mapping[str, Worth]:
        """The last value, the mean, the season before, a linear autoregression and, if installed, statsforecast's."""
        windows, series, scaling = self._windows(fold, "test"), self.panel.series, self.scaling(fold)
        values = {
            baselines.LAST: baselines.last_value(windows, series),
            baselines.MEAN: baselines.training_mean(windows, scaling),
        }
        if self._season > 1:
            values[baselines.SEASONAL] = baselines.seasonal_naive(windows, series, self._season, self.panel.step)
        given = self.examples(fold)
        outputs = baselines.linear_autoregression(given.train.x, given.train.y, given.test)
        values[baselines.LINEAR] = self.values(fold, outputs)
        if self._asks_statistical:
            values |= baselines.statistical(windows, series, self._folds[fold].test, self._season)
        return {name: self._worth(fold, each) for name, each in values.items()}

    def values(self, fold: int, outputs: np.ndarray) -> np.ndarray:
        """Outputs of a model in the target's unit (windows, horizon)."""
        windows = self._windows(fold, "test")
        last = baselines.last_value(windows, self.panel.series)[:, 0]
        return self.scaling(fold).values(outputs, last, windows.series)

    def truth(self, fold: int) -> np.ndarray:
        """What was asked for (windows, horizon), in the target's unit."""
        _, asked = gathered(self._windows(fold, "test"), self.panel.series)
        return asked[:, :, 0]

    def worth(self, fold: int, outputs: np.ndarray) -> Worth:
        """MASE and RMSE of a model's outputs."""
        return self._worth(fold, self.values(fold, outputs))

    def _worth(self, fold: int, values: np.ndarray) -> Worth:
        errors = values - self.truth(fold)
        scale = self._naive_errors(fold)[self._windows(fold, "test").series]
        losses = np.abs(errors).mean(axis=1) / scale
        rmse = float(np.sqrt(np.mean(errors**2)))
        return Worth({"MASE": float(np.nanmean(losses)), "RMSE": rmse}, losses)

    def digest(self) -> str:
        """A digest of the names, times and values of the series."""
        return digest_of(part for each in self.panel.series for part in (each.name, each.times, each.values))

    def clusters(self, fold: int) -> np.ndarray:
        """Windows that ask for the same time, of several series, are one."""
        times = target_times(self._windows(fold, "test"), self.panel.series)
        return np.unique(times, return_inverse=True)[1]

    def card(self, fold: int) -> dict[str, Any]:
        """What a forecast needs: columns, window, horizon, scaling by series, and the last row of the training."""
        cuts = self._folds[fold]
        until = max(each.times[row - 1] for each, row in zip(self.panel.series, cuts.validation, strict=True) if row)
        roles = self.panel.roles
        return {
            "kind": "forecast",
            "target": roles.target,
            "time": roles.time,
            "id": roles.id,
            "features": list(roles.features),
            "known": list(roles.known),
            "dates": roles.dates,
            "window": self.window,
            "horizon": self.horizon,
            "season": self._season,
            "series": [each.name for each in self.panel.series],
            "scaling": self.scaling(fold).card(),
            "trained_until": str(until),
            "calibrated_from": str(
                max(each.times[row - 1] for each, row in zip(self.panel.series, cuts.test, strict=True) if row)
            ),
        }
