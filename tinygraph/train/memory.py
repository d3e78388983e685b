"""How the allocator treats the arrays of a graph."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt's names for them
_LARGEST = 32 * 1024 * 1024  # glibc refuses more on 64 bits


def tune_malloc() -> bool:
    """Have glibc keep freed memory instead of handing it back to the kernel; False where there is none, or no Linux.

    A training step makes and frees the same arrays again and again. By default each large one is mapped at birth and
    unmapped at death, so that every first write to it is a page fault: of a thousand operations on 32 KB each, these
    took nine tenths of the time. The memory stays with the process until it ends; it cannot be undone.

    Source: mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD.

    Example:
        >>> tune_malloc() in (True, False)
        True
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST) and mallopt(_TRIM_THRESHOLD, 2**31 - 1))
