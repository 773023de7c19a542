"""The results table: its columns (declared once, as Measurement), appending to it and reading it row by row."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from zoo.errors import ZooError

TABLE = "measurements.csv"
Status = Literal["ok", "skipped", "unequal", "out_of_memory", "timeout", "crashed"]


@dataclass(frozen=True)
class Measurement:
    """One row: one timing of a case, one trained score, or the one outcome of a case that failed.

    Units stand in the names. A field that does not apply is None, an empty cell of the CSV.
    """

    # what was measured
    case_id: str
    entry: str
    task: str
    cell: str
    topology: str
    loop: str
    chunk: int | None
    jit: bool
    memory: str  # how activations are kept for the backward pass: store, recompute, offload
    runner: str
    backend: str
    device: str
    dtype: str
    matmul_precision: str
    optimizer: str
    masked: str
    batch: int
    steps: int
    features: int
    units: int
    phase: str  # train (one step), predict (one batch), accuracy (a trained score)
    repeat: int
    seed: int
    recipe: str = ""
    timing_index: int | None = None
    # how it ended
    status: Status = "ok"
    reason: str = ""
    kernel_path: str = ""
    kernel_evidence: str = ""
    largest_difference: float | None = None
    # what it costs
    build_seconds: float | None = None
    trace_seconds: float | None = None  # of forward and backward pass, when the arm was proven
    compile_seconds: float | None = None  # the same, without the trace
    first_call_seconds: float | None = None  # trace, compile and one run of what is timed
    step_seconds: float | None = None
    examples_per_second: float | None = None
    trainer_floor_seconds: float | None = None  # the same call on a one-Dense model
    compile_peak_host_bytes: int | None = None
    step_peak_host_bytes: int | None = None
    compile_floor_host_bytes: int | None = None  # the compile peak of a one-Dense model
    step_floor_host_bytes: int | None = None  # and its step peak
    peak_device_bytes: int | None = None
    graph_nodes: int | None = None
    graph_kind: str = ""
    parameters: int | None = None
    limit_seconds: float | None = None
    chain_limit_seconds: float | None = None
    # what it is worth
    split: str = ""  # which held-out split the score is on
    metric: str = ""
    score: float | None = None
    naive_score: float | None = None
    train_seconds: float | None = None
    seconds_to_target: float | None = None
    # where it was measured
    device_name: str = ""
    cpu_count: int | None = None
    threads: int | None = None
    python_version: str = ""
    keras_version: str = ""
    backend_version: str = ""
    numpy_version: str = ""
    commit: str = ""
    started_at: str = ""
    run: str = ""


COLUMNS = [column.name for column in fields(Measurement)]


HEADER = (",".join(COLUMNS) + "\n").encode()


_TYPES = {
    "str": "str",
    "Status": "str",
    "bool": "bool",
    "int": "int64",
    "int | None": "Int64",
    "float | None": "float64",
}
DTYPES = {column.name: _TYPES[str(column.type)] for column in fields(Measurement)}
_VALUES: dict[str, Callable[[str], Any]] = {
    "str": str,
    "bool": {"True": True, "False": False}.__getitem__,
    "int64": int,
    "Int64": lambda text: int(text) if text else None,
    "float64": lambda text: float(text) if text else None,
}
_EMPTY = {"Int64": [""], "float64": ["", "nan"]}


GAPS = {name: _EMPTY[kind] for name, kind in DTYPES.items() if kind in _EMPTY}


def check_writable(folder: Path) -> None:
    """Create `folder` and make sure that the table can be written there, before anything is measured.

    Raises:
        ZooError: the folder or a table that is in it already cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        if (folder / TABLE).exists():
            append(folder / TABLE, [])  # its columns may be of another version, or it may be read-only
    except OSError as error:
        why = error.strerror or error
        raise ZooError(f"cannot write to the folder {folder}: {why}; choose another --zoo-results folder") from error


def append(path: Path, rows: Sequence[Measurement]) -> None:
    """Write all rows of a case to the end of the table at `path` as one block, on the disk when this returns.

    A new file gets the header first. Half a line at the end, which a killed process left, is cut off.

    Raises:
        ZooError: the file has other columns, or it cannot be written.
    """
    import fcntl  # here, so that a system without it can still read and draw tables

    block = "".join(map(as_line, rows)).encode(errors="backslashreplace")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            # Two writers must neither both write a header nor cut off each other's rows.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = _repair(descriptor, path)
            block = block if size else HEADER + block
            written = os.write(descriptor, block)
            if written < len(block):  # a case is kept whole or not at all
                os.ftruncate(descriptor, size)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ZooError(f"cannot write {path}: {error.strerror or error}") from error
    if written < len(block):
        raise ZooError(f"cannot write {path}: only {written} of {len(block)} bytes went in; is the disk full?")


def _repair(descriptor: int, path: Path) -> int:
    """Cut off half a line at the end of an open table and return the size that is left."""
    size = os.fstat(descriptor).st_size
    head = os.pread(descriptor, len(HEADER), 0)
    if head != HEADER and (size >= len(HEADER) or not HEADER.startswith(head)):
        raise ZooError(f"the columns of {path} are of another version; choose another --zoo-results folder")
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        size = os.pread(descriptor, size, 0).rfind(b"\n") + 1
        os.ftruncate(descriptor, size)
    return size


def as_line(row: Measurement) -> str:
    """The row as one line of CSV; line breaks inside a text become spaces, so that a row is always one line."""
    text = io.StringIO()
    values = (" ".join(value.splitlines()) if isinstance(value, str) else value for value in astuple(row))
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def read_rows(path: Path) -> list[Measurement]:
    """The table at `path` as it was appended, row by row; without pandas, so that resuming a run is quick.

    Raises:
        ZooError: it is not a table of these columns, or a value is not of its column's kind.
    """
    with path.open(newline="") as file:
        lines = csv.DictReader(file)
        if lines.fieldnames != COLUMNS:
            raise ZooError(f"{path} is not a results table of this version")
        try:
            return [Measurement(**{name: _VALUES[DTYPES[name]](text) for name, text in line.items()}) for line in lines]
        except (KeyError, TypeError, ValueError) as error:
            raise ZooError(f"{path} is damaged: {error}") from error
