"""A file that the zoo writes is whole or not there, and its mode is that of the user's other files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import zoo
from tests.models import model


def test_a_file_of_weights_is_readable_by_whom_the_umask_lets_and_is_whole_or_none(tmp_path, monkeypatch) -> None:
    made, path = model("neuron", "wave"), tmp_path / "new" / "x.safetensors"
    before = os.umask(0o027)
    try:
        zoo.save_weights(made, path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640
    known = path.read_bytes()

    def full(part: Path, content: bytes) -> None:
        part.open("wb").close()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(zoo.ZooError, match=f"^cannot write {path}: No space left on device$"):
        zoo.save_weights(made, path)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == known
