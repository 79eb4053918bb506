"""What a format is: how it is recognised, read and written, and the functions that do it."""

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
    """A function that opens a file or folder of one format, and decodes no voxel before it is asked for."""

    def __call__(self, path: Path, *, series: str | None, policy: ReadPolicy) -> RawImage:
        """Open the image at `path`.

        Parameters
        ----------
        path
            The file or folder, which exists and is not empty.
        series
            Which of several volumes to read, by its number from 0; None where the user named none. Use
            `hounsfield.io.values.select_volume.chosen`.
        policy
            How the user wants doubtful data treated; `policy.assume_affine` stands in for a missing affine.

        Returns
        -------
        RawImage
            The grid, stored dtype and rescale as the file has them, and `load`, which gives the voxels (i, j, k), or
            (i, j, k, channel), in Fortran order. What the file declares is compared with its size before anything
            is allocated.

        Raises
        ------
        ReadError
            Where the file is truncated or corrupt. The message is one line without the path.
        RefusedError
            Where it could be read only by guessing.
        GeometryError
            Where its affine is none.
        """


class Writer(Protocol):
    """A function that writes a volume in one format, completely or not at all."""

    def __call__(self, volume: Volume, path: Path) -> None:
        """Write `volume` to `path`; the same volume gives the same bytes.

        Parameters
        ----------
        volume
            What to write, of any dtype, quantity and grid; channels are a fourth axis.
        path
            The file, or folder where the format is one; its parent exists. Write through
            `hounsfield.io.bytes.atomic.atomic` or `atomic_folder`.

        Raises
        ------
        WriteError
            Where the disk refuses; nothing partial is left.
        QuantityError
            Where the format cannot hold the values.
        """


class SlabWriter(Protocol):
    """A context manager that gives the open file, its header written, to which voxels go slab by slab along k."""

    def __call__(
        self, path: Path, *, spec: Spec, digest: Digest
    ) -> AbstractContextManager[BinaryIO]:
        """Open `path` for an array of `spec`; `digest` is told the bytes that end up in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One way to write a format, by the name that `format=` and `--format` take.

    Parameters
    ----------
    name
        Such as 'nii.gz'; the suffix of a file is this with a dot before it.
    writer
        The import path of a Writer, 'package.module:function'; empty where `hounsfield.io.write` does it itself.
    slab_writer
        The import path of a SlabWriter, where voxels lie in one run, k-slice by k-slice, behind a header that the
        Spec decides; their bytes are those of `writer`.
    is_lossless
        Whether what is read back has the same values (float16 as float32, booleans as uint8).
    is_folder
        Whether the output is a folder of one file per slice; else a file.
    """

    name: str
    writer: str = ""
    slab_writer: str = ""
    is_lossless: bool = True
    is_folder: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format of files or folders: how it is recognised, read and written.

    Parameters
    ----------
    name
        In lower case, such as 'nifti'; what `sniff` returns.
    title
        As its users write it, such as 'NIfTI'.
    magic
        Offsets and bytes of which any one marks a file, within the first 1024 bytes (inflated where it is gzip).
    suffixes
        Of files that the reader opens, in lower case, with their dot; they decide where no magic bytes do.
    case_suffixes
        Suffixes that make a file a case wherever it lies below a folder; by default all suffixes.
    sidecar_suffix
        The suffix of a file of the same name without which a file is no case when folders are searched.
    data_suffixes
        Suffixes of files that belong to an image and are never read by themselves, nor taken for DICOM.
    folder_mark
        The name of a file that marks a folder as one image; of formats in packages, only files are looked for.
    reader
        The import path of a Reader, 'package.module:function'; empty where the format cannot be read.
    files
        The import path of a function (path) that returns the paths of all files of one image, the header first;
        empty where an image is one file.
    outputs
        How it is written; none where it cannot be.
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
        """Whether the first bytes of a file are this format's."""
        return any(data[start : start + len(mark)] == mark for start, mark in self.magic)

    @property
    def searched_suffixes(self) -> tuple[str, ...]:
        """The suffixes that make a file a case wherever it lies below a folder."""
        return self.suffixes if self.case_suffixes is None else self.case_suffixes
