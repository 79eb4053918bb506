"""Read the headers of many files and list those that are not readable images."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hounsfield.core.errors import ReadError
from hounsfield.io.dicom.files.source import Source
from hounsfield.io.dicom.header.fast_header import HeaderError, NestedTooDeep, looks_like_dicom
from hounsfield.io.dicom.header.frame import Frame
from hounsfield.io.dicom.header.read_header import read_frames
from hounsfield.io.dicom.tags import CT_CLASSES, MEDIA_DIRECTORY

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class OtherFile:
    """A file without a readable image, and the code of the reason."""

    name: str
    ordinal: int
    code: str
    series: str | None = None
    """Series UID of a CT slice without pixels; '' if the file is truncated before it."""
    sop_class: str = ""


@dataclass(frozen=True, slots=True)
class HeaderScan:
    """The frames and the other files of a scan."""

    frames: tuple[Frame, ...]
    other: tuple[OtherFile, ...]


def scan_headers(
    found: Iterable[Source], *, total: int = 0, progress: Progress | None = None
) -> HeaderScan:
    """Read every header once; a single bad file raises nothing."""
    frames: list[Frame] = []
    other: list[OtherFile] = []
    for count, source in enumerate(found, start=1):
        result = _read_file(source)
        if isinstance(result, OtherFile):
            other.append(result)
        else:
            frames.extend(result)
        if progress is not None:
            progress(count, total)
    return HeaderScan(tuple(frames), tuple(other))


def _read_file(source: Source) -> tuple[Frame, ...] | OtherFile:
    try:
        frames = read_frames(source)
    except NestedTooDeep:
        return OtherFile(source.name, source.ordinal, "NESTED")
    except ReadError as error:
        code = "OUTSIDE_FOLDER" if "OUTSIDE_FOLDER" in error.codes else "UNREADABLE"
        return OtherFile(source.name, source.ordinal, code)
    except HeaderError:
        head = source.read(0, 132)
        corrupt = looks_like_dicom(head) or _is_zeroed(source, head)
        return OtherFile(source.name, source.ordinal, "UNREADABLE" if corrupt else "NOT_DICOM")
    if frames[0].sop_class == MEDIA_DIRECTORY:
        return OtherFile(source.name, source.ordinal, "DICOMDIR")
    if all(frame.offset is None for frame in frames):
        series = frames[0].series if _may_be_ct(frames[0].sop_class) else None
        sop_class = frames[0].sop_class
        return OtherFile(source.name, source.ordinal, "NO_PIXELS", series, sop_class)
    return frames


def _may_be_ct(sop_class: str) -> bool:
    """Whether a SOP class UID is that of CT, or the start of it where the file is cut in it."""
    return any(each.startswith(sop_class) for each in CT_CLASSES)


def _is_zeroed(source: Source, head: bytes) -> bool:
    """Whether the header is all zeros, as an interrupted copy leaves it."""
    return not head.strip(b"\0") and not source.name.rpartition("/")[2].startswith(".")
