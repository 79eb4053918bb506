"""A run with a label map: what each case gets, what is refused, and what is never written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK

import hounsfield as hu
from hounsfield.dataset.summary import Summary
from tests.cli.conftest import Line, line, own_key
from tests.io.dicom.labels.structures import Line as Contour
from tests.io.dicom.labels.structures import write_structures

__all__ = ["line", "own_key"]

AFFINE = np.diag([-2.0, -2.0, 3.0, 1.0])
STEPS = hu.Pipeline([hu.Reorient(to="RAS")], name="turn")


def box(first: int, stop: int) -> list[Contour]:
    """Contours around voxels first to stop along i and j, in slices 1 and 2."""
    low, high = first - 0.5, stop - 0.5
    corners = [(low, low), (high, low), (high, high), (low, high)]
    grid = hu.Grid((16, 14, 4), AFFINE)
    return [Contour(grid.world([(i, j, k) for i, j in corners])) for k in (1, 2)]


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder for scans and their structures."""
    (tmp_path / "scans").mkdir()
    (tmp_path / "structures").mkdir()
    return tmp_path / "scans"


def add(scans: Path, name: str, regions: Mapping[str, Sequence[Contour]]) -> None:
    """Write a scan and its structure set."""
    ct = hu.Volume.from_array(
        np.arange(16 * 14 * 4, dtype=np.int16).reshape(16, 14, 4), affine=AFFINE
    )
    hu.write(ct, scans / f"{name}.nii.gz")
    write_structures(scans.parent / "structures" / f"{name}.dcm", list(regions.items()))


def run(scans: Path, label_map: object, **more: object) -> Summary:
    """Run over the scans with their structures."""
    return hu.run(
        STEPS,
        scans,
        scans.parent / "out",
        workers=1,
        linkage=False,
        labels=str(scans.parent / "structures" / "{stem}.dcm"),
        label_map=label_map,
        **more,
    )


def label_of(scans: Path, case: str, name: str) -> np.ndarray:
    """A label of the output, in the order of the axes of the scan."""
    path = scans.parent / "out" / "cases" / case / f"label-{name}.nii.gz"
    return hu.read(path, quantity="label").array[::-1, ::-1]


def record_of(scans: Path, case: str) -> dict[str, object]:
    return json.loads((scans.parent / "out" / "cases" / case / "record.json").read_text())


def expected(*ranges: tuple[int, int]) -> np.ndarray:
    """The voxels of boxes."""
    mask = np.zeros((16, 14, 4), np.uint8)
    for first, stop in ranges:
        mask[first:stop, first:stop, 1:3] = 1
    return mask


@pytest.mark.filterwarnings("ignore::hounsfield.core.errors.HounsfieldWarning")
def test_each_case_gets_its_regions_by_their_patterns(scans: Path) -> None:
    add(scans, "a", {"GTV-1": box(2, 5), "Liver (all)": box(4, 9), "DOE^JANE": box(1, 3)})
    add(scans, "b", {"gtv_old": box(2, 4), "tumor 2": box(9, 12)})
    summary = run(scans, "tumour=(gtv|tumou?r).*,liver=.*liver.*")
    assert summary.counts["done"] == 2
    assert np.array_equal(label_of(scans, "a", "tumour"), expected((2, 5)))
    assert np.array_equal(label_of(scans, "a", "liver"), expected((4, 9)))
    assert np.array_equal(label_of(scans, "b", "tumour"), expected((2, 4), (9, 12)))
    files = sorted(path.name for path in (scans.parent / "out" / "cases" / "b").iterdir())
    assert files == ["image.nii.gz", "label-tumour.nii.gz", "preview.png", "record.json"]
    record = record_of(scans, "a")
    assert record["overlaps"] == [{"winner": "tumour", "loser": "liver", "voxels": 2}]
    codes = {case.id: [each["code"] for each in case.diagnostics] for case in summary.cases}
    assert codes == {
        "a": ["LABEL_UNMATCHED", "LABEL_OVERLAP"],
        "b": ["LABEL_JOINED", "LABEL_MISSING"],
    }
    assert summary.labels["names"]["tumour"] == {
        "required": False,
        "cases": 2,
        "joined": 1,
        "missing": 0,
        "unknown": 0,
    }
    assert summary.labels["unmatched"] == {"names": 1, "regions": 1}


@pytest.mark.filterwarnings("ignore::hounsfield.core.errors.HounsfieldWarning")
def test_a_region_of_two_labels_and_a_missing_label_refuse_their_cases_alone(scans: Path) -> None:
    add(scans, "a", {"liver tumour": box(2, 5)})
    add(scans, "b", {"heart": box(2, 5)})
    add(scans, "c", {"liver": box(2, 5), "tumour": box(3, 4)})
    add(scans, "d", {"liver": [], "tumour": box(3, 4)})
    rules = {"liver": {"patterns": [".*liver.*"], "required": True}, "tumour": ".*tumou?r.*"}
    summary = run(scans, rules)
    found = {case.id: (case.status, case.code) for case in summary.cases}
    assert found == {
        "a": ("failed", "LABEL_AMBIGUOUS"),
        "b": ("failed", "LABEL_MISSING"),
        "c": ("done", ""),
        "d": ("failed", "LABEL_MISSING"),
    }
    assert sorted(path.name for path in (scans.parent / "out" / "cases").iterdir()) == ["c"]
    assert [each.code for each in summary.findings] == ["LABEL_AMBIGUOUS", "LABEL_MISSING"]
    assert summary.labels["refused_cases"] == 2


