"""Sequences that a trained model makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.vocabulary import END, PAD, START

if TYPE_CHECKING:
    import keras

BATCH = 500


def decode(model: keras.Model, source: np.ndarray, steps: int) -> np.ndarray:
    """What an encoder_decoder answers, token by token, the likeliest each time, until END.

    Args:
        model: of an encoder_decoder entry.
        source: token numbers int32 (examples, source steps), 0 after the end.
        steps: the most tokens of an answer, END among them.

    Returns:
        Token numbers int32 (examples, steps), 0 after END.
    """
    late = np.full((len(source), steps), PAD, np.int32)
    answer = late.copy()
    late[:, 0] = START
    ended = np.zeros(len(source), bool)
    for step in range(steps):
        probabilities = model.predict((source, late), batch_size=BATCH, verbose=0)[:, step]
        answer[:, step] = np.where(ended, PAD, probabilities.argmax(axis=-1))
        ended |= answer[:, step] == END
        if ended.all():
            break
        late[:, step + 1 : step + 2] = answer[:, step, None]
    return answer
