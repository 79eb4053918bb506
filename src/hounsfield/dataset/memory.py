"""How much memory a case may take, and what follows from it."""

from __future__ import annotations

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import RefusedError
from hounsfield.core.platform import free_memory_bytes
from hounsfield.resampling.one_pass import SLAB_BYTES

SHARE = 0.8
"""Of what is free when nobody sets a budget: the rest is left to the user's other programs."""

PROCESS_BYTES = 150 << 20
"""What Python, numpy and the readers take before any voxel."""

SLABS_AT_ONCE = 8
"""A stream holds two slabs of the source, two of the output, and what compresses them."""

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_bytes(text: str) -> int:
    """Bytes of a size such as '4G', '500M', '2.5GB'; raises ValueError where it is none.

    >>> parse_bytes("1.5G")
    1610612736
    """
    word = text.strip().upper().removesuffix("B").removesuffix("I")
    unit = word[-1:] if word[-1:].isalpha() else ""
    try:
        number = float(word.removesuffix(unit)) * _UNITS[unit]
    except (ValueError, KeyError):
        number = 0.0
    if not 1 <= number < float("inf"):
        raise ValueError(f"'{text}' is no size")
    return int(number)


def slab_bytes(budget_bytes: int | None) -> int:
    """How large a slab a stream may hold within a budget."""
    if budget_bytes is None:
        return SLAB_BYTES
    return max(1 << 16, min(SLAB_BYTES, (budget_bytes - PROCESS_BYTES) // SLABS_AT_ONCE))


def check_memory(needed_bytes: int, budget_bytes: int | None) -> None:
    """Raise RefusedError (MEMORY) where a case that cannot be streamed needs more than it may take."""
    budget = budget_bytes if budget_bytes is not None else int(free_memory_bytes() * SHARE)
    if needed_bytes + PROCESS_BYTES > budget:
        raise RefusedError(
            [
                Diagnostic(
                    "MEMORY",
                    "refusal",
                    f"the case needs about {(needed_bytes + PROCESS_BYTES) / 1e6:.0f} MB at "
                    f"once, and may take {budget / 1e6:.0f} MB: raise --memory, resample more coarsely, "
                    "or leave out the steps that look at voxels, so that it streams",
                )
            ]
        )