@pytest.mark.filterwarnings("ignore::hounsfield.core.errors.HounsfieldWarning")
def test_a_case_without_a_label_file_lacks_every_label(scans: Path) -> None:
    add(scans, "a", {})

    def ran(name: str, required: bool) -> Summary:
        rules = {"liver": {"patterns": "liver", "required": required}}
        out = scans.parent / name
        return hu.run(STEPS, scans, out, workers=1, linkage=False, label_map=rules)

    (case,) = ran("noted", False).cases
    assert (case.status, [each["code"] for each in case.diagnostics]) == ("done", ["LABEL_MISSING"])
    (case,) = ran("refused", True).cases
    assert (case.status, case.code) == ("failed", "LABEL_MISSING")


def test_a_label_that_no_case_has_is_a_warning(scans: Path) -> None:
    add(scans, "a", {"liver": box(2, 5)})
    with pytest.warns(hu.HounsfieldWarning, match="no region of any case matches 'spleen'"):
        run(scans, {"liver": "liver", "spleen": "spleen"})


def test_another_pattern_runs_the_case_again_and_another_name_is_refused(scans: Path) -> None:
    add(scans, "a", {"liver": box(2, 5), "liver 2": box(7, 9)})
    assert run(scans, {"liver": "liver.*"}).counts["done"] == 1
    assert run(scans, {"liver": "liver.*"}).counts["skipped"] == 1
    assert run(scans, {"liver": "liver"}).counts["done"] == 1
    assert np.array_equal(label_of(scans, "a", "liver"), expected((2, 5)))
    with pytest.raises(hu.PipelineError, match="other labels"):
        run(scans, {"lever": "liver"})


def test_the_order_of_the_map_is_part_of_the_key(scans: Path) -> None:
    add(scans, "a", {"one": box(2, 5), "two": box(3, 6)})
    run(scans, {"one": "one", "two": "two"})
    assert run(scans, {"two": "two", "one": "one"}).counts["done"] == 1
    assert record_of(scans, "a")["overlaps"] == [{"winner": "two", "loser": "one", "voxels": 8}]


def test_a_label_named_as_a_mask_of_the_pipeline_is_refused_before_the_run(scans: Path) -> None:
    add(scans, "a", {"body": box(2, 5)})
    masking = hu.Pipeline([hu.BodyMask()])
    with pytest.raises(hu.PipelineError, match="name of a mask of the pipeline"):
        hu.run(masking, scans, scans.parent / "out", linkage=False, label_map={"body": "body"})
    with pytest.raises(hu.PipelineError, match="needs a mask or label 'liver'"):
        hu.run(
            hu.Pipeline([hu.CropToMask(mask="liver")]),
            scans,
            scans.parent / "out",
            linkage=False,
            label_map={"lungs": "lungs"},
        )


def test_names_of_regions_are_on_the_terminal_alone(scans: Path, line: Line) -> None:
    add(scans, "a", {"liver": box(2, 5), "DOE^JANE": box(1, 3), "liver x\x1b[2J": box(1, 2)})
    label = scans.parent / "structures" / "{stem}.dcm"
    out = scans.parent / "out"
    (scans.parent / "turn.toml").write_text(STEPS.to_toml())
    words = ["run", scans.parent / "turn.toml", scans, "--label", label, "--no-linkage", "-o", out]
    answer = line(*words, "--labels", "liver=liver,x=liver.x.*")
    assert answer.status == 0, answer.err
    assert "no label for region 'DOE^JANE' (1)" in answer.err
    assert answer.err.replace("\n", "").isprintable()
    answer = line(*words, "--labels", "liver=liver,x=.*", "--json", "-q")
    assert answer.status == 1
    assert "region 'liver'" not in answer.err  # -q
    assert "DOE" not in answer.out
    answer = line(*words, "--labels", "liver=liver,x=none", "--json", "-q")
    assert answer.status == 0, answer.err
    found = answer.summary["labels"]
    assert found["unmatched"] == {"names": 2, "regions": 2}
    assert "DOE" not in answer.out
    written = [path.read_bytes() for path in out.rglob("*") if path.is_file()]
    assert not any(b"DOE" in data for data in written)


@pytest.mark.parametrize("text", ["liver", "liver=(", "a=(x+)+", "none.toml", "a b=c"])
def test_a_bad_map_is_one_line_and_status_2(scans: Path, line: Line, text: str) -> None:
    add(scans, "a", {"liver": box(2, 5)})
    answer = line("run", "isotropic-mip", scans, "--labels", text, "-o", scans.parent / "out")
    assert answer.status == 2
    assert len(answer.lines) == 1
    assert answer.lines[0].startswith("error: --labels: ")
    assert not (scans.parent / "out").exists()


