"""Keras as it is where the zoo is not installed."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from unittest import mock

import keras


@contextlib.contextmanager
def no_zoo() -> Iterator[None]:
    """Nothing of the zoo is imported, and Keras knows no class of it."""
    hidden = {name: None for name in sys.modules if name.partition(".")[0] == "zoo"}
    known = keras.saving.get_custom_objects()
    with mock.patch.dict(sys.modules, hidden), mock.patch.dict(known, clear=True):
        yield
