"""Ways to run a case, one file each, and what they all give: a Runner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _unknown() -> None:
    return None


@dataclass(frozen=True)
class Runner:
    """Something measuring can drive. Both calls end when the device has ended."""

    phases: dict[str, Callable[[], object]]  #: "train" runs one training step, "predict" one batch
    parameters: int
    peak_device_bytes: Callable[[], int | None] = _unknown  #: the most memory that the device held so far
