"""A run measures quality while it reads: the same values, and no slice decoded twice."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Array
from hounsfield.dataset.case import CaseResult, CaseSource
from hounsfield.dataset.qc.probe import SliceProbe
from hounsfield.dataset.qc.quality import quality_of
from hounsfield.dataset.run_case import run_case
from hounsfield.dataset.run_config import RunConfig
from hounsfield.phantom import Faults, grid_about, head, write_series

RESAMPLED = hu.Pipeline([hu.Reorient(to="RAS"), hu.Resample(spacing_mm=4.0)])
MASKED = hu.Pipeline([hu.BodyMask(empty="keep"), *RESAMPLED.steps])
CROPPED = hu.Pipeline([hu.CropOrPad(shape=(64, 64, 5)), hu.Window(center_hu=40, width_hu=80)])


@pytest.fixture(scope="module")
def volume() -> hu.Volume:
    return head(grid_about((0, -4, 10), shape=(64, 64, 20), spacing_mm=(4, 4, 9))).image


def run(
    source: Path, out: Path, pipeline: hu.Pipeline, memory_bytes: int | None = None
) -> CaseResult:
    config = RunConfig(pipeline=pipeline, out=out, memory_bytes=memory_bytes)
    made = run_case(config, CaseSource(id="case", path=source))
    assert made.status == "done", made.message
    return made


@pytest.mark.parametrize("kind", ["nii.gz", "nii", "dicom"])
def test_quality_does_not_depend_on_the_way_a_case_is_run(
    tmp_path: Path, volume: hu.Volume, kind: str
) -> None:
    source = tmp_path / ("scan" if kind == "dicom" else f"scan.{kind}")
    if kind == "dicom":
        write_series(volume, source, faults=Faults())
    else:
        hu.write(volume, source)
    texts = {
        json.dumps(run(source, tmp_path / str(n), pipeline, memory).qc, sort_keys=True)
        for n, (pipeline, memory) in enumerate(
            [(RESAMPLED, None), (RESAMPLED, 1), (MASKED, None), (hu.Pipeline([]), None)]
        )
    }
    assert len(texts) == 1
    assert json.loads(texts.pop())["sampled_slices"] == 20


def test_a_large_compressed_file_gives_the_same_quality_within_any_budget(tmp_path: Path) -> None:
    from tests.dataset.test_stream import scan

    source = scan(tmp_path / "scan.nii.gz")
    crop = hu.Pipeline([hu.CropOrPad(shape=(320, 320, 30))])
    nearest = hu.Pipeline([hu.Resample(spacing_mm=(1.4, 1.4, 9.0), method="nearest")])
    for n, pipeline in enumerate((crop, nearest)):
        small = run(source, tmp_path / f"small-{n}", pipeline, 1).qc
        large = run(source, tmp_path / f"large-{n}", pipeline).qc
        assert small == large


def test_quality_is_in_the_result_and_not_in_the_record(tmp_path: Path, volume: hu.Volume) -> None:
    hu.write(volume, tmp_path / "scan.nii")
    made = run(tmp_path / "scan.nii", tmp_path / "out", RESAMPLED)
    assert json.loads(json.dumps(made.qc)) == made.qc
    assert made.qc["score"] == 0
    assert "air_peak" not in (tmp_path / "out/cases/case/record.json").read_text()


def test_the_first_and_last_slice_are_measured_if_the_pipeline_crops_them(
    tmp_path: Path, volume: hu.Volume
) -> None:
    hu.write(volume, tmp_path / "scan.nii")
    made = run(tmp_path / "scan.nii", tmp_path / "out", CROPPED).qc
    assert (made["sampled_slices"], made["slices"]) == (5 + 2, 20)
    assert made["values"]["vertex"]["status"] == "ok"


class Counting:
    """A decoder that counts how often each slice is decoded."""

    def __init__(self, stack: Stack) -> None:
        self.inner, self.counts = stack.decode, Counter[int]()

    def __call__(self, start: int, stop: int) -> Array:
        self.counts.update(range(start, stop))
        return self.inner(start, stop)


def test_a_run_decodes_no_slice_for_its_quality(volume: hu.Volume) -> None:
    stack = Stack.from_volume(volume)
    counting = Counting(stack)
    probe = SliceProbe(stack.replaced(decode=counting, in_memory=False))
    RESAMPLED.run(probe.probed())
    assert set(counting.counts.values()) == {1}
    assert sorted(probe.sampled) == list(range(20))


def test_the_probe_does_not_change_the_voxels(volume: hu.Volume, tmp_path: Path) -> None:
    series = write_series(volume, tmp_path / "scan")
    plain = hu.open(series.folder)
    probed = SliceProbe(hu.open(series.folder)).probed()
    assert np.array_equal(plain.volume().array, probed.volume().array)
    assert plain.source.geometry == probed.source.geometry


def test_what_is_sampled_is_hu_with_padding_as_background(
    volume: hu.Volume, tmp_path: Path
) -> None:
    stack = hu.open(write_series(volume, tmp_path / "scan").folder)
    assert stack.padding is not None
    probe = SliceProbe(stack)
    probed = probe.probed()
    probed.slab(0, 20)
    whole = stack.volume().array
    for k in range(20):
        assert np.array_equal(probe.sampled[k], whole[:: probe.step, :: probe.step, k])


CUTS = st.lists(st.integers(1, 19), unique=True, max_size=6).map(sorted)


@given(CUTS)
def test_what_is_sampled_does_not_depend_on_the_slabs(cuts: list[int]) -> None:
    values = np.random.default_rng(0).integers(-1000, 1000, (9, 7, 20)).astype(np.int16)
    stack = Stack.from_volume(hu.Volume.from_array(values, affine=np.diag([1.0, 1, 2, 1])))
    probe = SliceProbe(stack)
    probed = probe.probed()
    for start, stop in zip([0, *cuts], [*cuts, 20], strict=True):
        probed.slab(start, stop)
    probed.finished()
    for k in range(20):
        assert np.array_equal(probe.sampled[k], values[:, :, k])


@given(st.lists(st.tuples(st.integers(0, 19), st.integers(1, 5)), min_size=1, max_size=4))
def test_slices_between_two_slabs_are_sampled_too(slabs: list[tuple[int, int]]) -> None:
    values = np.random.default_rng(0).integers(-1000, 1000, (9, 7, 20)).astype(np.int16)
    stack = Stack.from_volume(hu.Volume.from_array(values, affine=np.diag([1.0, 1, 2, 1])))
    probe = SliceProbe(stack)
    probed = probe.probed()
    for start, count in sorted(slabs):
        probed.slab(start, min(20, start + count))
    probed.finished()
    low, high = min(start for start, _ in slabs), max(min(20, a + n) for a, n in slabs)
    assert set(probe.sampled) == {0, 19, *range(low, high)}


def test_a_quality_that_cannot_be_computed_fails_no_case(
    tmp_path: Path, volume: hu.Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hounsfield.dataset.qc import voxels

    def broken(scan: object) -> None:
        raise ZeroDivisionError("of this test")

    monkeypatch.setattr(voxels, "noise", broken)
    hu.write(volume, tmp_path / "scan.nii")
    made = run(tmp_path / "scan.nii", tmp_path / "out", RESAMPLED)
    assert made.qc == {"error": "ZeroDivisionError"}


def test_a_slice_that_the_pipeline_does_not_need_fails_no_case(volume: hu.Volume) -> None:
    stack = Stack.from_volume(volume)

    def decode(start: int, stop: int) -> Array:
        if stop == 20:
            raise hu.ReadError("the last slice is broken")
        return stack.decode(start, stop)

    probe = SliceProbe(stack.replaced(decode=decode))
    probed = probe.probed()
    probed.slab(5, 10)
    probed.finished()
    made = quality_of(probe)
    assert made is not None
    known = {each.name: each for each in made.values}
    assert known["vertex"].reason == "the first or last slice was not read"
