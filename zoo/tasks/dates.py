"""Written dates to ISO dates, letter by letter: April 22, 2019 is 2019-04-22."""

from __future__ import annotations

import contextlib
import datetime
import re

import numpy as np

from zoo.data import Data, Split
from zoo.errors import ZooError
from zoo.registry import ENCODER_DECODER, TASKS, Recipe, Task, require_steps
from zoo.tasks._shared import TEST_SEED
from zoo.tasks._text import decoded_exact_match, naive_exact_match, source_and_target
from zoo.vocabulary import Vocabulary

MONTHS: tuple[str, ...] = ("January", "February", "March", "April", "May", "June", "July")
MONTHS += ("August", "September", "October", "November", "December")
STEPS = len("September 22, 2019")
TARGET_STEPS = len("2019-04-22") + 1  # and END
TRAIN, HELD_OUT = 10_000, 2_000
FIRST, LAST = datetime.date(1000, 1, 1).toordinal(), datetime.date(9999, 12, 31).toordinal()
WRITTEN = Vocabulary(tuple(sorted(set("".join(MONTHS) + "0123456789, "))))
ISO = Vocabulary(tuple("0123456789-"))


def written(date: datetime.date) -> str:
    """The date in English, in every locale: "April 22, 2019"."""
    return f"{MONTHS[date.month - 1]} {date.day}, {date.year}"


def require_date(text: str) -> str:
    """A text that is a written date of the kind that models learn here.

    Raises:
        ZooError: it is none.
    """
    found = re.fullmatch(r"(\w+) (\d+), (\d+)", text)
    month = MONTHS.index(found[1]) + 1 if found and found[1] in MONTHS else 0
    with contextlib.suppress(ValueError, OverflowError):
        if found and written(datetime.date(int(found[3]), month, int(found[2]))) == text and len(found[3]) == 4:
            return text
    example = written(datetime.date(2019, 4, 22))
    raise ZooError(f"{text[:40]!r} is no date like {example!r}, of the years 1000 to 9999: models learn no other")


def load(steps: int | None = None, seed: int = 0) -> Data:
    """Dates of the years 1000 to 9999, all different: 10,000 for training, 2,000 each for validation and test.

    Args:
        steps: None or 18, the longest written date.
        seed: draws training and validation; the test dates are always the same.

    Returns:
        x: the written dates int32 (dates, 18) and the ISO dates one step late int32 (dates, 11); y: the ISO dates,
        ended by END; all 0 after the end.

    Raises:
        ZooError: another number of steps is asked for.
    """
    require_steps("dates", STEPS, steps)
    test = _draw(np.random.default_rng(TEST_SEED), HELD_OUT)
    days = _draw(np.random.default_rng(seed), TRAIN + 2 * HELD_OUT)
    days = days[~np.isin(days, test)]
    train, validation = _split(days[:TRAIN]), _split(days[TRAIN : TRAIN + HELD_OUT])
    return Data(train, validation, {"test": _split(test)}, (WRITTEN, ISO))


def _draw(rng: np.random.Generator, count: int) -> np.ndarray:
    """Ordinal numbers of days, all different."""
    return rng.choice(LAST - FIRST + 1, count, replace=False) + FIRST


def _split(days: np.ndarray) -> Split:
    dates = [datetime.date.fromordinal(int(day)) for day in days]
    sources = [WRITTEN.numbers(written(date)) for date in dates]
    return source_and_target(sources, [ISO.numbers(date.isoformat()) for date in dates], STEPS, TARGET_STEPS)


TASKS.add(
    Task(
        name="dates",
        topology=ENCODER_DECODER,
        summary='the ISO form of a written date such as "April 22, 2019"',
        load=load,
        steps=STEPS,
        features=0,
        tokens=len(WRITTEN),
        embedding=32,
        target_steps=TARGET_STEPS,
        outputs=len(ISO),
        activation="softmax",
        loss="sparse_categorical_crossentropy",
        metric="exact_match",
        higher_is_better=True,
        naive={"most frequent answer": naive_exact_match},
        score=decoded_exact_match,
        watched="accuracy",
        units=128,
        batch=50,
        recipes=(Recipe("fast", epochs=8, batch=32, learning_rate=5e-3, schedule="cosine", clip_norm=1.0),),
        source="generated; Géron, Hands-On Machine Learning, 2nd edition, notebook 16, exercise 9",
        licence="none needed: drawn at random",
    )
)
