"""Files from elsewhere: they are what their card says, and do not expand beyond all measure when they are read."""

from __future__ import annotations

import gzip
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import ZooError

SUMS = "sha256"
"""Where a card of a folder names the hashes of its files."""
FREE_BYTES = 2**30
"""A file may expand to so much whatever its own size."""
MOST_EXPANSION = 200
"""Beyond that a file may expand to so many times its size. Text and arrays reach 50, zeros 1,000."""


def sha256(path: Path) -> str:
    """The hash of a file, in hexadecimal digits.

    Raises:
        ZooError: there is no such file.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ZooError(f"cannot read {path}: {error.strerror or error}") from error


def checksums(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """The hash of each file, for the card of a model."""
    return {name: sha256(folder / name) for name in names}


def require_checksums(folder: Path, card: Mapping[str, Any]) -> None:
    """Refuse files that are not those of the card beside them; cards from before 0.2.0 name no hashes.

    Raises:
        ZooError: which file differs, or is missing.
    """
    sums = card.get(SUMS, {})
    if not isinstance(sums, dict):
        raise ZooError(f"the card in {folder} is damaged: its {SUMS} names no files")
    for name, digest in sums.items():
        if Path(name).name != name or sha256(folder / name) != digest:
            raise ZooError(f"{folder / name} is not the file of its card: its sha256 differs")


def check_zip(path: Path) -> None:
    """Refuse a zip archive that expands beyond all measure. Its members are read by name: none is put onto the disk.

    Raises:
        ZooError: it does, or it is no zip archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile as error:
        raise ZooError(f"{path} is no zip archive: {error}") from None
    _check(path, size)


class BoundedGzip(gzip.GzipFile):
    """A gzipped file to read; it ends with an error where it expands beyond all measure.

    Args:
        path: of the file.

    Raises:
        ZooError: from `read` and `readline`, once too much has come out.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self._path, self._came = path, 0

    def read(self, size: int | None = -1) -> bytes:
        """So many bytes, or all that are left."""
        if size is not None and size >= 0:
            return self._counted(super().read(size))
        pieces = []
        while piece := self._counted(super().read(2**24)):
            pieces.append(piece)
        return b"".join(pieces)

    def read1(self, size: int = -1) -> bytes:
        """At most so many bytes."""
        return self._counted(super().read1(size))

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer."""
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def _counted(self, piece: bytes) -> bytes:
        self._came += len(piece)
        if self._came > FREE_BYTES:
            _check(self._path, self._came)
        return piece


def _check(path: Path, size: int) -> None:
    if size > max(FREE_BYTES, MOST_EXPANSION * path.stat().st_size):
        raise ZooError(f"{path} expands to over {MOST_EXPANSION} times its size: it is not read")
