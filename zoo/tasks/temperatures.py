"""Tomorrow's minimum temperature in Melbourne, from the days before: real data with a season and much chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zoo.data import Data
from zoo.errors import ZooError
from zoo.registry import SEQUENCE_TO_VECTOR, TASKS, Recipe, Task, require_steps
from zoo.tasks._files import data_file
from zoo.tasks._forecast import linear_autoregression, next_values, repeat_last_value

STEPS = 30
DAYS = 3650
FILE = "daily-min-temperatures.csv"
REMEDY = f"put there the daily minimum temperatures in Melbourne 1981-1990, {DAYS} rows of Date,Temp"
COLUMNS = ["Date", "Temp"]
FIRST, LAST = np.datetime64("1981-01-01"), np.datetime64("1990-12-31")
VALIDATION, TEST = 365 * 8, 365 * 9  # the first day of 1989 and of 1990: the file leaves out the two leap days


def load(steps: int | None = None, seed: int = 0) -> Data:
    """Windows of 30 days and the day after, from `$ZOO_DATA/daily-min-temperatures.csv`.

    Each split has years of its own, so that no day is in two of them: 1981-1988 for training, 1989 for validation, 1990
    for the test. Temperatures are in standard deviations (4.1 °C) from the mean (11.3 °C) of the training years.

    Args:
        steps: None or 30.
        seed: has no effect: the order of the days is fixed.

    Returns:
        x float32 (windows, 30, 1), y float32 (windows, 1).

    Raises:
        ZooError: another number of steps is asked for, ZOO_DATA is unset, or the file is missing or unfit.
    """
    require_steps("temperatures", STEPS, steps)
    path = data_file(FILE, REMEDY)
    if path is None:
        raise ZooError(f"temperatures are not free to download here: set ZOO_DATA to a folder with {FILE}; {REMEDY}")
    days = read(path)
    mean, deviation = days[:VALIDATION].mean(), days[:VALIDATION].std()
    scaled = (days - mean) / deviation
    train, validation, test = (next_values(part, STEPS, False) for part in np.split(scaled, [VALIDATION, TEST]))
    return Data(train, validation, {"test": test})


def read(path: Path) -> np.ndarray:
    """The temperatures in °C, one a day, of a table that is written in any way that `zoo compare` reads.

    Raises:
        ZooError: the file is not a table of Date,Temp with 3,650 days in order, from 1981 to 1990, or a temperature is
            no number from -10 to 50.
    """
    from zoo.frames.table import numbers, open_table
    from zoo.frames.times import parse_times

    try:
        table = open_table(path)
        table.require(COLUMNS)
        frame = table.read(COLUMNS, COLUMNS[:1]).dropna(how="all")
        times, days = parse_times(table, frame["Date"]), numbers(table, frame, "Temp")
    except ZooError as error:
        raise ZooError(f"{path} does not serve ({str(error).removeprefix(f'{path} ')}): {REMEDY}") from error
    if len(days) != DAYS:
        raise ZooError(f"{path} has {len(days)} days, not {DAYS}: {REMEDY}")
    if times.dtype.kind != "M" or (times[0], times[-1]) != (FIRST, LAST):
        raise ZooError(f"{path} is not from {FIRST} to {LAST}: {REMEDY}")
    wrong = np.diff(times) <= np.timedelta64(0)
    if wrong.any():
        row = int(wrong.argmax()) + 1
        raise ZooError(f"{path} has a date that stands twice or goes backwards, in {table.line(row)}: {REMEDY}")
    if not ((days > -10) & (days < 50)).all():
        raise ZooError(f"{path} has a temperature outside -10 to 50 °C: {REMEDY}")
    return days


TASKS.add(
    Task(
        name="temperatures",
        topology=SEQUENCE_TO_VECTOR,
        summary="tomorrow's minimum temperature in Melbourne, from 30 days",
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
        recipes=(Recipe("fast", epochs=10, batch=64, learning_rate=3e-3, schedule="cosine", clip_norm=1.0),),
        source="Australian Bureau of Meteorology, daily minimum temperatures in Melbourne 1981-1990",
        licence="CC BY 3.0 AU",
    )
)
