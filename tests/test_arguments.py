"""Any wrong argument of any public function, class or method ends in one of our own errors."""

from __future__ import annotations

import inspect
import typing
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.core import platform
from hounsfield.core.arguments import checked, described, matches
from hounsfield.steps.base import Resolvable, Step

CT = hu.Volume.from_array(
    np.linspace(-1000, 1000, 8 * 7 * 6).reshape(8, 7, 6).astype(np.int16), affine=np.eye(4)
)
"""What each step that could be made runs on."""

WRONG: dict[str, Any] = {
    "none": None,
    "true": True,
    "zero": 0,
    "negative": -1,
    "number": 5,
    "huge": 1 << 200,
    "far": 1e300,
    "tiny": 1e-300,
    "nan": float("nan"),
    "infinite": float("inf"),
    "complex": 1j,
    "empty": "",
    "word": "bilinear",
    "dtype": "int17",
    "digits": "9" * 5000,
    "null": "a\0b",
    "surrogate": "\udcff",
    "folder": "/",
    "bytes": b"ab",
    "list": [],
    "tuple": (),
    "two": (1, 2),
    "three": (1, 2, 3),
    "words": ["a", "b", "c"],
    "nested": [[1], [2]],
    "nans": (float("nan"),) * 3,
    "far three": (1e300, 1e300, 1e300),
    "mapping": {},
    "mapping of numbers": {1: 2},
    "set": {1, 2},
    "class": hu.Reorient,
    "step": hu.Reorient(),
    "function": len,
    "object": object(),
    "generator": range(0),
    "array": np.zeros((3, 3, 3)),
    "array of objects": np.array([None, object()], dtype=object),
    "array of text": np.array(["a"]),
    "array of no axes": np.array(3.0),
    "grid": hu.Grid((2, 2, 2), np.eye(4)),
    "volume": hu.Volume.from_array(np.zeros((3, 4, 5), np.int16), affine=np.eye(4)),
}
"""Values of every kind; where one is right after all, the call may succeed."""


def scan(folder: Path) -> dict[str, Any]:
    """What the calls below take: a volume, a label, a file of each, a grid, a pipeline."""
    affine = np.diag([-1.0, -1.0, 2.0, 1.0])
    values = np.linspace(-1000, 1000, 8 * 7 * 6).reshape(8, 7, 6).astype(np.int16)
    ct = hu.Volume.from_array(values, affine=affine)
    label = hu.Volume.from_array(
        (values > 0).astype(np.uint8, order="F"), affine=affine, quantity="label"
    )
    hu.write(ct, folder / "ct.nii.gz")
    hu.write(label, folder / "label.nii.gz")
    steps = hu.Pipeline([hu.Clip(low_hu=-100, high_hu=100)])
    (folder / "steps.toml").write_text(steps.to_toml())
    return {
        "ct": ct,
        "label": label,
        "path": folder / "ct.nii.gz",
        "label_path": folder / "label.nii.gz",
        "toml": folder / "steps.toml",
        "out": folder / "out.nii.gz",
        "folder": folder / "run",
        "picture": folder / "out.png",
        "steps": steps,
        "stack": hu.open(folder / "ct.nii.gz"),
    }


