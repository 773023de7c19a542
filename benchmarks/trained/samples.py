"""What the published models make, as tables: the charts are drawn from them without Keras."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

WAVE_TABLE, DIGITS_TABLE = "made-wave.csv", "made-digits.csv"
STEPS_MADE = 300


def write_samples(folder: Path) -> list[Path]:
    """Write the continued waves and the drawn digits of the published models to `folder`.

    Raises:
        ZooError: none are published.
    """
    tables = {WAVE_TABLE: _waves(), DIGITS_TABLE: _digits()}
    for name, table in tables.items():
        table.to_csv(folder / name, index=False, float_format="%.6g")
    return [folder / name for name in tables]


def _waves() -> pd.DataFrame:
    from zoo.cli.generate import CREATIVE, load
    from zoo.decoding import continue_series
    from zoo.tasks.wave import STEPS, windows

    trained = load("wave", CREATIVE, None)
    starts = {"zeros": np.zeros(STEPS, np.float32), "an instance": windows(np.array([12.2]), STEPS).x[0, :, 0]}
    parts = []
    for start, given in starts.items():
        values = continue_series(trained.model, given, STEPS_MADE)
        steps = np.arange(len(values))
        origin = np.where(steps < STEPS, "given", "made")
        labels = {"entry": trained.card["entry"], "start": start}
        parts.append(pd.DataFrame({"step": steps, "origin": origin, "value": values}).assign(**labels))
    return pd.concat(parts)


def _digits() -> pd.DataFrame:
    from zoo.cli.generate import load
    from zoo.tasks.draw_digit import DIGITS, one_hot

    trained = load("draw_digit", "", None)
    images = np.asarray(trained.model.predict_on_batch(one_hot(np.arange(DIGITS))))
    label, row, column = (each.ravel() for each in np.indices(images.shape))
    labels = {"entry": trained.card["entry"]}
    return pd.DataFrame({"label": label, "row": row, "column": column, "value": images.ravel()}).assign(**labels)
