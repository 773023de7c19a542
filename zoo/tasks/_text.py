"""What tasks whose answer is a text share: how a trained model is scored, and what a naive answer is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from zoo.data import Data, Split
from zoo.vocabulary import END, START, padded

if TYPE_CHECKING:
    import keras


def exact_match(answers: Sequence[str], expected: Sequence[str]) -> float:
    """The share of answers that are right to the last character."""
    return float(np.mean([answer == right for answer, right in zip(answers, expected, strict=True)]))


def bleu(answers: Sequence[str], expected: Sequence[str]) -> float:
    """Corpus BLEU, 0 to 100, as sacrebleu defines it (Papineni et al., 2002)."""
    import sacrebleu

    # force: our texts come in words and marks, of which sacrebleu would warn; what it counts is the same.
    return float(sacrebleu.corpus_bleu(list(answers), [list(expected)], force=True).score)


def expected_texts(data: Data, split: Split) -> list[str]:
    """The right answers of a split."""
    return [data.vocabularies[-1].text(row) for row in split.y]


def most_frequent_answer(data: Data) -> str:
    """The answer that most training examples have."""
    counts = Counter(row.tobytes() for row in data.train.y)
    commonest, _ = counts.most_common(1)[0]
    return data.vocabularies[-1].text(np.frombuffer(commonest, data.train.y.dtype))


def decoded(model: keras.Model, data: Data, split: Split) -> list[str]:
    """What the model answers to the split's sources, greedily."""
    from zoo.decoding import decode

    assert isinstance(split.x, tuple)
    return [data.vocabularies[-1].text(row) for row in decode(model, split.x[0], split.y.shape[1])]


def decoded_exact_match(model: keras.Model, data: Data, split: Split) -> dict[str, float]:
    """Exact match of what the model answers."""
    return {"exact_match": exact_match(decoded(model, data, split), expected_texts(data, split))}


def decoded_bleu(model: keras.Model, data: Data, split: Split) -> dict[str, float]:
    """BLEU and exact match of what the model answers."""
    answers, expected = decoded(model, data, split), expected_texts(data, split)
    return {"bleu": bleu(answers, expected), "exact_match": exact_match(answers, expected)}


def naive_exact_match(data: Data, split: Split) -> float:
    """Exact match of always giving the most frequent answer."""
    return exact_match([most_frequent_answer(data)] * len(split.y), expected_texts(data, split))


def naive_bleu(data: Data, split: Split) -> float:
    """BLEU of always giving the most frequent answer."""
    return bleu([most_frequent_answer(data)] * len(split.y), expected_texts(data, split))


def source_and_target(
    sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], steps: int, target_steps: int
) -> Split:
    """The Split of an encoder_decoder: source and target one step late, and the target ended by END."""
    target = padded([[*each, END] for each in targets], target_steps)
    late = padded([[START, *each] for each in targets], target_steps)
    return Split((padded(sources, steps), late), target)
