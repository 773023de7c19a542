"""Tokens: words or characters as numbers, the same for every text of a task."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from zoo.errors import ZooError

PAD, START, END, UNKNOWN = range(4)
"""The first tokens of every vocabulary: padding, the start of a target, the end of a sequence, any unlisted word."""
SPECIAL = ("<pad>", "<start>", "<end>", "<unknown>")


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of a text: SPECIAL, then `words`. `separator` stands between tokens: " ", or "" for characters."""

    words: tuple[str, ...]
    separator: str = ""

    @classmethod
    def of_texts(cls, texts: Iterable[str], most: int) -> Vocabulary:
        """The `most` frequent words of `texts`, SPECIAL counted among them; equally frequent ones by alphabet."""
        counts = Counter(word for text in texts for word in text.split())
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        return cls(tuple(ranked[: most - len(SPECIAL)]), " ")

    def __len__(self) -> int:
        return len(SPECIAL) + len(self.words)

    @property
    def tokens(self) -> tuple[str, ...]:
        """Every token; its number is its index."""
        return SPECIAL + self.words

    def numbers(self, text: str) -> list[int]:
        """The numbers of the tokens of `text`, UNKNOWN for one outside the vocabulary, without END."""
        return [self._numbers.get(token, UNKNOWN) for token in self.split(text)]

    def require(self, text: str) -> list[int]:
        """As `numbers`, but an empty text or a token outside the vocabulary is a ZooError."""
        tokens = self.split(text)
        if not tokens:
            raise ZooError("there is nothing to read: the text is empty")
        missing = [token for token in tokens if token not in self._numbers]
        if missing:
            near = difflib.get_close_matches(missing[0], self.words, n=1)
            hint = f"; the nearest is {near[0]!r}" if near else ""
            where = f"the vocabulary of {len(self.words)} {self.kind}s"
            raise ZooError(f"the {self.kind} {missing[0]!r} is not in {where}{hint}")
        return [self._numbers[token] for token in tokens]

    def text(self, numbers: Sequence[int] | np.ndarray) -> str:
        """The text of `numbers` up to END or padding."""
        tokens = self.tokens
        read: list[str] = []
        for number in numbers:
            if number in (END, PAD):
                break
            read.append(tokens[int(number)])
        return self.separator.join(read)

    @property
    def kind(self) -> str:
        """The kind of its tokens: "character" or "word"."""
        return "character" if self.separator == "" else "word"

    def split(self, text: str) -> list[str]:
        """The tokens of a text as texts."""
        return list(text) if self.separator == "" else text.split()

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens)}


def padded(sequences: Sequence[Sequence[int]], steps: int) -> np.ndarray:
    """The sequences as rows of int32 (sequences, steps), filled with PAD on the right."""
    rows = np.full((len(sequences), steps), PAD, np.int32)
    for row, sequence in zip(rows, sequences, strict=True):
        row[: len(sequence)] = sequence
    return rows
