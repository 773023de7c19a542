"""What the originals cannot run is refused, with the reason, before TensorFlow is touched."""

from __future__ import annotations

from dataclasses import replace

import pytest

import zoo
from tests.test_legacy import batch_of, case_of, each_entry, each_loop
from zoo import Execution
from zoo.measuring.runners import legacy

UNSUPPORTED = {
    "swapping without a GPU": (
        replace(case_of("lstm", "wave", "dynamic"), execution=Execution("dynamic", memory="swap", runner="legacy")),
        "swap_memory moves what waits for the backward pass from a GPU to the host: there is no GPU in this case",
    ),
    "gru": (
        case_of("gru", "wave", "dynamic"),
        "TensorFlow 1's GRUCell computes another GRU: its reset gate acts on the state before the product, not after "
        "it, and its candidate has one bias, not two",
    ),
    "another optimizer": (
        case_of("lstm", "wave", "static", optimizer="adam"),
        "the legacy arms know optimizer sgd, not adam",
    ),
    "jit": (
        replace(case_of("lstm", "wave", "static"), execution=Execution("static", jit=True, runner="legacy")),
        "a session does not compile: the legacy arms are without jit",
    ),
    "a recipe": (
        case_of("lstm", "wave", "static", recipe="fast"),
        "the legacy arms are timed, not trained by a recipe",
    ),
    "classes at every step": (
        case_of("lstm", "copying", "static"),
        "the legacy arms have no loss of classes at every step, as copying asks for",
    ),
    "masks at every step": (
        case_of("lstm", "wave", "static", masked="uniform"),
        "the legacy arms count the padded steps of wave in their loss, which Keras leaves out",
    ),
    "another entry": (
        case_of("peephole_lstm", "wave", "static"),
        "no cell of TensorFlow 1 is known to compute peephole_lstm",
    ),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_they_cannot_run_is_refused_with_the_reason(name: str) -> None:
    case, reason = UNSUPPORTED[name]
    assert legacy.unsupported(case) == reason
    with pytest.raises(zoo.ZooError) as error:  # before TensorFlow is touched: this process stays as it is
        legacy.prepare(case, batch_of(case))
    assert str(error.value) == reason


@each_entry
@each_loop
def test_what_they_can_run_is_not_refused(entry: str, loop: str) -> None:
    assert legacy.unsupported(case_of(entry, "wave", loop)) == ""


def test_a_process_without_the_variable_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)
    case = case_of("lstm", "wave", "static")
    with pytest.raises(zoo.ZooError) as error:
        legacy.prepare(case, batch_of(case))
    assert str(error.value) == "the legacy arms need a process that was started with TF_USE_LEGACY_KERAS=1"
