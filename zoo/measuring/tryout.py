"""Tries executions within a budget: builds an arm of each, calls it, and lets those that work race."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec

import numpy as np

from zoo.errors import ZooError
from zoo.execution import NORMAL_JIT, Execution, automatic_chunk
from zoo.measuring.effort import Effort
from zoo.measuring.own_arm import ONNX
from zoo.measuring.race import FINALISTS, Ratio, Seat, race
from zoo.measuring.recommendation import AS_IT_IS, Candidate

LOOK = Effort(warm_up_calls=1, warm_up_seconds=0.02)
"""How long an arm is warmed up."""
BUILDING = 0.6
"""The part of the budget in which arms are built; those that are not built by then are left out."""
TRAINING = 0.6
"""The part of what is left that training gets; predicting gets the rest."""
LUCK = math.log(1.25)
"""Two processes of one program differ by up to so much, as a log ratio; what is slower by more is not the best."""
AGAIN = 0.15
"""The part of what is left of a phase that building one of its best arms again may take."""
LONG_SECONDS = 10.0
"""What is likely to compile longer is built after all others."""
UNROLLED_SECONDS = {False: 0.05, True: 0.38}
"""What a step of a layer that is written out adds to a first call, without jit and with it, on two cores."""
Show = Callable[[str], None]
Arm = tuple[str, str]
"""Execution and backend."""


def executions(backend: str, device: str = "cpu", steps: int | None = None, linear: bool = False) -> list[str]:
    """The executions that are tried beside Keras' own layers, the most promising first.

    What is the same program as another one there is left out: the loop of TensorFlow on a CPU, and its chunks of one.

    Args:
        backend: "tensorflow", "jax" or "torch".
        device: "cpu" or "gpu".
        steps: of the sequences, where they are known.
        linear: whether all cells are linear in their state.
    """
    plain = ["looped", "chunked-auto", *([] if steps is None else ["unrolled"])]
    if backend == "tensorflow" and automatic_chunk(steps, backend=backend, device=device) == 1:
        plain.remove("chunked-auto")
    jitted = [f"{name}+jit" for name in plain]
    if Execution("stock").same_program(backend, device):
        plain.remove("looped")
    by_file = [ONNX] if find_spec("onnx") and find_spec("onnxruntime") else []
    fused = "fused+jit" if NORMAL_JIT[backend] else "fused"
    names = [fused, *by_file, *(["parallel"] if linear else []), *([] if NORMAL_JIT[backend] else plain), *jitted]
    names.append("chunked-auto+recompute")
    return [name for name in names if not Execution.parse(name).problem(backend, device if name == fused else "")]


class Budget:
    """Seconds that count from now on."""

    def __init__(self, seconds: float) -> None:
        if not seconds > 0:
            raise ZooError(f"budget must be more than 0 seconds, not {seconds!r}")
        self.seconds = seconds
        self._started = time.monotonic()

    def spent(self) -> float:
        """The seconds since the start."""
        return time.monotonic() - self._started

    def left(self) -> float:
        """The seconds that are left, none below 0."""
        return max(0.0, self.seconds - self.spent())

    def of_a_call(self) -> float:
        """How long a call may take: while arms are built, until the time for that is over."""
        return max(BUILDING * self.seconds - self.spent(), LONG_SECONDS)


@dataclass
class Tryout:
    """Arms that are tried beside each other.

    Attributes:
        arms: execution and backend of each, the reference first, then the most promising.
        make: gives the seat of an arm, or why it has none, in words.
        phases: what is measured.
        written_out: how many steps stand in the program where all loops are unrolled.
        processes: whether each seat that `make` gives is a process of its own. Then the best of a phase go on in fresh
            ones: two processes of one program differ by up to a fifth, and the luckiest is no choice.
    """

    arms: Sequence[Arm]
    make: Callable[[str, str], Seat | str]
    phases: Sequence[str]
    written_out: int
    processes: bool = False
    _rows: dict[Arm, Candidate] = field(default_factory=dict)
    _seats: dict[Arm, Seat] = field(default_factory=dict)
    _building: dict[Arm, float] = field(default_factory=dict)  # seconds
    _again: dict[tuple[Arm, str], Seat] = field(default_factory=dict)  # the fresh process of an arm, by phase

    def measured(self, budget: Budget, show: Show) -> list[Candidate]:
        """A row an arm.

        Raises:
            ZooError: the reference cannot be measured, or the budget is too small for a second arm.
        """
        self._build(budget, show)
        for place, phase in enumerate(self.phases):
            share = TRAINING if place + 1 < len(self.phases) else 1.0
            self._race(phase, Budget(max(0.5, budget.left() * share)), show)
        return [self._with_times(arm) for arm in self.arms]

    def _race(self, phase: str, budget: Budget, show: Show) -> None:
        """Let the arms take turns in a phase; the best go on, in fresh processes where these are built soon."""
        reference = self._seats[self.arms[0]]
        seats = {arm: seat for arm, seat in self._seats.items() if phase in self._phases(seat.name)}
        show(f"{len(seats)} arms take turns: {phase}")
        race(list(seats.values()), reference, phase, budget.left(), FINALISTS if self.processes else 0)
        self._require_reference()
        best = self._best(seats, phase)
        if not self.processes or not best or not budget.left():
            return
        show(f"the best {len(best)} go on in fresh processes: {phase}")
        for arm in best:
            if self._building[arm] <= AGAIN * budget.left():
                seat = self.make(*arm)
                if isinstance(seat, Seat) and seat.ask("warm_up", phase, LOOK) is not None:
                    best[arm] = self._again[arm, phase] = seat
        race([reference, *best.values()], reference, phase, budget.left())
        self._require_reference()

    def _best(self, seats: Mapping[Arm, Seat], phase: str) -> dict[Arm, Seat]:
        """The fastest few, without the reference, that another process of the fastest may be as slow as."""
        reference = self._seats[self.arms[0]]
        middles = {
            arm: float(np.median(seat.log_ratios(phase, reference) or [math.inf]))
            for arm, seat in seats.items()
            if not seat.broken
        }
        ranked = sorted(middles, key=middles.__getitem__)
        near = [arm for arm in ranked if middles[arm] <= middles[ranked[0]] + LUCK and arm != self.arms[0]]
        return {arm: seats[arm] for arm in near[:FINALISTS]}

    def _build(self, budget: Budget, show: Show) -> None:
        """Build and call the arms, one after another, while the budget allows."""
        longest: dict[tuple[str, bool], float] = {}  # seconds that an arm of a backend took, without jit and with it
        for arm in [self.arms[0], *sorted(self.arms[1:], key=self._compiles_long)]:
            name, backend = arm
            execution, before = _execution(name), budget.spent()
            like_it = longest.get((backend, execution.jit), longest.get((backend, False), 0.0))
            expected = max(like_it, self._first_call(execution))
            if self._seats and before + expected > BUILDING * budget.seconds:
                self._rows[arm] = Candidate(name, backend, reason=f"left out: to build it takes some {expected:.0f} s")
                continue
            show(f"{name} on {backend} is built")
            seat = self.make(name, backend)
            self._rows[arm] = (
                Candidate(name, backend, reason=seat) if isinstance(seat, str) else self._called(seat, backend)
            )
            if isinstance(seat, Seat) and not seat.broken:
                self._seats[arm] = seat
            if arm == self.arms[0]:
                self._require_reference()
                self._require_time(budget)
            kind, self._building[arm] = (backend, execution.jit), budget.spent() - before
            longest[kind] = max(longest.get(kind, 0.0), self._building[arm])

    def _require_reference(self) -> None:
        arm = self.arms[0]
        seat = self._seats.get(arm)
        if seat is None or seat.broken:
            raise ZooError(f"{arm[0]} cannot be measured: {seat.broken if seat else self._rows[arm].reason}")

    def _require_time(self, budget: Budget) -> None:
        if budget.spent() > BUILDING / 2 * budget.seconds:
            raise ZooError(
                f"a budget of {budget.seconds:g} s is too small: the first arm alone took {budget.spent():.0f} s; "
                f"give about {4 * budget.spent():.0f} s"
            )

    def _phases(self, name: str) -> Sequence[str]:
        """What an arm is measured in: a file of ONNX does not train."""
        return [phase for phase in self.phases if name != ONNX or phase == "predict"]

    def _compiles_long(self, arm: Arm) -> bool:
        """Whether an arm is built last, so that it takes no time from those that are built soon."""
        return self._first_call(_execution(arm[0])) > LONG_SECONDS

    def _first_call(self, execution: Execution) -> float:
        """About how long a first call takes beyond what every arm takes, seconds."""
        return self.written_out * UNROLLED_SECONDS[execution.jit] if execution.loop == "unrolled" else 0.0

    def _called(self, seat: Seat, backend: str) -> Candidate:
        """The row of an arm that was called for the first time in each phase."""
        first, peak = 0.0, None
        for phase in reversed(self._phases(seat.name)):  # the peak of training is the last
            warm = seat.ask("warm_up", phase, LOOK)
            if warm is None:
                return Candidate(seat.name, backend, reason=seat.broken)
            first, peak = warm[1]["first_call_seconds"], warm[1]["step_peak_host_bytes"]
        # In one process for all arms the peak is that of all of them so far.
        return Candidate(seat.name, backend, first_call_seconds=first, peak_bytes=peak if self.processes else None)

    def _with_times(self, arm: Arm) -> Candidate:
        """The row of an arm with what the races gave."""
        row, seat, reference = self._rows[arm], self._seats.get(arm), self._seats[self.arms[0]]
        if seat is None:
            return row
        times, ratios = {}, {}
        for phase in self.phases:
            processes = [each for each in (seat, self._again.get((arm, phase))) if each is not None]
            found = [each.log_ratios(phase, reference) for each in processes]
            if any(found):
                seconds = [each for process in processes for each in process.seconds.get(phase, {}).values()]
                times[phase] = float(np.median(seconds))
                ratios[phase] = Ratio.of_processes([each for each in found if each])
        return replace(row, step_seconds=times, ratios=ratios, reason=seat.broken)


def _execution(name: str) -> Execution:
    return Execution("stock") if name == AS_IT_IS else Execution.parse(name)
