"""English to French, sentences of up to eight words."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from zoo.archives import check_zip
from zoo.data import Data, Split
from zoo.errors import ZooError
from zoo.registry import ENCODER_DECODER, TASKS, Recipe, Task, require_steps
from zoo.tasks._files import UNREADABLE, data_file
from zoo.tasks._shared import TEST_SEED
from zoo.tasks._text import decoded_bleu, naive_bleu, source_and_target
from zoo.vocabulary import Vocabulary

MOST_WORDS = 8  # of an English sentence; longer ones are left out, as are French ones of more than MOST_TARGET
MOST_TARGET = 12
WORDS = 5_000  # of each language, SPECIAL among them
PAIRS = 40_000
HELD_OUT = 2_000
FILE, MEMBER = "fra-eng.zip", "fra.txt"
REMEDY = "put fra-eng.zip of www.manythings.org/anki there"
SPLIT = re.compile(r"[a-zà-öø-ÿœ0-9]+(?:['’-][a-zà-öø-ÿœ0-9]+)*|[.,!?;:]")


def words(sentence: str) -> str:
    """The sentence in lower case, its words and marks parted by one space."""
    return " ".join(SPLIT.findall(sentence.lower().replace("\u202f", " ").replace("’", "'")))


def load(steps: int | None = None, seed: int = 0) -> Data:
    """40,000 pairs of sentences drawn from `$ZOO_DATA/fra-eng.zip`, of up to 8 English and 12 French words and marks.

    An English sentence that has several translations is in one split with all of them. 2,000 pairs each, or a few
    more, are for validation and test.

    Args:
        steps: None or 8.
        seed: draws training and validation; the test pairs are always the same.

    Returns:
        x: English int32 (pairs, 8) and French one step late int32 (pairs, 13); y: French, ended by END; all 0 after the
        end. The vocabularies are the 5,000 most frequent words of each language outside the test pairs.

    Raises:
        ZooError: another number of steps is asked for, ZOO_DATA is unset, or the file is missing or unfit.
    """
    require_steps("translation", MOST_WORDS, steps)
    path = data_file(FILE, REMEDY)
    if path is None:
        raise ZooError(f"sentence pairs are not free to download here: set ZOO_DATA to a folder with {FILE}; {REMEDY}")
    by_english: dict[str, list[str]] = {}
    pairs = read(path)
    if len(pairs) < PAIRS:
        raise ZooError(f"{path} holds {len(pairs)} pairs that are short enough, {PAIRS} are needed: {REMEDY}")
    for sentence, translated in pairs:
        by_english.setdefault(sentence, []).append(translated)
    names = np.random.default_rng(TEST_SEED).permutation(list(by_english))
    test, names = _take(by_english, names, HELD_OUT)
    rest = [(name, french) for name in names for french in by_english[name]]
    english, french = (Vocabulary.of_texts((pair[side] for pair in rest), WORDS) for side in (0, 1))
    names = np.random.default_rng(seed).permutation(names)
    validation, names = _take(by_english, names, HELD_OUT)
    train, _ = _take(by_english, names, PAIRS - 2 * HELD_OUT)
    return _data(train, validation, test, (english, french))


Pairs = list[tuple[str, str]]


def _take(by_english: Mapping[str, list[str]], names: np.ndarray, count: int) -> tuple[Pairs, np.ndarray]:
    """The first `count` pairs or a few more, so that no sentence is torn, and the sentences that are left."""
    taken: Pairs = []
    for used, name in enumerate(names):
        if len(taken) >= count:
            return taken, names[used:]
        taken += [(str(name), french) for french in by_english[name]]
    return taken, names[:0]


def read(path: Path) -> Pairs:
    """Every pair that is short enough, once, in words.

    Raises:
        ZooError: the file is no zip archive with fra.txt of lines "english<TAB>french".
    """
    try:
        check_zip(path)
        with zipfile.ZipFile(path) as archive:
            lines = archive.read(MEMBER).decode("utf-8").splitlines()
    except (*UNREADABLE, KeyError) as error:
        raise ZooError(f"{path} is damaged or no archive with {MEMBER} ({error}): {REMEDY}") from error
    pairs = [line.split("\t")[:2] for line in lines]
    if not pairs or any(len(pair) < 2 for pair in pairs):
        raise ZooError(f"{path} holds no lines of english<TAB>french in {MEMBER}: {REMEDY}")
    prepared = dict.fromkeys((words(english), words(french)) for english, french in pairs)
    return [
        (english, french)
        for english, french in prepared
        if 0 < len(english.split()) <= MOST_WORDS and 0 < len(french.split()) <= MOST_TARGET
    ]


def _data(train: Pairs, validation: Pairs, test: Pairs, vocabularies: tuple[Vocabulary, Vocabulary]) -> Data:
    english, french = vocabularies

    def split(part: Pairs) -> Split:
        sources, targets = [english.numbers(pair[0]) for pair in part], [french.numbers(pair[1]) for pair in part]
        return source_and_target(sources, targets, MOST_WORDS, MOST_TARGET + 1)

    return Data(split(train), split(validation), {"test": split(test)}, vocabularies)


TASKS.add(
    Task(
        name="translation",
        topology=ENCODER_DECODER,
        summary="the French of an English sentence of up to eight words",
        load=load,
        steps=MOST_WORDS,
        features=0,
        tokens=WORDS,
        embedding=128,
        target_steps=MOST_TARGET + 1,
        outputs=WORDS,
        activation="softmax",
        loss="sparse_categorical_crossentropy",
        metric="bleu",
        higher_is_better=True,
        naive={"most frequent answer": naive_bleu},
        score=decoded_bleu,
        watched="accuracy",
        units=256,
        batch=64,
        recipes=(Recipe("fast", epochs=7, batch=64, learning_rate=2e-3, schedule="cosine", clip_norm=1.0),),
        source="tatoeba.org, selected by www.manythings.org/anki (fra-eng.zip)",
        licence="CC BY 2.0",
    )
)
