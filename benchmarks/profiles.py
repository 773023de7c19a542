"""The profiles: named grids of cases, and how long each case is timed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from zoo.registry import unknown


@dataclass(frozen=True)
class Effort:
    """How long a phase is warmed up and timed: at least the calls named, then until the seconds or the most calls."""

    warm_up_calls: int = 2
    warm_up_most_calls: int = 10
    warm_up_seconds: float = 0.5
    calls: int = 5
    most_calls: int = 50
    seconds: float = 1.0


@dataclass(frozen=True)
class Block:
    """A grid of cases: every entry × task × number of steps × execution. Names may be wildcards."""

    entries: tuple[str, ...] = ("*",)
    tasks: tuple[str, ...] = ("digits_rows", "wave")
    executions: tuple[str, ...] = ("looped", "unrolled")
    steps: tuple[int | None, ...] = (None,)  #: None is the task's own number


@dataclass(frozen=True)
class Profile:
    """A named grid of cases."""

    name: str
    summary: str
    timed: tuple[Block, ...]
    repeats: int
    trained: tuple[Block, ...] = ()
    seeds: int = 0
    effort: Effort = Effort()
    time_limit_seconds: float = 120.0  #: a timed case is ended after this long


BRIEF = Effort(warm_up_most_calls=5, warm_up_seconds=0.1, most_calls=20, seconds=0.25)
SWEEP = Block(("lstm",), ("wave",), steps=(10, 20, 50, 100, 200))
COMPILED = Block(("lstm",), executions=("looped+jit", "unrolled+jit"))
EVERYTHING = Block(tasks=("digits_rows", "wave", "mnist_rows"))

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "smoke",
            "lstm once, on digits_rows and wave: shows in under a minute that all works",
            timed=(Block(("lstm",)),),
            repeats=1,
            trained=(Block(("lstm",), ("digits_rows",), ("looped",)),),
            seeds=1,
            effort=BRIEF,
        ),
        Profile(
            "quick",
            "every entry, looped and unrolled, 3 repeats; +jit and steps 10 to 200 for lstm; accuracy with 3 seeds",
            timed=(Block(), COMPILED, SWEEP),
            repeats=3,
            trained=(Block(executions=("looped",)),),
            seeds=3,
            effort=BRIEF,
        ),
        Profile(
            "full",
            "as quick, with mnist_rows, 5 repeats and 5 seeds",
            timed=(EVERYTHING, COMPILED, SWEEP),
            repeats=5,
            trained=(replace(EVERYTHING, executions=("looped",)),),
            seeds=5,
        ),
    )
}


def get_profile(name: str) -> Profile:
    """The profile called `name`, or a ZooError that names the nearest."""
    if name not in PROFILES:
        raise unknown("profile", name, list(PROFILES))
    return PROFILES[name]
