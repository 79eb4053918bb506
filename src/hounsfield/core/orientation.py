"""Orientations of three letters, such as 'LPS', as axes and signs."""

from __future__ import annotations

from hounsfield.core.errors import GeometryError

LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))
"""The letters of each RAS+ axis, in its negative and in its positive direction."""


def parse_orientation(to: str) -> tuple[tuple[int, int], ...]:
    """Parse an orientation such as 'RAS' into (RAS+ axis, sign) for each of i, j, k.

    >>> parse_orientation("LPS")
    ((0, -1), (1, -1), (2, 1))
    """
    codes = tuple(
        (world, sign)
        for letter in to
        for world in range(3)
        for sign in (-1, 1)
        if LETTERS[world][sign > 0] == letter
    )
    if len(to) != 3 or len({world for world, _ in codes}) != 3:
        raise GeometryError(
            f"orientation '{to}' is not three of L or R, P or A, I or S, one of each pair, "
            "such as 'RAS'"
        )
    return codes
