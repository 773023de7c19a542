"""Runs a case through bare torch: `torch.nn.LSTM`, `GRU` or `RNN`, a linear layer and a training loop by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

import zoo
from zoo.measuring.case import Case
from zoo.measuring.computed import Computed, Tensor, Weights
from zoo.measuring.kernels import VENDOR, of_torch
from zoo.measuring.runners import Runner, _bare
from zoo.registry import SEQUENCE_TO_SEQUENCE

if TYPE_CHECKING:
    import torch

NEEDED: tuple[str, ...] = ()
RESET_FIRST = (1, 0, 2)  # torch's gates of a GRU are r, z, n; Keras' are z, r, n


def unsupported(case: Case) -> str:
    """Why `case` is no case of this runner, in words; empty where it is one. Imports no torch."""
    return _bare.unsupported(case, "torch")


def kernel_paths(case: Case) -> tuple[str, ...]:
    """A vendor's kernel for the whole sequence, or with jit what torch.compile makes of it."""
    vendors = tuple(dict.fromkeys(VENDOR.values()))
    return (*vendors, "inductor_flat") if case.execution.jit else vendors


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


def _network(case: Case, weights: Weights) -> torch.nn.Module:
    """The network from `weights`, by the zoo's names: (batch, steps, features) -> logits."""
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

        def forward(self, x: Tensor) -> Tensor:
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


def _loss(case: Case) -> Callable[[Tensor, Tensor], Tensor]:
    import torch

    if zoo.get_task(case.task).loss == "mse":
        return torch.nn.functional.mse_loss
    return lambda logits, y: torch.nn.functional.cross_entropy(logits, y.long())


def _runner(case: Case, network: torch.nn.Module, batch: zoo.Split) -> Runner:
    import torch

    full_precision()
    loss_of, optimizer = _loss(case), torch.optim.SGD(network.parameters(), lr=_bare.LEARNING_RATE)
    run = torch.compile(network) if case.execution.jit else network
    shown = torch.nn.Softmax(-1) if zoo.get_task(case.task).activation == "softmax" else torch.nn.Identity()
    device = "cuda" if case.device == "gpu" else "cpu"
    x, y = np.ascontiguousarray(batch.x), np.ascontiguousarray(batch.y)

    def there(array: np.ndarray) -> Tensor:
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

        def forward(self, x: Tensor) -> Tensor:
            return self.output(x if whole else x[:, -1])

    return _runner(case, Floor().to("cuda" if case.device == "gpu" else "cpu"), batch)


def computed(case: Case, batch: zoo.Split, weights: Weights | None) -> Computed:
    """The outputs and the gradients of the loss from `weights`, by the zoo's names, and what ran."""
    import torch

    full_precision()
    weights = weights or _bare.initial(case)
    network = _network(case, weights)
    run, loss_of = torch.compile(network) if case.execution.jit else network, _loss(case)
    device = next(network.parameters()).device
    x, y = (torch.from_numpy(np.ascontiguousarray(each)).to(device) for each in (batch.x, batch.y))

    def both() -> Tensor:
        network.zero_grad()
        outputs = run(x)
        loss_of(outputs, y).backward()
        return outputs.detach()

    outputs, read = of_torch(both, batch.steps, compiles=case.execution.jit)
    if zoo.get_task(case.task).activation == "softmax":
        outputs = torch.softmax(outputs, -1)
    tensors = {"outputs": outputs.cpu().numpy(), **_named_gradients(case, network)}
    return Computed({name: tensors[name] for name in ["outputs", *weights]}, **read, weights=weights)


def _named_gradients(case: Case, network: torch.nn.Module) -> dict[str, np.ndarray]:
    """The gradients in the zoo's layout, by the zoo's names."""
    of = {name: each.grad.cpu().numpy() for name, each in network.named_parameters() if each.grad is not None}
    bias = of["recurrent.bias_ih_l0"]
    if case.entry == "gru":
        bias = np.stack([bias, of["recurrent.bias_hh_l0"]])
    named = {
        "recurrent/kernel": _gates(case, of["recurrent.weight_ih_l0"].T),
        "recurrent/recurrent_kernel": _gates(case, of["recurrent.weight_hh_l0"].T),
        "recurrent/bias": _gates(case, bias),
        "output/kernel": of["output.weight"].T,
        "output/bias": of["output.bias"],
    }
    return {f"{case.entry}/{name}": gradient for name, gradient in named.items()}
