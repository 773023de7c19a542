"""Data files of the user's own: the folder that the environment variable ZOO_DATA names.

Every problem is a ZooError of one line: which file, what was expected, what to do (the `remedy` of the task).
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from zoo.archives import check_zip
from zoo.errors import ZooError

# What reading a damaged archive can raise; ValueError also stands for pickled objects, OSError for a failing disk,
# RuntimeError for encryption and, as its subclass NotImplementedError, for an unknown compression.
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)


class Expected(NamedTuple):
    """NumPy type and shape that an array of a file must have; None in the shape allows any length."""

    dtype: type
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        return describe(self.dtype.__name__, self.shape)

    def fits(self, array: np.ndarray) -> bool:
        """Whether `array` has this type (`np.integer` stands for all integer types) and this shape."""
        return (
            np.issubdtype(array.dtype, self.dtype)
            and array.ndim == len(self.shape)
            and all(allowed in (None, length) for allowed, length in zip(self.shape, array.shape, strict=True))
        )


def describe(dtype: str, shape: tuple[int | None, ...]) -> str:
    """Type and shape as messages show them: `uint8 (60000, 28, 28)`, with `any` for a free length."""
    lengths = ", ".join("any" if length is None else str(length) for length in shape)
    return f"{dtype} ({lengths}{',' if len(shape) == 1 else ''})"


def data_file(name: str, remedy: str, *, can_download: bool = False) -> Path | None:
    """The file `name` in the folder ZOO_DATA, or None where that variable is unset or empty.

    Args:
        name: of the file.
        remedy: what the user can do.
        can_download: whether there is another source of the data: then None also where the folder lacks the file.

    Raises:
        ZooError: ZOO_DATA names no folder, or its folder lacks a file that has no other source.
    """
    value = os.environ.get("ZOO_DATA")
    if not value:
        return None
    folder = Path(value).expanduser()
    if not folder.is_dir():
        raise ZooError(f"ZOO_DATA is {value}, which is no folder; name one with the file {name}, or unset it")
    if not (folder / name).is_file():
        if can_download:
            return None
        raise ZooError(f"ZOO_DATA is {value}, a folder without the file {name}: {remedy}")
    return folder / name


def downloaded(what: str, load: Callable[[], Any], file: str) -> Any:
    """The result of `load`, a function of Keras that downloads.

    Raises:
        ZooError: the download of `what` fails; the user can put the `file` into a folder instead.
    """
    try:
        return load()
    except Exception as error:  # Keras raises a bare Exception where the network fails
        folder = os.environ.get("ZOO_DATA")
        or_else = f"put {file} into {folder} (ZOO_DATA)" if folder else f"set ZOO_DATA to a folder with {file}"
        reason = " ".join(str(error).split())
        raise ZooError(f"{what} could not be downloaded ({reason}); try again, or {or_else}") from error


def read_npz(path: Path, expected: Mapping[str, Expected], remedy: str) -> dict[str, np.ndarray]:
    """The `expected` arrays of an npz archive. Pickled objects are never loaded.

    Raises:
        ZooError: the file is damaged, is no npz archive, lacks an array, or holds one of another type or shape.
    """
    if not zipfile.is_zipfile(path):
        raise unfit(path, "truncated or no npz archive", expected, remedy)
    check_zip(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [name for name in expected if name not in archive]
            arrays = {} if missing else {name: archive[name] for name in expected}
    except UNREADABLE as error:
        raise unfit(path, "damaged or holds pickled objects", expected, remedy) from error
    if missing:
        raise unfit(path, f"an archive without {', '.join(missing)}", expected, remedy)
    for name, array in arrays.items():
        if not expected[name].fits(array):
            raise unfit(path, f"an archive with {name} {describe(array.dtype.name, array.shape)}", expected, remedy)
    return arrays


def unfit(path: Path, trouble: str, expected: Mapping[str, Expected], remedy: str) -> ZooError:
    """The error for a file that does not hold what it should."""
    arrays = ", ".join(f"{name} {array}" for name, array in expected.items())
    return ZooError(f"{path} is {trouble}; expected {arrays}: {remedy}")
