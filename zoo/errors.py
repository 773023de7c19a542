"""The error for a mistake of the user's, in one line, and the checks of numbers and names that raise it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any


class ZooError(ValueError):
    """A mistake of the user's in one line: what is wrong, which value, what is allowed, what is nearest."""


def unknown(kind: str, name: str, known: Sequence[str], listing: str = "", of: str = "") -> ZooError:
    """The error for a name that is not among `known`; `listing` says where all of them are shown."""
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    what = f"unknown {kind} {name!r}" + (f" of {of}" if of else "")
    return ZooError(f"{what}{hint} {listing or 'Known: ' + ', '.join(known)}")


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
