"""Where a measurement is taken: the device, its threads, the versions, the commit, and the process's memory."""

from __future__ import annotations

import functools
import math
import os
import platform
import re
import subprocess
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from zoo.errors import more_than_zero
from zoo.measuring import container
from zoo.version import VERSION

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
LEGACY = {"TF_USE_LEGACY_KERAS": "1"}  # TensorFlow 1's cells live in tf_keras
ON_CPU = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
LISTED = re.compile(r"\s*(?:GPU (?P<index>\d+): (?P<name>.*)|MIG .*) \(UUID: (?P<uuid>\S+)\)")
"""A line of nvidia-smi -L: a GPU, or below it a part of it."""
USUAL_MEMORY_LIMIT = 0.8  # of what is free
ON_GPU = {
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # that of nvidia-smi, which names the device
    "JAX_PLATFORMS": "cuda",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
}


def usable_cpus() -> int:
    """How many CPUs this process may run on: those that it may use, or fewer where a container gives less of them."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(allowed, container.cpus())))


def memory_limit_bytes(gib: float | None) -> int:
    """What a process, and the workers of a group together, may hold: `gib`, or a part of what is free now.

    Raises:
        ZooError: it is not more than 0.
    """
    free = min(psutil.virtual_memory().available, container.free_bytes()) / 2**30
    return int(min(more_than_zero("memory-limit", gib, USUAL_MEMORY_LIMIT * free), 2**20) * 2**30)


def cpu_name() -> str:
    """The processor's own name, or its architecture where the system does not tell."""
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def visible_gpu() -> str:
    """The GPU that is measured on, as CUDA calls it: the first that CUDA_VISIBLE_DEVICES names, or of all."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()


@functools.cache
def gpu_name() -> str:
    """What the driver calls the NVIDIA GPU that is measured on, empty without one; asked without a backend, which it
    would bind.
    """
    try:
        called = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    wanted, name = visible_gpu(), ""
    for line in filter(None, map(LISTED.match, called.stdout.splitlines())):
        name = line["name"] or name
        if wanted and (wanted == line["index"] or line["uuid"].startswith(wanted)):
            return name
    return ""


@functools.cache
def origin(backend: str, device: str) -> dict[str, Any]:
    """The columns of the results that say where and with which versions a row was measured."""
    gpu = gpu_name() if device == "gpu" else ""
    return {
        "device_name": gpu or cpu_name(),
        "cpu_count": os.cpu_count(),
        "threads": usable_cpus(),
        "python_version": platform.python_version(),
        "keras_version": installed_version("keras"),
        "backend_version": installed_version(backend),
        "numpy_version": installed_version("numpy"),
        "zoo_version": VERSION,
    }


def installed_version(package: str) -> str:
    """The version that is installed, empty where none is."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def commit() -> str:
    """The commit of this checkout, with "+" where tracked files differ from it; empty outside a checkout."""
    here = Path(__file__).parent
    try:
        called = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return called.stdout.strip()


@functools.cache
def _compilers_folder() -> tempfile.TemporaryDirectory[str]:
    """Where torch's compiler writes; it goes when this process ends."""
    return tempfile.TemporaryDirectory(prefix="rnn-zoo-inductor-")


def remove_compilers_folder() -> None:
    """Remove it now, if there is one: for a process that is killed, which ends without its finalizers."""
    if _compilers_folder.cache_info().currsize:
        _compilers_folder().cleanup()
        _compilers_folder.cache_clear()


def environment(runner: str, backend: str, device: str) -> Mapping[str, str]:
    """The environment of a process that measures by `runner` on `backend` and `device`: threads fixed, chatter off.

    A CPU's process sees no GPU; a GPU's takes memory as it needs it: a peak of memory taken in advance says nothing.
    """
    threads = str(usable_cpus())
    return {
        **os.environ,
        "KERAS_BACKEND": backend,
        "OMP_NUM_THREADS": threads,
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": threads,
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "PYTHONUNBUFFERED": "1",
        # A first call compiles: what an earlier process left on the disk would be read instead.
        "JAX_ENABLE_COMPILATION_CACHE": "false",
        "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1",
        "TORCHINDUCTOR_CACHE_DIR": _compilers_folder().name,
        # Keras on torch asks for CUDA at import; through NVML it does so without spoiling CUDA for forked children.
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
        **(LEGACY if runner == "legacy" else {}),
        **(ON_CPU if device == "cpu" else {**ON_GPU, "CUDA_VISIBLE_DEVICES": visible_gpu()}),
    }


def reset_peak() -> None:
    """Forget the peak of this process's memory: from here on `peak_bytes` counts anew. Linux only."""
    if CLEAR.exists():
        CLEAR.write_text("5")


def peak_bytes() -> int | None:
    """The most memory this process held since `reset_peak` (VmHWM), or None where the system does not tell."""
    if not STATUS.exists():
        return None
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
