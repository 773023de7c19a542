"""Seconds of the processor, not of the clock: other work on the machine must not fail a test."""

from __future__ import annotations

import resource


def seconds_of_children() -> float:
    """What every process that this one started and waited for has taken so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
