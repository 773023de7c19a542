"""What a model reads of a sequence: the last words of a text as tokens, the first rows of a recording as numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from zoo.data import PADDING
from zoo.vocabulary import padded

UNKNOWN = 1
"""The token of a word that is not among the training texts; 0 is padding."""


def words_of(texts: Iterable[str]) -> list[list[str]]:
    """The words of each text in lower case, punctuation left out; "?" of a text without any."""
    from sklearn.feature_extraction.text import CountVectorizer

    words = CountVectorizer(token_pattern=r"(?u)\b\w+\b").build_analyzer()
    return [words(text) or ["?"] for text in texts]


def tokens_by_word(words: Iterable[str]) -> dict[str, int]:
    """The token of each word, in their order."""
    return {word: number for number, word in enumerate(words, start=UNKNOWN + 1)}


def cut(unit: Any, width: int) -> Any:
    """What is read of a sequence: the last words of a text, or the first rows of a recording (steps, features)."""
    return unit[:width] if isinstance(unit, np.ndarray) else unit[-width:]


def text_inputs(units: Iterable[Sequence[str]], tokens: Mapping[str, int], width: int) -> np.ndarray:
    """int32 (texts, width), padded on the right."""
    return padded([[tokens.get(word, UNKNOWN) for word in cut(unit, width)] for unit in units], width)


def number_inputs(units: Sequence[np.ndarray], mean: np.ndarray, deviation: np.ndarray, width: int) -> np.ndarray:
    """float32 (recordings, width, features), scaled, padded on the right."""
    x = np.full((len(units), width, len(mean)), PADDING, np.float32)
    for row, unit in zip(x, units, strict=True):
        values = cut(unit, width)
        row[: len(values)] = (values - mean) / deviation
    return x
