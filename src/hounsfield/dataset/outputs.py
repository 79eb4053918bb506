"""Write what a run gave into a case's folder, and say the sha256 of every file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.volume import Volume
from hounsfield.dataset.preview import Thumbnail, thumbnail_of
from hounsfield.io.bytes.checksum import file_sha256
from hounsfield.io.formats import output_of
from hounsfield.io.write import write_volume

if TYPE_CHECKING:
    from hounsfield.core.stack import Stack
    from hounsfield.pipeline.result import Result
    from hounsfield.pipeline.stream import Stream

BESIDE_DICOM = "nii.gz"
"""What masks and labels are written as beside a derived DICOM series, which holds an image alone."""

PREVIEW_PX = 256
"""Height of a preview, px: thousands of them are looked at together."""

PREVIEW = "preview.png"
RECORD = "record.json"


def write_stream(stream: Stream, folder: Path, *, format: str) -> dict[str, str]:
    """The same for a stream: the image goes to its file slab by slab, and is never held whole. Raises WriteError."""
    from hounsfield.io.write_slabs import write_slabs

    thumbnail = Thumbnail(stream.spec)
    image = folder / file_name("image", format)
    digest = write_slabs(thumbnail.watched(stream.slabs()), image, spec=stream.spec, format=format)
    _draw(thumbnail.volume(), None, folder / PREVIEW)
    return _digests(folder, known={image: digest})


def write_result(
    result: Result, folder: Path, *, format: str, is_split: bool, source: Stack
) -> tuple[dict[str, str], tuple[Diagnostic, ...]]:
    """Write image, masks, labels and preview into `folder`; returns the sha256 of each file by its relative name, and
    what was found in writing.

    `is_split` writes one file per slice under image/, label-<name>/ and mask-<name>/. A derived DICOM series refers to
    the slices of `source`, where it has DICOM ones. Raises WriteError.
    """
    parts = {
        "image": result.volume,
        **{f"mask-{name}": mask for name, mask in result.masks.items()},
        **{f"label-{name}": label for name, label in result.labels.items()},
    }
    found: tuple[Diagnostic, ...] = ()
    for name, volume in parts.items():
        if format == "dicom" and name == "image":
            found += write_volume(volume, folder / name, format=format, source=_origin(source))
        elif format == "dicom":
            write_volume(volume, folder / file_name(name, BESIDE_DICOM), format=BESIDE_DICOM)
        elif is_split and not output_of(format).is_folder:
            _write_slices(volume, folder / name, format=format)
        else:
            found += write_volume(volume, folder / file_name(name, format), format=format)
    label = next(iter(result.labels.values()), None)
    _draw(
        thumbnail_of(result.volume),
        None if label is None else thumbnail_of(label),
        folder / PREVIEW,
    )
    return _digests(folder, known={}), found


def _origin(source: Stack) -> Stack | None:
    """The stack that a derived series refers to: one whose slices are DICOM."""
    from hounsfield.io.dicom.read import source_frames

    return source if any(source_frames(source)) else None


def file_name(name: str, format: str) -> str:
    """The name of a part's file, or of its folder where the format has one file per slice."""
    return name if output_of(format).is_folder else f"{name}.{format}"


def _write_slices(volume: Volume, folder: Path, *, format: str) -> None:
    from hounsfield.steps.split_slices import slices

    folder.mkdir()
    for k, one in enumerate(slices(volume)):
        write_volume(one, folder / f"slice-{k:04d}.{format}", format=format)


def _digests(folder: Path, *, known: dict[Path, str]) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): known.get(path) or file_sha256(path) for path in files}


def _draw(volume: Volume, overlay: Volume | None, path: Path) -> None:
    from hounsfield.picture.planes import planes

    planes(volume, overlay=overlay, height_px=PREVIEW_PX).save(path)
