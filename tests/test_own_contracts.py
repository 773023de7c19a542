"""`zoo check`: the contracts on models of one's own, and what each says where it does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import keras
import pytest

from tests.own_models import GOOD, in_the_registries, write
from zoo.own.contracts import CONTRACTS, FAILS, HOLDS, NOT_TRIED, Finding, Subject, findings
from zoo.own.describe import described
from zoo.own.models import OwnModels
from zoo.own.shapes import toy_task
from zoo.registry import MODELS


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> OwnModels:
    return described(write(tmp_path_factory.mktemp("own"), "good_models", GOOD))


@pytest.fixture
def registered(good: OwnModels) -> Iterator[OwnModels]:
    with in_the_registries(good):
        yield good


@pytest.fixture(scope="module", autouse=True)
def nothing_stays() -> Iterator[None]:
    """What a file registers by itself when it is imported is forgotten behind these tests."""
    with mock.patch.dict(MODELS._members):
        yield


def found(own: OwnModels) -> dict[tuple[str, str], Finding]:
    return {(each.model, each.contract): each for each in findings(own)}


def reason_of(model: str, contract: str) -> str:
    """Why a contract of a registered model does not hold, on its first topology; empty where it does."""
    entry = MODELS.get(model)
    return CONTRACTS[contract](Subject(entry, toy_task(entry.topologies[0]), model))


@pytest.fixture
def only(registered: OwnModels):
    """The findings of some models of the good file."""

    def some(*names: str) -> dict[tuple[str, str], Finding]:
        kept = tuple(entry for entry in registered.entries if entry.name in names)
        return found(OwnModels(registered.path, kept))

    return some


def test_a_sound_model_keeps_every_contract(only) -> None:
    result = only("fixed")
    assert {each.contract for each in result.values()} >= {"shapes", *CONTRACTS}
    assert [each for each in result.values() if each.result == FAILS] == []
    assert result["fixed", "equal as looped"].result == HOLDS
    assert result["fixed", "equal as parallel"].result == NOT_TRIED


@pytest.mark.slow
def test_sound_cells_and_functions_keep_every_contract(only) -> None:
    assert [each for each in only("leaky_cell", "sized", "text").values() if each.result == FAILS] == []


def test_a_builder_that_forgets_the_mask_is_found(registered: OwnModels) -> None:
    assert "begin with Masking(zoo.PADDING)" in reason_of("registered", "padding")
    assert not reason_of("leaky_cell", "padding")


FAULTS = {
    "examples apart": ("h - keras.ops.mean(h, axis=0)", "changes with the other examples"),
    "gradients": ("keras.ops.stop_gradient(h)", "is 0: nothing that is trained uses it"),
    "repeatable": ("h + keras.random.normal((1,))", "two predictions of one batch differ"),
}
FAULTY = """
import keras


@keras.saving.register_keras_serializable("faulty_{number}")
class Faulty(keras.layers.Layer):
    def call(self, h):
        return {expression}


def model(steps, features, outputs):
    layers = [keras.Input((steps, features)), keras.layers.SimpleRNN(4), Faulty(), keras.layers.Dense(outputs)]
    return keras.Sequential(layers)
"""


@pytest.mark.parametrize("contract", FAULTS)
def test_a_fault_is_found_and_told_in_words(contract: str, tmp_path: Path) -> None:
    if contract == "repeatable" and keras.backend.backend() == "jax":
        pytest.skip("on JAX a layer without a seed of its own draws nothing")
    expression, words = FAULTS[contract]
    number = list(FAULTS).index(contract)
    own = described(write(tmp_path, f"faulty_{number}", FAULTY.format(number=number, expression=expression)))
    with in_the_registries(own):
        assert words in reason_of("model", contract)


def test_wrong_shapes_are_told_once(tmp_path: Path) -> None:
    text = FAULTY.format(number="shapes", expression="h / 0")
    own = described(write(tmp_path, "faulty_shapes", text))
    with in_the_registries(own):
        (only_one,) = findings(own)
    assert (only_one.result, only_one.reason) == (FAILS, "not every output is a number")


def test_a_class_that_is_not_registered_cannot_be_read_again(tmp_path: Path) -> None:
    text = GOOD[: GOOD.index("def sized")].replace('@keras.saving.register_keras_serializable("own_tests")\n', "")
    own = described(write(tmp_path, "unregistered", text))
    with in_the_registries(own):
        reason = reason_of("leaky_cell", "saved and read")
    assert reason.endswith("put @keras.saving.register_keras_serializable() above class LeakyCell")
