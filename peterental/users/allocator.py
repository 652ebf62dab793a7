"""The C library's allocator: large blocks go back to the system as soon as they are freed."""

from __future__ import annotations

import ctypes
from functools import cache

LARGE_BLOCK_BYTES = 1024 * 1024

_M_MMAP_THRESHOLD = -3
"""The number of this option in glibc's malloc.h."""


@cache
def release_large_blocks() -> bool:
    """Make glibc map blocks of LARGE_BLOCK_BYTES and more separately; return whether it does.

    By default glibc raises its limit to the size of each mapped block that is freed, up to 32 MiB. From the second
    password on, Argon2's 19 MiB would then come from the heap of the calling thread, which keeps them: eight threads
    hold 152 MiB for good. Setting the option once fixes the limit. Other C libraries have no such option, and need
    none.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES))
