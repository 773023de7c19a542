"""What tasks whose answer is a text share: how a trained model is scored, and what a naive answer is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from zoo.data import Data, Split
from zoo.vocabulary import END, START, padded

if TYPE_CHECKING:
    import keras


def exact_match(answers: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """The share of answers that are one of their references to the last character."""
    return float(np.mean([answer in right for answer, right in zip(answers, references, strict=True)]))


def bleu(answers: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Corpus BLEU, 0 to 100, against every reference of an answer, as sacrebleu defines it (Papineni et al., 2002).

    Its tokenizer reads "<unknown>" as three words, so that one in its right place counts as three.
    """
    import sacrebleu

    streams = [list(stream) for stream in zip_longest(*references)]  # None where an answer has fewer references
    # force: our texts come in words and marks, of which sacrebleu would warn
    return float(sacrebleu.corpus_bleu(list(answers), streams, force=True).score)


def sources_and_references(data: Data, split: Split) -> tuple[np.ndarray, list[list[str]]]:
    """Each source once (sources, steps), and all its right answers: the rows of one source stand one behind another."""
    source = split.x[0]
    starts = np.flatnonzero(np.r_[True, (source[1:] != source[:-1]).any(axis=1)])
    texts = [data.vocabularies[-1].text(row) for row in split.y]
    ends = [*starts[1:], len(texts)]
    return source[starts], [texts[start:end] for start, end in zip(starts, ends, strict=True)]


def most_frequent_answer(data: Data) -> str:
    """The answer that most training examples have."""
    counts = Counter(row.tobytes() for row in data.train.y)
    commonest, _ = counts.most_common(1)[0]
    return data.vocabularies[-1].text(np.frombuffer(commonest, data.train.y.dtype))


def decoded(model: keras.Model, data: Data, split: Split) -> tuple[list[str], list[list[str]]]:
    """What the model answers to each source of the split, greedily, and what is right."""
    from zoo.decoding import decode

    sources, references = sources_and_references(data, split)
    return [data.vocabularies[-1].text(row) for row in decode(model, sources, split.y.shape[1])], references


def decoded_exact_match(model: keras.Model, data: Data, split: Split) -> dict[str, float]:
    """Exact match of what the model answers."""
    return {"exact_match": exact_match(*decoded(model, data, split))}


def decoded_bleu(model: keras.Model, data: Data, split: Split) -> dict[str, float]:
    """BLEU and exact match of what the model answers."""
    answers, references = decoded(model, data, split)
    return {"bleu": bleu(answers, references), "exact_match": exact_match(answers, references)}


def naive_exact_match(data: Data, split: Split) -> float:
    """Exact match of always giving the most frequent answer."""
    return exact_match(*_always_most_frequent(data, split))


def naive_bleu(data: Data, split: Split) -> float:
    """BLEU of always giving the most frequent answer."""
    return bleu(*_always_most_frequent(data, split))


def _always_most_frequent(data: Data, split: Split) -> tuple[list[str], list[list[str]]]:
    _, references = sources_and_references(data, split)
    return [most_frequent_answer(data)] * len(references), references


def source_and_target(
    sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], steps: int, target_steps: int
) -> Split:
    """The Split of an encoder_decoder: source and target one step late, and the target ended by END."""
    target = padded([[*each, END] for each in targets], target_steps)
    late = padded([[START, *each] for each in targets], target_steps)
    return Split((padded(sources, steps), late), target)
