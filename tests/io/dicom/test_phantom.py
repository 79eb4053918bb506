"""A known head, written with every fault, reads back as the truth or as the right error code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.core.errors import RefusedError
from hounsfield.core.grid import Grid
from hounsfield.core.policy import ReadPolicy
from hounsfield.io.dicom.read import open_dicom
from hounsfield.io.dicom.report import scan_dicom
from hounsfield.phantom import Faults, Head, head, write_series
from tests.reported import reported

SPACING_MM = (4.0, 4.0, 8.0)
SHAPE = (64, 64, 24)


@pytest.fixture(scope="module")
def small() -> Head:
    affine = np.diag([-SPACING_MM[0], -SPACING_MM[1], SPACING_MM[2], 1.0])
    affine[:3, 3] = [SPACING_MM[0] * 31.5, SPACING_MM[1] * 31.5, -SPACING_MM[2] * 11.5]
    return head(Grid(SHAPE, affine), noise_hu=3.0)


EXACT = {
    "plain": Faults(),
    "slopes": Faults(slopes=(1.0, 2.0, 0.5)),
    "monochrome1": Faults(monochrome1=True),
    "overlay": Faults(overlay=True),
    "-1500": Faults(padding="tag-1500"),
    "-2048 untagged": Faults(padding="untagged-2048"),
    "63536": Faults(padding="unsigned-63536"),
    "no padding": Faults(padding="none"),
    "equal numbers": Faults(equal_numbers=True),
    "duplicated": Faults(duplicated=(3, 9)),
    "extras": Faults(extras=("localizer", "screen", "secondary")),
    "enhanced": Faults(enhanced=True),
    "enhanced, rle": Faults(enhanced=True, syntax="rle"),
    "enhanced, slopes": Faults(enhanced=True, slopes=(1.0, 2.0)),
    "no preamble": Faults(no_preamble=True),
    "no meta": Faults(no_meta=True),
    "no meta, implicit": Faults(no_meta=True, syntax="implicit"),
    "empty class": Faults(empty_sop_class=True),
    "no modality": Faults(no_modality=True),
    "dates": Faults(invalid_dates=True),
    "odd numbers": Faults(odd_numbers=True),
    "three spacings": Faults(three_spacings=True),
    "sign mismatch": Faults(syntax="jpeg-2000", sign_mismatch=True),
    **{
        syntax: Faults(syntax=syntax)
        for syntax in (
            "implicit",
            "big-endian",
            "deflated",
            "rle",
            "jpeg-lossless",
            "jpeg-ls",
            "jpeg-2000",
            "htj2k",
        )
    },
    **{
        way: Faults(orientation=way)
        for way in ("prone", "feet-first", "sagittal", "coronal", "oblique")
    },
}


@pytest.mark.parametrize("name", list(EXACT))
def test_fault_that_can_be_read_gives_the_truth(small: Head, tmp_path: Path, name: str) -> None:
    series = write_series(small, tmp_path / "x", faults=EXACT[name])
    with reported(*REPORTED.get(name, ())):
        volume = hu.read(tmp_path / "x")
    assert series.truth is not None
    assert volume.grid.same_as(series.truth.grid)
    assert (
        np.abs(volume.array - series.truth.array).max()
        <= 0.5 * max(EXACT[name].slopes) * (name == "slopes") + 1e-3
    )


REPORTED = {
    "duplicated": ("DUPLICATE",),
    "-2048 untagged": ("PADDING",),
    **dict.fromkeys(["no meta", "no meta, implicit", "empty class", "no modality"], ("ASSUMED",)),
}

REFUSED = {
    "GAP": Faults(missing=(7, 8)),
    "DUPLICATE": Faults(duplicated=(5,), duplicates_differ=True),
    "TRUNCATED": Faults(truncated=(4,)),
    "NO_POSITION": Faults(no_position=(4,)),
    "MIXED_SPACING": Faults(other_spacing=6),
    "MULTI_PHASE": Faults(phases=2),
    "SEVERAL_SERIES": Faults(studies=2),
    "NOT_HU": Faults(rescale="not-hu"),
}


@pytest.mark.parametrize("code", list(REFUSED))
def test_fault_that_would_be_guessing_is_refused_by_its_code(
    small: Head, tmp_path: Path, code: str
) -> None:
    write_series(small, tmp_path / "x", faults=REFUSED[code])
    with pytest.raises(RefusedError) as caught:
        open_dicom(tmp_path / "x", policy=ReadPolicy())
    assert code in caught.value.codes
    if code != "SEVERAL_SERIES":
        assert code in {
            reason.code for report in scan_dicom(tmp_path / "x") for reason in report.reasons
        }


@pytest.mark.parametrize("rescale", ["absent", "lut"])
def test_values_that_do_not_say_hu_are_refused(small: Head, tmp_path: Path, rescale: str) -> None:
    write_series(small, tmp_path / "x", faults=Faults(rescale=rescale))  # type: ignore[arg-type]
    with pytest.raises(RefusedError) as caught:
        open_dicom(tmp_path / "x", policy=ReadPolicy())
    assert caught.value.codes == ("NOT_HU",)
    assert open_dicom(tmp_path / "x", policy=ReadPolicy(assume="hu")).quantity == "hu"


def test_filled_gap_is_the_head_but_for_what_lies_between(small: Head, tmp_path: Path) -> None:
    series = write_series(small, tmp_path / "x", faults=Faults(missing=(10,)))
    stack = open_dicom(tmp_path / "x", policy=ReadPolicy(gaps="fill"))
    volume = stack.volume()
    assert series.truth is not None
    assert volume.grid.same_as(series.truth.grid)
    difference = np.abs(volume.array.astype(float) - series.truth.array)
    assert stack.interpolated == tuple(k == 10 for k in range(24))
    assert np.delete(difference, 10, axis=2).max() == 0
    between = (series.truth.array[:, :, 9].astype(float) + series.truth.array[:, :, 11]) / 2
    assert np.abs(volume.array[:, :, 10] - between).max() <= 0.5


@pytest.mark.parametrize("phases", [2, 3])
@pytest.mark.parametrize("enhanced", [False, True])
def test_each_phase_is_read_by_its_id(
    small: Head, tmp_path: Path, phases: int, enhanced: bool
) -> None:
    series = write_series(small, tmp_path / "x", faults=Faults(phases=phases, enhanced=enhanced))
    reports = scan_dicom(tmp_path / "x")
    assert len(reports) == phases
    for report, truth in zip(reports, series.truths, strict=True):
        with reported("MULTI_PHASE"):
            volume = hu.read(tmp_path / "x", series=report.id)
        assert np.array_equal(volume.array, truth.array)


@pytest.mark.slow
@pytest.mark.parametrize("degrees", [-18.5, 12.0])
def test_tilted_head_is_the_untilted_one_once_corrected(
    small: Head, tmp_path: Path, degrees: float
) -> None:
    series = write_series(
        small, tmp_path / "x", faults=Faults(tilt_deg=degrees, tilt_tag="opposite")
    )
    stack = open_dicom(tmp_path / "x", policy=ReadPolicy())
    assert stack.tilt_deg == pytest.approx(abs(degrees), abs=0.01)
    volume = stack.volume()
    truth = series.on(volume.grid).image
    inside = np.zeros(volume.array.shape, bool)
    inside[16:-16, 16:-16, 4:-4] = True
    both = inside & (volume.array > -900) & (truth.array > -900)
    assert abs(float((volume.array[both] - truth.array[both]).mean())) < 5


@pytest.mark.slow
def test_uneven_head_keeps_its_positions(small: Head, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    heights = np.cumsum(rng.uniform(6, 9, SHAPE[2]))
    series = write_series(
        small, tmp_path / "x", faults=Faults(positions_mm=tuple(heights - heights[0]))
    )
    stack = open_dicom(tmp_path / "x", policy=ReadPolicy())
    assert np.allclose(stack.origins_ras_mm, series.origins_ras_mm, atol=1e-3)
    assert "UNEVEN" in {diagnostic.code for diagnostic in stack.diagnostics}


@pytest.mark.slow
def test_real_tilted_uneven_head_is_what_dcm2niix_makes_of_it(real_data: Path) -> None:
    """dcm2niix keeps the slices' frame, shears and spaces them linearly too: the same values."""
    import nibabel as nib
    from scipy import ndimage

    folder = real_data / "head_ge_tilt_varspacing"
    with reported("TILT", "UNEVEN"):
        volume = hu.read(folder / "dicom")
    theirs = nib.load(next((folder / "dcm2niix_ref").glob("*.nii.gz")))
    some = (slice(None, None, 2), slice(None), slice(4, None, 11))
    raw = theirs.get_fdata(dtype=np.float32)[some]
    values = np.maximum(raw, -1024)
    points = np.stack([part[some] for part in np.indices(theirs.shape)]).reshape(3, -1).T
    points = points @ theirs.affine[:3, :3].T + theirs.affine[:3, 3]
    index = volume.grid.index(points).T.reshape(3, *values.shape)
    ours = ndimage.map_coordinates(volume.array.astype(np.float32), index, order=1, cval=-1024.0)
    calm = (ndimage.gaussian_gradient_magnitude(values, (0.5, 1, 0)) < 50) & (raw > -1400)
    calm &= (index[2] > 0) & (index[2] < volume.array.shape[2] - 1)
    difference = (ours - values)[calm]
    assert abs(float(np.median(difference))) < 1
    assert np.percentile(np.abs(difference), 95) < 10
