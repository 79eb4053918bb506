"""Read the CT series in a DICOM file, folder or archive as a Stack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import ReadError, RefusedError, refused, unreadable
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.spec import Quantity
from hounsfield.core.stack import Stack
from hounsfield.io.bytes.checksum import SourceFiles
from hounsfield.io.dicom.files.listing import files_of, sources
from hounsfield.io.dicom.files.source import FileSource, Source
from hounsfield.io.dicom.header.frame import Frame
from hounsfield.io.dicom.header.scan_headers import OtherFile, scan_headers
from hounsfield.io.dicom.pixels.decode import FrameDecoder
from hounsfield.io.dicom.pixels.interpolate import FilledDecoder
from hounsfield.io.dicom.series.select_series import (
    listed,
    matching_series,
    no_such_series,
    readable_series,
)
from hounsfield.io.dicom.series.series import Series, series_of, unread_files
from hounsfield.io.dicom.series.to_stack import stack_of
from hounsfield.io.dicom.series.validate import validate


def open_dicom(
    path: Path,
    *,
    series: str | None = None,
    files: Sequence[str] = (),
    policy: ReadPolicy,
    quantity: Quantity = "hu",
) -> Stack:
    """Open the CT series at `path` (file, folder, zip, tar or DICOMDIR) as a Stack.

    Slices are decoded on demand; at most three are decoded here, to detect padding that the header
    does not declare. `series` selects a series by its id or number (see `scan_dicom`) if there are
    several. `files` are those of the series in a folder, relative to it: no other is read. Values
    that are not HU are refused unless `quantity` is not 'hu'; the Stack's quantity is then 'other'.
    Raises ReadError if nothing can be read, RefusedError with its codes if reading would require a
    guess.
    """
    listed = sources(path, names=files)
    result = scan_headers(listed)
    selected = _select_series(
        series_of(result), series, path, result.other, is_discovered=bool(files)
    )
    validated = validate(selected, policy)
    refusals = [
        diagnostic
        for diagnostic in validated.refusals
        if quantity == "hu" or diagnostic.code != "NOT_HU"
    ]
    if refusals:
        raise RefusedError(list(refusals))
    stack = stack_of(
        validated, policy, extra=unread_files(result, selected), is_hu=quantity == "hu"
    )
    return stack.replaced(checksum=_source_files(path, selected, listed))


def _source_files(path: Path, series: Series, listed: Sequence[Source]) -> SourceFiles:
    """The files of a series, or its archive or DICOMDIR."""
    if not path.is_dir():
        return SourceFiles.of(files_of(path))
    return SourceFiles.of(file_paths(series, listed), is_ordered=False)


def file_paths(series: Series, listed: Sequence[Source]) -> list[Path]:
    """The files on disk of a series of the sources in `listed`, each once."""
    wanted = set(series.names)
    found = [each for each in listed if isinstance(each, FileSource) and each.name in wanted]
    return [Path(path) for path in dict.fromkeys(each.path for each in found)]


def source_frames(stack: Stack) -> tuple[Frame | None, ...]:
    """The frame of each slice of `stack`; None for interpolated slices and other formats."""
    decode = stack.decode
    if isinstance(decode, FilledDecoder):
        return tuple(None if s.weight else decode.decoder.frames[s.low] for s in decode.slices)
    if isinstance(decode, FrameDecoder):
        return decode.frames
    return (None,) * stack.shape[2]


def _select_series(
    all_series: Sequence[Series],
    series_id: str | None,
    path: Path,
    other: Sequence[OtherFile],
    *,
    is_discovered: bool,
) -> Series:
    """The requested series, or the only readable one; raises RefusedError if ambiguous.

    The files of a discovered series are one series: its id may differ, because a phase is not told
    from others by its files alone.
    """
    readable = readable_series(all_series)
    if series_id is not None and not (is_discovered and len(readable) == 1):
        matches = matching_series(all_series, series_id)
        if not matches and readable:
            raise refused("NO_SERIES", no_such_series(all_series, series_id))
        readable = readable_series(matches)
    if len(readable) == 1:
        return readable[0]
    if not readable:
        raise _no_series_error(all_series, path, other)
    message = (
        f"found {len(readable)} series, expected one; choose one by its number or id, "
        f"such as series=0: {listed(all_series)}"
    )
    several = Diagnostic("SEVERAL_SERIES", "refusal", message, str(path))
    raise RefusedError([*_split_reasons(readable), several])


def _split_reasons(readable: Sequence[Series]) -> list[Diagnostic]:
    """Why frames of one series UID were split, each code once."""
    reasons = {
        diagnostic.code: diagnostic for series in readable for diagnostic in series.diagnostics
    }
    return [diagnostic for code, diagnostic in reasons.items() if code != "DUPLICATE"]


def _no_series_error(
    all_series: Sequence[Series], path: Path, other: Sequence[OtherFile]
) -> ReadError | RefusedError:
    if all_series:
        kinds = ", ".join(sorted({series.group.kind for series in all_series}))
        return refused("NO_CT", f"no CT series, only {kinds}", where=str(path))
    dicom = [item for item in other if item.code != "NOT_DICOM"]
    if dicom:
        count = f" ({len(dicom)} such files)" if len(dicom) > 1 else ""
        return unreadable(
            dicom[0].name, f"{_OTHER_FILE_MESSAGES[dicom[0].code]}{count}", code=dicom[0].code
        )
    if other:
        return unreadable(str(path), "no DICOM files", code="NOT_DICOM")
    return unreadable(str(path), "folder is empty; expected DICOM files", code="EMPTY")


_OTHER_FILE_MESSAGES = {
    "UNREADABLE": "DICOM header is truncated or corrupt",
    "NO_PIXELS": "DICOM object contains no image",
    "NESTED": "DICOM sequences are nested more than 64 deep; refused",
    "DICOMDIR": "DICOMDIR without the files that it refers to",
    "OUTSIDE_FOLDER": "a link leads out of the folder; name the file itself, or copy it there",
}
