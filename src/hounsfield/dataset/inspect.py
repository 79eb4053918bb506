"""Report every DICOM series and every image file at a path, from headers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hounsfield.core.arguments import checked
from hounsfield.core.errors import HounsfieldError, check_path, refused
from hounsfield.core.policy import DEFAULT_POLICY, ReadPolicy
from hounsfield.core.volume_geometry import UNKNOWN
from hounsfield.dataset.case_ids import Found, named
from hounsfield.dataset.describe_error import describe_error
from hounsfield.dataset.discover import NoCaseError
from hounsfield.dataset.image_report import report_image
from hounsfield.dataset.label_report import report_labels
from hounsfield.dataset.label_search import UidIndex
from hounsfield.dataset.search import image_files
from hounsfield.io.formats import by_suffix
from hounsfield.io.report import Inspection, OtherFile, Report
from hounsfield.io.values.select_volume import number_of, series_text

LISTED_SERIES = 8
"""Series that a message lists."""

if TYPE_CHECKING:
    from hounsfield.io.dicom.report import DicomInspection

Progress = Callable[[int, int], None]


@checked
def inspect(
    path: str | Path,
    *,
    policy: ReadPolicy = DEFAULT_POLICY,
    series: str | int | None = None,
    values: bool = False,
    progress: Progress | None = None,
) -> Inspection:
    """Report every DICOM series and every image file at a path.

    DICOM is reported from headers; of image files the voxels are checked too, of a large
    compressed one the first 64 MB. RTSTRUCT and SEG are listed with their regions.

    Parameters
    ----------
    path : str or Path
        A file, a folder, an archive (zip, tar) or a DICOMDIR.
    policy : ReadPolicy, optional
        The read policy: reasons and verdicts are those of `hounsfield.open` with this policy.
    series : str or int, optional
        The id or the number of a DICOM series, from 0: only this one is reported; for a 4-D file
        the number of a volume.
    values : bool, default False
        Read all voxels of image files, for the range of values, and decode a few slices of each
        DICOM series, to check whether they can be HU.
    progress : callable, optional
        Called with the number of DICOM files read so far and their total.

    Returns
    -------
    Inspection
        A list of `Report`; ``other`` lists the files without a report.

    Raises
    ------
    ReadError
        If the path cannot be read or has no file that could be CT.
    RefusedError
        If no series has the id or number `series`.

    Notes
    -----
    Some problems of DICOM show in the voxels only: undeclared padding, values that cannot be HU,
    pixel data that does not decode. ``values=True``, `hounsfield.open` and `hounsfield.read` report
    these.

    Examples
    --------
    >>> import tempfile, numpy as np, hounsfield as hu
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ct = hu.Volume.from_array(np.zeros((4, 4, 2), np.int16), affine=np.diag([1, 1, 2.5, 1]))
    ...     hu.write(ct, f"{folder}/ct.nrrd")
    ...     [report] = hu.inspect(folder)
    >>> report.kind, report.spacing_mm, report.verdict
    ('nrrd', (1.0, 1.0, 2.5), 'ok')
    """
    check_path(path)
    path, wanted = Path(path), series_text(series)
    images, has_others = image_files(path)
    reports: list[Report] = []
    other: list[OtherFile] = []
    for item, case_id in _with_ids(images):
        name = item.name if item == path else str(item.relative_to(path))
        try:
            reports.append(
                report_image(
                    item, id=case_id, name=name, policy=policy, series=wanted, values=values
                )
            )
        except HounsfieldError as error:
            if item == path:
                raise
            reports.append(_broken(error, item, id=case_id, name=name))
    if has_others:
        scanned = _dicom(path, policy, progress, values)
        labelled = _labels(scanned)
        names = {name for report in labelled for name in report.files}
        reports += [*scanned, *labelled]
        other += [each for each in _others(scanned, images, path) if each.name not in names]
    if not reports and not other:
        raise NoCaseError("no CT found; expected DICOM slices or an image file")
    return Inspection(reports if wanted is None else _selected(reports, wanted), other)


def _labels(scanned: DicomInspection) -> list[Report]:
    """Return the reports on labels, with the series that they refer to, as a run matches them."""
    from hounsfield.dataset.series_cases import found_series

    index = UidIndex([found_series(one) for one in scanned.series] if scanned.labels else [], [])
    ids = [one.id for one in scanned.series]
    made = (report_labels(source, index, ids) for source in scanned.labels)
    return [report for report in made if report is not None]


def _selected(reports: list[Report], wanted: str) -> list[Report]:
    """Return the DICOM series with an id or number; all reports where there is no DICOM series."""
    numbered = [each for each in reports if each.number is not None]
    found = [each for each in reports if each.id == wanted]
    found = found or [each for each in numbered if each.number == number_of(wanted)]
    if numbered and not found:
        known = ", ".join(f"{each.number} ({each.id})" for each in numbered[:LISTED_SERIES])
        more = " ..." if len(numbered) > LISTED_SERIES else ""
        message = f"no series has the id or number '{wanted[:40]}'; expected one of {known}{more}"
        raise refused("NO_SERIES", message)
    return found if numbered else reports


def _with_ids(images: list[Path]) -> list[tuple[Path, str]]:
    cases = named([Found(path=item, typed="") for item in images])
    return [(case.path, case.id) for case in cases]


def _broken(error: HounsfieldError, path: Path, *, id: str, name: str) -> Report:
    """Return the report on a file that cannot be read."""
    found = describe_error(error)
    kind = by_suffix(path.name)
    return Report(
        id=id,
        kind="" if kind is None else kind.name,
        volume=UNKNOWN,
        reasons=(found,),
        files=(name,),
        is_broken=True,
    )


def _dicom(
    path: Path, policy: ReadPolicy, progress: Progress | None, values: bool
) -> DicomInspection:
    from hounsfield.io.dicom.report import scan_dicom

    return scan_dicom(path, progress, policy=policy, values=values)


def _others(found: DicomInspection, images: Sequence[Path], path: Path) -> list[OtherFile]:
    """Return the files that are neither a DICOM object nor an image with a report."""
    known = {str(item.relative_to(path)) for item in images if item != path}
    return [each for each in found.other if each.name not in known]
