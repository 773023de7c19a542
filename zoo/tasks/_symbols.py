"""What the tasks have in common that ask for symbols which were read before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from zoo.data import Data, Split

if TYPE_CHECKING:
    import keras

SYMBOLS = 8
BLANK, ASKED = SYMBOLS, SYMBOLS + 1
"""The numbers of the blank, and of the sign that a symbol is asked for; the symbols are 0 to 7."""
OUTPUTS = SYMBOLS + 1
"""A symbol, or the blank where none is asked for."""
SCORING_BATCH = 250


def one_hot(numbers: np.ndarray) -> np.ndarray:
    """(sequences, steps) as float32 (sequences, steps, 10)."""
    return np.eye(SYMBOLS + 2, dtype=np.float32)[numbers]


def scores(model: keras.Model, data: Data, split: Split) -> Mapping[str, float]:
    """Cross-entropy over all steps, and accuracy over the steps that ask for a symbol."""
    likely = model.predict(split.x, batch_size=SCORING_BATCH, verbose=0)
    right = np.take_along_axis(likely, split.y[:, :, None], axis=-1)[:, :, 0].astype(np.float64)
    cross_entropy = float(-np.log(np.maximum(right, np.finfo(np.float32).tiny)).mean())
    return {"cross_entropy": cross_entropy, "symbol_accuracy": _accuracy(likely, split.y)}


def symbol_accuracy(model: keras.Model, data: Data, split: Split) -> Mapping[str, float]:
    """Accuracy over the steps that ask for a symbol, of a model that learnt nothing of the others."""
    likely = model.predict(split.x, batch_size=SCORING_BATCH, verbose=0)
    return {"symbol_accuracy": _accuracy(likely, split.y)}


def _accuracy(likely: np.ndarray, y: np.ndarray) -> float:
    asked = y != BLANK
    return float(np.mean(likely.argmax(axis=-1)[asked] == y[asked]))


def most_frequent_symbol(data: Data, split: Split) -> float:
    """Accuracy of always answering the symbol that training asks for most often."""
    symbol = np.bincount(data.train.y[data.train.y != BLANK]).argmax()
    return float(np.mean(split.y[split.y != BLANK] == symbol))
