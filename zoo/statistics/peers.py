"""What the zoo's executions gain over other libraries, in one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from zoo.statistics.columns import PAIR, SIZES
from zoo.statistics.intervals import geometric_interval, geometric_mean
from zoo.statistics.ratios import medians

Arm = tuple[str, str]
"""A backend and an execution as the tables name it."""


KERAS_TF = tuple(("tensorflow", how) for how in ("looped", "unrolled", "looped+jit", "unrolled+jit"))


FUSED = (("torch", "fused"),)
BARE_TORCH = (("torch", "torch-native"),)
ORT = (("tensorflow", "onnxruntime-native"),)
SIZE = ["entry", "task", *SIZES]


@dataclass(frozen=True)
class Comparison:
    """Two sides of a comparison: of several arms the fastest at a size counts."""

    what: str
    ours: tuple[Arm, ...]
    theirs: tuple[Arm, ...]
    phase: str
    net: bool = False  #: whether the floor of each trainer, a one-Dense model on the same path, is taken off


COMPARISONS = (
    Comparison("fused kernel over bare torch, floors off", FUSED, BARE_TORCH, "train", net=True),
    Comparison("ONNX Runtime over the fastest Keras on TensorFlow", ORT, KERAS_TF, "predict"),
)


def comparisons(table: pd.DataFrame) -> pd.DataFrame:
    """One row a comparison and size: how many times as fast ours is, paired by repeat, with its 95% interval.

    `ours` and `theirs` are the arms that were fastest at that size, by their medians.
    """
    times = medians(table)
    times = times[times["masked"] == "none"]
    times["net"] = (times["step_seconds"] - times["trainer_floor_seconds"]).clip(lower=np.finfo(float).tiny)
    times["arm"] = list(zip(times["backend"], times["execution"], strict=True))
    rows = []
    for size, part in times.groupby(SIZE, sort=False):
        for comparison in COMPARISONS:
            rows.append({**dict(zip(SIZE, size, strict=True)), **_compared(comparison, part)})
    found = pd.DataFrame(rows)
    return found.dropna(subset=["gain"]).reset_index(drop=True) if "gain" in found else found


def _compared(comparison: Comparison, part: pd.DataFrame) -> dict[str, object]:
    value = "net" if comparison.net else "step_seconds"
    part = part[part["phase"] == comparison.phase]
    ours = part[part["arm"].isin(comparison.ours)]
    theirs = part[part["arm"].isin(comparison.theirs)]
    told: dict[str, object] = {"comparison": comparison.what, "phase": comparison.phase}
    if ours.empty or theirs.empty:
        return told
    fastest: list[Any] = [side.groupby("arm")[value].median().idxmin() for side in (ours, theirs)]
    one, other = fastest
    paired = part[part["arm"] == one].merge(part[part["arm"] == other], on=PAIR, suffixes=("", "_theirs"))
    gains = paired[f"{value}_theirs"] / paired[value]
    low, high = geometric_interval(gains)
    measured = {"gain": geometric_mean(gains), "low": low, "high": high, "repeats": len(gains)}
    return {**told, "ours": " ".join(one), "theirs": " ".join(other), **measured}


def arms(table: pd.DataFrame) -> pd.DataFrame:
    """One row a size, phase and arm, fastest first.

    Seconds a call, the same less the floor of its trainer, and the fraction of both limits that each reaches.
    """
    times = medians(table)
    times["net_seconds"] = times["step_seconds"] - times["trainer_floor_seconds"]
    keys = [*SIZE, "phase", "backend", "execution"]
    costs = ["step_seconds", "net_seconds", "limit_seconds", "chain_limit_seconds", "first_call_seconds"]
    found = times.groupby(keys, sort=False, dropna=False)[costs].median().reset_index()
    for limit in ("limit", "chain_limit"):
        found[f"of_{limit}"] = found[f"{limit}_seconds"] / found["step_seconds"]
        found[f"net_of_{limit}"] = found[f"{limit}_seconds"] / found["net_seconds"]
    return found.sort_values([*SIZE, "phase", "step_seconds"], kind="stable", ignore_index=True)
