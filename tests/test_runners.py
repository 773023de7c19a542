"""The contract of the runners: what each of them has, declares and computes."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import keras
import pytest

import zoo
from tests.arms import OWN, case_of
from tests.test_rooms import HEAVY, ROOT
from zoo.execution import LOOPS, NORMAL_JIT
from zoo.measuring import computed, kernels, prove, runners
from zoo.measuring.batch import first_batch
from zoo.measuring.runners import RunnerModule

BACKEND = keras.backend.backend()
CONTRACT = [name for name, member in vars(RunnerModule).items() if inspect.isfunction(member) and name[0] != "_"]
each_runner = pytest.mark.parametrize("runner", LOOPS)


@each_runner
def test_a_runner_has_every_function_of_the_contract_with_its_parameters(runner: str) -> None:
    assert len(CONTRACT) == 5
    module = runners.load(runner)
    for name in CONTRACT:
        asked = list(inspect.signature(getattr(RunnerModule, name)).parameters)[1:]
        has = inspect.signature(getattr(module, name)).parameters
        assert list(has)[: len(asked)] == asked, name
        assert all(has[other].default is not inspect.Parameter.empty for other in list(has)[len(asked) :])


def test_planning_asks_every_runner_without_a_backend() -> None:
    bound = f"sorted(set(sys.modules) & set({HEAVY}))"
    script = f"import sys; from tests.arms import ask_every_runner; ask_every_runner(); print({bound})"
    asked = subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, capture_output=True, text=True)
    assert asked.stdout.strip() == "[]"


@pytest.mark.parametrize("arm", OWN)
def test_a_runner_of_its_own_declares_the_paths_of_its_arms(arm: str) -> None:
    case = case_of(arm, BACKEND)
    assert runners.load(case.runner).kernel_paths(case)


HERE = [
    pytest.param("looped+jit" if NORMAL_JIT[BACKEND] else "looped", id="keras"),
    *("torch-native", "jax-scan+jit", "onnxruntime-native"),
]


@pytest.mark.parametrize("arm", HERE)
def test_what_is_computed_from_initial_values_is_computed_again_from_the_weights_that_it_tells(arm: str) -> None:
    """The legacy arms need an environment of their own: tests/test_legacy.py."""
    case = case_of(arm, BACKEND)
    for package in {"torch": ["torch"], "jax": ["jax"], "onnxruntime": ["onnx", "onnxruntime"]}.get(case.runner, []):
        pytest.importorskip(package)
    module, batch = runners.load(case.runner), first_batch(case)
    drawn = module.computed(case, batch, None)
    names = set(zoo.get_weights(zoo.create_model("lstm", "wave", units=case.units, steps=case.steps)))
    assert set(drawn.weights) == names
    assert drawn.tensors.keys() == ({"outputs", *drawn.weights} if "train" in case.phases else {"outputs"})
    given = module.computed(case, batch, drawn.weights)
    assert max(prove.relative_difference(given.tensors, drawn.tensors).values()) < 1e-6
    paths = module.kernel_paths(case)
    assert paths is None or drawn.kernel_path in paths
    assert drawn.kernel_evidence
    assert drawn.compile_seconds is None or 0 <= drawn.compile_seconds < 60


class Clock:
    """Stands for `time`: its seconds pass when they are told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        monkeypatch.setattr(computed, "time", self)

    def perf_counter(self) -> float:
        return self.seconds

    def compiles(self, call: Callable[..., Any], compile_seconds: float, run_seconds: float) -> Callable[..., Any]:
        """`call`, as if its first call compiled, and each of them ran."""
        waits = iter([compile_seconds])

        def run(*arguments: Any) -> Any:
            self.seconds += next(waits, 0.0) + run_seconds
            return call(*arguments)

        return run


def test_compiling_is_the_first_call_less_a_later_one(monkeypatch) -> None:
    calls = iter("abc")
    call = Clock(monkeypatch).compiles(lambda: next(calls), compile_seconds=5, run_seconds=2)
    assert computed.first_less_later(call) == (5, "a")


def test_compiling_leaves_out_the_run_in_keras_on_tensorflow(monkeypatch) -> None:
    if BACKEND != "tensorflow":
        pytest.skip("the others compile explicitly, or by torch.compile")
    run = Clock(monkeypatch).compiles(kernels._to_numpy, compile_seconds=5, run_seconds=2)
    monkeypatch.setattr(kernels, "_to_numpy", run)
    case = case_of("looped", BACKEND)
    assert runners.load("keras").computed(case, first_batch(case), None).compile_seconds == 5


@pytest.mark.parametrize("arm", ["torch-native", "torch-native+jit"])
def test_compiling_leaves_out_the_run_in_bare_torch(monkeypatch, arm: str) -> None:
    torch = pytest.importorskip("torch")
    clock = Clock(monkeypatch)
    monkeypatch.setattr(torch, "compile", lambda network: clock.compiles(network, compile_seconds=5, run_seconds=2))
    case = case_of(arm, BACKEND)
    ran = runners.load("torch").computed(case, first_batch(case), None)
    assert ran.compile_seconds == (5 if case.execution.jit else None)
