"""The sea's temperature next month, where El Niño is measured: real data that need no download."""

from __future__ import annotations

import numpy as np

from zoo.data import Data
from zoo.registry import SEQUENCE_TO_SEQUENCE, TASKS, Recipe, Task, require_steps
from zoo.tasks._forecast import linear_autoregression, next_values, repeat_last_value

STEPS = 24
YEARS = 61
VALIDATION, TEST = 12 * 37, 12 * 49  # January 1987 and January 1999


def load(steps: int | None = None, seed: int = 0) -> Data:
    """Windows of 24 months of sea surface temperature, and the same a month later: 1950-2010, from statsmodels.

    Each split has years of its own: 1950-1986 for training, 1987-1998 for validation, 1999-2010 for the test.
    Temperatures are in standard deviations (2.3 °C) from the mean (23.1 °C) of the training years.

    Args:
        steps: None or 24.
        seed: has no effect: the order of the months is fixed.

    Returns:
        x and y float32 of shape (windows, 24, 1).

    Raises:
        ZooError: another number of steps is asked for.
    """
    require_steps("el_nino", STEPS, steps)
    from statsmodels.datasets import elnino

    months = elnino.load_pandas().data.drop(columns="YEAR").to_numpy(np.float64).ravel()
    mean, deviation = months[:VALIDATION].mean(), months[:VALIDATION].std()
    scaled = (months - mean) / deviation
    train, validation, test = (next_values(part, STEPS, True) for part in np.split(scaled, [VALIDATION, TEST]))
    return Data(train, validation, {"test": test})


TASKS.add(
    Task(
        name="el_nino",
        topology=SEQUENCE_TO_SEQUENCE,
        summary="the sea's temperature next month where El Niño is measured, at every step",
        load=load,
        steps=STEPS,
        features=1,
        outputs=1,
        activation="linear",
        loss="mse",
        metric="mse",
        higher_is_better=False,
        naive={"repeat the last value": repeat_last_value, "linear autoregression": linear_autoregression},
        units=32,
        batch=50,
        recipes=(
            Recipe("fast", epochs=60, batch=32, learning_rate=3e-3, schedule="cosine", clip_norm=1.0),
            Recipe("gated", epochs=60, batch=32, learning_rate=1e-2, schedule="cosine", clip_norm=1.0),
            Recipe("plain", epochs=60, batch=32, learning_rate=5e-3, schedule="cosine", clip_norm=1.0),
            Recipe("linear", epochs=20, batch=32, learning_rate=2e-2, schedule="cosine", clip_norm=1.0),
        ),
        source="statsmodels elnino: NOAA, sea surface temperature in the Niño 1+2 region, 1950-2010",
        licence="public domain",
    )
)
