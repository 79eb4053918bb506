"""Headers of everything under a path, and what is no DICOM object there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hounsfield.core.errors import ReadError
from hounsfield.io.dicom.frame import Frame
from hounsfield.io.dicom.header import read_frames
from hounsfield.io.dicom.source import Source
from hounsfield.io.dicom.tags import MEDIA_DIRECTORY
from hounsfield.io.dicom.walker import NotPlain, TooDeep, looks_like_dicom

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Other:
    """A file that holds no readable image, and the code that says why."""

    name: str
    ordinal: int
    code: str


@dataclass(frozen=True, slots=True)
class Triage:
    """The frames that were found, and the other files."""

    frames: tuple[Frame, ...]
    other: tuple[Other, ...]


def triage(found: Iterable[Source], *, total: int = 0, progress: Progress | None = None) -> Triage:
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
    return Triage(tuple(frames), tuple(other))


def _look(source: Source) -> tuple[Frame, ...] | Other:
    try:
        frames = read_frames(source)
    except TooDeep:
        return Other(source.name, source.ordinal, "NESTED")
    except ReadError:
        return Other(source.name, source.ordinal, "UNREADABLE")
    except NotPlain:
        head = source.read(0, 132)
        return Other(source.name, source.ordinal, "UNREADABLE" if looks_like_dicom(head) else "NOT_DICOM")
    if frames[0].sop_class == MEDIA_DIRECTORY:
        return Other(source.name, source.ordinal, "DICOMDIR")
    if all(frame.offset is None for frame in frames):
        return Other(source.name, source.ordinal, "NO_PIXELS")
    return frames
