"""Folds by time: training, then validation, then test; each later fold begins later (rolling origin).

Source: Tashman, Out-of-sample Tests of Forecasting Accuracy (2000).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.errors import ZooError
from zoo.problems.series import Series

TENTH = 10
LEAST_WINDOWS = 2


@dataclass(frozen=True)
class Fold:
    """The rows of each series at which a part begins: training from 0, then validation, then test, and its end."""

    validation: tuple[int, ...]
    test: tuple[int, ...]
    end: tuple[int, ...]


def rolling_folds(series: Sequence[Series], folds: int, window: int, horizon: int) -> list[Fold]:
    """So many folds, the last of which ends with the data.

    A test and a validation part are a tenth of the times each, or longer where a tenth holds few windows: every window
    lies within one part. Rows behind the last target are in none. All series are cut at the same times.

    Raises:
        ZooError: there are too few rows.
    """
    times = np.unique(np.concatenate([each.times[: each.end] for each in series]))
    total, least = len(times), window + horizon + LEAST_WINDOWS - 1
    needed = least * (folds + 2)
    if total < needed:
        raise ZooError(
            f"{total:,} rows are too few for {folds} fold{'s' * (folds != 1)} of windows of {window} + {horizon}: "
            f"{needed:,} are needed; ask for a shorter --window or fewer --folds"
        )
    part = max(total // TENTH, min(2 * (window + horizon), total // (folds + 3)), least)
    part = min(part, total // (folds + 2))
    result = []
    for number in range(folds):
        end = total - (folds - 1 - number) * part
        cuts = [end - 2 * part, end - part, end]
        rows = [
            tuple(int(np.searchsorted(each.times, times[cut])) if cut < total else each.end for each in series)
            for cut in cuts
        ]
        result.append(Fold(*rows))
    return result
