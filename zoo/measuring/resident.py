"""Pages of libraries that a forked process would not count as its own, though the same work alone would.

Linux does not copy the page tables of file-backed mappings at a fork: a child starts without the pages of the libraries
that its parent has read, some hundred MB for a backend, and its peak of memory would be that much below the peak of a
process that imported them itself. Mapping them again takes some 50 ms and no memory: they are in the page cache.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
from pathlib import Path

import numpy as np

MAPS = Path("/proc/self/maps")
PAGEMAP = Path("/proc/self/pagemap")
PRESENT = np.uint64(1 << 63)
MADV_POPULATE_READ = 22  # from <asm-generic/mman-common.h>, Linux 5.14 and later

Range = tuple[int, int]
"""Address and length in bytes, whole pages."""


def library_pages() -> list[Range]:
    """What of this process's read-only file mappings is in memory now; nothing where the system does not tell."""
    ranges: list[Range] = []
    with contextlib.suppress(OSError), PAGEMAP.open("rb", buffering=0) as pagemap:
        for line in MAPS.read_text().splitlines():
            where, permissions, _, _, _, *path = line.split(maxsplit=5)
            if not (path and path[0].startswith("/") and permissions.startswith("r-")):
                continue
            start, end = (int(address, 16) for address in where.split("-"))
            pagemap.seek(start // mmap.PAGESIZE * 8)
            entries = np.frombuffer(pagemap.read((end - start) // mmap.PAGESIZE * 8), np.uint64)
            ranges += _runs(start, (entries & PRESENT) != 0)
    return ranges


def _runs(start: int, present: np.ndarray) -> list[Range]:
    """Ranges of consecutive pages that are present, in a mapping that begins at `start`."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], present, [False]])))
    size = mmap.PAGESIZE
    return [(start + int(a) * size, int(b - a) * size) for a, b in edges.reshape(-1, 2)]


def populate(ranges: list[Range]) -> None:
    """Map the pages of `ranges` in this process, as they are in the one that it was forked from."""
    with contextlib.suppress(AttributeError, OSError):
        madvise = ctypes.CDLL(None, use_errno=True).madvise
        for address, length in ranges:
            madvise(ctypes.c_void_p(address), ctypes.c_size_t(length), ctypes.c_int(MADV_POPULATE_READ))