def calls(made: Mapping[str, Any]) -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Each public function and method, with arguments by which it succeeds."""
    ct, label, grid, steps = made["ct"], made["label"], made["ct"].grid, made["steps"]
    box = {"start": (0, 0, 0), "shape": (2, 2, 2)}
    return {
        "compare": (hu.compare, {"image": ct, "label": label}),
        "from_nibabel": (hu.from_nibabel, {"image": ct.to_nibabel()}),
        "from_sitk": (hu.from_sitk, {"image": ct.to_sitk()}),
        "histogram": (hu.histogram, {"source": ct}),
        "inspect": (hu.inspect, {"path": made["path"]}),
        "montage": (hu.montage, {"source": ct}),
        "open": (hu.open, {"path": made["path"]}),
        "planes": (hu.planes, {"source": ct}),
        "preset": (hu.preset, {"name": "head"}),
        "read": (hu.read, {"path": made["path"]}),
        "read_labels": (hu.read_labels, {"path": made["label_path"], "image": made["path"]}),
        "regrid": (hu.regrid, {"volume": ct, "grid": grid}),
        "run": (
            hu.run,
            {
                "pipeline": steps,
                "sources": made["path"],
                "out": made["folder"],
                "workers": 1,
                "linkage": False,
            },
        ),
        "set_threads": (hu.set_threads, {"count": 2}),
        "write": (hu.write, {"volume": ct, "path": made["out"]}),
        "write_seg": (hu.write_seg, {"labels": label, "path": made["out"], "source": made["path"]}),
        "Grid": (hu.Grid, {"shape": (2, 2, 2), "affine": np.eye(4)}),
        "Grid.boxed": (grid.boxed, box),
        "Grid.flipped": (grid.flipped, {"axes": (0,)}),
        "Grid.permuted": (grid.permuted, {"order": (0, 1, 2)}),
        "Grid.reoriented": (grid.reoriented, {"to": "RAS"}),
        "Grid.resampled": (grid.resampled, {"spacing_mm": (1, 1, 1)}),
        "Grid.moved": (grid.moved, {"shape": (2, 2, 2), "index_affine": np.eye(4)}),
        "Grid.world": (grid.world, {"index": (0, 0, 0)}),
        "Grid.index": (grid.index, {"world_ras_mm": (0, 0, 0)}),
        "Grid.aligned_with": (grid.aligned_with, {"other": grid}),
        "Grid.same_as": (grid.same_as, {"other": grid}),
        "Spec": (
            hu.Spec,
            {"grid": grid, "dtype": np.int16, "quantity": "hu", "background": -1024.0},
        ),
        "Spec.replaced": (ct.spec.replaced, {}),
        "Spec.channel": (ct.spec.channel, {"number": 0}),
        "Volume": (hu.Volume, {"array": ct.array, "spec": ct.spec}),
        "Volume.from_array": (hu.Volume.from_array, {"array": ct.array, "affine": np.eye(4)}),
        "Volume.channel": (ct.channel, {"number": 0}),
        "Case": (hu.Case, {"image": ct}),
        "Diagnostic": (hu.Diagnostic, {"code": "A", "severity": "note", "message": "text"}),
        "ReadPolicy": (hu.ReadPolicy, {}),
        "ReadPolicy.replaced": (hu.ReadPolicy().replaced, {}),
        "Stack.slab": (made["stack"].slab, {"start": 0, "stop": 2}),
        "Stack.from_volume": (hu.Stack.from_volume, {"volume": ct}),
        "Stack.replaced": (made["stack"].replaced, {}),
        "Pipeline": (hu.Pipeline, {"steps": [hu.Reorient()]}),
        "Pipeline.load": (hu.Pipeline.load, {"path": made["toml"]}),
        "Pipeline.parse": (hu.Pipeline.parse, {"data": {"steps": [{"step": "Reorient"}]}}),
        "Pipeline.of_record": (hu.Pipeline.of_record, {"record": steps.run(ct).record}),
        "Pipeline.plan": (steps.plan, {"source": ct}),
        "Pipeline.run": (steps.run, {"source": ct}),
        "Record.load": (hu.Record.load, {"path": made["toml"]}),
        "Picture.save": (hu.planes(ct).save, {"path": made["picture"]}),
        "Apply": (hu.Apply, {"function": np.abs}),
        "BodyMask": (hu.BodyMask, {}),
        "Box": (hu.Box, box),
        "BrainMask": (hu.BrainMask, {}),
        "LungMask": (hu.LungMask, {}),
        "Clip": (hu.Clip, {"low_hu": -100, "high_hu": 100}),
        "CropOrPad": (hu.CropOrPad, {"shape": (4, 4, 4)}),
        "CropToBox": (hu.CropToBox, {"start_mm": (0, 0, 0), "stop_mm": (5, 5, 5)}),
        "CropToMask": (hu.CropToMask, {"mask": "head"}),
        "Denoise": (hu.Denoise, {"method": "median", "radius_mm": 1}),
        "FillOutside": (hu.FillOutside, {"mask": "head"}),
        "HeadMask": (hu.HeadMask, {}),
        "MapRange": (hu.MapRange, {"from_low": 0, "from_high": 1}),
        "Reorient": (hu.Reorient, {"to": "RAS"}),
        "Resample": (hu.Resample, {"spacing_mm": 1}),
        "Slab": (hu.Slab, {"slices": 2}),
        "SplitSlices": (hu.SplitSlices, {}),
        "Standardize": (hu.Standardize, {"mean_hu": 0, "std_hu": 1}),
        "Window": (hu.Window, {"name": "brain"}),
        "Windows": (hu.Windows, {"names": ("brain", "bone")}),
    }


NOT_CALLED = {
    *("Comparison", "Plan", "Report", "Result", "Summary", "WINDOWS", "__version__"),
    *(name for name in hu.__all__ if name.endswith(("Error", "Warning"))),
}
"""Values that functions return and users do not make, and no callables."""


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return calls(scan(tmp_path_factory.mktemp("arguments")))


def test_every_public_name_is_called(known: dict[str, Any]) -> None:
    assert {name.partition(".")[0] for name in known} == set(hu.__all__) - NOT_CALLED


def public() -> list[str]:
    """The names of `calls`, which are known without its values."""
    source = inspect.getsource(calls)
    return sorted(
        line.split('"')[1] for line in source.splitlines() if line.startswith('        "')
    )


@pytest.mark.filterwarnings("ignore::hounsfield.HounsfieldWarning")
@pytest.mark.parametrize("name", public())
def test_a_wrong_argument_is_our_own_error(
    name: str, known: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "_threads", None)
    monkeypatch.chdir(tmp_path)  # a word may be taken for the name of a file
    function, arguments = known[name]
    parameters = [
        each.name
        for each in inspect.signature(function).parameters.values()
        if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    strangers = []
    for parameter in parameters:
        for kind, value in WRONG.items():
            if kind == "folder" and name in ("inspect", "open", "read", "read_labels", "run"):
                continue  # it would search this machine
            if kind == "function" and parameter == "progress":
                continue  # it is called, and its errors are the caller's
            strangers += stranger(function, {**arguments, parameter: value}, f"{parameter}={kind}")
    assert not strangers, "\n".join(strangers)


def stranger(function: Callable[..., Any], arguments: dict[str, Any], what: str) -> list[str]:
    """Call a function; return what it raised unless that is ours."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            made = function(**arguments)
            if isinstance(made, Step | Resolvable) and not getattr(made, "mask", None):
                hu.Pipeline([made]).run(CT)
    except hu.HounsfieldError as error:
        text = str(error)
        return (
            []
            if text and "\n" not in text and len(text) < 2500
            else [f"{what}: text {text[:150]!r}"]
        )
    except Exception as error:
        return [f"{what}: {type(error).__name__}: {str(error)[:150]}"]
    return []


