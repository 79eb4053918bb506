"""Openings of a skull of known shape, and the directions in which they are looked for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from hounsfield.kernels.mask import Bits
from hounsfield.kernels.openings import Openings, find_openings
from hounsfield.kernels.sphere import sphere

CUT_NOWHERE = np.zeros((3, 2), bool)


def test_the_directions_cover_the_sphere() -> None:
    every = sphere()
    assert np.allclose(np.linalg.norm(every.ways, axis=1), 1)
    assert every.weights.sum() == pytest.approx(4 * np.pi, rel=2e-3)
    nearest = cKDTree(every.ways).query(every.ways, k=2)[0][:, 1]
    assert np.degrees(nearest.min()) > 1.8
    assert np.degrees(nearest.max()) < 3.2


def test_the_directions_are_the_same_for_any_order_of_the_axes() -> None:
    ways = {tuple(way) for way in sphere().ways.round(9).tolist()}
    for turn in ((1, 2, 0), (2, 1, 0)):
        assert {tuple(way[list(turn)]) for way in sphere().ways.round(9)} == ways
    assert {tuple(way) for way in (-sphere().ways).round(9).tolist()} == ways


def test_a_vector_has_the_number_of_a_direction_near_it() -> None:
    vectors = np.random.default_rng(3).normal(0, 1, (2000, 3))
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found = sphere().ways[sphere().number_of(vectors)]
    best = cKDTree(sphere().ways).query(units)[0]
    apart = np.linalg.norm(found - units, axis=1)
    assert apart.max() < np.radians(2.4)
    assert (apart <= best + 1e-9).mean() > 0.8


def test_clusters_are_those_of_the_chosen_directions() -> None:
    chosen = np.abs(sphere().ways[:, 0]) > 0.9
    parts = sphere().clusters(chosen)
    assert len(parts) == 2
    np.testing.assert_array_equal(parts[0] | parts[1], chosen)
    assert not (parts[0] & parts[1]).any()
    assert sphere().clusters(sphere().ways[:, 2] > 2) == []


RADII = (70.0, 85.0, 72.0)
"""Of an ellipsoidal skull within a head that is 15 mm larger, mm."""


def opened(way: tuple[float, float, float], degrees: float) -> tuple[Openings, Bits]:
    """The openings of an ellipsoid with a hole of half angle `degrees`, and its inside."""
    at = np.stack(np.meshgrid(*[np.arange(-104.0, 105.0, 2.0)] * 3, indexing="ij"), axis=-1)
    level = np.linalg.norm(at / RADII, axis=-1)
    outer = np.linalg.norm(at / (np.array(RADII) + 15), axis=-1)
    length = np.maximum(np.linalg.norm(at, axis=-1), 1e-9)
    hole = at @ np.array(way) / length > np.cos(np.radians(degrees))
    wall = (level >= 1) & (level < 1.07) & ~hole
    inside = Bits.pack(level < 0.8)
    found = find_openings(
        Bits.pack(wall),
        Bits.pack(outer > 1),
        seed=inside,
        spacing_mm=(2.0, 2.0, 2.0),
        cut_faces=CUT_NOWHERE,
    )
    return found, Bits.pack(level < 1)


@pytest.mark.parametrize("way", [(0.0, -1.0, 0.0), (0.6, 0.0, 0.8), (-0.48, 0.6, 0.64)])
@pytest.mark.parametrize("degrees", [8.0, 16.0, 28.0])
def test_a_hole_has_its_place_its_size_and_the_surface_of_the_ellipsoid(
    way: tuple[float, float, float], degrees: float
) -> None:
    found, inside = opened(way, degrees)
    (opening,) = found.measured(inside, (2.0, 2.0, 2.0))
    assert np.degrees(np.arccos(np.clip(np.dot(opening.way, way), -1, 1))) < 2
    radius = 1 / np.linalg.norm(np.array(way) / RADII)
    assert opening.width_mm == pytest.approx(2 * radius * np.sin(np.radians(degrees)), abs=8)
    beyond = found.beyond(~Bits.zeros(inside.shape), (2.0, 2.0, 2.0))
    assert (beyond & inside).count < 0.004 * inside.count
    ways = sphere().ways[found.clusters[0]]
    surface = 1 / np.linalg.norm(ways / np.array(RADII), axis=1)
    assert np.abs(found.lids_mm[found.clusters[0]] - surface).max() < 5


def test_a_closed_skull_has_no_opening() -> None:
    found, inside = opened((0.0, 0.0, 1.0), 0.0)
    assert found.clusters == ()
    assert np.isinf(found.lids_mm).all()
    assert found.beyond(inside, (2.0, 2.0, 2.0)).is_empty
    assert found.sighted == 1.0


def test_rays_through_a_face_that_cuts_the_skull_open_nothing() -> None:
    at = np.stack(np.meshgrid(*[np.arange(-104.0, 105.0, 2.0)] * 3, indexing="ij"), axis=-1)
    level = np.linalg.norm(at / RADII, axis=-1)[:, :, :65]
    outer = np.linalg.norm(at / (np.array(RADII) + 15), axis=-1)[:, :, :65]
    cut = np.array([[False, False], [False, False], [False, True]])
    found = find_openings(
        Bits.pack((level >= 1) & (level < 1.07)),
        Bits.pack(outer > 1),
        seed=Bits.pack(level < 0.8),
        spacing_mm=(2.0, 2.0, 2.0),
        cut_faces=cut,
    )
    assert found.clusters == ()
    assert 0.5 < found.sighted < 0.9
