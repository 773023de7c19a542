"""The error for a mistake of the user's, in one line, and the checks of numbers and names that raise it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from importlib.util import find_spec
from numbers import Integral, Real
from typing import Any

OUT_OF_MEMORY = ("MemoryError", "ResourceExhaustedError", "OutOfMemoryError")
OUT_OF_MEMORY_WORDS = re.compile("RESOURCE_EXHAUSTED|out of memory|ALLOC_FAILED|can.t allocate memory", re.IGNORECASE)


class ZooError(ValueError):
    """A mistake of the user's in one line: what is wrong, which value, what is allowed, what is nearest."""


class Diverged(ZooError):
    """A training whose loss became infinite or NaN: it was tried, and failed."""


def unknown(kind: str, name: str, known: Sequence[str], listing: str = "", of: str = "") -> ZooError:
    """The error for a name that is not among `known`; `listing` says where all of them are shown."""
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    what = f"unknown {kind} {name!r}" + (f" of {of}" if of else "")
    return ZooError(f"{what}{hint} {listing or 'Known: ' + ', '.join(known)}")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` means that a library had not enough memory: by its class or, of a common one, its message."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return not kinds.isdisjoint(OUT_OF_MEMORY) or bool(OUT_OF_MEMORY_WORDS.search(str(error)))


def missing(*packages: str) -> str:
    """Which of `packages` are not installed, and how to install them; empty where all are."""
    absent = [package for package in packages if not find_spec(package)]
    if not absent:
        return ""
    are = "is" if len(absent) == 1 else "are"
    return f"{' and '.join(absent)} {are} not installed: python -m pip install {' '.join(absent)}"


def positive_whole(name: str, value: Any) -> int:
    """`value` as a positive whole number, or a ZooError."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ZooError(f"{name} must be a positive whole number, not {value!r}")
    return int(value)


def fraction(name: str, value: Any) -> float:
    """`value` as a fraction from 0 to under 1, or a ZooError."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < 1:
        raise ZooError(f"{name} must be at least 0 and less than 1, not {value!r}")
    return float(value)


def seed_number(value: Any) -> int:
    """`value` as a seed that every library takes, or a ZooError."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not 0 <= int(value) < 2**32:
        raise ZooError(f"seed must be a whole number from 0 to {2**32 - 1}, not {value!r}")
    return int(value)


def more_than_zero(option: str, value: float | None, usual: float) -> float:
    """The value of an option, or what is usual without it.

    Raises:
        ZooError: it is not more than 0.
    """
    if value is not None and not value > 0:
        raise ZooError(f"{option} must be more than 0, not {value:g}")
    return usual if value is None else value
