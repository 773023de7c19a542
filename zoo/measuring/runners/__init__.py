"""Ways to run a case, one file each, and the contract that they keep."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from zoo.execution import BACKENDS

if TYPE_CHECKING:  # a case knows the runners: it asks them why it is not supported
    from zoo import Split
    from zoo.measuring.case import Case
    from zoo.measuring.computed import Computed, Weights


def _unknown() -> None:
    return None


@dataclass(frozen=True)
class Runner:
    """Something measuring can drive. Both calls end when the device has ended."""

    phases: dict[str, Callable[[], object]]  #: "train" runs one training step, "predict" one batch
    parameters: int
    peak_device_bytes: Callable[[], int | None] = _unknown  #: the most memory that the device held so far


class RunnerModule(Protocol):
    """What the file of a runner has. Importing it imports no backend; every function but `unsupported` may."""

    @property
    def NEEDED(self) -> tuple[str, ...]:
        """The packages that it needs beside the case's backend."""

    def unsupported(self, case: Case) -> str:
        """Why the runner has no such case on any machine, in words; empty if it has. Imports no backend."""

    def kernel_paths(self, case: Case) -> tuple[str, ...] | None:
        """The kernel paths that the case may take; None if the library is free to choose. Imports no backend."""

    def prepare(self, case: Case, batch: Split) -> Runner:
        """Build the case's model and what its training step needs; binds the process to the case's backend."""

    def prepare_floor(self, case: Case, batch: Split) -> Runner:
        """A one-Dense model on the same path: what a call costs with nearly nothing inside."""

    def computed(self, case: Case, batch: Split, weights: Weights | None) -> Computed:
        """The outputs and the gradients of the loss, by the zoo's names, and how they were computed.

        Args:
            case: of this runner.
            batch: inputs and targets.
            weights: what to compute them from; None for initial values, which the result then holds.
        """


def load(name: str) -> RunnerModule:
    """The module of a runner, imported only now: what it runs binds its process to a backend.

    That of a backend without Keras is called `bare_<backend>`.
    """
    return cast(RunnerModule, importlib.import_module(f"{__name__}.{'bare_' * (name in BACKENDS)}{name}"))


if TYPE_CHECKING:  # mypy holds every module against the contract
    from zoo.measuring.runners import bare_jax, bare_torch, keras, legacy, onnxruntime

    _RUNNERS: tuple[RunnerModule, ...] = (keras, legacy, bare_torch, bare_jax, onnxruntime)
