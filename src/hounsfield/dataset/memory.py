"""The memory limit of a case and the slab size for streaming."""

from __future__ import annotations

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import RefusedError
from hounsfield.core.platform import free_memory_bytes
from hounsfield.resampling.one_pass import SLAB_BYTES

SHARE = 0.8
"""The share of free memory that is used without a limit; the rest is for other programs."""

PROCESS_BYTES = 150 << 20
"""Memory of Python, numpy and the readers, without voxels."""

SLABS_AT_ONCE = 8
"""Slabs in memory at once: two of the source, two of the output, and compression buffers."""

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_bytes(text: str) -> int:
    """Parse a size such as '4G', '500M' or '2.5GB' to bytes; raises ValueError if it is invalid.

    >>> parse_bytes("1.5G")
    1610612736
    """
    size = text.strip().upper().removesuffix("B").removesuffix("I")
    unit = size[-1:] if size[-1:].isalpha() else ""
    try:
        number = float(size.removesuffix(unit)) * _UNITS[unit]
    except (ValueError, KeyError):
        number = 0.0
    if not 1 <= number < float("inf"):
        raise ValueError(f"invalid size '{text}'; expected a size such as 500M or 2G")
    return int(number)


SECOND_SHARE = 8
"""By how much the slabs of a second attempt are smaller; a slice is the least that is decoded."""


def slab_bytes(budget_bytes: int | None, *, is_second: bool = False) -> int:
    """Return the slab size of a stream within a memory limit; a second attempt has less."""
    most = SLAB_BYTES // SECOND_SHARE if is_second else SLAB_BYTES
    if budget_bytes is None:
        return most
    return max(1 << 16, min(most, (budget_bytes - PROCESS_BYTES) // SLABS_AT_ONCE))


def check_memory(needed_bytes: int, budget_bytes: int | None) -> None:
    """Raise RefusedError (MEMORY) if a case that cannot be streamed exceeds the memory limit."""
    budget = budget_bytes if budget_bytes is not None else int(free_memory_bytes() * SHARE)
    if needed_bytes + PROCESS_BYTES > budget:
        raise RefusedError(
            [
                Diagnostic(
                    "MEMORY",
                    "refusal",
                    f"the case needs about {(needed_bytes + PROCESS_BYTES) / 1e6:.0f} MB and the "
                    f"limit is {budget / 1e6:.0f} MB: raise --memory, resample more coarsely, or "
                    "remove the steps that need all voxels at once, so that the case is streamed",
                )
            ]
        )
