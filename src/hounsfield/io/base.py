"""The description of a file format, and the protocols of its readers and writers."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from hounsfield.core.policy import ReadPolicy
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Volume
from hounsfield.io.bytes.gzip.write import Digest
from hounsfield.io.values.raw_image import RawImage


class Reader(Protocol):
    """A function that opens a file or folder of one format; voxels are decoded on request."""

    def __call__(self, path: Path, *, series: str | None, policy: ReadPolicy) -> RawImage:
        """Open the image at `path`.

        Parameters
        ----------
        path
            The file or folder, which exists and is not empty.
        series
            Which of several volumes to read, by its number from 0; None if the user gave none. Use
            `hounsfield.io.values.select_volume.select_volume`.
        policy
            How to treat doubtful data; `policy.assume_affine` replaces a missing affine.

        Returns
        -------
        RawImage
            The grid, stored dtype and rescale of the file, and `load`, which returns the voxels
            (i, j, k), or (i, j, k, channel), in Fortran order. The declared size is compared with
            the file size before memory is allocated.

        Raises
        ------
        ReadError
            If the file is truncated or corrupt. The message is one line without the path.
        RefusedError
            If reading it would require a guess.
        GeometryError
            If its affine is invalid.
        """


class Writer(Protocol):
    """A function that writes a volume in one format, atomically."""

    def __call__(self, volume: Volume, path: Path) -> None:
        """Write `volume` to `path`; the same volume gives the same bytes.

        Parameters
        ----------
        volume
            The volume, of any dtype, quantity and grid; channels are a fourth axis.
        path
            The output file or folder; its parent exists. Write with
            `hounsfield.io.bytes.atomic.atomic` or `atomic_folder`.

        Raises
        ------
        WriteError
            If the disk fails; no partial file is left.
        QuantityError
            If the format cannot represent the values.
        """


class SlabWriter(Protocol):
    """A context manager that opens a file, writes its header and returns it for slabs along k."""

    def __call__(
        self, path: Path, *, spec: Spec, digest: Digest
    ) -> AbstractContextManager[BinaryIO]:
        """Open `path` for an array of `spec`; `digest` is updated with the bytes of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One way to write a format, by its name in `format=` and `--format`.

    Parameters
    ----------
    name
        Such as 'nii.gz'; the suffix of a file is this with a dot before it.
    writer
        The import path of a Writer, 'package.module:function'; empty for DICOM, which
        `hounsfield.io.write` writes.
    slab_writer
        The import path of a SlabWriter, for formats with contiguous voxels, k-slice by k-slice,
        after a header that depends only on the Spec; the bytes are those of `writer`.
    is_lossless
        Whether reading it back gives the same values (float16 as float32, booleans as uint8).
    is_folder
        Whether the output is a folder of one file per slice rather than a file.
    """

    name: str
    writer: str = ""
    slab_writer: str = ""
    is_lossless: bool = True
    is_folder: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One file or folder format: how it is detected, read and written.

    Parameters
    ----------
    name
        The name in lower case, such as 'nifti'; returned by `sniff`.
    title
        The usual spelling, such as 'NIfTI'.
    magic
        Offsets and magic bytes within the first 1024 bytes (after inflating gzip); one match is
        enough.
    suffixes
        Suffixes of files for the reader, in lower case, with their dot; used if no magic bytes
        match.
    case_suffixes
        Suffixes of files that are cases at any depth of a searched folder; by default all suffixes.
    sidecar_suffix
        The suffix of the sidecar, with the same stem, that a file needs to be a case in a search.
    data_suffixes
        Suffixes of files that are part of an image and are not read alone or as DICOM.
    folder_mark
        The name of a file that marks a folder as one image; ignored for formats of plugins.
    reader
        The import path of a Reader, 'package.module:function'; empty if the format is write-only.
    files
        The import path of a function (path) that returns the paths of all files of one image, the
        header first; empty if an image is one file.
    outputs
        The ways to write it; empty if the format is read-only.
    """

    name: str
    title: str
    magic: tuple[tuple[int, bytes], ...] = ()
    suffixes: tuple[str, ...] = ()
    case_suffixes: tuple[str, ...] | None = None
    sidecar_suffix: str = ""
    data_suffixes: tuple[str, ...] = ()
    folder_mark: str = ""
    reader: str = ""
    files: str = ""
    outputs: tuple[Output, ...] = ()

    def matches(self, data: bytes) -> bool:
        """Whether the first bytes of a file match the magic bytes of this format."""
        return any(data[start : start + len(mark)] == mark for start, mark in self.magic)

    @property
    def searched_suffixes(self) -> tuple[str, ...]:
        """The suffixes of files that are cases at any depth of a searched folder."""
        return self.suffixes if self.case_suffixes is None else self.case_suffixes