def test_an_argument_too_many_or_too_few_is_ours_and_a_type_error() -> None:
    with pytest.raises(hu.ArgumentError, match=r"read: missing a required argument: 'path'"):
        hu.read()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"read: got an unexpected keyword argument 'gap'"):
        hu.read("scan", gap="fill")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("value", "hint", "is_right"),
    [
        (1, float, True),
        (True, float, False),
        (np.float32(1), float, True),
        (1.5, int, False),
        (np.int16(3), int, True),
        (1, bool, False),
        ("ab", typing.Sequence[str], False),
        (["a", 1], typing.Sequence[str], False),
        ((1, None), typing.Sequence[int | None], True),
        (np.array([1.0, 2.0]), tuple[float, ...], True),
        ({"a": 1}, typing.Mapping[str, int], True),
        ({1: 1}, typing.Mapping[str, int], False),
        (None, str | None, True),
        (5, typing.Literal["a", "b"], False),
        (object(), typing.Any, True),
    ],
)
def test_a_value_matches_its_hint(value: object, hint: Any, is_right: bool) -> None:
    assert matches(value, hint) is is_right


def test_a_message_says_what_was_given_and_what_was_expected() -> None:
    @checked
    def draw(path: str | None, *, sizes: typing.Sequence[int]) -> None:
        """Draw nothing."""

    with pytest.raises(hu.ArgumentError, match=r"^draw: path is 5; expected str or None$"):
        draw(5, sizes=[1])  # type: ignore[arg-type]
    with pytest.raises(hu.ArgumentError, match=r"sizes is of type list; expected sequence of int"):
        draw("a", sizes=["b"])  # type: ignore[list-item]
    assert described(typing.Literal["a", "b"]) == "one of 'a', 'b'"
