"""Groups: the arms that are measured in lock-step, each with the reference arm of its task."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from zoo import Execution, get_entry, get_task
from zoo.execution import NORMAL_JIT
from zoo.measuring.case import Case, unsupported
from zoo.measuring.enough import LEAST_REPEATS

REFERENCE = "lstm"
WORKERS = 8
"""A group has about so many workers: with more of them an arm and its baseline are further apart in time."""


@dataclass(frozen=True)
class Group:
    """Arms of one task, its sizes, backend and device: their workers take turns, so that any two of them compare.

    Attributes:
        name: one for these arms alone, the column `group` of their rows.
        arms: the arms, those of one entry beside each other, and how many repeats of each are made at most.
        references: the reference arms among them, one a backend and device.
        least: so many repeats are made of each arm, even where its ratios are narrow before.
    """

    name: str
    arms: Mapping[Case, int]
    references: tuple[Case, ...]
    least: int = LEAST_REPEATS


def looped(case: Case) -> Case:
    """The plain loop of the case's entry: Keras' own, compiled if that is usual on the backend.

    Of a model that runs as its author wrote it and no other way it is that.
    """
    written = get_entry(case.entry).written
    if written and written.fixed:
        return replace(case, execution=Execution("stock"))
    return replace(case, execution=Execution(jit=NORMAL_JIT[case.backend]))


def reference(case: Case) -> Case:
    """The arm that every arm of the case's task and sizes is compared with: lstm looped.

    Where lstm does not fit the task it is the entry that is called as the task's topology.
    """
    task = get_task(case.task)
    return looped(replace(case, entry=REFERENCE if get_entry(REFERENCE).fits(task) else task.topology))


def baselines(case: Case, arms: Iterable[Case]) -> list[Case]:
    """Those of `arms` that `case` is compared with: the loop of its entry, the stock layer, the reference arm."""
    stock = Execution("stock")
    stock = stock.same_program(case.backend, case.device) or stock
    plain = looped(case)
    candidates = [plain, replace(case, execution=Execution(jit=case.execution.jit)), replace(case, execution=stock)]
    if case == plain:
        candidates.append(reference(case))
    known = set(arms) - {case}
    return [arm for arm in dict.fromkeys(candidates) if arm in known]


def groups(
    arms: Mapping[Case, int], mixed: bool = False, workers: int = WORKERS, least: int = LEAST_REPEATS
) -> list[Group]:
    """Put arms into groups of about so many workers, the arms of one entry never apart.

    Args:
        arms: how many repeats are wanted of each.
        mixed: whether the arms of several backends and devices share a group.
        workers: the size of a group, the reference arms included; the arms of one entry may be more.
        least: see `Group`.
    """
    apart: dict[Case, dict[Case, int]] = {}
    for case, repeats in arms.items():
        apart.setdefault(_shared(case, mixed), {})[case] = repeats
    return [_group(part, least) for together in apart.values() for part in _parts(together, workers)]


def _shared(case: Case, mixed: bool) -> Case:
    """What the arms of a group have in common."""
    common = replace(case, entry="", execution=Execution())
    return replace(common, backend="", device="") if mixed else common


def _parts(arms: Mapping[Case, int], workers: int) -> Iterator[dict[Case, int]]:
    """The arms entry by entry, as many entries at a time as make `workers` arms that can run on some machine."""
    by_entry: dict[str, dict[Case, int]] = {}
    for case, repeats in arms.items():
        by_entry.setdefault(case.entry, {})[case] = repeats
    part: dict[Case, int] = {}
    for of_entry in by_entry.values():
        if part and _running({*part, *of_entry, *map(reference, of_entry)}) > workers:
            yield part
            part = {}
        part |= of_entry
    yield part


def _running(arms: Iterable[Case]) -> int:
    return sum(not unsupported(case) for case in arms)


def _group(arms: Mapping[Case, int], least: int) -> Group:
    repeats: dict[Case, int] = {}
    for case, wanted in arms.items():
        of_case = reference(case)
        repeats[of_case] = max(wanted, repeats.get(of_case, 0))
    references = tuple(repeats)
    members = {**repeats, **{case: wanted for case, wanted in arms.items() if case not in repeats}}
    return Group(_name(list(members)), members, references, least)


def _name(arms: Sequence[Case]) -> str:
    """What the arms have in common, and a mark of their own: other arms did not take turns with these."""
    first = arms[0]
    where = sorted({f"{case.backend}-{case.device}" for case in arms})
    mask = "" if first.masked == "none" else f"-{first.masked}lengths"
    sizes = f"{first.steps}steps-{first.units}units-{first.batch}batch"
    mark = hashlib.blake2s("\n".join(sorted(case.id for case in arms)).encode(), digest_size=3).hexdigest()
    return f"{first.task}-{sizes}{mask}-{'+'.join(where)}-{mark}"
