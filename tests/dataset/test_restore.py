"""A prediction comes back to the voxels that it was made of, with the record alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

import hounsfield as hu
from hounsfield.core.errors import GeometryError, HounsfieldError
from hounsfield.dataset.prediction import read_prediction
from hounsfield.dataset.restore import restore
from hounsfield.pipeline.record import Record
from tests.dataset.conftest import noisy, run_over
from tests.reported import reported

MOVES = hu.Pipeline(
    [hu.Reorient(to="PIR"), hu.CropOrPad(shape=(16, 14, 24)), hu.Clip(low_hu=-1000, high_hu=1500)]
)


def made(tmp_path: Path, pipeline: hu.Pipeline, **more: object) -> tuple[Record, np.ndarray]:
    """Run a pipeline on noise; the record, and the output's array. The source is taken away."""
    hu.write(noisy(0), tmp_path / "ct.nii.gz")
    run_over(tmp_path / "ct.nii.gz", tmp_path / "out", pipeline=pipeline, **more)
    (tmp_path / "ct.nii.gz").unlink()
    folder = tmp_path / "out" / "cases" / "ct"
    shutil.copy(folder / "record.json", tmp_path / "record.json")
    record = Record.load(tmp_path / "record.json")
    return record, np.asarray(nibabel.load(folder / "image.nii.gz").dataobj)


def kept_by(record: Record) -> np.ndarray:
    """Which source voxels the output covers, by world coordinates of both grids."""
    index = np.indices(record.source_grid.shape).reshape(3, -1).T
    place = record.output_grid.index(record.source_grid.world(index))
    inside = ((place > -0.5) & (place < np.array(record.output_grid.shape) - 0.5)).all(axis=1)
    return inside.reshape(record.source_grid.shape)


def save(array: np.ndarray, path: Path, affine: np.ndarray) -> Path:
    """A prediction in the format of its path."""
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".gz":
        nibabel.save(nibabel.Nifti1Image(array, affine), path)
    elif path.suffix == ".nrrd":
        hu.write(hu.Volume.from_array(array, affine=affine, quantity="label"), path)
    else:
        path.mkdir()
        for k in range(array.shape[2]):
            Image.fromarray(np.ascontiguousarray(array[:, :, k].T)).save(path / f"slice-{k}.png")
    return path


@pytest.mark.parametrize("name", ["p.nii.gz", "p.nrrd", "p.npy", "p"])
@pytest.mark.parametrize("affine", ["the output's", "lost"])
def test_flips_crops_and_pads_are_undone_bit_for_bit(
    name: str, affine: str, tmp_path: Path
) -> None:
    record, image = made(tmp_path, MOVES)
    matrix = record.output_grid.affine if affine == "the output's" else np.eye(4)
    found = (image % 5 + 1).astype(np.uint8)
    answer = restore(record, read_prediction(save(found, tmp_path / name, matrix)))
    kept = kept_by(record)
    assert answer.volume.grid == record.source_grid
    assert answer.volume.quantity == "label"
    assert np.array_equal(answer.volume.array, np.where(kept, noisy(0).array % 5 + 1, 0))
    assert 0 < kept.sum() < kept.size
    assert "copied" in answer.notes[-1]


def test_a_prediction_that_was_turned_by_its_affine_is_turned_back(tmp_path: Path) -> None:
    record, image = made(tmp_path, MOVES)
    label = hu.Volume.from_array(
        (image > 0).astype(np.uint8), affine=record.output_grid.affine, quantity="label"
    )
    hu.write(label, tmp_path / "straight.nrrd")
    hu.write(hu.regrid(label, label.grid.reoriented("LAS")), tmp_path / "turned.nrrd")
    straight, turned = (
        restore(record, read_prediction(tmp_path / f"{name}.nrrd"))
        for name in ("straight", "turned")
    )
    assert np.array_equal(straight.volume.array, turned.volume.array)


def test_a_resampled_label_comes_back_where_it_was(tmp_path: Path) -> None:
    record, image = made(tmp_path, hu.Pipeline([hu.Resample(spacing_mm=0.5, method="nearest")]))
    answer = restore(
        record, read_prediction(save((image > 250).astype(np.uint8), tmp_path / "p.npy", np.eye(4)))
    )
    truth = noisy(0).array > 250
    assert (answer.volume.array.astype(bool) != truth).mean() < 0.02
    assert "interpolated" in answer.notes[-1]


