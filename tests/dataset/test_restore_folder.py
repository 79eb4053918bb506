"""A folder of predictions comes back to all scans in one call; probabilities in bounded memory."""

from __future__ import annotations

import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

import hounsfield as hu
from hounsfield.core.errors import GeometryError, HounsfieldError, ReadError
from hounsfield.dataset.probabilities import restore_probabilities
from hounsfield.dataset.restore_folder import RestoredCase, RestoreOptions, restore_folder
from hounsfield.pipeline.record import Record
from tests.dataset.conftest import noisy, run_over

COARSER = hu.Pipeline([hu.Resample(spacing_mm=(2.0, 2.0, 4.0))])
CROPPED = hu.Pipeline([hu.CropOrPad(shape=(16, 24, 8))])


@pytest.fixture
def cropped(scans: Path, tmp_path: Path) -> Path:
    """A run of three scans."""
    run_over(scans, tmp_path / "run", pipeline=CROPPED)
    return tmp_path / "run"


def predict(run: Path, folder: Path, *cases: str) -> None:
    """Predict two classes by a threshold, as NIfTI on the grid of the output."""
    folder.mkdir(exist_ok=True)
    for case in cases:
        image = nibabel.load(run / "cases" / case / "image.nii.gz")
        found = (np.asarray(image.dataobj) > 300).astype(np.uint8)
        nibabel.save(nibabel.Nifti1Image(found, image.affine), folder / f"{case}.nii.gz")


def restored(run: Path, folder: Path, out: Path, **options: object) -> dict[str, RestoredCase]:
    """What became of each case."""
    made = restore_folder(run, folder, out, RestoreOptions(**options))  # type: ignore[arg-type]
    return {case.id: case for case in made}


def voxels(path: Path) -> np.ndarray:
    """The voxels of a NIfTI file."""
    return np.asarray(nibabel.load(path).dataobj)


def test_all_predictions_come_back_where_the_scan_is(cropped: Path, tmp_path: Path) -> None:
    predict(cropped, tmp_path / "p", "anna", "b_2", "c-3")
    found = restored(cropped, tmp_path / "p", tmp_path / "back")
    assert {case.status for case in found.values()} == {"done"}
    for seed, case in enumerate(found):
        scan = noisy(seed)
        back = nibabel.load(tmp_path / "back" / f"{case}.nii.gz")
        np.testing.assert_allclose(back.affine, scan.affine, atol=1e-5)
        inside = (slice(2, 18), slice(None), slice(1, 9))
        np.testing.assert_array_equal(np.asarray(back.dataobj)[inside], scan.array[inside] > 300)
        assert np.asarray(back.dataobj).sum() == (scan.array[inside] > 300).sum()


def test_what_does_not_match_is_listed(cropped: Path, tmp_path: Path) -> None:
    predict(cropped, tmp_path / "p", "anna")
    (tmp_path / "p" / "stranger.nii.gz").write_bytes((tmp_path / "p/anna.nii.gz").read_bytes())
    (tmp_path / "p" / "c-3.nii.gz").write_bytes(b"broken")
    (tmp_path / "p" / "plans.json").write_text("{}")
    found = restored(cropped, tmp_path / "p", tmp_path / "back")
    assert [(case.id, case.status, case.code) for case in found.values()] == [
        ("anna", "done", ""),
        ("b_2", "missing", "NO_PREDICTION"),
        ("c-3", "failed", "UNREADABLE"),
        ("stranger", "unknown", "NO_RECORD"),
    ]
    assert sorted(path.name for path in (tmp_path / "back").iterdir()) == ["anna.nii.gz"]


def test_a_folder_without_records_or_predictions_is_refused(cropped: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match="no records of cases"):
        restored(tmp_path / "empty", cropped, tmp_path / "back")
    with pytest.raises(ReadError, match="no prediction"):
        restored(cropped, tmp_path / "empty", tmp_path / "back")


def probabilities(shape: tuple[int, ...], *, classes: int = 4) -> np.ndarray:
    """Probabilities (class, z, y, x), smooth, with the sum 1."""
    rng = np.random.default_rng(1)
    coarse = rng.random((classes, 3, 3, 3))
    axes = [np.linspace(0, 2, n) for n in reversed(shape)]
    whole = np.stack([_interpolated(each, axes) for each in coarse])
    return (whole / whole.sum(axis=0)).astype(np.float32)


def _interpolated(values: np.ndarray, axes: list[np.ndarray]) -> np.ndarray:
    for axis, places in enumerate(axes):
        low = np.minimum(places.astype(int), 1)
        weight = (places - low).reshape([-1 if n == axis else 1 for n in range(3)])
        parts = (values.take(low, axis), values.take(low + 1, axis))
        values = parts[0] * (1 - weight) + parts[1] * weight
    return values


def coarser(tmp_path: Path) -> Record:
    """The record of a scan that was resampled."""
    hu.write(noisy(0), tmp_path / "ct.nii.gz")
    run_over(tmp_path / "ct.nii.gz", tmp_path / "run", pipeline=COARSER)
    return Record.load(tmp_path / "run/cases/ct/record.json")


