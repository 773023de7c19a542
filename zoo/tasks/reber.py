"""Whether a string obeys the embedded Reber grammar: its last letter but one must repeat its second."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence, Set

import numpy as np

from zoo.data import Data, Split
from zoo.registry import SEQUENCE_TO_VECTOR, TASKS, Recipe, Task, require_steps
from zoo.tasks._shared import TEST_SEED, majority_class_accuracy
from zoo.vocabulary import SPECIAL, Vocabulary, padded

STEPS = 50  # longer strings are not drawn: about one in a thousand
TRAIN, HELD_OUT = 10_000, 2_000
LETTERS = Vocabulary(tuple("BEPSTVX"))
Grammar = tuple[tuple[tuple["str | Grammar", int], ...], ...]
"""The transitions of each state: a letter, or a string of another grammar, and the next state."""
REBER: Grammar = (
    (("B", 1),),
    (("T", 2), ("P", 3)),
    (("S", 2), ("X", 4)),
    (("T", 3), ("V", 5)),
    (("X", 3), ("S", 6)),
    (("P", 4), ("V", 6)),
    (("E", 7),),
    (),
)
EMBEDDED: Grammar = (
    (("B", 1),),
    (("T", 2), ("P", 3)),
    ((REBER, 4),),
    ((REBER, 5),),
    (("T", 6),),
    (("P", 6),),
    (("E", 7),),
    (),
)


def draw(grammar: Grammar, rng: random.Random) -> str:
    """A string of the grammar, each way on as likely as the others."""
    text, state = "", 0
    while grammar[state]:
        written, state = rng.choice(grammar[state])
        text += written if isinstance(written, str) else draw(written, rng)
    return text


def obeys(text: str) -> bool:
    """Whether `text` is a string of the embedded Reber grammar."""
    ends = len(text) > 4 and text[0] == "B" and text[-1] == "E" and text[1] == text[-2] and text[1] in "TP"
    return ends and _is_reber(text[2:-2])


def _is_reber(text: str) -> bool:
    state = 0
    for letter in text:
        ways = dict(REBER[state])
        if letter not in ways:
            return False
        state = ways[letter]
    return not REBER[state]


def spoil(text: str, rng: random.Random) -> str:
    """The string with one letter replaced, so that it no longer obeys."""
    while True:
        place = rng.randrange(len(text))
        others = [letter for letter in LETTERS.words if letter != text[place]]
        spoiled = text[:place] + rng.choice(others) + text[place + 1 :]
        if not obeys(spoiled):
            return spoiled


def load(steps: int | None = None, seed: int = 0) -> Data:
    """Strings as the grammar draws them, each beside a twin with one letter replaced, so that it does not obey.

    Both of such a pair are in the same split, so that no split tells right from wrong by length. Short strings are
    likely and come again and again, but never in two splits: a checksum of the string decides its split.

    Args:
        steps: None or 50, the longest string.
        seed: draws training and validation; the test strings are always the same.

    Returns:
        x int32 (strings, 50), a number a letter, 0 after the end; y int32, 1 where the string obeys: 10,000 for
        training, 2,000 each for validation and test.

    Raises:
        ZooError: another number of steps is asked for.
    """
    require_steps("reber", STEPS, steps)
    test = _pairs(random.Random(TEST_SEED), HELD_OUT // 2, "test", set())
    rng, taken = random.Random(seed), {spoiled for _, spoiled in test}
    validation = _pairs(rng, HELD_OUT // 2, "validation", taken)
    train = _pairs(rng, TRAIN // 2, "train", taken | {spoiled for _, spoiled in validation})
    return Data(_split(train, seed), _split(validation, seed), {"test": _split(test, TEST_SEED)}, (LETTERS,))


def _split_of(text: str) -> str:
    """The split that a string of the grammar belongs to: one in six for validation, one in six for the test."""
    return {1: "validation", 3: "test"}.get(zlib.crc32(text.encode()) % 6, "train")


def _pairs(rng: random.Random, count: int, split: str, taken: Set[str]) -> list[tuple[str, str]]:
    """`count` strings of a split that obey, each with its spoiled twin; no twin is `taken` by another split."""
    pairs: list[tuple[str, str]] = []
    while len(pairs) < count:
        text = draw(EMBEDDED, rng)
        if len(text) > STEPS or _split_of(text) != split:
            continue
        spoiled = spoil(text, rng)
        if spoiled not in taken:
            pairs.append((text, spoiled))
    return pairs


def _split(pairs: Sequence[tuple[str, str]], seed: int) -> Split:
    """The strings of the pairs in random order, so that a batch is no pair of twins."""
    texts = [text for pair in pairs for text in pair]
    x, y = padded([LETTERS.numbers(text) for text in texts], STEPS), np.tile(np.array([1, 0], np.int32), len(pairs))
    order = np.random.default_rng(seed).permutation(len(texts))
    return Split(x[order], y[order])


TASKS.add(
    Task(
        name="reber",
        topology=SEQUENCE_TO_VECTOR,
        summary="whether a string obeys the embedded Reber grammar",
        load=load,
        steps=STEPS,
        features=0,
        tokens=len(SPECIAL) + len(LETTERS.words),
        embedding=5,
        outputs=2,
        activation="softmax",
        loss="sparse_categorical_crossentropy",
        metric="accuracy",
        higher_is_better=True,
        naive={"majority class": majority_class_accuracy},
        units=30,
        batch=50,
        recipes=(
            Recipe("fast", epochs=15, batch=50, learning_rate=1e-2, schedule="cosine", clip_norm=1.0),
            Recipe("book", epochs=20, batch=32, learning_rate=2e-2, optimizer="sgd", momentum=0.95),
        ),
        source="generated; Reber 1967; embedded as in Hochreiter and Schmidhuber, Long Short-Term Memory, 1997, "
        "experiment 1",
        licence="none needed: a grammar",
    )
)
