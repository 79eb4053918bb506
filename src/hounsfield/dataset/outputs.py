"""Write the outputs of a case to its folder and return the sha256 of every file."""

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

DICOM_MASK_FORMAT = "nii.gz"
"""Format of masks and labels with --format dicom: a derived DICOM series is an image only."""

PREVIEW_PX = 256
"""Height of a preview, px: small enough to browse thousands of them."""

PREVIEW = "preview.png"


def write_stream(stream: Stream, folder: Path, *, format: str) -> dict[str, str]:
    """Write image and preview slab by slab; returns the sha256 of each file. Raises WriteError."""
    from hounsfield.io.write_slabs import write_slabs

    thumbnail = Thumbnail(stream.spec)
    image = folder / file_name("image", format)
    digest = write_slabs(thumbnail.collect(stream.slabs()), image, spec=stream.spec, format=format)
    _draw(thumbnail.volume(), None, folder / PREVIEW)
    return _digests(folder, known={image: digest})


def write_result(
    result: Result, folder: Path, *, format: str, is_split: bool, source: Stack
) -> tuple[dict[str, str], tuple[Diagnostic, ...]]:
    """Write image, masks, labels and preview to `folder`.

    Returns the sha256 of each file by its relative path, and the diagnostics of the writers.
    `is_split` writes one file per slice to image/, label-<name>/ and mask-<name>/. A derived DICOM
    series refers to the slices of `source` if they are DICOM. Raises WriteError.
    """
    parts = {
        "image": result.volume,
        **{f"mask-{name}": mask for name, mask in result.masks.items()},
        **{f"label-{name}": label for name, label in result.labels.items()},
    }
    found: tuple[Diagnostic, ...] = ()
    for name, volume in parts.items():
        if format == "dicom" and name == "image":
            found += write_volume(
                volume, folder / name, format=format, source=_dicom_source(source)
            )
        elif format == "dicom":
            write_volume(
                volume, folder / file_name(name, DICOM_MASK_FORMAT), format=DICOM_MASK_FORMAT
            )
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


def _dicom_source(source: Stack) -> Stack | None:
    """Return the stack that a derived series refers to; None if its slices are not DICOM."""
    from hounsfield.io.dicom.read import source_frames

    return source if any(source_frames(source)) else None


def file_name(name: str, format: str) -> str:
    """Return the name of an output file, or of its folder if the format has one file per slice."""
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
