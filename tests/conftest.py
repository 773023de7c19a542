"""Which tests run in one process: with pytest-xdist's `--dist loadgroup`, those that share what takes long to make."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of an entry together: they share its weights and what its looped model computes (tests/models.py).

    What a file put together itself stays so.
    """
    for item in items:
        entry = getattr(getattr(item, "callspec", None), "params", {}).get("entry")
        if isinstance(entry, str) and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(entry))
