"""The stock arms: `keras.layers.LSTM(units)` as a tutorial writes it, and what stands for them where Keras runs another
arm's program.

On TensorFlow and a CPU, `keras.layers.LSTM` is the same program as the looped arm, with `unroll=True` the same as the
unrolled one. Such an arm is measured once, under one name.
"""

from __future__ import annotations

import pandas as pd

from zoo.execution import SAME_PROGRAM

STOCK, STOCK_UNROLLED = "stock", "stock-unrolled"
STOCK_LOOPS = (STOCK, STOCK_UNROLLED)
KERAS_LAYERS = ("simple_rnn", "gru", "lstm")
"""Cells of which Keras has a layer of its own."""


def stand_in(loop: str, backend: str, device: str) -> str:
    """The loop whose rows stand for `loop` on a backend and device: `loop` itself, but for stock loops."""
    return SAME_PROGRAM.get((loop, backend, device), loop)


def measured_as_another(table: pd.DataFrame) -> pd.Series:
    """For each row, whether it was skipped because it is the same program as another arm, which is measured."""
    places = pd.MultiIndex.from_frame(table[["loop", "backend", "device"]])
    return table["status"].eq("skipped") & places.isin(list(SAME_PROGRAM))


def has_stock_layer(table: pd.DataFrame) -> pd.Series:
    """For each row, whether Keras has a layer that is the row's entry, alone or in `Bidirectional`."""
    plain = table["entry"].str.removeprefix("bidirectional_")
    return plain.eq(table["cell"]) & plain.isin(KERAS_LAYERS)


def stands_for(table: pd.DataFrame, loop: str) -> pd.Series:
    """For each row, whether it is the plain `loop` (no jit, no chunk, nothing recomputed) or stands for it.

    A stock loop that was measured on a backend and device stands for itself there.
    """
    plain = ~table["jit"].astype(bool) & table["runner"].eq("keras")
    plain &= table["chunk"].isna() & table["memory"].eq("store")
    if loop not in STOCK_LOOPS:
        return plain & table["loop"].eq(loop)
    places = table[["backend", "device"]].drop_duplicates().itertuples(index=False)
    measured = set(table.loc[table["loop"].eq(loop), ["backend", "device"]].itertuples(index=False, name=None))
    result = pd.Series(False, index=table.index)
    for backend, device in places:
        where = table["backend"].eq(backend) & table["device"].eq(device)
        name = loop if (backend, device) in measured else stand_in(loop, backend, device)
        result |= where & table["loop"].eq(name)
    return result & plain & has_stock_layer(table)