def test_probabilities_are_interpolated(tmp_path: Path) -> None:
    record, image = made(tmp_path, hu.Pipeline([hu.Resample(spacing_mm=1.0)]))
    answer = restore(
        record,
        read_prediction(
            save(
                np.linspace(0, 1, image.size, dtype=np.float32).reshape(image.shape),
                tmp_path / "p.npy",
                np.eye(4),
            )
        ),
    )
    assert answer.volume.spec.dtype == np.float32
    assert len(np.unique(answer.volume.array)) > 1000


@pytest.mark.parametrize(
    ("turn", "hint"),
    [
        (lambda a: a[1:], "the shape of the run's output"),
        (lambda a: a.transpose(2, 1, 0), "transpose"),
        (lambda a: np.stack([a, a]), "argmax"),
    ],
)
def test_another_shape_is_refused(turn: object, hint: str, tmp_path: Path) -> None:
    record, image = made(tmp_path, MOVES)
    turned = turn(image.astype(np.int16))  # type: ignore[operator]
    path = save(turned, tmp_path / "p.npy", np.eye(4))
    with pytest.raises(GeometryError, match=hint):
        restore(record, read_prediction(path))


def test_a_batch_axis_of_one_is_no_hindrance(tmp_path: Path) -> None:
    record, image = made(tmp_path, MOVES)
    plain = restore(
        record, read_prediction(save((image > 0).astype(np.uint8), tmp_path / "p.npy", np.eye(4)))
    )
    batch = restore(
        record, read_prediction(save((image > 0)[None, None], tmp_path / "b.npy", np.eye(4)))
    )
    assert np.array_equal(plain.volume.array, batch.volume.array)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"text"])
def test_a_broken_prediction_is_our_own_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "p.npy").write_bytes(content)
    with pytest.raises(HounsfieldError):
        read_prediction(tmp_path / "p.npy")


def test_an_npy_of_objects_is_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(HounsfieldError):
        read_prediction(tmp_path / "p.npy")


def test_a_tilted_source_comes_back_on_its_natural_grid_and_says_so(
    real_data: Path, tmp_path: Path
) -> None:
    run_over(
        real_data / "head_ge_tilt_varspacing" / "dicom",
        tmp_path / "out",
        pipeline=hu.Pipeline.parse({"steps": [{"step": "Resample", "spacing_mm": 3.0}]}),
    )
    (path,) = (tmp_path / "out" / "cases").glob("*/record.json")
    record = Record.load(path)
    bright = (np.asarray(nibabel.load(path.parent / "image.nii.gz").dataobj) > 300).astype(np.uint8)
    answer = restore(record, read_prediction(save(bright, tmp_path / "p.npy", np.eye(4))))
    with reported("UNEVEN", "TILT"):
        truth = hu.read(real_data / "head_ge_tilt_varspacing" / "dicom").array > 300
    overlap = (
        2
        * (truth & (answer.volume.array == 1)).sum()
        / (truth.sum() + (answer.volume.array == 1).sum())
    )
    assert answer.volume.grid == record.source_grid
    assert overlap > 0.8
    assert any("natural grid" in note for note in answer.notes)


def test_a_segmentation_finds_the_series_of_its_record_among_others(tmp_path: Path) -> None:
    from hounsfield.dataset.discover import discover
    from hounsfield.dataset.restore import restore_seg
    from tests.dataset.series import part, small_head

    pytest.importorskip("pydicom")
    study = tmp_path / "study"
    for kernel in ("SOFT", "BONE"):
        part(small_head(), study, ConvolutionKernel=kernel)
    run_over(study, tmp_path / "out", pipeline=hu.Pipeline([hu.Reorient(to="RAS")]))
    cases = discover([str(study)]).cases
    for case in cases:
        folder = tmp_path / "out" / "cases" / case.id
        record = Record.load(folder / "record.json")
        image = nibabel.load(folder / "image.nii.gz")
        label = (np.asarray(image.dataobj) > 0).astype(np.uint8)
        prediction = read_prediction(save(label, tmp_path / "p.nii.gz", image.affine))
        out = tmp_path / f"{case.id}.dcm"
        for series in (None, case.id):
            restore_seg(record, prediction, out, source=study, series=series)
            read = hu.open(study, series=case.id)
            (made,) = hu.read_labels(out, image=read).values()
            assert np.array_equal(made.array, read.volume().array > 0)
        (other,) = (each for each in cases if each.id != case.id)
        with pytest.raises(HounsfieldError) as caught:
            restore_seg(record, prediction, out, source=study, series=other.id)
        assert caught.value.codes == ("OTHER_SOURCE",)
