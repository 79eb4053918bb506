"""Headers of everything under a path, and what is no DICOM object there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hounsfield.core.errors import ReadError
from hounsfield.io.dicom.files.source import Source
from hounsfield.io.dicom.header.fast_header import NestedTooDeep, NotPlain, looks_like_dicom
from hounsfield.io.dicom.header.frame import Frame
from hounsfield.io.dicom.header.read_header import read_frames
from hounsfield.io.dicom.tags import CT_CLASSES, MEDIA_DIRECTORY

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Other:
    """A file that holds no readable image, and the code that says why."""

    name: str
    ordinal: int
    code: str
    series: str | None = None
    """Of what may be a slice of CT without its pixels, the UID of its series, '' where it is cut before that."""


@dataclass(frozen=True, slots=True)
class HeaderScan:
    """The frames that were found, and the other files."""

    frames: tuple[Frame, ...]
    other: tuple[Other, ...]


def scan_headers(
    found: Iterable[Source], *, total: int = 0, progress: Progress | None = None
) -> HeaderScan:
    """Read every header once; nothing is raised for a single bad file."""
    frames: list[Frame] = []
    other: list[Other] = []
    for count, source in enumerate(found, start=1):
        result = _look(source)
        if isinstance(result, Other):
            other.append(result)
        else:
            frames.extend(result)
        if progress is not None:
            progress(count, total)
    return HeaderScan(tuple(frames), tuple(other))


def _look(source: Source) -> tuple[Frame, ...] | Other:
    try:
        frames = read_frames(source)
    except NestedTooDeep:
        return Other(source.name, source.ordinal, "NESTED")
    except ReadError:
        return Other(source.name, source.ordinal, "UNREADABLE")
    except NotPlain:
        head = source.read(0, 132)
        lost = looks_like_dicom(head) or _is_wiped(source, head)
        return Other(source.name, source.ordinal, "UNREADABLE" if lost else "NOT_DICOM")
    if frames[0].sop_class == MEDIA_DIRECTORY:
        return Other(source.name, source.ordinal, "DICOMDIR")
    if all(frame.offset is None for frame in frames):
        series = frames[0].series if frames[0].sop_class in {*CT_CLASSES, ""} else None
        return Other(source.name, source.ordinal, "NO_PIXELS", series)
    return frames


def _is_wiped(source: Source, head: bytes) -> bool:
    """Whether nothing but zeros is left where a header should be, as a copy that broke off leaves it."""
    return not head.strip(b"\0") and not source.name.rpartition("/")[2].startswith(".")
