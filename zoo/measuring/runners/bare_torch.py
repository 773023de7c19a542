"""Runs a case through bare torch: `torch.nn.LSTM`, `GRU` or `RNN`, a linear layer and a training loop by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

import zoo
from zoo.measuring.case import Case
from zoo.measuring.kernels import of_profile
from zoo.measuring.prove import Computed
from zoo.measuring.runners import Runner, _bare
from zoo.registry import SEQUENCE_TO_SEQUENCE

Weights = dict[str, np.ndarray]
RESET_FIRST = (1, 0, 2)  # torch's gates of a GRU are r, z, n; Keras' are z, r, n


def unsupported(case: Case) -> str:
    """Why `case` is no case of this runner, in words; empty where it is one. Imports no torch."""
    return _bare.unsupported(case, "torch")


def full_precision() -> None:
    """Have torch multiply in float32, in cuDNN too, which takes TF32 by default."""
    import torch

    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False


def _gates(case: Case, array: np.ndarray) -> np.ndarray:
    """The gates of the last axis in the other library's order: the same there and back."""
    if case.entry != "gru":
        return array
    return np.concatenate([np.split(array, 3, axis=-1)[i] for i in RESET_FIRST], axis=-1)


def _network(case: Case, weights: Weights) -> Any:
    import torch

    torch.manual_seed(case.seed)
    task = zoo.task_at(case.task, case.steps)
    whole = task.topology == SEQUENCE_TO_SEQUENCE

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            kind = {"simple_rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[case.entry]
            self.recurrent = kind(case.features, case.units, batch_first=True)
            self.output = torch.nn.Linear(case.units, task.outputs)

        def forward(self, x: Any) -> Any:
            hidden = self.recurrent(x)[0]
            return self.output(hidden if whole else hidden[:, -1])

    network = Network()
    layer, named = network.recurrent, _bare.short(weights, case)
    bias = np.atleast_2d(_gates(case, named["bias"]))
    values = {
        layer.weight_ih_l0: _gates(case, named["kernel"]).T,
        layer.weight_hh_l0: _gates(case, named["recurrent_kernel"]).T,
        layer.bias_ih_l0: bias[0],
        layer.bias_hh_l0: bias[1] if len(bias) > 1 else np.zeros_like(bias[0]),
        network.output.weight: named["output/kernel"].T,
        network.output.bias: named["output/bias"],
    }
    with torch.no_grad():
        for parameter, value in values.items():
            parameter.copy_(torch.tensor(np.ascontiguousarray(value)))
    return network.to("cuda" if case.device == "gpu" else "cpu")


def _loss(case: Case) -> Callable[[Any, Any], Any]:
    import torch

    if zoo.get_task(case.task).loss == "mse":
        return torch.nn.functional.mse_loss
    return lambda logits, y: torch.nn.functional.cross_entropy(logits, y.long())


def _runner(case: Case, network: Any, batch: zoo.Split) -> Runner:
    import torch

    full_precision()
    loss_of, optimizer = _loss(case), torch.optim.SGD(network.parameters(), lr=_bare.LEARNING_RATE)
    run = torch.compile(network) if case.execution.jit else network
    shown = torch.nn.Softmax(-1) if zoo.get_task(case.task).activation == "softmax" else torch.nn.Identity()
    device = "cuda" if case.device == "gpu" else "cpu"
    x, y = np.ascontiguousarray(batch.x), np.ascontiguousarray(batch.y)

    def there(array: np.ndarray) -> Any:
        return torch.from_numpy(array).to(device)

    def train() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(run(there(x)), there(y))
        loss.backward()
        optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()
        return float(loss)

    @torch.no_grad()
    def predict() -> np.ndarray:
        return shown(run(there(x))).cpu().numpy()

    peak = torch.cuda.max_memory_allocated if device == "cuda" else lambda: None
    return Runner({"train": train, "predict": predict}, sum(p.numel() for p in network.parameters()), peak)


def prepare(case: Case, batch: zoo.Split) -> Runner:
    """The network, its optimizer and its loss, with `torch.compile` where the execution has jit."""
    return _runner(case, _network(case, _bare.initial(case)), batch)


def prepare_floor(case: Case, batch: zoo.Split) -> Runner:
    """One linear layer in the same loop: what it costs with nearly nothing inside."""
    import torch

    task = zoo.task_at(case.task, case.steps)
    whole = task.topology == SEQUENCE_TO_SEQUENCE

    class Floor(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.output = torch.nn.Linear(case.features, task.outputs)

        def forward(self, x: Any) -> Any:
            return self.output(x if whole else x[:, -1])

    return _runner(case, Floor().to("cuda" if case.device == "gpu" else "cpu"), batch)


def computed(case: Case, batch: zoo.Split, weights: Weights) -> tuple[Computed, Weights]:
    """The outputs and the gradients of the loss from `weights`, by the zoo's names, and what ran."""
    import torch

    full_precision()
    network = _network(case, weights)
    run, loss_of = torch.compile(network) if case.execution.jit else network, _loss(case)
    device = next(network.parameters()).device
    x, y = (torch.from_numpy(np.ascontiguousarray(each)).to(device) for each in (batch.x, batch.y))
    started = time.perf_counter()

    def both() -> Any:
        network.zero_grad()
        outputs = run(x)
        loss_of(outputs, y).backward()
        return outputs.detach()

    outputs = both()
    first_seconds = time.perf_counter() - started
    with torch.autograd.profiler.profile() as profiled:
        both()
    calls = {event.key: event.count for event in profiled.key_averages()}
    read = {**of_profile(calls, batch.steps), "compile_seconds": first_seconds if case.execution.jit else None}
    if zoo.get_task(case.task).activation == "softmax":
        outputs = torch.softmax(outputs, -1)
    found = {"outputs": outputs.cpu().numpy(), **_named_gradients(case, network)}
    return Computed({name: found[name] for name in ["outputs", *weights]}, **read), weights


def _named_gradients(case: Case, network: Any) -> Weights:
    """The gradients in the zoo's layout, by the zoo's names."""
    layer = network.recurrent
    of = {name: getattr(layer, name).grad.cpu().numpy() for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0")}
    bias = of["bias_ih_l0"]
    if case.entry == "gru":
        bias = np.stack([bias, layer.bias_hh_l0.grad.cpu().numpy()])
    named = {
        "recurrent/kernel": _gates(case, of["weight_ih_l0"].T),
        "recurrent/recurrent_kernel": _gates(case, of["weight_hh_l0"].T),
        "recurrent/bias": _gates(case, bias),
        "output/kernel": network.output.weight.grad.cpu().numpy().T,
        "output/bias": network.output.bias.grad.cpu().numpy(),
    }
    return {f"{case.entry}/{name}": gradient for name, gradient in named.items()}
