"""An answer: which execution to use, by how much, and what was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from zoo.measuring.race import Ratio

AS_IT_IS = "as it is"
"""Stands for the user's model in the place of an execution."""
REFERENCES = {AS_IT_IS: "the model as it is", "stock": "Keras' own layer (stock)"}
"""In words: what executions are held against, of a model and of sizes alone."""
EQUAL = 0.97
"""An arm is recommended in the place of the reference if the upper end of its ratio is under this."""
MIB = 2**20


@dataclass(frozen=True)
class Candidate:
    """What was measured of one execution on one backend. Where a field is empty `reason` says why."""

    name: str
    backend: str
    first_call_seconds: float | None = None  #: of training; of prediction where there is no training
    peak_bytes: int | None = None  #: of the process in a step
    step_seconds: Mapping[str, float] = field(default_factory=dict)  #: by phase
    ratios: Mapping[str, Ratio] = field(default_factory=dict)  #: to the reference, by phase
    reason: str = ""


@dataclass(frozen=True)
class Recommendation:
    """Which execution to use. Print it.

    Attributes:
        what: what was measured.
        device: where.
        candidates: what was tried; the first one is the reference.
        seconds: what it took.
        budget: the seconds that it could take.
        remembered: whether it was measured before.
    """

    what: str
    device: str
    candidates: Sequence[Candidate]
    seconds: float
    budget: float
    remembered: bool = False

    @property
    def phases(self) -> list[str]:
        """What was measured: "train", "predict"."""
        return list(self.candidates[0].step_seconds)

    def best(self, phase: str) -> Candidate:
        """The arm to use in a phase: the fastest that is surely faster than the reference, else the reference."""
        reference = self.candidates[0]
        faster = [
            each
            for each in self.candidates
            if not each.reason and phase in each.ratios and each.ratios[phase].high < EQUAL
        ]
        return min(faster, key=lambda each: each.ratios[phase].value, default=reference)

    @property
    def train(self) -> str:
        """The execution to train with; "as it is" where none is surely faster."""
        return self.best("train").name if "train" in self.phases else ""

    @property
    def predict(self) -> str:
        """The execution to predict with."""
        return self.best("predict").name

    def paid_after(self) -> int | None:
        """After how many training steps the longer first call of the best arm has paid; None if it is the reference."""
        best, reference = self.best("train"), self.candidates[0]
        if best is reference or best.first_call_seconds is None or reference.first_call_seconds is None:
            return None
        saved = reference.step_seconds["train"] * (1 - best.ratios["train"].value)
        return max(0, round((best.first_call_seconds - reference.first_call_seconds) / saved))

    def __str__(self) -> str:
        lines = [f"{self.what}, on a {self.device}{' (remembered)' * self.remembered}:"]
        lines += [self._answer(phase) for phase in self.phases]
        bests = {(each.name, each.backend): None for each in map(self.best, self.phases) if each != self.candidates[0]}
        for name, backend in bests:
            lines.append(f"  KERAS_BACKEND={backend}  {_line(name)}")
        return "\n".join(lines)

    def _answer(self, phase: str) -> str:
        best, reference = self.best(phase), self.candidates[0]
        milliseconds = reference.step_seconds[phase] * 1e3
        verb = {"train": "Train", "predict": "Predict"}[phase]
        if best is reference:
            usual = REFERENCES.get(reference.name, reference.name)
            return f"  {verb} with {usual} ({milliseconds:.3g} ms): nothing tried is surely faster."
        ratio = best.ratios[phase]
        paid = self.paid_after() if phase == "train" else None
        after = f"; its first call has paid after {paid:,} steps" if paid else ""
        interval = f"{ratio.value:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"
        return (
            f"  {verb} with {best.name} on {best.backend}: {interval} of the time, "
            f"{milliseconds * ratio.value:.3g} ms instead of {milliseconds:.3g}{after}."
        )

    def table(self) -> list[list[str]]:
        """A row an arm that was measured, with the `COLUMNS`, as texts."""
        return [_texts(each) for each in self.candidates if each.ratios]

    def left_out(self) -> list[str]:
        """A line a reason: which executions were not measured, and why."""
        names: dict[str, list[str]] = {}
        for each in self.candidates:
            if not each.ratios:
                names.setdefault(each.reason, []).append(f"{each.name} on {each.backend}")
        return [f"{', '.join(arms)}: {reason}" for reason, arms in names.items()]


def _line(name: str) -> str:
    """The code that uses an execution."""
    if name == "onnxruntime-native":
        return 'zoo.export(model, "model.onnx"); zoo.OnnxModel("model.onnx").predict(x)'
    return "Keras' own layers" if name == "stock" else f'model = zoo.with_execution(model, "{name}")'


COLUMNS = ["execution", "backend", "train", "predict", "first call", "memory"]
"""Times of training and prediction are those over the reference; memory is the most that the process held."""


def _texts(row: Candidate) -> list[str]:
    def ratio(phase: str) -> str:
        found = row.ratios.get(phase)
        if found is None:
            return ""
        if not math.isfinite(found.high):
            return f"about {found.value:.2f}"
        return f"{found.value:.2f} ±{100 * (math.sqrt(found.high / found.low) - 1):.0f}%"

    first = "" if row.first_call_seconds is None else f"{row.first_call_seconds:.2g} s"
    memory = "" if row.peak_bytes is None else f"{row.peak_bytes / MIB:,.0f} MiB"
    return [row.name, row.backend, ratio("train"), ratio("predict"), first, memory]


def as_json(answer: Recommendation) -> dict[str, Any]:
    """The answer as what JSON can hold."""
    return asdict(answer)


def of_json(read: Mapping[str, Any]) -> Recommendation:
    """The answer that `as_json` gave."""
    candidates = [
        Candidate(**{**row, "ratios": {phase: Ratio(**ratio) for phase, ratio in row["ratios"].items()}})
        for row in read["candidates"]
    ]
    return Recommendation(**{**read, "candidates": candidates, "remembered": True})