def test_values_of_a_label_map_are_regions(scans: Path) -> None:
    add(scans, "a", {})
    values = np.zeros((16, 14, 4), np.uint8)
    values[2:5], values[6:8], values[9] = 3, 5, 51
    label = hu.Volume.from_array(values, affine=AFFINE, quantity="label")
    hu.write(label, scans.parent / "a_seg.nii.gz")

    def ran(name: str, label_map: object) -> Summary:
        return hu.run(
            STEPS,
            scans / "a.nii.gz",
            scans.parent / name,
            workers=1,
            linkage=False,
            labels={"seg": scans.parent / "a_seg.nii.gz"},
            label_map=label_map,
        )

    summary = ran("out", {"both": "3|51", "five": "5"})
    assert summary.labels["unread_cases"] == 1
    assert np.array_equal(label_of(scans, "a", "both"), np.isin(values, (3, 51)))
    assert np.array_equal(label_of(scans, "a", "five"), values == 5)
    found = ran("whole", {"all": "seg"})
    (case,) = found.cases
    assert [each["code"] for each in case.diagnostics] == ["LABEL_JOINED"]
    made = hu.read(scans.parent / "whole/cases/a/label-all.nii.gz", quantity="label")
    assert int(made.array.sum()) == np.count_nonzero(values)
    with pytest.warns(hu.HounsfieldWarning, match="required label 'six' is missing"):
        (case,) = ran("six", {"six": {"patterns": "6", "required": True}}).cases
    assert (case.status, case.code) == ("failed", "LABEL_MISSING")


@pytest.mark.filterwarnings("ignore::hounsfield.core.errors.HounsfieldWarning")
def test_real_labels_are_what_the_peers_count(real_data: Path, tmp_path: Path) -> None:
    def ran(image: str, label: str, label_map: object) -> dict[str, np.ndarray]:
        out = tmp_path / Path(label).stem
        summary = hu.run(
            hu.Pipeline([], name="read"),
            real_data / image,
            out,
            workers=1,
            linkage=False,
            labels=real_data / label,
            label_map=label_map,
        )
        assert summary.counts["done"] == 1
        return {
            path.name.removesuffix(".nii.gz").removeprefix("label-"): SimpleITK.GetArrayFromImage(
                SimpleITK.ReadImage(str(path))
            )
            for path in out.glob("cases/*/label-*.nii.gz")
        }

    leg = ran(
        "leg_rtstruct_sts001/dicom/image",
        "leg_rtstruct_sts001/dicom/mask/RS.dcm",
        "tumour=(gtv|tumou?r).*",
    )
    assert {name: int(array.sum()) for name, array in leg.items()} == {"tumour": 117_145}

    folder = "ct_dicomseg_nrrdseg_dcmqi"
    colours = ran(
        f"{folder}/ct-3slice",
        f"{folder}/partial_overlaps.dcm",
        "orange=orange,blue=.*_blue,green=green",
    )
    ours = ran(f"{folder}/ct-3slice", f"{folder}/liver.dcm", "liver=liver")
    peers = SimpleITK.ReadImage(str(real_data / folder / "liver_seg.nrrd"))
    assert int(ours["liver"].sum()) == np.count_nonzero(SimpleITK.GetArrayFromImage(peers))
    assert sorted(colours) == ["blue", "green", "orange"]
    data = pydicom.dcmread(real_data / folder / "partial_overlaps.dcm")
    frames = data.pixel_array.astype(bool)
    for name, numbers in (("orange", {2}), ("green", {1})):
        groups = data.PerFrameFunctionalGroupsSequence
        segments = [
            int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber) for group in groups
        ]
        count = sum(int(frames[n].sum()) for n, each in enumerate(segments) if each in numbers)
        assert int(colours[name].sum()) == count > 0
    (file,) = (tmp_path / "partial_overlaps").glob("cases/*/record.json")
    first, second, third = (colours[name] > 0 for name in ("orange", "blue", "green"))
    counts = {
        ("orange", "blue"): (first & second).sum(),
        ("orange", "green"): (first & third).sum(),
        ("blue", "green"): (second & third & ~first).sum(),
    }
    overlaps = json.loads(file.read_text())["overlaps"]
    assert {(each["winner"], each["loser"]): each["voxels"] for each in overlaps} == {
        pair: int(count) for pair, count in counts.items() if count
    }
    assert overlaps

    body = "body_siemens_j2k_seg"
    lungs = ran(f"{body}/dicom", f"{body}/example_seg_dicom.nii.gz", {"lobes": "1[0-4]", "v": "5"})
    values = SimpleITK.GetArrayFromImage(
        SimpleITK.ReadImage(str(real_data / body / "example_seg_dicom.nii.gz"))
    )
    for name, numbers in (("lobes", range(10, 15)), ("v", [5])):
        count = np.count_nonzero(np.isin(values, list(numbers)))
        assert int(lungs[name].sum() if name in lungs else 0) == count
