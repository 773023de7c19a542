"""Sequences that a trained model generates: answers to a source, and continued series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import ZooError
from zoo.vocabulary import END, PAD, START

if TYPE_CHECKING:
    import keras

BATCH = 250
"""Sequences of one prediction: with 5,000 words the probabilities of all steps take 65 MB."""


def decode(model: keras.Model, source: np.ndarray, steps: int) -> np.ndarray:
    """The answers of an encoder_decoder, decoded greedily: the likeliest token each time, until END.

    Args:
        model: of an encoder_decoder entry.
        source: token numbers int32 (examples, source steps), 0 after the end.
        steps: the most tokens of an answer, END among them.

    Returns:
        Token numbers int32 (examples, steps), 0 after END.
    """
    batches = [source[start : start + BATCH] for start in range(0, len(source), BATCH)]
    return np.concatenate([_greedy(model, batch, steps) for batch in batches])


def _greedy(model: keras.Model, source: np.ndarray, steps: int) -> np.ndarray:
    answer = np.full((len(source), steps), PAD, np.int32)
    ended = np.zeros(len(source), bool)
    for step in range(steps):
        probabilities = _next(model, source, answer, step).copy()
        probabilities[:, [PAD, START]] = -np.inf  # no tokens of an answer
        answer[:, step] = np.where(ended, PAD, probabilities.argmax(axis=-1))
        ended |= answer[:, step] == END
        if ended.all():
            break
    return answer


def _next(model: keras.Model, source: np.ndarray, answer: np.ndarray, step: int) -> np.ndarray:
    """The probabilities (examples, tokens) of the token at `step`, after the tokens before it."""
    late = np.full_like(answer, PAD)
    late[:, 0] = START
    late[:, 1 : step + 1] = answer[:, :step]
    parts = [slice(start, start + BATCH) for start in range(0, len(source), BATCH)]
    return np.concatenate([np.asarray(model.predict_on_batch((source[p], late[p])))[:, step] for p in parts])


def beam_search(model: keras.Model, source: np.ndarray, steps: int, width: int) -> np.ndarray:
    """The answer of a beam search, which keeps the `width` best beginnings at every step.

    Finished answers are compared by the mean of the logarithms of their tokens' probabilities, so that a short answer
    is not better for being short: the length normalization that Wu et al., Google's Neural Machine Translation System,
    2016, section 7, begin with.

    Args:
        model: of an encoder_decoder entry.
        source: token numbers int32 of one source, (source steps,), 0 after the end.
        steps: the most tokens of an answer, END among them.
        width: number of beginnings to keep, at most the number of tokens; with 1 the search is greedy.

    Returns:
        Token numbers int32 (steps,), 0 after END.

    Raises:
        ZooError: `width` is out of range.
    """
    tokens = model.outputs[0].shape[-1]
    if not 1 <= width <= tokens:
        raise ZooError(f"the beam must be 1 to {tokens} wide, the size of the model's vocabulary, not {width}")
    sources = np.repeat(source[None], width, axis=0)
    answers = np.full((width, steps), PAD, np.int32)
    scores = np.full(width, -np.inf)
    scores[0] = 0.0
    ended = np.zeros(width, bool)
    for step in range(steps):
        with np.errstate(divide="ignore"):  # a probability that float32 rounds to 0
            logs = np.log(_next(model, sources, answers, step).astype(np.float64))
        logs[:, [PAD, START]] = -np.inf
        logs[ended] = -np.inf
        logs[ended, PAD] = 0.0  # what has ended stays as it is
        totals = scores[:, None] + logs
        best = np.argsort(totals, axis=None, kind="stable")[: -width - 1 : -1]
        rows, columns = np.unravel_index(best, totals.shape)
        answers, scores = answers[rows], totals[rows, columns]
        answers[:, step] = columns
        ended = ended[rows] | (columns == END)
        if ended.all():
            break
    return answers[np.argmax(scores / (answers != PAD).sum(axis=1))]


def continue_series(model: keras.Model, given: np.ndarray, steps: int) -> np.ndarray:
    """A series that a forecasting model continues: each predicted value is the next input.

    Args:
        model: of a sequence_to_sequence entry with one feature and one output.
        given: the first values, (window,), as many as the model reads.
        steps: number of values to generate.

    Returns:
        float32 (window + steps,): the given values, then the generated ones.

    Raises:
        ZooError: `steps` is less than 1, or `given` is of another length.
    """
    window = model.inputs[0].shape[1]
    if steps < 1:
        raise ZooError(f"steps must be at least 1, not {steps}")
    if given.shape != (window,):
        raise ZooError(f"the model reads ({window},) values, not {given.shape}")
    series = np.concatenate([given.astype(np.float32), np.zeros(steps, np.float32)])
    for end in range(window, window + steps):
        expected = model.predict_on_batch(series[None, end - window : end, None])
        series[end] = np.asarray(expected)[0, -1, 0]
    return series
