"""What each arm costs: the arms take turns, a process each, in training steps and in predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from zoo.comparison.training import Arm, model_of, plain_batch
from zoo.measuring.effort import Effort
from zoo.measuring.launcher import Launcher, Limits, Outcome, Process
from zoo.measuring.lockstep import balanced_order
from zoo.measuring.own_arm import OwnArm, keras_runner
from zoo.measuring.race import Ratio, Seat

WARM_UP = Effort(warm_up_calls=3, warm_up_seconds=0.1)
ROUNDS = 24
BLOCK_SECONDS = 0.02
PHASES = ("train", "predict")
MIB = 2**20


@dataclass(frozen=True)
class Cost:
    """What an arm costs; where it has no times, why.

    Attributes:
        milliseconds: of a call with one batch, by phase.
        ratios: over the first arm, by phase; their intervals are over rounds within one process of each.
        peak_mib: the most memory of its process in a training step.
        reason: why it was not measured.
    """

    milliseconds: dict[str, float]
    ratios: dict[str, Ratio]
    peak_mib: float | None = None
    reason: str = ""


def arm_alive(arm: Arm) -> OwnArm:
    """The arm, ready to take turns. In a process of its own."""
    import keras

    keras.utils.set_random_seed(0)
    x, y = plain_batch(arm.task)
    return OwnArm(lambda: keras_runner(model_of(arm), x, y), arm.task.batch)


def measure_costs(arms: Sequence[Arm], launcher: Launcher, limits: Limits, show: Callable[[str], None]) -> list[Cost]:
    """The cost of each arm; ratios are over the first that can be measured."""
    processes: list[Process] = []
    try:
        seats: list[Seat] = []
        peaks: list[float | None] = []
        for arm in arms:
            show(f"{arm.entry} is built, to be timed")
            seat, peak = _seated(arm, launcher, limits, processes)
            seats.append(seat)
            peaks.append(peak)
        alive = [seat for seat in seats if not seat.broken]
        show("entries take turns")
        for phase in PHASES:
            for number in range(ROUNDS):
                for place in balanced_order(len(alive), number):
                    _turn(alive[place], phase, number)
        reference = next((seat for seat in alive if not seat.broken), None)
        return [_cost(seat, reference, peak) for seat, peak in zip(seats, peaks, strict=True)]
    finally:
        for process in processes:
            process.end()


def _seated(arm: Arm, launcher: Launcher, limits: Limits, processes: list[Process]) -> tuple[Seat, float | None]:
    seat = Seat(arm.entry, lambda *_: None)
    process = launcher.start()
    if isinstance(process, Outcome):
        seat.broken = process.reason
        return seat, None
    processes.append(process)
    made = process.make(limits, arm_alive, arm)
    if made.status != "ok":
        seat.broken = made.reason or made.status
        return seat, None

    def ask(method: str, *arguments: Any) -> Any:
        outcome = process.call(limits, method, *arguments)
        if outcome.status != "ok":
            seat.broken = outcome.reason or outcome.status
            return None
        return outcome.value

    seat.ask = ask
    peak = None
    for phase in reversed(PHASES):  # the peak of training is the last
        warm = ask("warm_up", phase, WARM_UP)
        if warm is None:  # its process is gone
            return seat, None
        peak = warm[1]["step_peak_host_bytes"]
    return seat, peak / MIB if peak else None


def _turn(seat: Seat, phase: str, number: int) -> None:
    if not seat.broken:
        block = seat.ask("block", phase, BLOCK_SECONDS)
        if block is not None:
            seat.seconds.setdefault(phase, {})[number] = block.step_seconds


def _cost(seat: Seat, reference: Seat | None, peak: float | None) -> Cost:
    if seat.broken or reference is None:
        return Cost({}, {}, peak, seat.broken or "no arm could be measured")
    milliseconds = {phase: 1e3 * median(seat.seconds[phase].values()) for phase in PHASES}
    ratios = {phase: Ratio.of(seat.log_ratios(phase, reference)) for phase in PHASES}
    return Cost(milliseconds, ratios, peak)
