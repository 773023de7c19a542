"""CSV tables that grow by whole blocks, even where their writer is killed.

A block is written at once, and an empty line ends it; readers of CSV skip empty lines. What follows the last empty line
is a block that was cut off: it is not read, and the next append removes it. A table without empty lines, such as one
that pandas wrote, is whole up to its last line break.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.lock import lock_file
from zoo.version import VERSION

END = b"\n\n"
"""The break of a block's last line, and the empty line."""
BYTES_STAY = "surrogateescape"
"""How a table that is not UTF-8 throughout is decoded: written again, it has the same bytes."""
WRITER = "zoo_version"
"""The column that says which version wrote a row; the first tables had none."""
HEAD_BYTES = 1 << 16
"""Of a table that is refused so many are read, to say who wrote it."""
Replaced = Callable[[dict[str, str]], bool]
"""Whether a row that stands in the table is replaced by the block to append."""


def header_of(columns: Sequence[str]) -> bytes:
    """The first line of a table."""
    return (",".join(columns) + "\n").encode()


def line_of(values: Iterable[Any]) -> str:
    """The values as one line of CSV; line breaks inside a text become spaces, so that a row is always one line."""
    text = io.StringIO()
    plain = (" ".join(value.splitlines()) if isinstance(value, str) else value for value in values)
    csv.writer(text, lineterminator="\n").writerow(plain)
    return text.getvalue()


def read_whole(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of the table at `path`, each a text by column, without a block that was cut off.

    Raises:
        ZooError: it has other columns, a row has not as many, or it cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror or error}") from error
    header = header_of(columns)
    if not data.startswith(header):
        if header.startswith(data):  # its first writer was killed within the header
            return []
        raise refusal(path, data, columns)
    return _rows(path, data[: _whole_size(data)], columns)


def refusal(path: Path, data: bytes, columns: Sequence[str]) -> ZooError:
    """The error for a table of other columns: which version of the zoo wrote it, and what sets it apart."""
    header, *lines = data[:HEAD_BYTES].decode(errors="replace").splitlines() or [""]
    names = _values(header) if header else []
    absent = [name for name in columns if name not in names]
    foreign = [name for name in names if name not in columns]
    if len(absent) == len(columns):
        return ZooError(f"{path} is not a results table: it has none of the columns")
    differences = [f"it lacks {', '.join(absent)}"] if absent else []
    differences += [f"it has the unknown {', '.join(foreign)}"] if foreign else []
    first = next((_values(line) for line in lines if line), [])
    version = dict(zip(names, first, strict=False)).get(WRITER, "")
    writer = f"rnn-zoo {version}" if version else "another version of rnn-zoo"
    if WRITER in columns and WRITER not in names:
        writer = "a version of rnn-zoo before 0.2.0"
    return ZooError(
        f"{path} was written by {writer}, and this is {VERSION}: "
        f"{' and '.join(differences) or 'its columns are in another order'}; use that version, or another folder"
    )


def append(path: Path, columns: Sequence[str], lines: Sequence[str], replaced: Replaced | None = None) -> None:
    """Write `lines` to the end of the table at `path` as one block, on the disk when this returns.

    A new file gets the header first. A block that was cut off, because its writer was killed, is removed.

    Args:
        path: of the table.
        columns: of the table; a file with others is refused.
        lines: of the block, see `line_of`; without any the table is only checked and repaired.
        replaced: says which rows of the table the block replaces.

    Raises:
        ZooError: the file has other columns, or it cannot be written.
    """
    block = "".join(lines).encode(errors="backslashreplace")
    try:
        with _locked(path) as descriptor:
            kept = _repaired(descriptor, path, columns)
            if replaced and any(map(replaced, _rows(path, os.pread(descriptor, kept, 0), columns))):
                _write_anew(path, columns, os.pread(descriptor, kept, 0), block, replaced)
            else:
                _write_behind(path, descriptor, kept, header_of(columns), block)
    except OSError as error:
        raise ZooError(f"cannot write {path}: {error.strerror or error}") from error


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """A descriptor of the file that only this process appends to: two writers would cut off each other's rows."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            lock_file(descriptor, wait=True)
            if os.path.samestat(os.fstat(descriptor), path.stat()):  # else another writer wrote it anew meanwhile
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _repaired(descriptor: int, path: Path, columns: Sequence[str]) -> int:
    """Remove what was cut off from an open table, and return the size that is left."""
    size, header = os.fstat(descriptor).st_size, header_of(columns)
    head = os.pread(descriptor, len(header), 0)
    if head != header and (size >= len(header) or not header.startswith(head)):
        raise refusal(path, os.pread(descriptor, HEAD_BYTES, 0), columns)
    if size >= len(END) and os.pread(descriptor, len(END), size - len(END)) == END:
        return size
    whole = _whole_size(os.pread(descriptor, size, 0))
    if whole < size:
        os.ftruncate(descriptor, whole)
    return whole


def _whole_size(data: bytes) -> int:
    """How many bytes of a table are whole blocks."""
    end = data.rfind(END)
    return data.rfind(b"\n") + 1 if end < 0 else end + len(END)


def _rows(path: Path, data: bytes, columns: Sequence[str]) -> list[dict[str, str]]:
    try:
        rows = [row for row in csv.reader(io.StringIO(data.decode(errors=BYTES_STAY))) if row][1:]
    except csv.Error as error:
        raise ZooError(f"{path} is damaged: {error}") from None
    for number, row in enumerate(rows, start=1):
        if len(row) != len(columns):
            raise ZooError(f"{path} is damaged: row {number} has {len(row)} values, not {len(columns)}")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _write_behind(path: Path, descriptor: int, size: int, header: bytes, block: bytes) -> None:
    """Write a block behind the `size` bytes of an open table, all of it or nothing."""
    if block:
        before = b"" if size == 0 or os.pread(descriptor, len(END), size - len(END)) == END else b"\n"
        block = before + (b"" if size else header + b"\n") + block + b"\n"
    elif size == 0:
        block = header + b"\n"
    written = os.write(descriptor, block)
    if written < len(block):
        os.ftruncate(descriptor, size)
    os.fsync(descriptor)
    if written < len(block):
        raise ZooError(f"cannot write {path}: only {written} of {len(block)} bytes went in; is the disk full?")


def _write_anew(path: Path, columns: Sequence[str], kept: bytes, block: bytes, replaced: Replaced) -> None:
    """Put a table without the rows that are replaced, and with the block, in the place of the one at `path`."""
    header, *lines = kept.decode(errors=BYTES_STAY).rstrip("\n").split("\n")
    left = [line for line in lines if not line or not replaced(dict(zip(columns, _values(line), strict=True)))]
    text = re.sub("\n{3,}", "\n\n", "\n".join([header, "", *left, "", ""]))
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as file:
        file.write(text.encode(errors=BYTES_STAY) + block + b"\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _values(line: str) -> list[str]:
    try:
        return next(csv.reader([line]))
    except csv.Error:  # a line that is no CSV has no values
        return []
