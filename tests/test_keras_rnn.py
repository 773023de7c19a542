"""Keras' own tests of `keras.layers.RNN`, which ship with it, pass with ChunkedRNN in its place.

Of the tests beside them none makes an RNN: they are of layers that are classes of their own (LSTM, GRU, ConvLSTM), of
Bidirectional and of TimeDistributed.
"""

from __future__ import annotations

from collections.abc import Iterator

import keras
import pytest
from keras.src import layers
from keras.src.layers.rnn import dropout_rnn_cell_test, rnn_test, stacked_rnn_cells_test

from zoo.layers import ChunkedRNN

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs


@keras.saving.register_keras_serializable("tests")
class Chunks(ChunkedRNN):
    """Chunks of two steps: the sequences of these tests have three to six, which a chunk of eight writes out."""

    def __init__(self, cell, chunk=2, unroll=False, **options) -> None:
        super().__init__(cell, 8 if unroll else chunk, **options)


@pytest.fixture(autouse=True)
def in_the_place_of_rnn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(layers, "RNN", Chunks)
    return


class TestRNN(rnn_test.RNNTest):
    """Outputs, states, masks, statefulness, saving."""


class TestStackedRNNCells(stacked_rnn_cells_test.StackedRNNTest):
    """Several cells in one layer."""

    @pytest.mark.slow  # TestRNN has it of one cell, and the tests below of several cells what they compute
    def test_basics(self) -> None:
        """Saving, types and a training step."""
        super().test_basics()


class TestDropoutRNNCell(dropout_rnn_cell_test.DropoutRNNCellTest):
    """Masks that are the same for all steps."""