def test_probabilities_are_resampled_before_the_argmax_as_simpleitk_does(tmp_path: Path) -> None:
    record = coarser(tmp_path)
    stored = probabilities(record.output_grid.shape)
    np.savez_compressed(tmp_path / "ct.npz", probabilities=stored)
    found = restore_probabilities(record, tmp_path / "ct.npz", folder=tmp_path)
    reference = SimpleITK.ReadImage(str(tmp_path / "ct.nii.gz"))
    image = SimpleITK.ReadImage(str(tmp_path / "run/cases/ct/image.nii.gz"))
    classes = []
    for n, each in enumerate(stored):
        one = SimpleITK.GetImageFromArray(each)
        one.CopyInformation(image)
        classes.append(
            SimpleITK.GetArrayFromImage(
                SimpleITK.Resample(one, reference, SimpleITK.Transform(), SimpleITK.sitkLinear, -1)
            )
        )
        inside = classes[-1] >= 0
        np.testing.assert_allclose(
            voxels(tmp_path / f"class-{n}.nii.gz").T[inside], classes[-1][inside], atol=1e-5
        )
    top = np.sort(np.stack(classes), axis=0)
    clear = (top[-1] - top[-2] > 1e-4) & inside
    assert clear.mean() > 0.9
    np.testing.assert_array_equal(found.array.T[clear], np.argmax(classes, axis=0)[clear])


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ">f4"])
def test_probabilities_of_an_aligned_grid_are_copied(
    dtype: object, cropped: Path, tmp_path: Path
) -> None:
    record = Record.load(cropped / "cases/anna/record.json")
    stored = probabilities(record.output_grid.shape).astype(dtype)  # type: ignore[call-overload]
    np.savez(tmp_path / "anna.npz", probabilities=stored)
    found = restore_probabilities(record, tmp_path / "anna.npz")
    inside = found.array[2:18, :, 1:9]
    expected = np.argmax(stored, axis=0).T[:, 3:21]
    np.testing.assert_array_equal(inside, expected)
    assert found.array.sum() == inside.sum()


def test_a_pickle_is_never_loaded(cropped: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "trapped",))

    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "anna.pkl").write_bytes(pickle.dumps(Trap()))
    np.savez(folder / "anna.npz", probabilities=np.array([Trap()], dtype=object))
    found = restored(cropped, folder, tmp_path / "back")
    assert found["anna"].status == "failed"
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        ("shape", GeometryError, r"expected \(classes, 8, 24, 16\)"),
        ("name", ReadError, "no array 'probabilities'"),
        ("cut", HounsfieldError, "truncated"),
        ("nan", ReadError, "NaN or infinite"),
        ("integers", ReadError, "not floats"),
    ],
)
def test_broken_probabilities_are_refused(
    fault: str, error: type[Exception], text: str, cropped: Path, tmp_path: Path
) -> None:
    record = Record.load(cropped / "cases/anna/record.json")
    stored = probabilities(record.output_grid.shape)
    path = tmp_path / "anna.npz"
    if fault == "nan":
        stored[1, 0, 0, 0] = np.nan
    if fault == "integers":
        stored = stored.astype(np.int16)
    name = "softmax" if fault == "name" else "probabilities"
    np.savez_compressed(
        path, **{name: np.ascontiguousarray(stored.T) if fault == "shape" else stored}
    )
    if fault == "cut":
        with zipfile.ZipFile(path) as archive:
            data = archive.read("probabilities.npy")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("probabilities.npy", data[:-1000])
    with pytest.raises(error, match=text):
        restore_probabilities(record, path)


def test_a_mutant_gives_a_label_map_or_our_error(cropped: Path, tmp_path: Path) -> None:
    record = Record.load(cropped / "cases/anna/record.json")
    path = tmp_path / "anna.npz"
    np.savez_compressed(path, probabilities=probabilities(record.output_grid.shape, classes=2))
    whole = path.read_bytes()
    rng = np.random.default_rng(3)
    ends = [*range(60), *range(len(whole) - 130, len(whole))]
    for n in range(150):
        mutant = bytearray(whole)
        place = ends[n] if n < 120 else int(rng.integers(len(whole)))
        mutant[place] ^= int(rng.integers(1, 256))
        path.write_bytes(mutant if n % 10 else mutant[:place])
        try:
            assert restore_probabilities(record, path).quantity == "label"
        except HounsfieldError:
            continue


PEAK = """
import sys
from pathlib import Path
import hounsfield.resampling.regrid
from hounsfield.core.platform import peak_memory_bytes
from hounsfield.dataset.probabilities import restore_probabilities
from hounsfield.pipeline.record import Record
before = peak_memory_bytes()
restore_probabilities(Record.load(sys.argv[1]), Path(sys.argv[2]))
print(peak_memory_bytes() - before)
"""


def test_memory_does_not_grow_with_the_number_of_classes(tmp_path: Path) -> None:
    hu.write(noisy(0, shape=(160, 160, 60)), tmp_path / "ct.nii.gz")
    run_over(tmp_path / "ct.nii.gz", tmp_path / "run", pipeline=COARSER)
    path = tmp_path / "run/cases/ct/record.json"
    shape = tuple(reversed(Record.load(path).output_grid.shape))
    peaks = []
    for classes in (2, 24):
        one = np.zeros((classes, *shape), np.float32)
        one[0] = 1
        np.savez_compressed(tmp_path / f"{classes}.npz", probabilities=one)
        words = [sys.executable, "-c", PEAK, str(path), str(tmp_path / f"{classes}.npz")]
        peaks.append(int(subprocess.run(words, capture_output=True, check=True).stdout))
    assert peaks[1] < peaks[0] + 8e6, peaks
