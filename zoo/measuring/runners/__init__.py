"""Ways to run a case, one file each, and what they all give: a Runner."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def _unknown() -> None:
    return None


@dataclass(frozen=True)
class Runner:
    """Something measuring can drive. Both calls end when the device has ended."""

    phases: dict[str, Callable[[], object]]  #: "train" runs one training step, "predict" one batch
    parameters: int
    peak_device_bytes: Callable[[], int | None] = _unknown  #: the most memory that the device held so far


MODULES = {"torch": "bare_torch", "jax": "bare_jax"}


def load(name: str) -> Any:
    """The runner's module, imported where it is needed: each binds its process to a backend.

    It has `prepare(case, batch) -> Runner`, `prepare_floor(case, batch) -> Runner` for a one-Dense model on the same
    path, and `computed(case, batch, weights) -> (Computed, weights)` for the proof. All but that of Keras tell by
    `unsupported(case)`, without importing a backend, why they have no such case.
    """
    return importlib.import_module(f"zoo.measuring.runners.{MODULES.get(name, name)}")
