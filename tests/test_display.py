"""How values show themselves: one short line, and HTML in which nothing is markup but our own."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.core.display import escaped, html_table, html_value
from hounsfield.phantom import grid_about, head, write_series
from hounsfield.testing import grids, stacks, volumes

LONGEST = 120
TAGS = {"div", "strong", "table", "thead", "tbody", "tr", "th", "td", "img"}
HOSTILE = "<script>alert('DOE^JOHN')</script>\x1b[31m\n/home/doe/scan"


class Reader(HTMLParser):
    """Collects tags and texts, and that every tag is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.sources: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag != "img":
            self.open.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def check_line(value: Any) -> None:
    """One line, short, without an array."""
    line = repr(value)
    assert line.startswith(f"{type(value).__name__}(")
    assert line.isprintable()
    assert len(line) <= LONGEST
    assert "array(" not in line
    assert "<" not in line


def check(value: Any) -> None:
    """A short line, and HTML that is ours alone."""
    check_line(value)
    read = Reader(value._repr_html_())
    assert set(read.tags) <= TAGS
    assert all(source.startswith("data:image/png;base64,") for source in read.sources)


@given(volume=volumes())
def test_the_repr_of_any_volume_is_one_short_line(volume: hu.Volume) -> None:
    check(volume)
    assert f"{volume.quantity}, {volume.spec.dtype}, " in repr(volume)
    assert " x ".join(map(str, volume.grid.shape)) in repr(volume)


@given(stack=stacks())
def test_the_repr_of_any_stack_is_one_short_line(stack: hu.Stack) -> None:
    check(stack)
    assert f"{stack.shape[2]} slice" in repr(stack)
    assert ("regular" in repr(stack)) == stack.is_regular
    assert ("tilted" in repr(stack)) == (not stack.is_regular and not stack.is_upright)
    assert ("uneven" in repr(stack)) == (not stack.is_regular and not stack.is_even)


@given(stack=stacks(), spacing_mm=st.floats(1.0, 5.0))
def test_the_reprs_of_plan_result_and_record_are_short_lines(
    stack: hu.Stack, spacing_mm: float
) -> None:
    pipeline = hu.Pipeline([hu.Reorient(to="RAS"), hu.Resample(spacing_mm=spacing_mm)])
    result = pipeline.run(stack)
    for value in (pipeline.plan(stack), result, result.record):
        check(value)
    assert "2 steps" in repr(result)
    assert "Reorient &gt; Resample" in result.record._repr_html_()


def test_the_reprs_of_pipeline_picture_report_and_source_are_short_lines(tmp_path: Path) -> None:
    phantom = head(grid_about((0.0, 0.0, 0.0), shape=(64, 64, 24), spacing_mm=(4, 4, 8)))
    write_series(phantom.image, tmp_path / "scan")
    many = tuple((n, f"slice-{n}.dcm") for n in range(500))
    for value in (
        hu.preset("head"),
        hu.planes(phantom.image),
        hu.inspect(tmp_path / "scan")[0],
        hu.read(tmp_path / "scan").source,
        hu.Diagnostic("PADDING", "note", "padding replaced by air", files=many),
    ):
        check_line(value)


@given(grid=grids(largest=3), scale=st.sampled_from([1e-3, 1.0, 1e3, 1e6]))
def test_a_grid_of_any_size_stays_a_short_line(grid: hu.Grid, scale: float) -> None:
    matrix = grid.affine.copy()
    matrix[:3, :3] *= scale
    check(hu.Volume.from_array(np.zeros(grid.shape, np.int16), affine=matrix))


def test_a_volume_shows_what_it_is() -> None:
    affine = np.diag([-0.78125, -0.78125, 1.0, 1.0])
    volume = hu.Volume.from_array(np.zeros((12, 12, 5), np.int16), affine=affine)
    assert repr(volume) == "Volume(hu, int16, 12 x 12 x 5, LPS, 0.781 x 0.781 x 1 mm)"
    channels = hu.Volume.from_array(np.zeros((4, 4, 2, 3), np.float32), affine=affine)
    assert repr(channels) == "Volume(hu, float32, 4 x 4 x 2, LPS, 0.781 x 0.781 x 1 mm, 3 channels)"


