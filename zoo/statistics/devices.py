"""A GPU beside the CPU of the same machine."""

from __future__ import annotations

import pandas as pd

from zoo.statistics.columns import EXECUTION, PAIR, SETTING
from zoo.statistics.ratios import medians_and_blocks, over

SAME = [column for column in [*SETTING, *EXECUTION, *PAIR] if column not in ("device", "device_name")]


def gpu_over_cpu(table: pd.DataFrame) -> pd.DataFrame:
    """The step time of each arm on a GPU over that of the same arm on the CPU that took turns with it.

    One row a setting, phase and execution, with the columns of `ratios.ratios`. A table without both has no row.
    """
    times, blocks = medians_and_blocks(table)
    times = times.assign(case=times.index, quantity="step_seconds", seconds=times["step_seconds"])
    times = times[times["seconds"] > 0]
    keys = [*SETTING, *EXECUTION, "other_device", "quantity"]
    bases = times[times["device"] == "cpu"].rename(columns={"device": "other_device"})
    return over(times[times["device"] == "gpu"], bases, SAME, keys, blocks, table)
