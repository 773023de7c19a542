"""Which GPU is measured on, and what a row calls it."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from zoo.measuring import machine

LISTED = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
  MIG 1g.5gb      Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)
GPU 1: NVIDIA H200 (UUID: GPU-18003b4b-1d1a-9c3d-2b1e-77ad3e53e0ba)
"""


@pytest.fixture(autouse=True)
def two_gpus(monkeypatch) -> Iterator[None]:
    monkeypatch.setattr(machine.subprocess, "run", lambda command, **_: SimpleNamespace(stdout=LISTED))
    machine.gpu_name.cache_clear()
    yield
    machine.gpu_name.cache_clear()


@pytest.mark.parametrize(
    ("asked", "seen", "name"),
    [
        (None, "0", "NVIDIA A100-SXM4-40GB"),
        ("1,0", "1", "NVIDIA H200"),
        ("GPU-18003b4b", "GPU-18003b4b", "NVIDIA H200"),
        ("MIG-c6d4f1ef", "MIG-c6d4f1ef", "NVIDIA A100-SXM4-40GB"),
        ("7", "7", ""),
        ("", "", ""),
    ],
)
def test_the_gpu_is_the_first_that_the_user_lets_be_seen(monkeypatch, asked: str | None, seen: str, name: str) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if asked is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", asked)
    assert machine.environment("keras", "jax", "gpu")["CUDA_VISIBLE_DEVICES"] == seen
    assert machine.gpu_name() == name
    assert machine.environment("keras", "jax", "cpu")["CUDA_VISIBLE_DEVICES"] == ""
