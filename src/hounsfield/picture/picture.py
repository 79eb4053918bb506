"""An RGB picture of 8 bits per channel, and its PNG file."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.arguments import checked
from hounsfield.core.errors import GeometryError, WriteError

PNG_LEVEL = 3
"""zlib level of PNG files, fixed so that the same picture gives the same bytes. Level 6, zlib's
default, takes twice the time for files that are 1 to 2 % smaller."""


@checked
@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Hold the pixels of a picture: eight bits of red, green and blue.

    Parameters
    ----------
    array : ndarray of uint8, (rows, columns, 3)
        Red, green and blue; row 0 is at the top.

    Raises
    ------
    GeometryError
        If the array has another shape or dtype.

    Examples
    --------
    >>> Picture(np.zeros((2, 3, 3), np.uint8)).png()[1:4]
    b'PNG'
    """

    array: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if (
            self.array.ndim != 3
            or self.array.shape[2] != 3
            or self.array.dtype != np.uint8
            or not self.array.size
        ):
            raise GeometryError(
                f"invalid picture: {self.array.dtype} {self.array.shape}; "
                "expected uint8 (rows, columns, 3)"
            )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.array, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        rows, columns, _ = self.array.shape
        return f"Picture({rows} x {columns})"

    def png(self) -> bytes:
        """Return the picture as a PNG file: pixels alone, no text, no time.

        Returns
        -------
        bytes
            The bytes of the file; the same picture gives the same bytes.
        """
        from PIL import Image

        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(self.array)).save(
            stream, format="PNG", compress_level=PNG_LEVEL
        )
        return stream.getvalue()

    @checked
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture as a PNG file; no partial file is left.

        Parameters
        ----------
        path : str or PathLike
            The file; its name ends in .png.

        Raises
        ------
        WriteError
            If the name has another suffix, or the file cannot be written.
        """
        target = Path(path)
        if target.suffix.lower() != ".png":
            raise WriteError(f"{target}: unknown picture format '{target.suffix}'; expected .png")
        # Written to a temporary file and renamed, so that no partial picture is ever visible.
        partial = target.with_name(f".{secrets.token_hex(8)}.partial")
        try:
            with open(partial, "xb") as file:
                file.write(self.png())
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, target)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise WriteError(
                f"cannot write {target}: {error.strerror or type(error).__name__}"
            ) from None

    def _repr_png_(self) -> bytes:
        return self.png()
