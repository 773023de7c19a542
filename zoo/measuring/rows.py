"""The results table: its columns (declared once, as Measurement), appending to it and reading it row by row."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from zoo.errors import ZooError
from zoo.measuring import append_only

TABLE = "measurements.csv"
Status = Literal["ok", "skipped", "unequal", "out_of_memory", "timeout", "crashed"]


@dataclass(frozen=True)
class Measurement:
    """One row: one block of calls of a case, one trained score, or the one outcome of a case that failed.

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
    group: str = ""  # the arms that took turns, with this one
    round: int | None = None  # in which its block was run
    calls: int | None = None  # of the block: the row is their median
    # how it ended
    status: Status = "ok"
    reason: str = ""
    kernel_path: str = ""
    kernel_evidence: str = ""
    largest_difference: float | None = None
    # what it costs
    build_seconds: float | None = None
    trace_seconds: float | None = None  # of forward and backward pass, when the arm was proven
    compile_seconds: float | None = None  # of the traced pass: compiled explicitly, or its first call less a later one
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
    zoo_version: str = ""
    node: str = ""  # of a cluster; empty for this machine
    commit: str = ""
    started_at: str = ""
    run: str = ""


COLUMNS = [column.name for column in fields(Measurement)]
HEADER = append_only.header_of(COLUMNS)
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


def final(rows: Sequence[Measurement]) -> Measurement:
    """The row that says how a case ended, of its last repeat: what crashed is tried again, and may be measured then."""
    return sorted(rows, key=lambda row: row.repeat)[-1]


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
        raise ZooError(f"cannot write to the folder {folder}: {why}; choose another folder") from error


def append(path: Path, rows: Sequence[Measurement], replaced: append_only.Replaced | None = None) -> None:
    """Write all rows of a case to the end of the table at `path` as one block, on the disk when this returns.

    Args:
        path: of the table.
        rows: of the block.
        replaced: says which rows of the table are taken out of it, as texts by column.

    Raises:
        ZooError: the file has other columns, or it cannot be written.
    """
    append_only.append(path, COLUMNS, list(map(as_line, rows)), replaced)


def other_version(path: Path, data: bytes) -> ZooError:
    """The error for a table of other columns, whose bytes are `data`."""
    return append_only.refusal(path, data, COLUMNS)


def as_line(row: Measurement) -> str:
    """The row as one line of CSV."""
    return append_only.line_of(vars(row).values())


def read_rows(path: Path) -> list[Measurement]:
    """The table at `path` as it was appended, row by row; without pandas, so that resuming a run is quick.

    A case whose block was cut off is left out: its writer was killed.

    Raises:
        ZooError: it is not a table of these columns, or a value is not of its column's kind.
    """
    lines = append_only.read_whole(path, COLUMNS)
    try:
        return [Measurement(**{name: _VALUES[DTYPES[name]](text) for name, text in line.items()}) for line in lines]
    except (KeyError, ValueError) as error:
        raise ZooError(f"{path} is damaged: {error}") from error
