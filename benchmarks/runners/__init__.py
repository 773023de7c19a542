"""Ways to run a case, one file each, and what they all give: a Runner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Runner:
    """Something measuring can drive. Both calls end when the device has ended."""

    phases: dict[str, Callable[[], object]]  #: "train" runs one training step, "predict" one batch
    parameters: int