def test_a_volume_embeds_its_picture() -> None:
    volume = hu.Volume.from_array(np.zeros((12, 12, 5), np.int16), affine=np.eye(4))
    (source,) = Reader(volume._repr_html_()).sources
    assert base64.b64decode(source.partition(",")[2]) == volume._repr_png_()


def test_slices_that_lie_on_no_grid_still_have_a_repr() -> None:
    stack = hu.Stack.from_volume(
        hu.Volume.from_array(np.zeros((4, 4, 3), np.int16), affine=np.eye(4))
    )
    check(replace(stack, exact_grid=None, origins_ras_mm=np.zeros((3, 3))))


@given(text=st.text())
def test_no_text_in_a_table_is_markup(text: str) -> None:
    read = Reader(
        html_value(text, [(text, text)]) + html_table([[text]], head=[text], classes=[text])
    )
    assert set(read.tags) <= TAGS
    assert escaped(text).isprintable()


def _hostile_record() -> hu.Record:
    values: Mapping[str, Any] = {"pipeline": {"name": HOSTILE}, "source": {"path": HOSTILE}}
    steps = ({"step": "Clip", "note": HOSTILE},)
    return hu.Record(
        version="0",
        steps=steps,
        output={},
        labels={HOSTILE: {}},
        volatile={"at": HOSTILE},
        **values,
    )


def test_no_path_and_no_text_of_a_header_is_shown() -> None:
    volume = hu.Volume.from_array(
        np.zeros((4, 4, 2, 1), np.int16), affine=np.eye(4), channels=(HOSTILE,)
    )
    found = hu.Diagnostic("GAP", "repair", "a gap", HOSTILE, files=((0, HOSTILE),))
    stack = hu.Stack.from_volume(volume.channel(0)).replaced(
        diagnostics=(found,), checksum=lambda: HOSTILE
    )
    record = _hostile_record()
    result = hu.Result(volume=volume, labels={HOSTILE: volume}, masks={}, record=record)
    for value in (volume, stack, record, result):
        check(value)
        for word in ("DOE", "doe", "script"):
            assert word not in repr(value) + value._repr_html_()


def test_the_values_of_a_read_series_show_nothing_of_its_path(tmp_path: Path) -> None:
    phantom = head(grid_about((0, -4, 10), shape=(32, 32, 6), spacing_mm=(8, 8, 25)), noise_hu=0)
    write_series(phantom.image, tmp_path / "DOE_JOHN")
    stack = hu.open(tmp_path / "DOE_JOHN")
    pipeline = hu.Pipeline([hu.Clip(low_hu=-100, high_hu=100)])
    result = pipeline.run(stack)
    for value in (stack, stack.volume(), pipeline.plan(stack), result, result.record):
        check(value)
        assert "DOE_JOHN" not in repr(value) + value._repr_html_()
        assert str(tmp_path) not in repr(value) + value._repr_html_()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_number_of_diagnostics_is_in_the_repr_of_a_stack(count: int) -> None:
    volume = hu.Volume.from_array(np.zeros((4, 4, 3), np.int16), affine=np.eye(4))
    found = (hu.Diagnostic("GAP", "repair", "a gap"),) * count
    expected = {0: "no diagnostics", 1: "1 diagnostic", 2: "2 diagnostics"}[count]
    assert repr(hu.Stack.from_volume(volume).replaced(diagnostics=found)).endswith(f"{expected})")


def test_a_real_scan_shows_what_it_is(real_data: Path) -> None:
    stack = hu.open(real_data / "leg_rtstruct_sts001" / "dicom")
    result = hu.preset("isotropic-mip").run(stack)
    for value in (stack, result.volume, result, result.record, hu.preset("head").plan(stack)):
        check(value)
    assert repr(stack).startswith(f"Stack(hu, int16, {' x '.join(map(str, stack.shape))}, ")
