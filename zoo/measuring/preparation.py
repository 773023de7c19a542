"""What a case needs before it is timed or trained, measured once for all its repeats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from zoo import Execution, Split
from zoo.measuring import limit, prove
from zoo.measuring.batch import first_batch
from zoo.measuring.case import Case
from zoo.measuring.effort import Effort
from zoo.measuring.group import looped
from zoo.measuring.launcher import Outcome
from zoo.measuring.launchers import Once
from zoo.measuring.resume import DATA, LOOP, ONE_DENSE
from zoo.measuring.worker import Figures, measure_floor

FLOOR = "one_dense"
"""Stands for the entry where a one-Dense model is measured, once for all entries."""


@dataclass(frozen=True)
class Prepared:
    """The batch of a case, the floors of each phase, and what its proof gave for the columns of its rows."""

    batch: Split
    floors: dict[str, Figures]
    figures: Figures


@dataclass(frozen=True)
class Ended:
    """A case that gives no timings: how it ended, and the columns that have a value."""

    outcome: Outcome
    figures: Figures = field(default_factory=dict)


def prepare_timing(case: Case, once: Once, effort: Effort) -> Prepared | Ended:
    """Load the case's batch, measure its floor and prove its arm equal to looped."""
    first = looped(case)
    batch = once(DATA, first, first_batch)
    if batch.status != "ok":
        return Ended(batch)
    usual = replace(case, execution=case.execution.beside, entry=FLOOR)
    floors = once(ONE_DENSE, usual, measure_floor, batch.value, effort)
    if floors.status != "ok":
        return Ended(floors)
    proof = once("proving it" if case == first else LOOP, first, prove.prove, batch.value, None)
    if proof.status == "ok" and case != first:
        proof = once("proving it equal to looped", case, prove.prove, batch.value, proof.value)
    if proof.status != "ok":
        return Ended(proof)
    if proof.value.problem:
        return Ended(Outcome("skipped", proof.value.problem), proof.value.figures)
    if difference := prove.unequal(case, proof.value):
        return Ended(Outcome("unequal", difference), proof.value.figures)
    return Prepared(batch.value, floors.value, proof.value.figures)


def prepare_training(case: Case, once: Once) -> Prepared | Ended:
    """Load a batch and read what the case's time loop runs on; a training has no floors."""
    arm = replace(case, recipe="", seed=0, optimizer="sgd")
    batch = once(DATA, arm, first_batch)
    if batch.status != "ok":
        return Ended(batch)
    proof = once("proving what runs", arm, prove.prove, batch.value, None)
    if proof.status != "ok":
        return Ended(proof)
    if proof.value.problem:
        return Ended(Outcome("skipped", proof.value.problem), proof.value.figures)
    ran = {name: proof.value.figures[name] for name in ("kernel_path", "kernel_evidence")}
    return Prepared(batch.value, {}, ran)


def limits(case: Case, seconds: Mapping[str, float], once: Once) -> dict[str, Figures]:
    """What the arithmetic alone takes, by phase; no column of what could not be measured.

    The large product is timed once for all cases of a backend, a device and a dtype. A step that was faster shows that
    other work slowed the products down while they were timed: they are timed again, once for each time that it shows,
    and the least counts.

    Args:
        case: what was timed.
        seconds: the least of a call, by phase.
        once: what was measured once.
    """
    case = replace(case, execution=Execution(), seed=0, optimizer="sgd")
    of_all = replace(case, entry="", task="", batch=0, steps=0, features=0, units=0, masked="none")
    rate = once("a large product", of_all, limit.large_rate)
    products = once("its products", case, limit.product_seconds)
    if products.status != "ok":
        return {phase: {} for phase in case.phases}
    if rate.status != "ok":
        return limit.limits(case, None, products.value)
    found = limit.limits(case, rate.value, products.value)
    if any(least < (found[phase]["limit_seconds"] or 0) for phase, least in seconds.items()):
        again = once.again(of_all, limit.large_rate, max), once.again(case, limit.product_seconds, limit.quicker)
        return limit.limits(case, *again)
    return found
