"""The trained weights that come with the zoo: whole, alike on every execution and backend, as good as their cards."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo
from tests.models import without_graphs
from zoo.pretrained import FOLDER, Card, cards, get_card, load_pretrained, probe, stem

CARDS = cards()
NAMES = [stem(card["entry"], card["task"]) for card in CARDS]
EXECUTIONS = [execution for execution in zoo.execution.EXECUTIONS if not execution.problem(keras.backend.backend())]
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
"""Backends add in other orders, over up to 200 steps; within a backend 1e-5 holds (test_models.py)."""


def can_run(card: Card, execution: zoo.Execution) -> bool:
    """Whether a model runs so, and tests need not wait long for it."""
    long = zoo.get_task(card["task"]).steps >= 100  # 200 steps take XLA minutes to compile
    if execution.loop == "unrolled" and (long or execution.jit):
        return False
    entry = zoo.get_entry(card["entry"])
    return not (entry.problem(execution) or execution.problem(keras.backend.backend(), "cpu", entry.stock))


def is_slow(card: Card, execution: zoo.Execution) -> bool:
    """Whether it is for `pytest -m slow`: that it computes what the looped one does is shown of every entry.

    A long sequence is read by a scan where its entry has one (test_linear.py), and all others looped.
    """
    by_scan = zoo.get_entry(card["entry"]).linear and zoo.get_task(card["task"]).steps >= 100
    quick = not execution.jit and execution.memory == "store"
    every = quick and stem(card["entry"], card["task"]) in EVERY_EXECUTION
    return str(execution) != ("parallel" if by_scan else "looped") and not every


EVERY_EXECUTION = ("lstm-mnist_rows", "dense_projection-wave")
ARMS = [
    pytest.param(card, execution, marks=[pytest.mark.slow] * is_slow(card, execution), id=f"{name}-{execution}")
    for card, name in zip(CARDS, NAMES, strict=True)
    for execution in EXECUTIONS
    if can_run(card, execution)
]


@pytest.mark.parametrize(("card", "execution"), ARMS)
def test_a_file_gives_the_numbers_of_its_card_under_every_execution(card, execution: zoo.Execution) -> None:
    model = zoo.create_model(card["entry"], card["task"], execution, weights="pretrained")
    if not execution.jit:
        without_graphs(model)
    np.testing.assert_allclose(probe(model), card["probe"], **CLOSE)


def test_the_files_together_are_small_and_of_ten_entries() -> None:
    assert sum(path.stat().st_size for path in FOLDER.glob("*.safetensors")) < 25_000_000
    assert len({card["entry"] for card in CARDS}) >= 10
    assert sorted(path.stem for path in FOLDER.glob("*.safetensors")) == sorted(NAMES)


SCORED = ["lstm-mnist_rows", "gru-reber", "encoder_decoder-dates", "dense_projection-wave"]
"""The others take longer to load or to read."""


@pytest.mark.parametrize("name", SCORED)
def test_the_score_of_a_card_is_reached(name: str) -> None:
    card = next(card for card in CARDS if stem(card["entry"], card["task"]) == name)
    if card["task"] == "mnist_rows" and not Path(os.environ.get("ZOO_DATA", ""), "mnist.npz").is_file():
        pytest.skip("ZOO_DATA has no mnist.npz")
    model = zoo.create_model(card["entry"], card["task"], weights="pretrained")
    data = zoo.load_task(card["task"])  # its test is the same for every seed
    assert zoo.evaluate(model, card["task"], data=data) == pytest.approx(card["scores"], abs=2e-3)


@pytest.fixture
def copy(tmp_path):
    """The published digits alone, in a folder that may be spoiled."""
    for path in FOLDER.glob("vector_to_sequence-*"):
        shutil.copy(path, tmp_path)
    return tmp_path


def test_a_file_that_was_changed_or_cut_is_refused(copy) -> None:
    model = zoo.create_model(
        "vector_to_sequence", "draw_digit", units=get_card("vector_to_sequence", "draw_digit")["units"]
    )
    path = copy / "vector_to_sequence-draw_digit.safetensors"
    whole = path.read_bytes()
    load_pretrained(model, "draw_digit", copy)
    for spoiled in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:-100]):
        path.write_bytes(spoiled)
        with pytest.raises(zoo.ZooError, match=r"safetensors .*sha256"):
            load_pretrained(model, "draw_digit", copy)
    path.unlink()
    with pytest.raises(zoo.ZooError, match="cannot read"):
        load_pretrained(model, "draw_digit", copy)


def test_sizes_are_those_of_the_card_and_others_are_refused() -> None:
    model = zoo.create_model("lstm", "mnist_rows", weights="pretrained")
    assert zoo.get_weights(model)["lstm/recurrent/recurrent_kernel"].shape == (150, 600)
    with pytest.raises(zoo.ZooError, match=r"lstm for mnist_rows .*units=150, not 7"):
        zoo.create_model("lstm", "mnist_rows", weights="pretrained", units=7)
    with pytest.raises(zoo.ZooError, match=r"'gru' for 'mnist_rows' .*for mnist_rows .*lstm.* of gru .*reber"):
        zoo.create_model("gru", "mnist_rows", weights="pretrained")


def test_what_the_published_model_was_not_built_with_is_refused() -> None:
    zoo.create_model("min_gru", "mnist_rows", weights="pretrained", mean_pool=False, layers=2)
    with pytest.raises(zoo.ZooError, match="another model than 'min_gru'"):
        zoo.create_model("min_gru", "mnist_rows", weights="pretrained", layers=3)
    with pytest.raises(zoo.ZooError, match="min_gru for mnist_rows has mean_pool=False, not True"):
        zoo.create_model("min_gru", "mnist_rows", weights="pretrained", mean_pool=True)


def test_a_mistyped_option_is_named_beside_published_weights() -> None:
    with pytest.raises(zoo.ZooError, match="unknown option 'unit' of entry lstm; did you mean 'units'"):
        zoo.create_model("lstm", "mnist_rows", weights="pretrained", unit=3)


def test_weights_of_another_entry_or_of_other_sizes_are_refused(tmp_path) -> None:
    path = FOLDER / "vector_to_sequence-draw_digit.safetensors"
    with pytest.raises(zoo.ZooError, match="another model than 'lstm'"):
        zoo.create_model("lstm", "wave", weights=path)
    with pytest.raises(zoo.ZooError, match="has shape"):
        zoo.create_model("vector_to_sequence", "draw_digit", units=3, weights=path)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(path.read_bytes()[:50])
    with pytest.raises(zoo.ZooError, match="is not a safetensors file"):
        zoo.create_model("vector_to_sequence", "draw_digit", weights=broken)
