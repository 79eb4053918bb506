"""The phantom's face has real sizes, and its objects touch the head with known masks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from hounsfield.core.errors import GeometryError
from hounsfield.phantom import Face, Head, Tissue, grid_about, head

NEAR = grid_about((0, 0, -10), shape=(110, 140, 100), spacing_mm=(2.2, 2.2, 2.2))


@pytest.fixture(scope="module")
def faced() -> Head:
    return head(NEAR, face=Face(touching=("pad", "strap", "sheet", "drape", "ear pad")))


def test_ears_protrude_as_far_as_real_ones(faced: Head) -> None:
    plain = head(NEAR)
    more = (faced.masks["head"].array > 0) & (plain.masks["head"].array == 0)
    labels, count = ndimage.label(more, np.ones((3, 3, 3)))
    boxes = [
        np.array([axis.stop - axis.start for axis in box]) * 2.2
        for box in ndimage.find_objects(labels, count)
    ]
    diagonals = sorted((float(np.linalg.norm(box)) for box in boxes), reverse=True)
    assert 60 < diagonals[2] <= diagonals[0] < 95


def test_every_object_touches_the_head_and_has_a_mask(faced: Head) -> None:
    grown = ndimage.binary_dilation(faced.masks["head"].array > 0)
    for name in ("pad", "strap", "sheet"):
        mask = faced.masks[name].array > 0
        assert (mask & grown).any()
        assert not (mask & (faced.masks["head"].array > 0)).any()


def test_a_plain_head_is_what_it_was_and_has_no_other_masks() -> None:
    plain = head(NEAR)
    assert sorted(plain.masks) == ["brain", "head", "headrest"]
    assert plain.labels.array.max() <= Tissue.TOOTH


def test_size_and_pose_scale_and_turn_the_head() -> None:
    volumes = [
        head(NEAR, face=Face(size=size, turn_deg=(0, 0, turn)), noise_hu=0).masks["brain"].array
        for size, turn in ((1.0, 0.0), (0.8, 0.0), (1.0, 40.0))
    ]
    whole, small, turned = (float(np.count_nonzero(volume)) for volume in volumes)
    assert small == pytest.approx(whole * 0.8**3, rel=0.02)
    assert turned == pytest.approx(whole, rel=0.02)


def test_a_face_out_of_range_is_refused() -> None:
    with pytest.raises(GeometryError, match=r"size is 2; expected 0.5 to 1.3"):
        Face(size=2)
    with pytest.raises(GeometryError, match="over 0 mm"):
        Face(wall_mm=0)
    with pytest.raises(GeometryError, match="unknown object 'hat'"):
        Face(touching=("hat",))  # type: ignore[arg-type]
