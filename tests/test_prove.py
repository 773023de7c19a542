"""The proof can fail: an arm that computes something else, or runs something else than was asked for, is found out."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

import zoo
from zoo.execution import NORMAL_JIT
from zoo.measuring import kernels, prove
from zoo.measuring.batch import first_batch
from zoo.measuring.case import Case
from zoo.measuring.kernel_paths import PATHS

BACKEND = keras.backend.backend()
FIRST = Case("neuron", "wave", zoo.Execution(jit=NORMAL_JIT[BACKEND]), BACKEND, "cpu", 4, 5, 1, 3)
MEMORY = "recompute" if BACKEND == "torch" else "store"  # torch has no other chunks
ARM = replace(FIRST, execution=zoo.Execution("chunked", NORMAL_JIT[BACKEND], MEMORY, 2))


@pytest.mark.once
@pytest.mark.parametrize(
    ("calls", "path"),
    [
        ({"Torch-Compiled Region: 0/0": 1, "CompiledFunction": 1}, "inductor_flat"),
        ({"Torch-Compiled Region: 4/2": 8, "Torch-Compiled Region: 30/2": 1}, "python"),
        ({"aten::mkldnn_rnn_layer": 1, "Torch-Compiled Region: 0/0": 1}, "onednn_rnn"),
        ({"aten::addmm": 8, "aten::mm": 30}, "python"),
        ({"aten::addmm": 2, "aten::mm": 4}, "flat"),
    ],
)
def test_the_path_of_a_pass_on_torch_is_read_from_what_it_called(calls: dict[str, int], path: str) -> None:
    assert kernels.of_profile(calls, steps=8, matrices=2)["kernel_path"] == path


@pytest.mark.once
def test_cudnn_is_seen_in_what_xla_compiled() -> None:
    line = '  %cc.1 = (f32[2,5,4]{2,1,0}, f32[9]{0}) custom-call(%p), custom_call_target="cudnn_rnn_ffi", api_version=4'
    assert kernels.of_hlo(line) == {
        "kernel_path": "cudnn",
        "kernel_evidence": "custom call cudnn_rnn_ffi in the optimized HLO",
    }


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch while it compiles
@pytest.mark.skipif(BACKEND != "torch", reason="of torch.compile")
def test_torch_compiles_each_call_of_a_cell_alone() -> None:
    """Why no execution of Keras has +jit on torch. Where this fails, its loop compiles as one, and can be measured."""
    import torch

    loop = keras.layers.RNN(keras.layers.LSTMCell(4), unroll=True)
    model = keras.Sequential([keras.Input((8, 3)), loop, keras.layers.Dense(1)])
    compiled = torch.compile(lambda x: model(x, training=True))
    x = torch.ones((2, 8, 3))
    _, read = kernels.of_torch(lambda: compiled(x).sum().backward(), 8, compiles=True)
    assert read["kernel_path"] == "python"


@pytest.fixture(scope="module")
def batch() -> zoo.Split:
    return first_batch(FIRST)


@pytest.fixture(scope="module")
def looped(batch) -> prove.Proof:
    return prove.prove(FIRST, batch, None)


def otherwise(looped: prove.Proof, name: str, tensor: np.ndarray) -> prove.Proof:
    return replace(looped, tensors={**looped.tensors, name: tensor})


def test_an_arm_that_computes_the_same_is_equal(batch, looped: prove.Proof) -> None:
    proof = prove.prove(ARM, batch, looped)
    assert proof.problem == ""
    assert proof.figures["largest_difference"] < 1e-5
    assert prove.unequal(ARM, proof) == ""


@pytest.mark.parametrize(
    ("spoiled", "difference"),
    [
        ({"outputs": lambda tensor: tensor * 1.001}, "1.0e-03"),
        ({"neuron/output/kernel": lambda tensor: tensor * np.nan}, "inf"),
        ({"neuron/output/kernel": lambda tensor: tensor[None]}, "inf"),  # of a shape that NumPy would broadcast
        ({"of a weight that the arm does not have": lambda tensor: np.ones(3)}, "inf"),
    ],
    ids=["other outputs", "not a number", "another shape", "a gradient that is missing"],
)
def test_an_arm_that_computes_something_else_is_unequal(batch, looped: prove.Proof, spoiled, difference: str) -> None:
    ((name, spoil),) = spoiled.items()
    proof = prove.prove(ARM, batch, otherwise(looped, name, spoil(looped.tensors.get(name))))
    message = f"differs from looped by {difference} (relative L2 of its worst tensor), 1e-05 is allowed"
    assert prove.unequal(ARM, proof) == message


def test_what_ran_is_held_against_what_was_asked_for(batch, looped: prove.Proof, monkeypatch) -> None:
    """As if it ran looped where it was to be written out whole."""
    ran = looped.figures["kernel_path"]
    monkeypatch.setitem(PATHS, (BACKEND, "looped", FIRST.execution.jit), ("flat", "xla_flat"))
    problem = prove.prove(FIRST, batch, None).problem
    assert problem == f"asked for flat or xla_flat, but {ran} ran: {looped.figures['kernel_evidence']}"


@pytest.mark.once
def test_a_program_with_a_kernel_and_a_loop_runs_in_a_loop() -> None:
    kernel = '  %rnn = custom-call(%a), custom_call_target="cudnn_rnn"'
    loop = '  %while.1 = (s32[]) while(%t), body=%b, metadata={op_name="jit(f)/while"}'
    assert kernels.of_hlo(kernel)["kernel_path"] == "cudnn"
    both = kernels.of_hlo(f"{kernel}\n{loop}")
    assert both["kernel_path"] == "xla_while"
    assert "beside cudnn_rnn" in both["kernel_evidence"]
