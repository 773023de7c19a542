"""Whether a film review is good or bad: words, vectors, one answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zoo.data import Data, Split
from zoo.registry import SEQUENCE_TO_VECTOR, TASKS, Recipe, Task, require_steps
from zoo.tasks._files import Expected, data_file, downloaded, read_npz, unfit
from zoo.tasks._shared import majority_class_accuracy, split_at, stratified_draw
from zoo.vocabulary import UNKNOWN, padded

STEPS = 200
WORDS = 20_000
START = 1  # Keras begins each review with it
FILE = "imdb_encoded.npz"
REVIEWS = 25_000
ARRAYS = {
    "x_train_flat": Expected(np.integer, (None,)),
    "x_train_offsets": Expected(np.integer, (REVIEWS + 1,)),
    "y_train": Expected(np.integer, (REVIEWS,)),
    "x_test_flat": Expected(np.integer, (None,)),
    "x_test_offsets": Expected(np.integer, (REVIEWS + 1,)),
    "y_test": Expected(np.integer, (REVIEWS,)),
}
REMEDY = "put the encoded IMDB reviews there, or take the file away to let Keras download them"


def load(steps: int | None = None, seed: int = 0) -> Data:
    """The last 200 words of each IMDB review, from `$ZOO_DATA/imdb_encoded.npz` if it is there, else from Keras.

    A word is its rank by frequency + 3; the 20,000 smallest numbers stay, every other word is 3 (UNKNOWN).

    Args:
        steps: None or 200.
        seed: draws which training reviews are for validation and the order of both splits, stratified by class; the
            test reviews are the 25,000 of IMDB.

    Returns:
        x int32 (reviews, 200), 0 after the end of a review; y int32, 1 for a good one: 22,500 for training, 2,500 for
        validation, 25,000 for the test.

    Raises:
        ZooError: another number of steps is asked for, the file is unfit, or the download fails.
    """
    require_steps("reviews", STEPS, steps)
    path = data_file(FILE, REMEDY, can_download=True)
    (texts, labels), (test_texts, test_labels) = download() if path is None else read(path)
    validation, train = stratified_draw(labels, 10, np.random.default_rng(seed))
    x = rows(texts)
    return Data(
        train=split_at(x, labels, train),
        validation=split_at(x, labels, validation),
        tests={"test": Split(rows(test_texts), test_labels.astype(np.int32))},
    )


Part = tuple[list[np.ndarray], np.ndarray]
"""Reviews as word numbers, and whether each is good."""


def rows(texts: list[np.ndarray]) -> np.ndarray:
    """The last words of each review, as rows of numbers."""
    last = [text[text != START][-STEPS:] for text in texts]
    return padded([np.where(text < WORDS, text, UNKNOWN).tolist() for text in last], STEPS)


def read(path: Path) -> tuple[Part, Part]:
    """The two parts of the file.

    Raises:
        ZooError: it is unfit, an offset or a label is out of range.
    """
    arrays = read_npz(path, ARRAYS, REMEDY)
    parts = []
    for name in ("train", "test"):
        flat, offsets, labels = (arrays[key] for key in (f"x_{name}_flat", f"x_{name}_offsets", f"y_{name}"))
        if offsets[0] != 0 or offsets[-1] != len(flat) or (np.diff(offsets) <= 0).any():
            raise unfit(path, f"an archive whose x_{name}_offsets do not fit x_{name}_flat", ARRAYS, REMEDY)
        if labels.min() < 0 or labels.max() > 1 or flat.min() < 0:
            raise unfit(path, f"an archive with numbers out of range in {name}", ARRAYS, REMEDY)
        parts.append((np.split(flat, offsets[1:-1]), labels))
    return parts[0], parts[1]


def download() -> tuple[Part, Part]:
    """IMDB from the cache of Keras, which fills it from the network.

    Raises:
        ZooError: the download fails.
    """
    import keras

    (x, y), (x_test, y_test) = downloaded("the IMDB reviews", keras.datasets.imdb.load_data, FILE)
    return ([np.array(text) for text in x], y), ([np.array(text) for text in x_test], y_test)


TASKS.add(
    Task(
        name="reviews",
        topology=SEQUENCE_TO_VECTOR,
        summary="whether a film review is good or bad, from its last 200 words",
        load=load,
        steps=STEPS,
        features=0,
        tokens=WORDS,
        embedding=64,
        outputs=2,
        activation="softmax",
        loss="sparse_categorical_crossentropy",
        metric="accuracy",
        higher_is_better=True,
        naive={"majority class": majority_class_accuracy},
        units=64,
        batch=64,
        recipes=(
            Recipe("fast", epochs=3, batch=64, learning_rate=2e-3, schedule="cosine", clip_norm=1.0),
            Recipe("blocks", epochs=2, batch=64, learning_rate=1e-3, schedule="cosine", clip_norm=1.0),
        ),
        source="Maas et al., Learning Word Vectors for Sentiment Analysis, 2011; encoded as keras.datasets.imdb",
        licence="for research, see https://ai.stanford.edu/~amaas/data/sentiment",
    )
)
