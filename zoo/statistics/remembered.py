"""What is worked out of a table once, however many of a report's tables, charts and answers need it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import pandas as pd

Result = TypeVar("Result")


def once_a_table(function: Callable[..., Result]) -> Callable[..., Result]:
    """Keep what `function` gives of a table, with the same other arguments, for as long as the table is there.

    The table must not be changed in between. A frame is given as a shallow copy, to which columns can be added.
    """
    known: dict[int, tuple[weakref.ref[pd.DataFrame], dict[Any, Any]]] = {}

    @wraps(function)
    def remembered(table: pd.DataFrame, *arguments: Any, **named: Any) -> Any:
        place = id(table)
        of_table = known.get(place)
        if not of_table or of_table[0]() is not table:
            of_table = (weakref.ref(table, lambda _: known.pop(place, None)), {})
            known[place] = of_table
        results = of_table[1]
        key = (_hashable(arguments), _hashable(tuple(sorted(named.items()))))
        if key not in results:
            results[key] = function(table, *arguments, **named)
        return _copied(results[key])

    return remembered


def _hashable(argument: Any) -> Any:
    return tuple(map(_hashable, argument)) if isinstance(argument, (list, tuple)) else argument


def _copied(result: Any) -> Any:
    if isinstance(result, tuple):
        return tuple(map(_copied, result))
    return result.copy(deep=False) if isinstance(result, pd.DataFrame) else result
