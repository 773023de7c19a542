"""The data of tasks, where they are at hand."""

from __future__ import annotations

import os

import pytest

import zoo.tasks  # noqa: F401  (fills the registry)
from zoo.data import Data, Split
from zoo.registry import TASKS

MNIST = {"mnist_rows", "mnist_pixels", "mnist_pixels_permuted"}
NEEDS_ZOO_DATA = {*MNIST, "temperatures", "reviews", "translation"}


def load(name: str, **options: int) -> Data:
    """The data of a task, or a skip where its file is not at hand."""
    if name in NEEDS_ZOO_DATA and not os.environ.get("ZOO_DATA"):
        pytest.skip(f"{name} needs ZOO_DATA, a folder with the data")
    return TASKS.get(name).load(**options)


def splits(data: Data) -> dict[str, Split]:
    return {"train": data.train, "validation": data.validation, **data.tests}
