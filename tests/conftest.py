"""What a test module asks for by `pytestmark = pytest.mark.usefixtures(...)`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def python_texts() -> Iterator[None]:
    """Tables hold Python's own texts, as those of `zoo report` do, not Arrow's, which take several times as long."""
    from zoo.statistics.tables import quick_texts

    with quick_texts():
        yield
